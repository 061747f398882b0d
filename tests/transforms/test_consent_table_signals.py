"""The decision table of the consent gate: what each kind of signal says of a record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from optin.transforms.consent.strings import decode_tcf

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

Change = dict[str, Any]
Case = tuple[Change, list[str]]


# --- Consent strings, bit by bit --------------------------------------------


def packed(bits: str) -> str:
    bits += "0" * (-len(bits) % 24)
    return "".join(ALPHABET[int(bits[n : n + 6], 2)] for n in range(0, len(bits), 6))


def vendor_range(*ids: int) -> str:
    """Write a vendor list as ranges of one: largest id, the range bit, the entries."""
    entries = "".join(f"0{number:016b}" for number in ids)
    return f"{max(ids, default=0):016b}1{len(ids):012b}" + entries


def tc(
    day: str = "2026-04-01",
    *,
    purposes: tuple[int, ...] = (1, 10),
    vendors: tuple[int, ...] = (744,),
    policy: int = 4,
    shown: tuple[int, ...] | None = (744,),
    restricted: tuple[int, int] | None = None,
) -> str:
    """Write a TC string; `restricted` is a purpose and a kind, for vendor 744."""
    tenths = (date.fromisoformat(day) - date(1970, 1, 1)).days * 864_000
    bits = f"{2:06b}{tenths:036b}{tenths:036b}{7:012b}{1:012b}{1:06b}"
    bits += f"{4:06b}{13:06b}{99:012b}{policy:06b}00" + "0" * 12  # EN; no features
    bits += "".join("1" if n in purposes else "0" for n in range(1, 25)) + "0" * 24
    bits += f"0{3:06b}{4:06b}" + vendor_range(*vendors) + "0" * 17  # DE; nobody by LI
    if restricted is None:
        bits += f"{0:012b}"
    else:
        bits += f"{1:012b}{restricted[0]:06b}{restricted[1]:02b}{1:012b}0{744:016b}"
    if shown is None:
        return packed(bits)
    return f"{packed(bits)}.{packed('001' + vendor_range(*shown))}"


def california(sale: int = 2, child: int = 0) -> str:
    """Write a section 8; 2 is "did not opt out", 1 "opted out"."""
    fields = [1, 1, 1, sale, 2, *[0] * 9, 0, child, 0, 1, 0, 0]
    return packed(f"{1:06b}" + "".join(f"{value:02b}" for value in fields))


def gpp(**sections: str) -> str:
    """Write a GPP string of sections `s2` and `s8`: ids as Fibonacci-coded steps."""
    steps = {("s2",): ["011"], ("s8",): ["000011"], ("s2", "s8"): ["011", "10011"]}
    codes = steps[tuple(sections)]  # 2 = 01·1, 8 = 00001·1, and 6 on = 1001·1
    header = f"{3:06b}{1:06b}{len(codes):012b}" + "".join("0" + code for code in codes)
    return "~".join([packed(header), *sections.values()])


def test_strings_of_this_file_say_what_they_seem_to() -> None:
    read = decode_tcf(tc("2026-04-02", policy=5, restricted=(10, 2)))
    assert (read.version, read.policy_version, read.cmp_id) == (2, 5, 7)
    assert read.created == read.last_updated == datetime(2026, 4, 2, tzinfo=UTC)
    assert (read.consent_language, read.publisher_country) == ("EN", "DE")
    assert read.purposes_consent == {1, 10}
    assert not read.purposes_li
    assert 744 in read.vendors_consent
    assert 743 not in read.vendors_consent
    assert read.vendors_disclosed is not None
    assert 744 in read.vendors_disclosed
    (rule,) = read.restrictions
    assert (rule.purpose, rule.kind, 744 in rule.vendors) == (10, 2, True)


# --- Rows 7 to 15: signals ---------------------------------------------------


def test_vetoes(consent_table: Any) -> None:
    cases: list[Case] = [
        ({"device.lmt": None}, []),
        ({"device.lmt": "1.0"}, ["VETO_LMT"]),
        ({"device.lmt": True}, ["LMT_UNKNOWN_VALUE"]),
        ({"regs.gpc": "1"}, ["VETO_GPC"]),
        ({"regs.gpc": 0, "regs.ext.gpc": 1}, ["VETO_GPC", "CONFLICT"]),
        ({"regs.gpc": 0, "regs.ext.gpc": 0}, []),
        ({"regs.us_privacy": "1YYN"}, ["VETO_USP"]),
        ({"regs.us_privacy": "1YNN"}, []),
        ({"regs.us_privacy": "1---"}, []),
        ({"regs.ext.us_privacy": "1Y-N"}, ["USP_MALFORMED"]),
        (
            {"regs.us_privacy": "1YNN", "regs.ext.us_privacy": "1YYN"},
            ["VETO_USP", "CONFLICT"],
        ),
        # `when:` of a veto: elsewhere it asks nothing, and unknown is not elsewhere.
        ({"device.dnt": 1}, []),
        ({"device.dnt": 1, "device.os": "android"}, ["VETO_DNT"]),
        ({"device.dnt": 1, "device.os": None}, ["VETO_DNT"]),
        ({"device.dnt": 0, "device.os": "Android"}, []),
        ({"device.dnt": "?", "device.os": "Android"}, ["DNT_UNKNOWN_VALUE"]),
        # The same within the rule of a country: both must hold.
        ({"device.dnt": 1, "device.os": "tvOS"}, []),
        ({"device.dnt": 1, "device.geo.country": "US"}, []),
        (
            {"device.dnt": 1, "device.os": "tvOS", "device.geo.country": "US"},
            ["VETO_DNT"],
        ),
    ]
    consent_table.check(cases)


def test_required_signals(consent_table: Any) -> None:
    cases: list[Case] = [
        ({"device.ext.atts": "3.0"}, []),
        ({"device.ext.atts": 2}, ["ATT_DENIED"]),
        ({"device.ext.atts": 4}, ["ATT_UNKNOWN_VALUE"]),
        ({"device.ext.atts": [3]}, ["ATT_UNKNOWN_VALUE"]),
        ({"device.ext.atts": True}, ["ATT_UNKNOWN_VALUE"]),
        ({"device.ext.atts": "authorized"}, ["ATT_UNKNOWN_VALUE"]),
        ({"device.ext.atts": ""}, ["ATT_MISSING"]),
        # Not asked on Android; asked where nobody says what it is.
        ({"device.ext.atts": 2, "device.os": "Android"}, []),
        ({"device.ext.atts": None, "device.os": " "}, ["ATT_MISSING"]),
        ({"ext.training": False}, ["TRAINING_DENIED"]),
        ({"ext.training": 1}, ["TRAINING_UNKNOWN_VALUE"]),
        ({"ext.training_at": "2026-05-01"}, ["TRAINING_UNKNOWN_VALUE"]),
        ({"ext.training_at": "2026-05-15T12:00:00Z"}, []),
        ({"ext.training_at": "2026-05-15T12:00:00.000001Z"}, ["CONSENT_AFTER_EVENT"]),
        ({"ext.two": "no"}, ["TWO_DENIED"]),
        ({"ext.two": "Yes"}, ["TWO_UNKNOWN_VALUE"]),
        ({"ext.two": None, "ext.two_old": "yes"}, []),
        ({"ext.two_old": "yes"}, []),
        ({"ext.two_old": "perhaps"}, ["CONFLICT", "TWO_UNKNOWN_VALUE"]),
        ({"ext.two": None}, ["TWO_MISSING"]),
    ]
    consent_table.check(cases)


NEW, OLD = "user.consent", "user.ext.consent"  # OpenRTB 2.6 and 2.5
EEA: Change = {
    "device.geo.country": "DE",
    "regs.gdpr": 1,
    "user.consent": tc(),
    "ext.local": None,
}


def test_tc_strings(consent_table: Any) -> None:
    no_purpose = tc(purposes=(1,))
    cases: list[Case] = [
        ({NEW: no_purpose}, ["TCF_PURPOSE_DENIED"]),
        ({NEW: tc(vendors=(743,))}, ["TCF_VENDOR_DENIED"]),
        ({NEW: tc(policy=3)}, ["TCF_OLD_POLICY"]),
        ({NEW: tc()[:-5]}, ["TCF_MALFORMED"]),
        ({NEW: "1YNN"}, ["TCF_MALFORMED"]),
        ({NEW: None}, ["TCF_MISSING"]),
        # A publisher forbids the purpose, asks for consent, or for another basis.
        ({NEW: tc(restricted=(10, 0))}, ["TCF_PURPOSE_DENIED"]),
        ({NEW: tc(restricted=(10, 1))}, []),
        ({NEW: tc(restricted=(10, 2))}, ["TCF_PURPOSE_DENIED"]),
        ({NEW: tc(restricted=(3, 0))}, []),
        # Vendors shown: needed from 28 February 2026, and from policy version 5.
        ({NEW: tc(shown=None)}, ["TCF_VENDOR_NOT_DISCLOSED"]),
        ({NEW: tc(shown=(1, 743))}, ["TCF_VENDOR_NOT_DISCLOSED"]),
        ({NEW: tc("2026-02-27", shown=None)}, []),
        ({NEW: tc("2026-02-28", shown=None)}, ["TCF_VENDOR_NOT_DISCLOSED"]),
        ({NEW: tc("2026-02-27", policy=5, shown=None)}, ["TCF_VENDOR_NOT_DISCLOSED"]),
        ({NEW: tc("2026-02-27", shown=(743,))}, ["TCF_VENDOR_NOT_DISCLOSED"]),
        # Both positions.
        ({NEW: None, OLD: tc()}, []),
        ({OLD: tc()}, []),
        ({OLD: no_purpose}, ["TCF_PURPOSE_DENIED", "CONFLICT"]),
        ({NEW: no_purpose, OLD: no_purpose}, ["TCF_PURPOSE_DENIED"]),
        ({OLD: "x"}, ["TCF_MALFORMED", "CONFLICT"]),
        ({NEW: tc(policy=3), OLD: no_purpose}, ["TCF_PURPOSE_DENIED", "CONFLICT"]),
        # Both grant: two strings are a conflict; the newer must not be after the event,
        # nor the older too old.
        ({OLD: tc("2026-05-16")}, ["CONFLICT", "CONSENT_AFTER_EVENT"]),
        ({OLD: tc("2025-01-01")}, ["CONFLICT", "EXPIRED"]),
        # Where GDPR is said not to apply the string is no signal, so it is missing.
        ({"regs.gdpr": 0}, ["TCF_MISSING"]),
        ({"regs.gdpr": 0, "regs.ext.gdpr": 1}, []),
        ({"regs.gdpr": None}, []),
    ]
    consent_table.check(cases, EEA)


def test_tcf_dates_are_days(consent_table: Any) -> None:
    cases: list[Case] = [
        ({"ts": "2026-05-15T00:00:00Z", NEW: tc("2026-05-15")}, []),
        ({"ts": "2026-05-15T23:59:59.999999Z", NEW: tc("2026-05-15")}, []),
        (
            {"ts": "2026-05-15T23:59:59.999999Z", NEW: tc("2026-05-16")},
            ["CONSENT_AFTER_EVENT"],
        ),
        # An offset does not move the day: 16 May, 01:00+02:00, is 15 May, 23:00Z.
        (
            {"ts": "2026-05-16T01:00:00+02:00", NEW: tc("2026-05-16")},
            ["CONSENT_AFTER_EVENT"],
        ),
        # 13 months from the start of 15 April 2025.
        ({"ts": "2026-05-15T00:00:00Z", NEW: tc("2025-04-15")}, []),
        ({"ts": "2026-05-15T00:00:00.000001Z", NEW: tc("2025-04-15")}, ["EXPIRED"]),
        ({"ts": "2026-05-15T00:00:00Z", NEW: tc("2025-04-14")}, ["EXPIRED"]),
        # 31 January and 13 months: the last day of February.
        ({"ts": "2026-05-15T00:00:00Z", NEW: tc("2025-01-31")}, ["EXPIRED"]),
    ]
    consent_table.check(cases, EEA)


@pytest.mark.parametrize(
    ("setting", "cases"),
    [
        (
            "reject_policy_below: 5",
            [
                ({NEW: tc(policy=4)}, ["TCF_OLD_POLICY"]),
                ({NEW: tc(policy=5)}, []),
            ],
        ),
        (
            "reject_policy_below: 2",
            [
                ({NEW: tc(policy=2)}, []),
                ({NEW: tc(policy=1)}, ["TCF_OLD_POLICY"]),
            ],
        ),
        (
            "require_disclosed_vendor: true",
            [({NEW: tc("2026-02-27", shown=None)}, ["TCF_VENDOR_NOT_DISCLOSED"])],
        ),
        (
            "require_disclosed_vendor: false",
            [({NEW: tc(policy=5, shown=None)}, []), ({NEW: tc(shown=(1,))}, [])],
        ),
    ],
)
@pytest.mark.parametrize("of_the_rule", [True, False])
def test_settings_of_tcf_entries(
    consent_table: Any,
    setting: str,
    cases: list[Case],
    of_the_rule: bool,
) -> None:
    text = consent_table.policy.replace("vendor: 744,", f"vendor: 744, {setting},")
    if of_the_rule:
        text = consent_table.policy.replace(
            "    - name: eea\n", f"    - name: eea\n      {setting}\n"
        )
    consent_table.check(cases, EEA, policy=text)


def test_gpp_sections_that_apply(consent_table: Any) -> None:
    us: Change = {"device.geo.country": "USA", NEW: None}
    out, fine = california(sale=1), california()
    both = gpp(s2=tc(), s8=out)
    cases: list[Case] = [
        ({**us, "regs.gpp": gpp(s8=fine)}, []),
        ({**us, "regs.gpp": gpp(s8=out)}, ["VETO_GPP"]),
        ({**us, "regs.ext.gpp": gpp(s8=out)}, ["VETO_GPP"]),
        ({**us, "regs.gpp": gpp(s8=california(child=1))}, ["MINOR"]),
        ({**us, "regs.gpp": gpp(s8=out)[:-2]}, ["GPP_MALFORMED"]),
        ({**us, "regs.gpp": both, "regs.gpp_sid": [8]}, ["VETO_GPP"]),
        ({**us, "regs.gpp": both, "regs.gpp_sid": [2]}, []),
        ({**us, "regs.gpp": both, "regs.ext.gpp_sid": "2_8"}, ["VETO_GPP"]),
        ({**us, "regs.gpp": both, "regs.gpp_sid": [-1]}, []),
        ({**us, "regs.gpp": both, "regs.gpp_sid": []}, ["VETO_GPP"]),
        # A section applies that is not there: nobody can say what it holds.
        ({**us, "regs.gpp": gpp(s8=fine), "regs.gpp_sid": [7]}, ["GPP_UNKNOWN_VALUE"]),
        (
            {**us, "regs.gpp": gpp(s8=fine), "regs.ext.gpp": gpp(s8=out)},
            ["VETO_GPP", "CONFLICT"],
        ),
        (
            {
                **us,
                "regs.gpp": both,
                "regs.gpp_sid": [2],
                "regs.ext.gpp_sid": [8],
            },
            ["VETO_GPP", "CONFLICT"],
        ),
        # The rule of another country does not look at it.
        ({"regs.gpp": gpp(s8=out)}, []),
    ]
    consent_table.check(cases, EEA)


def test_rules_by_jurisdiction(consent_table: Any) -> None:
    opted_out = gpp(s8=california(sale=1))
    unknown: Change = {"device.geo.country": None}
    cases: list[Case] = [
        ({"device.geo.country": "gbr", NEW: None}, ["TCF_MISSING"]),
        ({"device.geo.country": "Germany", NEW: None}, ["TCF_MISSING"]),
        ({"device.geo.country": "US", NEW: None}, []),
        ({"device.geo.country": "CH", NEW: None}, ["LOCAL_MISSING"]),
        ({"device.geo.country": "CH", NEW: None, "ext.local": "yes"}, []),
        ({"device.geo.country": "CH", "ext.local": "no"}, ["LOCAL_DENIED"]),
        # Nowhere: all that the strictest ask for, and then it may pass.
        ({**unknown, "ext.local": "yes"}, []),
        ({**unknown, "ext.local": "no"}, ["LOCAL_DENIED", "JURISDICTION_UNKNOWN"]),
        (
            {**unknown, "ext.local": "yes", NEW: None},
            ["TCF_MISSING", "JURISDICTION_UNKNOWN"],
        ),
        (
            {**unknown, "ext.local": "yes", "regs.gpp": opted_out},
            ["VETO_GPP", "JURISDICTION_UNKNOWN"],
        ),
        (
            {"device.geo.country": "EEA_UK", NEW: None},
            ["TCF_MISSING", "LOCAL_MISSING", "JURISDICTION_UNKNOWN"],
        ),
    ]
    consent_table.check(cases, EEA)


def test_rule_is_unknown_where_its_condition_has_no_value(consent_table: Any) -> None:
    text = consent_table.policy.replace("device.geo.country: US", "device.os: Android")
    cases: list[Case] = [
        ({"device.lmt": 1}, ["VETO_LMT"]),
        ({"device.os": None}, []),
        ({"device.os": None, "device.lmt": 1}, ["VETO_LMT", "JURISDICTION_UNKNOWN"]),
    ]
    consent_table.check(cases, policy=text)


def test_condition_looks_at_both_openrtb_positions(consent_table: Any) -> None:
    text = consent_table.policy.replace("device.geo.country: EEA_UK", "regs.gdpr: 1")
    cases: list[Case] = [
        ({NEW: None}, ["TCF_MISSING"]),
        ({NEW: None, "regs.gdpr": 0, "regs.ext.gdpr": 1}, ["TCF_MISSING"]),
        ({NEW: None, "regs.gdpr": None, "regs.ext.gdpr": "1"}, ["TCF_MISSING"]),
        ({NEW: None, "regs.gdpr": None, "regs.ext.gdpr": 0, "ext.local": "yes"}, []),
    ]
    consent_table.check(cases, EEA, policy=text)


def test_jurisdiction_is_told_where_no_rule_asks_for_it(consent_table: Any) -> None:
    text = consent_table.policy
    text = text[: text.index("  rules:")] + text[text.index("  ledger:") :]
    cases: list[Case] = [
        ({"device.lmt": 1}, ["VETO_LMT"]),
        ({"device.geo.country": None}, []),
        (
            {"device.geo.country": None, "device.lmt": 1},
            ["VETO_LMT", "JURISDICTION_UNKNOWN"],
        ),
    ]
    consent_table.check(cases, policy=text)


def test_purpose_is_not_granted_where_no_requirement_applies(
    consent_table: Any,
) -> None:
    start, end = (
        consent_table.policy.index("    - {signal: training}"),
        consent_table.policy.index("  veto:"),
    )
    text = (
        consent_table.policy[:start] + consent_table.policy[end:]
    )  # ATT on iOS alone is left of the base
    start, end = text.index("    - name: elsewhere"), text.index("  ledger:")
    text = text[:start] + text[end:]
    cases: list[Case] = [
        ({"device.geo.country": "CH"}, []),
        (
            {"device.geo.country": "CH", "device.os": "Android"},
            ["PURPOSE_NOT_GRANTED"],
        ),
        # The rule for the US only vetoes, and the lack of an opt-out is no opt-in.
        (
            {"device.geo.country": "US", "device.os": "Android"},
            ["PURPOSE_NOT_GRANTED"],
        ),
        ({"device.os": "Android"}, []),
    ]
    consent_table.check(cases, EEA, policy=text, ledger=[])


def test_category_maps(consent_table: Any) -> None:
    place = "context.consent.categoryPreferences"
    text = """\
