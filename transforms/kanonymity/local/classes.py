"""What a class is called: the tightest labels that hold for all its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..counting.codes import Ints
from .problem import Bools, Floats, LocalColumn, LocalProblem

__all__ = ["ClassLabels", "absorb", "describe", "losses_of"]


@dataclass(frozen=True)
class ClassLabels:
    """One column's label of every class.

    Attributes:
        level: finest level on which all members share the label.
        low: smallest value number among the members.
        high: largest value number; with `low` the tight range of a ranged column, and
            any member's value names the label of `level`.
        ranged: the label is the range from `low` to `high`, not the level's.
        loss: of the label, 0 to 1.
    """

    level: Ints
    low: Ints
    high: Ints
    ranged: Bools
    loss: Floats


def describe(problem: LocalProblem, class_of: Ints, count: int) -> list[ClassLabels]:
    """Name the classes; a tuple of class -1 belongs to none.

    Args:
        problem: the distinct tuples.
        class_of: class of each distinct tuple; every class has a member.
        count: number of classes.

    Returns:
        One entry a column. A ranged column's label is the tight range of its members;
        nulls have the label of a level, and where they stand beside numbers, the last.
    """
    order = np.argsort(class_of, kind="stable")
    order = order[np.searchsorted(class_of[order], 0) :]
    starts = np.searchsorted(class_of[order], np.arange(count))
    return [_describe(column, order, starts) for column in problem.columns]


def _describe(column: LocalColumn, order: Ints, starts: Ints) -> ClassLabels:
    if not len(starts):
        none = np.zeros(0, dtype=np.int64)
        return ClassLabels(none, none, none, none.astype(np.bool_), none.astype(float))
    codes = column.codes[order]
    low = np.minimum.reduceat(codes, starts)
    high = np.maximum.reduceat(codes, starts)
    last = len(column.groups) - 1
    level = np.full(len(starts), last, dtype=np.int64)
    level[low == high] = 0
    open_ = np.flatnonzero(low != high)
    for number in range(last):
        if not len(open_):
            break
        labels = column.groups[number][codes]
        same = (
            np.minimum.reduceat(labels, starts)[open_]
            == np.maximum.reduceat(labels, starts)[open_]
        )
        level[open_[same]] = number
        open_ = open_[~same]
    loss = np.stack(column.losses)[level, low]
    ranged = np.zeros(len(starts), dtype=np.bool_)
    if column.positions is not None:
        below, above = column.positions[low], column.positions[high]
        ranged = ~(np.isnan(below) | np.isnan(above))
        loss = column.with_ranges(loss, low, high)
    return ClassLabels(level, low, high, ranged, loss)


def losses_of(problem: LocalProblem, labels: Sequence[ClassLabels]) -> Floats:
    """Give each class's loss: the mean over columns by their weights, 0 to 1."""
    weights = [column.weight for column in problem.columns]
    total = np.zeros(len(labels[0].loss))
    for label, weight in zip(labels, weights, strict=True):
        total += label.loss * weight
    return total / sum(weights)


