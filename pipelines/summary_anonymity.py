"""What the table of a run says of k-anonymity: people, loss, levels, risk, gates."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from .result import RunResult

__all__ = ["add_anonymity"]


def add_anonymity(table: Table, result: RunResult) -> None:
    """Add what is known; a run that stopped early knows its gates at most."""
    facts = result.anonymity
    if "classes" in facts:
        _subject(table, result, facts.get("subject", {}))
        share = (
            f"{facts['suppressed_share']:.2%} of the records; below k or against a rule"
        )
        table.add_row("suppressed", f"{result.suppressed:,}", share)
        table.add_row("classes", f"{facts['classes']:,}", _levels(facts))
        table.add_row(
            "k reached",
            str(facts["k_reached"]),
            f"people; the policy asks {facts['k']}",
        )
        table.add_row("NCP", f"{facts['ncp']:.4f}", "information lost, 0 to 1")
        table.add_row(
            "C_avg", f"{facts['c_avg']:.2f}", "rows per class, in k; at best 1"
        )
        table.add_row("discernibility", f"{facts['discernibility']:,}", "")
        _risk(table, facts.get("risk") or {})
    for name, gate in facts.get("utility", {}).items():
        verdict = "met" if gate["met"] else "not met"
        allowed = f"{name} {gate['allowed']:g} allows; {verdict}"
        table.add_row("gate", f"{gate['measured']:.4f}", allowed)


def _subject(table: Table, result: RunResult, subject: dict[str, Any]) -> None:
    if subject.get("contribution_cap") is not None:
        table.add_row(
            "capped",
            f"{result.capped:,}",
            f"over {subject['contribution_cap']:,} records of a person",
        )
    if "harmonise" in subject:
        table.add_row(
            "harmonised",
            f"{subject['harmonised_share']:.1%}",
            f"of the records got their person's {subject['harmonise']} tuple",
        )


def _risk(table: Table, risk: dict[str, float]) -> None:
    if not risk:
        return
    table.add_row(
        "risk",
        f"{risk['prosecutor']:.4f}",
        f"prosecutor; journalist {risk['journalist']:.4f}, "
        f"marketer {risk['marketer']:.4f}",
    )
    table.add_row(
        "unique before",
        f"{risk['unique_records']:.1%}",
        f"of the records; after, {risk['unique_classes']:.1%} of the classes",
    )


def _levels(facts: dict[str, Any]) -> str:
    """Name each column's levels with the share of the published records on each."""
    return ", ".join(
        f"{name} {_shares(shares)}" for name, shares in facts["level_shares"].items()
    )


def _shares(shares: dict[str, float]) -> str:
    return " / ".join(f"{level} {share:.0%}" for level, share in shares.items())
