"""Unites classes: what a union would be called, what it would lose, and the union itself."""

from __future__ import annotations

import numpy as np

from ..counting.codes import Ints
from .classes import MIXED, describe, losses_of, shared_labels
from .problem import Bools, Floats, LocalProblem

__all__ = ["Unions"]

_MOST_PARTNERS = 4_096
"""Partners of a class that are looked at: the nearest in each column's order."""


class Unions:
    """Classes that are united two by two.

    Args:
        problem: the distinct tuples.
        class_of: class of each tuple, -1 for those of none.
        count: number of classes; each has a member.

    Attributes:
        class_of: as given, after all unions so far.
        rows: records of each class.
        loss: of each class's labels, 0 to 1.
        alive: classes that no other has taken in.
    """

    def __init__(self, problem: LocalProblem, class_of: Ints, count: int) -> None:
        labels = describe(problem, class_of, count)
        held = class_of >= 0
        self.class_of = class_of.copy()
        self.rows = np.bincount(
            class_of[held], weights=problem.rows[held], minlength=count
        )
        self.loss = losses_of(problem, labels)
        self.alive: Bools = np.ones(count, dtype=np.bool_)
        self._problem = problem
        self._low = [label.low.copy() for label in labels]
        self._high = [label.high.copy() for label in labels]
        self._leaves = [label.members for label in labels]
        self._shared = [
            shared_labels(column, class_of, count, label.low)
            for column, label in zip(problem.columns, labels, strict=True)
        ]
        self._stacked = [np.stack(column.losses) for column in problem.columns]
        self._members: list[Ints] = _split(class_of, count)
        self._orders, self._places = self._neighbours(count)

    def partners(self, one: int) -> Ints:
        """Give the other classes that may be united with one, ascending.

        Of very many classes, those that are nearest in the order of each column's values.
        """
        if not self._orders:
            near = self.alive.copy()
        else:
            near = np.zeros(len(self.alive), dtype=np.bool_)
            reach = _MOST_PARTNERS // (2 * len(self._orders))
            for order, place in zip(self._orders, self._places, strict=True):
                at = int(place[one])
                near[order[max(at - reach, 0) : at + reach + 1]] = True
            near &= self.alive
        near[one] = False
        return np.flatnonzero(near)

    def costs(self, one: int, others: Ints) -> Floats:
        """Give the loss that each union adds, in records; infinite where it may not be."""
        new = np.zeros(len(others))
        barred = np.zeros(len(others), dtype=np.bool_)
        for number, column in enumerate(self._problem.columns):
            level = self._level(number, one, others)
            barred |= level > column.top
            low = np.minimum(self._low[number][one], self._low[number][others])
            loss = self._stacked[number][level, low]
            if column.positions is not None:
                high = np.maximum(self._high[number][one], self._high[number][others])
                loss = column.with_ranges(loss, low, high)
            leaves = self._leaves[number]
            if leaves is not None:
                loss = column.with_sets(loss, leaves.with_class(one, others))
            new += column.weight * loss
        new /= sum(column.weight for column in self._problem.columns)
        rows, mine = self.rows[others], self.rows[one]
        cost = (rows + mine) * new - rows * self.loss[others] - mine * self.loss[one]
        cost[barred] = np.inf
        return cost

    def unite(self, one: int, into: int) -> None:
        """Let one class take another in."""
        pair = np.array([one])
        added = float(self.costs(into, pair)[0])
        total = self.rows[into] + self.rows[one]
        lost = self.rows[into] * self.loss[into] + self.rows[one] * self.loss[one]
        self.loss[into] = (lost + added) / total
        self.rows[into] = total
        for number in range(len(self._problem.columns)):
            shared = self._shared[number]
            differ = shared[:, one] != shared[:, into]
            shared[differ, into] = MIXED
            low, high = self._low[number], self._high[number]
            low[into] = min(low[into], low[one])
            high[into] = max(high[into], high[one])
            leaves = self._leaves[number]
            if leaves is not None:
                leaves.add_class(one, into)
        self.alive[one] = False
        self._members[into] = np.concatenate([self._members[into], self._members[one]])
        self.class_of[self._members[into]] = into

    def _level(self, number: int, one: int, others: Ints) -> Ints:
        """Give the finest level on which a class shares its label with each other."""
        shared = self._shared[number]
        mine = shared[:, one : one + 1]
        same = (shared[:, others] == mine) & (mine != MIXED)
        return np.argmax(same, axis=0)  # the last level is one label for all

    def _neighbours(self, count: int) -> tuple[list[Ints], list[Ints]]:
        if count <= _MOST_PARTNERS:
            return [], []
        keys = [*self._low, *self._high]
        orders = [
            np.lexsort([*keys[:number], *keys[number + 1 :], keys[number]])
            for number in range(len(self._low))
        ]
        places = []
        for order in orders:
            place = np.empty(count, dtype=np.int64)
            place[order] = np.arange(count)
            places.append(place)
        return orders, places


def _split(class_of: Ints, count: int) -> list[Ints]:
    order = np.argsort(class_of, kind="stable")
    edges = np.searchsorted(class_of[order], np.arange(count + 1))
    return [order[edges[n] : edges[n + 1]] for n in range(count)]
