"""Runs with a sensitive attribute: what a class may not tell is not published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.pipelines.result import RunResult

Run = Callable[[str], RunResult]

POLICY = """\
columns:
  - {name: user, type: user_id, action: drop}
  - {name: country, type: country, action: keep, quasi: true}
  - {name: illness, type: category, action: keep, sensitive: true}
"""
# Country DE holds three people and two illnesses; FR three people who share one, and one
# of whom says so ten times.
PEOPLE = [
    ("a", "DE", "flu"),
    ("b", "DE", "cold"),
    ("c", "DE", "cold"),
    ("d", "FR", "flu"),
    ("e", "FR", "flu"),
    *[("f", "FR", "flu")] * 10,
]


@pytest.fixture
def run(run_small: Callable[..., RunResult]) -> Run:
    rows = [{"user": u, "country": c, "illness": i} for u, c, i in PEOPLE]

    def run_with(rule: str) -> RunResult:
        anonymity = (
            f"anonymity: {{k: 2, suppress_max: 0.9, sensitive: {{illness: {rule}}}}}\n"
        )
        return run_small(POLICY + anonymity, rows)

    return run_with


def published(result: RunResult) -> list[tuple[str, str]]:
    assert result.release is not None
    parts = sorted(Path(result.release).glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(part) for part in parts])
    return sorted((r["country"], r["illness"]) for r in table.to_pylist())


def test_class_that_shares_one_secret_is_not_published(run: Run) -> None:
    result = run("{l: 2}")
    assert result.refused is None, result.refused
    classes: dict[str, set[str]] = {}
    for country, illness in published(result):
        classes.setdefault(country, set()).add(illness)
    assert classes
    assert all(len(values) >= 2 for values in classes.values())
    sensitive = result.anonymity["sensitive"]
    assert isinstance(sensitive, dict)
    assert sensitive["illness"]["violating_classes"] == 0
    assert sensitive["illness"]["reached"]["l_reached"] >= 2
    # A class that is missing is news to whoever knows that its people are in the set.
    attacks = result.anonymity["attacks"]
    assert isinstance(attacks, dict)
    assert 0 < attacks["withheld_records"] <= result.suppressed / result.kept
    assert any("break the rule" in warning for warning in result.warnings)


def test_rule_that_nothing_meets_publishes_nothing(run: Run) -> None:
    result = run("{l: 3}")
    assert result.release is None
    assert result.refused is not None
    assert "flu" not in result.refused


def test_rule_is_a_check_of_the_run(run: Run) -> None:
    result = run("{alpha: 0.9}")
    named = [c for c in result.checks if "optin_sensitive" in str(c)]
    assert len(named) == 1
    assert named[0]["success"] is True
