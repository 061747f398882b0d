"""Checks on what rows of one person show together: one class each, and so many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..policies.model import Policy
from ..transforms.blocks.names import SUBJECT
from ..transforms.kanonymity.subjects import LinkReport
from .results import CheckResult
from .suite import Check

__all__ = [
    "CAP_CHECK",
    "ONE_CLASS_CHECK",
    "decide_cap",
    "decide_one_class",
    "linking_checks",
]

ONE_CLASS_CHECK = "optin_one_class_per_person"
CAP_CHECK = "optin_rows_per_person_within_cap"

Links = Mapping[str, LinkReport]


def linking_checks(policy: Policy) -> list[Check]:
    """Derive the checks: none where rows are not linked, and not limited."""
    subject, cap = policy.anonymity.subject, policy.anonymity.contribution_cap
    checks = []
    if subject.publish == "pseudonym":
        kwargs = {
            "harmonise": subject.harmonise,
            "identifiers": list(policy.shared_identifiers),
        }
        checks.append(Check(ONE_CLASS_CHECK, kwargs))
    if cap is not None:
        checks.append(Check(CAP_CHECK, {"contribution_cap": cap}))
    return checks


def decide_one_class(kwargs: Mapping[str, Any], links: Links | None) -> CheckResult:
    """Hold that every person, and every published identifier, stands in one class."""
    keys = {"people": SUBJECT, **{name: name for name in kwargs["identifiers"]}}
    if links is None or not set(keys.values()) <= set(links):
        why = "not checked: classes of people were not counted on the output"
        return CheckResult(ONE_CLASS_CHECK, None, kwargs, {}, why)
    several = {word: links[key].several for word, key in keys.items()}
    observed = {"people": links[SUBJECT].keys, "in_several_classes": several}
    detail = "" if links[SUBJECT].keys > 0 else "no person was counted"
    if any(several.values()):
        named = ", ".join(word for word, count in several.items() if count)
        detail = f"linked rows stand in several classes: {named}"
    return CheckResult(ONE_CLASS_CHECK, not detail, kwargs, observed, detail)


def decide_cap(kwargs: Mapping[str, Any], links: Links | None) -> CheckResult:
    """Hold that nobody has more rows than the policy allows."""
    if links is None or SUBJECT not in links:
        why = "not checked: rows of people were not counted on the output"
        return CheckResult(CAP_CHECK, None, kwargs, {}, why)
    most = links[SUBJECT].most_rows
    detail = "" if most > 0 else "no row was counted"
    if most > kwargs["contribution_cap"]:
        detail = "a person has more rows than contribution_cap"
    return CheckResult(CAP_CHECK, not detail, kwargs, {"most_rows": most}, detail)
