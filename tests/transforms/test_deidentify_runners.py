"""Laws over identifiers and runners: nothing comes back, and tokens are the same anywhere."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.columns import ACTIONS
from optin.policies.errors import OptinError
from optin.policies.model import Policy
from optin.policies.semantic_types import SEMANTIC_TYPES
from optin.transforms import Deidentify
from optin.transforms.deidentify import DeidentifyPlan, Secret, deidentify_block
from optin.transforms.deidentify.plan import STORAGE_TYPES

KEYS = {"env://K": Secret(bytes(32))}
DIRECT = sorted(name for name, t in SEMANTIC_TYPES.items() if t.direct_identifier)
SETTINGS: dict[str, dict[str, Any]] = {
    "bucket": {"width": 1},
    "date_shift": {"max_days": 3},
    "fake": {"kind": "last_name"},
    "generalize": {"keep_chars": 3},
    "geohash": {"length": 12, "pair": "c"},
    "mask": {"keep_first": 2, "keep_last": 1},
    "replace": {"map": {"anna": "ben", "ben": None}},
    "round": {"digits": 9},
    "time_truncate": {"period": "week"},
    "truncate": {"bits": 31, "bits_v6": 127},
}
# Values of every type, so that checks of a type leave some of them.
SAMPLES = [
    " Anna ",
    "ANNA@Example.com",
    "+43 660 1234567",
    "203.0.113.9",
    "2001:db8::17",
    "9E13D2BF-E968-4065-B4DB-852123B627A9",
    "00:1a:2b:3c:4d:5e",
    "4111 1111 1111 1111",
    "GB82 WEST 1234 5698 7654 32",
    "536-90-4399",
]
TEXTS = st.sampled_from(SAMPLES) | st.text(min_size=1, max_size=24)
DATES = st.dates(dt.date(1900, 1, 1), dt.date(2020, 12, 31))


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
            "subject": ["c"],
        },
        "consent": {"require": [{"signal": "att"}]},
        "columns": list(columns),
        "anonymity": {"k": 2},
        "output": {"path": "out"},
        "audit": {"path": "audit"},
    }
    return Policy.model_validate(policy | changes)


def _normal(value: object) -> str:
    """Give a value without case and blanks, however it is composed."""
    text = unicodedata.normalize("NFKC", str(value)).casefold()
    return "".join(text.split())


@pytest.mark.parametrize("action", ACTIONS)
@given(data=st.data())
@settings(max_examples=60)
def test_no_action_gives_an_identifier_back_in_another_spelling(
    action: str, data: st.DataObject
) -> None:
    semantic = data.draw(st.sampled_from(DIRECT))
    column = {"name": "c", "type": semantic, "action": action}
    column |= SETTINGS.get(action, {})
    try:
        plan = DeidentifyPlan.from_policy(_policy(column), KEYS)
    except OptinError:
        return  # refused: nothing can pass
    if not plan.columns:
        return  # dropped
    kind = STORAGE_TYPES[SEMANTIC_TYPES[semantic].storage]
    values = data.draw(st.lists(DATES if pa.types.is_date(kind) else TEXTS, max_size=6))
    block = pa.RecordBatch.from_arrays(
        [pa.array(values, kind), pa.array(range(len(values)), pa.uint64())],
        ["c", "optin:subject"],
    )
    out, _ = deidentify_block(block, plan)
    for before, after in zip(values, out.column("c").to_pylist(), strict=True):
        if after is None:
            continue
        plain = _normal(before)
        assert not plain or _normal(after) != plain
        # Nor does it stand whole inside of what comes out (or an initial, by chance).
        if len(plain) > 3:
            assert plain not in _normal(after)


@given(st.sampled_from(["hmac", "encrypt"]), st.sampled_from(DIRECT), TEXTS)
@settings(max_examples=60)
def test_tokens_differ_across_purposes_sets_fields_and_keys(
    action: str, semantic: str, value: str
) -> None:
    if SEMANTIC_TYPES[semantic].storage != "string":
        return
    column = {"type": semantic, "action": action}
    changed: list[tuple[str, dict[str, Any]]] = [
        ("c", {}),
        ("d", {}),
        ("c", {"purpose": "marketing"}),
        ("c", {"name": "views"}),
        ("c", {"key": {"ref": "env://K", "epoch": "2026-11"}}),
    ]
    plans = [
        (_policy({"name": name} | column, **changes), name) for name, changes in changed
    ]
    made = []
    for policy, name in plans:
        plan = DeidentifyPlan.from_policy(policy, KEYS)
        block = pa.RecordBatch.from_pydict({name: [value]})
        made += deidentify_block(block, plan)[0].column(name).to_pylist()
    tokens = [token for token in made if token is not None]
    assert len(set(tokens)) == len(tokens)
    assert len(tokens) in (0, len(plans))


RUNNERS: list[tuple[str, Any, dict[str, Any]]] = [
    ("in process", FnApiRunner, {}),
    ("two threads", FnApiRunner, {"direct_num_workers": 2}),
    (
        "two processes",
        FnApiRunner,
        {"direct_num_workers": 2, "direct_running_mode": "multi_processing"},
    ),
    ("bundles", BundleBasedDirectRunner, {}),
]


@pytest.mark.parametrize(
    ("name", "runner", "options"), RUNNERS, ids=lambda one: str(one)
)
def test_tokens_are_the_same_on_every_runner(
    name: str, runner: Any, options: dict[str, Any]
) -> None:
    columns: list[dict[str, Any]] = [
        {"name": "c", "type": "email", "action": "hmac"},
        {"name": "e", "type": "email", "action": "encrypt"},
        {"name": "f", "type": "person_name", "action": "fake"},
        {"name": "d", "type": "date", "action": "date_shift", "max_days": 30},
    ]
    policy = _policy(*columns)
    mails = [f"{n % 7}@example.com" for n in range(20)]
    block = pa.RecordBatch.from_pydict(
        {
            "c": mails,
            "e": mails,
            "f": [f"Anna {n % 5}" for n in range(20)],
            "d": [dt.date(2026, 1, 1 + n) for n in range(20)],
        }
    )
    whole, _ = _alone(block, policy)
    with beam.Pipeline(runner(), PipelineOptions(**options)) as pipeline:
        out = (
            pipeline
            | beam.Create([block.slice(start, 5) for start in range(0, 20, 5)])
            | Deidentify(policy, keys=KEYS)
        )
        rows = out.blocks | beam.FlatMap(lambda part: part.to_pylist())
        assert_that(rows, equal_to(whole.to_pylist()))


def _alone(block: pa.RecordBatch, policy: Policy) -> tuple[pa.Table, Any]:
    import optin

    return optin.deidentify(block, policy, keys=KEYS)
