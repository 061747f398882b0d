"""Collects the tuples of people over all blocks, settles them, and keeps them on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import PCollection

from ...blocks.names import SUBJECT
from ..combine import MergeFn
from ..counting.histogram import ROWS
from ..counting.storage import read_table, write_table
from .harmonise import (
    OWN,
    Harmonise,
    Harmonised,
    choose_tuples,
    histogram_of_choice,
    merge_tuples,
    tuples_of,
)
from .links import as_one, link_groups, united
from .shards import shards_of, write_shard

__all__ = ["CollectTuples", "SettledPeople", "StoredPeople", "settle_people"]


class CollectTuples(beam.PTransform[Any, Any]):
    """Chooses the tuple of every person, and leaves a file a shard.

    Shape: `PCollection[RecordBatch] -> PCollection[str]`, the files' paths; at most 64,
    whose names rise with the subjects in them. What travels is distinct (subject, tuple)
    pairs. Memory: the pairs of one shard, about 1/64 of all.
    """

    def __init__(
        self, quasi_identifiers: Sequence[str], how: Harmonise, prefix: str
    ) -> None:
        super().__init__()
        self._quasi = tuple(quasi_identifiers)
        self._finish = partial(choose_tuples, how=how)
        self._prefix = prefix

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[str]:
        """Spread people over shards, choose, and write."""
        return (
            blocks
            | "Spread" >> beam.FlatMap(_spread, self._quasi)
            | "Gather" >> beam.CombinePerKey(MergeFn(merge_tuples, self._finish))
            | "Write" >> beam.Map(write_shard, self._prefix)
        )


def _spread(
    block: pa.RecordBatch, quasi: Sequence[str]
) -> Iterator[tuple[int, pa.Table]]:
    yield from shards_of(tuples_of(block, quasi), SUBJECT)


@dataclass(frozen=True)
class StoredPeople:
    """The tuples of all people on disk: small to send, mapped where it is used.

    Attributes:
        path: what the two files' names begin with.
    """

    path: str

    def apply(self, table: pa.Table) -> pa.Table:
        """Put each row's subject's tuple for its own (`Harmonised.apply`)."""
        return _loaded(self.path).apply(table)


@dataclass(frozen=True)
class SettledPeople:
    """What was settled.

    Attributes:
        people: to be applied to blocks.
        histogram: of the harmonised records, k-capped; linked subjects count as one
            person, for that is what a reader sees.
        subjects: distinct data subjects.
        groups: groups of subjects who share a published identifier.
        rows: records.
        moved: records that get another tuple than their own.
    """

    people: StoredPeople
    histogram: pa.Table
    subjects: int
    groups: int
    rows: int
    moved: int


def settle_people(
    paths: Sequence[str],
    shared: Sequence[pa.Table],
    how: Harmonise,
    k: int,
    path: str,
) -> SettledPeople | None:
    """Put the shards together, unite linked people, and store the result.

    Runs on the driver; it holds about 60 bytes a person beside the distinct tuples.

    Args:
        paths: what `CollectTuples` left.
        shared: what `CollectShared` found, of all published identifiers.
        how: as the shards were chosen.
        k: of the histogram.
        path: what the files of the result are named after.

    Returns:
        Null where there was nobody.
    """
    tables = [read_table(one) for one in sorted(paths)]
    if not tables:
        return None
    linked = link_groups(shared)
    chosen, groups = united(pa.concat_tables(tables), linked, how)
    harmonised = Harmonised.of(chosen)
    write_table(
        pa.table(
            {
                SUBJECT: pa.array(harmonised.subjects),
                "code": pa.array(harmonised.codes.astype(np.int32)),
            }
        ),
        f"{path}.subjects.arrow",
    )
    write_table(harmonised.tuples, f"{path}.tuples.arrow")
    rows = int(chosen.column(ROWS).to_numpy().sum())
    return SettledPeople(
        people=StoredPeople(path),
        histogram=histogram_of_choice(as_one(chosen, linked), k),
        subjects=chosen.num_rows,
        groups=groups,
        rows=rows,
        moved=rows - int(chosen.column(OWN).to_numpy().sum()),
    )


@lru_cache(maxsize=2)
def _loaded(path: str) -> Harmonised:
    """Open a result once per process; its path holds the run's id."""
    people = read_table(f"{path}.subjects.arrow")
    return Harmonised(
        np.asarray(people.column(SUBJECT).to_numpy(), dtype=np.uint64),
        people.column("code").to_numpy(),
        read_table(f"{path}.tuples.arrow"),
    )
