"""Rows with a schema on their way through `KAnonymize`.

Only what is looked at becomes Arrow: the quasi-identifiers, the sensitive attributes and
the subject. All other fields stay the values that they are.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import Row
from apache_beam.typehints.row_type import RowTypeConstraint
from apache_beam.utils.timestamp import Timestamp

from ....policies.errors import InputError
from ...blocks.columns import to_text
from ...blocks.names import SYSTEM_PREFIX
from ...blocks.rows import array_of, field_hint, not_null, row_type, value_at
from ..sensitive.recount import told_values
from .fitting import default_type, exact_number, lacking_message, refuse_type
from .request import Request

__all__ = ["POSITION", "RowForm"]

POSITION = f"{SYSTEM_PREFIX}position"
"""int64 column of a batch of rows: which of the rows a record is."""

_MICROS = pa.timestamp("us", "UTC")
_TYPES: tuple[tuple[tuple[type, ...], pa.DataType], ...] = (
    ((bool, np.bool_), pa.bool_()),
    ((int, np.integer), pa.int64()),
    ((float, np.floating, decimal.Decimal), pa.float64()),
    ((str,), pa.string()),
    ((Timestamp,), _MICROS),
    ((dt.datetime,), pa.timestamp("us")),
    ((dt.date,), pa.date32()),
)

_Tree = dict[str, Any]


class RowForm:
    """How rows of one type become batches, and generalised batches rows again.

    Args:
        kind: the rows' type.
        request: what is asked for.

    Raises:
        InputError: this is no row type, a field is missing, or it is of another kind
            than its hierarchy is for.
    """

    def __init__(self, kind: Any, request: Request) -> None:
        shape = row_type(kind)
        if shape is None:
            message = (
                "KAnonymize takes record batches, or rows with a schema; give this "
                "PCollection a type, such as .with_output_types(YourNamedTuple)"
            )
            raise InputError(message)
        if request.plan.bounds:
            message = (
                "bounds of labels come out of record batches alone; leave "
                f"{', '.join(request.plan.bounds)} without 'bounds'"
            )
            raise InputError(message)
        self._request = request
        fields = [name for name, _ in shape._fields]
        wanted = request.required
        lacking = [path for path in wanted if field_hint(shape, path) is None]
        who = [path for path in request.who if field_hint(shape, path) is not None]
        lacking += request.nobody(who)
        if lacking:
            raise InputError(lacking_message(lacking, fields))
        self._who = tuple(who)
        self._types = {
            ladder.column: self._type_of(shape, ladder.column)
            for ladder in request.plan.ladders
        }
        for ladder in request.plan.ladders:
            if request.reads is None:
                refuse_type(ladder, self._types[ladder.column])
        self._tree = self._planted(shape)
        self.type = _typed(shape, self._tree)

    def batch_of(self, rows: Sequence[Any]) -> pa.RecordBatch:
        """Gather what is looked at: n rows → n records.

        Raises:
            InputError: a field holds another kind of value than its type.
        """
        request = self._request
        arrays: dict[str, pa.Array] = {}
        for name in request.quasi:
            path = request.full(name)
            values = _values(rows, path)
            arrays[path] = (
                _cast(path, values, self._types[name])
                if request.reads is None
                else array_of(values)  # `columns_of` reads them as the policy says
            )
        for name in request.sensitive:
            # Types may change from batch to batch; their text does not.
            arrays[request.full(name)] = self._secret(name, rows)
        for path in self._who:
            arrays[path] = array_of(_values(rows, path))
        arrays[POSITION] = pa.array(range(len(rows)), pa.int64())
        return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))

    def rows_of(self, block: pa.RecordBatch, rows: Sequence[Any]) -> list[Row]:
        """Put the labels of a block on the rows that it was made of."""
        positions = block.column(POSITION).to_pylist()
        labels = [block.column(name).to_pylist() for name in self._request.quasi]
        return [
            _relabelled(rows[at], self._tree, [label[i] for label in labels])
            for i, at in enumerate(positions)
        ]

    def _type_of(self, shape: RowTypeConstraint, name: str) -> pa.DataType:
        hint = not_null(field_hint(shape, self._request.full(name)))
        if isinstance(hint, type):
            for kinds, kind in _TYPES:
                if issubclass(hint, kinds):
                    return kind
        if row_type(hint) is not None or hint is bytes:
            message = (
                f"field {name!r} holds {getattr(hint, '__name__', hint)}, which cannot be "
                "generalised; name a field that holds numbers, text, dates or times"
            )
            raise InputError(message)
        (ladder,) = (one for one in self._request.plan.ladders if one.column == name)
        return default_type(ladder)

    def _secret(self, name: str, rows: Sequence[Any]) -> pa.Array:
        path = self._request.full(name)
        rule = self._request.sensitive[name]
        values = _values(rows, path)
        if rule.distance == "ordered" and not rule.order:
            return _cast(path, values, pa.float64())
        array = told_values(array_of(values))
        if not pa.types.is_floating(array.type):
            return _texts(array)
        # Infinity is no number in text, but it is a value that somebody has.
        return pc.if_else(pc.is_inf(array), array.cast(pa.string()), to_text(array))

    def _planted(self, shape: RowTypeConstraint) -> _Tree:
        """Say what becomes of each field: a number is a label, None is kept as it is."""
        request = self._request
        quasi = {request.full(name): i for i, name in enumerate(request.quasi)}
        tree: _Tree = {}
        if request.kept is None:
            tree = dict.fromkeys(name for name, _ in shape._fields)
            for path in self._who:
                _cut(shape, tree, path.split("."))
        for path in [request.full(name) for name in request.kept or request.quasi]:
            _plant(shape, tree, path.split("."), quasi.get(path))
        return tree


def _plant(
    shape: RowTypeConstraint, tree: _Tree, parts: list[str], leaf: int | None
) -> None:
    first, *rest = parts
    if not rest:
        tree[first] = leaf
        return
    inner = row_type(not_null(dict(shape._fields)[first]))
    if inner is None:
        message = (
            f"field {first!r} holds no rows, so nothing in it can be generalised; give "
            "it a type with fields"
        )
        raise InputError(message)
    if not isinstance(tree.get(first), dict):
        whole = first in tree
        tree[first] = dict.fromkeys(n for n, _ in inner._fields) if whole else {}
    _plant(inner, tree[first], rest, leaf)


def _cut(shape: RowTypeConstraint, tree: _Tree, parts: list[str]) -> None:
    first, *rest = parts
    if not rest:
        tree.pop(first, None)
        return
    inner = row_type(not_null(dict(shape._fields)[first]))
    if inner is None:  # a mapping may hold the subject under any name: it goes
        tree.pop(first, None)
        return
    if not isinstance(tree.get(first), dict):
        tree[first] = dict.fromkeys(name for name, _ in inner._fields)
    _cut(inner, tree[first], rest)


def _typed(shape: RowTypeConstraint, tree: _Tree) -> Any:
    hints = dict(shape._fields)
    fields: list[tuple[str, Any]] = []
    for name, place in tree.items():
        if isinstance(place, dict):
            inner = row_type(not_null(hints[name]))
            if inner is not None:  # it was planted because it has fields
                fields.append((name, _typed(inner, place)))
        else:
            fields.append((name, hints[name] if place is None else str))
    return RowTypeConstraint.from_fields(fields)


def _relabelled(row: Any, tree: Mapping[str, Any], labels: Sequence[str]) -> Row:
    fields: dict[str, Any] = {}
    for name, place in tree.items():
        if isinstance(place, int):
            fields[name] = labels[place]
        elif place is None:
            fields[name] = value_at(row, (name,))
        else:
            fields[name] = _relabelled(value_at(row, (name,)), place, labels)
    return Row(**fields)


def _values(rows: Sequence[Any], path: str) -> list[Any]:
    parts = path.split(".")
    return [value_at(row, parts) for row in rows]


def _cast(path: str, values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        if pa.types.is_string(kind):
            return _texts(array_of(values))
        if pa.types.is_timestamp(kind):
            return array_of(values).cast(kind)
        if pa.types.is_floating(kind):
            values = [None if one is None else exact_number(one) for one in values]
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        message = (
            f"field {path!r}: a row holds another kind of value than {kind}; mend the "
            "value, or the rows' type"
        )
        raise InputError(message) from None  # its text may quote a value


def _texts(array: pa.Array) -> pa.Array:
    return array if pa.types.is_string(array.type) else to_text(array)
