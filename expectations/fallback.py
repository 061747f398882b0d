"""What our kernels cannot read goes through plain Great Expectations on pandas.

Only the columns that one expectation needs are read, and only while they are few enough
for memory. The result says that this happened. Great Expectations keeps state between
validations, so one expectation is decided at a time, on an engine of its own.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import pyarrow as pa

from .conditions import condition_columns
from .gx import PRIVACY, register
from .suite import Check

__all__ = [
    "FALLBACK_CELLS",
    "RESULT_FORMAT",
    "Source",
    "TooLargeError",
    "build_expectation",
    "decide_on_pandas",
]

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}

FALLBACK_CELLS = 20_000_000
"""Most cells (rows by columns) that are given to Great Expectations on pandas."""

_ONE_AT_A_TIME = threading.Lock()


class Source(Protocol):
    """A table that can be read again, in the same order."""

    def blocks(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the blocks of the table, with `columns` alone."""
        ...


class TooLargeError(Exception):
    """The columns hold more than `FALLBACK_CELLS`."""


def build_expectation(check: Check, *, conditional: bool = False) -> Any:
    """Build Great Expectations' own object for `check`.

    The row condition is left out unless it is asked for: our metrics heed it already.
    """
    if check.type in PRIVACY:
        register()
    kwargs = dict(check.kwargs)
    given, parser = (
        kwargs.pop("row_condition", None),
        kwargs.pop("condition_parser", None),
    )
    if conditional and given is not None:
        # As an object: text gives a warning of deprecation for each expectation.
        if isinstance(given, str) and not str(parser).startswith("great_expectations"):
            given = {"type": "pass_through", "pass_through_filter": given}
        kwargs["row_condition"] = given
        if isinstance(given, str):
            kwargs["condition_parser"] = parser
    configuration = _configuration()(type=check.type, kwargs=kwargs)
    return configuration.to_domain_obj()


@cache
def _configuration() -> Any:
    with warnings.catch_warnings():  # third-party warnings at import are not ours
        warnings.simplefilter("ignore")
        from great_expectations.expectations.expectation_configuration import (
            ExpectationConfiguration,
        )
    return ExpectationConfiguration


def decide_on_pandas(check: Check, source: Source) -> tuple[bool, Mapping[str, Any]]:
    """Decide `check` with plain Great Expectations: columns of `source` → result.

    Raises:
        TooLargeError: there are more cells than `FALLBACK_CELLS`.

    Whatever Great Expectations raises comes through; its text may hold a value.
    """
    names = dict.fromkeys((*check.columns, *condition_columns(check.condition)))
    blocks, rows = [], 0
    for block in source.blocks(list(names)):
        rows += block.num_rows
        if rows * len(names) > FALLBACK_CELLS:
            message = (
                f"this type of column or number of values is left to Great Expectations "
                f"on pandas, which is given {FALLBACK_CELLS:,} cells at most"
            )
            raise TooLargeError(message)
        blocks.append(block.select(list(names)))
    table = pa.Table.from_batches(blocks)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _run(build_expectation(check, conditional=True), table)


def _run(expectation: Any, table: pa.Table) -> tuple[bool, Mapping[str, Any]]:
    from great_expectations.execution_engine.pandas_execution_engine import (
        PandasExecutionEngine,
    )
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    engine = PandasExecutionEngine(batch_data_dict={"table": table.to_pandas()})
    # Not to catch exceptions: what is caught is logged, and that may quote a value.
    runtime: dict[str, Any] = {
        "result_format": dict(RESULT_FORMAT), "catch_exceptions": False,
    }  # fmt: skip
    wanted = expectation.get_validation_dependencies(
        execution_engine=engine, runtime_configuration=runtime
    )
    calculator = MetricsCalculator(execution_engine=engine, show_progress_bars=False)
    graph = calculator.build_metric_dependency_graph(
        list(wanted.metric_configurations.values()), runtime_configuration=runtime
    )
    # Not `compute_metrics`, which logs what was raised.
    resolved, aborted = calculator.resolve_validation_graph(
        graph, runtime_configuration=runtime
    )
    if aborted:
        message = "a metric could not be computed"
        raise TypeError(message)
    outcome = expectation.metrics_validate(
        resolved, runtime_configuration=runtime, execution_engine=engine
    )
    return bool(outcome.success), outcome.result or {}
