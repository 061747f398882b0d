"""What combines blocks and tables of people in Beam, whatever the order and bundling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from .counting.histogram import Counting, code_rows
from .counting.measure import Recounting
from .routing.thin import Limited, State

__all__ = ["ClassesFn", "HistogramFn", "LimitedHistogramFn", "MergeFn", "MergeWithinFn"]


_WAITING = 1_024  # tables of an accumulator
_PENDING_TABLE_ROWS = 1 << 14  # rows that wait, at least, before they are merged

Merge = Callable[[Sequence[pa.Table]], pa.Table]


class HistogramFn(beam.CombineFn):
    """Combines blocks into one histogram.

    Accumulators hold at most *distinct tuples times k* subjects plus a bounded number of
    rows that wait to be counted. Blocks → one `pa.Table` as `histogram_of` gives it, or
    None if there was no block.
    """

    def __init__(self, quasi: Sequence[str], k: int) -> None:
        self._quasi = tuple(quasi)
        self._k = k

    def create_accumulator(self) -> Counting:
        """Start with nothing."""
        return Counting(self._k)

    def add_input(
        self, accumulator: Counting, element: pa.Table | pa.RecordBatch
    ) -> Counting:
        """Code a block and keep it until enough have come."""
        accumulator.add(code_rows(element, self._quasi))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counting]) -> Counting:
        """Count into the first what the others counted."""
        united: Counting | None = None
        for accumulator in accumulators:
            if united is None:
                united = accumulator
            else:
                united.unite(accumulator)
        return self.create_accumulator() if united is None else united

    def compact(self, accumulator: Counting) -> Counting:
        """Count what waits, before the accumulator travels."""
        accumulator.settle()
        return accumulator

    def extract_output(self, accumulator: Counting) -> pa.Table | None:
        """Give the histogram of everything, or None where there was no block."""
        return None if accumulator.empty else accumulator.table()


class LimitedHistogramFn(beam.CombineFn):
    """Combines blocks into one histogram, or into a sample of one.

    Blocks → one `pa.Table` as `histogram_of` gives it, or None if there was no block. With
    more than `most` pairs of tuple and person it is a sample, as `thinned_bits` tells.
    """

    def __init__(self, quasi: Sequence[str], k: int, most: int) -> None:
        self._limited = Limited(tuple(quasi), k, most)

    def create_accumulator(self) -> State:
        """Start with nothing."""
        return self._limited.start()

    def add_input(self, accumulator: State, element: pa.RecordBatch) -> State:
        """Add a block, or what is sampled of it."""
        return self._limited.add(accumulator, element)

    def merge_accumulators(self, accumulators: Iterable[State]) -> State:
        """Unite accumulators; the one that sampled most decides how much."""
        return self._limited.unite(accumulators)

    def compact(self, accumulator: State) -> State:
        """Merge what waits, before the accumulator travels."""
        return self._limited.compact(accumulator)

    def extract_output(self, accumulator: State) -> pa.Table | None:
        """Give the histogram or its sample; None where there was no block."""
        return self._limited.finish(accumulator)


def _same(table: Any) -> Any:
    return table


class MergeFn(beam.CombineFn):
    """Unites tables; accumulators hold one merged table and a few more.

    Tables are merged when as much waits as was merged before, so that each row is merged
    a logarithmic number of times. Without any input the result is None.

    Args:
        merge: unites tables, in any order and split the same.
        finish: makes the result of all that was merged.
        prepare: makes a table of an input.
    """

    def __init__(
        self,
        merge: Merge,
        finish: Callable[[pa.Table], Any] = _same,
        prepare: Callable[[Any], pa.Table] = _same,
    ) -> None:
        self._merge = merge
        self._finish = finish
        self._prepare = prepare

    def create_accumulator(self) -> list[pa.Table]:
        """Start with nothing."""
        return []

    def add_input(self, accumulator: list[pa.Table], element: Any) -> list[pa.Table]:
        """Keep a table; merge when as much waits as was merged before."""
        accumulator.append(self._prepare(element))
        waiting = sum(table.num_rows for table in accumulator[1:])
        merged = accumulator[0].num_rows
        if len(accumulator) < _WAITING and waiting < max(_PENDING_TABLE_ROWS, merged):
            return accumulator
        return self.compact(accumulator)

    def merge_accumulators(
        self, accumulators: Iterable[list[pa.Table]]
    ) -> list[pa.Table]:
        """Unite accumulators as they come."""
        merged: list[pa.Table] = []
        for accumulator in accumulators:
            merged = self.compact([*merged, *accumulator])
        return merged

    def compact(self, accumulator: list[pa.Table]) -> list[pa.Table]:
        """Merge what waits."""
        return [self._merge(accumulator)] if accumulator else []

    def extract_output(self, accumulator: list[pa.Table]) -> Any:
        """Merge all and finish."""
        return self._finish(self._merge(accumulator)) if accumulator else None


class MergeWithinFn(MergeFn):
    """Unites tables as long as they do not have too many rows; else the result is None.

    Args:
        merge: unites tables; rows never become fewer.
        most: rows that the result may have.
    """

    def __init__(self, merge: Merge, most: int) -> None:
        super().__init__(merge)
        self._most = most

    def compact(self, accumulator: list[pa.Table]) -> list[pa.Table]:
        """Merge what waits; a table without columns stands for too many rows."""
        if any(not table.num_columns for table in accumulator):
            return [pa.table({})]
        merged = super().compact(accumulator)
        if merged and merged[0].num_rows > self._most:
            return [pa.table({})]
        return merged

    def extract_output(self, accumulator: list[pa.Table]) -> Any:
        """Give the table, or None where there are too many rows, or no input."""
        merged = self.compact(accumulator)
        return merged[0] if merged and merged[0].num_columns else None


class ClassesFn(beam.CombineFn):
    """Combines staged blocks into one recount; None where there was no block.

    Accumulators hold at most *classes times cap* subjects, and what waits to be counted.
    """

    def __init__(self, quasi: Sequence[str], cap: int) -> None:
        self._quasi = tuple(quasi)
        self._cap = cap

    def create_accumulator(self) -> Recounting:
        """Start with nothing."""
        return Recounting(self._quasi, self._cap)

    def add_input(
        self, accumulator: Recounting, element: pa.Table | pa.RecordBatch
    ) -> Recounting:
        """Keep a block until enough have come, then count them."""
        return accumulator.add(element)

    def merge_accumulators(self, accumulators: Iterable[Recounting]) -> Recounting:
        """Count into the first what the others counted."""
        united = self.create_accumulator()
        for accumulator in accumulators:
            united.unite(accumulator)
        return united

    def compact(self, accumulator: Recounting) -> Recounting:
        """Count what waits, before the accumulator travels."""
        accumulator.settle()
        return accumulator

    def extract_output(self, accumulator: Recounting) -> pa.Table | None:
        """Give the recount of everything, or None where there was no block."""
        return accumulator.table()
