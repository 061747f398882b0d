"""Mergeable states of metrics: what a worker sends to be combined.

The merge is associative and commutative and exact (sums are held as integers, not as
rounded floats), so how a table is cut into blocks never shows in the result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .conditions import condition_columns

__all__ = [
    "COUNTED_MAX",
    "DISTINCT_MAX",
    "UNIQUE_MAX",
    "Counted",
    "MetricRequest",
    "Partial",
    "Run",
    "Tally",
    "merge_partials",
    "rows_repeated",
]

DISTINCT_MAX = 100_000
"""Largest limit on a number of distinct values; one more is all that is counted."""

UNIQUE_MAX = 50_000_000
"""Most values that uniqueness is decided on (8 bytes each)."""

COUNTED_MAX = 2_000_000
"""Most distinct values of a column that are counted one by one (median, quantiles, …)."""


@dataclass(frozen=True, order=True)
class MetricRequest:
    """What to compute on one column.

    Attributes:
        kind: name of a kernel, such as `in_set`.
        column: column name; "" when only rows are counted.
        parameters: the kernel's arguments as JSON with sorted keys (text, so that 1, 1.0
            and true stay different and the request is hashable).
        others: further columns that a kernel looks at row by row.
        condition: which rows count, as `conditions.py` writes it; "" for all.
    """

    kind: str
    column: str
    parameters: str = "{}"
    others: tuple[str, ...] = ()
    condition: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it measures."""
        return (self.column, *self.others) if self.column else self.others

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that must be read, those of the row condition included."""
        return tuple(dict.fromkeys((*self.columns, *condition_columns(self.condition))))

    def arguments(self) -> dict[str, object]:
        """Give `parameters` as a dict."""
        loaded: dict[str, object] = json.loads(self.parameters)
        return loaded


@dataclass(frozen=True)
class Counted:
    """Distinct values in ascending order, with the number of rows of each.

    Attributes:
        values: distinct values; None when there are more than `COUNTED_MAX`.
        rows: int64 number of rows of each.
    """

    values: pa.Array | None
    rows: pa.Array | None

    @classmethod
    def of(cls, values: pa.Array, rows: pa.Array) -> Counted:
        """Sort distinct values with their counts."""
        if len(values) > COUNTED_MAX:
            return cls(None, None)
        order = pc.sort_indices(values)
        return cls(values.take(order), rows.take(order))


@dataclass(frozen=True, order=True)
class Run:
    """The two ends of a block of rows that have an order.

    Attributes:
        position: place of the block.
        first: its first value.
        last: its last value.
    """

    position: int
    first: int | float
    last: int | float


@dataclass(frozen=True)
class Tally:
    """Mergeable state of one metric; a kernel fills the fields that it needs.

    Attributes:
        nulls: rows without a value.
        unexpected: rows whose value is not as expected.
        low: smallest value.
        high: largest value.
        scaled: exact sum of the finite values, in units of 2^-1126.
        infinities: number of +inf and of -inf values.
        hashes: sorted little-endian uint64 hashes of values, the smallest `most`; a
            truncated union of truncated sets is the truncated union, so a count up to
            `most` is exact.
        most: number of hashes kept; 0 when none are wanted.
        repeats: whether equal hashes are kept as often as they occur.
        seen: positions in the expected value set that occur.
        problem: why the metric cannot be computed, or ""; never holds a value.
        foreign: whether Great Expectations on pandas may read what our kernels cannot.
        rows: rows that count (all, or those of the row condition).
        tested: of those, the rows that a kernel of several columns does not ignore.
        squared: exact sum of squares of the finite values, in units of 2^-2252.
        counted: distinct values with their rows.
        runs: ends of the blocks, by position.
        confirmed: rows whose value is repeated, where `hashes` alone do not tell: counted
            on disk, or by comparing the values themselves. Set after the merge alone.
    """

    nulls: int = 0
    unexpected: int = 0
    low: int | float | date | datetime | None = None
    high: int | float | date | datetime | None = None
    scaled: int = 0
    infinities: tuple[int, int] = (0, 0)
    hashes: bytes = b""
    most: int = 0
    repeats: bool = False
    seen: frozenset[int] = frozenset()
    problem: str = ""
    foreign: bool = False
    rows: int = 0
    tested: int = 0
    squared: int = 0
    counted: Counted | None = None
    runs: tuple[Run, ...] = ()
    confirmed: int | None = None

    @property
    def repeated_rows(self) -> int:
        """Rows whose value occurs more than once."""
        if self.confirmed is not None:
            return self.confirmed
        return rows_repeated(np.frombuffer(self.hashes, "<u8"))


def rows_repeated(ordered: np.ndarray[Any, np.dtype[np.uint64]]) -> int:
    """Count the rows whose hash another row has too: sorted hashes → rows."""
    same = ordered[1:] == ordered[:-1]
    marked = np.zeros(len(ordered), dtype=bool)
    marked[1:] = same
    marked[:-1] |= same
    return int(marked.sum())


Schema = tuple[tuple[str, pa.DataType], ...]


@dataclass(frozen=True)
class Partial:
    """All metrics of a part of a table; picklable.

    Holds extremes and hashes of values: it travels between workers, and is never
    written out. `decide.evaluate_suite` turns it into counts.

    Attributes:
        rows: number of rows.
        schemas: the distinct schemas of the blocks, as (name, type) pairs; one when all
            blocks agree.
        tallies: state of each request.
    """

    rows: int = 0
    schemas: tuple[Schema, ...] = ()
    tallies: dict[MetricRequest, Tally] = field(default_factory=dict)


def merge_partials(partials: Iterable[Partial]) -> Partial:
    """Merge partials of disjoint parts of one table: Iterable[Partial] → Partial.

    Associative and commutative; no partial at all gives `Partial()`, which fails every
    expectation.
    """
    rows = 0
    schemas: set[Schema] = set()
    collected: dict[MetricRequest, list[Tally]] = {}
    for partial in partials:
        rows += partial.rows
        schemas.update(partial.schemas)
        for request, tally in partial.tallies.items():
            collected.setdefault(request, []).append(tally)
    return Partial(
        rows,
        tuple(sorted(schemas, key=str)),
        {request: _merge(collected[request]) for request in sorted(collected)},
    )


def _merge(tallies: list[Tally]) -> Tally:
    first = tallies[0]
    if len(tallies) == 1:
        return first
    if hasattr(first, "merged"):  # a privacy expectation's
        return first.merged(tallies)
    lows = [tally.low for tally in tallies if tally.low is not None]
    highs = [tally.high for tally in tallies if tally.high is not None]
    return Tally(
        nulls=sum(tally.nulls for tally in tallies),
        unexpected=sum(tally.unexpected for tally in tallies),
        low=min(lows, default=None),
        high=max(highs, default=None),
        scaled=sum(tally.scaled for tally in tallies),
        infinities=(
            sum(tally.infinities[0] for tally in tallies),
            sum(tally.infinities[1] for tally in tallies),
        ),
        hashes=_union(tallies),
        most=max(tally.most for tally in tallies),
        repeats=any(tally.repeats for tally in tallies),
        seen=frozenset().union(*(tally.seen for tally in tallies)),
        problem=min(
            (tally.problem for tally in tallies if tally.problem),
            default="",
        ),
        # One part that nobody can read is enough.
        foreign=all(tally.foreign for tally in tallies if tally.problem)
        and any(tally.foreign for tally in tallies),
        rows=sum(tally.rows for tally in tallies),
        tested=sum(tally.tested for tally in tallies),
        squared=sum(tally.squared for tally in tallies),
        counted=_add_counts(tallies),
        runs=tuple(sorted(run for tally in tallies for run in tally.runs)),
    )


def _add_counts(tallies: list[Tally]) -> Counted | None:
    given = [tally.counted for tally in tallies if tally.counted is not None]
    if len(given) < 2:
        return given[0] if given else None
    kept = [item for item in given if item.values is not None]
    if len(kept) < len(given):
        return Counted(None, None)
    filled = [
        item for item in kept if item.values is not None and len(item.values)
    ]  # an empty block's type: null
    if not filled:
        return kept[0]
    table = pa.table(
        {
            "value": pa.chunked_array([item.values for item in filled]),
            "rows": pa.chunked_array([item.rows for item in filled]),
        }
    )
    summed = table.group_by("value", use_threads=False).aggregate([("rows", "sum")])
    return Counted.of(
        summed["value"].combine_chunks(), summed["rows_sum"].combine_chunks()
    )


def _union(tallies: list[Tally]) -> bytes:
    most = max(tally.most for tally in tallies)
    if most == 0:
        return b""
    joined = np.concatenate([np.frombuffer(tally.hashes, "<u8") for tally in tallies])
    repeats = any(tally.repeats for tally in tallies)
    if not repeats:
        return np.unique(joined)[:most].tobytes()
    joined.sort()
    return joined[:most].tobytes()
