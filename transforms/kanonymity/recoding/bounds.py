"""Bounds of labels as values: what a model can be trained on without reading labels.

One meaning for all labels: `lower <= value <= upper` for every value that the label may
stand for, in the column's own type; null where the label sets no bound. They are read
from the label's text, so they tell nothing that the label does not, and cannot split a
class.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pyarrow as pa

from ....policies.anonymity_bounds import bound_names
from ....policies.errors import GateError
from ..ladders.labels import NULL_LABEL, TOP
from ..ladders.ladder import Ladder
from ..ladders.sets import set_members
from .full_domain import Recoding

__all__ = ["Bounded", "class_columns", "label_bounds", "plan_bounds", "recode"]

_BETWEEN = re.compile(r"([\[(])(.+), (.+)([\])])")
_ABOVE = re.compile(r"([0-9]+)\+")
_CALENDAR = re.compile(r"([0-9]{1,4})(?:-(Q[1-4]|W[0-9]{2}|[0-9]{2})(?:-([0-9]{2}))?)?")
_INSTANT = re.compile(r"([0-9]{4}-.{14})(?:\.([0-9]+))?(?:\+00:00)?")
_EPOCH = date(1970, 1, 1)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400


@dataclass(frozen=True)
class Bounded:
    """A column whose labels' bounds are published.

    Attributes:
        column: its name.
        floored: a label that is one number stands for all from it to the next whole one.
    """

    column: str
    floored: bool = False


def plan_bounds(names: Sequence[str], ladders: Sequence[Ladder]) -> tuple[Bounded, ...]:
    """Settle which columns have bounds, in the order of the ladders.

    Raises:
        GateError: a name is no quasi-identifier.
    """
    known = {ladder.column: ladder for ladder in ladders}
    for name in names:
        if name not in known:
            message = f"bounds of {name!r}: it is no quasi-identifier"
            raise GateError(message)
    return tuple(
        Bounded(name, floored=ladder.builtin == "age")
        for name, ladder in known.items()
        if name in names
    )


def class_columns(
    quasi_identifiers: Sequence[str], bounded: Sequence[Bounded]
) -> tuple[str, ...]:
    """Name all columns that tell of a class: labels, then their bounds."""
    pairs = (bound_names(one.column) for one in bounded)
    return (*quasi_identifiers, *(name for pair in pairs for name in pair))


def recode(
    recoding: Recoding,
    table: pa.Table,
    bounded: Sequence[Bounded] = (),
    *,
    encoded: bool = False,
) -> pa.Table:
    """Apply a recoding, and put the bounds of labels behind them.

    Shape: n records → at most n records; as `Recoding.apply`, with `NAME_lower` and
    `NAME_upper` after each column of `bounded`, in its type before. `encoded` may give
    labels as dictionaries.

    Raises:
        GateError: a column holds neither numbers nor dates, or a name is taken.
    """
    types = {}
    for one in bounded:
        types[one.column] = _axis(one.column, table.schema.field(one.column).type)
        for name in bound_names(one.column):
            if name in table.column_names:
                message = (
                    f"bounds of {one.column!r}: the column {name!r} is there already"
                )
                raise GateError(message)
    recoded = recoding.apply(table, encoded=encoded)
    for one in bounded:
        ends = label_bounds(
            recoded.column(one.column), types[one.column], floored=one.floored
        )
        at = recoded.schema.get_field_index(one.column) + 1
        for name, values in zip(bound_names(one.column), ends, strict=True):
            recoded = recoded.add_column(at, name, values)
            at += 1
    return recoded


def label_bounds(
    labels: pa.Array | pa.ChunkedArray, kind: pa.DataType, *, floored: bool = False
) -> tuple[pa.Array, pa.Array]:
    """Read the bounds of every label, once per distinct one.

    Args:
        labels: of one column.
        kind: type of its values: integers, floats, dates or timestamps in UTC.
        floored: a label that is one number stands for all from it to the next whole one.

    Returns:
        Smallest and largest value that each label may stand for, in `kind`. Null where
        it sets no bound: `*` and a missing value have none, `90+` has no upper one. Of
        floats, an open end is its edge: the upper bound of `[0.1, 0.2)` is 0.2. Of whole
        numbers, dates and times it is the last value before the edge.

    Raises:
        GateError: a label is none that such a column has; the label is not told.
    """
    array = labels.combine_chunks() if isinstance(labels, pa.ChunkedArray) else labels
    encoded = array.dictionary_encode()
    pairs = [_bounds(text, kind, floored) for text in encoded.dictionary.to_pylist()]
    low, high = (_values([pair[end] for pair in pairs], kind) for end in (0, 1))
    return low.take(encoded.indices), high.take(encoded.indices)


def _axis(name: str, kind: pa.DataType) -> pa.DataType:
    """Give the type of a column's bounds."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_floating(kind):
        return pa.float64()
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    ):
        message = (
            f"bounds of {name!r}: they are for numbers, times and dates, not {kind}"
        )
        raise GateError(message)
    return kind


_Pair = tuple[Any, Any]


