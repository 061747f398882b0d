"""The decision table of the consent gate, row by row: rows, pairs of rows, the ledger."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Change = dict[str, Any]
Case = tuple[Change, list[str]]

PURPOSE = "train_ai_system.ads"


def decision(word: str, at: str, purpose: str = PURPOSE, **more: str) -> Change:
    return {"decision": word, "at": at, "purpose": purpose, **more}


LEDGER = [
    decision("grant", "2026-01-01T00:00:00Z", user_id="u1"),
    decision("grant", "1960-01-01T00:00:00Z", user_id="since-1960"),
    decision("grant", "2026-01-01T00:00:00Z", "marketing", user_id="other"),
    decision("withdraw", "2026-02-01T00:00:00Z", buyeruid="withdrawn"),
    decision("withdraw", "2026-02-01T00:00:00Z", ifa="then"),
    decision("grant", "2026-05-20T00:00:00Z", ifa="then"),
    decision("erase", "2026-02-01T00:00:00Z", ifv="erased"),
]


# --- Every row, and every pair of rows ---------------------------------------

# Each breaks a record in columns of its own, so that any two can be put together.
BREAKS: dict[str, Case] = {
    "1 time": ({"ts": None, "user.id": "since-1960"}, ["NO_EVENT_TIME"]),
    "1 subject": (
        dict.fromkeys(["user.id", "user.buyeruid", "device.ifa", "device.ext.ifv"]),
        ["NO_SUBJECT", "LEDGER_MISSING"],
    ),
    "2": ({"ts": "2026-06-01T00:05:00.001Z"}, ["FUTURE_EVENT"]),
    "3": ({"regs.coppa": 1}, ["MINOR"]),
    "4": ({"ext.age": None}, ["AGE_UNKNOWN"]),
    "5": ({"device.ext.ifv": "erased"}, ["ERASED"]),
    "6 now": ({"user.buyeruid": "withdrawn"}, ["WITHDRAWN"]),
    "6 then": ({"device.ifa": "then"}, ["WITHDRAWN_THEN", "CONSENT_AFTER_EVENT"]),
    "7": ({"device.lmt": 1}, ["VETO_LMT"]),
    "8": ({"ext.survey": "refuse"}, ["SURVEY_DENIED"]),
    "9 restricted": ({"device.ext.atts": 1}, ["ATT_RESTRICTED"]),
    "9 undetermined": ({"device.ext.atts": 0}, ["ATT_NOT_DETERMINED"]),
    "10": ({"regs.us_privacy": "1Y"}, ["USP_MALFORMED"]),
    "11": ({"ext.two_old": "no"}, ["TWO_DENIED", "CONFLICT"]),
    "12": ({"ext.panel_at": "2026-01-01T00:00:00Z"}, ["EXPIRED"]),
    "13": ({"ext.training_at": "2026-07-01T00:00:00Z"}, ["CONSENT_AFTER_EVENT"]),
    "14 missing": ({"ext.training": None}, ["TRAINING_MISSING"]),
    "14 value": ({"ext.survey": "maybe"}, ["SURVEY_UNKNOWN_VALUE"]),
    "15": (
        {"device.geo.country": "Atlantis"},
        ["TCF_MISSING", "JURISDICTION_UNKNOWN"],
    ),
    "16": ({"user.id": "other"}, ["PURPOSE_NOT_GRANTED"]),
}
# Of these one hides the other: without an event time nothing is older than it, without
# `training` its time says nothing, and the grant of "then" is the one that is looked at.
HIDING = [
    {"1 time", "12"},
    {"1 time", "13"},
    {"1 time", "6 then"},
    {"2", "6 then"},
    {"13", "14 missing"},
    {"6 then", "16"},
]
ORDER = [
    "NO_EVENT_TIME",
    "NO_SUBJECT",
    "FUTURE_EVENT",
    "MINOR",
    "AGE_UNKNOWN",
    "ERASED",
    "WITHDRAWN",
    "WITHDRAWN_THEN",
    "VETO_LMT",
    "TWO_DENIED",
    "SURVEY_DENIED",
    "ATT_RESTRICTED",
    "ATT_NOT_DETERMINED",
    "USP_MALFORMED",
    "CONFLICT",
    "EXPIRED",
    "CONSENT_AFTER_EVENT",
    "TRAINING_MISSING",
    "LEDGER_MISSING",
    "TCF_MISSING",
    "SURVEY_UNKNOWN_VALUE",
    "JURISDICTION_UNKNOWN",
    "PURPOSE_NOT_GRANTED",
]


def test_each_row_of_the_table_alone(consent_table: Any) -> None:
    consent_table.check([({}, []), *BREAKS.values()], ledger=LEDGER)


def test_each_pair_of_rows_gives_both_reasons_in_the_order_of_the_table(
    consent_table: Any,
) -> None:
    cases, paired = [], set()
    for one, other in itertools.combinations(BREAKS, 2):
        (first, codes), (second, more) = BREAKS[one], BREAKS[other]
        if {one, other} in HIDING or first.keys() & second.keys():
            continue
        paired.add((one.split()[0], other.split()[0]))
        expected = sorted({*codes, *more}, key=ORDER.index)
        cases.append(({**first, **second}, expected))
    rows = list(dict.fromkeys(name.split()[0] for name in BREAKS))
    assert set(itertools.pairwise(rows)) <= paired  # every row and the next are there
    consent_table.check(cases, ledger=LEDGER)


def test_rows_are_told_apart_when_everything_is_wrong_at_once(
    consent_table: Any,
) -> None:
    wrong: Change = {}
    codes: set[str] = set()
    for name in ("2", "3", "4", "5", "6 now", "7", "8", "9 restricted", "10", "11"):
        wrong |= BREAKS[name][0]
        codes |= {*BREAKS[name][1]}
    for name in ("12", "13", "15", "16"):
        wrong |= BREAKS[name][0]
        codes |= {*BREAKS[name][1]}
    consent_table.check([(wrong, sorted(codes, key=ORDER.index))], ledger=LEDGER)


def test_row_1_when_a_record_cannot_be_read(consent_table: Any) -> None:
    good = consent_table.line({})
    twice = good.replace('"atts": 3', '"atts": 2, "atts": 3')
    assert twice != good
    lines = [good, good[:-3], twice, '["no record"]']
    found = consent_table.decide(lines, ledger=LEDGER)
    assert found == [("keep", []), *[("quarantine", ["BAD_RECORD"])] * 3]


def test_outcome_is_quarantine_only_where_the_table_says_so(consent_table: Any) -> None:
    quarantined = {"1 time", "1 subject", "2"}
    lines = [consent_table.line(change) for change, _ in BREAKS.values()]
    found = consent_table.decide(lines, ledger=LEDGER)
    outcomes = dict(zip(BREAKS, [outcome for outcome, _ in found], strict=True))
    assert {name for name, word in outcomes.items() if word != "drop"} == quarantined


def test_unknown_consent_is_quarantined_where_the_policy_says_so(
    consent_table: Any,
) -> None:
    text = consent_table.policy.replace(
        "  minors: {", "  on_unknown: quarantine\n  minors: {"
    )
    text = text.replace("min_age: 16}", "min_age: 16, on_unknown: quarantine}")
    quarantined = {"1 time", "1 subject", "2", "4", "14 missing", "14 value", "15"}
    changes = [change for change, _ in BREAKS.values()]
    # Unknown beside a denial is a denial.
    changes += [{"ext.survey": "maybe", "device.lmt": 1}, {"ext.training": None}]
    lines = [consent_table.line(change) for change in changes]
    outcomes = [
        word for word, _ in consent_table.decide(lines, policy=text, ledger=LEDGER)
    ]
    for name, outcome in zip(BREAKS, outcomes, strict=False):
        assert outcome == ("quarantine" if name in quarantined else "drop"), name
    assert outcomes[-2:] == ["drop", "quarantine"]


# --- Rows 1 to 4: time, subject, age -----------------------------------------


@pytest.mark.parametrize(
    ("kind", "cases"),
    [
        (
            "age_years",
            [
                ({"ext.age": 15}, ["MINOR"]),
                ({"ext.age": 16}, []),
                ({"ext.age": 126}, ["AGE_UNKNOWN"]),
                ({"ext.age": -1}, ["AGE_UNKNOWN"]),
                ({"ext.age": "16+"}, ["AGE_UNKNOWN"]),
                # Both the flag and the age say so: one reason.
                ({"ext.age": 3, "regs.coppa": 1}, ["MINOR"]),
            ],
        ),
        (
            "birth_year",
            [
                # At the youngest: 2026 - 2010 - 1 = 15.
                ({"ext.age": 2010}, ["MINOR"]),
                ({"ext.age": 2009}, []),
                ({"ext.age": 1890}, ["AGE_UNKNOWN"]),
                ({"ext.age": 2027}, ["AGE_UNKNOWN"]),
                # At the event, not at the run: in 2025 who was born in 2009 was 15.
                (
                    {"ext.age": 2009, "ts": "2025-12-31T23:59:59Z"},
                    ["MINOR", "CONSENT_AFTER_EVENT"],
                ),
            ],
        ),
    ],
)
def test_age_rule(consent_table: Any, kind: str, cases: list[Case]) -> None:
    consent_table.check(cases, policy=consent_table.policy.replace("age_years", kind))


def test_event_times_that_name_no_single_instant(consent_table: Any) -> None:
    text = consent_table.policy.replace(
        "unit: iso8601}", "unit: iso8601, tz: Europe/Berlin}"
    )
    text = text.replace("    - {signal: ledger}\n", "")
    cases: list[Case] = [
        # 29 March 2026, 02:00 to 03:00 local, was skipped.
        ({"ts": "2026-03-29T02:00:00"}, ["NO_EVENT_TIME"]),
        ({"ts": "2026-03-29T02:59:59.999999"}, ["NO_EVENT_TIME"]),
        # 26 October 2025, 02:00 to 03:00 local, came twice.
        ({"ts": "2025-10-26T02:30:00"}, ["NO_EVENT_TIME"]),
        # A time with an offset is an instant all the same. All of these are before the
        # grants: 13 is what the gate can only say of a time that it has read.
        ({"ts": "2026-03-29T03:00:00"}, ["CONSENT_AFTER_EVENT"]),
        ({"ts": "2026-03-29T01:59:59"}, ["CONSENT_AFTER_EVENT"]),
        ({"ts": "2025-10-26T02:30:00+01:00"}, ["CONSENT_AFTER_EVENT"]),
        ({"ts": "2026-05-15T12:00:00"}, []),
        # 2026-06-01T02:05 in Berlin is 00:05Z: the skew to the microsecond.
        ({"ts": "2026-06-01T02:05:00"}, []),
        ({"ts": "2026-06-01T02:05:00.000001"}, ["FUTURE_EVENT"]),
    ]
    consent_table.check(cases, policy=text)


def test_naive_event_time_without_a_zone_is_none(consent_table: Any) -> None:
    text = consent_table.policy.replace("    - {signal: ledger}\n", "")
    naive: list[Change] = [
        {"ts": "2026-05-15T12:00:00"},
        {"ts": "2026-05-15"},
        {"ts": 1778846400},
    ]
    consent_table.check([(change, ["NO_EVENT_TIME"]) for change in naive], policy=text)


def test_all_zero_identifier_names_nobody(consent_table: Any) -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    nobody: Change = {"user.id": " ", "user.buyeruid": "", "device.ext.ifv": "0"}
    cases: list[Case] = [
        ({"device.ifa": zero}, ["VETO_IFA_ZERO"]),
        (
            {**nobody, "device.ifa": zero},
            ["NO_SUBJECT", "VETO_IFA_ZERO", "LEDGER_MISSING"],
        ),
        # Of four keys one that names somebody is enough; it has no grant, though.
        (nobody, ["LEDGER_MISSING"]),
    ]
    consent_table.check(cases)


# --- Rows 5, 6, 12, 13, 16: the ledger ---------------------------------------

# Decisions about one person, each `word day [key=…]`; the event is at the start of day 15
# of May 2026 and the as-of instant of day 32. `+` is a microsecond later. Without another
# key the person is named by `user.id`; the record has `device.ifa` and `device.ext.ifv` too.
LEDGER_CASES = """
    grant 1                                           -> KEEP
    -                                                 -> LEDGER_MISSING
    grant 15                                          -> KEEP
    grant 15+                                         -> CONSENT_AFTER_EVENT

    # Late: after the event and before the run. They count up to the as-of instant.
    grant 1, withdraw 20                              -> WITHDRAWN LEDGER_MISSING
    grant 1, erase 20                                 -> ERASED
    erase 1, grant 2                                  -> ERASED
    grant 1, withdraw 32                              -> WITHDRAWN LEDGER_MISSING
    grant 1, withdraw 32+                             -> KEEP
    grant 1, erase 32+                                -> KEEP
    grant 32+                                         -> LEDGER_MISSING

    # Granted again: before the event, at it, after it; when it was withdrawn.
    grant 1, withdraw 2, grant 3                      -> KEEP
    withdraw 2, grant 15                              -> KEEP
    grant 1, withdraw 16, grant 17                    -> WITHDRAWN_THEN CONSENT_AFTER_EVENT
    withdraw 2, grant 2                               -> WITHDRAWN LEDGER_MISSING
    withdraw 2, grant 3, withdraw 4                   -> WITHDRAWN LEDGER_MISSING

    # A re-grant that had lapsed at the event leaves the withdrawal standing.
    withdraw 2, grant 3 expires=15                    -> WITHDRAWN EXPIRED
    withdraw 2, grant 3 expires=15+                   -> KEEP

    # The end of a grant is the first instant without it; a newer grant takes its place.
    grant 3 expires=15                                -> EXPIRED
    grant 3 expires=15+                               -> KEEP
    grant 1, grant 3 expires=9                        -> EXPIRED
    grant 1 expires=9, grant 3                        -> KEEP
    grant 3, grant 3 expires=9                        -> EXPIRED

    # Purposes: above the policy's, below it, beside it.
    grant 1 purpose=train_ai_system                   -> KEEP
    grant 1 purpose=*                                 -> KEEP
    grant 1 purpose=train_ai_system.ads.video         -> PURPOSE_NOT_GRANTED
    grant 1 purpose=train_ai                          -> PURPOSE_NOT_GRANTED
    grant 1, withdraw 2 purpose=train_ai              -> KEEP
    grant 1, withdraw 2 purpose=train_ai_system       -> WITHDRAWN LEDGER_MISSING
    grant 1, withdraw 2 purpose=train_ai_system.ads.x -> WITHDRAWN LEDGER_MISSING
    grant 1, withdraw 2 purpose=                      -> WITHDRAWN LEDGER_MISSING
    grant 1, erase 2 purpose=marketing                -> ERASED

    # Several keys: every one must be clear, and one must have the grant.
    grant 1, grant 1 ifa=I                            -> KEEP
    grant 1, erase 2 ifa=i                            -> ERASED
    grant 1, withdraw 2 ifa=I                         -> WITHDRAWN
    erase 2, withdraw 2 ifa=i, grant 1 ifv=f          -> ERASED WITHDRAWN
    grant 1, grant 1 ifa=i expires=2                  -> EXPIRED
    grant 1, grant 16 ifa=i                           -> CONSENT_AFTER_EVENT
    grant 1, grant 1 ifa=i purpose=marketing          -> KEEP
    grant 1, erase 2 ifv=i                            -> KEEP
