"""The table that a run ends with."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from ..policies.errors import OutputError
from .result import RunResult
from .summary_anonymity import add_anonymity

if TYPE_CHECKING:
    from ..expectations import ValidationReport

__all__ = ["check_json_path", "print_summary", "print_validation", "write_json"]


def print_summary(result: RunResult, console: Console | None = None) -> None:
    """Print what was read, kept, dropped (by code), reached and published."""
    console = console or Console()
    table = Table(box=box.SIMPLE, show_header=False, title=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_row("read", f"{result.read:,}", "records")
    table.add_row("kept", f"{result.kept:,}", f"opted in for {result.purpose}")
    _add_codes(table, "dropped", result.dropped)
    _add_codes(table, "quarantined", result.quarantined)
    if result.ledger:
        decisions = sum(result.ledger["decisions"].values())
        table.add_row("ledger", f"{decisions:,}", _ledger(result.ledger))
    add_anonymity(table, result)
    if result.residual:
        columns = result.residual["columns"]
        table.add_row("residual", f"{len(columns):,}", _residual(columns))
    if result.checks:
        passed = sum(check["success"] is True for check in result.checks)
        table.add_row(
            "expectations", f"{passed}/{len(result.checks)}", _failed(result.checks)
        )
    if result.release:
        table.add_row("published", f"{result.published:,}", f"rows in {result.release}")
    else:
        table.add_row("published", "0", "nothing")
    table.add_row("took", f"{result.seconds:.1f}", "seconds")
    console.print(table)
    for line in _bias(result.bias):
        console.print(line, markup=False, highlight=False)
    for warning in result.warnings:
        console.print(f"warning: {warning}", markup=False, highlight=False)
    for gap in result.not_checked:
        console.print(f"not checked: {gap}", markup=False, highlight=False)


def print_validation(report: ValidationReport, console: Console | None = None) -> None:
    """Print one line per expectation that failed, then the verdict."""
    console = console or Console()
    results = report.results
    for result in results:
        if result.success is False:
            console.print(
                f"failed: {result.name} {result.detail}", markup=False, highlight=False
            )
    for result in report.not_checked:
        console.print(f"{result.name} {result.detail}", markup=False, highlight=False)
    passed = sum(result.success is True for result in results)
    checked = len(results) - len(report.not_checked)
    console.print(f"{passed} of {checked} expectations met", highlight=False)


def check_json_path(path: Path | None) -> None:
    """Make sure, before any work, that `--json` can be written.

    Raises:
        OutputError: it cannot.
    """
    if path is None:
        return
    folder = path.absolute().parent
    if path.is_dir() or not (folder.is_dir() and os.access(folder, os.W_OK)):
        message = (
            f"--json {path}: cannot be written; name a file in a folder that is there"
        )
        raise OutputError(message)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON value to a file.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        message = f"--json {path}: cannot be written ({error.strerror})"
        raise OutputError(message) from None


def _add_codes(table: Table, word: str, codes: Counter[str]) -> None:
    table.add_row(word, f"{codes.total():,}", "")
    for code, count in sorted(codes.items(), key=lambda item: (-item[1], item[0])):
        table.add_row("", f"{count:,}", code)


def _ledger(ledger: dict[str, Any]) -> str:
    words = ", ".join(
        f"{count:,} {word}" for word, count in ledger["decisions"].items()
    )
    return f"decisions ({words}) as of {ledger['as_of']}"


def _bias(bias: dict[str, Any]) -> list[str]:
    """Say by which groupings consent shifts the data, the strongest first."""
    shifted = [
        grouping
        for grouping in bias.get("groupings", ())
        if grouping["reading"] in ("some", "major")
    ]
    return [
        f"consent bias: {grouping['reading']} shift by {grouping['by']} "
        f"(PSI {grouping['psi']:.3f}); see bias in run.json"
        for grouping in sorted(shifted, key=lambda grouping: -grouping["psi"])
    ]


def _residual(columns: dict[str, Any]) -> str:
    """Say what the second detector found in a sample, by column and entity."""
    left = [
        f"{name} {entity}"
        for name, facts in columns.items()
        for entity in facts["certain"]
    ]
    said = f"left: {', '.join(left)}" if left else "nothing certain is left"
    return f"columns searched again; {said}"


def _failed(checks: list[dict[str, Any]]) -> str:
    failed = [
        check["expectation_config"]["type"]
        for check in checks
        if check["success"] is not True
    ]
    return "failed: " + ", ".join(failed) if failed else "all met"
