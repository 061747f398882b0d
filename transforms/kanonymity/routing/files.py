"""Files that a bucket is read from without reading the others; local ones are mapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..counting.codes import Ints
from ..counting.storage import read_table, write_table

__all__ = ["Sliced", "read_arrays", "read_slices", "write_arrays", "write_sliced"]


@dataclass(frozen=True)
class Sliced:
    """A table on disk, in the order of its buckets.

    Attributes:
        path: one Arrow IPC batch.
        offsets: bucket b is the rows `offsets[b]` to `offsets[b + 1]`.
    """

    path: str
    offsets: tuple[int, ...]


def write_sliced(table: pa.Table, bucket: Ints, buckets: int, path: str) -> Sliced:
    """Write a table by bucket; within one, rows keep their order."""
    order = np.argsort(bucket, kind="stable")
    offsets = np.zeros(buckets + 1, dtype=np.int64)
    np.cumsum(np.bincount(bucket, minlength=buckets), out=offsets[1:])
    write_table(table.take(pa.array(order)), path)
    return Sliced(path, tuple(offsets.tolist()))


def read_slices(sliced: Sliced, first: int, stop: int) -> pa.Table:
    """Read the rows of buckets `first` to `stop` (exclusive)."""
    start, end = sliced.offsets[first], sliced.offsets[stop]
    return read_table(sliced.path).slice(start, end - start)


def write_arrays(arrays: Mapping[str, pa.Array], path: str) -> str:
    """Write arrays of any lengths, each as the one list of a column."""
    columns = []
    for array in arrays.values():
        offsets = pa.array([0, len(array)], pa.int64())
        columns.append(pa.LargeListArray.from_arrays(offsets, array))
    return write_table(pa.table(columns, names=list(arrays)), path)


def read_arrays(path: str) -> dict[str, pa.Array]:
    """Read what `write_arrays` wrote."""
    table = read_table(path)
    return {
        name: column.chunk(0).flatten()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
