"""Round numbers and dates between two values: edges that are nobody's value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

__all__ = ["Edge", "roundest"]


@dataclass(frozen=True)
class Edge:
    """A round value, and its neighbours that are as round.

    Attributes:
        at: the edge; what is smaller lies below it.
        before: one step down; None where there is none.
        after: one step up; None where there is none.
    """

    at: Any
    before: Any
    after: Any


def roundest(low: Any, high: Any, cost: Callable[[Any], float]) -> Edge:
    """Give the roundest value above `low` and up to `high`.

    Numbers are rounder the larger the step of 1, 2 or 5 times a power of ten that they
    are a multiple of; dates and times by century, decade, year, quarter, month, day,
    hour and so on. Among values equally round the one of least cost is taken, then the
    smallest.

    Args:
        low: a number, date or time.
        high: a larger one of the same type.
        cost: of an edge.

    >>> roundest(37, 44, lambda edge: 0.0).at
    40
    >>> roundest(0.27, 0.29, lambda edge: 0.0).at
    0.28
    """
    steps = _calendar(low, high) if isinstance(low, date) else _decimal(low, high)
    for found in steps:
        if found:
            return min(found, key=lambda edge: (cost(edge.at), edge.at))
    message = "a value is a multiple of its own last digit"  # so this is not reached
    raise AssertionError(message)  # pragma: no cover


def _decimal(low: Any, high: Any) -> Iterator[list[Edge]]:
    """Give the multiples of ever smaller steps."""
    whole = isinstance(low, int) and isinstance(high, int)
    largest = max(abs(Fraction(low)), abs(Fraction(high)), Fraction(1, 10**320))
    power = math.floor(math.log10(largest)) + 1 if largest > 1e-300 else -300
    while True:
        for lead in (10, 5, 2):
            step = lead * Fraction(10) ** power
            if whole and step < 1:
                return
            first = math.floor(Fraction(low) / step) + 1
            last = math.floor(Fraction(_written(high)) / step)
            edges = [
                _at(number * step, step, whole) for number in range(first, last + 1)
            ]
            yield [edge for edge in edges if low < edge.at <= high]
        power -= 1


def _written(number: Any) -> Any:
    """Give a number as its digits say: 0.3 is three tenths, not the double next to it."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def _at(value: Fraction, step: Fraction, whole: bool) -> Edge:
    if whole:
        return Edge(int(value), int(value - step), int(value + step))
    return Edge(float(value), float(value - step), float(value + step))


def _calendar(low: Any, high: Any) -> Iterator[list[Edge]]:
    """Give the starts of ever smaller calendar units."""
    units: list[tuple[str, int]] = [
        *(("year", number) for number in (100, 10, 1)),
        *(("month", number) for number in (3, 1)),
        ("day", 1),
    ]
    if isinstance(high, datetime):
        units += [("hour", 1), ("minute", 1), ("second", 1)]
        units += [("microsecond", 1000), ("microsecond", 1)]
    for unit, number in units:
        edges = []
        at = _start(high, unit, number)
        while at is not None and at > low:
            before = _moved(at, unit, -number)
            edges.append(Edge(at, before, _moved(at, unit, number)))
            at = before
        yield edges


def _start(value: Any, unit: str, number: int) -> Any:
    """Give the start of the unit that a date or time lies in."""
    kept: dict[str, int] = {}
    if isinstance(value, datetime):
        for name in ("microsecond", "second", "minute", "hour"):
            if name == unit:
                kept[name] = getattr(value, name) // number * number
                return value.replace(**kept)  # type: ignore[arg-type]  # numbers alone
            kept[name] = 0
    if unit == "month":
        kept |= {"day": 1, "month": (value.month - 1) // number * number + 1}
    elif unit == "year":
        year = value.year // number * number
        if year < 1:
            return None
        kept |= {"day": 1, "month": 1, "year": year}
    return value.replace(**kept)


def _moved(start: Any, unit: str, number: int) -> Any:
    """Give the start of another unit; None beyond the calendar."""
    try:
        if unit == "year":
            return start.replace(year=start.year + number)
        if unit == "month":
            years, month = divmod(start.month - 1 + number, 12)
            return start.replace(year=start.year + years, month=month + 1)
        return start + timedelta(**{f"{unit}s": number})
    except (ValueError, OverflowError):
        return None
