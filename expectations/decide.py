"""Let Great Expectations decide on metrics that we computed.

Each expectation names the metrics it depends on (`get_validation_dependencies`); we look
them up in the merged partial and hand them to GX's own decision (`metrics_validate`).
The route is semi-private in GX, so the minor version is pinned and a contract test
compares every supported type with plain GX. GX is imported inside functions only: its
import takes seconds, and it has no place in a worker.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ..policies.errors import Finding, OptinError, PolicyError
from .catalogue import CATALOGUE
from .columns import family_of
from .kernels import SCALE
from .partials import DISTINCT_MAX, UNIQUE_MAX, Partial, Tally
from .results import CheckResult, ValidationReport
from .suite import Check, Suite

__all__ = ["evaluate_suite", "prepare_suite"]

_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_COUNTS = (
    "element_count", "missing_count", "missing_percent", "unexpected_count",
    "unexpected_percent", "unexpected_percent_nonmissing", "unexpected_percent_total",
)  # fmt: skip
_OPEN_OBSERVED = ("expect_table_", "expect_column_unique_", "expect_column_proportion_")
"""Types whose `observed_value` is a count, a share or column names."""

_NOT_EMPTY = Check("expect_table_row_count_to_be_between", {"min_value": 1})


def prepare_suite(suite: Suite) -> None:
    """Build every expectation in GX, so that a refusal comes before a long run.

    Raises:
        PolicyError: GX itself does not accept an expectation.
    """
    findings = []
    for check in suite.checks:
        try:
            _expectation(check)
        except Exception as error:  # noqa: BLE001  # whatever GX raises is a refusal
            message = (
                f"Great Expectations refuses {check.type} ({type(error).__name__})"
            )
            place = (suite.file, check.line, check.column)
            findings.append(Finding(*place, "E317", message))
    if findings:
        raise PolicyError(tuple(findings))


def evaluate_suite(suite: Suite, partial: Partial) -> ValidationReport:
    """Decide every expectation of `suite` on merged metrics: Partial → report.

    A check that the table is not empty is always added first, because GX's expectations
    on values hold for zero rows. Results carry counts only. What cannot be computed (a
    column is missing or of another type) fails, with the reason in `detail`.

    Raises:
        OptinError: this GX asks for a metric that we do not compute.
    """
    checks = (_NOT_EMPTY, *suite.checks)
    return ValidationReport(
        suite.name, tuple(_decide(item, partial) for item in checks)
    )


def _decide(check: Check, partial: Partial) -> CheckResult:
    request = check.request
    tally = Tally() if request is None else partial.tallies.get(request)
    problem = _problem(tally, partial)
    if problem or tally is None:
        return CheckResult(check.type, False, check.kwargs, {}, problem, check.meta)
    expectation = _expectation(check)
    engine = _types_engine(check, partial)
    runtime = {"result_format": _RESULT_FORMAT}
    try:
        wanted = expectation.get_validation_dependencies(
            execution_engine=engine, runtime_configuration=dict(runtime)
        ).metric_configurations
        metrics = {
            configuration.id: _metric(name, check, tally, partial)
            for name, configuration in wanted.items()
        }
        outcome = expectation.metrics_validate(
            metrics, runtime_configuration=dict(runtime), execution_engine=engine
        )
    except OptinError:
        raise
    except Exception as error:  # noqa: BLE001  # its text may hold a value
        detail = f"cannot be decided on this column ({type(error).__name__})"
        return CheckResult(check.type, False, check.kwargs, {}, detail, check.meta)
    observed = _redacted(check, outcome.result or {})
    success = bool(outcome.success)
    return CheckResult(check.type, success, check.kwargs, observed, "", check.meta)


def _problem(tally: Tally | None, partial: Partial) -> str:
    if not partial.schemas:
        return "there is no data"
    if len(partial.schemas) > 1:
        return "the parts of the data set do not have one schema"
    if tally is None:
        return "its metric was not computed"
    if tally.repeats and len(tally.hashes) // 8 > UNIQUE_MAX:
        return f"more than {UNIQUE_MAX:,} values; uniqueness cannot be decided here"
    return tally.problem


def _metric(name: str, check: Check, tally: Tally, partial: Partial) -> Any:
    """Give the value of one GX metric by its name."""
    present = partial.rows - tally.nulls
    columns = [column for column, _ in partial.schemas[0]]
    if name.endswith(".unexpected_values") or name in (
        "column.distinct_values.not_in_set",
        "column.distinct_values.missing_from_column",
    ):
        return []  # the values themselves never leave a worker
    if name == "column_values.nonnull.unexpected_count":
        return tally.nulls
    if name == "column_values.unique.unexpected_count":
        return _repeated(tally)
    if name.endswith(".unexpected_count"):
        return tally.unexpected
    match name:
        case "table.row_count":
            return partial.rows
        case "table.columns":
            return columns
        case "table.column_count":
            return len(columns)
        case "table.column_types":
            return _column_types(partial)
        case "column.min":
            return tally.low
        case "column.max":
            return tally.high
        case "column.sum":
            return _ratio(tally, 1)
        case "column.mean":
            return _ratio(tally, present) if present else None
        case "column.non_null_proportion":
            return present / partial.rows if partial.rows else 0
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


def _repeated(tally: Tally) -> int:
    """Count rows whose value occurs more than once."""
    import numpy as np

    _, counts = np.unique(np.frombuffer(tally.hashes, "<u8"), return_counts=True)
    return int(counts[counts > 1].sum())


def _redacted(check: Check, result: Mapping[str, Any]) -> dict[str, Any]:
    """Keep counts, and what was observed where that is no value of a record."""
    kind = CATALOGUE[check.type].kind
    kept = {key: result[key] for key in _COUNTS if result.get(key) is not None}
    if check.type.startswith(_OPEN_OBSERVED) and "observed_value" in result:
        kept["observed_value"] = result["observed_value"]
        if "details" in result:
            kept["details"] = result["details"]  # names of columns
    elif result.get("observed_value") is not None and kind != "type":
        kept["observed_value"] = "redacted"
    if kind in ("distinct", "set_compare"):
        for key in ("observed_value", "unexpected_count"):
            if isinstance(kept.get(key), int) and kept[key] > DISTINCT_MAX:
                kept[key] = f">{DISTINCT_MAX}"
    return kept


def _expectation(check: Check) -> Any:
    """Build GX's own object for `check`."""
    with warnings.catch_warnings():  # third-party warnings at import are not ours
        warnings.simplefilter("ignore")
        from great_expectations.expectations.expectation_configuration import (
            ExpectationConfiguration,
        )
    configuration = ExpectationConfiguration(type=check.type, kwargs=dict(check.kwargs))
    return configuration.to_domain_obj()


def _column_types(partial: Partial) -> list[dict[str, Any]]:
    """Give pandas types as GX expects them; text, dates and times are objects."""
    import numpy as np

    numeric = {"bool": "bool", "float": "float64", "int": "int64"}
    return [
        {"name": name, "type": np.dtype(numeric.get(family_of(kind), "object"))}
        for name, kind in partial.schemas[0]
    ]


def _types_engine(check: Check, partial: Partial) -> Any:
    """Give the type expectations an engine that knows the column types, others None."""
    if CATALOGUE[check.type].kind != "type":
        return None
    from great_expectations.execution_engine.pandas_execution_engine import (
        PandasExecutionEngine,
    )

    types = _column_types(partial)

    class ArrowTypes(PandasExecutionEngine):
        def resolve_metrics(
            self,
            metrics_to_resolve: Any,
            metrics: Any = None,
            runtime_configuration: Any = None,
        ) -> Any:
            del metrics, runtime_configuration
            return {metric.id: types for metric in metrics_to_resolve}

    return ArrowTypes()
