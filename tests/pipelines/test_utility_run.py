"""Runs with gates on what may be lost, and the figures that a run leaves."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from optin.pipelines.result import RunResult
from optin.pipelines.summary import print_summary

Run = Callable[[str], RunResult]

POLICY = """\
columns:
  - {name: user, type: user_id, action: drop}
  - {name: country, type: country, action: keep, quasi: true}
  - {name: illness, type: category, action: keep, sensitive: true}
"""
# Three of DE with two illnesses, two of FR with the same one, who is alone in AT.
PEOPLE = [
    ("a", "DE", "flu"),
    ("b", "DE", "cold"),
    *[("c", "DE", "cold")] * 4,
    ("d", "FR", "flu"),
    ("e", "FR", "flu"),
    ("f", "AT", "ok"),
]


@pytest.fixture
def run(run_small: Callable[..., RunResult]) -> Run:
    rows = [{"user": u, "country": c, "illness": i} for u, c, i in PEOPLE]

    def run_with(anonymity: str) -> RunResult:
        rule = f"anonymity: {{k: 2, suppress_max: 0.9, {anonymity}}}\n"
        return run_small(POLICY + rule, rows)

    return run_with


def _account(folder: Path, result: RunResult) -> dict[str, Any]:
    file = folder / "audit" / result.run_id / "run.json"
    account: dict[str, Any] = json.loads(file.read_text())
    return account


def _printed(result: RunResult) -> str:
    text = io.StringIO()
    print_summary(result, Console(file=text, width=200))
    return text.getvalue()


@pytest.mark.parametrize("recoding", ["global", "local"])
def test_run_within_its_gates_shows_them_beside_what_was_measured(
    run: Run, tmp_path: Path, recoding: str
) -> None:
    # One record of nine is suppressed, or all are `*`: the loss is 1 / 9 at best.
    result = run(
        f"recoding: {recoding}, utility: {{max_ncp: 0.12, max_suppressed: 0.2}}"
    )
    assert result.refused is None, result.refused
    facts = _account(tmp_path, result)["anonymity"]
    assert facts["utility"] == {
        "max_ncp": {"allowed": 0.12, "measured": 0.111111, "met": True},
        "max_suppressed": {"allowed": 0.2, "measured": 0.111111, "met": True},
    }
    assert result.release is not None
    rows = [
        row
        for part in Path(result.release).glob("*.parquet")
        for row in pq.read_table(part).to_pylist()
    ]
    classes = Counter(row["country"] for row in rows)
    assert classes == {"DE": 6, "FR": 2}
    # C_avg: 8 rows, 2 classes, k = 2. Discernibility: 36 + 4, and 1 of 9 suppressed.
    assert facts["c_avg"] == 2.0
    assert facts["discernibility"] == 36 + 4 + 9
    assert facts["suppressed_share"] == 0.111111
    assert facts["level_shares"] == {"country": {"value": 1.0}}
    assert facts["risk"] == {
        "prosecutor": 0.5,
        "journalist": 0.5,
        "marketer": 0.4,  # two classes, five people
        "unique_tuples": 0.333333,
        "unique_records": 0.111111,
        "unique_classes": 0.0,
    }
    text = _printed(result)
    for said in (
        "max_ncp 0.12 allows; met",
        "C_avg",
        "49",
        "marketer 0.4000",
        "value 100%",
    ):
        assert said in text


def test_choice_that_loses_too_much_publishes_nothing(run: Run, tmp_path: Path) -> None:
    result = run("utility: {max_ncp: 0.11}")
    assert result.release is None
    assert not list((tmp_path / "out").rglob("*.parquet"))
    assert result.refused is not None
    assert "the chosen recoding, NCP 0.1111 is more than max_ncp 0.11" in result.refused
    account = _account(tmp_path, result)
    assert account["anonymity"]["utility"]["max_ncp"]["met"] is False
    assert "max_ncp 0.11 allows; not met" in _printed(result)


def test_gate_holds_after_rules_have_withheld_classes(run: Run, tmp_path: Path) -> None:
    # Without FR, whose people share one illness, three of nine are suppressed.
    rule = "sensitive: {illness: {l: 2}}"
    result = run(f"{rule}, utility: {{max_suppressed: 0.3}}")
    assert result.release is None
    assert result.refused is not None
    assert "33.33% of the records are suppressed" in result.refused
    assert "more than max_suppressed 30.00%" in result.refused
    wide = run(f"{rule}, utility: {{max_suppressed: 0.34, max_ncp: 0.34}}")
    assert wide.refused is None, wide.refused
    gates = _account(tmp_path, wide)["anonymity"]["utility"]
    assert (
        gates["max_ncp"]["measured"] == gates["max_suppressed"]["measured"] == 0.333333
    )
