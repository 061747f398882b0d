"""PROOF: Great Expectations suites and privacy checks on a staged set.

The suite's metrics are computed per block (`partial_metrics`), merged in any order
(`merge_partials`) and decided by Great Expectations (`evaluate_suite`). Importing this
package does not import Great Expectations.
"""

from __future__ import annotations

from .catalogue import CATALOGUE
from .dataset import validate_dataset
from .decide import evaluate_suite, prepare_suite
from .metrics import MetricRequest, Partial, merge_partials, partial_metrics
from .privacy import (
    ClassCounts,
    Evidence,
    RecordCounts,
    SensitiveCounts,
    derive_checks,
    evaluate_checks,
)
from .release import validate_release
from .residual import (
    RESIDUAL_CHECK,
    residual_facts,
    residual_warnings,
)
from .results import CheckResult, ValidationReport
from .suite import Check, Suite, load_suite

__all__ = [
    "CATALOGUE",
    "RESIDUAL_CHECK",
    "Check",
    "CheckResult",
    "ClassCounts",
    "Evidence",
    "MetricRequest",
    "Partial",
    "RecordCounts",
    "SensitiveCounts",
    "Suite",
    "ValidationReport",
    "derive_checks",
    "evaluate_checks",
    "evaluate_suite",
    "load_suite",
    "merge_partials",
    "partial_metrics",
    "prepare_suite",
    "residual_facts",
    "residual_warnings",
    "validate_dataset",
    "validate_release",
]
