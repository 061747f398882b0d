"""Predicates on several columns of a row: equality, order, sums, compound keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import with_nulls
from ..partials import UNIQUE_MAX, Tally
from .compare import Column, compare, equal, make_mask
from .fit import Arguments, UnfitError
from .hashing import hash_rows

__all__ = ["RECORDS", "kept_rows"]

_IGNORE_WHEN_ALL = ("both_values_are_missing", "all_values_are_missing")
_IGNORE_WHEN_ANY = ("either_value_is_missing", "any_value_is_missing")
_MISSING_IS = {
    "text": "nan", "float": "nan", "int": "nan", "instant": "nat", "local": "nat",
}  # fmt: skip
"""What pandas holds where a value is missing: two kinds of missing are two values."""


def _columns(block: pa.RecordBatch, arguments: Arguments) -> list[Column]:
    names = arguments.get("column_list") or [
        arguments["column_A"], arguments["column_B"],
    ]  # fmt: skip
    found = [with_nulls(block.column(block.schema.names.index(name))) for name in names]
    if any(family == "other" for family, _ in found):
        message = "one of these columns is of a type that is not compared here"
        raise UnfitError(message, foreign=True)
    return found


def kept_rows(block: pa.RecordBatch, arguments: Arguments) -> list[Column]:
    """Give the columns at the rows that `ignore_row_if` leaves."""
    columns = _columns(block, arguments)
    first = "column_list" in arguments
    default = _IGNORE_WHEN_ALL[1 if first else 0]
    ignored = arguments.get("ignore_row_if") or default
    missing = [pc.is_null(values) for _, values in columns]
    if ignored in _IGNORE_WHEN_ALL:
        drop = reduce(pc.and_, missing)
    elif ignored in _IGNORE_WHEN_ANY:
        drop = reduce(pc.or_, missing)
    else:
        return columns
    if not drop.true_count:
        return columns
    keep = pc.invert(drop)
    return [(family, values.filter(keep)) for family, values in columns]


Test = Callable[[list[Column], Arguments], pa.Array]


def _by_row(test: Test) -> Callable[[pa.RecordBatch, Arguments], Tally]:
    def kernel(block: pa.RecordBatch, arguments: Arguments) -> Tally:
        columns = kept_rows(block, arguments)
        tested = len(columns[0][1])
        fits = test(columns, arguments)
        return Tally(tested=tested, unexpected=tested - int(fits.true_count))

    return kernel


def _pair_equal(columns: list[Column], _: Arguments) -> pa.Array:
    return equal(columns[0], columns[1])


def _pair_greater(columns: list[Column], arguments: Arguments) -> pa.Array:
    sign = ">=" if arguments.get("or_equal") else ">"
    return compare(sign, columns[0], columns[1])


def _pair_in_set(columns: list[Column], arguments: Arguments) -> pa.Array:
    """Look each distinct pair up once, as Python compares numbers, text and None."""
    if arguments.get("value_pairs_set") is None:
        return make_mask(len(columns[0][1]), True)
    wanted = {tuple(pair) for pair in arguments["value_pairs_set"]}
    table = pa.table({"a": columns[0][1], "b": columns[1][1]})
    pairs = table.group_by(["a", "b"], use_threads=False).aggregate([([], "count_all")])
    marks = [
        pair in wanted
        for pair in zip(pairs["a"].to_pylist(), pairs["b"].to_pylist(), strict=True)
    ]
    # Only how many are marked matters, not where.
    counts = pairs["count_all"].to_numpy()
    hits = int(counts[np.array(marks, dtype=bool)].sum())
    return pa.array(np.arange(table.num_rows) < hits)


def _sum_equal(columns: list[Column], arguments: Arguments) -> pa.Array:
    if any(family not in ("int", "float", "null") for family, _ in columns):
        message = "only numbers are summed"
        raise UnfitError(message, foreign=all(f != "text" for f, _ in columns))
    if any(family == "null" for family, _ in columns):
        return make_mask(len(columns[0][1]), False)
    total = float(arguments["sum_total"])
    if all(family == "int" and not values.null_count for family, values in columns):
        whole = [values.to_numpy(zero_copy_only=False) for _, values in columns]
        return pa.array(np.sum(whole, axis=0) == total)
    wide = [pc.cast(values, pa.float64(), safe=False) for _, values in columns]
    numbers = [pc.fill_null(values, np.nan) for values in wide]
    with np.errstate(invalid="ignore", over="ignore"):
        summed = reduce(
            np.add, [values.to_numpy(zero_copy_only=False) for values in numbers]
        )
    return pa.array(summed == total)


def _all_equal(columns: list[Column], _: Arguments) -> pa.Array:
    first = columns[0]
    same = make_mask(len(first[1]), True)
    for other in columns[1:]:
        both = pc.and_(pc.is_null(first[1]), pc.is_null(other[1]))
        same = pc.and_(same, pc.or_(equal(first, other), both))
    return same


def _all_different(columns: list[Column], _: Arguments) -> pa.Array:
    apart = make_mask(len(columns[0][1]), True)
    for place, one in enumerate(columns):
        for other in columns[place + 1 :]:
            same = equal(one, other)
            kinds = [_MISSING_IS.get(family, "none") for family, _ in (one, other)]
            if kinds[0] == kinds[1]:
                both = pc.and_(pc.is_null(one[1]), pc.is_null(other[1]))
                same = pc.or_(same, both)
            apart = pc.and_(apart, pc.invert(same))
    return apart


def _compound(block: pa.RecordBatch, arguments: Arguments) -> Tally:
    columns = kept_rows(block, arguments)
    hashes = np.sort(hash_rows(columns))[: UNIQUE_MAX + 1]
    return Tally(
        tested=len(columns[0][1]),
        hashes=hashes.tobytes(),
        most=UNIQUE_MAX + 1,
        repeats=True,
    )


RECORDS: dict[str, Callable[[pa.RecordBatch, dict[str, Any]], Tally]] = {
    "compound": _compound,
    "pair_equal": _by_row(_pair_equal),
    "pair_greater": _by_row(_pair_greater),
    "pair_in_set": _by_row(_pair_in_set),
    "record_distinct": _by_row(_all_different),
    "record_equal": _by_row(_all_equal),
    "record_sum": _by_row(_sum_equal),
}
