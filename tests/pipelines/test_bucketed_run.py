"""Runs with more tuples than the policy lets into memory: buckets on disk."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from optin.pipelines.result import RunResult

POLICY = """\
columns:
  - {name: user, type: user_id, action: USER}
  - {name: number, type: integer, action: keep}
  - {name: age, type: age_years, action: keep, quasi: true, hierarchy: {widths: [5, 10, 20]}}
  - {name: zip, type: postal_code, action: keep, quasi: true, hierarchy: {prefix: [3, 2]}}
  - {name: country, type: country, action: keep, quasi: true, hierarchy: country}
  - {name: illness, type: category, action: keep, sensitive: true}
anonymity: {k: 3, most_pairs: MOST, MORE}
"""
K = 3
NAMES = ("age", "zip", "country")
LOCAL = "recoding: local, effort: 200, suppress_max: "

Run = Callable[..., RunResult]


def events(count: int = 900, people: int = 150) -> list[dict[str, Any]]:
    draw = random.Random(4)  # noqa: S311 - no secret
    return [
        {
            "number": number,
            "ts": f"2026-05-15T12:{number % 60:02d}:00Z",
            "user": f"u{draw.randrange(people)}",
            "att": 3,
            "age": draw.randrange(18, 90),
            "zip": f"{draw.randrange(94100, 94160)}",
            "country": draw.choice(["DE", "FR", "US"]),
            "illness": draw.choice(["flu", "cold", "gout", "flu"]),
        }
        for number in range(count)
    ]


EVENTS = events()
USER_OF = {event["number"]: event["user"] for event in EVENTS}


@pytest.fixture
def run(run_small: Callable[..., RunResult]) -> Run:
    def run_with(
        most: int,
        more: str = f"{LOCAL}0.2",
        user: str = "drop",
        lines: list[dict[str, Any]] = EVENTS,
        files: int = 1,
    ) -> RunResult:
        policy = POLICY.replace("MOST", str(most)).replace("MORE", more)
        return run_small(policy.replace("USER", user), lines, files)

    return run_with


def published(result: RunResult) -> list[dict[str, Any]]:
    assert result.release is not None, result.refused
    parts = sorted(Path(result.release).glob("*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def people_of(rows: list[dict[str, Any]]) -> dict[tuple[str, ...], set[str]]:
    people: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows:
        people[tuple(row[name] for name in NAMES)].add(USER_OF[row["number"]])
    return people


def test_run_in_buckets_publishes_classes_of_k_people(run: Run) -> None:
    plain, result = run(100_000), run(200)
    rows = published(result)
    people = people_of(rows)
    assert min(map(len, people.values())) >= K
    assert result.anonymity["k_reached"] == min(min(map(len, people.values())), 4 * K)
    assert result.anonymity["classes"] == len(people)
    assert isinstance(result.anonymity["buckets"], int)
    assert result.anonymity["buckets"] > 3
    assert "buckets" not in plain.anonymity
    # Uniqueness before does not depend on how the set was cut.
    for name in ("unique_tuples", "unique_records"):
        risk, same = result.anonymity["risk"], plain.anonymity["risk"]
        assert isinstance(risk, dict)
        assert isinstance(same, dict)
        assert risk[name] == same[name]


def test_release_in_buckets_does_not_depend_on_order_and_files(run: Run) -> None:
    shuffled = list(EVENTS)
    random.Random(9).shuffle(shuffled)  # noqa: S311 - no secret
    first, second = run(200), run(200, lines=shuffled, files=4)
    assert [file["sha256"] for file in first.files] == [
        file["sha256"] for file in second.files
    ]


def test_global_recoding_refuses_what_it_cannot_hold(run: Run) -> None:
    result = run(200, "recoding: global")
    assert result.refused is not None
    assert "more than 200 distinct pairs" in result.refused
    assert result.release is None


@pytest.mark.parametrize("most", [200, 100_000])
def test_sensitive_rule_holds_in_every_class_of_buckets(run: Run, most: int) -> None:
    result = run(most, f"{LOCAL}0.9, sensitive: {{illness: {{l: 2}}}}")
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in published(result):
        values[tuple(row[name] for name in NAMES)].add(row["illness"])
    assert min(map(len, values.values())) >= 2


def test_linked_people_have_one_class_in_buckets(run: Run) -> None:
    result = run(60, f"{LOCAL}0.2, subject: {{publish: pseudonym}}", user="hmac")
    rows = published(result)
    classes: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in rows:
        classes[row["user"]].add(tuple(row[name] for name in NAMES))
    assert all(len(found) == 1 for found in classes.values())
    assert min(map(len, people_of(rows).values())) >= K
    assert isinstance(result.anonymity["buckets"], int)


def test_limit_on_the_records_of_a_person_holds_in_buckets(run: Run) -> None:
    result = run(200, f"{LOCAL}0.2, contribution_cap: 4")
    rows = published(result)
    counted: dict[str, int] = defaultdict(int)
    for row in rows:
        counted[USER_OF[row["number"]]] += 1
    assert max(counted.values()) <= 4
    assert result.capped > 0
    assert min(map(len, people_of(rows).values())) >= K
    assert isinstance(result.anonymity["buckets"], int)


def test_run_in_buckets_does_not_say_that_it_heeded_the_target(run: Run) -> None:
    target = f"{LOCAL}0.2, target: illness"
    for most, heeded in ((100_000, True), (200, False)):
        result = run(most, target)
        assert result.refused is None
        assert ("target" in result.anonymity) == heeded
        assert any("heeds column" in gap for gap in result.not_checked) == heeded
        assert any("was not heeded" in one for one in result.warnings) != heeded
