"""The benchmark's measures, against hand-worked releases, brute force, and optin."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.policies.columns import Column, Hierarchy
from optin.transforms.kanonymity import AnonymityPlan, build_ladder, kanonymize

Peers = Callable[[str], Any]


def domains_of(peers: Peers, hierarchy: Path) -> dict[str, Any]:
    labels = peers("labels")
    return {
        "age": labels.number_domain("age", (20, 30, 40, 60)),
        "land": labels.text_domain("land", hierarchy),
    }


def release(rows: list[tuple[str, str, int, int]]) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    names = ("age", "land", "person", "rows")
    return pa.table(dict(zip(names, map(list, columns), strict=True)))


def test_release_worked_by_hand(peers: Peers, hierarchy: Path) -> None:
    published = release(
        [
            ("20-40", "AT,FR", 1, 3),  # age 20 of 40, two of six leaves: 1 of 5
            ("20-40", "FR,AT", 2, 1),  # the same class, its list in another order
            ("60", "JP", 1, 2),  # nothing lost, two rows of one person
        ]
    )
    labels, measure = peers("labels"), peers("measure")
    found = measure.measure_release(
        published,
        domains_of(peers, hierarchy),
        labels.read_dashes_and_lists,
        input_rows=8,
        k=2,
    )
    # Four rows lose (0.5 + 0.2) / 2 = 0.35, two nothing, two are suppressed and lose 1.
    assert found.ncp == pytest.approx((4 * 0.35 + 2) / 8)
    # As levels, AT and FR are Europe: 2 of 5.
    assert found.ncp_as_levels == pytest.approx((4 * 0.45 + 2) / 8)
    assert found.suppressed_share == 2 / 8
    assert (found.classes, found.least_rows, found.least_people) == (2, 2, 1)
    assert found.classes_below == 1 / 2
    assert found.rows_below == 2 / 6


def test_more_rows_than_went_in_are_refused(peers: Peers, hierarchy: Path) -> None:
    labels, measure = peers("labels"), peers("measure")
    with pytest.raises(ValueError, match="went in"):
        measure.measure_release(
            release([("20", "AT", 1, 5)]),
            domains_of(peers, hierarchy),
            labels.read_dashes_and_lists,
            input_rows=4,
            k=2,
        )


def test_empty_release_is_refused(peers: Peers, hierarchy: Path) -> None:
    labels, measure = peers("labels"), peers("measure")
    with pytest.raises(ValueError, match="nothing was published"):
        measure.measure_release(
            release([("20", "AT", 1, 1)]).slice(0, 0),
            domains_of(peers, hierarchy),
            labels.read_dashes_and_lists,
            input_rows=4,
            k=2,
        )


@pytest.mark.parametrize("seed", range(5))
def test_measures_equal_brute_force(
    peers: Peers, hierarchy: Path, seed: int, tmp_path: Path
) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    ages = {"20": 0.0, "20-30": 10 / 40, "30-60": 30 / 40, "*": 1.0}
    lands = {"AT": 0.0, "AT,JP": 1 / 5, "FR,IN,PL": 2 / 5}
    rows = [
        (
            draw.choice(list(ages)),
            draw.choice(list(lands)),
            draw.randrange(5),
            draw.randrange(1, 4),
        )
        for _ in range(40)
    ]
    people: dict[tuple[str, str], set[int]] = defaultdict(set)
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for age, land, person, count in rows:
        people[age, land].add(person)
        sizes[age, land] += count
    went_in = sum(sizes.values()) + 7
    lost = sum((ages[a] + lands[b]) / 2 * n for (a, b), n in sizes.items()) + 7

    labels, measure = peers("labels"), peers("measure")
    path = tmp_path / "release.parquet"
    pq.write_table(release(rows), path)
    found = measure.measure_release(
        path, domains_of(peers, hierarchy), labels.read_dashes_and_lists, went_in, k=3
    )
    assert found.ncp == pytest.approx(lost / went_in)
    assert found.classes == len(sizes)
    assert found.least_rows == min(sizes.values())
    assert found.least_people == min(map(len, people.values()))
    below = [sizes[key] for key, members in people.items() if len(members) < 3]
    assert found.classes_below == pytest.approx(len(below) / len(sizes))
    assert found.rows_below == pytest.approx(sum(below) / sum(sizes.values()))


@pytest.mark.parametrize(
    "options",
    [
        {"local": True, "suppress_max": 0.0},
        {"local": True, "suppress_max": 0.0, "ranges": True},
        {"local": True, "suppress_max": 0.0, "ranges": True, "sets": True},
        {"local": False, "suppress_max": 0.2},
    ],
)
def test_loss_equals_what_optin_says_of_itself(
    peers: Peers, hierarchy: Path, options: dict[str, Any]
) -> None:
    draw = random.Random(3)  # noqa: S311 - no secret
    leaves = ("AT", "FR", "PL", "JP", "IN", "US-Guam")
    count = 400
    people = [draw.randrange(80) for _ in range(count)]
    table = pa.table(
        {
            "age": [draw.randrange(17, 91) for _ in range(count)],
            "land": [draw.choice(leaves) for _ in range(count)],
            "subject": people,
            "person": people,
        }
    )
    ladders = [
        build_ladder(
            Column(
                name="age",
                type="age_years",
                action="keep",
                quasi=True,
                hierarchy=Hierarchy(widths=(5, 10, 20)),
            )
        ),
        build_ladder(
            Column(
                name="land",
                type="string",
                action="keep",
                quasi=True,
                hierarchy=Hierarchy(table=str(hierarchy)),
            )
        ),
    ]
    plan = AnonymityPlan("subject", tuple(ladders), 6, **options)
    released, summary = kanonymize(table, plan)
    labels, measure = peers("labels"), peers("measure")
    domains = {
        "age": labels.number_domain("age", table.column("age").to_pylist()),
        "land": labels.text_domain("land", hierarchy),
    }
    ones = pa.array([1] * released.num_rows)
    found = measure.measure_release(
        released.append_column("rows", ones),
        domains,
        labels.read_brackets_and_levels,
        input_rows=count,
        k=6,
    )
    assert 0 < found.ncp == pytest.approx(summary.ncp, abs=1e-9)
    if plan.sets:  # as lists of others, sets lose less than levels around them
        assert found.ncp_as_levels > found.ncp
    else:  # what optin publishes are levels already
        assert found.ncp_as_levels == pytest.approx(found.ncp, abs=1e-9)
    assert found.classes == summary.classes.classes
    assert found.least_people == summary.k_reached >= 6
    assert found.rows_below == 0
