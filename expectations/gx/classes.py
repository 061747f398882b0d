"""k-anonymity of people: how many distinct data subjects each class covers.

Sweeney, "k-Anonymity: a model for protecting privacy", IJUFKS 10(5), 2002; counted in
people instead of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from ...transforms.blocks.names import SUBJECT
from ...transforms.kanonymity import class_sizes, report_classes
from ...transforms.kanonymity.counting.measure import RECOUNT_CAP, merge_class_sizes
from .measure import ArgumentError, Facts, Outcome
from .tables import label_columns, people_of

__all__ = ["ClassState", "KAnonymity", "check_share", "check_who", "label_names"]

_ROWS = "rows"


def label_names(count: int) -> list[str]:
    """Name the columns of a class by place: a data set may use any name."""
    return [f"q{place}" for place in range(count)]


def check_who(kwargs: Mapping[str, Any], quasi: Sequence[str]) -> str | None:
    """Give the column of the data subject, or None where each row is one person.

    Raises:
        ArgumentError: neither is said, or both.
    """
    subject, alone = kwargs.get("subject_column"), kwargs.get("rows_are_people", False)
    if subject is None and not alone:
        message = (
            "say who a row is about: subject_column, or rows_are_people: true where no "
            "person has two rows"
        )
        raise ArgumentError(key="subject_column", problem=message)
    if subject is not None and alone:
        message = "subject_column and rows_are_people exclude each other"
        raise ArgumentError(key="rows_are_people", problem=message)
    if subject in quasi:
        message = "the data subject is no quasi-identifier; every class would be alone"
        raise ArgumentError(key="quasi_identifiers", problem=message)
    return subject


@dataclass(frozen=True)
class ClassState:
    """Classes of a part: labels with people (capped) and rows; or with rows alone."""

    cap: int
    table: pa.Table | None = None

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Merge counts of disjoint parts."""
        tables = [state.table for state in states if state.table is not None]
        if len(tables) < 2:
            return cls(states[0].cap, tables[0] if tables else None)
        if states[0].cap:
            return cls(states[0].cap, merge_class_sizes(tables, states[0].cap))
        return cls(0, _summed(pa.concat_tables(tables)))


def _summed(table: pa.Table) -> pa.Table:
    names = table.column_names[:-1]
    counted = table.group_by(names, use_threads=False).aggregate([(_ROWS, "sum")])
    return counted.rename_columns([*names, _ROWS])


@dataclass(frozen=True)
class KAnonymity:
    """Every class covers k people, but for a share of the rows.

    Attributes:
        quasi_identifiers: columns that make a class.
        k: fewest distinct data subjects of a class.
        subject_column: whom a row is about; None: each row is a person of its own.
        max_violating_fraction: largest share of rows in smaller classes.
    """

    quasi_identifiers: tuple[str, ...]
    k: int
    subject_column: str | None
    max_violating_fraction: float

    @classmethod
    def of(cls, kwargs: Mapping[str, Any]) -> Self:
        """Read arguments.

        Raises:
            ArgumentError: they do not go together.
        """
        quasi = tuple(kwargs["quasi_identifiers"])
        if kwargs["k"] < 2:
            raise ArgumentError(
                key="k", problem="must be at least 2; k = 1 protects nobody"
            )
        share = float(kwargs.get("max_violating_fraction") or 0.0)
        return cls(quasi, kwargs["k"], check_who(kwargs, quasi), share)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        who = () if self.subject_column is None else (self.subject_column,)
        return (*self.quasi_identifiers, *who)

    def state_of(self, block: pa.RecordBatch) -> ClassState:
        """Count the people of the block's classes."""
        labels = label_columns(block, self.quasi_identifiers)
        names = label_names(len(labels))
        if self.subject_column is None:
            ones = pa.array([1]).take(pa.array([0] * block.num_rows, pa.int64()))
            table = pa.table([*labels, ones], names=[*names, _ROWS])
            return ClassState(0, _summed(table) if block.num_rows else None)
        people = people_of(block, self.subject_column)
        cap = self.k * RECOUNT_CAP
        if not block.num_rows:
            return ClassState(cap)
        table = pa.table([*labels, people], names=[*names, SUBJECT])
        return ClassState(cap, class_sizes(table, names, cap))

    def facts(self, state: ClassState) -> Facts:
        """Count classes and rows that fall short."""
        if state.table is None:
            return {"rows": 0}
        if state.cap:
            names = tuple(state.table.column_names[:-2])
            report = report_classes(state.table, names, self.k)
            return {
                "rows": report.rows,
                "classes": report.classes,
                "smallest_class": report.k_reached,
                "violating_classes": report.violating_classes,
                "violating_rows": report.violating_rows,
            }
        rows = state.table.column(_ROWS)
        short = rows.filter(pc.less(rows, self.k))
        return {
            "rows": pc.sum(rows).as_py(),
            "classes": len(rows),
            "smallest_class": min(pc.min(rows).as_py(), self.k * RECOUNT_CAP),
            "violating_classes": len(short),
            "violating_rows": pc.sum(short).as_py() or 0,
        }

    def decide(self, facts: Facts) -> Outcome:
        """Hold the share of rows in small classes against the limit."""
        return check_share(
            facts,
            "violating_rows",
            self.max_violating_fraction,
            f"rows stand in classes of fewer than {self.k} people",
            observed=facts["smallest_class"],
        )


def check_share(
    facts: Facts,
    bad: str,
    most: float,
    sentence: str,
    observed: float | None = None,
) -> Outcome:
    """Hold a share of the rows against the most that it may be."""
    share = facts[bad] / facts["rows"]
    good = share <= most
    counts = {**facts, "violating_fraction": share}
    shown = share if observed is None else observed
    detail = "" if good else f"{facts[bad]} of {facts['rows']} {sentence}"
    return Outcome(good, shown, counts, detail)
