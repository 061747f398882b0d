"""Resampled Adult for the benchmarks of scale: blocks in memory, or Parquet files.

Rows are drawn from Adult; each of the 8 columns of a row is, with a chance of 9 %, taken
from another row, so that distinct tuples grow with the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from adult import QUASI, read_adult

from optin.transforms.blocks.names import SUBJECT

__all__ = ["ARX_LOCAL", "PERSON", "sample", "write_files"]

ARX_LOCAL: Final = {
    1_000_000: "24 s, 2.7 GB, NCP 0.0184",
    10_000_000: "74 s, 4.7 GB, NCP 0.0063",
}
"""ARX's local recoding at k = 10 on as many rows, two cores, of another run."""

PERSON: Final = "person"

_BLOCK: Final = 1 << 16
_MOVED: Final = 0.09
_FILE_ROWS: Final = 1 << 20
_FIRST_US: Final = 1_780_272_000_000_000  # 2026-06-01T00:00Z


def sample(folder: Path, rows: int, people: int) -> Iterator[pa.RecordBatch]:
    """Draw the rows, in blocks; with as many people as rows each has one row."""
    adult = read_adult(folder).select(QUASI)
    columns = [column.combine_chunks() for column in adult.columns]
    draw = np.random.default_rng(1)
    for start in range(0, rows, _BLOCK):
        count = min(_BLOCK, rows - start)
        base = draw.integers(0, adult.num_rows, count)
        arrays = []
        for column in columns:
            other = draw.integers(0, adult.num_rows, count)
            at = np.where(draw.random(count) < _MOVED, other, base)
            taken = column.take(pa.array(at))
            text = pa.types.is_string(taken.type)
            arrays.append(taken.dictionary_encode() if text else taken)
        subject = np.arange(start, start + count, dtype=np.uint64)
        if people < rows:
            subject = draw.integers(0, people, count).astype(np.uint64)
        arrays.append(pa.array(subject * np.uint64(0x9E3779B97F4A7C15)))
        yield pa.RecordBatch.from_arrays(arrays, names=[*QUASI, SUBJECT])


def write_files(data: Path, rows: int, people: int, folder: Path) -> None:
    """Write the rows as events, a million a file: person, instant, id, consent."""
    folder.mkdir(parents=True)
    writer, written, number = None, 0, 0
    for block in sample(data, rows, people):
        table = _events(block, written)
        if writer is None:
            path = folder / f"rows-{number:03d}.parquet"
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
        written += block.num_rows
        if written >= (number + 1) * _FILE_ROWS:
            writer.close()
            writer, number = None, number + 1
    if writer is not None:
        writer.close()


def _events(block: pa.RecordBatch, first: int) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for name in QUASI:
        column = block.column(name)
        plain = pa.types.is_dictionary(column.type)
        columns[name] = column.dictionary_decode() if plain else column
    number = np.arange(first, first + block.num_rows)
    hashes = block.column(SUBJECT).cast(pa.string())
    columns[PERSON] = pc.binary_join_element_wise("u", hashes, "")
    columns["event"] = pc.binary_join_element_wise(
        "e", pa.array(number).cast(pa.string()), ""
    )
    columns["ts"] = pa.array(_FIRST_US + number, pa.timestamp("us", "UTC"))
    columns["agreed"] = pa.array(np.ones(block.num_rows, dtype=np.bool_))
    return pa.table(columns)
