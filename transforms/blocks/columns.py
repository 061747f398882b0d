"""From whatever type a column arrives in to its storage type or its canonical text.

Every function takes a whole column and gives a column of the same length; nothing here
loops over rows in Python except over *distinct* values that need it. A cell that does
not convert becomes null and is reported: null in the result where the input had a value
means "ill-formed", never "missing".
"""

from __future__ import annotations

import decimal
import json
import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.signals import canonical_text
from .spec import STORAGE_TYPES

if TYPE_CHECKING:
    from .spec import ReadColumn

__all__ = [
    "bad_cells",
    "cast_cells",
    "scalar_text",
    "to_storage",
    "to_text",
    "verbatim_text",
]

_INT = r"^-?[0-9]+(\.0+)?$"
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_BOOL = r"^(?i:true|false|1|0)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_INSTANT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
)
# What canonical_text may change: blank or non-ASCII at either end, or ".0" at the end.
_UNSETTLED = r"^[^!-~]|[^!-~]$|\.0+$"
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
# Years 1 to 9999 in microseconds: what Python's own datetime can hold.
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_DECIMAL = decimal.Context(prec=50, rounding=decimal.ROUND_HALF_EVEN)


def bad_cells(before: pa.Array, after: pa.Array) -> pa.BooleanArray | None:
    """Tell which cells held a value and hold none now; null if there is no such cell."""
    if before.null_count == after.null_count:
        return None
    return pc.and_(before.is_valid(), after.is_null())


