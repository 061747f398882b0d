"""How likely people could be told apart, before and after.

K. El Emam, "Guide to the De-Identification of Personal Health Information" (2013),
chapter 16, names the three attackers: the *prosecutor* knows that a person is in the set
and looks for him or her; the *journalist* wants to point at anyone, with a public register
in hand; the *marketer* wants to find as many as possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...blocks.names import SUBJECT
from .histogram import ROWS, codes_of
from .measure import people_of

__all__ = ["Alone", "RiskReport", "alone", "report_risk"]


@dataclass(frozen=True)
class RiskReport:
    """Shares, 0 to 1, of people or records.

    Attributes:
        prosecutor: chance of the person who is easiest to find: 1 / people of the
            smallest class. Exact where that class is smaller than the recount's cap.
        journalist: the same chance against a register; without one it is the
            prosecutor's, which it never exceeds while the register holds all people of
            the set.
        marketer: expected share of people found: classes / people. Classes count at
            most the recount's cap of people, so the true share may be smaller.
        unique_tuples: distinct tuples that one person alone had before, of all.
        unique_records: records in those tuples, of all.
        unique_classes: published classes that one person fills, of all.
    """

    prosecutor: float
    journalist: float
    marketer: float
    unique_tuples: float
    unique_records: float
    unique_classes: float


def report_risk(
    histogram: pa.Table | Alone,
    counted: pa.Table | None,
    register: pa.Table | None = None,
) -> RiskReport:
    """Measure what an attacker could do with the staged set.

    Args:
        histogram: distinct tuples of the consented records with their people, or what
            `alone` tells of them.
        counted: recount of the staged classes, as `CountClasses` gives it.
        register: recount of the same labels on a register of people that holds all
            those of the set; null if none is at hand.

    Returns:
        The shares; of an empty set all risks are 0.
    """
    before = histogram if isinstance(histogram, Alone) else alone(histogram)
    tuples, records = before.shares
    if counted is None or counted.num_rows == 0:
        return RiskReport(0.0, 0.0, 0.0, tuples, records, 0.0)
    people = people_of(counted).to_numpy()
    prosecutor = 1 / int(people.min())
    journalist = prosecutor
    if register is not None:
        journalist = _against(register, counted)
    return RiskReport(
        prosecutor=prosecutor,
        journalist=journalist,
        marketer=len(people) / int(people.sum()),
        unique_tuples=tuples,
        unique_records=records,
        unique_classes=float((people == 1).mean()),
    )


@dataclass(frozen=True)
class Alone:
    """Tuples that one person alone had.

    Attributes:
        tuples: distinct tuples, of all people.
        rows: records, of all people.
        unique_tuples: distinct tuples of one person alone.
        unique_rows: records in those.
    """

    tuples: int
    rows: int
    unique_tuples: int
    unique_rows: int

    @property
    def shares(self) -> tuple[float, float]:
        """The shares of tuples and of records."""
        return (
            self.unique_tuples / max(self.tuples, 1),
            self.unique_rows / max(self.rows, 1),
        )


def alone(histogram: pa.Table) -> Alone:
    """Count the tuples that one person alone had."""
    names = [n for n in histogram.column_names if n not in (SUBJECT, ROWS)]
    if not histogram.num_rows:
        return Alone(0, 0, 0, 0)
    tuple_of, count = codes_of([histogram.column(name) for name in names])
    people = np.bincount(tuple_of, minlength=count)
    rows = np.zeros(count, dtype=np.int64)
    np.add.at(rows, tuple_of, histogram.column(ROWS).to_numpy())
    single = people == 1
    return Alone(count, int(rows.sum()), int(single.sum()), int(rows[single].sum()))


def _against(register: pa.Table, counted: pa.Table) -> float:
    """Give the chance in the smallest class of a register that the set has too."""
    names = counted.column_names[:-2]
    both = pa.concat_tables([register.select(names), counted.select(names)])
    tuple_of, count = codes_of(both.columns)
    people = people_of(register).to_numpy()
    of_class = np.zeros(count, dtype=np.int64)
    of_class[tuple_of[: register.num_rows]] = people
    found = of_class[tuple_of[register.num_rows :]]
    return 1.0 / max(int(found.min()), 1)
