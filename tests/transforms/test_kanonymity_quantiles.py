"""Quantile levels: balanced by people, nested, and cut where nobody stands alone."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError, InputError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    AnonymityPlan,
    Ladder,
    build_ladder,
    choose_local,
    choose_recoding,
    fit_ladders,
    histogram_of,
    kanonymize,
)
from optin.transforms.kanonymity.attacks.seen import look_at
from optin.transforms.kanonymity.ladders.round_edges import roundest


def _ladder(*groups: int, kind: str = "integer") -> Ladder:
    hierarchy = Hierarchy(quantiles=groups)
    return build_ladder(
        Column(name="x", type=kind, action="keep", quasi=True, hierarchy=hierarchy)
    )


def _place() -> Ladder:
    return build_ladder(Column(name="c", type="category", action="keep", quasi=True))


def _table(rows: list[tuple[Any, Any, int]], kind: pa.DataType | None = None) -> Any:
    value, place, who = zip(*rows, strict=True)
    return pa.table(
        {
            "x": pa.array(value, kind or pa.int64()),
            "c": pa.array(place, pa.string()),
            SUBJECT: pa.array(who, pa.uint64()),
        }
    )


def _fitted(rows: list[tuple[Any, Any, int]], k: int, *groups: int) -> Any:
    histogram = histogram_of(_table(rows), ["x", "c"], k)
    return fit_ladders(histogram, [_ladder(*groups), _place()], k)[0].edges


_HASHES = st.integers(0, 2**64 - 1)
_ROWS = st.lists(
    st.tuples(
        st.integers(-30, 120) | st.none(),
        st.sampled_from("ab"),
        st.sampled_from([n * 0x9E3779B97F4A7C15 % 2**64 for n in range(60)]) | _HASHES,
    ),
    min_size=1,
    max_size=150,
)


@settings(max_examples=150)
@given(_ROWS, st.integers(2, 6), st.sampled_from([(8, 4, 2), (6, 3), (2,)]))
def test_groups_nest_and_each_covers_k_people_or_there_is_one(
    rows: list[tuple[int | None, str, int]], k: int, groups: tuple[int, ...]
) -> None:
    edges = _fitted(rows, k, *groups)
    assert len(edges) == len(groups)
    for finer, coarser in itertools.pairwise(edges):
        assert set(coarser) <= set(finer)
    for level, most in zip(edges, groups, strict=True):
        assert len(level) < most
        bounds = [-math.inf, *level, math.inf]
        for low, high in itertools.pairwise(bounds):
            people = {w for x, _, w in rows if x is not None and low <= x < high}
            assert not level or len(people) >= k
        # A step of the edge's roundness, on both sides, is shared by k people.
        for edge in level:
            step = _roundness(edge)
            below = {w for x, _, w in rows if x is not None and edge - step <= x < edge}
            above = {w for x, _, w in rows if x is not None and edge <= x < edge + step}
            assert min(len(below), len(above)) >= k


def _roundness(number: int) -> int:
    """Largest 1, 2, 5 times a power of ten up to 10,000 that divides the number."""
    steps = [lead * 10**power for power in range(4) for lead in (1, 2, 5)]
    return max(step for step in [*steps, 10_000] if number % step == 0)


@settings(max_examples=60)
@given(_ROWS, st.integers(2, 5), st.randoms(use_true_random=False))
def test_edges_are_the_same_in_any_order_and_from_full_sets(
    rows: list[tuple[int | None, str, int]], k: int, random: Any
) -> None:
    edges = _fitted(rows, k, 8, 4, 2)
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert _fitted(shuffled, k, 8, 4, 2) == edges
    full = histogram_of(_table(rows), ["x", "c"], 1000)
    assert fit_ladders(full, [_ladder(8, 4, 2), _place()], k)[0].edges == edges


@settings(max_examples=60)
@given(_ROWS, st.integers(2, 4), st.booleans())
def test_every_published_class_covers_k_people(
    rows: list[tuple[int | None, str, int]], k: int, local: bool
) -> None:
    if len({who for *_, who in rows}) < k:
        return
    table = _table(rows).rename_columns(["x", "c", "who"])
    ladders = (_ladder(8, 4, 2), _place())
    plan = AnonymityPlan("who", ladders, k, 0.999, local)
    table = table.append_column("row", pa.array(range(len(rows))))
    if any(not column.is_valid().to_numpy().any() for column in table.columns[:2]):
        with pytest.raises(GateError, match=r"none of the .* records has a value"):
            kanonymize(table, plan)
        return
    result, summary = kanonymize(table, plan)
    people: dict[tuple[str, str], set[int]] = defaultdict(set)
    for label, place, row in zip(
        *(result.column(name).to_pylist() for name in ("x", "c", "row")), strict=True
    ):
        people[label, place].add(rows[row][2])
        value = rows[row][0]
        assert _holds(label, value)
    assert all(len(found) >= k for found in people.values())
    assert summary.k_reached == min(map(len, people.values()), default=0)


def _holds(label: str, value: int | None) -> bool:
    if label == "*":
        return True
    if value is None or label == "null":
        return value is None and label == "null"
    if label.startswith("<"):
        return value < int(label[1:])
    if label.startswith(">="):
        return value >= int(label[2:])
    if label.startswith("["):
        low, high = label[1:-1].split(", ")
        return int(low) <= value < int(high)
    return value == int(label)


def test_groups_are_balanced_by_people_not_rows() -> None:
    # 4,000 people on 0 to 99; one more person writes 40,000 rows about 90.
    who = np.random.default_rng(5).integers(0, 2**64, 4001, dtype=np.uint64)
    values = np.arange(4000) % 100
    rows = [(int(x), "a", int(w)) for x, w in zip(values, who, strict=False)]
    loud = [(90, "a", int(who[-1]))] * 40_000
    for data in (rows, rows + loud):
        edges = _fitted(data, 10, 4, 2)
        for level, groups in zip(edges, (4, 2), strict=True):
            bounds = [0, *level, 100]
            for low, high in itertools.pairwise(bounds):
                share = (high - low) / 100
                # A quarter of a finest group off at either end, and the sketch's error.
                assert abs(share - 1 / groups) <= 2 / 16 + 0.05


def test_edges_are_round_and_never_the_ends() -> None:
    rng = np.random.default_rng(3)
    values = np.round(np.exp(rng.normal(10, 1, 5000)), 2)
    who = rng.integers(0, 2**64, 5000, dtype=np.uint64)
    table = _table(
        [(x, "a", w) for x, w in zip(values.tolist(), who.tolist(), strict=True)],
        pa.float64(),
    )
    ladder = fit_ladders(
        histogram_of(table, ["x"], 10), [_ladder(10, 5, kind="number")], 10
    )[0]
    assert ladder.edges is not None
    assert ladder.edges[0]
    assert not set(ladder.edges[0]) & set(values.tolist())
    assert all(edge % 500 == 0 for edge in ladder.edges[0])
    labels = ladder.on(values.tolist()).labels[1]
    assert {label for label in labels if label[0] in "<>"} == {
        f"<{ladder.edges[0][0]:.0f}",
        f">={ladder.edges[0][-1]:.0f}",
    }
    # The lognormal's deciles, within a quarter of a group and the sketch's error.
    below = [(values < edge).mean() for edge in ladder.edges[0]]
    assert np.abs(np.array(below) - np.arange(1, 10) / 10).max() < 0.06


def test_dates_and_times_are_cut_at_calendar_starts() -> None:
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(730)]
    table = pa.table(
        {"x": days, "who": pa.array([f"p{n}" for n in range(730)])}
    ).append_column(
        "at", pa.array([datetime(d.year, d.month, d.day, 9, tzinfo=UTC) for d in days])
    )
    result, _ = kanonymize(
        table.select(["x", "who"]),
        subject="who",
        quasi_identifiers=[_ladder(4, 2, kind="date")],
        k=60,
        suppress_max=0.0,
    )
    assert set(result.column("x").to_pylist()) == {
        *["<2024-07-01", "[2024-07-01, 2025-01-01)"],
        *["[2025-01-01, 2025-07-01)", ">=2025-07-01"],
    }
    result, _ = kanonymize(
        table.select(["at", "who"]).rename_columns(["x", "who"]),
        subject="who",
        quasi_identifiers=[_ladder(2, kind="timestamp")],
        k=300,
        suppress_max=0.0,
    )
    assert set(result.column("x").to_pylist()) == {
        *["<2025-01-01T00:00:00+00:00", ">=2025-01-01T00:00:00+00:00"]
    }


def test_text_is_refused_and_names_no_value() -> None:
    table = pa.table({"x": ["secret", "b", "c"], "who": [1, 2, 3]})
    with pytest.raises(
        InputError, match=r"'x' holds string, .* is for numbers"
    ) as caught:
        kanonymize(table, subject="who", quasi_identifiers=[_ladder(2)], k=2)
    assert "secret" not in str(caught.value)


def test_one_value_or_none_makes_one_group() -> None:
    for value in (7, None):
        rows = [(value, "a", n * 0x9E3779B97F4A7C15 % 2**64) for n in range(9)]
        assert _fitted(rows, 3, 4, 2) == ((), ())
        histogram = histogram_of(_table(rows), ["x", "c"], 3)
        recoding = choose_recoding(histogram, [_ladder(4, 2), _place()], 3, 0.0)
        assert recoding.ncp == 0


@pytest.mark.parametrize("local", [False, True])
def test_attacks_see_the_edges_of_the_release(local: bool) -> None:
    rng = np.random.default_rng(8)
    who = rng.integers(0, 2**64, 400, dtype=np.uint64).tolist()
    rows = [(n % 97, "ab"[n % 2], one) for n, one in enumerate(who)]
    k = 20
    histogram = histogram_of(_table(rows), ["x", "c"], k)
    ladders = [_ladder(8, 4, 2), _place()]
    choose = choose_local if local else choose_recoding
    more = {"ranges": False} if local else {}
    recoding = choose(histogram, ladders, k, 0.0, **more)
    seen = look_at(histogram, ladders, recoding)
    known = {text for level in seen.columns[0].column.rungs.labels for text in level}
    published = recoding.apply(_table(rows)).column("x").to_pylist()
    assert any(text[0] in "<>[" for text in published)
    assert set(published) <= known


def test_a_ladder_without_edges_labels_nothing() -> None:
    with pytest.raises(ValueError, match="no edges yet"):
        _ladder(2).on([1, 2])


@given(
    st.floats(-1e9, 1e9).map(lambda number: number + 0.0),
    st.floats(-1e9, 1e9).map(lambda number: number + 0.0),
)
def test_a_round_number_lies_between(one: float, other: float) -> None:
    low, high = sorted((one, other))
    if low == high:
        return
    edge = roundest(low, high, lambda _: 0.0)
    assert low < edge.at <= high
    assert edge.before <= edge.at <= edge.after


@given(st.integers(-(2**62), 2**62), st.integers(1, 2**40))
def test_no_rounder_number_lies_between(low: int, more: int) -> None:
    edge = roundest(low, low + more, lambda _: 0.0)
    assert low < edge.at <= low + more
    step = edge.at - edge.before
    assert edge.at % step == 0
    # No larger step of 1, 2 or 5 times a power of ten has a multiple there; beyond the
    # values themselves only 0 would be one.
    for rounder in (lead * 10**power for power in range(21) for lead in (1, 2, 5)):
        if step < rounder <= max(abs(low), abs(low + more)):
            assert (low + more) // rounder == low // rounder


_MICRO = timedelta(microseconds=1)
_START = datetime(1, 1, 1, tzinfo=UTC)


@given(
    st.integers(0, 9900 * 365 * 86_400 * 10**6), st.integers(1, 4000 * 86_400 * 10**6)
)
def test_a_round_time_lies_between(low: int, more: int) -> None:
    first, last = _START + low * _MICRO, _START + (low + more) * _MICRO
    edge = roundest(first, last, lambda _: 0.0)
    assert first < edge.at <= last
    if first.year < last.year:
        whole = edge.at.replace(
            month=1, day=1, hour=0, minute=0, second=0, microsecond=0
        )
        assert edge.at == whole
