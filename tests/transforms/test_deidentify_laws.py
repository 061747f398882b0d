"""Laws of all actions: no identifier passes, order stays, keys keep purposes apart."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.errors import DecryptionError, OptinError
from optin.policies.model import Policy
from optin.policies.semantic_types import SEMANTIC_TYPES
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.deidentify import (
    DeidentifyPlan,
    Secret,
    decrypt_tokens,
    deidentify_block,
)
from optin.transforms.deidentify.plan import STORAGE_TYPES
from optin.transforms.deidentify.surrogates import FAKE_METHODS

KEYS = {"env://K": Secret(bytes(32))}
DIRECT = sorted(name for name, t in SEMANTIC_TYPES.items() if t.direct_identifier)
# Every action, with settings under which as much as possible would pass.
ACTIONS: list[dict[str, Any]] = [
    {"action": "keep"},
    {"action": "hmac"},
    {"action": "encrypt"},
    {"action": "redact"},
    {"action": "mask"},
    {"action": "mask", "keep_first": 3, "keep_last": 4},
    {"action": "mask", "mask_char": "0"},
    {"action": "generalize", "keep_chars": 3},
    {"action": "truncate", "bits": 31, "bits_v6": 127},
    {"action": "date_shift", "max_days": 3},
    {"action": "time_truncate", "period": "day"},
    {"action": "time_truncate", "period": "week"},
    {"action": "time_truncate", "period": "year"},
    {"action": "replace", "map": {"a": "b", "b": "a", "*": None}},
    {"action": "replace", "map": {"a": "b"}, "default": "keep"},
    {"action": "round", "digits": 9},
    {"action": "bucket", "width": 1},
    {"action": "scan"},
    {"action": "fake", "kind": "country_code"},
    {"action": "fake", "kind": "first_name", "locale": "de_DE"},
    {},  # what the type is for
]
NASTY = [
    "a",
    "b",
    "*",
    "**",
    "0",
    "000",
    "AT",
    "at ",
    "DE",
    "Anna",
    "10.0.0.0/31",
    "::",
]
TEXTS = st.sampled_from(NASTY) | st.ip_addresses().map(str) | st.text(max_size=9)
DATES = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)) | st.sampled_from(
    [dt.date(1984, 1, 1), dt.date(1984, 1, 2), dt.date(1970, 1, 1)]
)
TIMES = st.builds(
    lambda day, second: (
        dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
        + dt.timedelta(seconds=second)
    ),
    DATES,
    st.integers(0, 86_399),
)
QUIET = settings(max_examples=150)


def _plan(*columns: dict[str, Any], **changes: Any) -> DeidentifyPlan:
    policy = {
        "version": 1,
        "name": "clicks",
        "purpose": "train_ai_system",
        "key": "env://K",
        "input": {
            "format": "jsonl",
            "path": "in",
            "event_time": {"field": "t"},
            "subject": ["user"],
        },
        "consent": {"require": [{"signal": "att"}]},
        "columns": list(columns),
        "anonymity": {"k": 2},
        "output": {"path": "out"},
        "audit": {"path": "audit"},
    }
    loaded = Policy.model_validate(policy | changes)
    return DeidentifyPlan.from_policy(loaded, KEYS)


def _run(
    column: dict[str, Any], values: list[Any], subjects: Any = None, **changes: Any
) -> list[Any]:
    kind = STORAGE_TYPES[SEMANTIC_TYPES[column["type"]].storage]
    who = list(range(len(values))) if subjects is None else subjects
    block = pa.RecordBatch.from_arrays(
        [pa.array(values, kind), pa.array(who, pa.uint64())], ["c", "optin:subject"]
    )
    out, _ = deidentify_block(block, _plan({"name": "c"} | column, **changes))
    found: list[Any] = out.column("c").to_pylist()
    return found


@given(st.sampled_from(DIRECT), st.sampled_from(ACTIONS), st.data())
@settings(max_examples=400)
def test_no_action_gives_an_identifier_back(
    semantic_type: str, action: dict[str, Any], data: st.DataObject
) -> None:
    is_date = SEMANTIC_TYPES[semantic_type].storage == "date"
    strategy: st.SearchStrategy[Any] = DATES if is_date else TEXTS
    values = data.draw(st.lists(st.none() | strategy, max_size=8))
    column = {"name": "c", "type": semantic_type} | action
    try:
        plan = _plan(column)
    except OptinError:
        return  # refused: nothing can pass
    if not plan.columns:
        return  # dropped
    for before, after in zip(values, _run(column, values), strict=True):
        assert after is None or str(after) != str(before)


@QUIET
@given(st.lists(st.none() | st.text(max_size=20), max_size=8))
def test_encrypt_gives_values_back_to_the_key_alone(values: list[str | None]) -> None:
    column = {"type": "email", "action": "encrypt"}
    plan = _plan({"name": "c"} | column).columns[0]
    key, label = plan.key, plan.label
    other = _plan({"name": "c"} | column, purpose="marketing").columns[0].key
    assert key is not None
    assert other is not None
    assert label is not None
    tokens = pa.array(_run(column, values), pa.string())
    assert decrypt_tokens(tokens, key.reveal(), label).to_pylist() == values
    if any(value is not None for value in values):
        with pytest.raises(DecryptionError):
            decrypt_tokens(tokens, other.reveal(), label)


@QUIET
@given(
    st.sampled_from(["hmac", "encrypt", "fake"]),
    st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8),
    st.integers(0, 8),
)
def test_pseudonyms_are_stable_across_runs_and_blocks(
    action: str, values: list[str], cut: int
) -> None:
    column = {"type": "username", "action": action}
    whole = _run(column, values)
    assert whole == _run(column, values[:cut]) + _run(column, values[cut:])
    assert whole[::-1] == _run(column, values[::-1])


@QUIET
@given(st.text("abcdef123", min_size=1, max_size=8))
def test_pseudonyms_differ_across_purposes_and_data_sets(value: str) -> None:
    for action in ("hmac", "encrypt"):
        column = {"type": "event_id", "action": action}
        sets: list[dict[str, str]] = [{}, {"purpose": "marketing"}, {"name": "views"}]
        tokens = [_run(column, [value], **changes)[0] for changes in sets]
        assert len(set(tokens)) == len(tokens)


@QUIET
@given(
    st.lists(st.tuples(st.integers(0, 2), TIMES), min_size=1, max_size=12),
    st.integers(1, 400),
)
def test_date_shift_keeps_order_and_intervals_of_each_person(
    rows: list[tuple[int, dt.datetime]], most: int
) -> None:
    times = [time for _, time in rows]
    column = {"type": "timestamp", "action": "date_shift", "max_days": most}
    moved = _run(column, times, [who for who, _ in rows])
    shifts: dict[int, set[dt.timedelta]] = {}
    for (who, _), before, after in zip(rows, times, moved, strict=True):
        shifts.setdefault(who, set()).add(after - before)
    for who_shifts in shifts.values():
        # One shift a person, in whole days: order and intervals cannot change.
        (shift,) = who_shifts
        assert shift % dt.timedelta(days=1) == dt.timedelta()
        assert dt.timedelta(days=1) <= abs(shift) <= dt.timedelta(days=most)


def test_date_shift_is_one_for_all_columns_of_a_person() -> None:
    column = {"type": "timestamp", "action": "date_shift", "max_days": 30}
    plan = _plan({"name": "seen"} | column, {"name": "bought"} | column)
    day = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    count = 40
    block = pa.RecordBatch.from_pydict(
        {
            "seen": pa.array([day] * count, pa.timestamp("us", "UTC")),
            "bought": pa.array(
                [day + dt.timedelta(hours=5)] * count, pa.timestamp("us", "UTC")
            ),
            SUBJECT: pa.array(range(count), pa.uint64()),
        }
    )
    out, _ = deidentify_block(block, plan)
    seen, bought = out.column("seen").to_pylist(), out.column("bought").to_pylist()
    assert {b - s for s, b in zip(seen, bought, strict=True)} == {dt.timedelta(hours=5)}
    assert len(set(seen)) > 10  # and people differ


@pytest.mark.parametrize("kind", sorted(FAKE_METHODS))
@pytest.mark.parametrize("locale", ["en_US", "de_DE", "ja_JP"])
def test_every_kind_of_surrogate_is_drawn(kind: str, locale: str) -> None:
    column = {"type": "user_id", "action": "fake", "kind": kind, "locale": locale}
    one, same, other, nobody = _run(column, ["jane", " JANE", "joe", None])
    assert one == same
    assert nobody is None
    assert one
    assert other
