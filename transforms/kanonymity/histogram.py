"""The histogram that k-anonymity is decided on: distinct tuple → distinct subjects.

Events collapse to *k-capped distinct sets*: per tuple of quasi-identifiers at most k
data subjects (those with the smallest hashes) and the exact number of rows. Uniting two
such sets and cutting again gives the set of the union, so histograms merge in any order,
and "at least k people?" is answered exactly for every union of tuples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.errors import GateError
from ..blocks.names import SUBJECT
from .codes import Ints, canonical, combine, encode, encode_column, ranks

__all__ = [
    "ROWS",
    "CodedRows",
    "code_rows",
    "codes_of",
    "histogram_of",
    "merge_histograms",
    "resume_rows",
    "total_rows",
    "unite_rows",
]

ROWS = "optin:rows"
"""int64 column of a histogram: rows of the tuple, on the tuple's first subject."""

Bools = npt.NDArray[np.bool_]


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
    columns = {name: encode_column(data.column(name)) for name in quasi}
    return _capped(columns, _subjects(data.column(SUBJECT)), rows, k).decoded()


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
    columns = {name: encode(canonical(whole.column(name))) for name in quasi}
    rows = whole.column(ROWS).to_numpy().astype(np.int64, copy=False)
    return _capped(columns, _subjects(whole.column(SUBJECT)), rows, k).decoded()


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


@dataclass(frozen=True)
class CodedRows:
    """Rows of a histogram in codes.

    Attributes:
        columns: per quasi-identifier, distinct values (ascending, null last) and the
            code of each row, int32.
        subject: subjects in the order of their hashes, as `_subjects` gives them.
        rows: records that stand on each row.
        capped: the rows are sorted, and capped at k subjects a tuple.
    """

    columns: dict[str, tuple[pa.Array, npt.NDArray[np.int32]]]
    subject: Ints
    rows: Ints
    capped: bool

    def decoded(self) -> pa.Table:
        """Give the histogram as a table, in the columns' own types."""
        arrays = [
            values.take(pa.array(codes)) for values, codes in self.columns.values()
        ]
        hashes = self.subject.view(np.uint64) ^ np.uint64(1 << 63)
        arrays += [pa.array(hashes, pa.uint64()), pa.array(self.rows, pa.int64())]
        return pa.table(arrays, names=[*self.columns, SUBJECT, ROWS])


def code_rows(data: pa.Table | pa.RecordBatch, quasi: Sequence[str]) -> CodedRows:
    """Code a block's rows, each for itself."""
    columns = {}
    for name in quasi:
        values, codes = encode_column(data.column(name))
        columns[name] = (values, codes.astype(np.int32))
    rows = np.ones(data.num_rows, dtype=np.int64)
    return CodedRows(columns, _subjects(data.column(SUBJECT)), rows, capped=False)


def resume_rows(table: pa.Table, k: int) -> CodedRows:
    """Code a histogram, to unite it with more rows."""
    names = table.column_names[:-2]
    columns = {name: encode_column(table.column(name)) for name in names}
    rows = table.column(ROWS).to_numpy().astype(np.int64, copy=False)
    return _capped(columns, _subjects(table.column(SUBJECT)), rows, k)


def unite_rows(parts: Sequence[CodedRows], k: int) -> CodedRows:
    """Merge coded histograms; only distinct values are compared, never the rows'."""
    parts = [part for part in parts if len(part.rows)] or list(parts[:1])
    columns: dict[str, tuple[pa.Array, Ints]] = {}
    for name in parts[0].columns:
        pieces = [part.columns[name] for part in parts]
        values, places = encode(pa.concat_arrays([values for values, _ in pieces]))
        starts = np.cumsum([0, *(len(values) for values, _ in pieces)])
        moved = [
            places[start : start + len(piece)][codes]
            for start, (piece, codes) in zip(starts.tolist(), pieces, strict=False)
        ]
        columns[name] = (values, np.concatenate(moved))
    subject = np.concatenate([part.subject for part in parts])
    rows = np.concatenate([part.rows for part in parts])
    capped = len(parts[0].rows) if parts[0].capped else 0
    return _capped(columns, subject, rows, k, capped=capped)


