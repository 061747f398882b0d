"""Value sets: the leaves that the members of a class have of one category.

A set of values names a class more tightly than the label of a hierarchy that covers it.
Large ones are no labels any more: beyond `MOST_MEMBERS` leaves the hierarchy's counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..counting.codes import Ints
from .problem import MOST_MEMBERS, Floats, LocalColumn

__all__ = ["Members", "expected_losses"]

_NONE = -1
_TOO_MANY = MOST_MEMBERS + 1

_DRAWS = 1.5
"""People of a class, in units of k, whose values an expected set is reckoned for."""


@dataclass
class Members:
    """The distinct leaves of classes, which may grow.

    Attributes:
        leaf: one row a class: its leaves, then -1; of no meaning where there are too
            many.
        size: distinct leaves of each; `MOST_MEMBERS + 1` stands for more, and for those
            of which one is never in a set.
    """

    leaf: Ints
    size: Ints

    @staticmethod
    def of(leaves: Ints, starts: Ints) -> Members:
        """Gather the leaves of classes.

        Args:
            leaves: leaf of each tuple, class by class; -1 is never in a set.
            starts: first tuple of each class; none is empty.
        """
        count = len(starts)
        class_of = np.repeat(np.arange(count), np.diff(np.append(starts, len(leaves))))
        width = int(leaves.max(initial=0)) + 2
        distinct = np.unique(class_of * width + leaves + 1)
        class_of, leaf = distinct // width, distinct % width - 1
        size = np.bincount(class_of, minlength=count)
        place = np.arange(len(leaf)) - (np.cumsum(size) - size)[class_of]
        held = np.full((count, MOST_MEMBERS), _NONE, dtype=np.int64)
        fits = place < MOST_MEMBERS
        held[class_of[fits], place[fits]] = leaf[fits]
        size = np.minimum(size, _TOO_MANY)
        size[class_of[leaf == _NONE]] = _TOO_MANY
        return Members(held, size)

    def with_leaf(self, leaf: int, among: Ints) -> Ints:
        """Give how many leaves each class would have with one more."""
        if leaf == _NONE:
            return np.full(len(among), _TOO_MANY, dtype=np.int64)
        new = ~(self.leaf[among] == leaf).any(axis=1)
        return np.minimum(self.size[among] + new, _TOO_MANY)

    def with_class(self, one: int, others: Ints) -> Ints:
        """Give how many leaves each class would have with another's."""
        if self.size[one] == _TOO_MANY:
            return np.full(len(others), _TOO_MANY, dtype=np.int64)
        mine = self.leaf[one, : self.size[one]]
        both = np.isin(self.leaf[others], mine).sum(axis=1)
        return np.minimum(self.size[others] + self.size[one] - both, _TOO_MANY)

    def add_leaf(self, leaf: int, into: int) -> None:
        """Put a leaf into a class."""
        self._put(np.array([leaf]), into)

    def add_class(self, one: int, into: int) -> None:
        """Put all leaves of a class into another."""
        if self.size[one] == _TOO_MANY:
            self.size[into] = _TOO_MANY
        else:
            self._put(self.leaf[one, : self.size[one]], into)

    def _put(self, leaves: Ints, into: int) -> None:
        if self.size[into] == _TOO_MANY:
            return
        both = np.union1d(self.leaf[into, : self.size[into]], leaves)
        if len(both) > MOST_MEMBERS or both[0] == _NONE:
            self.size[into] = _TOO_MANY
            return
        self.leaf[into, : len(both)] = both
        self.size[into] = len(both)


def expected_losses(column: LocalColumn, share: Floats, k: int) -> list[float]:
    """Give, per step of a column, the mean loss that classes made there may expect.

    A class of about k people holds but some of the values under a label. They are drawn
    one by one, as often as records have them.

    Args:
        column: of value sets.
        share: records of each value.
        k: fewest people of a class.
    """
    means = []
    for group, losses in zip(*column.steps, strict=True):
        under = np.bincount(group, weights=share)[group]
        rate = np.divide(share, under, out=np.zeros_like(share), where=under > 0)
        met = 1.0 - (1.0 - np.minimum(rate, 1.0)) ** (_DRAWS * k)
        distinct = np.bincount(group, weights=met)[group]
        expected = column.with_sets(losses, np.maximum(distinct, 1.0))
        means.append(float(expected @ share) / max(float(share.sum()), 1.0))
    return means
