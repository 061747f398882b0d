"""Columns of one batch → a block, and its ill-formed records set aside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .columns import bad_cells, to_storage, to_text, verbatim_text
from .names import BLOCK_ROWS, RECORD, raw_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .spec import ReadSpec, Split

__all__ = ["BadRow", "blocks_of", "convert"]

_INSTANT = pa.timestamp("us", "UTC")

BadRow = tuple[int, int | None, str, bytes]
"""`(record, line, code, raw)` of one ill-formed record."""


def convert(
    sources: dict[str, pa.Array],
    records: np.ndarray[Any, np.dtype[np.int64]],
    spec: ReadSpec,
    split: Split,
) -> tuple[pa.RecordBatch, list[BadRow]]:
    """Cast the columns that a file gave; rows that do not cast are set aside.

    Args:
        sources: name of every column in `spec.sources` → array as the file types it;
            a column that the file lacks is absent here and null in the block.
        records: ordinal of every row within the split.
        spec: what is read.
        split: where the rows come from.

    Returns:
        The block of the good rows, in input order, and the others. Bytes that are not
        UTF-8 are `BAD_ENCODING`, every other cell that does not cast `BAD_TYPE`. Their
        `raw` is a JSON object of the columns that are read: columnar files have no raw
        record to keep.
    """
    rows = len(records)
    garbled, mistyped = np.zeros(rows, bool), np.zeros(rows, bool)
    sources = dict(sources)
    for name, array in sources.items():
        if _is_bytes(array.type):
            sources[name] = verbatim_text(array)
            _mark(garbled, array, sources[name])
    columns: dict[str, pa.Array] = {RECORD: pa.array(records, pa.int64())}
    schema = spec.schema(split.id)
    for column in spec.columns:
        array = sources.get(column.name)
        if array is None:
            columns[column.name] = pa.nulls(rows, schema.field(column.name).type)
            continue
        columns[column.name] = to_storage(array, column)
        _mark(mistyped, array, columns[column.name])
    for name in spec.raw:
        array = sources.get(name, pa.nulls(rows, pa.string()))
        if name == spec.event_time and getattr(array.type, "tz", None):
            # Already an instant: writing it as text to read it again costs seconds
            # per million rows and can only lose.
            columns[raw_name(name)] = array.cast(_INSTANT, safe=False)
            place = schema.get_field_index(raw_name(name))
            schema = schema.set(place, pa.field(raw_name(name), _INSTANT))
            continue
        columns[raw_name(name)] = to_text(array)
        _mark(mistyped, array, columns[raw_name(name)])
    block = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
    wrong = garbled | mistyped
    if not wrong.any():
        return block, []
    bad: list[BadRow] = [
        (
            int(records[index]),
            None,
            "BAD_ENCODING" if garbled[index] else "BAD_TYPE",
            _row_json(sources, index),
        )
        for index in np.flatnonzero(wrong).tolist()
    ]
    return block.filter(pa.array(~wrong)), bad


def blocks_of(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Cut a table into blocks of at most `BLOCK_ROWS` rows; none for an empty table."""
    if table.num_rows:
        yield from table.combine_chunks().to_batches(max_chunksize=BLOCK_ROWS)


def _is_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
        pa.types.is_binary_view,
    )
    return any(test(kind) for test in tests)


def _mark(
    flags: np.ndarray[Any, np.dtype[np.bool_]], before: pa.Array, after: pa.Array
) -> None:
    mask = bad_cells(before, after)
    if mask is not None:
        flags |= mask.to_numpy(zero_copy_only=False)


def _row_json(sources: dict[str, pa.Array], index: int) -> bytes:
    row = {name: array[index].as_py() for name, array in sources.items()}
    return json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "replace")
