"""The predicates behind the metrics, on the prepared values of one column.

Each kernel is a function `(view, arguments) -> Tally`. Values of another type than the
expectation speaks of are a `problem` of the tally, not a guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .catalogue import TYPE_NAMES
from .columns import ColumnView
from .partials import DISTINCT_MAX, UNIQUE_MAX, MetricRequest, Tally

__all__ = ["SCALE", "run_kernel"]

SCALE = 1126
"""Sums count units of 2^-1126: the last bit of the smallest float64, as frexp gives it."""

_INT64 = (-(2**63), 2**63 - 1)
_SUM_ROWS = 1 << 20  # partial sums stay below 2^53, so float64 holds them exactly

Arguments = dict[str, Any]
Kernel = Callable[[ColumnView, Arguments], Tally]


class _UnfitError(Exception):
    """The column's type and the expectation do not go together."""


def run_kernel(view: ColumnView, request: MetricRequest) -> Tally:
    """Compute one metric of one column: view → Tally (with a `problem` if unfit)."""
    kernel = _KERNELS[request.kind]
    if view.family == "null" and request.kind not in ("not_null", "null", "type"):
        return Tally(nulls=view.nulls)
    try:
        return kernel(view, request.arguments())
    except _UnfitError as error:
        return Tally(
            nulls=view.nulls,
            problem=f"column {request.column!r} is {view.type_name}; {error}",
        )


def _outside(view: ColumnView, expected: pa.Array) -> Tally:
    return Tally(nulls=view.nulls, unexpected=view.present - view.count(expected))


def _not_null(view: ColumnView, _: Arguments) -> Tally:
    return Tally(nulls=view.nulls, unexpected=view.nulls)


def _null(view: ColumnView, _: Arguments) -> Tally:
    return Tally(nulls=view.nulls, unexpected=view.present)


def _type(view: ColumnView, arguments: Arguments) -> Tally:
    names = arguments.get("type_list") or [arguments["type_"]]
    if view.family in ("null", "other"):
        message = "its type has no name here"
        raise _UnfitError(message)
    fits = any(view.family in TYPE_NAMES[name] for name in names)
    return Tally(nulls=view.nulls, unexpected=0 if fits else view.present)


def _text(view: ColumnView) -> pa.Array:
    if view.family != "text":
        message = "this expectation reads text"
        raise _UnfitError(message)
    return view.values


def _matches(view: ColumnView, arguments: Arguments) -> pa.Array:
    return pc.match_substring_regex(_text(view), arguments["regex"])


def _match(view: ColumnView, arguments: Arguments) -> Tally:
    return _outside(view, _matches(view, arguments))


def _not_match(view: ColumnView, arguments: Arguments) -> Tally:
    return _outside(view, pc.invert(_matches(view, arguments)))


def _length_equal(view: ColumnView, arguments: Arguments) -> Tally:
    lengths = pc.utf8_length(_text(view))
    return _outside(view, pc.equal(lengths, arguments["value"]))


def _length_between(view: ColumnView, arguments: Arguments) -> Tally:
    lengths = pc.cast(pc.utf8_length(_text(view)), pa.int64())
    return _outside(view, _inside(lengths, "int", arguments))


def _between(view: ColumnView, arguments: Arguments) -> Tally:
    return _outside(view, _inside(view.values, view.family, arguments))


def _inside(values: pa.Array, family: str, arguments: Arguments) -> pa.Array:
    """Mark values within the limits; exact for integers of any size."""
    mask = pa.array(np.ones(len(values), dtype=bool))
    for key, strict, above in (
        ("min_value", "strict_min", True),
        ("max_value", "strict_max", False),
    ):
        if arguments.get(key) is None:
            continue
        bound = typed_value(arguments[key], family)
        compare = pc.greater if above else pc.less
        if not arguments.get(strict):
            compare = pc.greater_equal if above else pc.less_equal
        if family == "int":
            bound, always = _whole_bound(bound, above, bool(arguments.get(strict)))
            if always is not None:
                mask = mask if always else pc.and_(mask, False)
                continue
            compare = pc.greater_equal if above else pc.less_equal
        mask = pc.and_(mask, compare(values, pa.scalar(bound, values.type)))
    return mask


def _whole_bound(bound: float, above: bool, strict: bool) -> tuple[int, bool | None]:
    """Turn a limit on int64 into a whole one that is not strict.

    The second part tells whether every int64 (True) or none (False) is within it.
    """
    least, most = _INT64
    if above:
        whole = math.floor(bound) + 1 if strict else math.ceil(bound)
        everything, nothing = whole <= least, whole > most
    else:
        whole = math.ceil(bound) - 1 if strict else math.floor(bound)
        everything, nothing = whole >= most, whole < least
    if everything or nothing:
        return whole, everything
    return whole, None


