"""What a run says of attackers who know the algorithm: figures, gaps, a warning."""

from __future__ import annotations

from dataclasses import asdict

from ..policies import Policy
from ..transforms.kanonymity import Recoding
from ..transforms.kanonymity.attacks import report_attacks
from .result import RunResult

__all__ = ["note_attacks"]

_KINDS = {
    "hierarchy": "hierarchy labels",
    "ranges": "tight ranges",
    "sets": "tight ranges and value sets",
}


def note_attacks(
    policy: Policy,
    result: RunResult,
    chosen: Recoding,
    released: Recoding,
    target: str | None,
) -> None:
    """Write down what ranges, sets and gaps give away, and what was not measured.

    Args:
        policy: what was promised.
        result: the account of the run, after the staged set was verified.
        chosen: the recoding for k alone.
        released: the same after classes that break a rule were withheld.
        target: the training target that the choice heeded, if any.
    """
    anonymity = policy.anonymity
    labels = anonymity.labels if anonymity.recoding == "local" else "hierarchy"
    found = report_attacks(
        chosen,
        released,
        result.published,
        ranges=labels != "hierarchy",
        sets=labels == "sets",
    )
    result.anonymity["attacks"] = {
        name: round(share, 6) for name, share in asdict(found).items()
    }
    if anonymity.recoding == "local":
        kind = _KINDS[labels]
        result.not_checked.append(
            "what the choice of the classes tells someone who knows the algorithm "
            f"(recoding: local, {kind}; docs/decisions/0008-default-recoding.md has "
            "what it told on public data)"
        )
    if target is not None:
        result.anonymity["target"] = target
        result.not_checked.append(
            f"what a choice that heeds column {target} tells of its values to someone who "
            "knows the algorithm"
        )
    if found.withheld_records > 0:
        result.warnings.append(
            f"{found.withheld_records:.1%} of the consented records lie in classes that "
            "a rule of anonymity.sensitive withheld. Someone with a register of "
            "everybody's quasi-identifiers sees which, and learns that they break the "
            "rule. Coarser hierarchies or a higher k leave fewer of them"
        )
    if found.united_records > 0:
        result.warnings.append(
            f"{found.united_records:.1%} of the consented records lie in classes that were "
            "united because one of them broke a rule of anonymity.sensitive. Someone with a "
            "register of everybody's quasi-identifiers sees which, and learns that one "
            "of them does"
        )
