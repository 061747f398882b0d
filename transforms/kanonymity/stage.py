"""k-anonymity as Beam transforms over blocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import PCollection

from .combine import ClassesFn, HistogramFn, LimitedHistogramFn, MergeFn, MergeWithinFn
from .counting.codes import Ints
from .counting.measure import RECOUNT_CAP
from .counting.merging import SHARDS, by_shard, distinct_rows
from .recoding.target import merge_targets, target_counts
from .sensitive.recount import value_people, value_triples

__all__ = [
    "CollectHistogram",
    "CollectTargets",
    "CollectTriples",
    "CountClasses",
    "CountValues",
    "shard_of_labels",
]


class CollectHistogram(beam.PTransform[Any, Any]):
    """Collapses blocks to the k-capped histogram of their quasi-identifiers.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]` of at most one table (none
    where there was no record). What travels between workers is distinct tuples with at
    most k subject tokens each, never records. Of more than `most` pairs of tuple and
    person the table is a sample (`routing.thinned_bits`).
    """

    def __init__(
        self, quasi_identifiers: tuple[str, ...], k: int, most: int | None = None
    ) -> None:
        super().__init__()
        self._fn: beam.CombineFn = HistogramFn(quasi_identifiers, k)
        if most is not None:
            self._fn = LimitedHistogramFn(quasi_identifiers, k, most)

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Combine all blocks into one histogram."""
        return (
            blocks
            | beam.CombineGlobally(self._fn)
            | beam.Filter(lambda table: table is not None)
        )


class CountClasses(beam.PTransform[Any, Any]):
    """Counts the people of every class of a staged set.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]` of at most one table, for
    `report_classes`.
    """

    def __init__(self, quasi_identifiers: tuple[str, ...], k: int) -> None:
        super().__init__()
        self._fn = ClassesFn(quasi_identifiers, k * RECOUNT_CAP)

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Count the published label tuples."""
        return (
            blocks
            | beam.CombineGlobally(self._fn)
            | beam.Filter(lambda table: table is not None)
        )


class CollectTriples(beam.PTransform[Any, Any]):
    """Collects the distinct (tuple, value, person) triples of one sensitive attribute.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]` of at most one table, as
    `value_triples` gives it, for `withhold_classes`. It is not capped: a share of people
    cannot be told from a sample of them. Of more than `most` triples there is no table.
    """

    def __init__(
        self, quasi_identifiers: Sequence[str], sensitive: str, most: int | None = None
    ) -> None:
        super().__init__()
        self._quasi = tuple(quasi_identifiers)
        self._sensitive = sensitive
        self._fn: beam.CombineFn = MergeFn(distinct_rows)
        if most is not None:
            self._fn = MergeWithinFn(distinct_rows, most)

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Unite the triples of all blocks."""
        return (
            blocks
            | "Triples" >> beam.Map(value_triples, self._quasi, self._sensitive)
            | "Unite" >> beam.CombineGlobally(self._fn)
            | "Any" >> beam.Filter(lambda table: table is not None)
        )


class CollectTargets(beam.PTransform[Any, Any]):
    """Counts records by tuple of quasi-identifiers and value of a training target.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]` of at most one table, as
    `target_counts` gives it. Counts alone travel, no person. Of more than `most` counts
    there is no table.
    """

    def __init__(
        self, quasi_identifiers: Sequence[str], target: str, most: int | None = None
    ) -> None:
        super().__init__()
        self._quasi = tuple(quasi_identifiers)
        self._target = target
        self._fn: beam.CombineFn = MergeFn(merge_targets)
        if most is not None:
            self._fn = MergeWithinFn(merge_targets, most)

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Add up the counts of all blocks."""
        return (
            blocks
            | "Targets" >> beam.Map(target_counts, self._quasi, self._target)
            | "Add up" >> beam.CombineGlobally(self._fn)
            | "Any" >> beam.Filter(lambda table: table is not None)
        )


class CountValues(beam.PTransform[Any, Any]):
    """Counts the people of every class by value of one sensitive attribute.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]`, tables as `value_people`
    gives them; each class stands in one of them. Exact in any order, split and bundling.
    """

    def __init__(self, quasi_identifiers: Sequence[str], sensitive: str) -> None:
        super().__init__()
        self._quasi = tuple(quasi_identifiers)
        self._sensitive = sensitive

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Spread triples over shards by class, and count each shard."""
        return (
            blocks
            | "Spread" >> beam.FlatMap(_shards, self._quasi, self._sensitive)
            | "Gather" >> beam.CombinePerKey(MergeFn(distinct_rows, value_people))
            | "Counts" >> beam.Values()
        )


def _shards(
    block: pa.RecordBatch, quasi: Sequence[str], sensitive: str
) -> Iterator[tuple[int, pa.Table]]:
    triples = value_triples(block, quasi, sensitive)
    yield from by_shard(triples, shard_of_labels(triples.select(list(quasi))))


def shard_of_labels(labels: pa.Table, shards: int = SHARDS) -> Ints:
    """Give each class a shard by its labels alone: the same in every block."""
    digest = np.zeros(labels.num_rows, dtype=np.int64)
    for column in labels.columns:
        coded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        texts = coded.dictionary.cast(pa.string()).to_pylist()
        checks = np.array(
            [zlib.crc32((text or "").encode()) for text in texts] or [0],
            dtype=np.int64,
        )
        codes = coded.indices.to_numpy(zero_copy_only=False)
        digest = (digest * 31 + checks[codes]) % (2**31 - 1)
    return digest % shards
