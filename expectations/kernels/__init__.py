"""The predicates and measures behind the metrics, one block of a table at a time.

`run_kernel` looks at one column, prepared as a `ColumnView`; `run_rows` looks at several
columns row by row. Both give a `Tally`. Great Expectations is never imported here.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from ..columns import ColumnView
from ..partials import MetricRequest, Tally
from .counted import COUNTED
from .fit import Arguments, Kernel, UnfitError
from .hashing import HASHED
from .measures import MEASURES, SCALE
from .order import DIRECTIONS, run_of
from .records import RECORDS
from .texts import TEXTS
from .values import VALUES

__all__ = ["ROW_KINDS", "SCALE", "run_kernel", "run_rows"]

_KERNELS: dict[str, Kernel] = {**COUNTED, **HASHED, **MEASURES, **TEXTS, **VALUES}

_ANY_TYPE = frozenset({"not_null", "null", "type", "dtype"})
"""Kinds that read a column of nulls alone, of whatever type."""

ROW_KINDS = frozenset(RECORDS)
"""Kinds that look at several columns of a row at once."""


def run_kernel(
    view: ColumnView, request: MetricRequest, position: int | None = None
) -> Tally:
    """Compute one metric of one column: view → Tally (with a `problem` if unfit).

    `position` is the block's place in the order of the rows, or None if that is unknown.
    """
    if view.family == "null" and request.kind not in _ANY_TYPE:
        return Tally(rows=view.rows, nulls=view.nulls)
    arguments: Arguments = request.arguments()
    try:
        if request.kind in DIRECTIONS:
            tally = run_of(view, request.kind, arguments, position)
            return replace(tally, rows=view.rows)
        return replace(_KERNELS[request.kind](view, arguments), rows=view.rows)
    except UnfitError as error:
        problem = f"column {request.column!r} is {view.type_name}; {error}"
        return Tally(
            rows=view.rows, nulls=view.nulls, problem=problem, foreign=error.foreign
        )


def run_rows(block: pa.RecordBatch, request: MetricRequest) -> Tally:
    """Compute one metric of several columns: their rows → Tally."""
    try:
        tally = RECORDS[request.kind](block, request.arguments())
        return replace(tally, rows=block.num_rows)
    except UnfitError as error:
        names = ", ".join(repr(name) for name in request.columns)
        problem = f"columns {names}: {error}"
        return Tally(rows=block.num_rows, problem=problem, foreign=error.foreign)
