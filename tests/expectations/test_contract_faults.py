"""On faulty data, too, our results are those of plain Great Expectations on pandas."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from optin.expectations import (
    CATALOGUE,
    Suite,
    evaluate_suite,
    merge_partials,
    partial_metrics,
)
from optin.expectations import decide as deciding
from optin.expectations.catalogue import TYPE_NAMES

ROWS = 90
START = datetime(2024, 1, 1, tzinfo=UTC)
Case = tuple[str, dict[str, Any]]


def _cells(values: Sequence[Any], kind: pa.DataType, seed: int) -> pa.Array:
    """Repeat `values` in a random order, with some absent."""
    random = np.random.default_rng(seed)
    cells = list(islice(cycle(values), ROWS))
    random.shuffle(cells)
    return pa.array(
        [
            None if gone else cell
            for cell, gone in zip(cells, random.random(ROWS) < 0.15, strict=True)
        ],
        kind,
    )


def faulty_table() -> pa.Table:
    """Columns with everything in them that spoils a comparison."""
    words = [
        "",
        "a",
        "ab",
        "Ünïcode",
        "日本",
        "a\nb",
        "1",
        "%",
        "A",
        "e\u0301",
        "é",
        " ",
    ]
    texts = [
        "2024-01-31",
        "31/01/2024",
        "",
        "{}",
        '{"a": 1}',
        "[1",
        "nän",
        "1e5",
        "2024-02-30",
    ]
    jsons = ['{"a": 1}', '{"a": "x"}', "{}", "[]", "1", '"é"', "null"]
    wild = [0.0, -0.0, 1.5, -2.5, math.inf, -math.inf, math.nan, 1e308, 5e-324, 3.0]
    tame = [0.5, 1.5, 1.5, -2.25, 8.0, 40.0, math.nan, 2.0, 3.0, 0.1]
    zone = [START + timedelta(hours=13 * step) for step in range(11)]
    random = np.random.default_rng(5)
    return pa.table(
        {
            "words": _cells(words, pa.string(), 1),
            "coded": _cells(words[:5], pa.string(), 2).dictionary_encode(),
            "texts": _cells(texts, pa.string(), 3),
            "jsons": _cells(jsons, pa.string(), 4),
            "wild": _cells(wild, pa.float64(), 5),
            "tame": _cells(tame, pa.float64(), 6),
            "whole": pa.array(random.integers(-4, 5, ROWS)),
            "whole_n": _cells(range(-3, 4), pa.int64(), 7),
            "other": pa.array(random.integers(-4, 5, ROWS)),
            "flag": pa.array(random.random(ROWS) < 0.5),
            "zoned": _cells(zone, pa.timestamp("us", "UTC"), 8),
            "berlin": _cells(zone, pa.timestamp("us", "Europe/Berlin"), 9),
            "local": _cells(
                [x.replace(tzinfo=None) for x in zone], pa.timestamp("us"), 10
            ),
            "day": _cells([x.date() for x in zone], pa.date32(), 11),
            "money": _cells(
                [Decimal("1.50"), Decimal("2.25"), Decimal("-3.00")],
                pa.decimal128(8, 2),
                12,
            ),
            "list": _cells([[1, 2], [], [3], [1, 2]], pa.list_(pa.int64()), 13),
            "row": pa.array(np.arange(ROWS)),
            "rising": pa.array(np.sort(random.normal(size=ROWS))),
            "none": pa.nulls(ROWS, pa.string()),
            "nothing": pa.nulls(ROWS, pa.float64()),
        }
    )


CONDITIONS: list[dict[str, Any]] = [
    {},
    {"row_condition": "whole > 0 and words != 'a'", "condition_parser": "pandas"},
    {"row_condition": 'col("tame") <= 1.5', "condition_parser": "great_expectations"},
    {
        "row_condition": {
            "type": "or",
            "conditions": [
                {"type": "nullity", "column": {"name": "wild"}, "is_null": True},
                {
                    "type": "comparison",
                    "column": {"name": "coded"},
                    "operator": "IN",
                    "parameter": ["", "日本"],
                },
            ],
        }
    },
]

TIME = "2024-01-03T00:00:00Z"
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TEXT = ("words", "coded", "texts", "none")
NUMBERS = ("wild", "tame", "whole", "whole_n", "nothing")
COMPARABLE = (*TEXT, *NUMBERS, "flag", "zoned", "berlin", "local", "day")
LIMITS = {"min_value": -1, "max_value": 4}


def _one_column() -> Iterator[Case]:
    everything = faulty_table().column_names
    for kind in ("be_null", "not_be_null"):
        for column in everything:
            yield f"expect_column_values_to_{kind}", {"column": column}
    for column in TEXT:
        for verb in ("", "not_"):
            yield (
                f"expect_column_values_to_{verb}match_regex",
                {"column": column, "regex": "^[aÜ]"},
            )
            yield (
                f"expect_column_values_to_{verb}match_regex_list",
                {"column": column, "regex_list": ["^a", "é", r"\d"]},
            )
        yield (
            "expect_column_values_to_match_regex_list",
            {"column": column, "regex_list": ["a", "b"], "match_on": "all"},
        )
        yield (
            "expect_column_value_lengths_to_be_between",
            {"column": column, "min_value": 1, "max_value": 2},
        )
        yield "expect_column_value_lengths_to_equal", {"column": column, "value": 1}
        yield "expect_column_values_to_be_dateutil_parseable", {"column": column}
        yield "expect_column_values_to_be_json_parseable", {"column": column}
        yield (
            "expect_column_values_to_match_strftime_format",
            {"column": column, "strftime_format": "%Y-%m-%d"},
        )
    yield "expect_column_values_to_be_json_parseable", {"column": "whole"}
    yield (
        "expect_column_values_to_match_json_schema",
        {"column": "jsons", "json_schema": SCHEMA},
    )
    yield (
        "expect_column_values_to_match_json_schema",
        {"column": "none", "json_schema": SCHEMA},
    )
    yield (
        "expect_column_values_to_match_json_schema",
        {"column": "texts", "json_schema": SCHEMA},
    )
    for column in (*COMPARABLE, "money"):
        yield "expect_column_values_to_be_unique", {"column": column}
        yield (
            "expect_column_proportion_of_non_null_values_to_be_between",
            {"column": column, "min_value": 0.8},
        )
        yield (
            "expect_column_proportion_of_unique_values_to_be_between",
            {"column": column, "max_value": 0.2},
        )
        yield (
            "expect_column_unique_value_count_to_be_between",
            {"column": column, "min_value": 3, "max_value": 9},
        )
    for column in ("row", "list"):
        yield "expect_column_values_to_be_unique", {"column": column}
    sets: list[tuple[str, list[Any]]] = [
        ("words", ["", "a", "日本", "é"]), ("coded", ["", "a", "ab", "Ünïcode", "日本"]),
        ("wild", [0, 1.5, 3]), ("tame", [0.5, 8]), ("whole", [-1, 0, 2.5, 1]),
        ("whole_n", [1, 2, 3]), ("flag", [True]), ("none", ["a"]), ("money", [1.5]),
    ]  # fmt: skip
    for column, values in sets:
        for kind in (
            "values_to_be_in_set",
            "values_to_not_be_in_set",
            "distinct_values_to_be_in_set",
            "distinct_values_to_contain_set",
            "distinct_values_to_equal_set",
            "most_common_value_to_be_in_set",
        ):
            yield f"expect_column_{kind}", {"column": column, "value_set": values}
        yield (
            "expect_column_most_common_value_to_be_in_set",
            {"column": column, "value_set": values, "ties_okay": True},
        )
    for column in (*NUMBERS, "money"):
        yield (
            "expect_column_values_to_be_between",
            {"column": column, **LIMITS, "strict_min": True},
        )
        for kind in ("min", "max", "mean", "sum", "median", "stdev"):
            yield f"expect_column_{kind}_to_be_between", {"column": column, **LIMITS}
            yield (
                f"expect_column_{kind}_to_be_between",
                {"column": column, "min_value": 0.5, "strict_min": True},
            )
        for double in (True, False):
            yield (
                "expect_column_value_z_scores_to_be_less_than",
                {"column": column, "threshold": 1.2, "double_sided": double},
            )
        for method in ("iqr", "std"):
            yield (
                "expect_column_values_to_not_be_outliers",
                {"column": column, "method": method, "multiplier": 1.0},
            )
        for relative in (False, "linear", "lower", "higher", "midpoint", "nearest"):
            yield (
                "expect_column_quantile_values_to_be_between",
                {
                    "column": column,
                    "quantile_ranges": {
                        "quantiles": [0, 0.25, 0.5, 0.9, 1],
                        "value_ranges": [
                            [None, 0],
                            [-2, 1],
                            [0, 1.5],
                            [1, None],
                            [0, 8],
                        ],
                    },
                    "allow_relative_error": relative,
                },
            )
    for column in ("zoned", "berlin"):
        yield (
            "expect_column_values_to_be_between",
            {"column": column, "max_value": TIME},
        )
        for kind in ("min", "max"):
            yield (
                f"expect_column_{kind}_to_be_between",
                {"column": column, "min_value": TIME},
            )
    for column in (
        "row",
        "rising",
        "whole",
        "whole_n",
        "wild",
        "zoned",
        "berlin",
        "local",
        "nothing",
    ):
        for direction in ("increasing", "decreasing"):
            for strictly in (False, True):
                yield (
                    f"expect_column_values_to_be_{direction}",
                    {"column": column, "strictly": strictly},
                )
    for column, values, weights in (
        ("words", ["a", "ab", ""], [0.5, 0.25, 0.25]),
        ("whole", [-1, 0, 1, 2], [0.25] * 4),
        ("coded", ["", "a", "ab", "Ünïcode", "日本"], [0.2] * 5),
        ("flag", [True, False], [0.5, 0.5]),
    ):  # fmt: skip
        for holdout in (0, 0.1):
            yield "expect_column_kl_divergence_to_be_less_than", {
                "column": column, "partition_object": {"values": values, "weights": weights},
                "threshold": 0.3, "tail_weight_holdout": holdout,
            }  # fmt: skip
    for column in ("tame", "whole", "whole_n"):
        yield "expect_column_kl_divergence_to_be_less_than", {
            "column": column, "partition_object": {"bins": [-3, 0, 1, 4], "weights": [0.5, 0.25, 0.25]},
            "threshold": 0.5, "tail_weight_holdout": 0.01, "internal_weight_holdout": 0.01,
        }  # fmt: skip


def _many_columns() -> Iterator[Case]:
    pairs = [
        ("whole", "other"), ("whole", "whole_n"), ("tame", "whole_n"), ("wild", "tame"),
        ("words", "coded"), ("zoned", "berlin"), ("local", "local"), ("none", "words"),
        ("whole", "wild"), ("money", "whole"), ("whole", "words"), ("flag", "whole"),
        ("nothing", "tame"),
    ]  # fmt: skip
    for ignored in ("both_values_are_missing", "either_value_is_missing", "neither"):
        for one, other in pairs:
            both = {"column_A": one, "column_B": other, "ignore_row_if": ignored}
            yield "expect_column_pair_values_to_be_equal", both
            if "words" not in (one, other) or "coded" in (one, other):
                for equal in (True, False):
                    yield (
                        "expect_column_pair_values_a_to_be_greater_than_b",
                        {**both, "or_equal": equal},
                    )
        for one, other, wanted in (
            ("whole", "other", [[1, 1], [2, -1], [0.0, 3]]),
            ("words", "coded", [["a", "a"], ["", "日本"], [None, "a"]]),
            ("tame", "whole_n", [[1.5, 1], [0.5, None], [None, None]]),
        ):  # fmt: skip
            yield "expect_column_pair_values_to_be_in_set", {
                "column_A": one, "column_B": other, "value_pairs_set": wanted, "ignore_row_if": ignored,
            }  # fmt: skip
    for ignored in ("all_values_are_missing", "any_value_is_missing", "never"):
        for names in (
            ["whole", "other"], ["whole", "whole_n", "tame"], ["words", "coded"], ["wild", "tame"],
            ["zoned", "berlin"], ["row", "words"], ["none", "nothing"], ["words", "whole", "day"],
            ["money", "whole"],
        ):  # fmt: skip
            many = {"column_list": names, "ignore_row_if": ignored}
            yield "expect_compound_columns_to_be_unique", many
            yield "expect_multicolumn_values_to_be_equal", many
            yield "expect_select_column_values_to_be_unique_within_record", many
            if not {"words", "zoned", "none"} & set(names):
                yield "expect_multicolumn_sum_to_equal", {**many, "sum_total": 1}


def _tables() -> Iterator[Case]:
    yield "expect_table_row_count_to_equal", {"value": ROWS}
    yield "expect_table_row_count_to_be_between", {"min_value": 20, "max_value": 60}


def all_cases(*, few: bool = False) -> Iterator[Case]:
    """Give every case under every row condition, or (few) under one or two of them."""
    cases = (*_one_column(), *_many_columns(), *_tables())
    for number, (kind, kwargs) in enumerate(cases):
        for place, condition in enumerate(CONDITIONS):
            if few and place != number % len(CONDITIONS):
                continue
            if condition and not CATALOGUE[kind].conditional:
                continue
            takes = "mostly" in CATALOGUE[kind].arguments
            mostly = {"mostly": (1, 0.7, 0.4, 0.9)[place]} if takes else {}
            yield kind, {**kwargs, **mostly, **condition}
    for column in faulty_table().column_names:
        for name in (
            "int64",
            "float64",
            "object",
            "str",
            "bool",
            "category",
            "datetime64[us, UTC]",
        ):
            yield "expect_column_type_to_be", {"column": column, "type_": name}
        # How text is encoded is no type for us; for pandas it is one.
        for name in () if column == "coded" else TYPE_NAMES:
            one = {"column": column, "type_": name, "mostly": 0.9}
            yield "expect_column_values_to_be_of_type", one
            many = {"column": column, "type_list": [name, "int64", "date"]}
            yield "expect_column_values_to_be_in_type_list", many


class TableSource:
    """The table itself, to be read again."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def blocks(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self.table.select(list(columns)).to_batches(max_chunksize=20)


