"""The recount of more classes than one worker holds: part by part to disk, then by shard.

It is the recount of `measure`, on classes that are spread by their labels: each class is
counted whole in one shard, whatever parts its rows stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, PCollection

from ..blocks.names import SUBJECT
from ..staging.parts import PartFile
from ..staging.readback import read_back
from .counting.measure import (
    RECOUNT_CAP,
    class_sizes,
    merge_class_sizes,
    without_people,
)
from .counting.merging import SHARDS
from .routing.files import Sliced, read_slices, write_sliced
from .stage import shard_of_labels

__all__ = ["CountClassesOnDisk"]

_PENDING = 16


class CountClassesOnDisk(beam.PTransform[Any, Any]):
    """Counts the people of every class of a staged set.

    Shape: `PCollection[PartFile] -> PCollection[Table]` of classes with how many people
    they have; each class stands in one table. Memory: the rows of one part, and one
    shard of the classes with at most 4 k people each.

    Args:
        class_columns: the columns that make a class.
        k: fewest people of a class.
        parts: how many parts there are.
        prefix: what the files between are named after.
    """

    def __init__(
        self, class_columns: Sequence[str], k: int, parts: int, prefix: str
    ) -> None:
        super().__init__()
        self._columns = tuple(class_columns)
        self._cap = k * RECOUNT_CAP
        self._shards = max(SHARDS, parts)
        self._prefix = prefix

    def expand(self, parts: PCollection[PartFile]) -> PCollection[pa.Table]:
        """Spread the classes of each part over shards, then count each shard."""
        files = parts | "Spread" >> beam.Map(
            _spread, self._columns, self._cap, self._shards, self._prefix
        )
        return (
            parts.pipeline
            | "Shards" >> beam.Create(range(self._shards))
            | "Apart" >> beam.Reshuffle()
            | "Count" >> beam.FlatMap(_count, AsIter(files), self._cap)
        )


def _spread(
    part: PartFile, columns: tuple[str, ...], cap: int, shards: int, prefix: str
) -> Sliced:
    blocks = [block.select([*columns, SUBJECT]) for block in read_back(part)]
    types = {name: pa.array([], pa.string()) for name in columns}
    none = pa.table({**types, SUBJECT: pa.array([], pa.uint64())})
    table = pa.Table.from_batches(blocks) if blocks else none
    counted = class_sizes(table, columns, cap)
    shard = shard_of_labels(counted.select(list(columns)), shards)
    name = part.path.rsplit("/", 1)[1].removesuffix(".parquet")
    return write_sliced(counted, shard, shards, f"{prefix}-{name}.arrow")


def _count(shard: int, files: Iterable[Sliced], cap: int) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for sliced in sorted(files, key=lambda one: one.path):
        piece = read_slices(sliced, shard, shard + 1)
        if piece.num_rows:
            waiting.append(piece)
        if len(waiting) == _PENDING:
            waiting = [merge_class_sizes(waiting, cap)]
    if waiting:
        yield without_people(merge_class_sizes(waiting, cap))
