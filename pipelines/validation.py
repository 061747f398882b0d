"""`optin validate`: a data set against a suite, against its policy, or against both."""

from __future__ import annotations

from pathlib import Path

from ..expectations import ValidationReport, validate_dataset, validate_release
from ..policies import load_policy
from ..policies.errors import OptinError

__all__ = ["validate_data"]


def validate_data(
    data: Path, *, suite: Path | None, policy: Path | None
) -> ValidationReport:
    """Validate the data at a path.

    Raises:
        OptinError: neither suite nor policy is given.
        InputError: there is no data, or it cannot be read.
        PolicyError: the suite or the policy is not usable.
    """
    if suite is None and policy is None:
        message = (
            "validate needs --suite, --policy, or both: what to hold the data against"
        )
        raise OptinError(message)
    reports = []
    if policy is not None:
        from .residual import load_names, residual_plan  # Beam, for policies alone

        loaded = load_policy(policy)
        plan = residual_plan(loaded)
        reports.append(validate_release(data, loaded, plan, load_names(plan)))
    if suite is not None:
        reports.append(validate_dataset(data, suite))
    name = " and ".join(report.suite_name for report in reports)
    return ValidationReport(
        name, tuple(result for report in reports for result in report.results)
    )
