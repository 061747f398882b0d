"""The histogram that k-anonymity is decided on: distinct tuple → distinct subjects.

Events collapse to *k-capped distinct sets*: per tuple of quasi-identifiers at most k
data subjects (those with the smallest hashes) and the exact number of rows. Uniting two
such sets and cutting again gives the set of the union, so histograms merge in any order,
and "at least k people?" is answered exactly for every union of tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa

from ...policies.errors import GateError
from ..blocks.names import SUBJECT
from .codes import Ints, canonical, combine, encode, ranks

__all__ = [
    "ROWS",
    "HistogramFn",
    "codes_of",
    "histogram_of",
    "merge_histograms",
    "total_rows",
]

ROWS = "optin:rows"
"""int64 column of a histogram: rows of the tuple, on the tuple's first subject."""

_PENDING_ROWS = 1 << 18
"""Histogram rows that an accumulator gathers before it merges them."""

Accumulator = list[pa.Table]


def histogram_of(
    data: pa.Table | pa.RecordBatch, quasi: Sequence[str], k: int
) -> pa.Table:
    """Collapse rows to the k-capped histogram of their quasi-identifier tuples.

    Args:
        data: block or table with the columns `quasi` and `optin:subject` (uint64).
        quasi: names of the quasi-identifiers; null is a value of its own, NaN is null.
        k: most subjects kept per tuple, ≥ 1.

    Returns:
        Columns `quasi` (in their types), `optin:subject` uint64, `optin:rows` int64;
        one row per tuple and kept subject, sorted by tuple (nulls last) and subject.
        The tuple's row count stands on its first subject, the others carry 0.

    Raises:
        GateError: a row has no subject.
    """
    rows = np.ones(data.num_rows, dtype=np.int64)
    columns = {name: canonical(data.column(name)) for name in quasi}
    return _capped(columns, _subjects(data.column(SUBJECT)), rows, k)


def merge_histograms(tables: Sequence[pa.Table], k: int) -> pa.Table:
    """Merge histograms of the same columns and the same k into one.

    Associative and commutative; the result is the same, byte for byte, however the rows
    were split. A table without rows adds nothing, whatever its types.

    Args:
        tables: results of `histogram_of` or of this function; at least one.
        k: most subjects kept per tuple; the k that they were built with.
    """
    filled = [table for table in tables if table.num_rows] or list(tables[:1])
    whole = pa.concat_tables(filled)
    quasi = whole.column_names[:-2]
    columns = {name: canonical(whole.column(name)) for name in quasi}
    rows = whole.column(ROWS).to_numpy().astype(np.int64, copy=False)
    return _capped(columns, _subjects(whole.column(SUBJECT)), rows, k)


def total_rows(histogram: pa.Table) -> int:
    """Give the number of rows that a histogram stands for."""
    return int(histogram.column(ROWS).to_numpy().sum())


def codes_of(columns: Sequence[pa.ChunkedArray | pa.Array]) -> tuple[Ints, int]:
    """Number the distinct tuples of columns of equal length (nulls are values).

    Returns:
        Per row the number of its tuple, in the order of the tuples, and how many there
        are.
    """
    coded = [encode(canonical(column)) for column in columns]
    key, bound = combine(
        [codes for _, codes in coded],
        [len(values) for values, _ in coded],
        len(columns[0]) if columns else 0,
    )
    distinct, tuple_of = ranks(key, bound)
    return tuple_of, len(distinct)


def _subjects(column: pa.Array | pa.ChunkedArray) -> Ints:
    """Give subjects as int64 whose order is the order of the unsigned hashes."""
    if column.null_count:
        message = (
            f"{column.null_count} rows have no data subject; every row that reaches "
            "k-anonymity must carry optin:subject (the consent gate adds it)"
        )
        raise GateError(message)
    unsigned = canonical(column).to_numpy(zero_copy_only=False)
    flipped: Ints = (unsigned ^ np.uint64(1 << 63)).view(np.int64)
    return flipped


