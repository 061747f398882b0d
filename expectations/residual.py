"""Decides on what the second detector found in a sample of the output.

What is certain must be gone, unless the policy lets a share of it stay; what is only
possible is held against such a share alone, and else a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..policies.model import Policy
from ..transforms.deidentify.residual import (
    ResidualCounts,
    ResidualPlan,
)
from .results import CheckResult
from .suite import Check

__all__ = [
    "RESIDUAL_CHECK",
    "decide_residual",
    "residual_check",
    "residual_facts",
    "residual_warnings",
]

RESIDUAL_CHECK = "optin_no_residual_pii"

_WORTH_A_WARNING = 0.01
"""Share of a column's values from which on what is possible is said aloud."""


def residual_check(policy: Policy) -> Check | None:
    """Derive the check from a policy; None if no published column is read."""
    plan = ResidualPlan.of(policy)
    if not plan.columns:
        return None
    kwargs = {
        "columns": [column.name for column in plan.columns],
        "sample": plan.sample,
        "max_share": dict(sorted(policy.residual.max_share.items())),
        "counts_below": policy.anonymity.k,
    }
    return Check(RESIDUAL_CHECK, kwargs)


def decide_residual(
    kwargs: Mapping[str, Any], found: Mapping[str, ResidualCounts] | None
) -> CheckResult:
    """Hold counts against the policy: one result, which names columns and entities."""
    if found is None or not set(kwargs["columns"]) <= set(found):
        detail = "not checked: the output was not searched by the second detector"
        return CheckResult(RESIDUAL_CHECK, None, kwargs, {}, detail)
    limits = kwargs["max_share"]
    failed = {
        name: bad
        for name in kwargs["columns"]
        if (bad := _too_much(found[name], limits))
    }
    observed = {
        "columns": {
            name: _floored(found[name], kwargs["counts_below"])
            for name in kwargs["columns"]
        },
        "failed": failed,
    }
    named = "; ".join(f"{name}: {', '.join(bad)}" for name, bad in failed.items())
    detail = f"personal data is left in {named}" if failed else ""
    return CheckResult(RESIDUAL_CHECK, not failed, kwargs, observed, detail)


def residual_warnings(policy: Policy, found: Mapping[str, ResidualCounts]) -> list[str]:
    """Say what is possible, often, and has no limit in the policy."""
    warnings = []
    limits = policy.residual.max_share
    for name, counts in found.items():
        for entity, share in _possible_shares(counts).items():
            if entity in limits or share <= _WORTH_A_WARNING:
                continue
            warnings.append(
                f"{name}: {entity} is possible in about {share:.0%} of the values that "
                f"the second detector read; residual.max_share: {{{entity}: …}} makes "
                "that a limit"
            )
    return warnings


def residual_facts(
    plan: ResidualPlan, found: Mapping[str, ResidualCounts], floor: int
) -> dict[str, Any]:
    """Give the account: counts by column and entity, and what was left out, and why."""
    exempt = {c.name: list(c.exempt) for c in plan.columns if c.exempt}
    return {
        "sample": plan.sample,
        "columns": {name: _floored(counts, floor) for name, counts in found.items()},
        "left_out": dict(plan.left_out),
        "exempt": exempt,
        "model": plan.asks_model,
    }


def _too_much(counts: ResidualCounts, limits: Mapping[str, float]) -> list[str]:
    """Name the entities of a column of which more is left than may be."""
    bad = []
    possible = _possible_shares(counts)
    for entity in sorted({*counts.certain, *possible, *limits}):
        certain = counts.certain.get(entity, 0)
        limit = limits.get(entity)
        if limit is None:
            if certain:
                bad.append(entity)
            continue
        share = certain / counts.values if counts.values else 0.0
        if share + possible.get(entity, 0.0) > limit:
            bad.append(entity)
    return bad


def _possible_shares(counts: ResidualCounts) -> dict[str, float]:
    shares = {
        entity: found / counts.values for entity, found in counts.possible.items()
    }
    if counts.named:
        named = counts.named / counts.named_values
        shares["PERSON"] = max(named, shares.get("PERSON", 0.0))
    return shares


def _floored(counts: ResidualCounts, floor: int) -> dict[str, Any]:
    """Show counts; those below the floor as `<10`, so that none tells of one person."""

    def shown(found: Mapping[str, int]) -> dict[str, int | str]:
        return {e: n if n >= floor else f"<{floor}" for e, n in sorted(found.items())}

    facts: dict[str, Any] = {
        "values": counts.values,
        "certain": shown(counts.certain),
        "possible": shown(counts.possible),
    }
    if counts.named_values:
        named = {"PERSON": counts.named} if counts.named else {}
        facts["by_model"] = {"values": counts.named_values, "possible": shown(named)}
    return facts
