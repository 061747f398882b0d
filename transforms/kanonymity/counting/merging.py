"""Tables of people on their way between workers: united as they come, spread by shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ....policies.errors import GateError
from .codes import Ints

__all__ = [
    "SHARDS",
    "by_shard",
    "distinct_rows",
    "refuse_nobody",
    "united",
]

SHARDS = 64
"""Keys of a shuffle: a bounded number, never one a row."""


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
