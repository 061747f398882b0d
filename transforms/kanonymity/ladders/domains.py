"""What losses are measured against: the values of the whole set, as labels that are counted.

A bucket of a set sees a part of the values. Its losses must be those of the whole: the
span of all numbers, the leaves under a label wherever they lie. A domain holds just that,
a row a label in place of a row a value, so that it stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....policies.errors import GateError
from .labels import TOP
from .ladder import Ladder
from .losses import Rungs

__all__ = ["Domain", "outside_hierarchy"]

_AT_ONCE = 1 << 18
"""Values that are labelled at once: labels are texts, and take room."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Domain:
    """One column of the whole set.

    Attributes:
        ladder: how it generalises.
        leaves: distinct values; of a hierarchy by rule, those that it holds, two
            spellings of a value being one; of a table, its own.
        low: smallest number; NaN where there is none.
        high: largest number.
        levels: per level below `*`, a table of `label` with `size` leaves, or with the
            `low` and `high` numbers under it; empty where the loss does not depend on
            the data.
        empty: whether no record has a value.
        refused: distinct values that no leaf stands for, where that is an error.
    """

    ladder: Ladder
    leaves: int
    low: float
    high: float
    levels: tuple[pa.Table, ...]
    empty: bool
    refused: pa.Array

    @staticmethod
    def of(ladder: Ladder, values: pa.Array) -> Domain:
        """Count what the distinct values of a column, null among them, say of losses.

        Args:
            ladder: of the column.
            values: each value once, in any order.
        """
        if ladder.table is not None:
            counted: tuple[pa.Table, ...] = ()
        elif ladder.kind == "interval":
            counted = _extents(ladder, values)
        else:
            counted = _sizes(ladder, values)
        low = high = float("nan")
        for chunk in _chunks(values) if ladder.kind == "interval" else ():
            numbers = ladder.positions(chunk)
            if numbers is not None and not np.isnan(numbers).all():
                low = float(np.fmin(low, np.nanmin(numbers)))
                high = float(np.fmax(high, np.nanmax(numbers)))
        leaves = len(values if ladder.table is None else ladder.table)
        if ladder.by_rule:
            leaves = int(pc.sum(counted[0].column("size")).as_py() or 0)
        refused = [ladder.refused(chunk) for chunk in _chunks(values)]
        mask = np.concatenate([np.zeros(0, dtype=np.bool_), *refused])
        return Domain(
            ladder,
            leaves,
            low,
            high,
            counted,
            empty=values.null_count == len(values),
            refused=values.filter(pa.array(mask)),
        )

    @property
    def extent(self) -> tuple[float, float] | None:
        """The smallest and the largest number; None of a column without numbers."""
        return None if np.isnan(self.low) else (self.low, self.high)

    def rungs(self, values: Sequence[Any]) -> Rungs:
        """Label some of the values, with the losses that they have in the whole set.

        Args:
            values: distinct values of the whole set; null is None.
        """
        own = self.ladder.on(values)
        if not self.levels:
            return own
        null = np.array([value is None for value in values], dtype=np.bool_)
        losses = [
            self._losses(labels, counted, null, own.losses[number])
            for number, (labels, counted) in enumerate(
                zip(own.labels, self.levels, strict=False)
            )
        ]
        return Rungs(own.labels, (*losses, own.losses[-1]))

    def _losses(
        self,
        labels: tuple[str, ...],
        counted: pa.Table,
        null: npt.NDArray[np.bool_],
        own: Floats,
    ) -> Floats:
        if not counted.num_columns:  # single values lose nothing
            return own
        texts = pa.array(labels, pa.string())
        place = pc.index_in(texts, counted.column("label").combine_chunks())
        if self.ladder.kind == "interval":
            width = self.high - self.low + self.ladder.base
            if not width > 0:
                return np.zeros(len(labels))
            low, high = (
                _floats(counted.column(end).take(place)) for end in ("low", "high")
            )
            return np.where(null, 0.0, (high - low + self.ladder.base) / width)
        size = _floats(counted.column("size").take(place))
        loss = (size - 1) / max(self.leaves - 1, 1)
        if self.ladder.by_rule:
            outside = np.array([label == TOP for label in labels], dtype=np.bool_)
            return np.where(null, 0.0, np.where(outside, 1.0, loss))
        return np.asarray(loss, dtype=np.float64)


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(
        column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64
    )


def _chunks(values: pa.Array) -> Iterator[list[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values.slice(start, _AT_ONCE).to_pylist()


def _extents(ladder: Ladder, values: pa.Array) -> tuple[pa.Table, ...]:
    """Give the smallest and the largest number under each label."""
    found: list[list[pa.Table]] = [[] for _ in ladder.names[:-1]]
    for chunk in _chunks(values):
        numbers = ladder.positions(chunk)
        assert numbers is not None  # noqa: S101 - intervals have them
        known = pa.array(~np.isnan(numbers))
        for number, labels in enumerate(ladder.on(chunk).labels[:-1]):
            if number == 0 and not ladder.base:
                continue
            table = pa.table(
                {
                    "label": pa.array(labels, pa.string()),
                    "low": numbers,
                    "high": numbers,
                }
            )
            found[number] = [_widest([*found[number], table.filter(known)])]
    return tuple(pieces[0] if pieces else pa.table({}) for pieces in found)


def _widest(tables: Sequence[pa.Table]) -> pa.Table:
    grouped = pa.concat_tables(tables).group_by("label", use_threads=False)
    merged = grouped.aggregate([("low", "min"), ("high", "max")])
    return merged.select(["label", "low_min", "high_max"]).rename_columns(
        ["label", "low", "high"]
    )


def _sizes(ladder: Ladder, values: pa.Array) -> tuple[pa.Table, ...]:
    """Count the leaves under each label."""
    depth = len(ladder.names) - 1
    if ladder.by_rule:
        names = [str(number) for number in range(depth)]
        leaves = pa.table({name: pa.array([], pa.string()) for name in names})
        for chunk in _chunks(values):
            rungs = ladder.on(chunk).labels[:-1]
            held = pa.array(
                [
                    value is not None and label != TOP
                    for value, label in zip(chunk, rungs[0], strict=True)
                ],
                pa.bool_(),
            )
            columns = [pa.array(level, pa.string()).filter(held) for level in rungs]
            more = pa.table(columns, names=names)
            both = pa.concat_tables([leaves, more])
            leaves = both.group_by(names, use_threads=False).aggregate([])
        return tuple(_counted(leaves.column(name)) for name in names)
    found = [pa.table({}) for _ in range(depth)]
    for chunk in _chunks(values):
        for number, labels in enumerate(ladder.on(chunk).labels[:-1]):
            if number == 0:
                continue
            found[number] = _counted(pa.array(labels, pa.string()), found[number])
    return tuple(found)


def _counted(labels: pa.Array | pa.ChunkedArray, before: pa.Table | None = None) -> Any:
    ones = np.ones(len(labels), dtype=np.int64)
    table = pa.table({"label": labels, "size": ones})
    if before is not None and before.num_columns:
        table = pa.concat_tables([before, table])
    grouped = table.group_by("label", use_threads=False).aggregate([("size", "sum")])
    return grouped.select(["label", "size_sum"]).rename_columns(["label", "size"])


def outside_hierarchy(name: str, records: int, values: int) -> GateError:
    """Say that values are outside a hierarchy; none of them is shown."""
    message = (
        f"column {name!r}: {records} records hold {values} distinct values outside the "
        "column's hierarchy. Add them to the hierarchy, or write 'outside: suppress' "
        "beside it, which publishes them as '*'"
    )
    return GateError(message)
