"""What cannot be decided says so, without a value, whatever breaks inside."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from optin.expectations import (
    Suite,
    evaluate_suite,
    fallback,
    merge_partials,
    partial_metrics,
)
from optin.expectations.kernels import texts

SENTINEL = "zq-7731-sentinel"


class TableSource:
    """The table itself, to be read again."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def blocks(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self.table.select(list(columns)).to_batches()


TABLE = pa.table(
    {
        "words": [SENTINEL, "b", None],
        "names": [[SENTINEL], ["b"], None],
        "money": pa.array([Decimal("77311773.25"), Decimal(1), None]),
        "raw": pa.array([SENTINEL.encode(), b"b", None]),
    }
)


def results_of(suite: Suite, table: pa.Table = TABLE) -> list[Any]:
    partial = merge_partials(
        partial_metrics(block, suite.requests, 0) for block in table.to_batches()
    )
    return list(evaluate_suite(suite, partial, TableSource(table)).results[1:])


@pytest.mark.filterwarnings("ignore")
def test_no_value_is_told_when_great_expectations_decides_or_fails(
    make_suite: Callable[..., Suite],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        (f"expect_column_{kind}", {"column": column, **kwargs})
        for column in TABLE.column_names
        for kind, kwargs in (
            ("values_to_be_unique", {}),
            ("values_to_be_in_set", {"value_set": ["b"]}),
            ("values_to_be_between", {"min_value": 1, "max_value": 5}),
            ("values_to_match_regex", {"regex": "^b"}),
            ("values_to_match_json_schema", {"json_schema": {"type": "object"}}),
            ("values_to_be_dateutil_parseable", {}),
            ("max_to_be_between", {"max_value": 3}),
            ("mean_to_be_between", {"max_value": 3}),
            ("median_to_be_between", {"max_value": 3}),
            ("most_common_value_to_be_in_set", {"value_set": ["b"]}),
            ("distinct_values_to_be_in_set", {"value_set": ["b"]}),
            ("value_z_scores_to_be_less_than", {"threshold": 1, "double_sided": True}),
        )
    ]
    caplog.set_level(logging.DEBUG)
    results = results_of(make_suite(*cases))
    assert any(result.note for result in results)
    assert any(result.undecided for result in results)
    assert all(result.success is False for result in results if result.undecided)
    told = json.dumps([result.to_json() for result in results], default=str)
    streams = capfd.readouterr()
    for place in (told, caplog.text, streams.out, streams.err):
        assert SENTINEL not in place
        assert "77311773" not in place


def test_too_many_cells_are_undecided(
    make_suite: Callable[..., Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "FALLBACK_CELLS", 2)
    kind = "expect_column_values_to_be_unique"
    (result,) = results_of(make_suite((kind, {"column": "money"})))
    assert result.undecided
    assert "2 cells at most" in result.detail


def test_a_value_that_breaks_a_kernel_makes_the_expectation_undecided(
    make_suite: Callable[..., Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> bool:
        raise RuntimeError(SENTINEL)

    monkeypatch.setattr(texts, "_is_json", broken)
    kind = "expect_column_values_to_be_json_parseable"
    (result,) = results_of(make_suite((kind, {"column": "words"})))
    assert result.undecided
    assert "RuntimeError" in result.detail
    assert SENTINEL not in json.dumps(result.to_json())
