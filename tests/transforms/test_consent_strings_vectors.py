"""Every vector of the reference decoders: each field of each valid string, each refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from optin.transforms.consent.strings import (
    ConsentStringError,
    GppQuery,
    GppVerdict,
    PublisherTc,
    TcfCanada,
    TcfQuery,
    TcfString,
    TcfVerdict,
    UsPrivacy,
    UsSection,
    decode_gpp,
    decode_gpp_section,
    decode_tcf,
    decode_usp,
    evaluate_gpp,
    evaluate_tcf,
)


@pytest.fixture(scope="session")
def vectors(shared_data: Path) -> dict[str, Any]:
    path = shared_data / "consent" / "consent_strings.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- TCF ---


def tcf_words(string: TcfString) -> dict[str, Any]:
    """Name and order the fields as the vectors do."""
    publisher = string.publisher or PublisherTc()
    return {
        "version": string.version,
        "created": iso(string.created),
        "lastUpdated": iso(string.last_updated),
        "cmpId": string.cmp_id,
        "cmpVersion": string.cmp_version,
        "consentScreen": string.consent_screen,
        "consentLanguage": string.consent_language,
        "vendorListVersion": string.vendor_list_version,
        "policyVersion": string.policy_version,
        "isServiceSpecific": string.service_specific,
        "useNonStandardTexts": string.non_standard_texts,
        "purposeOneTreatment": string.purpose_one_treatment,
        "publisherCountryCode": string.publisher_country,
        "specialFeatureOptins": sorted(string.special_features),
        "purposeConsents": sorted(string.purposes_consent),
        "purposeLegitimateInterests": sorted(string.purposes_li),
        "vendorConsents": list(string.vendors_consent),
        "vendorLegitimateInterests": list(string.vendors_li),
        "vendorsDisclosed": list(string.vendors_disclosed or ()),
        "vendorsAllowed": list(string.vendors_allowed or ()),
        "publisherConsents": sorted(publisher.purposes_consent),
        "publisherLegitimateInterests": sorted(publisher.purposes_li),
        "publisherCustomConsents": sorted(publisher.custom_consent),
        "publisherCustomLegitimateInterests": sorted(publisher.custom_li),
        "numCustomPurposes": publisher.custom_purposes,
        "publisherRestrictions": [
            {"purposeId": r.purpose, "type": r.kind, "vendors": list(r.vendors)}
            for r in string.restrictions
        ],
    }


def test_decode_tcf_when_reference_decodes(vectors: dict[str, Any]) -> None:
    assert len(vectors["tcf"]) == 66
    for vector in vectors["tcf"]:
        found = tcf_words(decode_tcf(vector["string"]))
        expected = vector["expected"]
        for restriction in expected["publisherRestrictions"]:
            restriction["vendors"].sort()
        assert found == expected


def test_decode_tcf_when_reference_refuses(vectors: dict[str, Any]) -> None:
    assert len(vectors["tcf_invalid"]) == 19
    for vector in vectors["tcf_invalid"]:
        with pytest.raises(ConsentStringError):
            decode_tcf(vector["string"])
        answer = evaluate_tcf(vector["string"], TcfQuery((1,)))
        assert answer == (TcfVerdict.MALFORMED, None)


def test_evaluate_tcf_when_reference_decodes(vectors: dict[str, Any]) -> None:
    for vector in vectors["tcf"]:
        expected = vector["expected"]
        consents = set(expected["purposeConsents"])
        restrictions = [r for r in expected["publisherRestrictions"] if r["type"] != 1]
        for purpose in range(1, 12):
            for vendor in (1, 12, 28, 93, 448, 730, 755):
                query = TcfQuery((purpose,), vendor, require_disclosed_vendor=False)
                granted = (
                    purpose in consents
                    and vendor in expected["vendorConsents"]
                    and expected["policyVersion"] >= 4
                    and not any(
                        r["purposeId"] == purpose and vendor in r["vendors"]
                        for r in restrictions
                    )
                )
                answer = evaluate_tcf(vector["string"], query)
                assert (answer.verdict is TcfVerdict.GRANT) == granted
                assert str(answer.last_updated) == expected["lastUpdated"][:10]


# --- GPP ---


def bools(ids: frozenset[int], count: int) -> list[bool]:
    return [n in ids for n in range(1, count + 1)]


def shared_words(string: TcfString | TcfCanada) -> dict[str, Any]:
    return {
        "Version": string.version,
        "Created": iso(string.created),
        "LastUpdated": iso(string.last_updated),
        "CmpId": string.cmp_id,
        "CmpVersion": string.cmp_version,
        "ConsentScreen": string.consent_screen,
        "ConsentLanguage": string.consent_language,
        "VendorListVersion": string.vendor_list_version,
    }


def europe_words(string: TcfString) -> dict[str, Any]:
    publisher = string.publisher or PublisherTc()
    custom = publisher.custom_purposes
    return shared_words(string) | {
        "PolicyVersion": string.policy_version,
        "IsServiceSpecific": string.service_specific,
        "UseNonStandardStacks": string.non_standard_texts,
        "SpecialFeatureOptins": bools(string.special_features, 12),
        "PurposeConsents": bools(string.purposes_consent, 24),
        "PurposeLegitimateInterests": bools(string.purposes_li, 24),
        "PurposeOneTreatment": string.purpose_one_treatment,
        "PublisherCountryCode": string.publisher_country,
        "VendorConsents": list(string.vendors_consent),
        "VendorLegitimateInterests": list(string.vendors_li),
        "PublisherRestrictions": list(string.restrictions),  # none in the vectors
        "PublisherPurposesSegmentType": 3,
        "PublisherConsents": bools(publisher.purposes_consent, 24),
        "PublisherLegitimateInterests": bools(publisher.purposes_li, 24),
        "NumCustomPurposes": custom,
        "PublisherCustomConsents": bools(publisher.custom_consent, custom),
        "PublisherCustomLegitimateInterests": bools(publisher.custom_li, custom),
        "VendorsAllowedSegmentType": 2,
        "VendorsAllowed": list(string.vendors_allowed or ()),
        "VendorsDisclosedSegmentType": 1,
        "VendorsDisclosed": list(string.vendors_disclosed or ()),
    }


def canada_words(string: TcfCanada) -> dict[str, Any]:
    publisher = string.publisher or PublisherTc()
    custom = publisher.custom_purposes
    return shared_words(string) | {
        "TcfPolicyVersion": string.policy_version,
        "UseNonStandardStacks": string.non_standard_stacks,
        "SpecialFeatureExpressConsent": bools(string.special_features_express, 12),
        "PurposesExpressConsent": bools(string.purposes_express, 24),
        "PurposesImpliedConsent": bools(string.purposes_implied, 24),
        "VendorExpressConsent": list(string.vendors_express),
        "VendorImpliedConsent": list(string.vendors_implied),
        "PubRestrictions": list(string.restrictions),  # none in the vectors
        "PubPurposesSegmentType": 3,
        "PubPurposesExpressConsent": bools(publisher.purposes_consent, 24),
        "PubPurposesImpliedConsent": bools(publisher.purposes_li, 24),
        "NumCustomPurposes": custom,
        "CustomPurposesExpressConsent": bools(publisher.custom_consent, custom),
        "CustomPurposesImpliedConsent": bools(publisher.custom_li, custom),
        "DisclosedVendorsSegmentType": 1,
        "DisclosedVendors": list(string.vendors_disclosed or ()),
    }


def us_words(section: UsSection, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Name a US section's values as the vectors do; they show defaults for null."""
    words: dict[str, Any] = {
        "Version" if "Version" in expected else "MspaVersion": section.version
    }
    for name, value in section.fields.items():
        words[name] = list(value) if isinstance(value, tuple) else value
    if "MspaMode" in words and section.name != "usmd":
        words.setdefault("SensitiveDataProcessing", [0] * 8)
    if "Gpc" in expected:
        words |= {"GpcSegmentType": 1, "Gpc": bool(section.gpc)}
    else:
        assert section.gpc is None
    return words