@dataclass(frozen=True)
class _Ends:
    """What a label says of its ends; null: nothing of that one."""

    low: str | None
    high: str | None
    low_open: bool = False
    high_open: bool = False


def _ends(text: str) -> _Ends:
    between = _BETWEEN.fullmatch(text)
    if between is not None:
        opened, low, high, closed = between.groups()
        return _Ends(low, high, opened == "(", closed == ")")
    if text.startswith("<"):
        return _Ends(None, text[1:], high_open=True)
    if text.startswith(">="):
        return _Ends(text[2:], None)
    above = _ABOVE.fullmatch(text)
    return _Ends(text, text) if above is None else _Ends(above[1], None)


def _bounds(text: str, kind: pa.DataType, floored: bool) -> _Pair:
    if text in (TOP, NULL_LABEL):
        return None, None
    members = set_members(text)
    if members is not None:
        lows, highs = zip(
            *(_bounds(one, kind, floored) for one in members), strict=True
        )
        return (
            None if None in lows else min(lows),
            None if None in highs else max(highs),
        )
    try:
        ends = _ends(text)
        if pa.types.is_integer(kind):
            return _of_integers(ends, kind)
        if pa.types.is_floating(kind):
            return _of_floats(ends, floored)
        return _of_times(ends, kind)
    except (ValueError, ArithmeticError):
        message = (
            f"bounds: a label is none that a column of type {kind} has. This is a defect; "
            "nothing is given"
        )
        raise GateError(message) from None


def _of_integers(ends: _Ends, kind: pa.DataType) -> _Pair:
    signed = pa.types.is_signed_integer(kind)
    least = -(2 ** (kind.bit_width - 1)) if signed else 0
    most = 2 ** (kind.bit_width - (1 if signed else 0)) - 1
    first = last = None
    if ends.low is not None:
        low = Fraction(ends.low)
        first = max(math.floor(low) + 1 if ends.low_open else math.ceil(low), least)
    if ends.high is not None:
        high = Fraction(ends.high)
        last = min(math.ceil(high) - 1 if ends.high_open else math.floor(high), most)
    return first, last


def _of_floats(ends: _Ends, floored: bool) -> _Pair:
    low = None if ends.low is None else _finite(float(ends.low))
    high = None if ends.high is None else _finite(float(ends.high))
    if floored and high is not None and ends.low == ends.high:
        high += 1
    return low, high


def _finite(number: float) -> float:
    """Give the last value of the type, where an edge lies beyond it."""
    return min(max(number, -sys.float_info.max), sys.float_info.max)


def _of_times(ends: _Ends, kind: pa.DataType) -> _Pair:
    """Give bounds as counts of the type's unit since 1970."""
    low = None if ends.low is None else _span(ends.low, kind)[0]
    if ends.high is None:
        return low, None
    first, last = _span(ends.high, kind)
    if not ends.high_open:
        return low, last
    one = _DAY * 1000 if pa.types.is_date64(kind) else 1
    return low, first - one


def _span(text: str, kind: pa.DataType) -> tuple[int, int]:
    """Give the first and the last count of an instant or a calendar unit."""
    if pa.types.is_date32(kind):
        return _days(text)
    per = 1000 if pa.types.is_date64(kind) else _PER_SECOND[kind.unit]
    instant = _INSTANT.fullmatch(text)
    if instant is None:
        first, last = _days(text)
        if pa.types.is_date64(kind):  # a day is its first millisecond
            return first * _DAY * per, last * _DAY * per
        limit = 2**63 - 1
        begin, end = first * _DAY * per, (last + 1) * _DAY * per - 1
        return max(begin, -limit), min(end, limit)
    whole = datetime.fromisoformat(instant[1]) - datetime(1970, 1, 1)  # noqa: DTZ001 - both are UTC
    fraction = Fraction(f"0.{instant[2]}") if instant[2] else 0
    count = (whole.days * _DAY + whole.seconds) * per + math.floor(fraction * per)
    return count, count


def _days(text: str) -> tuple[int, int]:
    """Give the first and the last day of a calendar unit, as days since 1970."""
    match = _CALENDAR.fullmatch(text)
    if match is None:
        raise ValueError
    year, part, day = int(match[1]), match[2], match[3]
    if day is not None:
        first = last = date(year, int(part), int(day))
    elif part is None:
        first, last = date(year, 1, 1), date(year, 12, 31)
    elif part.startswith("W"):
        first = date.fromisocalendar(year, int(part[1:]), 1)
        last = first + timedelta(days=min(6, (date.max - first).days))
    else:
        months = int(part[1:]) * 3 if part.startswith("Q") else int(part)
        start = months - 2 if part.startswith("Q") else months
        first = date(year, start, 1)
        last = (
            date(year, 12, 31)
            if months == 12
            else date(year, months + 1, 1) - timedelta(days=1)
        )
    return (first - _EPOCH).days, (last - _EPOCH).days


def _values(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_date32(kind):
        return pa.array(values, pa.int32()).cast(kind)
    if pa.types.is_date64(kind) or pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
