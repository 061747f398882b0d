"""Rows of a Beam schema to Arrow and back, for those who use one transform alone.

A policy's dotted name `user.email` is the field `email` of the row's field `user`, on the
way in and on the way out.
"""

from __future__ import annotations

import datetime as dt
import keyword
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ForwardRef, get_type_hints

import pyarrow as pa
from apache_beam.pvalue import Row
from apache_beam.typehints import typehints
from apache_beam.typehints.native_type_compatibility import convert_to_beam_type
from apache_beam.typehints.row_type import RowTypeConstraint
from apache_beam.utils.timestamp import Timestamp

from ...policies.errors import InputError
from .columns import scalar_text, to_text

__all__ = [
    "RowShape",
    "array_of",
    "batch_of",
    "field_hint",
    "lacking",
    "not_null",
    "row_type",
    "value_at",
]

_MICROS = pa.timestamp("us", "UTC")


def lacking(element_type: Any, paths: Sequence[str]) -> list[str] | None:
    """Tell which dotted paths a row type is known to lack; null if it is no row type."""
    shape = row_type(element_type)
    if shape is None:
        return None
    return [path for path in paths if field_hint(shape, path) is None]


def batch_of(rows: Sequence[Any], paths: Sequence[str]) -> pa.RecordBatch:
    """Gather fields of rows in columns: n rows → n records with one column a path.

    A column takes the type that Arrow sees in its values; where it sees none for all of
    them, it is their text. A field that a row lacks is null: what every row lacks is
    refused before the first one (`lacking`).
    """
    arrays = []
    for path in paths:
        parts = path.split(".")
        arrays.append(array_of([value_at(row, parts) for row in rows]))
    return pa.RecordBatch.from_arrays(arrays, list(paths))


class RowShape:
    """How published columns stand in a row: flat or nested, and with which types.

    Args:
        schema: the published columns.
        iso_times: times and dates are ISO 8601 text, not Beam's own types, which most
            of Beam YAML's sinks cannot write.

    Raises:
        InputError: a name cannot be a field, or is one and holds others too.
    """

    def __init__(self, schema: pa.Schema, *, iso_times: bool = False) -> None:
        self._tree: dict[str, Any] = {}
        self._iso_times = iso_times
        self._hints = [
            str if iso_times and pa.types.is_temporal(kind) else _hint(kind)
            for kind in schema.types
        ]
        for index, field in enumerate(schema):
            *parents, last = field.name.split(".")
            place: Any = self._tree
            for part in (*parents, last):
                if not part.isidentifier() or part[0] == "_" or keyword.iskeyword(part):
                    message = (
                        f"column {field.name}: '{part}' cannot be the name of a row's "
                        "field; letters, digits and '_' only"
                    )
                    raise InputError(message)
            for part in parents:
                place = place.setdefault(part, {})
                if not isinstance(place, dict):
                    break
            if not isinstance(place, dict) or last in place:
                message = f"column {field.name}: another column has this field's name"
                raise InputError(message)
            place[last] = index

    @property
    def type(self) -> Any:
        """The row type; every field may be null."""
        return self._type(self._tree)

    def rows(self, batch: pa.RecordBatch) -> Iterator[Row]:
        """Give one row a record."""
        columns = [_values(column, self._iso_times) for column in batch.columns]
        yield from self._rows(self._tree, columns, batch.num_rows)

    def _type(self, tree: Mapping[str, Any]) -> Any:
        fields = [
            (
                name,
                self._type(place)
                if isinstance(place, dict)
                else typehints.Optional[self._hints[place]],
            )
            for name, place in tree.items()
        ]
        return RowTypeConstraint.from_fields(fields)

    def _rows(
        self, tree: Mapping[str, Any], columns: list[list[Any]], count: int
    ) -> list[Row]:
        parts = [
            self._rows(place, columns, count)
            if isinstance(place, dict)
            else columns[place]
            for place in tree.values()
        ]
        names = tuple(tree)
        return [
            Row(**dict(zip(names, values, strict=True)))
            for values in zip(*parts, strict=True)
        ]


def row_type(element_type: Any) -> RowTypeConstraint | None:
    """Give what Beam knows of a row type, names of types resolved; null if it is none."""
    shape: RowTypeConstraint | None = None
    if isinstance(element_type, RowTypeConstraint):
        shape = element_type
    else:
        try:
            shape = RowTypeConstraint.from_user_type(element_type)
        except (TypeError, ValueError, AttributeError):
            return None
    if shape is None or not any(isinstance(h, ForwardRef) for _, h in shape._fields):
        return shape
    try:  # `from __future__ import annotations` leaves names in place of types
        known = get_type_hints(shape._user_type)
    except (NameError, TypeError):
        known = {}
    fields: list[tuple[str, Any]] = []
    for name, hint in shape._fields:
        found = known.get(name, hint)
        fields.append((name, typehints.Any if isinstance(found, ForwardRef) else found))
    return RowTypeConstraint.from_fields(fields)


def field_hint(shape: RowTypeConstraint, path: str) -> Any:
    """Give the type of the field at a dotted path; null if there is no such field.

    In what is no row, such as a mapping, any field may be: the rows themselves will tell.
    """
    first, *rest = path.split(".")
    hint = dict(shape._fields).get(first)  # what Beam itself reads
    if not rest or hint is None:
        return hint
    inner = row_type(not_null(hint))
    return typehints.Any if inner is None else field_hint(inner, ".".join(rest))


def not_null(hint: Any) -> Any:
    """Give the type of a field that may be null where it is not."""
    hint = convert_to_beam_type(hint)
    if isinstance(hint, typehints.UnionConstraint):
        rest = [one for one in hint.union_types if one is not type(None)]
        return rest[0] if len(rest) == 1 else hint
    return hint


def value_at(row: Any, parts: Sequence[str]) -> Any:
    """Give the value of a field in a field of a row; null where there is none."""
    value = row
    for part in parts:
        if value is None:
            return None
        held = isinstance(value, Mapping)
        value = value.get(part) if held else getattr(value, part, None)
    return value


def array_of(values: list[Any]) -> pa.Array:
    """Give values in the type that Arrow sees in them; of several kinds, as text."""
    if any(isinstance(value, Timestamp) for value in values):
        instants = [
            value.micros if isinstance(value, Timestamp) else None for value in values
        ]
        if all(v is None or isinstance(v, Timestamp) for v in values):
            return pa.array(instants, pa.int64()).cast(_MICROS)
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass  # of several kinds
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if isinstance(value, Timestamp):
        return str(value.to_rfc3339())
    try:
        return scalar_text(value)
    except ValueError:
        return None


def _hint(kind: pa.DataType) -> type:
    tests: tuple[tuple[Callable[[pa.DataType], bool], type], ...] = (
        (pa.types.is_boolean, bool),
        (pa.types.is_integer, int),
        (pa.types.is_floating, float),
        (pa.types.is_timestamp, Timestamp),
        (pa.types.is_date, dt.date),
    )
    return next((hint for test, hint in tests if test(kind)), str)


def _values(column: pa.Array, iso_times: bool) -> list[Any]:
    if iso_times and pa.types.is_temporal(column.type):
        column = to_text(column)
    if pa.types.is_timestamp(column.type):
        micros = column.cast(_MICROS, safe=False).cast(pa.int64()).to_pylist()
        return [None if one is None else Timestamp(micros=one) for one in micros]
    values: list[Any] = column.to_pylist()
    return values
