"""Values of Great Expectations' metrics, by their names, from what was merged."""

from __future__ import annotations

from typing import Any

from ..policies.errors import OptinError
from .kernels import SCALE
from .kernels.order import DIRECTIONS, broken_joints
from .partials import Partial, Tally
from .statistics import (
    most_common,
    numbers_of,
    outlier_count,
    quantile,
    standard_deviation,
    value_counts,
    z_score_count,
)
from .suite import Check

__all__ = ["column_types", "metric_value"]


def metric_value(name: str, check: Check, tally: Tally, partial: Partial) -> Any:
    """Give the value of one GX metric by its name.

    Raises:
        OptinError: this GX asks for a metric that we do not compute.
    """
    rows = partial.rows if check.request is None else tally.rows
    present = rows - tally.nulls
    columns = [column for column, _ in partial.schemas[0]]
    if name.endswith(".unexpected_values") or name in (
        "column.distinct_values.not_in_set",
        "column.distinct_values.missing_from_column",
    ):
        return []  # the values themselves never leave a worker
    if name == "column_values.nonnull.unexpected_count":
        return tally.nulls
    if name.endswith(".filtered_row_count"):
        return tally.tested
    if name.endswith(".unexpected_count"):
        return _unexpected(check, tally)
    match name:
        case "table.row_count":
            return rows
        case "table.columns":
            return columns
        case "table.column_count":
            return len(columns)
        case "table.column_types":
            return column_types(partial, check, tally)
        case "column.min":
            return tally.low
        case "column.max":
            return tally.high
        case "column.sum":
            return _ratio(tally, 1)
        case "column.mean":
            return _ratio(tally, present) if present else None
        case "column.non_null_proportion":
            return present / rows if rows else 0
        case "column.unique_proportion":
            return len(tally.hashes) // 8 / present if present else 0
        case "column_values.nonnull.count":
            return present
        case "column.standard_deviation":
            return standard_deviation(tally, present)
        case "column.median" | "column.quantile_values" | "column.most_common_value":
            return _of_counts(name, check, tally)
        case "column.value_counts":
            return value_counts(tally)
        case "column.histogram" | "below_partition" | "above_partition":
            return _of_bins(name, check.kwargs["partition_object"]["bins"], tally)
        case "column.distinct_values.count":
            return len(tally.hashes) // 8
        case "column.distinct_values.not_in_set.count":
            return len(tally.hashes) // 8
        case "column.distinct_values.missing_from_column.count":
            return len(dict.fromkeys(check.kwargs["value_set"])) - len(tally.seen)
    message = f"Great Expectations asks for the metric {name!r}, which is not computed"
    raise OptinError(message)


def _ratio(tally: Tally, count: int) -> float:
    """Divide the exact sum by `count`, rounded once."""
    plus, minus = tally.infinities
    if plus and minus:
        return float("nan")
    if plus or minus:
        return float("inf") if plus else float("-inf")
    try:
        return tally.scaled / (count << SCALE)
    except OverflowError:  # beyond float64
        return float("inf") if tally.scaled > 0 else float("-inf")


def _unexpected(check: Check, tally: Tally) -> int:
    """Count rows that are not as expected, where blocks alone could not."""
    request = check.request
    kind = "" if request is None else request.kind
    if kind in ("compound", "unique"):
        return tally.repeated_rows
    if kind in DIRECTIONS:
        strictly = bool(check.kwargs.get("strictly"))
        return tally.unexpected + broken_joints(tally.runs, kind, strictly=strictly)
    if check.type == "expect_column_value_z_scores_to_be_less_than":
        double = bool(check.kwargs["double_sided"])
        return z_score_count(tally, check.kwargs["threshold"], double_sided=double)
    if check.type == "expect_column_values_to_not_be_outliers":
        method = check.kwargs.get("method", "iqr")
        return outlier_count(tally, method, check.kwargs.get("multiplier", 1.5))
    return tally.unexpected


def _of_counts(name: str, check: Check, tally: Tally) -> Any:
    if name == "column.most_common_value":
        return most_common(tally)
    if name == "column.median":
        return quantile(tally, 0.5, "median")
    method = check.kwargs.get("allow_relative_error") or "nearest"
    quantiles = check.kwargs["quantile_ranges"]["quantiles"]
    return [quantile(tally, share, method) for share in quantiles]


def _of_bins(name: str, bins: list[float], tally: Tally) -> Any:
    import numpy as np

    values, rows = numbers_of(tally)
    if name == "below_partition":
        return int(rows[values < bins[0]].sum())
    if name == "above_partition":
        return int(rows[values > bins[-1]].sum())
    return [int(count) for count in np.histogram(values, bins, weights=rows)[0]]


def column_types(partial: Partial, check: Check, tally: Tally) -> list[dict[str, Any]]:
    """Give the type that pandas itself would choose for the column, nulls heeded.

    How text is encoded is no type of its values; only `expect_column_type_to_be`, which
    asks for the column's, sees a dictionary.
    """
    import pyarrow as pa

    column = check.kwargs["column"]
    kind = dict(partial.schemas[0])[column]
    if pa.types.is_dictionary(kind) and check.type != "expect_column_type_to_be":
        kind = kind.value_type
    sample = pa.array([None] if tally.nulls else [], kind)
    frame = pa.table({column: sample}).to_pandas()
    return [{"name": column, "type": frame[column].dtype}]
