"""A run holds its staged set to the user's suite, row conditions and keys included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optin.pipelines.result import RunResult

Run = Callable[[str], RunResult]

POLICY = """\
columns:
  - {name: user, type: user_id, action: drop}
  - {name: age, type: age_years, action: keep, quasi: true}
  - {name: clicks, type: integer, action: keep}
  - {name: spent, type: integer, action: keep}
anonymity: {k: 2, suppress_max: 0.0}
expectations: {suite: suite.yaml}
"""
SUITE = """\
name: small
expectations:
  - type: expect_column_values_to_be_unique
    kwargs: {column: clicks, mostly: 0.5}
  - type: expect_compound_columns_to_be_unique
    kwargs:
      column_list: [age, clicks]
      row_condition: "spent > 0"
      condition_parser: pandas
  - type: expect_column_pair_values_a_to_be_greater_than_b
    kwargs: {column_A: spent, column_B: clicks, mostly: 0.5}
"""


@pytest.fixture
def run(tmp_path: Path, run_small: Callable[..., RunResult]) -> Run:
    # Clicks 1 to 6; then 3 once more, by somebody who spent nothing.
    people = [(f"u{n}", 20 if n < 3 else 30, n + 1, 10) for n in range(6)]
    people.append(("u6", 20, 3, 0))
    rows = [{"user": u, "age": a, "clicks": c, "spent": s} for u, a, c, s in people]

    def run_with(suite: str) -> RunResult:
        (tmp_path / "suite.yaml").write_text(suite)
        return run_small(POLICY, rows)

    return run_with


def test_staged_set_is_held_to_keys_and_row_conditions(run: Run) -> None:
    checks = run(SUITE).checks
    found = {
        check["expectation_config"]["type"]: check["result"].get("unexpected_count")
        for check in checks
    }
    assert found["expect_column_values_to_be_unique"] == 2  # both rows of 3 clicks
    assert (
        found["expect_compound_columns_to_be_unique"] == 0
    )  # one of them is not asked
    assert found["expect_column_pair_values_a_to_be_greater_than_b"] == 1


def test_nothing_is_published_when_an_expectation_needs_an_order(
    tmp_path: Path, run: Run
) -> None:
    kind = "expect_column_values_to_be_increasing"
    suite = f"name: s\nexpectations:\n  - {{type: {kind}, kwargs: {{column: spent}}}}\n"
    result = run(suite)
    assert result.refused is not None
    assert kind in result.refused
    assert result.release is None
    assert not (tmp_path / "out").exists() or not list(
        (tmp_path / "out").rglob("*.parquet")
    )