def cast_cells(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Cast cell by cell: one that Arrow refuses becomes null, the others are kept.

    The whole column is tried first and halved where it fails, so a clean column costs
    one cast and each ill-formed cell about log2(rows) small ones.
    """
    try:
        return array.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(array) == 1:
            return pa.nulls(1, target)
        middle = len(array) // 2
        halves = [
            cast_cells(array[:middle], target),
            cast_cells(array[middle:], target),
        ]
        return pa.concat_arrays(halves)


def to_storage(array: pa.Array, column: ReadColumn) -> pa.Array:
    """Convert to the storage type of `column`; what is not exactly such a value → null.

    Text is read as a number, boolean, instant or day where it is one ("1984" → 1984).
    3.7 as an integer, an integer beyond 64 bits, a number that is not finite, an instant
    without offset: none of these is. Text stays verbatim; a number that stands where
    text belongs gets its canonical text.

    Not covered: a list or object never becomes a scalar.
    """
    array = _plain(array)
    kind, target = array.type, STORAGE_TYPES[column.storage]
    if pa.types.is_nested(kind):
        return pa.nulls(len(array), target)
    if kind == target and not pa.types.is_floating(kind):
        return _in_range(array) if column.storage == "timestamp" else array
    match column.storage:
        case "string":
            return _texts(array)
        case "int64" if pa.types.is_integer(kind):
            return cast_cells(array, target)
        case "float64" if pa.types.is_floating(kind) or pa.types.is_integer(kind):
            return _finite(array.cast(target, safe=False))
        case "timestamp" if pa.types.is_timestamp(kind):
            if kind.tz is None:
                return pa.nulls(len(array), target)
            # Nanoseconds are cut to microseconds: finer than any clock in this field.
            return _in_range(array.cast(target, safe=False))
        case "timestamp" if pa.types.is_integer(kind):
            return _instants_of_integers(array.cast(pa.int64()), column.unit)
        case "date" if pa.types.is_date(kind):
            return array.cast(target)
        case "date" if pa.types.is_timestamp(kind):
            return _whole_days(array)
    return _from_text(_texts(array), column)


def to_text(array: pa.Array) -> pa.Array:
    """Give the canonical text of every cell, as `policies.signals` defines it.

    Lists and objects become compact JSON. A number that is not finite, and bytes that
    are not UTF-8, become null (ill-formed).
    """
    return _canonical(_texts(_plain(array), nested=True))


def verbatim_text(array: pa.Array) -> pa.Array:
    """Give the text of every cell; text stays as it is, the rest as in `to_text`."""
    return _texts(_plain(array), nested=True)


def scalar_text(value: Any) -> str | None:
    """Give the text of one Python value, before trimming; null stays null.

    Raises:
        ValueError: the value is not finite, not UTF-8, or of no known kind.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        msg = "a number that is not finite has no text"
        raise ValueError(msg)
    if isinstance(value, (bool, int, float)):
        return canonical_text(value)
    if isinstance(value, decimal.Decimal):
        return canonical_text(f"{value:f}")
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        return json.dumps(
            value,
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
            default=scalar_text,
        )
    return str(value)


def _plain(array: pa.Array) -> pa.Array:
    """Decode dictionaries and the wide variants of text and bytes."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        array, kind = array.storage, array.type.storage_type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return array.cast(pa.string())
    if (
        pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    ):
        return array.cast(pa.binary())
    return array


def _texts(array: pa.Array, *, nested: bool = False) -> pa.Array:
    """Text of every cell; text itself stays verbatim."""
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_binary(kind):
        return cast_cells(array, pa.string())
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return array.cast(pa.string())
    if pa.types.is_list(kind) and nested:
        return _lists(array)
    if pa.types.is_map(kind):
        return _by_value([None if v is None else dict(v) for v in array.to_pylist()])
    if pa.types.is_nested(kind):
        return _by_value(array.to_pylist())
    if pa.types.is_timestamp(kind):
        return _instant_texts(array)
    distinct = array.dictionary_encode()
    return _by_value(distinct.dictionary.to_pylist()).take(distinct.indices)


def _by_value(values: list[Any]) -> pa.Array:
    texts: list[str | None] = []
    for value in values:
        try:
            texts.append(scalar_text(value))
        except ValueError:
            texts.append(None)
    return pa.array(texts, pa.string())


def _instant_texts(array: pa.Array) -> pa.Array:
    """ISO 8601 to the microsecond; with `Z` if the type has a zone, else naive."""
    zone = array.type.tz
    instants = array.cast(pa.timestamp("us", "UTC" if zone else None), safe=False)
    return pc.strftime(instants, "%Y-%m-%dT%H:%M:%SZ" if zone else "%Y-%m-%dT%H:%M:%S")


def _lists(array: pa.ListArray) -> pa.Array:
    """Compact JSON of a list column, built from the distinct elements."""
    inner = array.type.value_type
    if not (pa.types.is_integer(inner) or pa.types.is_string(inner)):
        return _by_value(array.to_pylist())
    items = array.flatten()
    distinct = items.dictionary_encode()
    texts = [
        json.dumps(value, ensure_ascii=False)
        for value in distinct.dictionary.to_pylist()
    ]
    encoded = pa.array(texts, pa.string()).take(distinct.indices).fill_null("null")
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), encoded)
    joined = pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")
    return pc.if_else(array.is_valid(), joined, pa.scalar(None, pa.string()))


def _canonical(texts: pa.Array) -> pa.Array:
    """Apply `canonical_text` to the distinct values it may change."""
    unsettled = pc.match_substring_regex(texts, _UNSETTLED).fill_null(False)
    if not pc.any(unsettled).as_py():
        return texts
    distinct = texts.filter(unsettled).dictionary_encode()
    settled = [canonical_text(value) for value in distinct.dictionary.to_pylist()]
    values = pa.array(settled, pa.string()).take(distinct.indices)
    return pc.replace_with_mask(texts, unsettled, values)


def _matching(texts: pa.Array, pattern: str) -> pa.Array:
    """Null every cell that does not match the pattern."""
    return pc.if_else(
        pc.match_substring_regex(texts, pattern), texts, pa.scalar(None, pa.string())
    )


def _from_text(texts: pa.Array, column: ReadColumn) -> pa.Array:
    target = STORAGE_TYPES[column.storage]
    texts = pc.ascii_trim_whitespace(texts)
    match column.storage:
        case "int64":
            whole = pc.replace_substring_regex(_matching(texts, _INT), r"\.0+$", "")
            return cast_cells(whole, target)
        case "float64":
            numbers = pc.ascii_ltrim(_matching(texts, _NUMBER), "+")
            return _finite(cast_cells(numbers, target))
        case "bool":
            return cast_cells(_matching(texts, _BOOL), target)
        case "timestamp" if column.unit == "iso8601":
            exact = pc.replace_substring_regex(
                _matching(texts, _INSTANT), r"(\.[0-9]{6})[0-9]+", r"\1"
            )
            return _in_range(cast_cells(exact, target))
        case "timestamp":
            return _instants_of_numbers(texts, column.unit)
        case "date" if column.unit == "iso8601":
            return cast_cells(_matching(texts, _DATE), target)
        case "date":
            return _instants_of_numbers(texts, column.unit).cast(target, safe=False)
    return texts


def _finite(array: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))


def _in_range(instants: pa.Array) -> pa.Array:
    micros = instants.cast(pa.int64())
    inside = pc.and_(
        pc.greater_equal(micros, _FIRST_US), pc.less_equal(micros, _LAST_US)
    )
    return pc.if_else(inside, instants, pa.scalar(None, instants.type))


def _instants_of_integers(numbers: pa.Array, unit: str) -> pa.Array:
    """Instants from whole numbers since 1970 in `unit`; out of range → null."""
    factor = 1_000_000 // _PER_SECOND.get(unit, 1_000_000)
    if unit == "iso8601":
        return pa.nulls(len(numbers), STORAGE_TYPES["timestamp"])
    first, last = -(-_FIRST_US // factor), _LAST_US // factor
    inside = pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last))
    kept = pc.if_else(inside, numbers, pa.scalar(None, pa.int64()))
    return pc.multiply(kept, factor).cast(STORAGE_TYPES["timestamp"])


def _instants_of_numbers(texts: pa.Array, unit: str) -> pa.Array:
    """Instants from numbers as text; fractions are rounded to the microsecond."""
    texts = _matching(texts, _NUMBER)
    whole = cast_cells(
        pc.replace_substring_regex(_matching(texts, _INT), r"\.0+$", ""), pa.int64()
    )
    result = _instants_of_integers(whole, unit)
    rest = pc.and_(texts.is_valid(), whole.is_null())
    if not pc.any(rest).as_py():
        return result
    factor = 1_000_000 // _PER_SECOND[unit]
    distinct = texts.filter(rest).dictionary_encode()
    micros: list[int | None] = []
    for text in distinct.dictionary.to_pylist():
        # Bounds are checked before scaling: "1e999999" must stay cheap.
        number = decimal.Decimal(text)
        near = number.adjusted() <= 18
        scaled = round(_DECIMAL.multiply(number, factor)) if near else None
        inside = scaled is not None and _FIRST_US <= scaled <= _LAST_US
        micros.append(scaled if inside else None)
    values = pa.array(micros, pa.int64()).take(distinct.indices)
    return pc.replace_with_mask(result, rest, values.cast(result.type))


def _whole_days(array: pa.Array) -> pa.Array:
    """Days of instants that fall on midnight; any other instant is not a day."""
    days = array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(
        pa.date32(), safe=False
    )
    midnight = pc.equal(
        days.cast(pa.timestamp("us")),
        array.cast(pa.int64()).cast(pa.timestamp(array.type.unit)),
    )
    return pc.if_else(midnight, days, pa.scalar(None, pa.date32()))