def in_reference_words(section: Any, expected: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(section, TcfString):
        return europe_words(section)
    if isinstance(section, TcfCanada):
        return canada_words(section)
    if isinstance(section, UsPrivacy):
        return {
            "Version": section.version,
            "Notice": section.notice,
            "OptOutSale": section.opt_out_sale,
            "LspaCovered": section.lspa_covered,
        }
    return us_words(section, expected)


NAMES = {2: "tcfeuv2", 5: "tcfcav1", 6: "uspv1"}


def test_decode_gpp_when_reference_decodes(vectors: dict[str, Any]) -> None:
    assert len(vectors["gpp"]) == 13
    for vector in vectors["gpp"]:
        string = decode_gpp(vector["string"])
        assert list(string.section_ids) == vector["expected"]["section_ids"]
        assert string.unread == ()
        expected = vector["expected"]["sections"]
        found = {}
        for section_id, section in string.sections.items():
            name = NAMES.get(section_id) or getattr(section, "name", "")
            found[name] = in_reference_words(section, expected[name])
        assert found == expected


def test_decode_gpp_section_when_reference_decodes(vectors: dict[str, Any]) -> None:
    assert len(vectors["gpp_section"]) == 52
    for vector in vectors["gpp_section"]:
        section = decode_gpp_section(vector["section_id"], vector["string"])
        found = in_reference_words(section, vector["expected"])
        assert found == vector["expected"]


def test_decode_gpp_when_reference_refuses(vectors: dict[str, Any]) -> None:
    assert len(vectors["gpp_invalid"]) == 7
    for vector in vectors["gpp_invalid"]:
        with pytest.raises(ConsentStringError):
            decode_gpp(vector["string"])
        assert evaluate_gpp(vector["string"], GppQuery()) is GppVerdict.MALFORMED


def test_decode_usp_when_spec_says(vectors: dict[str, Any]) -> None:
    assert len(vectors["usp"]) == 14
    for vector in vectors["usp"]:
        if vector["expected"] is None:
            with pytest.raises(ConsentStringError):
                decode_usp(vector["string"])
            continue
        string = decode_usp(vector["string"])
        expected = vector["expected"]
        assert string._asdict() | {"applies": string.applies} == expected
        assert string.coherent == vector["spec_valid"]
