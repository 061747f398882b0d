"""Reads staged parts back, as a reader of the release would, to measure them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection

from ..blocks.names import BLOCK_ROWS, SUBJECT
from .parts import PartFile

__all__ = ["ReadBack", "open_part", "read_back"]


class ReadBack(beam.PTransform[Any, Any]):
    """Gives the rows that were really written, beside their subject tokens.

    Shape: `PCollection[PartFile] -> PCollection[RecordBatch]`; the published columns
    and `optin:subject`. Nothing of the run's plan is used: what is measured here is
    the file.
    """

    def expand(self, parts: PCollection[PartFile]) -> PCollection[pa.RecordBatch]:
        """Read every part in blocks."""
        return parts | beam.FlatMap(read_back)


def read_back(part: PartFile) -> Iterator[pa.RecordBatch]:
    """Read one part block by block; both files in step, in bounded memory."""
    with open_part(part.path) as data, open_part(part.subjects) as private:
        subjects = pq.ParquetFile(private).iter_batches(BLOCK_ROWS)
        for block in pq.ParquetFile(data).iter_batches(BLOCK_ROWS):
            tokens = next(subjects).column(SUBJECT)
            yield block.append_column(SUBJECT, tokens)


def open_part(path: str) -> pa.PythonFile:
    """Open a staged Parquet file of any Beam file system."""
    stream = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return pa.PythonFile(stream, mode="r")