def _capped(
    columns: dict[str, pa.Array], subject: Ints, rows: Ints, k: int
) -> pa.Table:
    """Group by tuple, drop repeated subjects, cap at k, add up the rows."""
    count = len(subject)
    coded = {name: encode(array) for name, array in columns.items()}
    key, bound = combine(
        [codes for _, codes in coded.values()],
        [len(values) for values, _ in coded.values()],
        count,
    )
    distinct, tuple_of = ranks(key, bound)
    totals = np.bincount(tuple_of, weights=None, minlength=len(distinct))
    if rows.size and not (rows == 1).all():
        totals = _sum_by(tuple_of, rows, len(distinct))
    order = _sorted(tuple_of, subject)
    tuple_of, subject = tuple_of[order], subject[order]
    fresh = np.ones(count, dtype=np.bool_)
    fresh[1:] = (tuple_of[1:] != tuple_of[:-1]) | (subject[1:] != subject[:-1])
    order, tuple_of, subject = order[fresh], tuple_of[fresh], subject[fresh]
    first = np.searchsorted(tuple_of, np.arange(len(distinct)))
    position = np.arange(len(tuple_of)) - first[tuple_of]
    kept = position < k
    order, subject, position = order[kept], subject[kept], position[kept]
    held = np.where(position == 0, totals[tuple_of[kept]], 0)
    arrays = [values.take(pa.array(codes[order])) for values, codes in coded.values()]
    hashes = subject.view(np.uint64) ^ np.uint64(1 << 63)
    arrays += [pa.array(hashes, pa.uint64()), pa.array(held, pa.int64())]
    return pa.table(arrays, names=[*columns, SUBJECT, ROWS])


def _sum_by(group: Ints, amount: Ints, groups: int) -> Ints:
    """Add up integers exactly (bincount's weights are float64)."""
    total = np.zeros(groups, dtype=np.int64)
    np.add.at(total, group, amount)
    return total


def _sorted(group: Ints, subject: Ints) -> Ints:
    """Give the order by group, then subject."""
    by_subject = np.argsort(subject)  # ties are equal rows: their order is irrelevant
    order: Ints = by_subject[np.argsort(group[by_subject], kind="stable")]
    return order


class HistogramFn(beam.CombineFn):
    """Combines blocks into one histogram.

    Accumulators hold at most *distinct tuples times k* rows plus a bounded number of rows
    that wait to be merged. Blocks → one `pa.Table` as `histogram_of` gives it, or None
    if there was no block.
    """

    def __init__(self, quasi: Sequence[str], k: int) -> None:
        self._quasi = tuple(quasi)
        self._k = k

    def create_accumulator(self) -> Accumulator:
        """Start with nothing."""
        return []

    def add_input(
        self, accumulator: Accumulator, element: pa.Table | pa.RecordBatch
    ) -> Accumulator:
        """Collapse a block and keep it."""
        accumulator.append(histogram_of(element, self._quasi, self._k))
        return self._settled(accumulator)

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Unite accumulators, merging as they come so that memory stays bounded."""
        united: Accumulator = []
        for accumulator in accumulators:
            united = self._settled([*united, *accumulator])
        return united

    def compact(self, accumulator: Accumulator) -> Accumulator:
        """Merge what waits, before the accumulator travels."""
        return [merge_histograms(accumulator, self._k)] if accumulator else []

    def extract_output(self, accumulator: Accumulator) -> pa.Table | None:
        """Give the histogram of everything, or None where there was no block."""
        return merge_histograms(accumulator, self._k) if accumulator else None

    def _settled(self, accumulator: Accumulator) -> Accumulator:
        """Merge when as much waits as was merged before: each row is merged O(log n) times."""
        waiting = sum(table.num_rows for table in accumulator[1:])
        merged = accumulator[0].num_rows if accumulator else 0
        if waiting < max(_PENDING_ROWS, merged) and len(accumulator) < 256:
            return accumulator
        return [merge_histograms(accumulator, self._k)]