def absorb(problem: LocalProblem, class_of: Ints, count: int, allowed: int) -> Ints:
    """Merge what no class holds into the class that loses least by it.

    A tuple stays out where taking it in would cost more than suppressing it, as long as
    at most `allowed` records stay out. Levels above a column's `max_level` are not used.

    Returns:
        The classes of the tuples; -1 for suppressed ones. Classes only grow, so all
        keep their k people.
    """
    left = np.flatnonzero(class_of < 0)
    if not len(left) or not count:
        return class_of
    merged = class_of.copy()
    cells = _cells(problem)
    labels = describe(problem, class_of, count)
    rows = np.bincount(
        class_of[class_of >= 0],
        weights=problem.rows[class_of >= 0],
        minlength=count,
    ).astype(np.float64)
    first = np.zeros(count, dtype=np.int64)
    members = np.flatnonzero(class_of >= 0)
    first[class_of[members]] = members
    by_cell = np.argsort(cells[first], kind="stable")
    sorted_cells = cells[first][by_cell]
    begin = np.searchsorted(sorted_cells, cells[left], side="left").tolist()
    end = np.searchsorted(sorted_cells, cells[left], side="right").tolist()
    state = _Growing(problem, labels, rows, first)
    dear: list[tuple[float, int]] = []
    for tuple_, start, stop in zip(left.tolist(), begin, end, strict=True):
        if start == stop:
            continue
        cost, best = state.cheapest(tuple_, by_cell[start:stop])
        if cost < problem.rows[tuple_]:
            merged[tuple_] = best
            state.grow(best, tuple_)
        else:
            dear.append((cost, tuple_))
    outside = int(problem.rows[merged < 0].sum())
    place = {t: (b, e) for t, b, e in zip(left.tolist(), begin, end, strict=True)}
    for _, tuple_ in sorted(dear):
        if outside <= allowed:
            break
        start, stop = place[tuple_]
        _, best = state.cheapest(tuple_, by_cell[start:stop])
        merged[tuple_] = best
        state.grow(best, tuple_)
        outside -= int(problem.rows[tuple_])
    return merged


def _cells(problem: LocalProblem) -> Ints:
    """Number the groups of the coarsest node; no class reaches beyond its cell."""
    cells = np.zeros(len(problem.rows), dtype=np.int64)
    for column in problem.columns:
        if column.top == len(column.groups) - 1:
            continue
        label = column.groups[column.top][column.codes]
        both = cells * (int(label.max(initial=0)) + 1) + label
        cells = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return cells


class _Growing:
    """Classes that take in tuples one by one."""

    def __init__(
        self,
        problem: LocalProblem,
        labels: Sequence[ClassLabels],
        rows: Floats,
        first: Ints,
    ) -> None:
        self.problem = problem
        self.rows = rows
        self.low = [label.low.copy() for label in labels]
        self.high = [label.high.copy() for label in labels]
        self.level = [label.level.copy() for label in labels]
        self.value = [column.codes[first] for column in problem.columns]
        self.stacked = [np.stack(column.losses) for column in problem.columns]
        self.loss = losses_of(problem, labels)

    def cheapest(self, tuple_: int, among: Ints) -> tuple[float, int]:
        """Give the loss that grows least, in rows, and the class; first of equals."""
        new = self._loss(tuple_, among)
        rows = self.rows[among]
        cost = (rows + self.problem.rows[tuple_]) * new - rows * self.loss[among]
        best = int(np.argmin(cost.round(9)))
        return float(cost[best]), int(among[best])

    def grow(self, into: int, tuple_: int) -> None:
        """Take a tuple in."""
        at = np.array([into])
        self.loss[into] = self._loss(tuple_, at)[0]
        for number, column in enumerate(self.problem.columns):
            code = column.codes[tuple_]
            self.level[number][into] = self._level(number, tuple_, at)[0]
            self.low[number][into] = min(self.low[number][into], code)
            self.high[number][into] = max(self.high[number][into], code)
        self.rows[into] += self.problem.rows[tuple_]

    def _level(self, number: int, tuple_: int, among: Ints) -> Ints:
        """Give the finest level that the class and the tuple share."""
        column = self.problem.columns[number]
        code = column.codes[tuple_]
        value, level = self.value[number][among], self.level[number][among]
        result = np.full(len(among), len(column.groups) - 1, dtype=np.int64)
        for step in range(len(column.groups) - 2, -1, -1):
            group = column.groups[step]
            result[(step >= level) & (group[value] == group[code])] = step
        return result

    def _loss(self, tuple_: int, among: Ints) -> Floats:
        total = np.zeros(len(among))
        columns = self.problem.columns
        for number, column in enumerate(columns):
            code = column.codes[tuple_]
            level = self._level(number, tuple_, among)
            loss = self.stacked[number][level, self.value[number][among]]
            if column.positions is not None:
                low = np.minimum(self.low[number][among], code)
                high = np.maximum(self.high[number][among], code)
                loss = column.with_ranges(loss, low, high)
            total += column.weight * loss
        return total / sum(column.weight for column in columns)
