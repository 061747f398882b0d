"""l-diversity, t-closeness and (alpha, k), counted in people: what one class gives away.

A class of k people protects nobody's secret if all of them share it. Here a value of a
sensitive attribute weighs as many as the distinct data subjects of the class that have
it; a person with a hundred rows of one value is one.

Sources: Machanavajjhala et al., "l-Diversity", TKDD 2007, §4 (distinct, entropy,
recursive (c, l)); Li et al., "t-Closeness", ICDE 2007, §5 (EMD with equal, ordered and
hierarchical distance); Wong et al., "(alpha, k)-anonymity", KDD 2006, §2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..counting.codes import Ints

__all__ = ["ClassValues", "Distance", "Floats"]

Floats = npt.NDArray[np.float64]

_TINY = 1e-12


@dataclass(frozen=True)
class Distance:
    """The ground distance between values of a sensitive attribute, 0 to 1.

    Attributes:
        parents: per level of a hierarchy, finest first, the group of each value; the
            last level is one group. Empty: no hierarchy.
        ordered: values have ranks; their distance is the share of the ranks between.
            Neither: all values are 1 apart.
    """

    parents: tuple[Ints, ...] = ()
    ordered: bool = False


@dataclass(frozen=True)
class ClassValues:
    """How many people of each class have each value of one sensitive attribute.

    One entry per (class, value) that occurs, in any order.

    Attributes:
        classes: number of classes.
        values: number of values; if ordered, a value's number is its rank.
        of_class: class of each entry.
        of_value: value of each entry; -1 for a missing one.
        people: distinct data subjects of each entry, ≥ 1.
        population: distinct data subjects of each class, whatever their values.
    """

    classes: int
    values: int
    of_class: Ints
    of_value: Ints
    people: Ints
    population: Ints

    def distinct(self) -> Ints:
        """Count the values of each class; a missing value is none."""
        return np.bincount(self.of_class[self.of_value >= 0], minlength=self.classes)

    def entropy(self) -> Floats:
        """Give exp(entropy) of each class: as diverse as that many equal values.

        A missing value is none; a class without any value gives 0.
        """
        group, people = self._named()
        total = np.bincount(group, weights=people, minlength=self.classes)
        share = people / total[group]
        entropy = np.bincount(
            group, weights=-share * np.log(share), minlength=self.classes
        )
        return np.where(total > 0, np.exp(entropy), 0.0)

    def recursive(self, c: float) -> Ints:
        """Give the largest l for which each class is recursively (c, l)-diverse.

        That is r₁ < c · (r_l + … + r_m), with people by value in falling order. 0 where
        no l ≥ 1 holds.
        """
        group, people = self._named()
        order = np.lexsort((-people, group))
        group, people = group[order], people[order]
        starts = np.searchsorted(group, np.arange(self.classes))
        ends = np.searchsorted(group, np.arange(self.classes), side="right")
        sums = np.concatenate(([0], np.cumsum(people)))
        first = (
            people[np.minimum(starts, max(len(people) - 1, 0))] if len(people) else 0
        )
        rest = sums[ends][group] - sums[:-1]  # from each entry to the class's last
        wide = np.broadcast_to(first, (self.classes,))
        holds = wide[group] < c * rest
        # The rest only falls along a class, so the entries that hold are its first ones.
        return np.bincount(group[holds], minlength=self.classes)

    def largest_share(self) -> Floats:
        """Give the share of each class's people who have its commonest value (alpha)."""
        group, people = self._named()
        most = np.zeros(self.classes)
        np.maximum.at(most, group, people)
        return most / np.maximum(self.population, 1)

    def closeness(self, distance: Distance, overall: Floats | None = None) -> Floats:
        """Give each class's earth mover's distance from the distribution of all.

        Both distributions are people by value, each person counted once for each value
        that he or she has. A missing value is 1 away from every other.

        Args:
            distance: between values.
            overall: people by value, the missing value last; those of all classes by
                default.

        Returns:
            One distance a class, 0 to 1. Where values are missing beside an ordered or
            hierarchical attribute it is that of one possible transport, thus never too
            small.
        """
        width = self.values + 1
        of_value = np.where(self.of_value < 0, self.values, self.of_value)
        everyone: Floats = np.zeros(width)
        if overall is None:
            np.add.at(everyone, of_value, self.people)
        else:
            everyone = overall
        whole = everyone / max(everyone.sum(), 1)
        result = np.empty(self.classes)
        step = max(1, 4_000_000 // width)  # bounds the dense table of counts
        order = np.argsort(self.of_class, kind="stable")
        bounds = np.searchsorted(
            self.of_class[order], [*range(0, self.classes, step), self.classes]
        )
        for part, start in enumerate(range(0, self.classes, step)):
            entries = order[bounds[part] : bounds[part + 1]]
            stop = min(start + step, self.classes)
            table = np.zeros((stop - start, width))
            np.add.at(
                table,
                (self.of_class[entries] - start, of_value[entries]),
                self.people[entries],
            )
            table /= np.maximum(table.sum(axis=1, keepdims=True), 1)
            result[start:stop] = _transport(table, whole, distance)
        return result

    def _named(self) -> tuple[Ints, Ints]:
        """Give class and people of the entries that are no missing value."""
        named = self.of_value >= 0
        return self.of_class[named], self.people[named]


def _transport(table: Floats, whole: Floats, distance: Distance) -> Floats:
    """Earth mover's distance of every row of a table from one distribution."""
    missing = np.abs(table[:, -1] - whole[-1])
    here, there = table[:, :-1], whole[:-1]
    if not distance.ordered and not distance.parents:
        return (np.abs(here - there).sum(axis=1) + missing) / 2
    mass = here.sum(axis=1, keepdims=True)
    both = np.minimum(mass[:, 0], there.sum())
    surplus = here / np.maximum(mass, _TINY) - there / max(there.sum(), _TINY)
    if distance.ordered:
        moved = _ordered(surplus)
    else:
        moved = _hierarchical(surplus, distance.parents)
    return missing + both * moved


def _ordered(surplus: Floats) -> Floats:
    gaps = max(surplus.shape[1] - 1, 1)
    return np.abs(np.cumsum(surplus, axis=1)).sum(axis=1) / gaps


def _hierarchical(surplus: Floats, parents: Sequence[Ints]) -> Floats:
    """Move what a group has too much of within the smallest group that lacks it."""
    height = len(parents)
    moved = np.zeros(len(surplus))
    below = surplus
    child_of = np.arange(surplus.shape[1])
    for level, group in enumerate(parents, 1):
        # Group of every child group: that of any of its values.
        parent = np.zeros(below.shape[1], dtype=np.int64)
        parent[child_of] = group
        groups = int(parent.max(initial=0)) + 1
        gain = np.zeros((len(surplus), groups))
        loss = np.zeros((len(surplus), groups))
        for child in range(below.shape[1]):
            gain[:, parent[child]] += np.maximum(below[:, child], 0)
            loss[:, parent[child]] += np.maximum(-below[:, child], 0)
        moved += np.minimum(gain, loss).sum(axis=1) * level / height
        below, child_of = gain - loss, group
    return moved
