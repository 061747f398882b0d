"""Statistics of a column from its distinct values and how often each occurs.

They follow pandas to the formula, so that the verdict is the one Great Expectations would
give on the rows themselves.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .kernels import SCALE
from .partials import Tally

__all__ = [
    "most_common",
    "numbers_of",
    "outlier_count",
    "quantile",
    "standard_deviation",
    "value_counts",
    "z_score_count",
]

Numbers = np.ndarray[Any, Any]


def numbers_of(tally: Tally) -> tuple[Numbers, Numbers]:
    """Give the distinct numbers in ascending order, and the rows of each."""
    counted = tally.counted
    if counted is None or counted.values is None or counted.rows is None:
        return np.array([], dtype=float), np.array([], dtype=np.int64)
    return counted.values.to_numpy(zero_copy_only=False), counted.rows.to_numpy()


def quantile(tally: Tally, share: float, method: str) -> Any:
    """Give the value at `share` of the sorted rows; NaN without rows.

    Args:
        tally: with distinct values counted.
        share: from 0 to 1.
        method: linear, lower, higher, midpoint or nearest, as numpy has them; median
            as pandas has it.
    """
    values, rows = numbers_of(tally)
    total = int(rows.sum())
    if not total:
        return math.nan
    # pandas hands numpy a percentage, which numpy divides again.
    place = (total - 1) * ((share * 100) / 100)
    low = math.floor(place)
    beyond = place - low
    ends = np.cumsum(rows)
    first, second = (
        values[np.searchsorted(ends, index, side="right")].item()
        for index in (low, min(low + 1, total - 1))
    )
    if method == "median":
        return (first + second) / 2 if beyond else first
    if method == "nearest":
        return second if beyond > 0.5 or (beyond == 0.5 and low % 2) else first
    if method in ("lower", "higher"):
        return second if beyond and method == "higher" else first
    if method == "midpoint" and beyond:
        beyond = 0.5
    with np.errstate(invalid="ignore", over="ignore"):
        step = np.float64(second) - np.float64(first)  # infinite ends give NaN
        if beyond >= 0.5:
            return float(second - step * (1 - beyond))
        return float(first + step * beyond)


def standard_deviation(tally: Tally, present: int) -> float:
    """Give the sample standard deviation (n - 1), from exact sums; NaN below two rows."""
    if present < 2 or any(tally.infinities):
        return math.nan
    mean_square = Fraction(tally.scaled * tally.scaled, present)
    variance = Fraction(tally.squared - mean_square, present - 1)
    return _root(variance / (1 << (2 * SCALE)))


def _root(number: Fraction) -> float:
    """Take a square root that neither overflows nor underflows on the way."""
    if number <= 0:
        return 0.0
    top, bottom = number.numerator, number.denominator
    shift = 128 + max(0, bottom.bit_length() - top.bit_length())
    shift += shift % 2
    root = math.isqrt((top << shift) // bottom)
    try:
        return root / (1 << (shift // 2))
    except OverflowError:
        return math.inf


def _moments(tally: Tally) -> tuple[float, float]:
    """Give mean and sample standard deviation, as pandas does of counted values."""
    values, rows = numbers_of(tally)
    total = int(rows.sum())
    if not total or not np.isfinite(values).all():
        with np.errstate(invalid="ignore"):
            mean = float((values * rows).sum() / total) if total else math.nan
        return mean, math.nan
    exact = [Fraction(value.item()) for value in values]
    weights = [int(count) for count in rows]
    summed = sum(v * w for v, w in zip(exact, weights, strict=True))
    mean = _as_float(Fraction(summed, total))
    if total < 2:
        return mean, math.nan
    squares = sum(v * v * w for v, w in zip(exact, weights, strict=True))
    return mean, _root(Fraction(squares - Fraction(summed * summed, total), total - 1))


def _as_float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def z_score_count(tally: Tally, threshold: float, *, double_sided: bool) -> int:
    """Count rows at or beyond `threshold` standard deviations from the mean."""
    values, rows = numbers_of(tally)
    mean, deviation = _moments(tally)
    if not len(values) or deviation == 0:
        return 0
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = (values - mean) / deviation
        under = np.abs(scores) < abs(threshold) if double_sided else scores < threshold
    return int(rows[~(under | np.isnan(scores))].sum())


def outlier_count(tally: Tally, method: str, multiplier: float) -> int:
    """Count rows outside Tukey's fences (iqr) or `multiplier` deviations (std)."""
    values, rows = numbers_of(tally)
    if method == "iqr":
        low, high = (quantile(tally, share, "linear") for share in (0.25, 0.75))
        if not (math.isfinite(low) and math.isfinite(high)):
            return 0
        reach = multiplier * (high - low)
        inside = (values >= low - reach) & (values <= high + reach)
    else:
        mean, deviation = _moments(tally)
        if not (math.isfinite(mean) and math.isfinite(deviation)):
            return 0
        reach = multiplier * deviation
        inside = np.abs(values - mean) < reach if reach > 0 else values == mean
    return int(rows[~inside].sum())


def most_common(tally: Tally) -> list[Any]:
    """Give the values that occur most often."""
    counted = tally.counted
    if counted is None or counted.values is None or counted.rows is None:
        return []
    rows = counted.rows.to_numpy()
    if not len(rows):
        return []
    best: list[Any] = counted.values.filter(rows == rows.max()).to_pylist()
    return best


def value_counts(tally: Tally) -> Any:
    """Give a pandas Series of counts by value, named as Great Expectations names it."""
    import pandas as pd

    counted = tally.counted
    if counted is None or counted.values is None or counted.rows is None:
        return pd.Series([], dtype="int64", name="count")
    index = pd.Index(counted.values.to_pandas(), name="value")
    return pd.Series(counted.rows.to_numpy(), index=index, name="count")
