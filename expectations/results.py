"""Results of checks: counts and verdicts, never a value of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CheckResult", "ValidationReport"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one expectation or privacy check.

    Attributes:
        name: expectation type, or `optin_…` for a privacy check.
        success: the verdict; None when the evidence was not given ("not checked").
        kwargs: the arguments as the suite or the policy states them.
        observed: counts and names of columns; no value of a record.
        detail: one sentence on why it failed or was not checked, else "".
        meta: the suite author's own notes.
        note: how it was decided, when not on merged metrics, else "".
        undecided: it could not be evaluated (a missing column, a type that does not
            fit); `success` is False then, and it is no finding about the values.
    """

    name: str
    success: bool | None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    observed: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    undecided: bool = False

    def to_json(self) -> dict[str, Any]:
        """Give the shape of a Great Expectations result."""
        shown: dict[str, Any] = {
            "success": self.success,
            "expectation_config": {
                "type": self.name,
                "kwargs": dict(self.kwargs),
                "meta": dict(self.meta),
            },
            "result": dict(self.observed),
        }
        if self.detail:
            shown["detail"] = self.detail
        if self.note:
            shown["note"] = self.note
        if self.undecided:  # as Great Expectations says it
            shown["exception_info"] = {"raised_exception": True}
        return shown


@dataclass(frozen=True)
class ValidationReport:
    """Results of a suite on one data set.

    Attributes:
        suite_name: as the suite says.
        results: one a check, in suite order.
    """

    suite_name: str
    results: tuple[CheckResult, ...]

    @property
    def success(self) -> bool:
        """Whether something was checked and nothing that was checked failed."""
        verdicts = [item.success for item in self.results if item.success is not None]
        return bool(verdicts) and all(verdicts)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """Results that failed."""
        return tuple(item for item in self.results if item.success is False)

    @property
    def not_checked(self) -> tuple[CheckResult, ...]:
        """Checks whose evidence was not there; they neither pass nor fail."""
        return tuple(item for item in self.results if item.success is None)

    def to_json(self) -> dict[str, Any]:
        """Give the shape of a Great Expectations suite result, with counts only."""
        checked = [item for item in self.results if item.success is not None]
        passed = sum(item.success is True for item in checked)
        share = 100 * passed / len(checked) if checked else None
        return {
            "success": self.success,
            "suite_name": self.suite_name,
            "statistics": {
                "evaluated_expectations": len(checked),
                "successful_expectations": passed,
                "unsuccessful_expectations": len(checked) - passed,
                "success_percent": share,
                "not_checked": len(self.not_checked),
            },
            "results": [item.to_json() for item in self.results],
        }
