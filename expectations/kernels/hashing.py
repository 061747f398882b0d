"""Hashes of values: distinct counts, exact uniqueness, comparison with a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import ColumnView
from ..partials import DISTINCT_MAX, UNIQUE_MAX, Tally
from .fit import Arguments, Kernel, UnfitError
from .values import members, value_set

__all__ = ["HASHED", "Hashes", "hash_rows", "hash_values"]

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_SEED = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_MISSING = np.uint64(0xA0761D6478BD642F)


def _set_compare(view: ColumnView, arguments: Arguments) -> Tally:
    """Which expected values occur, and how many distinct values are not expected."""
    typed = value_set(view, arguments)
    expected = members(view, arguments)
    strange = view.values.filter(pc.invert(expected))
    known = pc.is_in(pa.array(typed, view.values.type), value_set=view.values)
    seen = [
        position
        for position, (value, hit) in enumerate(
            zip(typed, known.to_pylist(), strict=True)
        )
        if hit and value is not None
    ]
    hashes = np.unique(hash_values(strange, view.family))[: DISTINCT_MAX + 1]
    return Tally(
        nulls=view.nulls,
        hashes=hashes.tobytes(),
        most=DISTINCT_MAX + 1,
        seen=frozenset(seen),
    )


def _distinct(view: ColumnView, _: Arguments) -> Tally:
    hashes = np.unique(hash_values(view.values, view.family))[: DISTINCT_MAX + 1]
    return Tally(nulls=view.nulls, hashes=hashes.tobytes(), most=DISTINCT_MAX + 1)


def _distinct_all(view: ColumnView, _: Arguments) -> Tally:
    hashes = np.unique(hash_values(view.values, view.family))[: UNIQUE_MAX + 1]
    return Tally(nulls=view.nulls, hashes=hashes.tobytes(), most=UNIQUE_MAX + 1)


def _unique(view: ColumnView, _: Arguments) -> Tally:
    hashes = hash_values(view.values, view.family)
    if view.weights is not None:
        hashes = np.repeat(hashes, view.weights)
    hashes = np.sort(hashes)[: UNIQUE_MAX + 1]
    return Tally(view.nulls, hashes=hashes.tobytes(), most=UNIQUE_MAX + 1, repeats=True)


def hash_values(values: pa.Array, family: str) -> Hashes:
    """Give each value a 64-bit hash that is the same in every process."""
    from pandas.util import hash_array  # half a second to import

    if family == "other":
        message = "its values cannot be counted"
        raise UnfitError(message, foreign=True)
    if family == "text":
        raw = values.to_numpy(zero_copy_only=False).astype(object)
    elif family == "float":
        raw = values.to_numpy(zero_copy_only=False).view("u8")
    elif family == "bool":
        raw = values.to_numpy(zero_copy_only=False).astype("u8")
    else:
        whole = pc.cast(values, pa.int32()) if family == "date" else values
        raw = pc.cast(whole, pa.int64()).to_numpy(zero_copy_only=False).view("u8")
    return hash_array(raw, categorize=False).astype("<u8")


def hash_rows(columns: Sequence[tuple[str, pa.Array]]) -> Hashes:
    """Give each row of several columns one 64-bit hash; a missing value is a value."""
    total = np.full(len(columns[0][1]), _SEED, dtype=np.uint64)
    for family, values in columns:
        if family == "null":
            hashes = np.full(len(values), _MISSING, dtype=np.uint64)
        else:
            hashes = _with_missing(values, family)
        total = _mix(total * _FACTOR + hashes)
    return total


def _with_missing(values: pa.Array, family: str) -> Hashes:
    if not values.null_count:
        return hash_values(values, family)
    hashes = np.full(len(values), _MISSING, dtype=np.uint64)
    there = values.is_valid().to_numpy(zero_copy_only=False)
    hashes[there] = hash_values(values.drop_null(), family)
    return hashes


def _mix(hashes: Hashes) -> Hashes:
    """Spread every bit over the word, so that columns do not cancel each other."""
    hashes = (hashes ^ (hashes >> np.uint64(32))) * _FACTOR
    return hashes ^ (hashes >> np.uint64(29))


HASHED: dict[str, Kernel] = {
    "distinct": _distinct,
    "distinct_all": _distinct_all,
    "set_compare": _set_compare,
    "unique": _unique,
}
