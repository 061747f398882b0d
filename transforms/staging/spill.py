"""Spill files: cleared blocks on disk, sorted by bucket, so that a part is a slice.

A record's *record key* is a 64-bit mix of its subject token and its event time. It fixes
the record's bucket and its place in the release, whatever order, split or bundle it came
in. The token is keyed, so the order of a release says nothing about its people.
"""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from ..blocks.names import EVENT_TIME, SUBJECT

__all__ = [
    "BUCKETS",
    "SpillBlocks",
    "SpillFile",
    "read_slice",
    "record_keys",
    "write_spill",
]

BUCKETS = 256
"""Buckets of every spill file; a part is a range of them."""

SPILL_ROWS = 262_144
"""Rows collected before a spill file is written; bounds the memory of a worker."""


@dataclass(frozen=True)
class SpillFile:
    """One spill file.

    Attributes:
        path: where it lies; one Arrow IPC batch, sorted by bucket.
        offsets: `BUCKETS + 1` row numbers; bucket b is rows `offsets[b]:offsets[b+1]`.
    """

    path: str
    offsets: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many records the file holds."""
        return self.offsets[-1]


def record_keys(table: pa.Table | pa.RecordBatch) -> npt.NDArray[np.uint64]:
    """Mix subject token and event time into one key per record (splitmix64's finish).

    Reference: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
    OOPSLA 2014, §5.
    """
    subjects = np.asarray(table.column(SUBJECT).to_numpy(), dtype=np.uint64)
    times = table.column(EVENT_TIME).cast(pa.int64()).to_numpy().view(np.uint64)
    keys = subjects ^ (times * np.uint64(0x9E3779B97F4A7C15))
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


class SpillBlocks(beam.PTransform[Any, Any]):
    """Writes cleared blocks to spill files.

    Shape: `PCollection[RecordBatch] -> PCollection[SpillFile]`. Files that a failed
    attempt left behind are named by nobody and go with the staging folder.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[SpillFile]:
        """Collect blocks and write a file whenever enough rows are together."""
        return blocks | beam.ParDo(_Spill(self._folder))


class _Spill(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def start_bundle(self) -> None:
        self._blocks: list[pa.RecordBatch] = []
        self._rows = 0

    def process(self, block: pa.RecordBatch) -> Iterator[SpillFile]:
        self._blocks.append(block)
        self._rows += block.num_rows
        if self._rows >= SPILL_ROWS:
            yield self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._rows:
            yield WindowedValue(self._flush(), MIN_TIMESTAMP, (GlobalWindow(),))

    def _flush(self) -> SpillFile:
        bare = [block.replace_schema_metadata(None) for block in self._blocks]
        table = pa.Table.from_batches(bare)
        self.start_bundle()
        path = posixpath.join(self._folder, f"{uuid.uuid4().hex}.arrow")
        return write_spill(table, path)


def write_spill(table: pa.Table, path: str) -> SpillFile:
    """Sort a table by bucket and write it as one uncompressed Arrow IPC batch."""
    buckets = (record_keys(table) >> np.uint64(56)).astype(np.uint8)
    order = np.argsort(buckets, kind="stable")  # radix sort on one byte
    offsets = np.zeros(BUCKETS + 1, dtype=np.int64)
    np.cumsum(np.bincount(buckets, minlength=BUCKETS), out=offsets[1:])
    batch = table.take(pa.array(order)).combine_chunks().to_batches()
    with (
        FileSystems.create(
            path, compression_type=CompressionTypes.UNCOMPRESSED
        ) as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        for piece in batch:
            writer.write_batch(piece)
    return SpillFile(path, tuple(offsets.tolist()))


def read_slice(spill: SpillFile, first: int, last: int) -> pa.Table:
    """Give the records of buckets `first` to `last` (exclusive) of a spill file.

    A local file is memory-mapped, so only the slice's own pages are read.
    """
    start, stop = spill.offsets[first], spill.offsets[last]
    local = "://" not in spill.path
    source = (
        pa.memory_map(spill.path)
        if local
        else FileSystems.open(
            spill.path, compression_type=CompressionTypes.UNCOMPRESSED
        )
    )
    with source:
        table = pa.ipc.open_file(source).read_all()
        return table.slice(start, stop - start)
