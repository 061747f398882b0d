"""Metrics of a table, computed block by block and merged in any order.

`partial_metrics(block, requests)` runs in a worker, `merge_partials` anywhere. Great
Expectations is not imported here: it decides later, on the merged numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from .columns import ColumnView, view_column
from .kernels import run_kernel
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
    batch: pa.RecordBatch, requests: Iterable[MetricRequest]
) -> Partial:
    """Compute `requests` on one block: block → Partial.

    A column that is missing or of a type that a metric cannot read gives a tally with a
    `problem`, never an exception; the expectation then fails. A block of zero rows is
    allowed and tells the schema.

    Not covered: nested columns, decimals, binary and uint64 can be tested for nulls only.
    """
    views: dict[str, ColumnView] = {}
    tallies: dict[MetricRequest, Tally] = {}
    names = batch.schema.names
    for request in dict.fromkeys(requests):
        column = request.column
        found = names.count(column)
        if found != 1:
            word = "is not in the data" if found == 0 else "is in the data twice"
            tallies[request] = Tally(problem=f"column {column!r} {word}")
            continue
        if column not in views:
            views[column] = view_column(batch.column(names.index(column)))
        tallies[request] = run_kernel(views[column], request)
    schema = tuple((item.name, item.type) for item in batch.schema)
    return Partial(batch.num_rows, (schema,), tallies)
