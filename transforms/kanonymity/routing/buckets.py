"""Buckets on disk: counted part by part, then solved one by one.

A part of the records leaves one file: its k-capped histogram in the order of the buckets.
A bucket is a slice of each; merging the slices counts it exactly, whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...blocks.names import SUBJECT
from ..counting.histogram import ROWS, histogram_of, merge_histograms
from ..ladders.domains import Domain, outside_hierarchy
from .files import Sliced, read_arrays, read_slices, write_arrays, write_sliced
from .tree import Router

__all__ = [
    "BucketPart",
    "Layout",
    "lay_out",
    "read_bucket",
    "sort_histogram",
    "sort_part",
]

_PENDING_ROWS = 1 << 20
_BUCKET = "optin:bucket"

Tokens = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class BucketPart:
    """What one part of the records left.

    Attributes:
        counted: its histogram, by bucket.
        facts: file with the distinct values of each column, and the people of each
            bucket, at most k.
    """

    counted: Sliced
    facts: str


@dataclass(frozen=True)
class Layout:
    """Which tuples are solved together.

    Attributes:
        router: sends tuples to the buckets, each of which has k people.
        first: first slice of each bucket.
        slices: how many slices the files have.
        parts: the files.
        domains: one per quasi-identifier, of the whole set.
    """

    router: Router
    first: tuple[int, ...]
    slices: int
    parts: tuple[BucketPart, ...]
    domains: tuple[Domain, ...]

    def range_of(self, bucket: int) -> tuple[int, int]:
        """Give the first slice of a bucket and the one behind its last."""
        ends = (*self.first[1:], self.slices)
        return self.first[bucket], ends[bucket]


def sort_part(
    data: pa.Table | pa.RecordBatch, router: Router, k: int, path: str
) -> BucketPart:
    """Count a part of the records by bucket.

    Args:
        data: records with the quasi-identifiers and `optin:subject`.
        router: sends their tuples to buckets.
        k: most subjects kept per tuple.
        path: what the two files' names begin with.
    """
    names = [ladder.column for ladder in router.ladders]
    return sort_histogram(histogram_of(data, names, k), router, k, path)


def sort_histogram(
    histogram: pa.Table, router: Router, k: int, path: str
) -> BucketPart:
    """Lay a histogram down by bucket, as `sort_part` does."""
    bucket = router.route(histogram)
    counted = write_sliced(histogram, bucket, router.buckets, f"{path}.arrow")
    people = _capped(pa.table({_BUCKET: bucket, SUBJECT: histogram.column(SUBJECT)}), k)
    facts = {name: people.column(name).combine_chunks() for name in (_BUCKET, SUBJECT)}
    for ladder in router.ladders:
        facts[f"value:{ladder.column}"] = _distinct([histogram.column(ladder.column)])
    return BucketPart(counted, write_arrays(facts, f"{path}.facts.arrow"))


def _capped(people: pa.Table, k: int) -> pa.Table:
    """Keep the k smallest subjects of every bucket: exact for "k people at least?"."""
    distinct = people.group_by([_BUCKET, SUBJECT], use_threads=False).aggregate([])
    ordered = distinct.sort_by([(_BUCKET, "ascending"), (SUBJECT, "ascending")])
    bucket = ordered.column(_BUCKET).to_numpy()
    place = np.arange(len(bucket)) - np.searchsorted(bucket, bucket)
    return ordered.filter(pa.array(place < k))


def _distinct(columns: Sequence[pa.ChunkedArray | pa.Array]) -> pa.Array:
    chunks = [
        chunk
        for column in columns
        for chunk in (
            column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        )
    ]
    found = pc.unique(pa.chunked_array(chunks, chunks[0].type if chunks else pa.null()))
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def lay_out(parts: Iterable[BucketPart], router: Router, k: int) -> Layout:
    """Merge the buckets of fewer than k people, and learn what losses are held against.

    Raises:
        GateError: records hold values outside a hierarchy that does not let them be `*`.
    """
    ordered = tuple(sorted(parts, key=lambda part: part.counted.path))
    people: pa.Table | None = None
    values: dict[str, pa.Array] = {}
    for part in ordered:
        facts = read_arrays(part.facts)
        more = pa.table({name: facts[name] for name in (_BUCKET, SUBJECT)})
        people = _capped(pa.concat_tables([people, more]) if people else more, k)
        for ladder in router.ladders:
            name = ladder.column
            seen = facts[f"value:{name}"]
            values[name] = _distinct([values[name], seen] if name in values else [seen])
    gathered, first = router.gathered(_by_bucket(people, router.buckets), k)
    domains = tuple(
        Domain.of(ladder, values.get(ladder.column, pa.nulls(0)))
        for ladder in router.ladders
    )
    _refuse_outside(domains, ordered)
    return Layout(gathered, first, router.buckets, ordered, domains)


def _by_bucket(people: pa.Table | None, buckets: int) -> list[Tokens]:
    if people is None:
        return [np.zeros(0, dtype=np.uint64)] * buckets
    ends = np.searchsorted(people.column(_BUCKET).to_numpy(), np.arange(buckets + 1))
    tokens = people.column(SUBJECT).to_numpy()
    return [tokens[ends[b] : ends[b + 1]] for b in range(buckets)]


def _refuse_outside(domains: Sequence[Domain], parts: Sequence[BucketPart]) -> None:
    for domain in domains:
        if not len(domain.refused):
            continue
        name = domain.ladder.column
        records = 0
        for part in parts:
            whole = read_slices(part.counted, 0, len(part.counted.offsets) - 1)
            outside = pc.is_in(whole.column(name), value_set=domain.refused)
            records += int(pc.sum(whole.column(ROWS).filter(outside)).as_py() or 0)
        raise outside_hierarchy(name, records, len(domain.refused))


def read_bucket(layout: Layout, bucket: int, k: int) -> pa.Table:
    """Give the k-capped histogram of a bucket: that of all its records."""
    first, stop = layout.range_of(bucket)
    merged: list[pa.Table] = []
    for piece in _pieces(layout.parts, first, stop):
        waiting = sum(table.num_rows for table in merged[1:])
        held = merged[0].num_rows if merged else 0
        if merged and waiting + piece.num_rows > max(_PENDING_ROWS, held):
            merged = [merge_histograms(merged, k)]
        merged.append(piece)
    return merge_histograms(merged, k)


def _pieces(parts: Sequence[BucketPart], first: int, stop: int) -> Iterator[pa.Table]:
    for part in parts:
        yield read_slices(part.counted, first, stop)
