"""The decision table of the consent gate, row by row, over policies read from YAML."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optin.policies import load_policy
from optin.policies.model import Policy
from optin.transforms.blocks import BadRecords, ReadSpec, SplitStats, list_splits
from optin.transforms.blocks.names import RECORD
from optin.transforms.blocks.read import read_split
from optin.transforms.consent import Gate, GatePlan
from optin.transforms.consent.ledger import (
    LedgerPlan,
    ledger_hash_keys,
    prepare_ledger,
)
from optin.transforms.consent.ledger_source import BroadcastLedger
from optin.transforms.consent.plan import ledger_ages
from optin.transforms.consent.strings import decode_tcf

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
NOON = "2026-05-15T12:00:00Z"
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


# --- The policy, a record that passes it, and how both meet ------------------

POLICY = """\
version: 1
name: table
purpose: train_ai_system.ads
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events.jsonl
  event_time: {field: ts, unit: iso8601}
  subject: [user.id, user.buyeruid, device.ifa, device.ext.ifv]
consent:
  profile: openrtb_2_6
  jurisdiction: {field: device.geo.country}
  signals:
    training:
      field: ext.training
      grant: [true]
      deny: [false]
      time: {field: ext.training_at}
    two: {field: [ext.two, ext.two_old], grant: ["yes"], deny: ["no"]}
  require:
    - {signal: att, when: {device.os: [iOS, iPadOS]}}
    - {signal: training}
    - {signal: two}
    - {signal: survey, field: ext.survey, grant: [agree], deny: [refuse]}
    - {signal: ledger}
  veto:
    - coppa
    - lmt
    - ifa_zero
    - usp
    - gpc
    - {signal: dnt, when: {device.os: Android}}
  minors: {field: ext.age, kind: age_years, min_age: 16}
  rules:
    - name: eea
      when: {device.geo.country: EEA_UK}
      require:
        - {signal: tcf, purposes: [1, 10], vendor: 744, max_age: 13mo}
    - name: us
      when: {device.geo.country: US}
      veto_gpp: [SaleOptOut]
    - name: elsewhere
      require: [{signal: local, field: ext.local, grant: ["yes"], deny: ["no"]}]
  ledger:
    path: ledger.jsonl
    key: {user.id: user_id, user.buyeruid: buyeruid, device.ifa: ifa, device.ext.ifv: ifv}
    time: {field: at}
columns:
  - {name: user.id, type: user_id, action: drop}
  - {name: device.os, type: category, action: keep, quasi: true}
