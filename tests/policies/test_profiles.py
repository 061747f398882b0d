"""The shipped profiles hold what their feeds document, and can be used as they are."""

from __future__ import annotations

import pytest

from optin.policies import load_profile, profile_names
from optin.policies.entities import KNOWN_ENTITIES, MODEL_ENTITIES
from optin.policies.signals import canonical_text

NAMES = (
    "adjust_raw",
    "android_gaid",
    "appsflyer_raw_v5",
    "branch_export",
    "ga4_bigquery",
    "google_consent_mode",
    "http_gpc",
    "openrtb_2_6",
    "singular",
)


def test_profile_names_lists_the_shipped_profiles_sorted():
    assert profile_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_profile_is_named_as_its_file_and_cites_sources(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.sources


@pytest.mark.parametrize("name", NAMES)
def test_profile_signals_can_be_evaluated_and_decide(name):
    for word, signal in load_profile(name).signals.items():
        spec = signal.named(word)
        # Exactly one way to read a value.
        assert bool(spec.values) + bool(spec.detect) + bool(spec.decoder) == 1
        # Values are compared in their canonical spelling.
        assert list(spec.values) == [canonical_text(value) for value in spec.values]
        if spec.lower:
            assert list(spec.values) == [value.lower() for value in spec.values]
        if spec.values:
            grants = "grant" in spec.values.values()
            assert grants != spec.veto_only
            assert "deny" in spec.values.values()


@pytest.mark.parametrize("name", NAMES)
def test_profile_lets_only_authorized_grant_for_att(name):
    att = load_profile(name).signals.get("att")
    if att is not None:
        grants = {value for value, verdict in att.values.items() if verdict == "grant"}
        assert grants in ({"3"}, {"authorized"})


def test_profile_reads_openrtb_fields_where_2_5_and_2_6_have_them():
    signals = load_profile("openrtb_2_6").signals
    assert signals["tcf"].paths == ("user.consent", "user.ext.consent")
    assert signals["gpp"].paths == ("regs.gpp", "regs.ext.gpp")
    assert signals["gpp"].section_paths == ("regs.gpp_sid", "regs.ext.gpp_sid")
    assert signals["usp"].paths == ("regs.us_privacy", "regs.ext.us_privacy")
    assert signals["gpc"].paths == ("regs.gpc", "regs.ext.gpc")
    assert signals["tcf"].applies_when_any == ("regs.gdpr", "regs.ext.gdpr")


def test_profile_is_a_key_error_when_the_name_is_none():
    with pytest.raises(KeyError):
        load_profile("../profiles/openrtb_2_6")


def test_known_entities_are_those_that_the_scanner_knows():
    recognizers = pytest.importorskip("optin.transforms.deidentify.recognizers")
    assert set(recognizers.known_entities()) == KNOWN_ENTITIES
    # DATE_TIME is found by rules too, by the model better.
    assert set(recognizers.MODEL_ENTITIES) - {"DATE_TIME"} == MODEL_ENTITIES
