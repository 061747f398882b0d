"""The recount of people on what was really written: their classes and their rows.

Nothing of the plan is used here: keys are the subject tokens beside the staged rows, and
the identifiers in them, as a reader of the release would link them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import PCollection

from ...blocks.names import SUBJECT
from ..combine import MergeFn
from ..counting.histogram import ROWS
from ..counting.merging import refuse_nobody, united
from .shards import shards_of

__all__ = ["CountLinks", "LinkReport", "count_links", "links_of", "report_links"]

_KEY = "optin:key"


@dataclass(frozen=True)
class LinkReport:
    """What rows that one key links show.

    Attributes:
        keys: distinct values of the key in the staged set.
        several: those whose rows stand in more than one class.
        most_rows: rows of the key with most.
    """

    keys: int
    several: int
    most_rows: int


def links_of(
    data: pa.Table | pa.RecordBatch, quasi: Sequence[str], column: str
) -> pa.Table:
    """Give the distinct (key, class) pairs of published rows, and their rows.

    A null identifier links nothing; a row without a subject is an error.

    Raises:
        GateError: a row has no subject.
    """
    key = data.column(column)
    if column == SUBJECT:
        refuse_nobody(key)
    columns = {_KEY: key, **{name: data.column(name) for name in quasi}}
    columns[ROWS] = pa.array(np.ones(data.num_rows, dtype=np.int64))
    table = pa.table(columns)
    return _merge([table.filter(pc.is_valid(table.column(_KEY)))])


def _merge(tables: Sequence[pa.Table]) -> pa.Table:
    whole = united(tables)
    names = [name for name in whole.column_names if name != ROWS]
    pairs = whole.group_by(names, use_threads=False).aggregate([(ROWS, "sum")])
    return pairs.select([*names, f"{ROWS}_sum"]).rename_columns([*names, ROWS])


def count_links(pairs: pa.Table) -> LinkReport:
    """Count keys, from all their pairs."""
    per_key = pairs.group_by(_KEY, use_threads=False).aggregate(
        [([], "count_all"), (ROWS, "sum")]
    )
    classes = per_key.column("count_all")
    return LinkReport(
        keys=per_key.num_rows,
        several=int(pc.sum(pc.greater(classes, 1)).as_py() or 0),
        most_rows=int(pc.max(per_key.column(f"{ROWS}_sum")).as_py() or 0),
    )


class CountLinks(beam.PTransform[Any, Any]):
    """Counts in how many classes the rows of every key stand.

    Shape: `PCollection[RecordBatch] -> PCollection[list]` of
    `[column, keys, several, most_rows]`, one a shard, for `report_links`. Memory: the
    distinct (key, class) pairs of one of 64 shards.
    """

    def __init__(self, quasi_identifiers: Sequence[str], column: str) -> None:
        super().__init__()
        self._quasi = tuple(quasi_identifiers)
        self._column = column

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[list[Any]]:
        """Spread keys over shards, and count each shard."""
        finish = partial(_counted, column=self._column)
        return (
            blocks
            | "Spread" >> beam.FlatMap(_spread, self._quasi, self._column)
            | "Gather" >> beam.CombinePerKey(MergeFn(_merge, finish))
            | "Counts" >> beam.Values()
        )


def _spread(
    block: pa.RecordBatch, quasi: Sequence[str], column: str
) -> Iterator[tuple[int, pa.Table]]:
    yield from shards_of(links_of(block, quasi, column), _KEY)


def _counted(pairs: pa.Table, column: str) -> list[Any]:
    report = count_links(pairs)
    return [column, report.keys, report.several, report.most_rows]


def report_links(
    counts: Iterable[Sequence[Any]], columns: Sequence[str]
) -> dict[str, LinkReport]:
    """Add the shards up: column → its keys. A column without a key has none in it."""
    reports = {column: LinkReport(0, 0, 0) for column in columns}
    for column, keys, several, most_rows in counts:
        one = reports[column]
        reports[column] = LinkReport(
            one.keys + keys, one.several + several, max(one.most_rows, most_rows)
        )
    return reports
