"""Holds the staged set against policy and suite, as it was really written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import pyarrow as pa

from ..expectations import (
    RESIDUAL_CHECK,
    CheckResult,
    ClassCounts,
    Evidence,
    RecordCounts,
    SensitiveCounts,
    Suite,
    derive_checks,
    evaluate_checks,
    evaluate_suite,
)
from ..policies import Policy
from ..policies.errors import GateError
from ..transforms.kanonymity import (
    ClassReport,
    Recoding,
    report_classes,
    report_risk,
    report_sensitive,
)
from ..transforms.kanonymity.counting.risk import Alone
from ..transforms.kanonymity.recoding.utility import (
    gate_facts,
    level_shares,
    measure_ncp,
    refuse_loss,
)
from ..transforms.kanonymity.routing import BucketedRecoding
from .measure import StagedSource
from .passes import Cleared, Staged
from .result import RunResult

__all__ = ["verify_staged"]

_USELESS_NCP = 0.9
_SAME_NCP = 1e-6


def verify_staged(
    policy: Policy,
    result: RunResult,
    cleared: Cleared,
    recoding: Recoding,
    staged: Staged,
    suite: Suite | None,
) -> None:
    """Check what was staged, and write the findings down in `result`.

    Args:
        policy: what was promised.
        result: the account of the run; its counts and checks are filled in.
        cleared: what pass 1 left.
        recoding: the plan; it is held against the recount, never trusted.
        staged: what pass 2 wrote and measured.
        suite: the user's expectations, if any.

    Raises:
        GateError: a check failed.
    """
    classes = report_classes(staged.classes, policy.class_columns, policy.anonymity.k)
    result.published = sum(part.rows for part in staged.parts)
    result.suppressed = sum(part.suppressed for part in staged.parts)
    result.capped = sum(part.capped for part in staged.parts)
    result.files = [
        {
            "name": part.path.rsplit("/", 1)[1],
            "rows": part.rows,
            "sha256": part.sha256,
        }
        for part in sorted(staged.parts, key=lambda part: part.path)
    ]
    sensitive = {
        name: SensitiveCounts(report.classes, report.violating_classes, report.reached)
        for name, rule in policy.anonymity.sensitive.items()
        for report in [report_sensitive(staged.values[name], name, rule)]
    }
    total = result.kept - result.capped
    result.anonymity = _anonymity(policy, recoding, staged, classes, total)
    result.columns = [
        {"name": name, "type": str(kind)}
        for schema in staged.measures.metrics.schemas
        for name, kind in schema
    ]
    result.anonymity["subject"] = _subject(policy, cleared)
    before: pa.Table | Alone | None = cleared.histogram
    if isinstance(recoding, BucketedRecoding):
        result.anonymity["buckets"] = recoding.router.buckets
        before = recoding.alone
    if before is not None:
        risk = report_risk(before, staged.classes)
        result.anonymity["risk"] = {
            name: round(share, 6) for name, share in asdict(risk).items()
        }
    if sensitive:
        result.anonymity["sensitive"] = {
            name: asdict(counts) for name, counts in sensitive.items()
        }
    result.not_checked += _not_checked(policy)
    if result.capped != cleared.capped:
        message = (
            f"{result.capped} records were left out by contribution_cap where "
            f"{cleared.capped} were counted. This is a defect; nothing is published"
        )
        raise GateError(message)
    planned = recoding.suppressed_share * total
    if abs(planned - result.suppressed) > 0.5:  # the share is a float of whole rows
        message = (
            f"{result.suppressed} records were suppressed where the plan counted "
            f"{planned:.0f}. This is a defect; nothing is published"
        )
        raise GateError(message)
    ncp = measure_ncp(recoding.facts, staged.classes, total)
    if abs(ncp - recoding.ncp) > _SAME_NCP:
        message = (
            f"the staged set has NCP {ncp:.6f} where the plan has {recoding.ncp:.6f}. "
            "This is a defect; nothing is published"
        )
        raise GateError(message)
    gates = policy.anonymity.utility
    if gates.asked:
        share = result.suppressed / max(total, 1)
        result.anonymity["utility"] = gate_facts(gates, ncp, share)
        local = policy.anonymity.recoding == "local"
        refuse_loss(gates, ncp, share, "the staged set", local=local)
    if recoding.ncp > _USELESS_NCP:
        result.warnings.append(
            f"NCP {recoding.ncp:.2f}: hardly anything is left of the "
            "quasi-identifiers. Lower k, add levels, or name fewer of them"
        )
    checks = list(
        evaluate_checks(
            derive_checks(policy), _evidence(result, staged, classes, sensitive)
        )
    )
    if suite is not None:
        source = StagedSource(tuple(sorted(part.path for part in staged.parts)))
        checks += evaluate_suite(suite, staged.measures.metrics, source).results
    result.checks = [check.to_json() for check in checks]
    # What was not measured is no pass: only True is.
    failed = [_failure(check) for check in checks if check.success is not True]
    if failed:
        message = f"{len(failed)} check(s) failed: {', '.join(failed)}"
        raise GateError(message)


def _evidence(
    result: RunResult,
    staged: Staged,
    classes: ClassReport,
    sensitive: Mapping[str, SensitiveCounts],
) -> Evidence:
    """Put together what was measured on the staged set."""
    return Evidence(
        partial=staged.measures.metrics,
        records=RecordCounts(
            read=result.read,
            kept=result.kept,
            dropped=result.dropped.total(),
            quarantined=result.quarantined.total(),
            suppressed=result.suppressed,
            published=result.published,
            capped=result.capped,
        ),
        classes=ClassCounts(
            classes=classes.classes,
            violating_classes=classes.violating_classes,
            violating_rows=classes.violating_rows,
        ),
        sensitive=sensitive,
        pii_rows=staged.measures.text_findings,
        residual=staged.residual,
        links=staged.links or None,
    )


def _anonymity(
    policy: Policy,
    recoding: Recoding,
    staged: Staged,
    classes: ClassReport,
    total: int,
) -> dict[str, object]:
    suppressed = total - classes.rows
    return {
        "k": policy.anonymity.k,
        "recoding": policy.anonymity.recoding,
        "k_reached": classes.k_reached,
        "classes": classes.classes,
        "average_class_rows": round(classes.average_class_rows, 2),
        "c_avg": round(classes.c_avg(policy.anonymity.k), 6),
        "discernibility": classes.discernibility_with(suppressed),
        "ncp": round(recoding.ncp, 6),
        "suppressed_share": round(recoding.suppressed_share, 6),
        "levels": recoding.levels,
        "level_shares": level_shares(recoding.facts, staged.classes),
        "quasi_identifiers": list(policy.quasi_identifiers),
    }


def _subject(policy: Policy, cleared: Cleared) -> dict[str, object]:
    """Say what was done about people with many records."""
    rule, people = policy.anonymity.subject, cleared.people
    facts: dict[str, object] = {
        "publish": rule.publish,
        "contribution_cap": policy.anonymity.contribution_cap,
    }
    if people is not None:
        facts["harmonise"] = rule.harmonise
        facts["harmonised_share"] = round(people.moved / max(people.rows, 1), 6)
    return facts


def _not_checked(policy: Policy) -> list[str]:
    """Say what nobody looked at."""
    gaps = []
    scanned = [c.name for c in policy.published_columns if c.action == "scan"]
    if scanned and policy.pii is not None and policy.pii.engine == "rules":
        gaps.append(f"names of people in {', '.join(scanned)} (pii.engine: rules)")
    if scanned and policy.pii is not None and policy.pii.faked:
        gaps.append(
            f"{', '.join(policy.pii.faked)} in text (surrogates look like them)"
        )
    ruled = policy.anonymity.sensitive
    sensitive = [
        c.name for c in policy.published_columns if c.sensitive and c.name not in ruled
    ]
    if sensitive:
        gaps.append(f"l-diversity and t-closeness of {', '.join(sensitive)}")
    return gaps


def _failure(check: CheckResult) -> str:
    """Name a check that failed; of what is left, the columns and entities as well."""
    more = f" ({check.detail})" if check.name == RESIDUAL_CHECK and check.detail else ""
    return check.name + more
