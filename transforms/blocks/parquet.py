"""Parquet, read by ranges of row groups with only the columns that are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from ...policies.errors import InputError
from .assemble import convert
from .files import open_bytes
from .names import BLOCK_ROWS
from .spec import BadRecords, SplitStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .spec import ReadSpec, Split

__all__ = ["column_type", "open_parquet", "read_parquet", "utc_columns"]

_BUFFER_BYTES = 1 << 20


def open_parquet(file: Any) -> pq.ParquetFile:
    """Open a footer; pages are then read through a small buffer, never a whole file."""
    return pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)


def read_parquet(
    spec: ReadSpec, split: Split
) -> Iterator[pa.RecordBatch | BadRecords | SplitStats]:
    """Read the row groups of one split. Memory: one batch and the open pages.

    A column whose plain name holds dots wins over a nested one at that path. A column
    that is missing is the hive folder's value, or null.

    Raises:
        InputError: the file breaks off or is damaged.
    """
    partition = dict(split.partition)
    record = good = bad_count = 0
    with open_bytes(split.path, decompress=False) as file:
        try:
            parquet = open_parquet(file)
            utc = utc_columns(parquet)
            paths = [spec.full(name) for name in spec.sources]
            present = [p for p in paths if column_type(parquet.schema_arrow, p)]
            groups = range(split.start, split.end or parquet.num_row_groups)
            batches = parquet.iter_batches(
                BLOCK_ROWS, row_groups=list(groups), columns=present, use_threads=False
            )
            for batch in batches:
                rows = batch.num_rows
                sources = {}
                for name in spec.sources:
                    path = spec.full(name)
                    if path in present:
                        sources[name] = _column(batch, path, utc)
                    elif path in partition:
                        text = pa.scalar(partition[path], pa.string())
                        sources[name] = pa.repeat(text, rows)
                records = np.arange(record, record + rows)
                block, bad = convert(sources, records, spec, split)
                record, good = record + rows, good + block.num_rows
                bad_count += len(bad)
                if block.num_rows:
                    yield block
                if bad:
                    yield BadRecords.of(split, bad)
        except (pa.ArrowException, OSError) as error:
            msg = (
                f"{split.path}: the Parquet file cannot be read to its end "
                f"({type(error).__name__}); it is cut off or damaged. Write it again."
            )
            raise InputError(msg) from error
    yield SplitStats(split.id, record, good, bad_count)


def utc_columns(parquet: pq.ParquetFile) -> frozenset[str]:
    """Name the columns of the old INT96 type: instants in UTC that Arrow calls naive."""
    schema = parquet.schema
    leaves = (schema.column(index) for index in range(len(schema)))
    return frozenset(leaf.path for leaf in leaves if leaf.physical_type == "INT96")


def column_type(schema: pa.Schema, path: str) -> pa.DataType | None:
    """Give the type at a dotted path, a plain name first; null if there is none."""
    if path in schema.names:
        return schema.field(path).type
    first, *rest = path.split(".")
    if first not in schema.names:
        return None
    kind = schema.field(first).type
    for part in rest:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
    return kind


def _column(batch: pa.RecordBatch, path: str, utc: frozenset[str]) -> pa.Array:
    if path in batch.schema.names:
        array = batch.column(path)
    else:
        first, *rest = path.split(".")
        array = batch.column(first)
        for part in rest:
            array = pc.struct_field(array, part)
    if path in utc:
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    return array
