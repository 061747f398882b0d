"""Mergeable states of metrics: what a worker sends to be combined.

The merge is associative and commutative and exact (sums are held as integers, not as
rounded floats), so how a table is cut into blocks never shows in the result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import pyarrow as pa

__all__ = [
    "DISTINCT_MAX",
    "UNIQUE_MAX",
    "MetricRequest",
    "Partial",
    "Tally",
    "merge_partials",
]

DISTINCT_MAX = 100_000
"""Largest limit on a number of distinct values; one more is all that is counted."""

UNIQUE_MAX = 5_000_000
"""Most values that `expect_column_values_to_be_unique` decides on (8 bytes each)."""


@dataclass(frozen=True, order=True)
class MetricRequest:
    """What to compute on one column.

    Attributes:
        kind: name of a kernel, such as `in_set`.
        column: column name.
        parameters: the kernel's arguments as JSON with sorted keys (text, so that 1, 1.0
            and true stay different and the request is hashable).
    """

    kind: str
    column: str
    parameters: str = "{}"

    def arguments(self) -> dict[str, object]:
        """Give `parameters` as a dict."""
        loaded: dict[str, object] = json.loads(self.parameters)
        return loaded


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
    )


def _union(tallies: list[Tally]) -> bytes:
    most = max(tally.most for tally in tallies)
    if most == 0:
        return b""
    joined = np.concatenate([np.frombuffer(tally.hashes, "<u8") for tally in tallies])
    repeats = any(tally.repeats for tally in tallies)
    ordered = np.sort(joined) if repeats else np.unique(joined)
    return ordered[:most].tobytes()
