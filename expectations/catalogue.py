"""Which Great Expectations expectations are supported, and what each one needs.

The names, keyword arguments and meanings are Great Expectations' own; this table only
says which of them can be computed block by block, and by which metric of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from .gx.definitions import PRIVACY

__all__ = ["CATALOGUE", "TYPE_NAMES", "Entry", "Shape"]

Shape = Literal[
    "aggregates", "bound", "character", "column", "columns", "count", "dtype", "flag",
    "ignore_pair", "ignore_record", "index", "like", "likes", "match_on", "method",
    "number", "pairs", "partition", "quantiles", "regex", "regexes", "relative",
    "schema", "share", "strftime", "text", "type", "types", "values", "words",
]  # fmt: skip
"""What a keyword argument may be:

`aggregates` a mapping or the path of a file, `bound` number or ISO date / time, `column` a name, `columns` list of names, `count`
whole number ≥ 0, `flag` true / false, `index` whole number, `number`, `regex` that RE2
compiles, `share` number from 0 to 1, `text`, `type` / `types` of `TYPE_NAMES`, `values` list of
text, of numbers or of booleans, not mixed, `words` list of texts. The others are forms of
one argument each, as `arguments.py` reads them.
"""

TYPE_NAMES: dict[str, frozenset[str]] = {
    "Timestamp": frozenset({"instant", "local"}),
    "bool": frozenset({"bool"}),
    "date": frozenset({"date", "instant", "local"}),
    "datetime": frozenset({"instant", "local"}),
    "float": frozenset({"float"}),
    "float64": frozenset({"float"}),
    "int": frozenset({"int"}),
    "int64": frozenset({"int"}),
    "str": frozenset({"text"}),
}
"""Type name of `…_to_be_of_type` → families of `columns.py` whose values are of it.

