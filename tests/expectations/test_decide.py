"""What a report may say: verdicts and counts, never a value; empty data never pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest

from optin.expectations import (
    Partial,
    Suite,
    evaluate_suite,
    merge_partials,
    partial_metrics,
    validate_dataset,
)
from optin.expectations import dataset as dataset_module
from optin.policies.errors import InputError

SENTINEL_TEXT = "jane.sentinel@example.org"
SENTINEL_NUMBER = 918273645
SENTINEL_YEAR = 2037  # of a time

EVERY_SHAPE = (
    ("expect_column_values_to_be_in_set", {"column": "text", "value_set": ["a"]}),
    ("expect_column_values_to_not_match_regex", {"column": "text", "regex": "@"}),
    ("expect_column_value_lengths_to_equal", {"column": "text", "value": 1}),
    ("expect_column_values_to_be_unique", {"column": "text"}),
    (
        "expect_column_distinct_values_to_equal_set",
        {"column": "text", "value_set": ["a"]},
    ),
    ("expect_column_values_to_be_between", {"column": "whole", "max_value": 1}),
    ("expect_column_min_to_be_between", {"column": "whole", "max_value": 1}),
    ("expect_column_max_to_be_between", {"column": "whole", "max_value": 1}),
    ("expect_column_mean_to_be_between", {"column": "whole", "max_value": 1}),
    ("expect_column_sum_to_be_between", {"column": "whole", "max_value": 1}),
    (
        "expect_column_max_to_be_between",
        {"column": "time", "max_value": "2024-01-01T00:00:00Z"},
    ),
    ("expect_column_max_to_be_between", {"column": "time", "max_value": 1}),  # unfit
    ("expect_column_mean_to_be_between", {"column": "text", "max_value": 1}),  # unfit
    ("expect_column_values_to_be_of_type", {"column": "text", "type_": "int"}),
)
TABLE = pa.table(
    {
        "text": [SENTINEL_TEXT],
        "whole": [SENTINEL_NUMBER],
        "time": [datetime(SENTINEL_YEAR, 1, 1, tzinfo=UTC)],
    }
)


def partial_of(table: pa.Table, suite: Suite) -> Partial:
    blocks = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    return merge_partials(partial_metrics(block, suite.requests) for block in blocks)


def test_no_value_is_in_the_report_when_everything_fails(
    make_suite: Callable[..., Suite],
) -> None:
    suite = make_suite(*EVERY_SHAPE)
    report = evaluate_suite(suite, partial_of(TABLE, suite))
    text = json.dumps(report.to_json()) + repr(report)
    for sentinel in (
        SENTINEL_TEXT,
        str(SENTINEL_NUMBER),
        str(SENTINEL_YEAR),
        "sentinel",
    ):
        assert sentinel not in text
    # All but the first (not empty) and uniqueness of a single value fail.
    verdicts = [result.success for result in report.results]
    assert verdicts.count(True) == 2
    assert not report.success


def test_suite_fails_when_the_table_is_empty(make_suite: Callable[..., Suite]) -> None:
    suite = make_suite(("expect_column_values_to_not_be_null", {"column": "text"}))
    report = evaluate_suite(suite, partial_of(TABLE.slice(0, 0), suite))
    empty, nulls = report.results
    assert nulls.success  # GX: nothing to object to in no rows
    assert not empty.success
    assert not report.success
    assert not evaluate_suite(suite, Partial()).success  # no block at all


def test_report_has_the_shape_of_great_expectations(
    make_suite: Callable[..., Suite],
) -> None:
    suite = make_suite(
        ("expect_column_values_to_not_be_null", {"column": "text"}),
        ("expect_column_values_to_be_null", {"column": "text"}),
    )
    shown = evaluate_suite(suite, partial_of(TABLE, suite)).to_json()
    assert shown["success"] is False
    assert shown["statistics"] == {
        "evaluated_expectations": 3,  # with "not empty"
        "successful_expectations": 2,
        "unsuccessful_expectations": 1,
        "success_percent": pytest.approx(200 / 3),
        "not_checked": 0,
    }
    last = shown["results"][2]
    assert last["expectation_config"]["type"] == "expect_column_values_to_be_null"
    assert last["result"]["unexpected_count"] == 1


def test_check_fails_when_its_column_is_missing_or_schemas_differ(
    make_suite: Callable[..., Suite],
) -> None:
    suite = make_suite(("expect_column_values_to_not_be_null", {"column": "gone"}))
    (_, result) = evaluate_suite(suite, partial_of(TABLE, suite)).results
    assert result.success is False
    assert result.detail == "column 'gone' is not in the data"
    mixed = merge_partials(
        [partial_of(TABLE, suite), partial_of(TABLE.select([0]), suite)]
    )
    assert not any(result.success for result in evaluate_suite(suite, mixed).results)


def test_uniqueness_is_undecided_when_values_exceed_the_limit(
    make_suite: Callable[..., Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optin.expectations.kernels.hashing.UNIQUE_MAX", 3)
    monkeypatch.setattr("optin.expectations.decide.UNIQUE_MAX", 3)
    suite = make_suite(("expect_column_values_to_be_unique", {"column": "x"}))
    for rows, success in ((3, True), (4, False)):
        table = pa.table({"x": list(range(rows))})
        (_, result) = evaluate_suite(suite, partial_of(table, suite)).results
        assert result.success is success
    assert "cannot be decided" in result.detail


def test_distinct_count_is_right_on_either_side_of_the_cap(
    make_suite: Callable[..., Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("kernels.hashing", "decide", "suite"):
        monkeypatch.setattr(f"optin.expectations.{module}.DISTINCT_MAX", 3)
    kind = "expect_column_unique_value_count_to_be_between"
    suite = make_suite(
        (kind, {"column": "x", "max_value": 3}), (kind, {"column": "x", "min_value": 3})
    )
    # Seven values, two in each block, more than the cap of 3 holds.
    blocks = pa.table({"x": list(range(7))}).to_batches(max_chunksize=2)
    partial = merge_partials(partial_metrics(block, suite.requests) for block in blocks)
    _, at_most, at_least = evaluate_suite(suite, partial).results
    assert (at_most.success, at_least.success) == (False, True)
    assert at_most.observed["observed_value"] == ">3"


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_data_set_is_validated_when_it_is_a_folder(
    tmp_path: Path, make_suite: Callable[..., Suite], kind: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for part, rows in enumerate(([1, 2], [3])):
        table = pa.table({"x": rows, "word": ["w"] * len(rows)})
        file = folder / f"part-{part}.{kind}"
        if kind == "parquet":
            pq.write_table(table, file)
        elif kind == "csv":
            pc_csv.write_csv(table, file)
        else:
            file.write_text("\n".join(json.dumps(row) for row in table.to_pylist()))
    (folder / "_hidden.csv").write_text("not,ours")
    suite = make_suite(
        ("expect_table_row_count_to_equal", {"value": 3}),
        ("expect_column_max_to_be_between", {"column": "x", "max_value": 3}),
        ("expect_table_columns_to_match_ordered_list", {"column_list": ["x", "word"]}),
    )
    report = validate_dataset(folder, suite)
    assert report.success
    # With the manifest of a release, its number of rows must agree.
    (folder / "release.json").write_text('{"rows": 4}')
    report = validate_dataset(folder, suite)
    assert [item.name for item in report.failures] == ["optin_rows_as_in_manifest"]


def test_columns_are_told_apart_when_names_hold_dots(
    tmp_path: Path, make_suite: Callable[..., Suite]
) -> None:
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"device": [1, 2], "device.os": ["a", None]}), file)
    suite = make_suite(
        ("expect_column_values_to_be_null", {"column": "device.os", "mostly": 0.5}),
        ("expect_column_max_to_be_between", {"column": "device", "max_value": 2}),
    )
    assert validate_dataset(file, suite).success
    # No column at all is read for a suite on the table alone; rows still count.
    alone = make_suite(("expect_table_row_count_to_equal", {"value": 2}))
    assert validate_dataset(file, alone).success


def test_blocks_are_bounded_when_a_file_is_large(
    tmp_path: Path, make_suite: Callable[..., Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_module, "BLOCK_ROWS", 10)
    seen: list[int] = []

    def watched(block: pa.RecordBatch, requests: Any, position: int) -> Partial:
        seen.append(block.num_rows)
        return partial_metrics(block, requests, position)

    monkeypatch.setattr(dataset_module, "partial_metrics", watched)
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"x": list(range(1000))}), file)
    suite = make_suite(("expect_column_values_to_be_unique", {"column": "x"}))
    assert validate_dataset(file, suite).success
    assert max(seen) <= 10
    assert sum(seen) == 1000


def test_input_error_holds_no_value_when_data_cannot_be_read(
    tmp_path: Path, make_suite: Callable[..., Suite]
) -> None:
    suite = make_suite(("expect_column_values_to_be_unique", {"column": "x"}))
    with pytest.raises(InputError, match="does not exist"):
        validate_dataset(tmp_path / "none", suite)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.parquet"):
        validate_dataset(tmp_path / "empty", suite)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"x": 1}\n{"x": "' + SENTINEL_TEXT + '"}\n')
    with pytest.raises(InputError) as raised:
        validate_dataset(bad, suite)
    assert SENTINEL_TEXT not in str(raised.value)
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match="mixes"):
        validate_dataset(tmp_path, suite)
