"""Columns of other people's data in the few types that are generalised."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from ....policies.draft import did_you_mean
from ....policies.errors import InputError
from ...blocks.columns import bad_cells, to_storage
from ...blocks.spec import ReadColumn
from ...blocks.tables import is_nested
from ..ladders.ladder import Ladder

__all__ = [
    "default_type",
    "exact_number",
    "fitted",
    "is_number",
    "lacking_message",
    "plain_text",
    "read_as",
    "refuse_decimal_bounds",
    "refuse_nested",
    "refuse_type",
]

_FIRST, _LAST = -719_162, 2_932_896
"""Days since 1970 of 1 January 1 and 31 December 9999."""

_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_DIGITS = 15
"""Decimal digits that every float64 keeps."""

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


def refuse_nested(role: str, name: str, kind: pa.DataType | None) -> None:
    """Refuse a column of lists or records where values are counted.

    Args:
        role: what the column is for, such as `target`.
        name: of the column.
        kind: its type; null where there is no such column.

    Raises:
        InputError: names column and type.
    """
    if kind is not None and is_nested(kind):
        message = (
            f"{role} {name!r} holds {kind}, whose values cannot be counted; give a "
            "column of numbers, text, booleans, dates or times"
        )
        raise InputError(message)


def refuse_decimal_bounds(name: str, kind: pa.DataType) -> None:
    """Refuse bounds of decimals: theirs would have to be decimals, and numbers here are not.

    Raises:
        InputError: names the column.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_decimal(kind):
        message = (
            f"bounds of {name!r}: they are not given for {kind}; make the column float64 "
            "or whole numbers, such as cents"
        )
        raise InputError(message)


def fitted(column: pa.Array, name: str = "") -> pa.Array:
    """Give a column in the type that all blocks of a set share.

    Whole numbers become int64 where they fit, decimals the float64 that is written as
    they are, times microseconds, of UTC where they have a zone.
    Dictionaries keep their form.

    Raises:
        InputError: `name` holds dates or times outside the years 1 to 9999, or decimals
            that no float64 is written as.
    """
    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(
            column.indices, fitted(column.dictionary, name)
        )
    kind = column.type
    if pa.types.is_integer(kind):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # beyond 63 bits
            return column
    if pa.types.is_decimal(kind):
        return _exact(column, name)
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind):
        _refuse_beyond(column.cast(pa.int64()), _DAY[kind.unit], name)
        # One calendar for all zones: that of UTC, in which a run reads times too.
        zone = None if kind.tz is None else "UTC"
        return column.cast(pa.timestamp("us", zone), safe=False)
    if pa.types.is_date64(kind):
        _refuse_beyond(column.cast(pa.int64()), _DAY["ms"], name)
        return column.cast(pa.date32(), safe=False)
    if pa.types.is_date(kind):
        _refuse_beyond(column.cast(pa.int32()).cast(pa.int64()), 1, name)
        return column
    return plain_text(column)


def exact_number(value: Decimal | float) -> float:
    """Give the float64 that is written as a number is.

    Raises:
        ValueError: there is none, since a decimal has too many digits.
    """
    number = float(value)
    decimal = isinstance(value, Decimal) and value.is_finite()
    if decimal and Decimal(repr(number)) != value:
        raise ValueError
    return number


def _exact(column: pa.Array, name: str) -> pa.Array:
    """Read decimals by their text: Arrow's own cast makes 0.3 to 0.30000000000000004."""
    if column.type.precision > _DIGITS:
        try:
            for value in column.unique().to_pylist():
                exact_number(0 if value is None else value)
        except ValueError:
            message = (
                f"column {name!r} holds decimals of more digits than a number on an axis "
                f"keeps ({_DIGITS}); round them, or make them text"
            )
            raise InputError(message) from None
    return column.cast(pa.string()).cast(pa.float64())


def _refuse_beyond(counts: pa.Array, day: int, name: str) -> None:
    """Refuse counts since 1970 that are no date of the years 1 to 9999."""
    ends = pc.min_max(counts).as_py()
    if ends["min"] is None:
        return
    if ends["min"] < _FIRST * day or ends["max"] >= (_LAST + 1) * day:
        message = (
            f"column {name!r} holds dates or times outside the years 1 to 9999; make "
            "them null, or correct the unit they are counted in"
        )
        raise InputError(message)


def read_as(column: pa.Array, read: ReadColumn) -> pa.Array:
    """Read a column as a policy says.

    Raises:
        InputError: values do not read as their column's type.
    """
    values = to_storage(column, read)
    bad = bad_cells(column, values)
    if bad is not None and (count := pc.sum(bad, min_count=0).as_py()):
        message = (
            f"column {read.name!r}: {count} value(s) do not read as {read.storage}. Mend "
            "them, make them null, or correct the column's type in the policy"
        )
        raise InputError(message)
    return values


def is_number(kind: pa.DataType) -> bool:
    """Tell whether values of a type are an axis."""
    return _words(kind) == _NUMBERS


def plain_text(column: pa.Array) -> pa.Array:
    """Give text in the form that Arrow's grouping knows; all else as it is."""
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    return column


def lacking_message(lacking: Sequence[str], known: Sequence[str]) -> str:
    """Say which columns are missing, and what may have been meant."""
    advice = did_you_mean(lacking[0], known) if len(lacking) == 1 else ""
    return f"the data lacks column(s) {', '.join(sorted(lacking))}.{advice}"


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