def alike(ours: Any, theirs: Any) -> bool:
    """Compare two parts of results; floats to the last few bits."""
    if isinstance(theirs, dict):
        return (
            isinstance(ours, dict)
            and ours.keys() == theirs.keys()
            and all(alike(ours[key], theirs[key]) for key in theirs)
        )
    if isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(theirs, float | np.floating):
        if ours is None or math.isnan(theirs):
            return ours is None or math.isnan(ours)
        return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-300)
    return bool(ours == theirs)


@pytest.mark.filterwarnings("ignore")  # of GX, on its old form of row conditions
@pytest.mark.parametrize(
    "few", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["few", "all"]
)
def test_results_are_those_of_gx_on_faulty_data(
    few: bool,
    plain_gx: Callable[..., Any],
    make_suite: Callable[..., Suite],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is redacted is compared too.
    monkeypatch.setattr(deciding, "_redacted", lambda _, result: dict(result))
    cases = list(all_cases(few=few))
    table = faulty_table()
    suite = make_suite(*cases)
    blocks = table.to_batches(max_chunksize=17)
    partial = merge_partials(
        partial_metrics(block, suite.requests, place)
        for place, block in enumerate(blocks)
    )
    ours = evaluate_suite(suite, partial, TableSource(table)).results[1:]
    decided = set()
    for (kind, kwargs), result in zip(cases, ours, strict=True):
        theirs = plain_gx(table, kind, kwargs)
        raised = theirs.exception_info.get("raised_exception", True)
        where = f"{kind} {kwargs} {result.detail}"
        assert result.undecided == raised, where
        if raised:
            assert result.success is False, where
            continue
        assert result.success == bool(theirs.success), where
        assert alike(_plain(kind, result.observed), _plain(kind, theirs.result)), where
        if not result.note:
            decided.add(kind)
    # LIKE does not exist in pandas; it has an oracle of its own.
    assert decided == CONTRACTED if not few else decided <= CONTRACTED
    assert len(CONTRACTED) >= 45


CONTRACTED = {
    kind
    for kind, entry in CATALOGUE.items()
    # The privacy expectations are our own; their oracles are brute force.
    if "like_pattern" not in kind and entry.kind != kind
} - {
    # Compared in `test_contract_gx.py`: they look at the schema alone.
    "expect_column_to_exist",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_columns_to_match_set",
}


def _plain(kind: str, result: Any) -> dict[str, Any]:
    """Leave out the list of values that we never fill, and the order of equal modes."""
    shown = {
        key: value for key, value in result.items() if not key.startswith("partial")
    }
    if kind == "expect_column_most_common_value_to_be_in_set":
        shown["observed_value"] = sorted(shown["observed_value"], key=str)
    return shown
