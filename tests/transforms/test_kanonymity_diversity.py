"""l, t and alpha by person, against definitions written out class by class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from optin.transforms.kanonymity.sensitive.diversity import ClassValues, Distance

VALUES = 5
GROUPS = (0, 0, 1, 1, 1)  # a hierarchy of two levels: {0, 1}, {2, 3, 4}, then all

CLASSES = st.lists(
    st.dictionaries(st.integers(-1, VALUES - 1), st.integers(1, 9), min_size=1),
    min_size=1,
    max_size=5,
)


def class_values(classes: list[dict[int, int]]) -> ClassValues:
    entries = [(c, v, n) for c, held in enumerate(classes) for v, n in held.items()]
    of_class, of_value, people = (
        np.array(column) for column in zip(*entries, strict=True)
    )
    population = np.array([sum(held.values()) for held in classes])
    return ClassValues(len(classes), VALUES, of_class, of_value, people, population)


def falling(held: dict[int, int]) -> list[int]:
    return sorted((n for v, n in held.items() if v >= 0), reverse=True)


@given(CLASSES)
def test_distinct_values_are_those_that_are_there(classes: Any) -> None:
    found = class_values(classes).distinct()
    assert found.tolist() == [len(falling(held)) for held in classes]


@given(CLASSES)
def test_entropy_is_the_number_of_equal_values(classes: Any) -> None:
    def effective(held: dict[int, int]) -> float:
        people = falling(held)
        if not people:
            return 0.0
        shares = [n / sum(people) for n in people]
        return math.exp(-sum(p * math.log(p) for p in shares))

    found = class_values(classes).entropy()
    assert found == pytest.approx([effective(held) for held in classes])


@given(CLASSES, st.sampled_from([0.5, 1.0, 2.0, 3.0]))
def test_recursive_diversity_is_the_largest_l_that_holds(
    classes: Any, c: float
) -> None:
    def largest(held: dict[int, int]) -> int:
        r = falling(held)
        return max(
            (level for level in range(1, len(r) + 1) if r[0] < c * sum(r[level - 1 :])),
            default=0,
        )

    found = class_values(classes).recursive(c)
    assert found.tolist() == [largest(held) for held in classes]


@given(CLASSES)
def test_alpha_is_the_share_of_the_commonest_value(classes: Any) -> None:
    found = class_values(classes).largest_share()
    expected = [max(falling(held), default=0) / sum(held.values()) for held in classes]
    assert found == pytest.approx(expected)


def between_ranks(a: int, b: int) -> float:
    return abs(a - b) / (VALUES - 1)


def in_hierarchy(a: int, b: int) -> float:
    return 0.0 if a == b else 0.5 if GROUPS[a] == GROUPS[b] else 1.0


def unequal(a: int, b: int) -> float:
    return float(a != b)


def earth_movers(
    here: list[float], there: list[float], ground: Callable[[int, int], float]
) -> float:
    """The transport problem as a linear program: who knows no formula."""
    n = len(here)
    cost = [ground(a, b) for a in range(n) for b in range(n)]
    sent = np.kron(np.eye(n), np.ones(n))
    got = np.kron(np.ones(n), np.eye(n))
    bounds = np.concatenate([here, there])
    solved = linprog(cost, A_eq=np.vstack([sent, got]), b_eq=bounds, method="highs")
    return float(solved.fun)


HIERARCHY = Distance((np.array(GROUPS), np.zeros(VALUES, dtype=np.int64)))


@pytest.mark.parametrize(
    ("distance", "ground"),
    [
        (Distance(), unequal),
        (Distance(ordered=True), between_ranks),
        (HIERARCHY, in_hierarchy),
    ],
    ids=["equal", "ordered", "hierarchical"],
)
@given(
    classes=st.lists(
        st.dictionaries(st.integers(0, VALUES - 1), st.integers(1, 9), min_size=1),
        min_size=1,
        max_size=4,
    )
)
def test_closeness_is_the_cheapest_transport(
    classes: Any, distance: Distance, ground: Callable[[int, int], float]
) -> None:
    found = class_values(classes).closeness(distance)
    total = [sum(held.get(v, 0) for held in classes) for v in range(VALUES)]
    there = [n / sum(total) for n in total]
    for held, result in zip(classes, found, strict=True):
        here = [held.get(v, 0) / sum(held.values()) for v in range(VALUES)]
        assert result == pytest.approx(earth_movers(here, there, ground), abs=1e-9)


@given(CLASSES, st.sampled_from([Distance(ordered=True), HIERARCHY]))
def test_closeness_with_missing_values_is_never_too_small(
    classes: Any, distance: Distance
) -> None:
    ground = between_ranks if distance.ordered else in_hierarchy

    def with_missing(a: int, b: int) -> float:
        if a == b:
            return 0.0
        return 1.0 if VALUES in (a, b) else ground(a, b)

    values = [*range(VALUES), -1]
    found = class_values(classes).closeness(distance)
    total = [sum(held.get(v, 0) for held in classes) for v in values]
    there = [n / sum(total) for n in total]
    for held, result in zip(classes, found, strict=True):
        here = [held.get(v, 0) / sum(held.values()) for v in values]
        cheapest = earth_movers(here, there, with_missing)
        assert cheapest - 1e-9 <= result <= 1 + 1e-9


def test_closeness_follows_the_paper() -> None:
    # Li et al. 2007, §5.2: incomes 3k … 11k; {3k, 4k, 5k} is 0.375 from all,
    # {6k, 8k, 11k} 0.167.
    of_value = np.array([*range(9), 0, 1, 2, 3, 5, 8])
    of_class = np.array([0] * 9 + [1] * 3 + [2] * 3)
    ones = np.ones(15, dtype=np.int64)
    values = ClassValues(3, 9, of_class, of_value, ones, np.array([9, 3, 3]))
    overall = np.array([1.0] * 9 + [0.0])
    found = values.closeness(Distance(ordered=True), overall)
    assert found == pytest.approx([0, 0.375, 1 / 6], abs=1e-3)
