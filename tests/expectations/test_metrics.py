"""Metrics do not depend on how a table is cut, and agree with plain Python."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.expectations import MetricRequest, Partial, merge_partials, partial_metrics
from optin.expectations.kernels import SCALE

FLOATS = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, 0.1]),
)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.text(max_size=3), st.sampled_from("ab")),
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 3)),
        FLOATS,
        st.one_of(st.none(), st.booleans()),
        st.one_of(
            st.none(),
            st.datetimes(timezones=st.just(UTC)),
        ),
    ),
    max_size=40,
)
SCHEMA = pa.schema(
    {
        "text": pa.string(),
        "whole": pa.int64(),
        "real": pa.float64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("us", "UTC"),
    }
)
REQUESTS = tuple(
    MetricRequest(kind, column, parameters)
    for kind, columns, parameters in (
        ("not_null", SCHEMA.names, "{}"),
        ("distinct", SCHEMA.names, "{}"),
        ("unique", SCHEMA.names, "{}"),
        ("sum", ["whole", "real", "flag"], "{}"),
        ("extremes", ["whole", "real", "time"], "{}"),
        ("in_set", ["text"], '{"value_set": ["a", ""]}'),
        ("set_compare", ["text"], '{"value_set": ["a", "b", "zzzz"]}'),
        ("match", ["text"], '{"regex": "^a"}'),
        ("between", ["whole", "real"], '{"min_value": 0.5, "max_value": 2}'),
        ("sum", ["text"], "{}"),  # unfit: a problem, in every split
        ("null", ["absent"], "{}"),  # no such column
    )
    for column in columns
)


def table_of(rows: list[tuple[object, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [
        pa.array(column, field.type, from_pandas=False)
        for column, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


@settings(max_examples=60)
@given(ROWS, st.lists(st.integers(0, 40), max_size=5), st.randoms())
def test_partials_are_identical_when_table_is_split_anyhow(
    rows: list[tuple[object, ...]], cuts: list[int], random: Random
) -> None:
    block = table_of(rows)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [
        partial_metrics(block.slice(low, high - low), REQUESTS)
        for low, high in pairwise(edges)
    ]
    random.shuffle(parts)
    whole = merge_partials([partial_metrics(block, REQUESTS)])
    assert merge_partials(parts) == whole
    # Merging the merged is merging all at once.
    nested = merge_partials([merge_partials(parts[:2]), merge_partials(parts[2:])])
    assert nested == whole


@settings(max_examples=60)
@given(st.lists(FLOATS, max_size=30))
def test_sum_is_exact_when_floats_cancel(values: list[float | None]) -> None:
    finite = [x for x in values if x is not None and math.isfinite(x)]
    block = pa.RecordBatch.from_pydict({"real": pa.array(values, pa.float64())})
    request = MetricRequest("sum", "real")
    tally = partial_metrics(block, [request]).tallies[request]
    assert Fraction(tally.scaled, 2**SCALE) == sum(map(Fraction, finite), Fraction(0))
    infinite = [x for x in values if x is not None and math.isinf(x)]
    assert tally.infinities == (infinite.count(math.inf), infinite.count(-math.inf))


@settings(max_examples=60)
@given(st.lists(st.one_of(st.none(), st.text("ab", max_size=2)), max_size=30))
def test_counts_agree_with_a_counter_when_text_repeats(
    values: list[str | None],
) -> None:
    block = pa.RecordBatch.from_pydict({"text": pa.array(values, pa.string())})
    wanted = [
        MetricRequest("distinct", "text"),
        MetricRequest("unique", "text"),
        MetricRequest("in_set", "text", '{"value_set": ["a", "bb"]}'),
        MetricRequest("length_between", "text", '{"min_value": 1, "max_value": 1}'),
    ]
    tallies = partial_metrics(block, wanted).tallies
    counted = Counter(value for value in values if value is not None)
    assert len(tallies[wanted[0]].hashes) // 8 == len(counted)
    assert len(tallies[wanted[1]].hashes) // 8 == counted.total()
    outside = sum(n for value, n in counted.items() if value not in ("a", "bb"))
    assert tallies[wanted[2]].unexpected == outside
    other = sum(n for value, n in counted.items() if len(value) != 1)
    assert tallies[wanted[3]].unexpected == other


def unexpected(array: pa.Array, kind: str, parameters: str) -> int:
    request = MetricRequest(kind, "x", parameters)
    block = pa.RecordBatch.from_arrays([array], ["x"])
    tally = partial_metrics(block, [request]).tallies[request]
    assert not tally.problem
    return tally.unexpected


def test_limits_are_exact_when_integers_exceed_float_precision() -> None:
    # 2^53 + 1 has no float64: compared as floats, it would pass for 2^53.
    big = pa.array([2**53, 2**53 + 1])
    assert unexpected(big, "between", f'{{"max_value": {2**53}}}') == 1
    # Limits beyond int64 hold for every value or for none.
    edge = pa.array([-(2**63), 2**63 - 1])
    assert unexpected(edge, "between", '{"min_value": -1e30, "max_value": 1e30}') == 0
    assert unexpected(edge, "between", '{"min_value": 1e30}') == 2
    assert unexpected(edge, "in_set", '{"value_set": [1e30, 0.5]}') == 2


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a", "b", None, "a"], pa.large_string()),
        pa.array(["a", "b", None, "a"], pa.string_view()),
        pa.array(["a", "b", None, "a"]).dictionary_encode(),
        pa.array(["z", "a", "b", None, "a"]).slice(1),
    ],
    ids=["large", "view", "dictionary", "slice"],
)
def test_storage_does_not_matter_when_text_is_the_same(array: pa.Array) -> None:
    assert unexpected(array, "in_set", '{"value_set": ["a"]}') == 1


def test_tally_has_a_problem_when_types_do_not_fit() -> None:
    block = pa.RecordBatch.from_pydict(
        {
            "time": pa.array([datetime(2024, 1, 1, tzinfo=UTC)]),
            "whole": pa.array([1]),
            "list": pa.array([[1]]),
        }
    )
    unfit = [
        MetricRequest("match", "whole", '{"regex": "1"}'),
        MetricRequest("in_set", "whole", '{"value_set": ["1"]}'),
        MetricRequest("between", "time", '{"min_value": "2024-01-01T00:00:00"}'),
        MetricRequest("between", "time", '{"min_value": "2024-01-01"}'),
        MetricRequest("unique", "list"),
        MetricRequest("null", "missing"),
    ]
    tallies = partial_metrics(block, unfit).tallies
    assert all(tallies[request].problem for request in unfit)
    # Nulls can be counted whatever the type.
    nulls = MetricRequest("not_null", "list")
    assert not partial_metrics(block, [nulls]).tallies[nulls].problem


def test_partial_pickles() -> None:
    partial = partial_metrics(table_of([("a", 1, 0.5, True, None)]), REQUESTS)
    assert pickle.loads(pickle.dumps(partial)) == partial  # noqa: S301  # our own bytes


def test_merge_is_empty_when_there_are_no_partials() -> None:
    assert merge_partials([]) == Partial()


def test_great_expectations_is_not_imported_when_a_worker_starts() -> None:
    code = (
        "import sys, pyarrow as pa; from optin.expectations import *; "
        "partial_metrics(pa.RecordBatch.from_pydict({'a': ['x']}), "
        "[MetricRequest('distinct', 'a')]); "
        "sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