version: 1
name: categories
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events.jsonl
  event_time: {field: ts}
  subject: [user.id]
consent:
  profile: segment
  require: [{signal: category, categories: [Ads, Models]}]
columns:
  - {name: user.id, type: user_id, action: drop}
  - {name: device.os, type: category, action: keep, quasi: true}
anonymity: {k: 2, suppress_max: 0.5}
output: {path: out/}
audit: {path: audit/}
"""
    cases: list[Case] = [
        ({place: {"Ads": True, "Models": True, "Other": False}}, []),
        ({place: {"Ads": True, "Models": False}}, ["CATEGORY_DENIED"]),
        ({place: {"Ads": True}}, ["CATEGORY_MISSING"]),
        ({place: {"Ads": True, "Models": None}}, ["CATEGORY_MISSING"]),
        ({place: {"Ads": True, "models": True}}, ["CATEGORY_MISSING"]),
        ({place: {"Ads": True, "Models": "maybe"}}, ["CATEGORY_UNKNOWN_VALUE"]),
        ({place: {"Ads": False}}, ["CATEGORY_DENIED"]),
        ({place: ["Ads", "Models"]}, ["CATEGORY_UNKNOWN_VALUE"]),
        ({place: True}, ["CATEGORY_UNKNOWN_VALUE"]),
        ({place: {}}, ["CATEGORY_MISSING"]),
        ({}, ["CATEGORY_MISSING"]),
    ]
    consent_table.check(cases, EEA, policy=text)
