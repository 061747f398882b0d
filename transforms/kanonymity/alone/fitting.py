"""Columns of other people's data in the few types that are generalised."""

from __future__ import annotations

import pyarrow as pa

from ....policies.errors import InputError
from ..ladders.ladder import Ladder

__all__ = ["default_type", "fitted", "plain_text", "refuse_type"]

_NUMBERS, _TEXT, _TIMES = "numbers", "text", "dates or times"


def refuse_type(ladder: Ladder, kind: pa.DataType) -> None:
    """Refuse a column that its hierarchy is not for.

    Raises:
        InputError: says what the column holds and what the hierarchy takes.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return  # not one value: another message says so
    what = _words(kind)
    if what is None:
        message = (
            f"column {ladder.column!r} holds {kind}, which cannot be generalised; give "
            "numbers, text, booleans, dates or times"
        )
        raise InputError(message)
    takes = _taken(ladder)
    if what not in takes:
        message = (
            f"column {ladder.column!r} holds {kind}, and its hierarchy "
            f"({', '.join(ladder.names[1:-1])}) is for {takes[0]}; convert the column, "
            "or give it another hierarchy"
        )
        raise InputError(message)


def fitted(column: pa.Array) -> pa.Array:
    """Give a column in the type that all blocks of a set share.

    Whole numbers become int64 where they fit, decimals float64, times microseconds.
    Dictionaries keep their form.
    """
    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(column.indices, fitted(column.dictionary))
    kind = column.type
    if pa.types.is_integer(kind):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # beyond 63 bits
            return column
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_date(kind):
        return column.cast(pa.date32())
    return plain_text(column)


def plain_text(column: pa.Array) -> pa.Array:
    """Give text in the form that Arrow's grouping knows; all else as it is."""
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    return column


def default_type(ladder: Ladder) -> pa.DataType:
    """Give the type of a column whose values nobody declared."""
    takes = _taken(ladder)[0]
    if takes == _TIMES:
        return pa.timestamp("us", "UTC")
    return pa.float64() if takes == _NUMBERS else pa.string()


def _words(kind: pa.DataType) -> str | None:
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return _NUMBERS
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _TIMES
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    if any(test(kind) for test in text):
        return _TEXT
    return "booleans" if pa.types.is_boolean(kind) else None


def _taken(ladder: Ladder) -> tuple[str, ...]:
    """Tell what the levels of a ladder are of, first what they are meant for."""
    if ladder.units:
        return (_TIMES,)
    if ladder.widths or ladder.bases or ladder.base or ladder.builtin == "age":
        return (_NUMBERS,)
    if ladder.quantiles:
        return (_NUMBERS, _TIMES)
    if ladder.ip:
        return (_TEXT,)
    if ladder.prefix or ladder.table is not None or ladder.builtin is not None:
        return (_TEXT, _NUMBERS)  # a code may have been read as a number
    return (_TEXT, _NUMBERS, _TIMES, "booleans")
