"""What local recoding works on: distinct tuples as codes, and how many people each has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..counting.codes import Ints

__all__ = [
    "MOST_MEMBERS",
    "Bools",
    "Floats",
    "LocalColumn",
    "LocalProblem",
    "Pairs",
]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MOST_MEMBERS = 24
"""Values of the largest set that is published as one."""

_FEW_LEVELS = 3
_CELLS = (32, 16, 8, 4, 2)
_SHARE_OF_CELL = 0.6
"""What the tight range of a class takes of its cell, on average."""


@dataclass(frozen=True)
class LocalColumn:
    """One quasi-identifier of the distinct tuples.

    Attributes:
        codes: value number of each distinct tuple; numbers follow the values' order,
            null last.
        groups: per level, the label number of each value; level 0 is the finest.
        losses: per level, the loss of each value, 0 to 1.
        positions: where each value lies on the axis of its numbers, NaN for a null;
            None for categories, and where hierarchy labels alone are published.
        base: width of one value on that axis, 0 for single numbers.
        weight: how much the column's loss counts when nodes are ordered, > 0.
        max_level: coarsest level that may be used; None is the last. A column with
            positions ranges freely only where the last level may be used.
        extent: the smallest and the largest number of the whole set, where the tuples
            are a part of it; by default those of `positions`.
        leaves: where classes are named by the sets of their values: number of the leaf
            that each value stands for, -1 if it is never in a set; else None.
        domain: leaves of the whole set or hierarchy, which a set's loss is measured by.
    """

    codes: Ints
    groups: tuple[Ints, ...]
    losses: tuple[Floats, ...]
    positions: Floats | None = None
    base: float = 0.0
    weight: float = 1.0
    max_level: int | None = None
    extent: tuple[float, float] | None = None
    leaves: Ints | None = None
    domain: int = 0

    @property
    def top(self) -> int:
        """The coarsest level that may be used."""
        last = len(self.groups) - 1
        return last if self.max_level is None else min(self.max_level, last)

    @property
    def ranged(self) -> bool:
        """Whether classes may be cut anywhere on the axis."""
        return self.positions is not None and self.top == len(self.groups) - 1

    @property
    def steps(self) -> tuple[tuple[Ints, ...], tuple[Floats, ...]]:
        """Label numbers and losses of the levels that a walk may use, by value.

        A ranged column with hardly any level of its own gets equal cells of its axis:
        its labels are ranges, so that cells need no names.
        """
        groups, losses = self.groups[: self.top + 1], self.losses[: self.top + 1]
        if not self.ranged or len(groups) > _FEW_LEVELS or not self.span:
            return groups, losses
        assert self.positions is not None  # noqa: S101 - a ranged column has them
        lowest = np.nanmin(self.positions) if self.extent is None else self.extent[0]
        share = (self.positions - lowest) / self.span
        null = np.isnan(share)
        cells = [
            np.where(null, count, np.minimum(share * count, count - 1)).astype(np.int64)
            for count in _CELLS
        ]
        costs = [np.where(null, 0.0, _SHARE_OF_CELL / count) for count in _CELLS]
        return (
            (*groups[:-1], *cells, groups[-1]),
            (*losses[:-1], *costs, losses[-1]),
        )

    def with_ranges(self, losses: Floats, low: Ints, high: Ints) -> Floats:
        """Put the loss of the tight range in place of a label's, where there is one.

        Args:
            losses: of the labels.
            low: smallest value number under each label.
            high: largest; a null has no range.
        """
        if self.positions is None:
            return losses
        below, above = self.positions[low], self.positions[high]
        width = self.span + self.base
        share = (above - below + self.base) / width if width > 0 else 0.0
        return np.where(np.isnan(below) | np.isnan(above), losses, share)

    def with_sets(self, losses: Floats, sizes: Ints | Floats) -> Floats:
        """Put the loss of the set of values in place of a label's, where it is less.

        Args:
            losses: of the labels.
            sizes: distinct leaves of each class.
        """
        if self.leaves is None:
            return losses
        share = np.minimum((sizes - 1) / max(self.domain - 1, 1), losses)
        return np.where(sizes <= MOST_MEMBERS, share, losses)

    @property
    def span(self) -> float:
        """Distance between the smallest and the largest value, 0 without two."""
        if self.positions is None or np.isnan(self.positions).all():
            return 0.0
        if self.extent is not None:
            return self.extent[1] - self.extent[0]
        return float(np.nanmax(self.positions) - np.nanmin(self.positions))


@dataclass(frozen=True)
class Pairs:
    """Who stands in which tuple.

    Attributes:
        tuple_of: distinct tuple of each (tuple, subject) pair; no pair occurs twice.
        subject: subject number of each pair, from 0.
    """

    tuple_of: Ints
    subject: Ints


@dataclass(frozen=True)
class LocalProblem:
    """Distinct tuples, their rows and their people.

    Attributes:
        columns: quasi-identifiers, at least one.
        rows: records of each tuple.
        pairs: at most k subjects of each tuple; more change nothing.
        k: fewest distinct subjects of a class.
    """

    columns: tuple[LocalColumn, ...]
    rows: Ints
    pairs: Pairs
    k: int

    @property
    def people(self) -> Ints:
        """Subjects of each tuple, at most k where the pairs are capped."""
        return np.bincount(self.pairs.tuple_of, minlength=len(self.rows))
