"""Small results of a pipeline, delivered to the program that started it.

Beam hands nothing back but metrics. A result of bounded size (counts, file lists, a
histogram) is therefore written to one private file that the driver reads afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection, PDone
from apache_beam.transforms import combiners
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

__all__ = ["Deliver", "WriteTables", "received", "received_table"]

_FLUSH_ROWS = 65_536


class Deliver(beam.PTransform[Any, Any]):
    """Writes all elements of a small PCollection into one file.

    Shape: `PCollection[JSON value or Table] -> PDone`. JSON values become a list
    (sorted, so that the order of arrival does not matter), a table becomes Parquet.
    """

    def __init__(self, path: str, *, table: bool = False) -> None:
        super().__init__()
        self._path = path
        self._table = table

    def expand(self, values: PCollection[Any]) -> PDone:
        """Gather everything in one place and write it."""
        write = _write_table if self._table else _write_json
        gathered = values | combiners.ToList()
        return gathered | beam.Map(write, self._path)


def _write_json(values: list[Any], path: str) -> None:
    texts = sorted(json.dumps(value, sort_keys=True) for value in values)
    with _create(path) as sink:
        sink.write(f"[{','.join(texts)}]".encode())


def _write_table(values: list[pa.Table], path: str) -> None:
    if values:
        with _create(path) as sink:
            pq.write_table(pa.concat_tables(values), sink)


def received(path: str) -> list[Any]:
    """Read what `Deliver` wrote."""
    with FileSystems.open(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as source:
        values: list[Any] = json.loads(source.read())
        return values


def received_table(path: str) -> pa.Table | None:
    """Read the table that `Deliver` wrote; null if there was none."""
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as source:
        return pq.read_table(pa.BufferReader(source.read()))


class WriteTables(beam.PTransform[Any, Any]):
    """Writes blocks of any size as a few Parquet files of one folder.

    Shape: `PCollection[RecordBatch] -> PCollection[str]`, the files' paths.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[str]:
        """Collect blocks and write a file whenever enough rows are together."""
        return blocks | beam.ParDo(_WriteTables(self._prefix))


class _WriteTables(beam.DoFn):
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def start_bundle(self) -> None:
        self._blocks: list[pa.RecordBatch] = []
        self._rows = 0

    def process(self, block: pa.RecordBatch) -> Iterator[str]:
        self._blocks.append(block.replace_schema_metadata(None))
        self._rows += block.num_rows
        if self._rows >= _FLUSH_ROWS:
            yield self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._rows:
            yield WindowedValue(self._flush(), MIN_TIMESTAMP, (GlobalWindow(),))

    def _flush(self) -> str:
        table = pa.Table.from_batches(self._blocks)
        self.start_bundle()
        first = table.slice(0, 1).to_pylist()[0]
        # Named by its first record: a bundle that is tried again overwrites its file.
        path = f"{self._prefix}-{first['split']}-{first['record']:012d}.parquet"
        with _create(path) as sink:
            pq.write_table(table, sink, compression="zstd")
        return path


def _create(path: str) -> Any:
    return FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
