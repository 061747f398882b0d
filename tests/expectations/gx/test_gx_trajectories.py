"""Uniqueness of trajectories: brute force over everybody, and a small example by hand."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

KIND = "expect_trajectories_to_be_non_unique"
EVENTS = {"subject_column": "who", "event_columns": ["place", "hour"]}

ROW = st.tuples(
    st.sampled_from(["ann", "bob", "cy", "dee", "eve", "fay"]),
    st.sampled_from(["mill", "port", None]),
    st.integers(0, 2),
)
ROWS = st.lists(ROW, min_size=1, max_size=40)


def frame_of(rows: Any) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["who", "place", "hour"])


def trajectories(rows: Any) -> dict[str, set[Any]]:
    found = defaultdict(set)
    for who, *event in rows:
        found[who].add(tuple(event))
    return found


@given(ROWS, st.lists(st.integers(0, 40), max_size=3))
def test_knowing_all_events_is_brute_force(
    expect: Any, measured: Any, rows: Any, cuts: list[int]
) -> None:
    # Nine events at most: who knows nine knows all, and nothing is drawn.
    known = trajectories(rows)
    unique = sum(
        not any(mine <= theirs for other, theirs in known.items() if other != one)
        for one, mine in known.items()
    )
    kwargs = {**EVENTS, "known_events": 9, "max_unique_fraction": 0.5}
    result = expect(frame_of(rows), KIND, **kwargs)
    assert result.result["details"]["people"] == len(known)
    assert result.result["details"]["unique_people"] == unique
    assert result.success == (unique / len(known) <= 0.5)
    table = pa.Table.from_pandas(frame_of(rows), preserve_index=False)
    blocks = measured(table, cuts, KIND, **kwargs)
    assert blocks.counts["unique_people"] == unique


@given(ROWS, st.integers(1, 3), st.integers(0, 5), st.randoms())
def test_the_draw_depends_on_the_seed_alone(
    measured: Any, rows: Any, known: int, seed: int, random: Any
) -> None:
    kwargs = {**EVENTS, "known_events": known, "max_unique_fraction": 1, "seed": seed}
    kwargs["sample_people"] = 3
    table = pa.Table.from_pandas(frame_of(rows), preserve_index=False)
    shuffled = rows * 2
    random.shuffle(shuffled)
    again = pa.Table.from_pandas(frame_of(shuffled), preserve_index=False)
    first = measured(table, [], KIND, **kwargs).counts
    second = measured(again, [2, 7, 30], KIND, **kwargs).counts
    assert {**first, "rows": 0} == {**second, "rows": 0}
    assert first["tested_people"] == min(3, len(trajectories(rows)))


def test_draws_are_those_of_chance(measured: Any) -> None:
    # Every person shares one event with all and has one of his or her own, so knowing
    # one random event singles out half of the people; knowing two, all.
    people = 2_000
    rows = [(f"p{i}", "mill", 0) for i in range(people)]
    rows += [(f"p{i}", f"home {i}", 1) for i in range(people)]
    table = pa.Table.from_pandas(frame_of(rows), preserve_index=False)
    kwargs = {**EVENTS, "max_unique_fraction": 0.5}
    shares = [
        measured(table, [], KIND, known_events=1, seed=seed, **kwargs).counts[
            "unique_fraction"
        ]
        for seed in range(5)
    ]
    # 2,000 draws of one half: six standard deviations are 0.067.
    assert all(abs(share - 0.5) < 0.067 for share in shares)
    assert len(set(shares)) > 1
    two = measured(table, [], KIND, known_events=2, **kwargs)
    assert (two.success, two.observed) == (False, 1.0)


def test_a_small_example_by_hand(expect: Any) -> None:
    # As in de Montjoye et al., figure 1: places and hours of a few people. Ann and Bob
    # go the same ways; Cy was at the mill at 7 like them, and at the port like nobody.
    rows = [("ann", "mill", 7), ("ann", "shop", 9), ("bob", "mill", 7)]
    rows += [("bob", "shop", 9), ("cy", "mill", 7), ("cy", "port", 9)]
    result = expect(
        frame_of(rows), KIND, known_events=2, max_unique_fraction=0.3, **EVENTS
    )
    assert not result.success
    assert result.result["details"]["unique_people"] == 1  # Cy
    assert result.result["observed_value"] == pytest.approx(1 / 3)
    assert expect(
        frame_of(rows), KIND, known_events=2, max_unique_fraction=0.34, **EVENTS
    ).success
    coarse = {"subject_column": "who", "event_columns": ["hour"]}
    hidden = expect(
        frame_of(rows), KIND, known_events=2, max_unique_fraction=0, **coarse
    )
    assert hidden.success  # by the hour alone all three are alike
