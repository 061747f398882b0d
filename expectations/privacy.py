"""Privacy checks that follow from a policy, in the same shape as a suite's results.

`derive_checks` states what the policy promises; `evaluate_checks` holds that against
evidence that was measured on the staged output. Evidence that was not given leaves a
check at "not checked"; it never counts as a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..policies.model import Policy
from ..transforms.deidentify.residual import ResidualCounts
from ..transforms.kanonymity.subjects import LinkReport
from .decide import evaluate_suite
from .linking import (
    CAP_CHECK,
    ONE_CLASS_CHECK,
    decide_cap,
    decide_one_class,
    linking_checks,
)
from .partials import Partial
from .residual import RESIDUAL_CHECK, decide_residual, residual_check
from .results import CheckResult
from .suite import Check, Suite

__all__ = [
    "ClassCounts",
    "Evidence",
    "RecordCounts",
    "SensitiveCounts",
    "derive_checks",
    "evaluate_checks",
]

_SENSITIVE = "optin_sensitive_values_are_diverse"
_TABLE_CHECKS = (
    "expect_table_columns_to_match_ordered_list",
    "expect_table_row_count_to_be_between",
)


@dataclass(frozen=True)
class ClassCounts:
    """Equivalence classes of the staged output, counted in distinct data subjects.

    Attributes:
        classes: equivalence classes.
        violating_classes: classes that cover fewer than k distinct subjects.
        violating_rows: rows in those classes.
    """

    classes: int
    violating_classes: int
    violating_rows: int


@dataclass(frozen=True)
class SensitiveCounts:
    """Classes of the staged output by one sensitive attribute, counted in people.

    Attributes:
        classes: equivalence classes.
        violating_classes: classes that do not meet the policy's rule.
        reached: worst class by measure (`l_reached`, `t_reached`, `alpha_reached`).
    """

    classes: int
    violating_classes: int
    reached: Mapping[str, float]


@dataclass(frozen=True)
class RecordCounts:
    """Where every record went.

    Attributes:
        read: records read.
        kept: records that the consent gate let pass.
        dropped: records that it dropped.
        quarantined: records that went to quarantine.
        suppressed: kept records that did not reach k.
        published: rows of the staged output.
        capped: kept records left out because their person has too many.
    """

    read: int
    kept: int
    dropped: int
    quarantined: int
    suppressed: int
    published: int
    capped: int = 0


@dataclass(frozen=True)
class Evidence:
    """What was measured on the staged output; None means "was not measured".

    Attributes:
        partial: rows and columns of the staged output.
        records: the run's account of records.
        classes: the measure of k.
        sensitive: sensitive attribute → classes and what they reach.
        pii_rows: rows with a finding in a published scan column, by entity type.
        residual: what the second detector found in a sample, by column.
        links: subject token or published identifier → classes and rows of its values.
    """

    partial: Partial = field(default_factory=Partial)
    records: RecordCounts | None = None
    classes: ClassCounts | None = None
    sensitive: Mapping[str, SensitiveCounts] | None = None
    pii_rows: Mapping[str, int] | None = None
    residual: Mapping[str, ResidualCounts] | None = None
    links: Mapping[str, LinkReport] | None = None


def derive_checks(policy: Policy) -> tuple[Check, ...]:
    """Derive the privacy checks of a policy, in a fixed order: Policy → checks.

    Two are Great Expectations' own (columns exactly as declared, not empty); those named
    `optin_…` are counts that no column of the output can show.

    Not covered: storage types of columns, and personal data that neither detector
    knows.
    """
    published = policy.published_columns
    checks = [
        Check(_TABLE_CHECKS[0], {"column_list": list(policy.release_columns)}),
        Check(_TABLE_CHECKS[1], {"min_value": 1}),
        Check(
            "optin_no_direct_identifier_kept", {"columns": _kept_identifiers(policy)}
        ),
        Check("optin_records_conserved", {}),
        Check("optin_only_consented_rows", {}),
        Check(
            "optin_subjects_per_class_at_least_k",
            {
                "k": policy.anonymity.k,
                "quasi_identifiers": list(policy.quasi_identifiers),
            },
        ),
    ]
    checks += [
        Check(_SENSITIVE, {"column": name, **rule.model_dump(exclude_defaults=True)})
        for name, rule in policy.anonymity.sensitive.items()
    ]
    checks += linking_checks(policy)
    scanned = [item.name for item in published if item.action == "scan"]
    if scanned and policy.pii is not None:
        faked = policy.pii.faked  # nobody can tell surrogates from the real thing
        entities = [entity for entity in policy.pii.entities if entity not in faked]
        checks.append(
            Check("optin_no_pii_in_scanned_columns", _pii_kwargs(scanned, entities))
        )
    residual = residual_check(policy)
    if residual is not None:
        checks.append(residual)
    return tuple(checks)


def evaluate_checks(
    checks: tuple[Check, ...], evidence: Evidence
) -> tuple[CheckResult, ...]:
    """Hold `checks` against `evidence`: one result a check, in order.

    `success` is None where the evidence was not given; the caller must list those as not
    checked, and must not publish when one it relies on is among them.
    """
    table = tuple(check for check in checks if check.type in _TABLE_CHECKS)
    # The first result is the suite's own emptiness check, which is among ours already.
    decided = iter(
        evaluate_suite(Suite("privacy", table), evidence.partial).results[1:]
    )
    return tuple(
        next(decided)
        if check.type in _TABLE_CHECKS
        else _RULES[check.type](check.kwargs, evidence)
        for check in checks
    )


def _kept_identifiers(policy: Policy) -> list[str]:
    return [
        column.name
        for column in policy.published_columns
        if column.action == "keep" and column.semantic.direct_identifier
    ]


def _pii_kwargs(columns: list[str], entities: list[str]) -> dict[str, Any]:
    return {"columns": columns, "entities": entities}


def _no_identifier(kwargs: Mapping[str, Any], _: Evidence) -> CheckResult:
    kept = len(kwargs["columns"])
    detail = "a direct identifier is published with action keep" if kept else ""
    name = "optin_no_direct_identifier_kept"
    return CheckResult(name, kept == 0, kwargs, {"kept_identifiers": kept}, detail)


def _conserved(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    name, records = "optin_records_conserved", evidence.records
    if records is None:
        return _not_checked(name, kwargs, "records were not counted")
    observed = {
        "read": records.read,
        "kept": records.kept,
        "dropped": records.dropped,
        "quarantined": records.quarantined,
    }
    accounted = records.kept + records.dropped + records.quarantined
    good = records.read == accounted and min(observed.values()) >= 0
    detail = "" if good else "read is not kept + dropped + quarantined"
    return CheckResult(name, good, kwargs, observed, detail)


def _only_consented(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    name, records = "optin_only_consented_rows", evidence.records
    if records is None:
        return _not_checked(name, kwargs, "records were not counted")
    observed = {
        "kept": records.kept,
        "capped": records.capped,
        "suppressed": records.suppressed,
        "published": records.published,
        "staged_rows": evidence.partial.rows,
    }
    good = (
        records.published == records.kept - records.capped - records.suppressed
        and records.published == evidence.partial.rows
        and min(observed.values()) >= 0
    )
    detail = (
        ""
        if good
        else "published rows are not kept minus capped minus suppressed records"
    )
    return CheckResult(name, good, kwargs, observed, detail)


def _k_subjects(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    name, counts = "optin_subjects_per_class_at_least_k", evidence.classes
    if counts is None:
        return _not_checked(name, kwargs, "k was not measured on the output")
    observed = {
        "classes": counts.classes,
        "violating_classes": counts.violating_classes,
        "violating_rows": counts.violating_rows,
    }
    bad = counts.violating_classes != 0 or counts.violating_rows != 0
    if bad:
        detail = "a class covers fewer than k data subjects"
    else:
        detail = "" if counts.classes > 0 else "no class was measured"
    return CheckResult(name, not bad and counts.classes > 0, kwargs, observed, detail)


def _diverse(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    measured = evidence.sensitive or {}
    counts = measured.get(kwargs["column"])
    if counts is None:
        return _not_checked(_SENSITIVE, kwargs, "it was not measured on the output")
    observed = {
        "classes": counts.classes,
        "violating_classes": counts.violating_classes,
        **counts.reached,
    }
    good = counts.classes > 0 and counts.violating_classes == 0
    if counts.violating_classes:
        detail = "a class gives a sensitive value away"
    else:
        detail = "" if good else "no class was measured"
    return CheckResult(_SENSITIVE, good, kwargs, observed, detail)


def _no_pii(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    name, found = "optin_no_pii_in_scanned_columns", evidence.pii_rows
    if found is None:
        return _not_checked(name, kwargs, "the output was not scanned again")
    observed = {"rows_by_entity": dict(sorted(found.items()))}
    good = not any(found.values())
    detail = "" if good else "rows of scanned columns still hold personal data"
    return CheckResult(name, good, kwargs, observed, detail)


def _one_class(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    return decide_one_class(kwargs, evidence.links)


def _within_cap(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    return decide_cap(kwargs, evidence.links)


def _residual(kwargs: Mapping[str, Any], evidence: Evidence) -> CheckResult:
    return decide_residual(kwargs, evidence.residual)


def _not_checked(name: str, kwargs: Mapping[str, Any], why: str) -> CheckResult:
    return CheckResult(name, None, kwargs, {}, f"not checked: {why}")


_RULES: dict[str, Callable[[Mapping[str, Any], Evidence], CheckResult]] = {
    CAP_CHECK: _within_cap,
    ONE_CLASS_CHECK: _one_class,
    "optin_no_direct_identifier_kept": _no_identifier,
    "optin_no_pii_in_scanned_columns": _no_pii,
    "optin_only_consented_rows": _only_consented,
    RESIDUAL_CHECK: _residual,
    "optin_records_conserved": _conserved,
    _SENSITIVE: _diverse,
    "optin_subjects_per_class_at_least_k": _k_subjects,
}
