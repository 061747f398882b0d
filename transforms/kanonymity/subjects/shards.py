"""Shards of subjects and values, and the files that a shard leaves."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ...blocks.names import SUBJECT
from ..counting.codes import Ints, canonical, encode
from ..counting.merging import SHARDS, by_shard, refuse_nobody
from ..counting.storage import write_table

__all__ = [
    "shard_of",
    "shards_of",
    "subjects_of",
    "write_shard",
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


def write_shard(shard: tuple[int, pa.Table], prefix: str) -> str:
    """Write the table of a shard; give the path, which rises with the shard.

    It is named by the shard: a bundle that is tried again overwrites its file.
    """
    number, table = shard
    return write_table(table, f"{prefix}-{number:02d}.arrow")
