"""One tuple a person: of all the quasi-identifier tuples of a subject, one stands for all.

The tuple is taken whole, never column by column, so that it is one that the person really
had. Reference for why: linked rows of one person show a *set* of tuples, and few people
share a set (de Montjoye et al., "Unique in the crowd", Scientific Reports 3, 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ....policies.errors import GateError
from ...blocks.names import EVENT_TIME, SUBJECT
from ..counting.codes import canonical, combine, encode
from ..counting.histogram import ROWS, merge_histograms
from ..sensitive.recount import numbered
from .shards import subjects_of

__all__ = [
    "LATEST",
    "OWN",
    "Harmonise",
    "Harmonised",
    "choose_tuples",
    "histogram_of_choice",
    "merge_tuples",
    "quasi_of",
    "tuples_of",
]

Harmonise = Literal["latest", "most_common"]

LATEST = "optin:latest"
"""int64 column: event time, in microseconds, of the latest record of the tuple."""

OWN = "optin:own"
"""int64 column of a choice: records of the subject that had the chosen tuple already."""

_FACTS = (SUBJECT, ROWS, LATEST, OWN)


def tuples_of(data: pa.Table | pa.RecordBatch, quasi: Sequence[str]) -> pa.Table:
    """Give the distinct (subject, tuple) pairs of a block.

    Args:
        data: rows with `quasi`, `optin:subject` and `optin:event_time`.
        quasi: the quasi-identifiers; null is a value of its own, NaN is null.

    Returns:
        Columns `optin:subject`, `quasi`, `optin:rows`, `optin:latest`.

    Raises:
        GateError: a row has no subject.
    """
    columns = {SUBJECT: pa.array(subjects_of(data))}
    columns |= {name: canonical(data.column(name)) for name in quasi}
    columns[ROWS] = pa.array(np.ones(data.num_rows, dtype=np.int64))
    columns[LATEST] = data.column(EVENT_TIME).cast(pa.int64())
    return merge_tuples([pa.table(columns)])


def merge_tuples(tables: Sequence[pa.Table]) -> pa.Table:
    """Unite distinct pairs; rows are added up, the latest time counts."""
    filled = [table for table in tables if table.num_rows] or list(tables[:1])
    whole = pa.concat_tables(filled)
    names = [n for n in whole.column_names if n not in (ROWS, LATEST)]
    united = whole.group_by(names, use_threads=False).aggregate(
        [(ROWS, "sum"), (LATEST, "max")]
    )
    united = united.select([*names, f"{ROWS}_sum", f"{LATEST}_max"])
    return united.rename_columns([*names, ROWS, LATEST])


def choose_tuples(pairs: pa.Table, how: Harmonise) -> pa.Table:
    """Choose the one tuple of every subject.

    Args:
        pairs: all pairs of the subjects in it, as `merge_tuples` gives them.
        how: `most_common` by rows, or `latest` by event time. Among equals the smallest
            tuple counts, column by column, null being the largest.

    Returns:
        One row per subject, sorted: `optin:subject`, the tuple, `optin:rows` (all rows
        of the subject), `optin:latest` and `optin:own`.
    """
    quasi = quasi_of(pairs)
    subject = subjects_of(pairs)
    coded = [encode(canonical(pairs.column(name))) for name in quasi]
    key, _ = combine(
        [codes for _, codes in coded],
        [len(values) for values, _ in coded],
        pairs.num_rows,
    )
    rows = pairs.column(ROWS).to_numpy().astype(np.int64, copy=False)
    latest = pairs.column(LATEST).to_numpy().astype(np.int64, copy=False)
    weight = rows if how == "most_common" else latest
    order = np.lexsort((key, -weight, subject))
    ordered = subject[order]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    first = order[fresh]
    starts = np.flatnonzero(fresh)
    totals = np.add.reduceat(rows[order], starts) if len(starts) else rows[:0]
    arrays = [pa.array(subject[first])]
    arrays += [values.take(pa.array(codes[first])) for values, codes in coded]
    arrays += [pa.array(totals), pa.array(latest[first]), pa.array(rows[first])]
    return pa.table(arrays, names=[SUBJECT, *quasi, ROWS, LATEST, OWN])


def quasi_of(table: pa.Table) -> list[str]:
    """Name the quasi-identifiers of a table of pairs or choices."""
    return [name for name in table.column_names if name not in _FACTS]


@dataclass(frozen=True)
class Harmonised:
    """Which tuple every subject has: what is applied to blocks.

    Attributes:
        subjects: uint64 tokens, ascending, each once.
        codes: per subject the row of its tuple in `tuples`.
        tuples: the distinct tuples, one column a quasi-identifier.
    """

    subjects: Any
    codes: Any
    tuples: pa.Table

    @staticmethod
    def of(chosen: pa.Table) -> Harmonised:
        """Take a result of `choose_tuples`."""
        tuples = chosen.select(quasi_of(chosen))
        number, first = numbered(tuples)
        return Harmonised(
            subjects_of(chosen), number, tuples.take(pa.array(first)).combine_chunks()
        )

    def apply(self, table: pa.Table) -> pa.Table:
        """Put each row's subject's tuple for its own: n rows → n rows.

        Raises:
            GateError: a row is of a subject that was not counted.
        """
        if not table.num_rows:
            return table
        who = subjects_of(table)
        place = np.minimum(
            np.searchsorted(self.subjects, who), max(len(self.subjects) - 1, 0)
        )
        if not len(self.subjects) or (self.subjects[place] != who).any():
            message = (
                "a record is of a person whom the first pass did not count. This is a "
                "defect; nothing is published"
            )
            raise GateError(message)
        taken = self.tuples.take(pa.array(self.codes[place]))
        for name in self.tuples.column_names:
            position = table.schema.get_field_index(name)
            table = table.set_column(position, name, taken.column(name))
        return table


def histogram_of_choice(chosen: pa.Table, k: int) -> pa.Table:
    """Give the k-capped histogram of a choice; every row of a subject counts.

    Shape: as `histogram_of` gives it for the harmonised records.
    """
    names = [*quasi_of(chosen), SUBJECT, ROWS]
    return merge_histograms([chosen.select(names)], k)
