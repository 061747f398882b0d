"""The consent gate: each row of the decision table, and laws against a plain oracle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.consent import Consent, Minors, Requirement
from optin.policies.model import EventTime
from optin.policies.signals import SignalSpec
from optin.transforms.blocks.names import RAW_PREFIX, RECORD, SUBJECT
from optin.transforms.consent import Gate, GatePlan, evaluate_gate, reasons_of
from optin.transforms.consent.event_time import event_times
from optin.transforms.consent.stage import audit_lines
from optin.transforms.consent.view import BlockView

AS_OF = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1_000_000)
MAY = "1777593600000"  # 2026-05-01T00:00:00Z in milliseconds
SIGNALS = {
    "att": SignalSpec(
        name="att",
        paths=("atts", "atts_old"),
        values={"3": "grant", "0": "deny", "1": "deny", "2": "deny"},
        applies_when={"os": ("iOS",)},
    ),
    "ml": SignalSpec(
        name="ml", paths=("ml",), values={"true": "grant", "false": "deny"}
    ),
    "lmt": SignalSpec(
        name="lmt",
        paths=("lmt",),
        values={"0": "unknown", "1": "deny"},
        veto_only=True,
    ),
    "zero": SignalSpec(name="zero", paths=("ifa",), detect="zero_uuid", veto_only=True),
    "coppa": SignalSpec(
        name="coppa",
        paths=("coppa",),
        values={"0": "unknown", "1": "deny"},
        veto_only=True,
        verdict_reason="MINOR",
    ),
}
CONSENT = Consent(
    require=(
        Requirement(signal="att", when={"os": ("iOS",)}),
        Requirement(signal="ml"),
    ),
    veto=("coppa", "lmt", "zero"),
    minors=Minors(field="yob", kind="birth_year", min_age=16),
    resolved=SIGNALS,
)
GOOD = {
    "ts": MAY,
    "user": "u1",
    "ifa": "9e13d2bf-e968-4065-b4db-852123b627a9",
    "os": "iOS",
    "atts": "3",
    "atts_old": None,
    "ml": "true",
    "lmt": "0",
    "coppa": None,
    "yob": "1990",
}


def plan_of(consent: Consent = CONSENT, **changes: Any) -> GatePlan:
    settings_: dict[str, Any] = {
        "event_time": EventTime(field="ts", unit="ms"),
        "subject": ("user", "ifa"),
        "event_id": None,
        "consent": consent,
        "as_of_micros": AS_OF,
        "subject_key": b"s" * 32,
        "record_key": b"r" * 32,
        "reasons": reasons_of(consent),
        "audit_drops": True,
    }
    return GatePlan(**{**settings_, **changes})


def block_of(*records: dict[str, str | None]) -> pa.RecordBatch:
    columns = {
        RAW_PREFIX + name: pa.array([r.get(name) for r in records], pa.string())
        for name in GOOD
    }
    columns[RECORD] = pa.array(range(len(records)), pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def codes_for(record: dict[str, str | None], plan: GatePlan | None = None) -> list[str]:
    """All codes of one record in order of precedence; empty means kept."""
    plan = plan or plan_of()
    block = block_of(record)
    gate = Gate(plan)
    lines = audit_lines(block, gate.evaluate(block), plan, gate.questions)
    return lines.column("codes")[0].as_py() if lines.num_rows else []


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"atts": "3.0"}, []),
        ({"os": "Android", "atts": None}, []),
        ({"ts": None}, ["NO_EVENT_TIME", "AGE_UNKNOWN"]),
        ({"ts": "yesterday"}, ["NO_EVENT_TIME", "AGE_UNKNOWN"]),
        ({"user": None, "ifa": " "}, ["NO_SUBJECT"]),
        # An all-zero id names nobody, and as a veto it denies.
        (
            {"user": None, "ifa": "00000000-0000-0000-0000-000000000000"},
            ["NO_SUBJECT", "VETO_ZERO"],
        ),
        # As of 2026-06-01 plus 5 minutes of skew: 299 s later passes, 301 s does not.
        ({"ts": str(AS_OF // 1000 + 299_000)}, []),
        ({"ts": str(AS_OF // 1000 + 301_000)}, ["FUTURE_EVENT"]),
        # 2026 - 2009 - 1 = 16 at the youngest passes; 2010 may still be 15.
        ({"yob": "2009"}, []),
        ({"yob": "2010"}, ["MINOR"]),
        ({"yob": "2026"}, ["MINOR"]),
        ({"yob": None}, ["AGE_UNKNOWN"]),
        ({"yob": "90"}, ["AGE_UNKNOWN"]),
        ({"yob": "2031"}, ["AGE_UNKNOWN"]),
        ({"coppa": "1"}, ["MINOR"]),
        ({"lmt": "1"}, ["VETO_LMT"]),
        ({"lmt": "yes"}, ["LMT_UNKNOWN_VALUE"]),
        ({"ml": "false"}, ["ML_DENIED"]),
        ({"ml": None}, ["ML_MISSING"]),
        ({"ml": "1"}, ["ML_UNKNOWN_VALUE"]),
        ({"atts": "2"}, ["ATT_DENIED"]),
        ({"atts": "1"}, ["ATT_RESTRICTED"]),
        ({"atts": "0"}, ["ATT_NOT_DETERMINED"]),
        ({"atts": None}, ["ATT_MISSING"]),
        ({"atts": "4"}, ["ATT_UNKNOWN_VALUE"]),
        # Another spelling of the system does not excuse from the question.
        ({"os": "IOS", "atts": "2"}, ["ATT_DENIED"]),
        # Nor does a system that nobody knows.
        ({"os": None, "atts": None}, ["ATT_MISSING"]),
        # The old field position agrees, or it is a conflict; the stricter counts.
        ({"atts_old": "3"}, []),
        ({"atts_old": "2"}, ["ATT_DENIED", "CONFLICT"]),
        # Everything at once: the table's order.
        (
            {"lmt": "1", "ml": "false", "atts": "0", "coppa": "1"},
            ["MINOR", "VETO_LMT", "ML_DENIED", "ATT_NOT_DETERMINED"],
        ),
    ],
)
def test_reasons_follow_the_decision_table(
    change: dict[str, str | None], codes: list[str]
) -> None:
    assert codes_for({**GOOD, **change}) == codes


def test_record_is_dropped_when_no_requirement_applies_to_it() -> None:
    consent = CONSENT.model_copy(
        update={"require": (Requirement(signal="att", when={"os": ("iOS",)}),)}
    )
    record = {**GOOD, "os": "Android"}
    assert codes_for(record, plan_of(consent)) == ["PURPOSE_NOT_GRANTED"]


def test_unknown_consent_is_quarantined_when_the_policy_says_so() -> None:
    consent = CONSENT.model_copy(update={"on_unknown": "quarantine"})
    plan = plan_of(consent)
    block = block_of({**GOOD, "ml": None})
    gate = Gate(plan)
    lines = audit_lines(block, gate.evaluate(block), plan, gate.questions)
    assert lines.column("outcome").to_pylist() == ["quarantine"]


def test_audit_line_shows_no_identifier_when_a_record_is_dropped() -> None:
    plan = plan_of(event_id="ifa")
    block = block_of({**GOOD, "lmt": "1"})
    gate = Gate(plan)
    lines = audit_lines(block, gate.evaluate(block), plan, gate.questions).to_pylist()
    assert len(lines) == 1
    assert len(lines[0]["record_key"]) == 32
    assert len(lines[0]["subject_key"]) == 32
    assert str(GOOD["ifa"]) not in str(lines)


@pytest.mark.parametrize(
    ("unit", "tz", "text", "micros"),
    [
        ("s", None, "1777593600", 1_777_593_600_000_000),
        ("s", None, "1777593600.25", 1_777_593_600_250_000),
        ("us", None, "1777593600000001", 1_777_593_600_000_001),
        ("iso8601", None, "2026-05-01T00:00:00Z", 1_777_593_600_000_000),
        ("iso8601", None, "2026-05-01T02:00:00+02:00", 1_777_593_600_000_000),
        ("iso8601", "Europe/Berlin", "2026-05-01T02:00:00", 1_777_593_600_000_000),
        # Skipped and repeated by a clock change: no single instant.
        ("iso8601", "Europe/Berlin", "2026-03-29T02:30:00", None),
        ("iso8601", "Europe/Berlin", "2026-10-25T02:30:00", None),
        ("iso8601", None, "2026-05-01T00:00:00", None),
        ("iso8601", None, "2026-02-30T00:00:00Z", None),
        ("s", None, "1e9", None),
        ("s", None, "999999999999999999", None),
        ("ms", None, "", None),
    ],
)
def test_event_time_reads_as_the_policy_says(
    unit: Any, tz: str | None, text: str, micros: int | None
) -> None:
    view = BlockView(block_of({**GOOD, "ts": text}))
    times, known = event_times(view, EventTime(field="ts", unit=unit, tz=tz))
    assert (int(times[0]) if known[0] else None) == micros


def oracle_keeps(record: dict[str, str | None]) -> bool:
    """The gate in plain Python, for records whose time and subject are in order."""
    if record["coppa"] not in (None, "0") or record["lmt"] not in (None, "0"):
        return False
    if record["yob"] is None or not 16 <= 2026 - int(record["yob"]) - 1 <= 125:
        return False
    if (record["ifa"] or "").strip("0-") == "" and record["ifa"]:
        return False
    if record["ml"] != "true":
        return False
    if record["os"] is not None and record["os"].lower() != "ios":
        return True
    carried = [record["atts"], record["atts_old"]]
    return "3" in carried and all(value in (None, "3") for value in carried)


RECORDS = st.fixed_dictionaries(
    {
        "ts": st.just(MAY),
        "user": st.sampled_from(["u1", "u2"]),
        "ifa": st.sampled_from([None, GOOD["ifa"], "00000000-0000-0000"]),
        "os": st.sampled_from([None, "iOS", "ios", "Android"]),
        "atts": st.sampled_from([None, "0", "1", "2", "3", "x"]),
        "atts_old": st.sampled_from([None, "3", "2"]),
        "ml": st.sampled_from([None, "true", "false", "maybe"]),
        "lmt": st.sampled_from([None, "0", "1", "7"]),
        "coppa": st.sampled_from([None, "0", "1"]),
        "yob": st.sampled_from([None, "1890", "1990", "2009", "2010"]),
    }
)


@settings(max_examples=150)
@given(st.lists(RECORDS, min_size=1, max_size=40))
def test_gate_equals_oracle_and_conserves_records(
    records: list[dict[str, str | None]],
) -> None:
    plan = plan_of()
    result = evaluate_gate(block_of(*records), plan)
    expected = [oracle_keeps(record) for record in records]
    assert (result.masks == 0).tolist() == expected
    assert result.kept.num_rows == sum(expected)
    assert result.counts(plan).total() == len(records)
    assert SUBJECT in result.kept.schema.names


@settings(max_examples=100)
@given(RECORDS, st.sampled_from(["lmt", "coppa"]))
def test_adding_a_veto_never_lets_more_through(
    record: dict[str, str | None], veto: str
) -> None:
    before = evaluate_gate(block_of(record), plan_of()).kept.num_rows
    after = evaluate_gate(block_of({**record, veto: "1"}), plan_of()).kept.num_rows
    assert after <= before
    assert after == 0
