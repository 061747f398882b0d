"""Let Great Expectations decide on metrics that we computed.

Each expectation names the metrics it depends on (`get_validation_dependencies`); we look
them up in the merged partial and hand them to GX's own decision (`metrics_validate`).
The route is semi-private in GX, so the minor version is pinned and a contract test
compares every supported type with plain GX. GX is imported inside functions only: its
import takes seconds, and it has no place in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..policies.errors import Finding, OptinError, PolicyError
from .catalogue import CATALOGUE
from .confirm import confirm_repeats
from .fallback import (
    RESULT_FORMAT,
    Source,
    TooLargeError,
    build_expectation,
    decide_on_pandas,
)
from .given import column_types, metric_value
from .gx.definitions import PRIVACY
from .gx.engine import decide_privacy
from .partials import COUNTED_MAX, DISTINCT_MAX, UNIQUE_MAX, Partial, Tally
from .results import CheckResult, ValidationReport
from .suite import Check, Suite

__all__ = ["evaluate_suite", "prepare_suite"]

_COUNTS = (
    "element_count", "missing_count", "missing_percent", "unexpected_count",
    "unexpected_percent", "unexpected_percent_nonmissing", "unexpected_percent_total",
)  # fmt: skip
_OPEN_OBSERVED = (
    "expect_table_", "expect_column_unique_", "expect_column_proportion_",
)  # fmt: skip
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
            build_expectation(check)
        except Exception as error:  # noqa: BLE001  # whatever GX raises is a refusal
            message = (
                f"Great Expectations refuses {check.type} ({type(error).__name__})"
            )
            place = (suite.file, check.line, check.column)
            findings.append(Finding(*place, "E317", message))
    if findings:
        raise PolicyError(tuple(findings))


def evaluate_suite(
    suite: Suite, partial: Partial, source: Source | None = None
) -> ValidationReport:
    """Decide every expectation of `suite` on merged metrics: Partial → report.

    A check that the table is not empty is always added first, because GX's expectations
    on values hold for zero rows. Results carry counts only. What cannot be computed (a
    column is missing or of another type) fails, with the reason in `detail`.

    Args:
        suite: what to decide.
        partial: the merged metrics of the whole table.
        source: reads the table again, for what blocks alone cannot decide: equal hashes
            are confirmed on their rows, and types of column that our kernels do not read
            go through Great Expectations on pandas. Without it a repeated hash counts as
            a repeated value, and those columns fail.

    Raises:
        OptinError: this GX asks for a metric that we do not compute.
    """
    checks = (_NOT_EMPTY, *suite.checks)
    return ValidationReport(
        suite.name, tuple(_decide(item, partial, source) for item in checks)
    )


def _decide(check: Check, partial: Partial, source: Source | None) -> CheckResult:
    request = check.request
    tally = Tally() if request is None else partial.tallies.get(request)
    problem = _problem(tally, partial)
    if (
        tally is not None
        and _is_foreign(tally)
        and source is not None
        and not (problem and not tally.problem)
    ):
        return _decide_elsewhere(check, source)
    if problem or tally is None:
        return _undecided(check, problem)
    if check.type in PRIVACY:
        return _decide_privacy(check, tally)
    if tally.counted is not None and tally.counted.values is None:
        message = f"more than {COUNTED_MAX:,} distinct values; too many to count here"
        return _undecided(check, message)
    if tally.repeats and request is not None and source is not None:
        tally = confirm_repeats(request, tally, source)
    expectation = build_expectation(check)
    engine = _types_engine(check, partial, tally)
    runtime = {"result_format": RESULT_FORMAT}
    try:
        wanted = expectation.get_validation_dependencies(
            execution_engine=engine, runtime_configuration=dict(runtime)
        ).metric_configurations
        metrics = {
            configuration.id: metric_value(name, check, tally, partial)
            for name, configuration in wanted.items()
        }
        outcome = expectation.metrics_validate(
            metrics, runtime_configuration=dict(runtime), execution_engine=engine
        )
    except OptinError:
        raise
    except Exception as error:  # noqa: BLE001  # its text may hold a value
        kind = type(error).__name__
        return _undecided(check, f"cannot be decided on this column ({kind})")
    return _result(check, bool(outcome.success), outcome.result or {})


def _decide_privacy(check: Check, tally: Tally) -> CheckResult:
    success, result, detail = decide_privacy(check.type, check.kwargs, tally)
    if detail and "observed_value" not in result:
        return _undecided(check, detail)
    return CheckResult(check.type, success, check.kwargs, result, detail, check.meta)


def _is_foreign(tally: Tally) -> bool:
    over = tally.counted is not None and tally.counted.values is None
    return (bool(tally.problem) and tally.foreign) or (over and not tally.problem)


def _decide_elsewhere(check: Check, source: Source) -> CheckResult:
    """Let plain GX on pandas read the columns that the check needs, if they are few."""
    try:
        success, result = decide_on_pandas(check, source)
    except TooLargeError as error:
        return _undecided(check, str(error))
    except OptinError:
        raise
    except Exception as error:  # noqa: BLE001  # its text may hold a value
        kind = type(error).__name__
        return _undecided(check, f"cannot be decided on this column ({kind})")
    note = "decided by Great Expectations on pandas, over the columns it needs"
    return replace(_result(check, success, result), note=note)


def _result(check: Check, success: bool, result: Mapping[str, Any]) -> CheckResult:
    observed = _redacted(check, result)
    return CheckResult(check.type, success, check.kwargs, observed, "", check.meta)


def _undecided(check: Check, problem: str) -> CheckResult:
    return CheckResult(
        check.type, False, check.kwargs, {}, problem, check.meta, undecided=True
    )


def _problem(tally: Tally | None, partial: Partial) -> str:
    if not partial.schemas:
        return "there is no data"
    if len(partial.schemas) > 1:
        return "the parts of the data set do not have one schema"
    if tally is None:
        return "its metric was not computed"
    if tally.most == UNIQUE_MAX + 1 and len(tally.hashes) // 8 > UNIQUE_MAX:
        return f"more than {UNIQUE_MAX:,} values; uniqueness cannot be decided here"
    return tally.problem


def _redacted(check: Check, result: Mapping[str, Any]) -> dict[str, Any]:
    """Keep counts, and what was observed where that is no value of a record."""
    kind = CATALOGUE[check.type].kind
    kept = {key: result[key] for key in _COUNTS if result.get(key) is not None}
    if check.type.startswith(_OPEN_OBSERVED) and "observed_value" in result:
        kept["observed_value"] = result["observed_value"]
        if "details" in result:
            kept["details"] = result["details"]  # names of columns
    elif kind in ("dtype", "type") and "observed_value" in result:
        kept["observed_value"] = result.get("observed_value")  # a type
    elif result.get("observed_value") is not None:
        kept["observed_value"] = "redacted"
    if kind in ("distinct", "set_compare"):
        for key in ("observed_value", "unexpected_count"):
            if isinstance(kept.get(key), int) and kept[key] > DISTINCT_MAX:
                kept[key] = f">{DISTINCT_MAX}"
    return kept


def _types_engine(check: Check, partial: Partial, tally: Tally) -> Any:
    """Give the type expectations an engine that knows the column types, others None."""
    if CATALOGUE[check.type].kind not in ("dtype", "type"):
        return None
    from great_expectations.execution_engine.pandas_execution_engine import (
        PandasExecutionEngine,
    )

    types = column_types(partial, check, tally)

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
