"""The independent recount on what was really written, and what it says.

Nothing of the plan is used here, nor the code that made it: classes are whatever label
tuples stand in the staged files, people are the distinct subject tokens beside them, and
Arrow's own grouping counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....policies.errors import GateError
from ...blocks.names import SUBJECT
from .classes import ClassCounter
from .histogram import ROWS
from .merging import refuse_nobody

__all__ = [
    "RECOUNT_CAP",
    "ClassReport",
    "Recounting",
    "class_sizes",
    "merge_class_sizes",
    "people_of",
    "report_classes",
    "without_people",
]

SUBJECTS = "optin:subjects"
"""list<uint64> column of a recount: distinct subjects of the class, capped."""

PEOPLE = "optin:people"
"""int64 column of a recount without subjects: how many there were, capped."""

RECOUNT_CAP = 4
"""The recount keeps up to this many times k people per class: enough to tell how far
above k the smallest class is, without holding every person of the largest."""


_PENDING_ROWS = 1 << 19
"""Rows that are gathered before they are counted."""

_PENDING_BLOCKS = 256


@dataclass(frozen=True)
class ClassReport:
    """What the recount found.

    Attributes:
        classes: equivalence classes in the staged set.
        rows: rows counted.
        k_reached: distinct subjects of the smallest class; exact below
            `RECOUNT_CAP * k`, which it never exceeds. 0 for an empty set.
        violating_classes: classes that cover fewer than k distinct subjects.
        violating_rows: rows in those classes.
        average_class_rows: rows per class.
        discernibility: sum over classes of rows squared; `discernibility_with` adds
            what suppressed records cost.
    """

    classes: int
    rows: int
    k_reached: int
    violating_classes: int
    violating_rows: int
    average_class_rows: float
    discernibility: int

    def c_avg(self, k: int) -> float:
        """Give the normalised average class size: rows / (classes · k), at best 1.

        K. LeFevre et al., "Mondrian multidimensional k-anonymity", ICDE 2006, §2.1. By
        rows, as there: people with several rows make it larger. 0 for an empty set.
        """
        return self.rows / (self.classes * k) if self.classes else 0.0

    def discernibility_with(self, suppressed: int) -> int:
        """Give the discernibility penalty: Σ |class|² + suppressed · all records.

        R. Bayardo, R. Agrawal, "Data privacy through optimal k-anonymization", ICDE
        2005, §4.

        Args:
            suppressed: records that are in no class.
        """
        return self.discernibility + suppressed * (self.rows + suppressed)


def class_sizes(
    data: pa.Table | pa.RecordBatch, quasi: Sequence[str], cap: int
) -> pa.Table:
    """Count the people and rows of every class of published rows.

    Args:
        data: rows with the label columns `quasi` and `optin:subject`.
        quasi: the columns that make a class; null is a label of its own.
        cap: most distinct subjects kept per class; counts are exact below it.

    Returns:
        Columns `quasi`, `optin:subjects` list<uint64>, `optin:rows` int64; one row per
        class, sorted.

    Raises:
        GateError: a row has no subject.
    """
    recounting = Recounting(quasi, cap)
    recounting.add(data)
    return recounting.counted()


def merge_class_sizes(tables: Sequence[pa.Table], cap: int) -> pa.Table:
    """Merge recounts of the same columns and cap; order and split do not matter."""
    counter = ClassCounter(tables[0].column_names[:-2], cap)
    for table in tables:
        counter.add_counted(
            [table.column(name) for name in counter.quasi],
            table.column(SUBJECTS).combine_chunks(),
            table.column(ROWS).to_numpy(),
        )
    return _table(counter)


class Recounting:
    """Counts the classes of blocks, many blocks together.

    What is held is at most *classes times cap* people, and blocks that wait.
    """

    def __init__(self, quasi: Sequence[str], cap: int) -> None:
        self._counter = ClassCounter(quasi, cap)
        self._waiting: list[pa.Table | pa.RecordBatch] = []

    def add(self, block: pa.Table | pa.RecordBatch) -> Self:
        """Count a block, at once or later.

        Raises:
            GateError: a row has no subject.
        """
        block = block.select([*self._counter.quasi, SUBJECT])
        refuse_nobody(block.column(SUBJECT))
        self._waiting.append(block)
        rows = sum(block.num_rows for block in self._waiting)
        if rows >= _PENDING_ROWS or len(self._waiting) >= _PENDING_BLOCKS:
            self._count()
        return self

    def unite(self, other: Recounting) -> Self:
        """Count what another counted."""
        other.settle()
        self._counter.add(other._counter)
        return self

    def settle(self) -> None:
        """Count all that waits."""
        self._count()
        self._counter.settle()

    def table(self) -> pa.Table | None:
        """Give what was counted, as `class_sizes` does; None if there was no block."""
        self._count()
        return None if self._counter.unused else self.counted()

    def counted(self) -> pa.Table:
        """Give what was counted of at least one block."""
        self._count()
        return _table(self._counter)

    def _count(self) -> None:
        if self._waiting:
            blocks, self._waiting = self._waiting, []
            columns = [
                _stacked([block.column(name) for block in blocks])
                for name in (*self._counter.quasi, SUBJECT)
            ]
            self._counter.add_rows(columns[:-1], columns[-1])


def _stacked(columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.ChunkedArray:
    """Put columns under each other; dictionaries stay only where all are alike."""
    if len({column.type for column in columns}) > 1:
        columns = [
            column.cast(column.type.value_type)
            if pa.types.is_dictionary(column.type)
            else column
            for column in columns
        ]
    pieces = [
        column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        for column in columns
    ]
    return pa.chunked_array(
        [chunk for chunks in pieces for chunk in chunks], columns[0].type
    )


def _table(counter: ClassCounter) -> pa.Table:
    labels, people, rows = counter.counted()
    names = [*counter.quasi, SUBJECTS, ROWS]
    return pa.table([*labels, people, pa.array(rows, pa.int64())], names=names)


def people_of(counted: pa.Table) -> pa.ChunkedArray:
    """Give the people of every class of a recount, capped as it is."""
    if PEOPLE in counted.column_names:
        return counted.column(PEOPLE)
    return pc.list_value_length(counted.column(SUBJECTS))


def without_people(counted: pa.Table) -> pa.Table:
    """Put how many people a class has in the place of who they are.

    For classes that are counted to the end: such recounts cannot be merged.
    """
    people = people_of(counted).cast(pa.int64())
    place = counted.schema.get_field_index(SUBJECTS)
    return counted.set_column(place, PEOPLE, people)


def report_classes(
    counted: pa.Table | None, quasi_identifiers: tuple[str, ...], k: int
) -> ClassReport:
    """Judge the classes of the staged set.

    Args:
        counted: result of `class_sizes` or `ClassesFn` on the staged rows.
        quasi_identifiers: the columns that make a class; those that were counted.
            Published bounds of labels are among them.
        k: fewest distinct data subjects of a class.

    Raises:
        GateError: the recount is of other columns.
    """
    if counted is not None and tuple(counted.column_names[:-2]) != quasi_identifiers:
        message = "the recount is of other columns than those that tell of a class"
        raise GateError(message)
    if counted is None or counted.num_rows == 0:
        return ClassReport(0, 0, 0, 0, 0, 0.0, 0)
    people = people_of(counted)
    rows = counted.column(ROWS)
    short = pc.less(people, k)
    sizes = rows.to_numpy().astype(np.int64)
    return ClassReport(
        classes=counted.num_rows,
        rows=int(sizes.sum()),
        k_reached=int(pc.min(people).as_py()),
        violating_classes=int(pc.sum(short).as_py() or 0),
        violating_rows=int(pc.sum(rows.filter(short)).as_py() or 0),
        average_class_rows=float(sizes.mean()),
        discernibility=sum(int(size) ** 2 for size in sizes),
    )
