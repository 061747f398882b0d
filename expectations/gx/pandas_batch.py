"""The metrics behind the privacy expectations, for pandas batches of Great Expectations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import (
    TableMetricProvider,
)

from .arguments import given_arguments, measure_of
from .definitions import Definition, facts_of, state_of_block
from .measure import ArgumentError, Facts, UnfitError

__all__ = ["metric_name", "provide_metric"]


def metric_name(definition: Definition) -> str:
    """Name the metric of an expectation."""
    return f"optin.{definition.name.removeprefix('expect_')}"


def provide_metric(definition: Definition) -> type[TableMetricProvider]:
    """Register the metric of an expectation with Great Expectations."""

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(  # the names are those that Great Expectations passes
        cls: type,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> Facts:
        del cls, metrics, runtime_configuration
        frame, _, _ = execution_engine.get_compute_domain(
            domain_kwargs=metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        return _facts(definition, frame, metric_value_kwargs)

    return type(
        f"{definition.title}Counts",
        (TableMetricProvider,),
        {
            "__doc__": f"Counts of {definition.title}; no value of a record.",
            "__module__": __name__,
            "metric_name": metric_name(definition),
            "value_keys": definition.arguments,
            "_pandas": _pandas,
        },
    )


def _facts(
    definition: Definition, frame: pd.DataFrame, kwargs: Mapping[str, Any]
) -> Facts:
    """Count; a problem is a fact too, since an exception's text may hold a value."""
    try:
        measure = measure_of(definition, given_arguments(definition, kwargs))
        block = _arrow(frame, measure.columns)
    except (ArgumentError, UnfitError) as error:
        return {"problem": str(error)}
    state, problem = state_of_block(measure, block)
    return {"problem": problem} if problem else facts_of(measure, state)


def _arrow(frame: pd.DataFrame, columns: tuple[str, ...] | None) -> pa.RecordBatch:
    names = [name for name in frame.columns if columns is None or name in columns]
    if len(set(map(str, names))) != len(names):
        message = "a column's name is in the data twice"
        raise UnfitError(message)
    arrays = []
    for name in names:
        try:
            array = pa.Array.from_pandas(frame[name])
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            message = f"column {str(name)!r} holds values of several types"
            raise UnfitError(message) from None
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        arrays.append(array)
    fields = [
        pa.field(str(name), array.type)
        for name, array in zip(names, arrays, strict=True)
    ]
    if not arrays:  # a batch of rows without any of the columns that are asked for
        return pa.RecordBatch.from_pylist([], schema=pa.schema([]))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
