"""Sums and extremes of numbers, exact in whatever order blocks are merged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ..columns import ColumnView
from ..partials import Tally
from .fit import Arguments, Kernel, UnfitError

__all__ = ["MEASURES", "SCALE"]

SCALE = 1126
"""Sums count units of 2^-1126: the last bit of the smallest float64, as frexp gives it."""

_SUM_ROWS = 1 << 20  # partial sums stay below 2^53, so float64 holds them exactly


def _extremes(view: ColumnView, _: Arguments) -> Tally:
    if view.family not in ("int", "float", "instant", "local", "date"):
        message = "smallest and largest are read of numbers, dates and times"
        raise UnfitError(message, foreign=view.family == "other")
    both = pc.min_max(view.values)
    return Tally(view.nulls, low=both["min"].as_py(), high=both["max"].as_py())


def _moments(view: ColumnView, arguments: Arguments) -> Tally:
    """Sum values and their squares."""
    if view.family == "bool":
        message = "the spread of booleans is not read here"
        raise UnfitError(message, foreign=True)
    tally = _sum(view, arguments)
    numbers = view.values.to_numpy(zero_copy_only=False)
    if view.family == "int":
        squared = _whole_squares(numbers) << (2 * SCALE)
    else:
        finite = numbers[np.isfinite(numbers)]
        squared = sum(
            _exact_squares(finite[start : start + _SUM_ROWS])
            for start in range(0, len(finite), _SUM_ROWS)
        )
    return replace(tally, squared=squared)


def _sum(view: ColumnView, _: Arguments) -> Tally:
    if view.family not in ("int", "float", "bool"):
        message = "sum and mean are read of numbers"
        raise UnfitError(message, foreign=view.family == "other")
    numbers = view.values.to_numpy(zero_copy_only=False)
    if view.family != "float":
        whole = numbers.astype(np.int64)
        # Two halves, as 64-bit sums of 64-bit numbers would overflow.
        high, low = whole >> 32, whole & 0xFFFFFFFF
        total = (int(high.sum()) << 32) + int(low.sum())
        return Tally(view.nulls, scaled=total << SCALE)
    finite = numbers[np.isfinite(numbers)]
    return Tally(
        view.nulls,
        scaled=sum(
            _exact_sum(finite[start : start + _SUM_ROWS])
            for start in range(0, len(finite), _SUM_ROWS)
        ),
        infinities=(int(np.isposinf(numbers).sum()), int(np.isneginf(numbers).sum())),
    )


def _exact_sum(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> int:
    """Sum float64 values without rounding, in units of 2^-1126.

    x = m · 2^(e-53) with a whole m below 2^53; the m of each exponent are summed in two
    halves of 27 bits, which float64 holds exactly for 2^20 values.
    """
    fractions, exponents = np.frexp(numbers)
    whole = np.ldexp(fractions, 53).astype(np.int64)
    places = exponents.astype(np.int64) + (SCALE - 53)
    high = np.bincount(places, weights=(whole >> 27).astype(np.float64))
    low = np.bincount(places, weights=(whole & (2**27 - 1)).astype(np.float64))
    return sum(
        ((int(high[place]) << 27) + int(low[place])) << int(place)
        for place in np.flatnonzero((high != 0) | (low != 0))
    )


def _exact_squares(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> int:
    """Sum squares of float64 values without rounding, in units of 2^-2252.

    |x| = m · 2^(e-53) and m = 2^27 a + b, so m² = 2^54 a² + 2^28 a b + b²; each product
    is below 2^54 and is summed for each exponent in two halves, as sums are.
    """
    fractions, exponents = np.frexp(np.abs(numbers))
    whole = np.ldexp(fractions, 53).astype(np.int64)
    places = exponents.astype(np.int64) + (SCALE - 53)
    high, low = whole >> 27, whole & (2**27 - 1)
    total = 0
    for product, shift in ((high * high, 54), (high * low, 28), (low * low, 0)):
        upper = np.bincount(places, weights=(product >> 27).astype(np.float64))
        lower = np.bincount(places, weights=(product & (2**27 - 1)).astype(np.float64))
        total += sum(
            ((int(upper[place]) << 27) + int(lower[place])) << (2 * int(place) + shift)
            for place in np.flatnonzero((upper != 0) | (lower != 0))
        )
    return total


def _whole_squares(numbers: np.ndarray[Any, np.dtype[np.int64]]) -> int:
    """Sum squares of int64 values without overflow."""
    if len(numbers) == 0:
        return 0
    largest = max(abs(int(numbers.min())), abs(int(numbers.max())))
    if largest * largest * len(numbers) < 2**63:
        return int((numbers * numbers).sum())
    total = 0
    # x = 2^32 h + l with l below 2^32; each product is summed in halves of 32 bits.
    high, low = numbers >> 32, numbers & 0xFFFFFFFF
    unsigned = low.astype(np.uint64)
    for product, shift in (
        (high * high, 64),  # at most 2^62
        (high * (low >> 16), 33 + 16),  # at most 2^47
        (high * (low & 0xFFFF), 33),
        (unsigned * unsigned, 0),  # below 2^64
    ):
        upper, lower = (
            product >> np.array(32, product.dtype),
            product & np.array(0xFFFFFFFF, product.dtype),
        )
        total += ((int(upper.sum()) << 32) + int(lower.sum())) << shift
    return total


MEASURES: dict[str, Kernel] = {
    "extremes": _extremes,
    "moments": _moments,
    "sum": _sum,
}