"""


def instant(day: str) -> str:
    time = datetime(2026, 4, 30, tzinfo=UTC) + timedelta(days=int(day.rstrip("+")))
    return (time + timedelta(microseconds=day.endswith("+"))).isoformat()


def decisions(text: str, case: int) -> list[Change]:
    """Read the decisions of one case; each case has people of its own."""
    rows = []
    for part in filter(lambda part: part != "-", text.split(", ")):
        word, day, *pairs = part.split()
        more = dict(pair.split("=") for pair in pairs)
        if not more.keys() & {"ifa", "ifv"}:
            more["user_id"] = " U"
        for key in more.keys() & {"user_id", "ifa", "ifv"}:
            more[key] += str(case)
        if "expires" in more:
            more["expires"] = instant(more["expires"])
        rows.append(decision(word, instant(day), **more))
    return rows


@pytest.mark.parametrize("required", [True, False])
def test_what_the_ledger_says(consent_table: Any, required: bool) -> None:
    ledger: list[Change] = []
    cases: list[Case] = []
    lines = [line.strip() for line in LEDGER_CASES.splitlines()]
    for case, line in enumerate(line for line in lines if line and line[0] != "#"):
        said, outcome = line.split("->")
        ledger += decisions(said.strip(), case)
        codes = [code for code in outcome.split() if code != "KEEP"]
        if not required:  # without the requirement, only a no counts
            codes = [c for c in codes if c.startswith(("ERASED", "WITHDRAWN"))]
        keys = {"user.id": f"u{case}", "device.ifa": f"i{case}"}
        keys |= {"user.buyeruid": "b", "device.ext.ifv": f"f{case}"}
        cases.append(({"ts": instant("15"), **keys}, codes))
    text = (
        consent_table.policy
        if required
        else consent_table.policy.replace("    - {signal: ledger}\n", "")
    )
    consent_table.check(cases, policy=text, ledger=ledger)


@pytest.mark.parametrize(
    ("max_age", "at", "codes"),
    [
        ("14d", "2026-05-01T00:00:00Z", []),
        ("14d", "2026-04-30T23:59:59.999999Z", ["EXPIRED"]),
        ("1mo", "2026-04-15T00:00:00Z", []),
        ("1mo", "2026-04-14T23:59:59.999999Z", ["EXPIRED"]),
    ],
)
def test_grant_of_the_ledger_is_too_old_to_the_instant(
    consent_table: Any, max_age: str, at: str, codes: list[str]
) -> None:
    text = consent_table.policy.replace(
        "{signal: ledger}", f"{{signal: ledger, max_age: {max_age}}}"
    )
    ledger = [decision("grant", at, user_id="u1")]
    consent_table.check([({"ts": instant("15")}, codes)], policy=text, ledger=ledger)
