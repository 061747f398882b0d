"""Shards of subjects and values, and the files that a shard leaves."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ...blocks.names import SUBJECT
from ..codes import Ints, canonical, encode
from ..merging import SHARDS, by_shard, refuse_nobody

__all__ = [
    "read_table",
    "shard_of",
    "shards_of",
    "subjects_of",
    "write_shard",
    "write_table",
]

_SUBJECT_SHIFT = 58  # the highest 6 bits of a subject token tell its shard


def subjects_of(data: pa.Table | pa.RecordBatch) -> Any:
    """Give the subject tokens of rows, as uint64.

    Raises:
        GateError: a row has none.
    """
    column = data.column(SUBJECT)
    refuse_nobody(column)
    return np.asarray(column.to_numpy(), dtype=np.uint64)


def shard_of(column: pa.ChunkedArray | pa.Array) -> Ints:
    """Give each value its shard: by the value alone, the same in every block.

    Subject tokens are spread by their highest bits, so that shards one after the other
    are in the order of the tokens; other values by the checksum of their text.
    """
    if pa.types.is_uint64(column.type):
        tokens = np.asarray(column.to_numpy(), dtype=np.uint64)
        return (tokens >> np.uint64(_SUBJECT_SHIFT)).astype(np.int64)
    values, codes = encode(canonical(column))
    texts = values.cast(pa.string()).to_pylist()
    checks = [zlib.crc32((text or "").encode()) % SHARDS for text in texts]
    return np.array(checks or [0], dtype=np.int64)[codes]


def shards_of(table: pa.Table, by: str) -> Iterator[tuple[int, pa.Table]]:
    """Split a table by the shard of one of its columns."""
    yield from by_shard(table, shard_of(table.column(by)))


def write_table(table: pa.Table, path: str) -> str:
    """Write a table as one uncompressed Arrow batch, which can be memory-mapped."""
    with (
        FileSystems.create(
            path, compression_type=CompressionTypes.UNCOMPRESSED
        ) as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        for batch in table.combine_chunks().to_batches():
            writer.write_batch(batch)
    return path


def write_shard(shard: tuple[int, pa.Table], prefix: str) -> str:
    """Write the table of a shard; give the path, which rises with the shard.

    It is named by the shard: a bundle that is tried again overwrites its file.
    """
    number, table = shard
    return write_table(table, f"{prefix}-{number:02d}.arrow")


def read_table(path: str) -> pa.Table:
    """Read what `write_table` wrote; a local file is mapped, not copied."""
    if "://" not in path:
        return pa.ipc.open_file(pa.memory_map(path)).read_all()
    with FileSystems.open(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as source:
        return pa.ipc.open_file(pa.py_buffer(source.read())).read_all()