def typed_value(value: object, family: str) -> Any:
    """Read a suite's literal as a value of `family`.

    Raises:
        _UnfitError: it is of another kind (a naive time for a column of instants, say).
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if family == "int":
            return value
        if family == "float":
            return float(value)
    if family == "text" and isinstance(value, str):
        return value
    if family == "bool" and isinstance(value, bool):
        return value
    if isinstance(value, str) and family in ("date", "instant", "local"):
        return _moment(value, family)
    raise _UnfitError(_ASKED.get(family, "its values cannot be compared"))


_ASKED = {
    "bool": "write true or false",
    "date": "write dates as 2026-01-31",
    "float": "write numbers",
    "instant": "write times with their zone, as 2026-01-31T00:00:00Z",
    "int": "write numbers",
    "local": "write times without a zone, as 2026-01-31T00:00:00",
    "text": "write text",
}


def _moment(value: str, family: str) -> date | datetime:
    try:
        if family == "date":
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _UnfitError(_ASKED[family]) from None
    timed = len(value) > len("2026-01-31")
    if not timed or (moment.tzinfo is not None) != (family == "instant"):
        raise _UnfitError(_ASKED[family])
    return moment


def _value_set(view: ColumnView, arguments: Arguments) -> list[Any]:
    """Read the value set; an element that no value can equal becomes None."""
    distinct = list(dict.fromkeys(arguments["value_set"]))
    typed = [typed_value(value, view.family) for value in distinct]
    if view.family == "int":
        return [
            int(value) if value == int(value) and _holds(value) else None
            for value in typed
        ]
    return typed


def _holds(value: float) -> bool:
    return _INT64[0] <= value <= _INT64[1]


def _members(view: ColumnView, arguments: Arguments) -> pa.Array:
    typed = [item for item in _value_set(view, arguments) if item is not None]
    return pc.is_in(view.values, value_set=pa.array(typed, view.values.type))


def _in_set(view: ColumnView, arguments: Arguments) -> Tally:
    return _outside(view, _members(view, arguments))


def _not_in_set(view: ColumnView, arguments: Arguments) -> Tally:
    return _outside(view, pc.invert(_members(view, arguments)))


def _set_compare(view: ColumnView, arguments: Arguments) -> Tally:
    """Which expected values occur, and how many distinct values are not expected."""
    typed = _value_set(view, arguments)
    members = _members(view, arguments)
    strange = view.values.filter(pc.invert(members))
    known = pc.is_in(pa.array(typed, view.values.type), value_set=view.values)
    seen = [
        position
        for position, (value, hit) in enumerate(
            zip(typed, known.to_pylist(), strict=True)
        )
        if hit and value is not None
    ]
    hashes = np.unique(_hashes(strange, view.family))[: DISTINCT_MAX + 1]
    return Tally(
        nulls=view.nulls,
        hashes=hashes.tobytes(),
        most=DISTINCT_MAX + 1,
        seen=frozenset(seen),
    )


def _distinct(view: ColumnView, _: Arguments) -> Tally:
    hashes = np.unique(_hashes(view.values, view.family))[: DISTINCT_MAX + 1]
    return Tally(nulls=view.nulls, hashes=hashes.tobytes(), most=DISTINCT_MAX + 1)


def _unique(view: ColumnView, _: Arguments) -> Tally:
    hashes = _hashes(view.values, view.family)
    if view.weights is not None:
        hashes = np.repeat(hashes, view.weights)
    hashes = np.sort(hashes)[: UNIQUE_MAX + 1]
    return Tally(view.nulls, hashes=hashes.tobytes(), most=UNIQUE_MAX + 1, repeats=True)


def _hashes(values: pa.Array, family: str) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Give each value a 64-bit hash that is the same in every process."""
    from pandas.util import hash_array  # half a second to import

    if family == "other":
        message = "its values cannot be counted"
        raise _UnfitError(message)
    if family == "text":
        raw = values.to_numpy(zero_copy_only=False).astype(object)
    elif family == "float":
        raw = (values.to_numpy(zero_copy_only=False) + 0.0).view("u8")  # -0.0 is 0.0
    elif family == "bool":
        raw = values.to_numpy(zero_copy_only=False).astype("u8")
    else:
        whole = pc.cast(values, pa.int32()) if family == "date" else values
        raw = pc.cast(whole, pa.int64()).to_numpy(zero_copy_only=False).view("u8")
    return hash_array(raw, categorize=False).astype("<u8")


def _extremes(view: ColumnView, _: Arguments) -> Tally:
    if view.family not in ("int", "float", "instant", "local", "date"):
        message = "smallest and largest are read of numbers, dates and times"
        raise _UnfitError(message)
    both = pc.min_max(view.values)
    return Tally(view.nulls, low=both["min"].as_py(), high=both["max"].as_py())


def _sum(view: ColumnView, _: Arguments) -> Tally:
    if view.family not in ("int", "float", "bool"):
        message = "sum and mean are read of numbers"
        raise _UnfitError(message)
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


_KERNELS: dict[str, Kernel] = {
    "between": _between,
    "distinct": _distinct,
    "extremes": _extremes,
    "in_set": _in_set,
    "length_between": _length_between,
    "length_equal": _length_equal,
    "match": _match,
    "not_in_set": _not_in_set,
    "not_match": _not_match,
    "not_null": _not_null,
    "null": _null,
    "set_compare": _set_compare,
    "sum": _sum,
    "type": _type,
    "unique": _unique,
}