def _capped(
    coded: dict[str, tuple[pa.Array, Ints]],
    subject: Ints,
    rows: Ints,
    k: int,
    *,
    capped: int = 0,
) -> CodedRows:
    """Group by tuple, drop repeated subjects, cap at k, add up the rows.

    The first `capped` rows may be a result of this function: tuples that have k subjects
    there take in smaller hashes alone, and the other rows need not be sorted.
    """
    count = len(subject)
    key, bound = combine(
        [codes for _, codes in coded.values()],
        [len(values) for values, _ in coded.values()],
        count,
    )
    order = _by_key(key, bound)
    fresh = np.ones(count, dtype=np.bool_)
    sorted_key = key[order]
    fresh[1:] = sorted_key[1:] != sorted_key[:-1]
    tuple_of = np.cumsum(fresh) - 1
    starts = np.flatnonzero(fresh)
    totals = np.add.reduceat(rows[order], starts) if count else rows
    needed = _needed(order, starts, subject, k, capped)
    order, tuple_of, fresh = order[needed], tuple_of[needed], fresh[needed]
    inside = _by_subject(tuple_of, subject[order])
    order, subject = order[inside], subject[order][inside]
    # Groups keep their places: only the order within them has changed.
    fresh[1:] |= subject[1:] != subject[:-1]
    order, tuple_of, subject = order[fresh], tuple_of[fresh], subject[fresh]
    first = np.searchsorted(tuple_of, np.arange(len(starts)))
    position = np.arange(len(tuple_of)) - first[tuple_of]
    kept = position < k
    order, subject, position = order[kept], subject[kept], position[kept]
    held = np.where(position == 0, totals[tuple_of[kept]], 0)
    return CodedRows(
        columns={
            name: (values, codes[order].astype(np.int32))
            for name, (values, codes) in coded.items()
        },
        subject=subject,
        rows=held,
        capped=True,
    )


def _needed(order: Ints, starts: Ints, subject: Ints, k: int, capped: int) -> Bools:
    """Tell which sorted rows may be among the k smallest subjects of their group.

    Rows of the capped part lead their groups, ascending: the sort by key was stable.
    """
    needed = np.ones(len(order), dtype=np.bool_)
    last = starts + k - 1
    full = last < np.append(starts[1:], len(order))
    full[full] = order[last[full]] < capped
    if not full.any():
        return needed
    highest = np.zeros(len(starts), dtype=np.int64)  # no hash is a bound for all
    highest[full] = subject[order[last[full]]]
    sizes = np.diff(np.append(starts, len(order)))
    below = subject[order] < np.repeat(highest, sizes)
    return (order < capped) | below | np.repeat(~full, sizes)


def _by_key(key: Ints, bound: int) -> Ints:
    """Sort by key; sorting numbers that hold their place beats sorting places."""
    bits = max(len(key) - 1, 1).bit_length()
    if (bound - 1).bit_length() + bits > 62:
        return np.argsort(key, kind="stable")
    packed = (key << bits) | np.arange(len(key))
    packed.sort()
    return packed & ((1 << bits) - 1)


def _by_subject(group: Ints, subject: Ints) -> Ints:
    """Give the order by group, which ascends, then subject.

    The group and the leading bits of the subject are sorted as one number; hashes hardly
    ever share those. Where they do, both are sorted in full.
    """
    bits = 63 - max(int(group[-1]) if len(group) else 0, 1).bit_length()
    leading = (subject >> (64 - bits)) + (1 << (bits - 1))
    packed = (group << bits) | leading
    order = np.argsort(packed)
    ordered, within = packed[order], subject[order]
    tied = ordered[1:] == ordered[:-1]
    if not (within[1:][tied] < within[:-1][tied]).any():
        return order
    by_subject = np.argsort(subject)  # ties are equal rows: their order is irrelevant
    return by_subject[np.argsort(group[by_subject], kind="stable")]
