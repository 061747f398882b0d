"""Row conditions keep the rows that pandas keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.expectations import (
    MetricRequest,
    Suite,
    evaluate_suite,
    load_suite,
    merge_partials,
    partial_metrics,
)
from optin.expectations.conditions import condition_columns, parse_condition
from optin.policies.errors import PolicyError

START = datetime(2024, 1, 1, tzinfo=UTC)
NUMBERS = [0, 1, 2, 3]
ROWS = [
    (whole, real, word)
    for whole, real, word in product(
        NUMBERS, [None, -0.0, 1.5, float("nan"), float("inf")], ["a", "", None, "é"]
    )
]
TABLE = pa.table(
    {
        "n": pa.array([row[0] for row in ROWS]),
        "x": pa.array([row[1] for row in ROWS], from_pandas=False),
        "odd name": pa.array([row[2] for row in ROWS]),
        "flag": pa.array([row[0] % 2 == 0 for row in ROWS]),
        "t": pa.array(
            [START + timedelta(hours=row[0]) for row in ROWS], pa.timestamp("us", "UTC")
        ),
    }
)


def kept(condition: object, parser: str | None = "pandas") -> int:
    request = MetricRequest("rows", "", condition=parse_condition(condition, parser))
    blocks = TABLE.to_batches(max_chunksize=7)
    partial = merge_partials(partial_metrics(block, [request]) for block in blocks)
    tally = partial.tallies[request]
    assert not tally.problem, tally.problem
    return tally.rows


@pytest.mark.parametrize(
    "query",
    [
        "n > 1",
        "1 < n <= 2",
        "n > 1 & x == 0",
        "n == 1 | `odd name` == 'a'",
        "not (n > 1)",
        "~(x > 1)",
        "x != 1.5",
        "`odd name` != 'a'",
        "n in [1, 2]",
        "n not in [1, 2]",
        "`odd name` == ['a', '']",
        "`odd name` not in ('a',)",
        "x.isnull()",
        "x.notna() and not `odd name`.isnull()",
        "flag",
        "not flag",
        "flag == True",
        "2 >= n",
        "n == x",
        "x < n",
        "n > -1.5",
        "t > '2024-01-01T01:00:00Z'",
        "`odd name` == 'é' or x >= 1.5 and n != 2",
    ],
)
def test_rows_are_those_of_pandas_query(query: str) -> None:
    assert kept(query) == len(TABLE.to_pandas().query(query))


CONDITIONS = st.recursive(
    st.one_of(
        st.builds(
            "n {} {}".format,
            st.sampled_from(["<", "<=", "==", "!=", ">", ">="]),
            st.integers(-1, 4),
        ),
        st.builds(
            "x {} {}".format,
            st.sampled_from(["<", "<=", "==", "!=", ">", ">="]),
            st.sampled_from([0, 1.5, -2.5]),
        ),
        st.sampled_from(["x.isnull()", "`odd name` in ['a', 'é']", "x != n", "flag"]),
    ),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(CONDITIONS)
def test_any_nesting_keeps_the_rows_of_pandas(query: str) -> None:
    assert kept(query) == len(TABLE.to_pandas().query(query))


def test_forms_of_great_expectations_mean_the_same() -> None:
    object_form = {
        "type": "comparison",
        "column": {"name": "x"},
        "operator": ">=",
        "parameter": 1.5,
    }
    wanted = kept("x >= 1.5")
    assert kept('col("x") >= 1.5', "great_expectations") == wanted
    assert kept(object_form, None) == wanted
    assert kept({"type": "pass_through", "pass_through_filter": "x >= 1.5"}, None) == (
        wanted
    )
    assert kept('col("x").notnull()', "great_expectations") == kept("x.notnull()")
    both = {"type": "and", "conditions": [object_form, object_form]}
    assert kept(both, None) == wanted
    outside = {**object_form, "operator": "NOT_IN", "parameter": [1.5]}
    assert kept(outside, None) == kept("x not in [1.5]")


def test_columns_of_a_condition_are_read() -> None:
    tree = parse_condition("a > 1 and not `b c`.isnull() or d == e", "pandas")
    assert condition_columns(tree) == ("a", "b c", "d", "e")
    request = MetricRequest("not_null", "v", condition=tree)
    assert request.needed == ("v", "a", "b c", "d", "e")


@pytest.mark.parametrize(
    ("condition", "parser"),
    [
        ("a > @x", "pandas"),
        ("a.str.len() > 1", "pandas"),
        ("a > 1 +", "pandas"),
        ("__import__('os').system('x')", "pandas"),
        ("a is b", "pandas"),
        ("a == None", "pandas"),
        ("a > 1", None),
        ("a > 1", "mysql"),
        ("a > 1", "great_expectations"),
        ({"type": "comparison", "column": "a"}, None),
        ({"type": "and", "conditions": []}, None),
        ("", "pandas"),
        (1, "pandas"),
    ],
)
def test_condition_is_refused_with_its_place_when_it_cannot_be_read(
    tmp_path: Path, condition: object, parser: str | None
) -> None:
    kwargs = {"column": "a", "row_condition": condition, "condition_parser": parser}
    listed = [{"type": "expect_column_values_to_be_null", "kwargs": kwargs}]
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"name": "s", "expectations": listed}, indent=1))
    with pytest.raises(PolicyError) as raised:
        load_suite(path)
    (finding,) = raised.value.findings
    assert finding.code == "E316"
    line = path.read_text().splitlines()[finding.line - 1]
    assert "row_condition" in line


def test_expectation_is_undecided_when_its_condition_does_not_fit(
    make_suite: Callable[..., Suite],
) -> None:
    kind = "expect_column_values_to_be_null"
    conditions = ["n > 'a'", "missing == 1"]
    suite = make_suite(
        *(
            (kind, {"column": "x", "row_condition": c, "condition_parser": "pandas"})
            for c in conditions
        )
    )
    partial = merge_partials(
        partial_metrics(block, suite.requests) for block in TABLE.to_batches()
    )
    results = evaluate_suite(suite, partial).results[1:]
    assert all(result.undecided and not result.success for result in results)
    assert results[0].to_json()["exception_info"] == {"raised_exception": True}


def test_release_without_a_column_of_the_condition_is_a_finding(
    make_suite: Callable[..., Suite],
) -> None:
    condition = {"row_condition": "gone > 1", "condition_parser": "pandas"}
    pair = {"column_A": "a", "column_B": "away"}
    suite = make_suite(
        ("expect_column_values_to_be_null", {"column": "a", **condition}),
        ("expect_column_pair_values_to_be_equal", pair),
        ("expect_compound_columns_to_be_unique", {"column_list": ["a", "off"]}),
    )
    messages = [finding.message for finding in suite.check_columns(["a"])]
    assert ["'gone'" in messages[0], "'away'" in messages[1], "'off'" in messages[2]]
    assert len(messages) == 3


def test_condition_selects_for_every_kind_of_metric(
    make_suite: Callable[..., Suite],
) -> None:
    """An expectation under a condition is the expectation on the chosen rows."""
    condition = {"row_condition": "n > 1", "condition_parser": "pandas"}
    cases: list[tuple[str, dict[str, Any]]] = [
        ("expect_column_values_to_be_unique", {"column": "x"}),
        ("expect_column_stdev_to_be_between", {"column": "n", "max_value": 0.6}),
        ("expect_column_values_to_be_increasing", {"column": "n", "strictly": True}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["n", "odd name"]}),
        ("expect_table_row_count_to_equal", {"value": 40}),
    ]
    under = make_suite(*((kind, {**kwargs, **condition}) for kind, kwargs in cases))
    plain = make_suite(*cases)
    chosen = TABLE.filter(np.array(TABLE["n"]) > 1)
    results = []
    for suite, table in ((under, TABLE), (plain, chosen)):
        partial = merge_partials(
            partial_metrics(block, suite.requests, place)
            for place, block in enumerate(table.to_batches(max_chunksize=9))
        )
        results.append(
            [
                (r.success, dict(r.observed))
                for r in evaluate_suite(suite, partial).results
            ]
        )
    assert results[0][1:] == results[1][1:]
