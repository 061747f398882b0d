"""Tables of other people: data frames to Arrow, columns by dotted path, who a row is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from ...policies.errors import InputError, OptinError
from .columns import to_text
from .identity import bare_identifiers, normalised_identities
from .names import BLOCK_ROWS

__all__ = [
    "as_table",
    "batches_of",
    "find_column",
    "find_type",
    "identities_of",
    "is_nested",
    "slice_rows",
    "without_index",
]

_Data = TypeVar("_Data", pa.Table, pa.RecordBatch)
_UNNAMED = re.compile(r"__index_level_\d+__")
_SLICE_BYTES = 256 * 2**20  # far from the 2 GiB that a column of text can hold


def identities_of(batch: pa.RecordBatch, paths: Sequence[str]) -> pa.Array:
    """Give the first of some columns that names somebody, as the consent gate does.

    Args:
        batch: the records.
        paths: dotted paths of what may name the data subject; one may be missing.

    Returns:
        Normalised text, null where a record names nobody.
    """
    who = pa.nulls(batch.num_rows, pa.string())
    for path in paths:
        if find_type(batch.schema, path) is None:
            continue
        texts = to_text(find_column(batch, path))
        named = pc.if_else(bare_identifiers(texts), pa.scalar(None, pa.string()), texts)
        who = pc.coalesce(who, named)
    return normalised_identities(who)


def as_table(data: Any) -> pa.Table:
    """Give anything that holds Arrow data as a table.

    An index of pandas is no column: one without a name goes, and a data frame whose
    index has a name, so perhaps values of people, is refused.

    Raises:
        OptinError: it holds none.
        InputError: it does not convert, or has an index with a name.
    """
    if isinstance(data, pa.Table):
        return without_index(data)
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([without_index(data)])
    if hasattr(data, "__arrow_c_stream__"):
        try:
            table = without_index(pa.table(data))
        except (pa.ArrowException, TypeError, ValueError) as error:
            message = (
                f"the data frame does not convert to Arrow ({type(error).__name__})"
            )
            raise InputError(message) from None  # its text may quote a value
        named = [n for n in _index_columns(table.schema) if n in table.schema.names]
        if named:
            message = (
                f"the data frame has an index with a name ({', '.join(named)}), which is "
                "no column; call reset_index() to make it one, or "
                "reset_index(drop=True) to leave it out"
            )
            raise InputError(message)
        return table
    message = (
        f"cannot read a {type(data).__name__}; give a pyarrow Table, or a data frame with "
        "Arrow's PyCapsule interface (pandas, Polars, DuckDB)"
    )
    raise OptinError(message)


def without_index(data: _Data) -> _Data:
    """Leave out the columns that Arrow makes of an index of pandas without a name."""
    unnamed = [
        name
        for name in _index_columns(data.schema)
        if name in data.schema.names and _UNNAMED.fullmatch(name)
    ]
    return data.drop_columns(unnamed) if unnamed else data


def _index_columns(schema: pa.Schema) -> list[str]:
    """Name the columns that were an index of pandas; those of a range are no column."""
    try:
        levels = (schema.pandas_metadata or {}).get("index_columns", [])
    except (AttributeError, TypeError, ValueError):  # not as pandas writes it
        return []
    return [level for level in levels if isinstance(level, str)]


def slice_rows(table: pa.Table) -> int:
    """Give the rows of a slice: as many as possible, since distinct values count once."""
    width = max(table.nbytes // max(table.num_rows, 1), 1)
    return max(_SLICE_BYTES // width, BLOCK_ROWS)


def batches_of(table: pa.Table) -> list[pa.RecordBatch]:
    """Give a table as batches; an empty one as one empty batch."""
    batches = table.combine_chunks().to_batches()
    if batches:
        return list(batches)
    nothing = [pa.array([], field.type) for field in table.schema]
    return [pa.RecordBatch.from_arrays(nothing, schema=table.schema)]


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether values of a type hold others."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_nested(kind))


def find_type(schema: pa.Schema, path: str) -> pa.DataType | None:
    """Give the type at a dotted path, a plain name first; null if there is none."""
    if path in schema.names:
        return schema.types[schema.names.index(path)]
    first, *rest = path.split(".")
    if first not in schema.names:
        return None
    kind = schema.types[schema.names.index(first)]
    for part in rest:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
    return kind


def find_column(batch: pa.RecordBatch, path: str) -> pa.Array:
    """Give the column at a dotted path, a plain name first; there is one (`find_type`)."""
    if path in batch.schema.names:
        return batch.column(path)
    first, *rest = path.split(".")
    array = batch.column(first)
    for part in rest:
        array = pc.struct_field(array, part)
    return array
