"""The plan and the stage: what a policy's actions make of whole blocks."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.errors import InputError, KeyReferenceError, OptinError
from optin.policies.model import Policy
from optin.policies.semantic_types import SEMANTIC_TYPES
from optin.transforms.deidentify import (
    Deidentify,
    DeidentifyPlan,
    Secret,
    deidentify_block,
)
from optin.transforms.deidentify.plan import STORAGE_TYPES

KEYS = {"env://K": Secret(bytes(32)), "env://OTHER": Secret(bytes(range(32)))}
DIRECT = sorted(name for name, t in SEMANTIC_TYPES.items() if t.direct_identifier)


def _policy(*columns: dict[str, Any], **changes: Any) -> Policy:
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
        "pii": {"entities": ["EMAIL_ADDRESS"]},
        "anonymity": {"k": 2},
        "output": {"path": "out"},
        "audit": {"path": "audit"},
    }
    return Policy.model_validate(policy | changes)


def _plan(*columns: dict[str, Any], **changes: Any) -> DeidentifyPlan:
    return DeidentifyPlan.from_policy(_policy(*columns, **changes), KEYS)


def _block(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def _column(plan: DeidentifyPlan, block: pa.RecordBatch, name: str) -> list[Any]:
    values: list[Any] = deidentify_block(block, plan)[0].column(name).to_pylist()
    return values


def _user(**changes: Any) -> dict[str, Any]:
    return {"name": "user", "type": "user_id", "action": "hmac"} | changes


def test_block_when_columns_and_order_are_the_policy_s() -> None:
    plan = _plan(
        {"name": "n", "type": "integer", "action": "keep"},
        {"name": "gone", "type": "string", "action": "drop"},
        _user(),
    )
    block = pa.RecordBatch.from_arrays(
        [pa.array([i]) for i in ("x", "raw", "u", "g", 7, 1)],
        names=["unlisted", "optin:raw:user", "user", "gone", "n", "optin:record"],
    ).replace_schema_metadata({b"optin.split": b"00003"})
    out, findings = deidentify_block(block, plan)
    assert out.schema.names == ["n", "user", "optin:record"]
    assert out.schema.metadata == {b"optin.split": b"00003"}
    assert findings == {}
    assert plan.schema == pa.schema([("n", pa.int64()), ("user", pa.string())])


def test_block_when_every_action_is_used() -> None:
    columns: list[dict[str, Any]] = [
        _user(),
        {"name": "ip", "type": "ip_address", "action": "truncate", "bits": 24},
        {"name": "lat", "type": "latitude", "action": "round", "digits": 1},
        {"name": "yob", "type": "birth_year", "action": "bucket", "width": 10},
        {"name": "day", "type": "date", "action": "date_shift", "max_days": 9},
        {"name": "mail", "type": "email", "action": "redact", "replacement": "x"},
        {"name": "zip", "type": "postal_code", "action": "generalize", "keep_chars": 2},
        {"name": "note", "type": "free_text", "action": "scan"},
        {"name": "ok", "type": "boolean", "action": "keep"},
    ]
    from optin.transforms.deidentify import TextScanner

    plan = _plan(*columns)
    assert plan.pii is not None
    block = _block(
        **{
            "user": ["a"],
            "ip": ["203.0.113.9"],
            "lat": [48.137],
            "yob": [1984],
            "day": pa.array([dt.date(2026, 1, 10)]),
            "mail": ["a@b.com"],
            "zip": ["80331"],
            "note": ["write to a@b.com"],
            "ok": [True],
            "optin:subject": pa.array([5], pa.uint64()),
        }
    )
    out, findings = deidentify_block(block, plan, TextScanner(plan.pii))
    row = out.to_pylist()[0]
    assert len(row.pop("user")) == 32
    assert abs((row.pop("day") - dt.date(2026, 1, 10)).days) in range(1, 10)
    assert row == {
        "ip": "203.0.113.0/24",
        "lat": 48.1,
        "yob": 1980,
        "mail": "x",
        "zip": "80",
        "note": "write to <EMAIL_ADDRESS>",
        "ok": True,
        "optin:subject": 5,
    }
    assert findings == {"note": {"EMAIL_ADDRESS": 1}}
    # The plan foretells the types.
    published = pa.schema([f for f in out.schema if not f.name.startswith("optin:")])
    assert published == plan.schema


ALLOWED = {
    "hmac": {},
    "redact": {},
    "generalize": {"keep_chars": 3},
    "truncate": {"bits": 24},
    "date_shift": {"max_days": 3},
}


@given(
    st.sampled_from(DIRECT),
    st.sampled_from(sorted(ALLOWED)),
    st.lists(st.none() | st.text(max_size=12), max_size=8),
)
def test_direct_identifier_when_any_action_is_done(
    semantic_type: str, action: str, values: list[str | None]
) -> None:
    column = {"name": "c", "type": semantic_type, "action": action} | ALLOWED[action]
    try:
        plan = _plan(column)
    except OptinError:
        return  # refused: nothing can pass
    kind = STORAGE_TYPES[SEMANTIC_TYPES[semantic_type].storage]
    days = [None if v is None else len(v) for v in values]
    array = pa.array(days if kind == pa.date32() else values, kind)
    subjects = pa.array(range(len(values)), pa.uint64())
    block = pa.RecordBatch.from_arrays([array, subjects], ["c", "optin:subject"])
    out = _column(plan, block, "c")
    for before, after in zip(array.to_pylist(), out, strict=True):
        assert after is None or str(after) != str(before)


@pytest.mark.parametrize("semantic_type", DIRECT)
@pytest.mark.parametrize(
    "action",
    [
        {"action": "keep"},
        {"action": "scan"},
        {"action": "round", "digits": 1},
        {"action": "bucket", "width": 5},
        {"action": "generalize", "hierarchy": {"prefix": [3, 1]}},
    ],
)
def test_plan_when_a_direct_identifier_could_pass(
    semantic_type: str, action: dict[str, Any]
) -> None:
    with pytest.raises(OptinError, match="column c: action"):
        _plan({"name": "c", "type": semantic_type} | action)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "free_text", "action": "keep"}, "lets free text pass unread"),
        ({"type": "email", "action": "truncate", "bits": 8}, "direct identifier"),
        ({"type": "string", "action": "round", "digits": 1}, "does not fit type"),
        ({"type": "integer", "action": "bucket"}, "needs 'width:'"),
        ({"type": "integer", "action": "scan"}, "needs string values"),
    ],
)
def test_plan_when_an_action_does_not_fit(column: dict[str, Any], message: str) -> None:
    with pytest.raises(OptinError, match=message):
        _plan({"name": "c"} | column)


def test_plan_when_the_key_is_missing() -> None:
    with pytest.raises(KeyReferenceError, match="column user: action 'hmac' needs"):
        _plan(_user(), key=None)
    with pytest.raises(KeyReferenceError):
        _plan(_user(key="env://NOT_RESOLVED"))


def test_plan_when_scan_has_no_pii_block() -> None:
    with pytest.raises(OptinError, match="needs a pii: block"):
        _plan({"name": "t", "type": "free_text", "action": "scan"}, pii=None)


def test_plan_when_printed_or_pickled() -> None:
    plan = _plan(_user())
    assert plan.columns[0].key is not None
    assert plan.columns[0].key.reveal().hex() not in repr(plan)
    assert repr(plan.columns[0].key.reveal()) not in repr(plan)
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301  # our own bytes


def test_hmac_when_blocks_purposes_fields_or_keys_differ() -> None:
    other = {"name": "user2", "type": "user_id", "action": "hmac"}
    block = _block(user=["A-1", "b"], user2=["a-1", "b"])
    plan = _plan(_user(), other)
    one = _column(plan, block, "user")
    assert one == _column(plan, block.slice(0, 1), "user") + _column(
        plan, block.slice(1), "user"
    )
    tokens = [
        one[0],
        _column(plan, block, "user2")[0],
        _column(_plan(_user(), purpose="marketing"), block, "user")[0],
        _column(_plan(_user(), name="views"), block, "user")[0],
        _column(_plan(_user(key="env://OTHER")), block, "user")[0],
    ]
    assert len(set(tokens)) == len(tokens)


def test_hmac_when_ids_are_zero_or_spelled_differently() -> None:
    column = {"name": "ifa", "type": "advertising_id", "action": "hmac"}
    zero = "00000000-0000-0000-0000-000000000000"
    ids = _column(_plan(column), _block(ifa=[zero, "AB-1", " ab-1", "", None]), "ifa")
    assert ids == [None, ids[1], ids[1], None, None]
    assert ids[1] is not None


def test_truncate_when_an_address_is_unreadable() -> None:
    plan = _plan({"name": "ip", "type": "ip_address", "action": "truncate", "bits": 8})
    out, findings = deidentify_block(_block(ip=["jane", "10.1.2.3", "jane"]), plan)
    assert out.column("ip").to_pylist() == [None, "10.0.0.0/8", None]
    assert findings == {"ip": {"UNREADABLE_IP": 2}}


def test_block_when_something_is_missing() -> None:
    with pytest.raises(InputError, match="column user: the input does not have it"):
        deidentify_block(_block(x=[1]), _plan(_user()))
    shift = {"name": "d", "type": "date", "action": "date_shift", "max_days": 1}
    with pytest.raises(InputError, match="date_shift needs optin:subject"):
        deidentify_block(_block(d=pa.array([dt.date(2026, 1, 1)])), _plan(shift))
    scan = {"name": "t", "type": "free_text", "action": "scan"}
    with pytest.raises(OptinError, match="give a scanner"):
        deidentify_block(_block(t=["x"]), _plan(scan))


def test_stage_when_run_on_beam() -> None:
    plan = _plan(
        _user(),
        {"name": "t", "type": "free_text", "action": "scan"},
    )
    blocks = [_block(user=["a"], t=["a@b.com"]), _block(user=["a"], t=["hello"])]
    with beam.Pipeline("FnApiRunner") as pipeline:
        out = pipeline | beam.Create(blocks) | Deidentify(plan)
        texts = out.blocks | beam.FlatMap(lambda block: block.column("t").to_pylist())
        assert_that(texts, equal_to(["<EMAIL_ADDRESS>", "hello"]), "texts")
        found = [{"t": {"EMAIL_ADDRESS": 1}}]
        assert_that(out.findings, equal_to(found), "findings")