anonymity: {k: 2, suppress_max: 0.5}
output: {path: out/}
audit: {path: audit/}
"""
GOOD: Change = {
    "ts": NOON,
    "user.id": "u1",
    "user.buyeruid": "b1",
    "device.ifa": "9e13d2bf-e968-4065-b4db-852123b627a9",
    "device.ext.ifv": "v1",
    "device.os": "iOS",
    "device.ext.atts": 3,
    "device.geo.country": "DE",
    "device.lmt": 0,
    "device.dnt": None,
    "regs.coppa": 0,
    "regs.gdpr": 1,
    "regs.ext.gdpr": None,
    "regs.us_privacy": None,
    "regs.ext.us_privacy": None,
    "regs.gpc": None,
    "regs.ext.gpc": None,
    "regs.gpp": None,
    "regs.ext.gpp": None,
    "regs.gpp_sid": None,
    "regs.ext.gpp_sid": None,
    "user.consent": tc(),
    "user.ext.consent": None,
    "ext.training": True,
    "ext.training_at": "2026-05-01T00:00:00Z",
    "ext.two": "yes",
    "ext.two_old": None,
    "ext.survey": "agree",
    "ext.local": None,
    "ext.age": 30,
}
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


def nested(flat: Change) -> Change:
    record: Change = {}
    for path, value in flat.items():
        *parents, last = path.split(".")
        place = record
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is not None:
            place[last] = value
    return record


def loaded(folder: Path, text: str) -> Policy:
    (folder / "policy.yaml").write_text(text, encoding="utf-8")
    return load_policy(folder / "policy.yaml")


def plan_for(folder: Path, policy: Policy) -> GatePlan:
    micros = int(AS_OF.timestamp()) * 1_000_000
    secrets = {"subject_key": b"s" * 32, "record_key": b"r" * 32}
    plan = GatePlan.from_policy(policy, as_of_micros=micros, **secrets)
    ledger = policy.consent.ledger
    if ledger is None:
        return plan
    assert ledger.format is not None
    prepared = prepare_ledger(
        LedgerPlan(
            format=ledger.format,
            path=ledger.path,
            keys=tuple(ledger.keys.items()),
            purpose=policy.purpose,
            hash_keys=ledger_hash_keys(b"a master key of the tests", policy.name),
            time_field=ledger.time.field,
            required=False,
        ),
        str(folder),
        micros,
    )
    ages = ledger_ages(policy.consent)
    sources = {age: BroadcastLedger(prepared, age) for age in ages}
    return replace(plan, ledger={**sources})


def decide_lines(
    folder: Path, text: str, lines: list[str], ledger: list[Change]
) -> list[tuple[str, list[str]]]:
    """Give outcome and codes of every line, read as a run reads them."""
    for name, rows in (("events", lines), ("ledger", map(json.dumps, ledger))):
        body = "".join(f"{row}\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(body, encoding="utf-8")
    policy = loaded(folder, text)
    plan = plan_for(folder, policy)
    spec, gate = ReadSpec.from_policy(policy), Gate(plan)
    found: dict[int, tuple[str, list[str]]] = {}
    for split in list_splits(spec):
        for item in read_split(spec, split):
            if isinstance(item, SplitStats):
                continue
            if isinstance(item, BadRecords):
                ordinals = item.batch.column("record").to_pylist()
                codes = item.batch.column("code").to_pylist()
                pairs = zip(ordinals, codes, strict=True)
                found.update({n: ("quarantine", [code]) for n, code in pairs})
                continue
            result = gate.evaluate(item)
            ordinals = item.column(RECORD).to_pylist()
            masks = result.masks.tolist()
            kept = [n for n, mask in zip(ordinals, masks, strict=True) if not mask]
            assert result.kept.column(RECORD).to_pylist() == kept
            for ordinal, mask in zip(ordinals, masks, strict=True):
                reasons = [r for n, r in enumerate(plan.reasons) if mask >> n & 1]
                outcome = reasons[0].outcome if reasons else "keep"
                found[ordinal] = (outcome, [reason.code for reason in reasons])
    assert len(found) == len(lines)
    return [found[n] for n in range(len(lines))]


def decide(
    folder: Path,
    changes: list[Change],
    text: str = POLICY,
    ledger: list[Change] = LEDGER,
) -> list[list[str]]:
    """Give all codes of the good record under each change; none: it is kept."""
    lines = [json.dumps(nested({**GOOD, **change})) for change in changes]
    return [codes for _, codes in decide_lines(folder, text, lines, ledger)]


def check(folder: Path, cases: list[Case], **more: Any) -> None:
    found = decide(folder, [change for change, _ in cases], **more)
    expected = [codes for _, codes in cases]
    assert list(enumerate(found)) == list(enumerate(expected))


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
    "12": ({"user.consent": tc("2025-01-01")}, ["EXPIRED"]),
    "13": ({"ext.training_at": "2026-07-01T00:00:00Z"}, ["CONSENT_AFTER_EVENT"]),
    "14 missing": ({"ext.training": None}, ["TRAINING_MISSING"]),
    "14 value": ({"ext.survey": "maybe"}, ["SURVEY_UNKNOWN_VALUE"]),
    "15": (
        {"device.geo.country": "Atlantis"},
        ["LOCAL_MISSING", "JURISDICTION_UNKNOWN"],
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
    "LOCAL_MISSING",
    "SURVEY_UNKNOWN_VALUE",
    "JURISDICTION_UNKNOWN",
    "PURPOSE_NOT_GRANTED",
]


def test_each_row_of_the_table_alone(tmp_path: Path) -> None:
    check(tmp_path, [({}, []), *BREAKS.values()])


def test_each_pair_of_rows_gives_both_reasons_in_the_order_of_the_table(
    tmp_path: Path,
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
    check(tmp_path, cases)


def test_rows_are_told_apart_when_everything_is_wrong_at_once(tmp_path: Path) -> None:
    wrong: Change = {}
    codes: set[str] = set()
    for name in ("2", "3", "4", "5", "6 now", "7", "8", "9 restricted", "10", "11"):
        wrong |= BREAKS[name][0]
        codes |= {*BREAKS[name][1]}
    for name in ("12", "13", "15", "16"):
        wrong |= BREAKS[name][0]
        codes |= {*BREAKS[name][1]}
    check(tmp_path, [(wrong, sorted(codes, key=ORDER.index))])


def test_row_1_when_a_record_cannot_be_read(tmp_path: Path) -> None:
    good = json.dumps(nested(GOOD))
    twice = good.replace('"atts": 3', '"atts": 2, "atts": 3')
    assert twice != good
    lines = [good, good[:-3], twice, '["no record"]']
    found = decide_lines(tmp_path, POLICY, lines, LEDGER)
    assert found == [("keep", []), *[("quarantine", ["BAD_RECORD"])] * 3]


def test_outcome_is_quarantine_only_where_the_table_says_so(tmp_path: Path) -> None:
    quarantined = {"1 time", "1 subject", "2"}
    lines = [json.dumps(nested({**GOOD, **change})) for change, _ in BREAKS.values()]
    found = decide_lines(tmp_path, POLICY, lines, LEDGER)
    outcomes = dict(zip(BREAKS, [outcome for outcome, _ in found], strict=True))
    assert {name for name, word in outcomes.items() if word != "drop"} == quarantined


def test_unknown_consent_is_quarantined_where_the_policy_says_so(
    tmp_path: Path,
) -> None:
    text = POLICY.replace("  minors: {", "  on_unknown: quarantine\n  minors: {")
    text = text.replace("min_age: 16}", "min_age: 16, on_unknown: quarantine}")
    quarantined = {"1 time", "1 subject", "2", "4", "14 missing", "14 value", "15"}
    changes = [change for change, _ in BREAKS.values()]
    # Unknown beside a denial is a denial.
    changes += [{"ext.survey": "maybe", "device.lmt": 1}, {"ext.training": None}]
    lines = [json.dumps(nested({**GOOD, **change})) for change in changes]
    outcomes = [word for word, _ in decide_lines(tmp_path, text, lines, LEDGER)]
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
def test_age_rule(tmp_path: Path, kind: str, cases: list[Case]) -> None:
    check(tmp_path, cases, text=POLICY.replace("age_years", kind))


def test_event_times_that_name_no_single_instant(tmp_path: Path) -> None:
    text = POLICY.replace("unit: iso8601}", "unit: iso8601, tz: Europe/Berlin}")
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
    check(tmp_path, cases, text=text)


def test_naive_event_time_without_a_zone_is_none(tmp_path: Path) -> None:
    text = POLICY.replace("    - {signal: ledger}\n", "")
    naive: list[Change] = [
        {"ts": "2026-05-15T12:00:00"},
        {"ts": "2026-05-15"},
        {"ts": 1778846400},
    ]
    check(tmp_path, [(change, ["NO_EVENT_TIME"]) for change in naive], text=text)


def test_all_zero_identifier_names_nobody(tmp_path: Path) -> None:
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
    check(tmp_path, cases)


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
def test_what_the_ledger_says(tmp_path: Path, required: bool) -> None:
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
    text = POLICY if required else POLICY.replace("    - {signal: ledger}\n", "")
    check(tmp_path, cases, text=text, ledger=ledger)


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
    tmp_path: Path, max_age: str, at: str, codes: list[str]
) -> None:
    text = POLICY.replace("{signal: ledger}", f"{{signal: ledger, max_age: {max_age}}}")
    ledger = [decision("grant", at, user_id="u1")]
    check(tmp_path, [({"ts": instant("15")}, codes)], text=text, ledger=ledger)


# --- Rows 7 to 15: signals ---------------------------------------------------


def test_vetoes(tmp_path: Path) -> None:
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
    ]
    check(tmp_path, cases)


def test_required_signals(tmp_path: Path) -> None:
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
        ({"ext.training_at": NOON}, []),
        ({"ext.training_at": "2026-05-15T12:00:00.000001Z"}, ["CONSENT_AFTER_EVENT"]),
        ({"ext.two": "no"}, ["TWO_DENIED"]),
        ({"ext.two": "Yes"}, ["TWO_UNKNOWN_VALUE"]),
        ({"ext.two": None, "ext.two_old": "yes"}, []),
        ({"ext.two_old": "yes"}, []),
        ({"ext.two_old": "perhaps"}, ["CONFLICT", "TWO_UNKNOWN_VALUE"]),
        ({"ext.two": None}, ["TWO_MISSING"]),
    ]
    check(tmp_path, cases)


NEW, OLD = "user.consent", "user.ext.consent"  # OpenRTB 2.6 and 2.5


def test_tc_strings(tmp_path: Path) -> None:
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
        # Both grant: the newer must not be after the event, nor the older too old.
        ({OLD: tc("2026-05-16")}, ["CONSENT_AFTER_EVENT"]),
        ({OLD: tc("2025-01-01")}, ["EXPIRED"]),
        # Where GDPR is said not to apply the string is no signal, so it is missing.
        ({"regs.gdpr": 0}, ["TCF_MISSING"]),
        ({"regs.gdpr": 0, "regs.ext.gdpr": 1}, []),
        ({"regs.gdpr": None}, []),
    ]
    check(tmp_path, cases)


def test_tcf_dates_are_days(tmp_path: Path) -> None:
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
    check(tmp_path, cases)


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
            [({NEW: tc(policy=2)}, []), ({NEW: tc(policy=1)}, ["TCF_OLD_POLICY"])],
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
    tmp_path: Path,
    setting: str,
    cases: list[Case],
    of_the_rule: bool,
) -> None:
    text = POLICY.replace("vendor: 744,", f"vendor: 744, {setting},")
    if of_the_rule:
        text = POLICY.replace(
            "    - name: eea\n", f"    - name: eea\n      {setting}\n"
        )
    check(tmp_path, cases, text=text)


def test_gpp_sections_that_apply(tmp_path: Path) -> None:
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
    check(tmp_path, cases)


def test_rules_by_jurisdiction(tmp_path: Path) -> None:
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
    check(tmp_path, cases)


def test_purpose_is_not_granted_where_no_requirement_applies(tmp_path: Path) -> None:
    start, end = POLICY.index("    - {signal: training}"), POLICY.index("  veto:")
    text = POLICY[:start] + POLICY[end:]  # ATT on iOS alone is left of the base
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
    check(tmp_path, cases, text=text, ledger=[])


def test_category_maps(tmp_path: Path) -> None:
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
    check(tmp_path, cases, text=text)


def test_primary_reason_is_the_first_of_the_codes(tmp_path: Path) -> None:
    lines = [json.dumps(nested({**GOOD, **change})) for change, _ in BREAKS.values()]
    (tmp_path / "events.jsonl").write_text("\n".join(lines), encoding="utf-8")
    rows = "".join(json.dumps(row) + "\n" for row in LEDGER)
    (tmp_path / "ledger.jsonl").write_text(rows, encoding="utf-8")
    policy = loaded(tmp_path, POLICY)
    plan = plan_for(tmp_path, policy)
    spec = ReadSpec.from_policy(policy)
    (split,) = list_splits(spec)
    block, _ = read_split(spec, split)
    assert not isinstance(block, (BadRecords, SplitStats))
    result = Gate(plan).evaluate(block)
    primary = [plan.reasons[n].code for n in result.primary()]
    assert primary == [min(c, key=ORDER.index) for _, c in BREAKS.values()]
    assert sum(result.counts(plan).values()) == len(lines)
    assert not np.any(result.masks == 0)
