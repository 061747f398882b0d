"""The lattice search against the enumeration of every node, on random lattices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from optin.policies.errors import GateError
from optin.transforms.kanonymity.recoding.search import Axis, search_lattice


def _axis(rng: np.random.Generator, values: int, levels: int) -> Axis:
    """Draw labels that need not nest; losses rise with the level, by label."""
    groups = [np.arange(values)]
    losses = [np.zeros(values)]
    for level in range(1, levels):
        group = rng.integers(0, max(values // (level + 1), 1), values)
        _, group = np.unique(group, return_inverse=True)
        groups.append(group)
        losses.append(rng.uniform(0.2 * level, 0.3 * level, values)[group])
    groups.append(np.zeros(values, dtype=np.int64))
    losses.append(np.ones(values))
    return Axis(tuple(groups), tuple(losses))


def _enumerate(
    axes: list[Axis],
    codes: list[np.ndarray],
    subjects: np.ndarray,
    k: int,
    allowed: int,
) -> float:
    best = np.inf
    for levels in itertools.product(*(range(len(axis.groups)) for axis in axes)):
        people: dict[tuple[int, ...], set[int]] = {}
        labels = list(
            zip(
                *(a.groups[n][c] for a, n, c in zip(axes, levels, codes, strict=True)),
                strict=True,
            )
        )
        for label, subject in zip(labels, subjects, strict=True):
            people.setdefault(label, set()).add(int(subject))
        short = np.array([len(people[label]) < k for label in labels])
        loss = sum(a.losses[n][c] for a, n, c in zip(axes, levels, codes, strict=True))
        if short.sum() <= allowed:
            best = min(best, float(np.where(short, 1.0, loss / len(axes)).mean()))
    return best


@pytest.mark.parametrize("seed", range(60))
def test_search_finds_the_optimum_of_a_random_lattice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = [_axis(rng, 8, int(rng.integers(2, 4))) for _ in range(3)]
    size = int(rng.integers(20, 80))
    # One row per pair; repeated pairs and people in several tuples are wanted.
    codes = [np.minimum(rng.geometric(0.4, size) - 1, 7) for _ in axes]
    subjects = rng.integers(0, size // 2, size)
    k, allowed = int(rng.integers(2, 6)), int(rng.integers(0, size // 2))
    found = search_lattice(
        axes, codes, subjects, np.ones(size, dtype=np.int64), k, allowed
    )
    best = _enumerate(axes, codes, subjects, k, allowed)
    if found is None:
        assert best == np.inf
        return
    assert found.loss == pytest.approx(best)
    assert found.suppressed_rows == int((~found.released).sum()) <= allowed


def test_search_is_refused_when_the_lattice_is_huge() -> None:
    axis = Axis(tuple([np.zeros(1, dtype=np.int64)] * 8), tuple([np.zeros(1)] * 8))
    one = np.zeros(1, dtype=np.int64)
    with pytest.raises(GateError, match=r"2,097,152 nodes, more than 2,000,000"):
        search_lattice([axis] * 7, [one] * 7, one, one, 2, 0)  # 8 ** 7 nodes
