"""What travels between workers goes by shard: a bounded number of keys, never one a row."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.ipc
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ....policies.errors import GateError
from ...blocks.names import SUBJECT
from ..codes import Ints, canonical, encode

__all__ = [
    "SHARDS",
    "MergeFn",
    "read_table",
    "shard_of",
    "shards_of",
    "subjects_of",
    "write_shard",
    "write_table",
]

SHARDS = 64
_SUBJECT_SHIFT = 58  # the highest 6 bits of a subject token tell its shard
_WAITING = 1_024  # tables of an accumulator
_PENDING_ROWS = 1 << 14  # rows that wait, at least, before they are merged

Merge = Callable[[Sequence[pa.Table]], pa.Table]


def subjects_of(data: pa.Table | pa.RecordBatch) -> Any:
    """Give the subject tokens of rows, as uint64.

    Raises:
        GateError: a row has none.
    """
    column = data.column(SUBJECT)
    if column.null_count:
        message = (
            f"{column.null_count} rows have no data subject; people cannot be counted. "
            "Nothing may be published"
        )
        raise GateError(message)
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
    if not table.num_rows:
        return
    shard = shard_of(table.column(by))
    order = np.argsort(shard, kind="stable")
    ordered = table.take(pa.array(order))
    numbers, starts = np.unique(shard[order], return_index=True)
    edges = [*starts.tolist(), table.num_rows]
    for place, number in enumerate(numbers.tolist()):
        yield number, ordered.slice(edges[place], edges[place + 1] - edges[place])


class MergeFn(beam.CombineFn):
    """Unites the tables of a shard; accumulators hold one merged table and a few more.

    Args:
        merge: unites tables, in any order and split the same.
        finish: makes the result of all that was merged.
    """

    def __init__(self, merge: Merge, finish: Callable[[pa.Table], Any]) -> None:
        self._merge = merge
        self._finish = finish

    def create_accumulator(self) -> list[pa.Table]:
        """Start with nothing."""
        return []

    def add_input(
        self, accumulator: list[pa.Table], element: pa.Table
    ) -> list[pa.Table]:
        """Keep a table; merge when as much waits as was merged before."""
        accumulator.append(element)
        waiting = sum(table.num_rows for table in accumulator[1:])
        merged = accumulator[0].num_rows
        if len(accumulator) < _WAITING and waiting < max(_PENDING_ROWS, merged):
            return accumulator
        return self.compact(accumulator)

    def merge_accumulators(
        self, accumulators: Iterable[list[pa.Table]]
    ) -> list[pa.Table]:
        """Unite accumulators as they come."""
        united: list[pa.Table] = []
        for accumulator in accumulators:
            united = self.compact([*united, *accumulator])
        return united

    def compact(self, accumulator: list[pa.Table]) -> list[pa.Table]:
        """Merge what waits."""
        return [self._merge(accumulator)] if accumulator else []

    def extract_output(self, accumulator: list[pa.Table]) -> Any:
        """Merge all and finish."""
        return self._finish(self._merge(accumulator))


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
