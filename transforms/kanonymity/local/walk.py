"""The walk: release what reaches k people at each node, carry the rest on.

At a node, tuples that share all labels form a group. On the swept axis a group is cut
into windows: scanned from its smallest value, a window closes as soon as it covers k
people, if it is not wider than the node allows. Windows need not lie on the edges of any
hierarchy, which is why they lose less.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from ..counting.codes import Ints, combine
from .nodes import Nodes
from .problem import Bools, Floats, LocalProblem

__all__ = ["walk"]

_LARGEST_KEY = 2**62


def walk(problem: LocalProblem, nodes: Nodes) -> tuple[Ints, int]:
    """Assign classes greedily.

    Returns:
        Per distinct tuple the number of its class, -1 where no node released it, and
        the number of classes. Every class covers at least k distinct subjects.
    """
    return _Walk(problem, nodes).run()


@dataclass(frozen=True)
class _Left:
    """Tuples that no class holds yet.

    Attributes:
        tuples: their numbers.
        codes: one row a quasi-identifier, one column a tuple.
        people: subjects of each.
        pair_tuple: position among `tuples` of each pair; empty where people add up.
        pair_subject: subject of each pair.
    """

    tuples: Ints
    codes: Ints
    people: Ints
    pair_tuple: Ints
    pair_subject: Ints

    def without(self, taken: Bools) -> _Left:
        """Remove the released tuples."""
        keep = np.flatnonzero(~taken)
        pair_tuple, pair_subject = self.pair_tuple, self.pair_subject
        if len(pair_tuple):
            place = np.full(len(taken), -1, dtype=np.int64)
            place[keep] = np.arange(len(keep))
            moved = place[pair_tuple]
            stays = moved >= 0
            pair_tuple, pair_subject = moved[stays], pair_subject[stays]
        return _Left(
            self.tuples[keep],
            self.codes[:, keep],
            self.people[keep],
            pair_tuple,
            pair_subject,
        )


class _Walk:
    def __init__(self, problem: LocalProblem, nodes: Nodes) -> None:
        self.problem = problem
        self.k = problem.k
        self.nodes = nodes
        self.alone = problem.people >= self.k
        lone = problem.pairs.subject[~self.alone[problem.pairs.tuple_of]]
        self.additive = int(np.bincount(lone, minlength=1).max()) <= 1
        self.subjects = int(problem.pairs.subject.max(initial=-1)) + 1
        self.plain = [n for n in range(len(problem.columns)) if n != nodes.swept]
        self.axis, self.far = _axis(problem, nodes)
        self.groups = [problem.columns[n].steps[0] for n in self.plain]
        self.sizes = [
            max(int(group.max(initial=0)) for group in groups) + 1
            for groups in self.groups
        ]
        bound = len(self.axis) * max(len(problem.rows), 1)
        stride = len(self.axis)
        self.places: list[list[Ints]] = []
        for groups, size in zip(self.groups, self.sizes, strict=True):
            # In Python's integers: the bound may exceed an int64.
            fits = stride * size < _LARGEST_KEY
            self.places.append([g * stride for g in groups] if fits else [])
            stride *= size
            bound *= size
        self.fits = stride < _LARGEST_KEY
        self.packs = bound < _LARGEST_KEY

    def run(self) -> tuple[Ints, int]:
        problem = self.problem
        class_of = np.full(len(problem.rows), -1, dtype=np.int64)
        none = np.zeros(0, dtype=np.int64)
        left = _Left(
            np.arange(len(problem.rows)),
            np.stack([column.codes for column in problem.columns]).astype(np.intp),
            problem.people,
            none if self.additive else problem.pairs.tuple_of,
            none if self.additive else problem.pairs.subject,
        )
        classes = int(self.alone.sum())
        class_of[self.alone] = np.arange(classes)
        left = left.without(self.alone)
        levels = self.nodes.levels.tolist()
        for level, width in zip(levels, self.nodes.widths.tolist(), strict=True):
            if not len(left.tuples):
                break
            key = self._key(left, level)
            order = self._order(key)
            found = self._windows(left, key[order], order, width)
            if found is None:
                continue
            starts, stops = found
            class_at = _fill(starts, stops, len(order))
            taken = np.zeros(len(order), dtype=np.bool_)
            taken[order] = class_at >= 0
            chosen = order[class_at >= 0]
            class_of[left.tuples[chosen]] = classes + class_at[class_at >= 0]
            classes += len(starts)
            left = left.without(taken)
        return class_of, classes

    def _key(self, left: _Left, level: list[int]) -> Ints:
        """Give one number per tuple: its labels at the node, then its swept value."""
        swept = self.nodes.swept
        count = len(left.tuples)
        if self.fits:
            key = (
                np.zeros(count, dtype=np.int64)
                if swept is None
                else left.codes[swept].astype(np.int64)
            )
            for number, places in zip(self.plain, self.places, strict=True):
                key += places[level[number]][left.codes[number]]
            return key
        labels = [
            groups[level[n]][left.codes[n]]
            for n, groups in zip(self.plain, self.groups, strict=True)
        ]
        key, _ = combine(labels, self.sizes, count)
        _, key = np.unique(key, return_inverse=True)
        key = key.reshape(-1).astype(np.int64) * len(self.axis)
        return key if swept is None else key + left.codes[swept]

    def _order(self, key: Ints) -> Ints:
        """Sort by key; sorting packed numbers beats sorting indices."""
        count = len(key)
        if not self.packs:
            return np.argsort(key, kind="stable")
        bits = max(count - 1, 1).bit_length()
        if int(key.max()).bit_length() + bits > 62:
            return np.argsort(key, kind="stable")
        packed = (key << bits) | np.arange(count)
        packed.sort()
        return packed & ((1 << bits) - 1)

    def _windows(
        self, left: _Left, key: Ints, order: Ints, width: float
    ) -> tuple[Ints, Ints] | None:
        """Cut sorted tuples into windows of k people: first and past-last places."""
        count = len(key)
        people = self._people(left, key, order, width)
        summed = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(people, out=summed[1:])
        if summed[-1] < self.k:
            return None
        # `last[i]` is where a window that starts at i reaches k people.
        start = np.arange(int(np.searchsorted(summed, summed[-1] - self.k, "right")))
        last = np.searchsorted(summed, summed[start] + self.k) - 1
        start_key, last_key = key[start], key[last]
        if width == 0.0 or self.nodes.swept is None:
            good = start_key == last_key
        else:
            size = len(self.axis)
            limit = self.far if np.isinf(width) else width
            good = last_key - start_key < size  # cheap, and most fail it
            start, last = start[good], last[good]
            start_key, last_key = start_key[good], last_key[good]
            low, high = start_key % size, last_key % size
            good = (low <= high) & (self.axis[high] - self.axis[low] <= limit)
        start, last = start[good], last[good]
        if not len(start):
            return None
        begin, end = _disjoint(start, last + 1)
        # Tuples that differ from the window in nothing are part of it.
        end = np.searchsorted(key, key[end - 1], side="right")
        return begin, np.minimum(end, np.append(begin[1:], count))

    def _people(self, left: _Left, key: Ints, order: Ints, width: float) -> Ints:
        """Give per sorted tuple how many people it adds to any window that holds it.

        A subject who stands in several tuples of a group is counted where the one before
        lies farther below than a window reaches: never twice in a window. A window may
        cover more people than the sum says, never fewer.
        """
        if self.additive:
            return left.people[order]
        size = len(self.axis)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        group = key // size
        number = np.zeros(len(key), dtype=np.int64)
        np.cumsum(group[1:] != group[:-1], out=number[1:])
        at = place[left.pair_tuple]
        by_place = np.argsort(at, kind="stable")
        at, subject = at[by_place], left.pair_subject[by_place]
        both = number[at] * self.subjects + subject
        sort = np.argsort(both, kind="stable")
        at, both = at[sort], both[sort]
        where = self.axis[key[at] % size]
        again = np.zeros(len(at), dtype=np.bool_)
        limit = self.far if np.isinf(width) else width
        again[1:] = (both[1:] == both[:-1]) & (where[1:] - where[:-1] <= limit)
        return np.bincount(at[~again], minlength=len(order))


def _axis(problem: LocalProblem, nodes: Nodes) -> tuple[Floats, float]:
    """Give places of the swept values, nulls out of reach, and the widest window.

    Nulls join numbers only at the node that allows everything.
    """
    if nodes.swept is None:
        return np.zeros(1), 0.0
    column = problem.columns[nodes.swept]
    assert column.positions is not None  # noqa: S101 - only ranged columns are swept
    span = column.span
    lowest = 0.0 if np.isnan(column.positions).all() else np.nanmin(column.positions)
    axis = column.positions - lowest
    axis = np.where(np.isnan(axis), 2 * span + 1, axis)
    return axis, 2 * span + 1


def _disjoint(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Choose windows that do not overlap, from the left; both arrays ascend."""
    starts, ends = start.tolist(), end.tolist()
    chosen: list[int] = []
    place, count = 0, len(starts)
    while place < count:
        chosen.append(place)
        place = bisect_left(starts, ends[place], place + 1)
    return start[chosen], end[chosen]


def _fill(starts: Ints, stops: Ints, count: int) -> Ints:
    """Give each place the number of the window that covers it, or -1."""
    edge = np.zeros(count + 1, dtype=np.int64)
    edge[starts] += 1
    inside = edge.copy()
    np.subtract.at(inside, stops, 1)
    number = np.cumsum(edge)[:-1] - 1
    filled: Ints = np.where(np.cumsum(inside)[:-1] > 0, number, -1)
    return filled
