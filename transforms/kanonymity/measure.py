"""The independent recount on what was really written, and what it says.

Nothing of the plan is used here: classes are whatever label tuples stand in the staged
files, people are the distinct subject tokens beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..blocks.names import SUBJECT
from .histogram import ROWS

__all__ = ["RECOUNT_CAP", "ClassReport", "report_classes"]

RECOUNT_CAP = 4
"""The recount keeps up to this many times k people per class: enough to tell how far
above k the smallest class is, without holding every person of the largest."""


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
        discernibility: sum over classes of rows squared (Bayardo, Agrawal, ICDE 2005).
    """

    classes: int
    rows: int
    k_reached: int
    violating_classes: int
    violating_rows: int
    average_class_rows: float
    discernibility: int


def report_classes(
    counted: pa.Table | None, quasi_identifiers: tuple[str, ...], k: int
) -> ClassReport:
    """Judge the classes of the staged set.

    Args:
        counted: capped histogram of the *published* labels, from the staged files.
        quasi_identifiers: the columns that make a class.
        k: fewest distinct data subjects of a class.
    """
    if counted is None or counted.num_rows == 0:
        return ClassReport(0, 0, 0, 0, 0, 0.0, 0)
    grouped = counted.group_by(list(quasi_identifiers), use_threads=False).aggregate(
        [(SUBJECT, "count_distinct"), (ROWS, "sum")]
    )
    people = grouped.column(f"{SUBJECT}_count_distinct")
    rows = grouped.column(f"{ROWS}_sum")
    short = pc.less(people, k)
    sizes = rows.to_numpy().astype(np.int64)
    return ClassReport(
        classes=grouped.num_rows,
        rows=int(sizes.sum()),
        k_reached=int(pc.min(people).as_py()),
        violating_classes=int(pc.sum(short).as_py() or 0),
        violating_rows=int(pc.sum(rows.filter(short)).as_py() or 0),
        average_class_rows=float(sizes.mean()),
        discernibility=sum(int(size) ** 2 for size in sizes),
    )
