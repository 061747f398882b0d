"""Tables of people on their way between workers: united as they come, spread by shard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from ...policies.errors import GateError
from .codes import Ints

__all__ = [
    "SHARDS",
    "MergeFn",
    "by_shard",
    "distinct_rows",
    "refuse_nobody",
    "united",
]

SHARDS = 64
"""Keys of a shuffle: a bounded number, never one a row."""

_WAITING = 1_024  # tables of an accumulator
_PENDING_ROWS = 1 << 14  # rows that wait, at least, before they are merged

Merge = Callable[[Sequence[pa.Table]], pa.Table]


def refuse_nobody(subjects: pa.Array | pa.ChunkedArray) -> None:
    """Refuse rows without a data subject.

    Raises:
        GateError: there are such rows.
    """
    if subjects.null_count:
        message = (
            f"{subjects.null_count} rows have no data subject; people cannot be counted. "
            "Nothing may be published"
        )
        raise GateError(message)


def united(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables under each other, dictionaries decoded."""
    whole = pa.concat_tables(tables)
    for index, field in enumerate(whole.schema):
        if pa.types.is_dictionary(field.type):
            plain = whole.column(index).cast(field.type.value_type)
            whole = whole.set_column(index, field.name, plain)
    return whole


def distinct_rows(tables: Sequence[pa.Table]) -> pa.Table:
    """Give the distinct rows of tables; null is a value of its own."""
    whole = united(tables)
    return whole.group_by(whole.column_names, use_threads=False).aggregate([])


def by_shard(table: pa.Table, shard: Ints) -> Iterator[tuple[int, pa.Table]]:
    """Split a table by the shard of each row."""
    order = np.argsort(shard, kind="stable")
    ordered = table.take(pa.array(order))
    numbers, starts = np.unique(shard[order], return_index=True)
    edges = [*starts.tolist(), table.num_rows]
    for place, number in enumerate(numbers.tolist()):
        yield number, ordered.slice(edges[place], edges[place + 1] - edges[place])


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
        if len(accumulator) < _WAITING and waiting < max(_PENDING_ROWS, merged):
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
