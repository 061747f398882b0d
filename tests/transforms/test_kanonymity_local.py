"""Local recoding on codes: laws against brute force, and the public data set."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.kanonymity.local import (
    LocalColumn,
    LocalProblem,
    LocalRelease,
    Pairs,
    release_locally,
)


@dataclass(frozen=True)
class _Case:
    problem: LocalProblem
    effort: int
    allowed: int


@st.composite
def _cases(draw: st.DrawFn) -> _Case:
    """Draw tuples, hierarchies that need not nest, and subjects of many tuples."""
    tuples = draw(st.integers(1, 14))
    columns = []
    for _ in range(draw(st.integers(1, 3))):
        values = draw(st.integers(1, 5))
        codes = draw(_ints(tuples, values))
        groups = [np.arange(values)]
        losses = [np.zeros(values)]
        for _ in range(draw(st.integers(0, 3))):
            groups.append(draw(_ints(values, values)))
            losses.append(draw(_ints(values, 5))[groups[-1]] / 4)
        groups.append(np.zeros(values, dtype=np.int64))
        losses.append(np.ones(values))
        positions = None
        if draw(st.booleans()):
            positions = np.cumsum(draw(_ints(values, 4)) + 1).astype(float)
            if draw(st.booleans()):
                positions[-1] = np.nan
        leaves = None
        if positions is None and draw(st.booleans()):
            leaves = np.arange(values)
            leaves[: draw(st.integers(0, 1))] = -1  # never in a set
        columns.append(
            LocalColumn(
                codes=codes,
                groups=tuple(groups),
                losses=tuple(losses),
                positions=positions,
                base=draw(st.sampled_from([0.0, 2.0])),
                weight=draw(st.sampled_from([1.0, 2.5])),
                max_level=draw(st.sampled_from([None, None, 0, 1, 2])),
                leaves=leaves,
                domain=values + draw(st.integers(0, 2)),
            )
        )
    # A person may stand in any number of tuples; every tuple has somebody.
    people = draw(st.integers(1, 20))
    spread = draw(st.integers(1, 6))
    held = [
        draw(st.sets(st.integers(0, people - 1), min_size=1, max_size=spread))
        for _ in range(tuples)
    ]
    tuple_of = np.repeat(np.arange(tuples), [len(h) for h in held])
    subject = np.array([s for h in held for s in sorted(h)])
    rows = np.array([len(h) for h in held]) + draw(_ints(tuples, 3))
    k = draw(st.integers(1, 5))
    problem = LocalProblem(tuple(columns), rows, Pairs(tuple_of, subject), k)
    effort = draw(st.sampled_from([1, 3, 20, 1000]))
    return _Case(problem, effort, draw(st.integers(0, int(rows.sum()))))


def _ints(length: int, below: int) -> st.SearchStrategy[np.ndarray]:
    numbers = st.lists(st.integers(0, below - 1), min_size=length, max_size=length)
    return numbers.map(lambda drawn: np.array(drawn, dtype=np.int64))


def _run(case: _Case) -> LocalRelease:
    return release_locally(case.problem, case.effort, case.allowed)


def _members(found: LocalRelease) -> list[list[int]]:
    return [
        [t for t, c in enumerate(found.class_of.tolist()) if c == number]
        for number in range(found.classes)
    ]


@given(_cases())
def test_every_class_covers_k_people_whatever_the_tuples(case: _Case) -> None:
    pairs = case.problem.pairs
    held: dict[int, set[int]] = {}
    for t, s in zip(pairs.tuple_of.tolist(), pairs.subject.tolist(), strict=True):
        held.setdefault(t, set()).add(s)
    for members in _members(_run(case)):
        assert len(set().union(*(held[t] for t in members))) >= case.problem.k


@given(_cases())
def test_labels_hold_for_all_members_and_no_finer_level_does(case: _Case) -> None:
    found = _run(case)
    for number, members in enumerate(_members(found)):
        for column, label in zip(case.problem.columns, found.labels, strict=True):
            codes = [int(column.codes[t]) for t in members]
            assert label.low[number] == min(codes)
            assert label.high[number] == max(codes)
            shared = [
                level
                for level, group in enumerate(column.groups)
                if len({int(group[c]) for c in codes}) == 1
            ]
            assert label.level[number] == shared[0]
            assert any(level <= column.top for level in shared)
            if label.ranged[number]:
                assert column.positions is not None
                assert not np.isnan(column.positions[codes]).any()


@given(_cases())
def test_loss_is_the_mean_over_columns_and_records(case: _Case) -> None:
    found, problem = _run(case), case.problem
    lost = 0.0
    for t, number in enumerate(found.class_of.tolist()):
        if number < 0:
            lost += problem.rows[t]
            continue
        losses = []
        for column, label in zip(problem.columns, found.labels, strict=True):
            low, high = label.low[number], label.high[number]
            if label.ranged[number]:
                positions = column.positions
                assert positions is not None
                domain = np.nanmax(positions) - np.nanmin(positions) + column.base
                width = positions[high] - positions[low] + column.base
                losses.append(width / domain if domain else 0.0)
            else:
                loss = float(column.losses[label.level[number]][low])
                if column.leaves is not None:
                    members = {
                        int(column.leaves[column.codes[other]])
                        for other, there in enumerate(found.class_of.tolist())
                        if there == number
                    }
                    share = (len(members) - 1) / max(column.domain - 1, 1)
                    tight = -1 not in members and share < loss
                    assert bool(label.listed[number]) is tight
                    loss = share if tight else loss
                losses.append(loss)
        lost += problem.rows[t] * sum(losses) / len(losses)
    assert found.loss == pytest.approx(lost / problem.rows.sum())
    outside = found.class_of < 0
    assert found.suppressed_rows == problem.rows[outside].sum()


@given(_cases())
def test_nothing_stays_out_beyond_what_is_allowed_unless_levels_forbid(
    case: _Case,
) -> None:
    found, problem = _run(case), case.problem
    if found.suppressed_rows <= case.allowed:
        return
    # Then no class shares a label that may be used with a suppressed tuple, all over.
    for t in np.flatnonzero(found.class_of < 0).tolist():
        for members in _members(found):
            assert not all(
                any(
                    len({int(group[column.codes[o]]) for o in (t, *members)}) == 1
                    for group in column.groups[: column.top + 1]
                )
                for column in problem.columns
            )


@given(_cases(), st.randoms(use_true_random=False))
def test_names_of_subjects_and_order_of_pairs_do_not_matter(
    case: _Case, random: np.random.Generator
) -> None:
    pairs = case.problem.pairs
    order = list(range(len(pairs.subject)))
    names = list(range(int(pairs.subject.max()) + 1))
    random.shuffle(order)
    random.shuffle(names)
    other = Pairs(pairs.tuple_of[order], np.array(names)[pairs.subject[order]])
    shuffled = replace(case, problem=replace(case.problem, pairs=other))
    assert _run(case).class_of.tolist() == _run(shuffled).class_of.tolist()


@given(_cases())
def test_sets_capped_at_k_give_the_same_classes(case: _Case) -> None:
    pairs, k = case.problem.pairs, case.problem.k
    seen: dict[int, int] = {}
    kept = []
    for place, t in enumerate(pairs.tuple_of.tolist()):
        seen[t] = seen.get(t, 0) + 1
        if seen[t] <= k:
            kept.append(place)
    capped = Pairs(pairs.tuple_of[kept], pairs.subject[kept])
    small = replace(case, problem=replace(case.problem, pairs=capped))
    assert _run(case).class_of.tolist() == _run(small).class_of.tolist()


def _line(positions: list[int], people: list[int], k: int) -> LocalProblem:
    """One numeric column; tuple i holds `people[i]` persons of its own."""
    count = len(positions)
    total = max(positions) - min(positions)
    column = LocalColumn(
        codes=np.arange(count),
        groups=(np.arange(count), np.zeros(count, dtype=np.int64)),
        losses=(np.zeros(count), np.ones(count)),
        positions=np.array(positions, dtype=float),
    )
    assert total > 0
    pairs = Pairs(np.repeat(np.arange(count), people), np.arange(sum(people)))
    return LocalProblem((column,), np.array(people), pairs, k)


def test_windows_lie_where_the_people_are() -> None:
    # Three near 10 and three near 90; 19-21 would straddle an edge of width 10.
    found = release_locally(_line([19, 20, 21, 89, 90, 99], [1] * 6, 3))
    assert found.class_of.tolist() == [0, 0, 0, 1, 1, 1]
    # Ranges 2 and 10 of 80, three records each.
    assert found.loss == pytest.approx((3 * 2 / 80 + 3 * 10 / 80) / 6)


def test_a_left_over_joins_the_class_that_loses_least() -> None:
    # 40 is nearer to 30 than to 90: 30-40 costs 6 records 10/60 each, 40-90 5/6.
    found = release_locally(_line([30, 40, 90], [5, 1, 5], 5))
    assert found.class_of.tolist() == [0, 0, 1]


def test_a_left_over_is_suppressed_where_merging_costs_more() -> None:
    # Joining 100 records to 0 at full width costs 101 records; suppressing costs 1.
    problem = _line([0, 100], [100, 1], 2)
    assert release_locally(problem, allowed_rows=1).class_of.tolist() == [0, -1]
    assert release_locally(problem, allowed_rows=0).class_of.tolist() == [0, 0]


def test_two_tuples_of_one_person_count_once() -> None:
    # Three tuples hold a and b alone: no group of them reaches three people.
    column = LocalColumn(
        codes=np.arange(4),
        groups=(np.arange(4), np.zeros(4, dtype=np.int64)),
        losses=(np.zeros(4), np.ones(4)),
        positions=np.arange(4.0),
    )
    pairs = Pairs(np.array([0, 0, 1, 1, 2, 2, 3]), np.array([0, 1, 0, 1, 0, 1, 2]))
    problem = LocalProblem((column,), np.array([2, 2, 2, 1]), pairs, 3)
    found = release_locally(problem)
    assert found.class_of.tolist() == [0, 0, 0, 0]


def test_many_columns_when_keys_exceed_64_bits() -> None:
    draw = np.random.default_rng(3)
    codes = draw.integers(0, 40, (16, 60))
    columns = tuple(
        LocalColumn(
            codes=line,
            groups=(np.arange(40), np.arange(40) // 8, np.zeros(40, dtype=np.int64)),
            losses=(np.zeros(40), np.full(40, 0.2), np.ones(40)),
        )
        for line in codes
    )
    ones = np.ones(60, dtype=np.int64)
    pairs = Pairs(np.arange(60), np.arange(60))
    found = release_locally(LocalProblem(columns, ones, pairs, 4), effort=200)
    assert np.bincount(found.class_of[found.class_of >= 0]).min() >= 4
    assert found.suppressed_rows == 0


def test_two_numbers_without_levels_are_both_cut() -> None:
    # 400 points in a square, classes of 5: 80 cells with sides of about 1 / sqrt(80).
    draw = np.random.default_rng(0)
    count = 400
    columns = tuple(
        LocalColumn(
            codes=draw.permutation(count),
            groups=(np.arange(count), np.zeros(count, dtype=np.int64)),
            losses=(np.zeros(count), np.ones(count)),
            positions=np.sort(draw.random(count)),
        )
        for _ in range(2)
    )
    one_each = Pairs(np.arange(count), np.arange(count))
    ones = np.ones(count, dtype=np.int64)
    found = release_locally(LocalProblem(columns, ones, one_each, 5))
    assert np.bincount(found.class_of).min() >= 5
    assert found.loss < 1.2 / math.sqrt(80)
