"""A run holds its staged set to the user's suite, row conditions and keys included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optin.pipelines.training_set import RunOptions, run_policy

POLICY = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {field: ts, unit: iso8601}
  subject: [user]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
columns:
  - {name: user, type: user_id, action: drop}
  - {name: age, type: age_years, action: keep, quasi: true}
  - {name: clicks, type: integer, action: keep}
  - {name: spent, type: integer, action: keep}
anonymity: {k: 2, suppress_max: 0.0}
expectations: {suite: suite.yaml}
output: {path: out/}
audit: {path: audit/}
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


def run(folder: Path, suite: str) -> Any:
    (folder / "in").mkdir()
    # Clicks 1 to 6; then 3 once more, by somebody who spent nothing.
    rows = [(f"u{n}", 20 if n < 3 else 30, n + 1, 10) for n in range(6)]
    rows.append(("u6", 20, 3, 0))
    lines = [
        {
            "ts": "2026-05-15T12:00:00Z",
            "user": u,
            "att": 3,
            "age": a,
            "clicks": c,
            "spent": s,
        }
        for u, a, c, s in rows
    ]
    (folder / "in" / "e.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "suite.yaml").write_text(suite)
    return run_policy(Path("policy.yaml"), RunOptions(as_of="2026-06-01T00:00:00Z"))


def test_staged_set_is_held_to_keys_and_row_conditions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    checks = run(tmp_path, SUITE).checks
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    kind = "expect_column_values_to_be_increasing"
    suite = f"name: s\nexpectations:\n  - {{type: {kind}, kwargs: {{column: spent}}}}\n"
    result = run(tmp_path, suite)
    assert result.refused is not None
    assert kind in result.refused
    assert result.release is None
    assert not (tmp_path / "out").exists() or not list(
        (tmp_path / "out").rglob("*.parquet")
    )
