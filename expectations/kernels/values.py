"""Predicates on each value: limits, sets, types and nulls."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..catalogue import TYPE_NAMES
from ..columns import ColumnView
from ..partials import Tally
from .fit import Arguments, Kernel, UnfitError, outside

__all__ = ["VALUES", "inside", "members", "typed_value", "value_set"]

_INT64 = (-(2**63), 2**63 - 1)


def _not_null(view: ColumnView, _: Arguments) -> Tally:
    return Tally(nulls=view.nulls, unexpected=view.nulls)


def _null(view: ColumnView, _: Arguments) -> Tally:
    return Tally(nulls=view.nulls, unexpected=view.present)


def _type(view: ColumnView, arguments: Arguments) -> Tally:
    names = arguments.get("type_list") or [arguments["type_"]]
    if view.family in ("null", "other"):
        message = "its type has no name here"
        raise UnfitError(message, foreign=True)
    fits = any(view.family in TYPE_NAMES[name] for name in names)
    return Tally(nulls=view.nulls, unexpected=0 if fits else view.present)


def _between(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, inside(view.values, view.family, arguments))


def inside(values: pa.Array, family: str, arguments: Arguments) -> pa.Array:
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
        UnfitError: it is of another kind (a naive time for a column of instants, say).
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if family == "int":
            return value
        if family == "float":
            return value + 0.0
    if family == "text" and isinstance(value, str):
        return value
    if family == "bool" and isinstance(value, bool):
        return value
    if isinstance(value, str) and family in ("date", "instant", "local"):
        return _moment(value, family)
    message = _ASKED.get(family, "its values cannot be compared")
    raise UnfitError(message, foreign=family == "other")


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
        raise UnfitError(_ASKED[family]) from None
    timed = len(value) > len("2026-01-31")
    if not timed or (moment.tzinfo is not None) != (family == "instant"):
        raise UnfitError(_ASKED[family])
    return moment


def value_set(view: ColumnView, arguments: Arguments) -> list[Any]:
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


def members(view: ColumnView, arguments: Arguments) -> pa.Array:
    """Mark values that are in the expected set."""
    typed = [item for item in value_set(view, arguments) if item is not None]
    return pc.is_in(view.values, value_set=pa.array(typed, view.values.type))


def _in_set(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, members(view, arguments))


def _not_in_set(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, pc.invert(members(view, arguments)))


VALUES: dict[str, Kernel] = {
    "between": _between,
    "dtype": _not_null,
    "in_set": _in_set,
    "not_in_set": _not_in_set,
    "not_null": _not_null,
    "null": _null,
    "type": _type,
}
