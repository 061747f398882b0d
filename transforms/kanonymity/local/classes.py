"""What a class is called: the tightest labels that hold for all its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..counting.codes import Ints
from .problem import Bools, Floats, LocalColumn, LocalProblem
from .sets import Members

__all__ = ["MIXED", "ClassLabels", "absorb", "describe", "losses_of", "shared_labels"]

MIXED = -1
"""In place of a label: the members of a class do not share one on that level."""

_ROUNDING = 1e-12


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
        members: leaves of every class, of a column of value sets; else None.
        listed: the label is the set of those leaves.
    """

    level: Ints
    low: Ints
    high: Ints
    ranged: Bools
    loss: Floats
    members: Members | None
    listed: Bools


def describe(problem: LocalProblem, class_of: Ints, count: int) -> list[ClassLabels]:
    """Name the classes; a tuple of class -1 belongs to none.

    Args:
        problem: the distinct tuples.
        class_of: class of each distinct tuple; every class has a member.
        count: number of classes.

    Returns:
        One entry a column. A ranged column's label is the tight range of its members;
        nulls have the label of a level, and where they stand beside numbers, the last.
        A class of a column of value sets is named by its set where that loses less than
        the level.
    """
    order = np.argsort(class_of, kind="stable")
    order = order[np.searchsorted(class_of[order], 0) :]
    starts = np.searchsorted(class_of[order], np.arange(count))
    return [_describe(column, order, starts) for column in problem.columns]


def _describe(column: LocalColumn, order: Ints, starts: Ints) -> ClassLabels:
    if not len(starts):
        none = np.zeros(0, dtype=np.int64)
        never = none.astype(np.bool_)
        return ClassLabels(none, none, none, never, none.astype(float), None, never)
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
    members, listed = None, np.zeros(len(starts), dtype=np.bool_)
    if column.leaves is not None:
        members = Members.of(column.leaves[codes], starts)
        tight = column.with_sets(loss, members.size)
        listed = tight < loss - _ROUNDING
        loss = np.where(listed, tight, loss)
    return ClassLabels(level, low, high, ranged, loss, members, listed)


def losses_of(problem: LocalProblem, labels: Sequence[ClassLabels]) -> Floats:
    """Give each class's loss: the mean over columns by their weights, 0 to 1."""
    weights = [column.weight for column in problem.columns]
    total = np.zeros(len(labels[0].loss))
    for label, weight in zip(labels, weights, strict=True):
        total += label.loss * weight
    return total / sum(weights)


def shared_labels(column: LocalColumn, class_of: Ints, count: int, first: Ints) -> Ints:
    """Give the label number that all members share, per level and class, or `MIXED`.

    Args:
        column: one of the problem's.
        class_of: class of each distinct tuple, -1 for none.
        count: number of classes.
        first: value number of one member of each class.
    """
    held = np.flatnonzero(class_of >= 0)
    number = class_of[held]
    shared = np.empty((len(column.groups), count), dtype=np.int64)
    for level, group in enumerate(column.groups):
        shared[level] = group[first]
        differ = group[column.codes[held]] != shared[level][number]
        shared[level, number[differ]] = MIXED
    return shared


def absorb(problem: LocalProblem, class_of: Ints, count: int, allowed: int) -> Ints:
    """Merge what no class holds into the class that loses least by it.

    A tuple stays out where taking it in would cost more than suppressing it, as long as
    at most `allowed` records stay out. Levels above a column's `max_level` are not used:
    what would need one joins no class.

    Returns:
        The classes of the tuples; -1 for suppressed ones. Classes only grow, so all
        keep their k people.
    """
    left = np.flatnonzero(class_of < 0)
    if not len(left) or not count:
        return class_of
    merged = class_of.copy()
    cells = _cells(problem)
    members = np.flatnonzero(class_of >= 0)
    first = np.zeros(count, dtype=np.int64)
    first[class_of[members]] = members
    by_cell = np.argsort(cells[first], kind="stable")
    sorted_cells = cells[first][by_cell]
    begin = np.searchsorted(sorted_cells, cells[left], side="left").tolist()
    end = np.searchsorted(sorted_cells, cells[left], side="right").tolist()
    state = _Growing(problem, class_of, count)
    dear: list[tuple[float, int]] = []
    place = {}
    for tuple_, start, stop in zip(left.tolist(), begin, end, strict=True):
        if start == stop:
            continue
        place[tuple_] = by_cell[start:stop]
        cost, best = state.cheapest(tuple_, place[tuple_])
        if cost < problem.rows[tuple_]:
            merged[tuple_] = best
            state.grow(best, tuple_)
        else:
            dear.append((cost, tuple_))
    outside = int(problem.rows[merged < 0].sum())
    for _, tuple_ in sorted(dear):
        if outside <= allowed:
            break
        cost, best = state.cheapest(tuple_, place[tuple_])
        if np.isinf(cost):
            continue
        merged[tuple_] = best
        state.grow(best, tuple_)
        outside -= int(problem.rows[tuple_])
    return merged


