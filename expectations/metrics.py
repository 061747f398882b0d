"""Metrics of a table, computed block by block and merged in any order.

`partial_metrics(block, requests)` runs in a worker, `merge_partials` anywhere. Great
Expectations is not imported here: it decides later, on the merged numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from .columns import ColumnView, view_column
from .gx.definitions import PRIVACY
from .gx.engine import privacy_tally
from .kernels import ROW_KINDS, run_kernel, run_rows
from .kernels.compare import condition_mask
from .kernels.fit import UnfitError
from .partials import (
    DISTINCT_MAX,
    UNIQUE_MAX,
    MetricRequest,
    Partial,
    Tally,
    merge_partials,
)

__all__ = [
    "DISTINCT_MAX",
    "UNIQUE_MAX",
    "MetricRequest",
    "Partial",
    "Tally",
    "merge_partials",
    "partial_metrics",
]


def partial_metrics(
    batch: pa.RecordBatch,
    requests: Iterable[MetricRequest],
    position: int | None = None,
) -> Partial:
    """Compute `requests` on one block: block → Partial.

    A column that is missing or of a type that a metric cannot read gives a tally with a
    `problem`, never an exception; the expectation then fails. A block of zero rows is
    allowed and tells the schema.

    Args:
        batch: the block.
        requests: what to compute.
        position: the block's place among the blocks, when rows have an order.

    Not covered: nested columns, decimals, binary and uint64 can be tested for nulls only
    (`fallback.py` may still decide on them).
    """
    names = batch.schema.names
    chosen: dict[str, _Chosen] = {}
    tallies: dict[MetricRequest, Tally] = {}
    for request in dict.fromkeys(requests):
        if request.kind in PRIVACY:
            tallies[request] = privacy_tally(batch, request)
            continue
        problem = _absent(request, names)
        if problem:
            tallies[request] = Tally(rows=batch.num_rows, problem=problem)
            continue
        if request.condition not in chosen:
            chosen[request.condition] = _Chosen(batch, request.condition)
        try:
            tallies[request] = chosen[request.condition].tally(request, position)
        except Exception as error:  # noqa: BLE001  # its text may hold a value
            problem = f"cannot be computed on this column ({type(error).__name__})"
            tallies[request] = Tally(rows=batch.num_rows, problem=problem)
    schema = tuple((item.name, item.type) for item in batch.schema)
    return Partial(batch.num_rows, (schema,), tallies)


def _absent(request: MetricRequest, names: list[str]) -> str:
    for column in request.needed:
        found = names.count(column)
        if found != 1:
            word = "is not in the data" if found == 0 else "is in the data twice"
            return f"column {column!r} {word}"
    return ""


class _Chosen:
    """The rows of a block that one row condition keeps, and views of its columns."""

    def __init__(self, batch: pa.RecordBatch, condition: str) -> None:
        self.batch = batch
        self.views: dict[str, ColumnView] = {}
        self.mask: pa.Array | None = None
        self.rows = batch.num_rows
        self.unfit: UnfitError | None = None
        if condition:
            try:
                self.mask = condition_mask(batch, condition)
                self.rows = int(self.mask.true_count)
            except UnfitError as error:
                self.unfit = error
            except Exception as error:  # noqa: BLE001  # its text may hold a value
                kind = type(error).__name__
                self.unfit = UnfitError(f"its row condition cannot be read ({kind})")

    def tally(self, request: MetricRequest, position: int | None) -> Tally:
        if self.unfit is not None:
            problem, foreign = str(self.unfit), self.unfit.foreign
            return Tally(rows=self.batch.num_rows, problem=problem, foreign=foreign)
        if request.kind == "rows":
            return Tally(rows=self.rows)
        if request.kind in ROW_KINDS:
            columns = dict.fromkeys(request.columns)
            block = pa.RecordBatch.from_arrays(
                [self.column(name) for name in columns], names=list(columns)
            )
            return run_rows(block, request)
        if request.column not in self.views:
            self.views[request.column] = view_column(self.column(request.column))
        return run_kernel(self.views[request.column], request, position)

    def column(self, name: str) -> pa.Array:
        array = self.batch.column(self.batch.schema.names.index(name))
        return array if self.mask is None else array.filter(self.mask)
