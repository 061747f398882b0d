"""The histogram that k-anonymity is decided on: distinct tuple → distinct subjects.

Events collapse to *k-capped distinct sets*: per tuple of quasi-identifiers at most k
data subjects (those with the smallest hashes) and the exact number of rows. Uniting two
such sets and cutting again gives the set of the union, so histograms merge in any order,
and "at least k people?" is answered exactly for every union of tuples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ....policies.errors import GateError
from ...blocks.names import SUBJECT
from .codes import Ints, canonical, combine, encode, list_values, ranks
from .tally import CodedRows, Tally

__all__ = [
    "ROWS",
    "Counting",
    "code_histogram_rows",
    "code_rows",
    "codes_of",
    "histogram_of",
    "merge_histograms",
    "total_rows",
]

ROWS = "optin:rows"
"""int64 column of a histogram: rows of the tuple, on the tuple's first subject."""

_PENDING_ROWS = 1 << 19
"""Rows that are gathered before they are counted."""

_PENDING_BLOCKS = 256


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
    counting = Counting(k)
    for start in range(0, max(data.num_rows, 1), _PENDING_ROWS):
        counting.add(code_rows(data.slice(start, _PENDING_ROWS), quasi))
    return counting.table()


def merge_histograms(tables: Sequence[pa.Table], k: int) -> pa.Table:
    """Merge histograms of the same columns and the same k into one.

    Associative and commutative; the result is the same, byte for byte, however the rows
    were split. A table without rows adds nothing, whatever its types.

    Args:
        tables: results of `histogram_of` or of this function; at least one.
        k: most subjects kept per tuple; the k that they were built with.
    """
    filled = [table for table in tables if table.num_rows] or list(tables[:1])
    counting = Counting(k)
    for table in filled:
        counting.add(code_histogram_rows(table))
    return counting.table()


def code_histogram_rows(table: pa.Table) -> CodedRows:
    """Code a histogram, to count it with more rows."""
    rows = table.column(ROWS).to_numpy().astype(np.int64, copy=False)
    return replace(code_rows(table, table.column_names[:-2]), rows=rows)


def code_rows(data: pa.Table | pa.RecordBatch, quasi: Sequence[str]) -> CodedRows:
    """Code a block's rows, each for itself.

    Raises:
        GateError: a row has no subject.
    """
    columns = {name: list_values(data.column(name)) for name in quasi}
    return CodedRows(columns, _subjects(data.column(SUBJECT)))


class Counting:
    """Counts coded blocks, many together.

    What is held is at most *distinct tuples times k* subjects, and a bounded number of
    rows that wait to be counted.
    """

    def __init__(self, k: int) -> None:
        self.tally = Tally(k)
        self._waiting: list[CodedRows] = []
        self._rows = 0

    @property
    def empty(self) -> bool:
        """Whether there was no block at all."""
        return self.tally.unused and not self._waiting

    def add(self, part: CodedRows) -> bool:
        """Count a block, at once or later; tell which."""
        self._waiting.append(part)
        self._rows += len(part.subject)
        settles = self._rows >= _PENDING_ROWS or len(self._waiting) >= _PENDING_BLOCKS
        if settles:
            self._count()
        return settles

    def unite(self, other: Counting) -> None:
        """Count what another counted."""
        if not other.empty:
            other.settle()
            self.add(other.tally.parts())

    def settle(self) -> None:
        """Count all that waits."""
        self._count()
        self.tally.settle()

    def table(self) -> pa.Table:
        """Give the histogram, as `histogram_of` does."""
        self.settle()
        return _table(self.tally)

    def _count(self) -> None:
        if self._waiting:
            self.tally.add(self._waiting)
            self._waiting, self._rows = [], 0


def _table(tally: Tally) -> pa.Table:
    counted = tally.rows()
    arrays = [
        values.take(pa.array(codes[counted.tuple_of]))
        for values, codes in counted.columns.values()
    ]
    held = np.zeros(len(counted.subject), dtype=np.int64)
    held[counted.first] = counted.rows
    hashes = counted.subject.view(np.uint64) ^ np.uint64(1 << 63)
    arrays += [pa.array(hashes, pa.uint64()), pa.array(held, pa.int64())]
    return pa.table(arrays, names=[*counted.columns, SUBJECT, ROWS])


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