def _cells(problem: LocalProblem) -> Ints:
    """Number the groups of the coarsest node; no class can grow beyond its cell.

    A column counts where its levels nest up to the coarsest. Where they do not, as weeks
    and months, a class may reach into two groups, and cells would tell nothing.
    """
    cells = np.zeros(len(problem.rows), dtype=np.int64)
    for column in problem.columns:
        if column.top == len(column.groups) - 1 or not _nests(column):
            continue
        label = column.groups[column.top][column.codes]
        both = cells * (int(label.max(initial=0)) + 1) + label
        cells = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return cells


def _nests(column: LocalColumn) -> bool:
    """Tell whether values that share a label share the one of the top level as well."""
    top = column.groups[column.top]
    for group in column.groups[: column.top]:
        _, first, place = np.unique(group, return_index=True, return_inverse=True)
        if (top[first][place.reshape(-1)] != top).any():
            return False
    return True


class _Growing:
    """Classes that take in tuples one by one."""

    def __init__(self, problem: LocalProblem, class_of: Ints, count: int) -> None:
        labels = describe(problem, class_of, count)
        held = class_of >= 0
        self.problem = problem
        self.rows = np.bincount(
            class_of[held], weights=problem.rows[held], minlength=count
        ).astype(np.float64)
        self.low = [label.low for label in labels]
        self.high = [label.high for label in labels]
        self.members = [label.members for label in labels]
        self.shared = [
            shared_labels(column, class_of, count, label.low)
            for column, label in zip(problem.columns, labels, strict=True)
        ]
        self.stacked = [np.stack(column.losses) for column in problem.columns]
        self.loss = losses_of(problem, labels)

    def cheapest(self, tuple_: int, among: Ints) -> tuple[float, int]:
        """Give the loss that grows least, in rows, and the class; first of equals.

        Infinite where no class may take the tuple in.
        """
        new = self._loss(tuple_, among)
        rows = self.rows[among]
        cost = (rows + self.problem.rows[tuple_]) * new - rows * self.loss[among]
        best = int(np.argmin(cost.round(9)))
        return float(cost[best]), int(among[best])

    def grow(self, into: int, tuple_: int) -> None:
        """Take a tuple in."""
        self.loss[into] = self._loss(tuple_, np.array([into]))[0]
        for number, column in enumerate(self.problem.columns):
            code = int(column.codes[tuple_])
            shared = self.shared[number]
            for level, group in enumerate(column.groups):
                if shared[level, into] != group[code]:
                    shared[level, into] = MIXED
            self.low[number][into] = min(self.low[number][into], code)
            self.high[number][into] = max(self.high[number][into], code)
            members = self.members[number]
            if column.leaves is not None and members is not None:
                members.add_leaf(int(column.leaves[code]), into)
        self.rows[into] += self.problem.rows[tuple_]

    def _level(self, number: int, code: int, among: Ints) -> Ints:
        """Give the finest level on which all members and the value share their label."""
        groups = self.problem.columns[number].groups
        result = np.full(len(among), len(groups) - 1, dtype=np.int64)
        for step in range(len(groups) - 2, -1, -1):
            result[self.shared[number][step, among] == groups[step][code]] = step
        return result

    def _loss(self, tuple_: int, among: Ints) -> Floats:
        total = np.zeros(len(among))
        barred = np.zeros(len(among), dtype=np.bool_)
        columns = self.problem.columns
        for number, column in enumerate(columns):
            code = int(column.codes[tuple_])
            level = self._level(number, code, among)
            barred |= level > column.top
            loss = self.stacked[number][level, code]
            if column.positions is not None:
                low = np.minimum(self.low[number][among], code)
                high = np.maximum(self.high[number][among], code)
                loss = column.with_ranges(loss, low, high)
            members = self.members[number]
            if column.leaves is not None and members is not None:
                size = members.with_leaf(int(column.leaves[code]), among)
                loss = column.with_sets(loss, size)
            total += column.weight * loss
        total /= sum(column.weight for column in columns)
        total[barred] = np.inf
        return total
