"""Runs with local recoding: classes of people, each with labels of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from optin.pipelines.result import RunResult

POLICY = """\
columns:
  - {name: user, type: user_id, action: drop}
  - {name: age, type: age_years, action: keep, quasi: true, weight: 2}
  - {name: country, type: country, action: keep, quasi: true}
anonymity: {k: 3, suppress_max: 0.0, recoding: local, effort: 50, labels: ranges}
"""
# Three Germans of 20 to 24, three of 60 to 62, and one who talks a lot; one is French.
PEOPLE = [
    ("a", 20, "DE"),
    ("b", 22, "DE"),
    ("c", 24, "DE"),
    ("d", 60, "DE"),
    ("e", 61, "DE"),
    ("f", 62, "DE"),
    *[("g", 62, "FR")] * 5,
]


def rows_of(people: list[tuple[str, int, str]]) -> list[dict[str, Any]]:
    return [{"user": u, "age": a, "country": c} for u, a, c in people]


def test_local_run_publishes_ranges_of_classes_of_people(
    tmp_path: Path, run_small: Callable[..., RunResult]
) -> None:
    result = run_small(POLICY, rows_of(PEOPLE))
    files = sorted((tmp_path / "out" / "small" / "v0001").glob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        counted[row["age"], row["country"]] += 1
    # The French one joins those of her age: five records at `*` lose less there than
    # in a range of 38 years.
    assert dict(counted) == {("[20, 24]", "DE"): 3, ("[60, 62]", "*"): 8}
    assert result.anonymity["recoding"] == "local"
    assert result.anonymity["k_reached"] == 3
    assert result.anonymity["levels"]["age"] == {"range": 1.0}
    # Two ends a class, of three and of eight records.
    assert result.anonymity["attacks"] == {
        "withheld_records": 0.0,
        "united_records": 0.0,
        "range_ends": round(4 / 11, 6),
        "set_values": 0.0,
    }
    assert any("knows the algorithm" in gap for gap in result.not_checked)


def test_local_run_publishes_sets_of_values_of_classes(
    tmp_path: Path, run_small: Callable[..., RunResult]
) -> None:
    people = [*PEOPLE, *[(f"us{n}", 90, "US") for n in range(3)]]
    policy = POLICY.replace("labels: ranges", "labels: sets")
    result = run_small(policy, rows_of(people))
    files = sorted((tmp_path / "out" / "small" / "v0001").glob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        counted[row["age"], row["country"]] += 1
    assert dict(counted) == {
        ("[20, 24]", "DE"): 3,
        ("[60, 62]", "{DE, FR}"): 8,
        ("90", "US"): 3,
    }
    assert result.anonymity["k_reached"] == 3
    shares = {"value": round(6 / 14, 6), "set": round(8 / 14, 6)}
    assert result.anonymity["level_shares"]["country"] == shares
    # Ages 2 of 70 and 4 of 70; two countries of three for eight records.
    lost = (3 * 4 / 70 + 8 * 2 / 70 + 8 / 2) / 2 / 14
    assert result.anonymity["ncp"] == pytest.approx(lost, abs=1e-6)
    attacks = result.anonymity["attacks"]
    assert attacks["set_values"] == round(2 / 8, 6)
    assert any("value sets" in gap for gap in result.not_checked)
