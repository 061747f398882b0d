"""Chooses a recoding bucket by bucket, without Beam."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from ..ladders.ladder import Ladder
from ..ladders.quantiles import fit_ladders
from ..local import DEFAULT_EFFORT
from .bucketed import BucketedRecoding, solve_bucket, stitch
from .buckets import lay_out, sort_part
from .thin import estimated_pairs
from .tree import Router, learn_router

__all__ = ["MOST_PAIRS", "choose_local_bucketed", "learn_buckets"]

MOST_PAIRS = 3_000_000
"""Pairs of tuple and person, k a tuple at most, that are chosen on at once."""

_BUCKETS_OF_LIMIT = 8
_PART_ROWS = 1 << 19


def learn_buckets(
    sample: pa.Table, ladders: Sequence[Ladder], k: int, most: int
) -> Router:
    """Learn how to cut a set of more than `most` pairs into buckets of an eighth of it.

    Args:
        sample: of the set's histogram, as `Limited` gives it, or the whole.
        ladders: one per quasi-identifier. Those of quantiles are fitted to the sample:
            who is in it is in the set, so their edges hide as many people at least.
        k: fewest people.
        most: pairs of tuple and person that are chosen on at once.
    """
    size = max(most // _BUCKETS_OF_LIMIT, 1)
    buckets = max(-(-estimated_pairs(sample) // size), 2)
    fits = max(sample.num_rows // buckets // 3, 1)
    fitted = fit_ladders(sample, ladders, k)
    return learn_router(sample, fitted, buckets, min(fits, 64))


def choose_local_bucketed(
    blocks: Iterable[pa.RecordBatch],
    sample: pa.Table,
    ladders: Sequence[Ladder],
    k: int,
    suppress_max: float,
    *,
    folder: str,
    most_pairs: int = MOST_PAIRS,
    effort: int = DEFAULT_EFFORT,
    ranges: bool = True,
    sets: bool = False,
) -> BucketedRecoding:
    """Choose a local recoding of records whose tuples are too many for one histogram.

    As `choose_local`, but for what may be lost at the buckets' edges. Memory: one part
    of 524,288 records while it is counted, one bucket while it is solved, and the distinct values of one
    column. All else lies in `folder`, which the recoding needs as long as it is applied.

    Args:
        blocks: the consented records, read once, with `optin:subject`.
        sample: what `Limited` gives of them.
        ladders: one per quasi-identifier; `weight` and `max_level` are heeded.
        k: fewest distinct data subjects of a class.
        suppress_max: largest share of all records that may be suppressed.
        folder: where the files go; it is there, and empty.
        most_pairs: pairs of tuple and person, k a tuple at most, that are chosen on at
            once; a bucket aims at an eighth of it.
        effort: most nodes of the lattice that are visited in a bucket, at least 1.
        ranges: numbers and dates are published as tight ranges.
        sets: categories are published as sets of values.

    Returns:
        The recoding. Every class it releases covers at least k distinct subjects. The
        same for the same records, in any order and blocks.

    Raises:
        GateError: more than `suppress_max` of the records would be suppressed.
    """
    router = learn_buckets(sample, ladders, k, most_pairs)
    parts = [
        sort_part(part, router, k, posixpath.join(folder, f"part-{number:05d}"))
        for number, part in enumerate(_parts(blocks))
    ]
    layout = lay_out(parts, router, k)
    solved = [
        solve_bucket(
            layout,
            bucket,
            k,
            suppress_max,
            posixpath.join(folder, f"plan-{bucket:05d}.arrow"),
            effort=effort,
            ranges=ranges,
            sets=sets,
        )
        for bucket in range(layout.router.buckets)
    ]
    return stitch(layout, solved, k, suppress_max)


def _parts(blocks: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather blocks to parts that are worth a file."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for block in blocks:
        waiting.append(block)
        rows += block.num_rows
        if rows >= _PART_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)
