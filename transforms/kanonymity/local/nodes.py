"""Which lattice nodes a walk visits, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..counting.codes import Ints
from .problem import Floats, LocalProblem
from .sets import expected_losses

__all__ = ["Nodes", "plan_nodes"]

_SHARE_OF_WIDTH = 0.6
"""What a window loses on average, as a share of the widest that its node allows."""

_WIDTH_STEPS = 12
_LARGEST_LATTICE = 250_000

_CROWDED = 2.0
"""How much denser the chosen nodes lie among the fine ones: fine nodes release most."""

_FULL_EFFORT_TUPLES = 200_000
_LEAST_NODES = 200


@dataclass(frozen=True)
class Nodes:
    """Nodes in the order of the walk.

    Attributes:
        levels: one row a node, one column a quasi-identifier; the swept column's entry is not used.
        widths: per node, how far apart the values of a class may lie on the swept axis.
        swept: the column that windows are cut on, or None.
    """

    levels: Ints
    widths: Floats
    swept: int | None

    def __len__(self) -> int:
        return len(self.widths)


def plan_nodes(problem: LocalProblem, effort: int) -> Nodes:
    """Order the nodes by expected loss and choose at most `effort` of them.

    The expected loss is the mean over all records, weighted by column. The last node is
    the coarsest that the columns allow. Of too many nodes, spread ones are taken:
    a walk needs coarse nodes as well as fine ones. Beyond 200,000 distinct tuples the
    number falls in proportion, to 200 at the least: many tuples find company early.
    """
    crowd = len(problem.rows) / _FULL_EFFORT_TUPLES
    if crowd > 1.0:
        effort = min(effort, max(int(effort / crowd), _LEAST_NODES))
    swept = _swept(problem)
    total = max(int(problem.rows.sum()), 1)
    steps: list[Floats] = []
    for number, column in enumerate(problem.columns):
        if number == swept:
            steps.append(np.linspace(0.0, 1.0, _WIDTH_STEPS) ** 2.2 * column.weight)
            continue
        share = np.bincount(
            column.codes, weights=problem.rows, minlength=len(column.groups[0])
        )
        if column.leaves is not None:
            mean = expected_losses(column, share.astype(np.float64), problem.k)
        else:
            mean = [float(loss @ share) / total for loss in column.steps[1]]
        steps.append(column.weight * np.array(mean))
    levels = _lattice([len(step) for step in steps])
    expected = np.zeros(len(levels))
    for number, step in enumerate(steps):
        factor = _SHARE_OF_WIDTH if number == swept else 1.0
        expected += factor * step[levels[:, number]]
    # Equal expectations: the finer first columns first, as the lattice lists them.
    order = np.argsort(expected.round(12), kind="stable")
    if len(order) > effort:
        order = order[_spread(len(order), effort)]
    levels = levels[order]
    widths = np.zeros(len(levels))
    if swept is not None:
        column = problem.columns[swept]
        widths = steps[swept][levels[:, swept]] / column.weight * column.span
        widths[levels[:, swept] == _WIDTH_STEPS - 1] = np.inf
    return Nodes(levels, widths, swept)


def _swept(problem: LocalProblem) -> int | None:
    """Choose the ranged column of most distinct values; the first of equals."""
    sizes = [
        len(column.groups[0]) if column.ranged else -1 for column in problem.columns
    ]
    best = int(np.argmax(sizes))
    return best if sizes[best] > 0 else None


def _spread(count: int, effort: int) -> Ints:
    """Choose places, denser among the first; the last is included."""
    share = np.linspace(1.0, 0.0, max(effort, 1))
    at = (share**_CROWDED * (count - 1)).round().astype(np.int64)
    return np.unique(at)


def _lattice(sizes: Sequence[int]) -> Ints:
    """List the nodes; where they are too many, a fixed random sample with both ends."""
    count = 1
    for size in sizes:
        count *= size
    if count <= _LARGEST_LATTICE:
        return np.indices(sizes).reshape(len(sizes), -1).T
    draw = np.random.default_rng(0)
    columns = [draw.integers(0, size, _LARGEST_LATTICE) for size in sizes]
    sample = np.stack(columns, axis=1)
    ends = np.array([[0] * len(sizes), [size - 1 for size in sizes]])
    return np.unique(np.concatenate([ends, sample]), axis=0)