The names mean what they mean for Great Expectations on pandas objects: a timestamp is a
`datetime` and a `date` there.
"""


@dataclass(frozen=True)
class Entry:
    """One supported expectation type.

    Attributes:
        name: its `type` in a suite.
        kind: metric kind of `metrics.py`; "" when the table's shape is enough.
        required: keyword arguments that must be given.
        optional: keyword arguments that may be given.
        bounded: at least one of `min_value` and `max_value` must be given.
        counts: keyword arguments of the expectation that the metric needs to know.
        conditional: whether `row_condition` may choose the rows.
    """

    name: str
    kind: str
    required: Mapping[str, Shape] = field(default_factory=dict)
    optional: Mapping[str, Shape] = field(default_factory=dict)
    bounded: bool = False
    counts: tuple[str, ...] = ()
    conditional: bool = True

    @property
    def arguments(self) -> dict[str, Shape]:
        """All keyword arguments with their shapes."""
        return {**self.required, **self.optional}


_COLUMN: dict[str, Shape] = {"column": "column"}
_MOSTLY: dict[str, Shape] = {"mostly": "share"}
_STRICT: dict[str, Shape] = {"strict_min": "flag", "strict_max": "flag"}
_LIKES: tuple[tuple[str, str, dict[str, Shape]], ...] = (
    ("", "", {}),
    ("not_", "", {}),
    ("", "_list", {"match_on": "match_on"}),
    ("not_", "_list", {}),
)
_LIMITS = ("min_value", "max_value", "strict_min", "strict_max")


def _between(shape: Shape) -> dict[str, Shape]:
    return {"min_value": shape, "max_value": shape}


def _table(name: str, **shapes: Shape) -> Entry:
    return Entry(name, "", required=shapes, conditional=False)


def _pair(name: str, kind: str, **shapes: Shape) -> Entry:
    """Build an expectation on two values of each row."""
    return Entry(
        name,
        kind,
        {"column_A": "column", "column_B": "column"},
        {"ignore_row_if": "ignore_pair", **shapes, **_MOSTLY},
        counts=("column_A", "column_B", "ignore_row_if", *shapes),
    )


def _record(name: str, kind: str, **shapes: Shape) -> Entry:
    """Build an expectation on several values of each row."""
    return Entry(
        name,
        kind,
        {"column_list": "columns", **shapes},
        {"ignore_row_if": "ignore_record", **_MOSTLY},
        counts=("column_list", "ignore_row_if", *shapes),
    )


def _rows(name: str, kind: str, **shapes: Shape) -> Entry:
    """Build an expectation on each value of a column, with `mostly`."""
    return Entry(name, kind, {**_COLUMN, **shapes}, _MOSTLY, counts=tuple(shapes))


def _total(name: str, kind: str, shape: Shape) -> Entry:
    """Build an expectation that one number about a column lies between limits."""
    return Entry(name, kind, _COLUMN, {**_between(shape), **_STRICT}, bounded=True)


_ENTRIES = (
    Entry(
        "expect_table_row_count_to_be_between",
        "",
        optional={**_between("count"), **_STRICT},
        bounded=True,
    ),
    Entry("expect_table_row_count_to_equal", "", {"value": "count"}),
    Entry(
        "expect_table_column_count_to_be_between",
        "",
        optional=_between("count"),
        bounded=True,
        conditional=False,
    ),
    _table("expect_table_column_count_to_equal", value="count"),
    Entry(
        "expect_table_columns_to_match_set",
        "",
        {"column_set": "columns"},
        {"exact_match": "flag"},
        conditional=False,
    ),
    _table("expect_table_columns_to_match_ordered_list", column_list="columns"),
    Entry(
        "expect_column_to_exist",
        "",
        _COLUMN,
        {"column_index": "index"},
        conditional=False,
    ),
    Entry(
        "expect_column_type_to_be",
        "dtype",
        {**_COLUMN, "type_": "dtype"},
        conditional=False,
    ),
    _rows("expect_column_values_to_not_be_null", "not_null"),
    _rows("expect_column_values_to_be_null", "null"),
    _rows("expect_column_values_to_be_in_set", "in_set", value_set="values"),
    _rows("expect_column_values_to_not_be_in_set", "not_in_set", value_set="values"),
    Entry(
        "expect_column_values_to_be_between",
        "between",
        _COLUMN,
        {**_between("bound"), **_STRICT, **_MOSTLY},
        bounded=True,
        counts=_LIMITS,
    ),
    _rows("expect_column_values_to_match_regex", "match", regex="regex"),
    _rows("expect_column_values_to_not_match_regex", "not_match", regex="regex"),
    Entry(
        "expect_column_value_lengths_to_be_between",
        "length_between",
        _COLUMN,
        {**_between("count"), **_STRICT, **_MOSTLY},
        bounded=True,
        counts=_LIMITS,
    ),
    _rows("expect_column_value_lengths_to_equal", "length_equal", value="count"),
    Entry(
        "expect_column_values_to_match_regex_list",
        "match_list",
        {**_COLUMN, "regex_list": "regexes"},
        {"match_on": "match_on", **_MOSTLY},
        counts=("regex_list", "match_on"),
    ),
    _rows(
        "expect_column_values_to_not_match_regex_list",
        "not_match_list",
        regex_list="regexes",
    ),
    *(
        Entry(
            f"expect_column_values_to_{verb}match_like_pattern{tail}",
            f"{verb}like{tail}",
            {**_COLUMN, f"like_pattern{tail}": "likes" if tail else "like"},
            {"escape": "character", **more, **_MOSTLY},
            counts=(f"like_pattern{tail}", "escape", *more),
        )
        for verb, tail, more in _LIKES
    ),
    _rows(
        "expect_column_values_to_match_strftime_format",
        "strftime",
        strftime_format="strftime",
    ),
    _rows("expect_column_values_to_be_dateutil_parseable", "dateutil"),
    _rows("expect_column_values_to_be_json_parseable", "json"),
    _rows(
        "expect_column_values_to_match_json_schema",
        "json_schema",
        json_schema="schema",
    ),
    *(
        Entry(
            f"expect_column_values_to_be_{direction}",
            direction,
            _COLUMN,
            {"strictly": "flag", **_MOSTLY},
            counts=("strictly",),
        )
        for direction in ("increasing", "decreasing")
    ),
    Entry(
        "expect_column_value_z_scores_to_be_less_than",
        "number_counts",
        {**_COLUMN, "threshold": "number", "double_sided": "flag"},
        _MOSTLY,
    ),
    Entry(
        "expect_column_values_to_not_be_outliers",
        "number_counts",
        _COLUMN,
        {"method": "method", "multiplier": "number", **_MOSTLY},
    ),
    _rows("expect_column_values_to_be_unique", "unique"),
    # The type is the whole column's, whatever rows are chosen.
    replace(
        _rows("expect_column_values_to_be_of_type", "type", type_="type"),
        conditional=False,
    ),
    replace(
        _rows("expect_column_values_to_be_in_type_list", "type", type_list="types"),
        conditional=False,
    ),
    _total("expect_column_min_to_be_between", "extremes", "bound"),
    _total("expect_column_max_to_be_between", "extremes", "bound"),
    _total("expect_column_mean_to_be_between", "sum", "number"),
    _total("expect_column_sum_to_be_between", "sum", "number"),
    _total("expect_column_stdev_to_be_between", "moments", "number"),
    _total("expect_column_median_to_be_between", "number_counts", "number"),
    Entry(
        "expect_column_quantile_values_to_be_between",
        "number_counts",
        {**_COLUMN, "quantile_ranges": "quantiles"},
        {"allow_relative_error": "relative"},
    ),
    Entry(
        "expect_column_most_common_value_to_be_in_set",
        "counts",
        {**_COLUMN, "value_set": "values"},
        {"ties_okay": "flag"},
    ),
    Entry(
        "expect_column_kl_divergence_to_be_less_than",
        "counts",
        {**_COLUMN, "partition_object": "partition"},
        {
            "threshold": "number",
            "internal_weight_holdout": "share",
            "tail_weight_holdout": "share",
            "bucketize_data": "flag",
        },
    ),
    _total(
        "expect_column_proportion_of_unique_values_to_be_between",
        "distinct_all",
        "share",
    ),
    _total("expect_column_unique_value_count_to_be_between", "distinct", "count"),
    _total(
        "expect_column_proportion_of_non_null_values_to_be_between",
        "not_null",
        "share",
    ),
    Entry(
        "expect_column_distinct_values_to_be_in_set",
        "set_compare",
        {**_COLUMN, "value_set": "values"},
        counts=("value_set",),
    ),
    Entry(
        "expect_column_distinct_values_to_contain_set",
        "set_compare",
        {**_COLUMN, "value_set": "values"},
        counts=("value_set",),
    ),
    Entry(
        "expect_column_distinct_values_to_equal_set",
        "set_compare",
        {**_COLUMN, "value_set": "values"},
        counts=("value_set",),
    ),
    _pair("expect_column_pair_values_to_be_equal", "pair_equal"),
    _pair(
        "expect_column_pair_values_a_to_be_greater_than_b",
        "pair_greater",
        or_equal="flag",
    ),
    replace(  # its metric in GX forgets the row condition, and GX then fails
        _pair(
            "expect_column_pair_values_to_be_in_set",
            "pair_in_set",
            value_pairs_set="pairs",
        ),
        conditional=False,
    ),
    _record("expect_compound_columns_to_be_unique", "compound"),
    _record("expect_multicolumn_sum_to_equal", "record_sum", sum_total="number"),
    _record("expect_multicolumn_values_to_be_equal", "record_equal"),
    _record(
        "expect_select_column_values_to_be_unique_within_record", "record_distinct"
    ),
)

_PRIVACY = tuple(
    Entry(
        one.name,
        one.name,
        cast("Mapping[str, Shape]", one.required),
        cast("Mapping[str, Shape]", one.optional),
        conditional=False,
    )
    for one in PRIVACY.values()
)

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in (*_ENTRIES, *_PRIVACY)}
"""Supported expectations by type name."""
