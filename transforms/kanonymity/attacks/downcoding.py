"""Downcoding: what the choice of the classes gives away beyond their labels.

A. Cohen, "Attacks on Deidentification's Defenses" (USENIX Security 2022): where a method
generalises no more than it must, that a label is coarse is news about the data under it.
S. Chhillar et al. (arXiv 2509.03350, 2025) turn the news into linear constraints on the
counts of every class of a local recoding, without other knowledge.

The constraints here are those of the greedy walk. A class was not released at any node
before the first that is as coarse as its labels; so no finer group that such a node
would have made of its people reached k. A window on the swept axis closes as soon as it
covers k people; so fewer than k lie below its upper end, which at least one has. Every
value of a published set has one person at least. Columns are taken one at a time, which gives away too little rather than too much.

People under a label are drawn from the whole set's distribution of its values, and the
constraints are put to that draw exactly (products of truncated series).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..counting.codes import Ints
from ..ladders.ladder import Ladder
from ..local.choose import local_problem
from ..local.nodes import Nodes, plan_nodes
from ..recoding.coded import code_histogram
from ..recoding.full_domain import Recoding
from .counts import guess_counts, guess_sets
from .seen import Bools, Floats, Seen, SeenColumn, look_at

__all__ = ["Downcoding", "WalkBounds", "downcode", "walk_of"]

_GAIN = 0.1
_CERTAIN = 0.999
_LARGEST_CLASS = 400
"""Larger classes are left at what their labels say: constraints of k hardly bind there."""


@dataclass(frozen=True)
class Downcoding:
    """What an attacker makes of the generalised cells. Shares are of those cells.

    Attributes:
        cells: share of the published cells that are generalised; cells count by people.
        single: cells whose label stands for one value of the data alone.
        certain: cells whose value is certain (0.999), those included.
        baseline: cells that the best guess from the label alone hits: the commonest
            value under it.
        attack: cells that the best guess with the constraints hits.
        gained: cells where the constraints raise the best guess's own chance by more
            than 0.1 above the baseline's.
        bits: information of the constraints, in bits per published person: the
            surprise, -log2 of the chance that a draw meets them.
    """

    cells: float
    single: float
    certain: float
    baseline: float
    attack: float
    gained: float
    bits: float


def walk_of(
    histogram: pa.Table,
    ladders: Sequence[Ladder],
    k: int,
    effort: int,
    *,
    ranges: bool,
    sets: bool = False,
) -> Nodes:
    """Give the nodes that a local recoding visits, as an attacker may know them."""
    coded = code_histogram(histogram, ladders, k)
    return plan_nodes(local_problem(coded, k, ranges=ranges, sets=sets), effort)


def downcode(
    histogram: pa.Table,
    ladders: Sequence[Ladder],
    recoding: Recoding,
    k: int,
    nodes: Nodes | None = None,
) -> Downcoding:
    """Attack the generalised cells of a release.

    Args:
        histogram: distinct tuples with their people.
        ladders: one per quasi-identifier.
        recoding: what is released.
        k: fewest people of a class.
        nodes: the walk of a local recoding, which the attacker is given; None for a
            global one, whose classes do not bound each other's counts.

    Not covered: constraints that tie several columns or classes together, the
    optimality of a global recoding among them (a single inequality for the whole set).
    People of several tuples of a class are counted once for each.
    """
    seen = look_at(histogram, ladders, recoding)
    people = np.bincount(seen.class_of, minlength=seen.classes)
    bounds = None if nodes is None else WalkBounds(seen, nodes)
    total = _Total()
    for number, column in enumerate(seen.columns):
        # A census, say: the attacker is given how common every value is.
        weights = np.bincount(column.code, minlength=len(column.column.values)) + 1e-9
        wide = np.flatnonzero(column.wide[column.label])
        order = wide[np.argsort(seen.class_of[wide], kind="stable")]
        classes, starts = np.unique(seen.class_of[order], return_index=True)
        for at, members in zip(
            classes.tolist(), np.split(order, starts[1:]), strict=False
        ):
            size = int(people[at])
            label = int(column.label[members[0]])
            leaves = column.under(label)
            truth = np.bincount(
                np.searchsorted(leaves, column.code[members]), minlength=len(leaves)
            )
            share = weights[leaves] / weights[leaves].sum()
            found, bits = share, 0.0
            if bounds is not None and len(leaves) > 1 and size <= _LARGEST_CLASS:
                guess = bounds.guess_set if column.listed(label) else bounds.guess
                found, bits = guess(number, at, leaves, share, size, k)
            total.add(truth, share, found, bits)
    return total.result(len(seen.class_of), len(seen.columns))


@dataclass
class _Total:
    cells: int = 0
    single: int = 0
    certain: int = 0
    baseline: int = 0
    attack: int = 0
    gained: int = 0
    bits: float = 0.0

    def add(self, truth: Ints, share: Floats, found: Floats, bits: float) -> None:
        size = int(truth.sum())
        self.cells += size
        self.single += size * (len(truth) == 1)
        self.certain += size * bool(found.max() >= _CERTAIN)
        self.baseline += int(truth[np.argmax(share)])
        self.attack += int(truth[np.argmax(found)])
        self.gained += size * bool(found.max() > share.max() + _GAIN)
        self.bits += bits

    def result(self, people: int, columns: int) -> Downcoding:
        cells = max(self.cells, 1)
        return Downcoding(
            cells=self.cells / max(people * columns, 1),
            single=self.single / cells,
            certain=self.certain / cells,
            baseline=self.baseline / cells,
            attack=self.attack / cells,
            gained=self.gained / cells,
            bits=self.bits / max(people, 1),
        )


class WalkBounds:
    """Which finer groups of a class are known to be below k."""

    def __init__(self, seen: Seen, nodes: Nodes) -> None:
        self.seen = seen
        self.nodes = nodes
        first = np.zeros(seen.classes, dtype=np.int64)
        first[seen.class_of] = np.arange(len(seen.class_of))
        self.need = np.stack([_level(one, first) for one in seen.columns], axis=1)
        self.width = np.zeros(seen.classes)
        self.ranged = np.zeros(seen.classes, dtype=np.bool_)
        if nodes.swept is not None:
            column = seen.columns[nodes.swept]
            label = column.label[first]
            self.width = _width(column)[label]
            self.ranged = column.wide[label] & (column.level[label] < 0)
            self.need[:, nodes.swept] = 0

    def guess(
        self, number: int, at: int, leaves: Ints, share: Floats, size: int, k: int
    ) -> tuple[Floats, float]:
        """Give each value's share of the class's people, and the bits of the news."""
        column = self.seen.columns[number]
        group = np.arange(len(leaves))
        low = np.zeros(len(leaves), dtype=np.int64)
        high = np.full(len(leaves), size, dtype=np.int64)
        cut = self.cut(number, at)
        if number == self.nodes.swept:
            if self.ranged[at]:
                low[0] = 1  # both ends are members
                low[-1] = max(1, size - k + 1)
            if cut is not None:
                high[:] = k - 1
        else:
            if cut is None:
                return share, 0.0
            numbers = column.column.groups[cut][leaves]
            group = np.unique(numbers, return_inverse=True)[1].reshape(-1)
            low = np.zeros(int(group.max()) + 1, dtype=np.int64)
            high = np.full(len(low), k - 1, dtype=np.int64)
            if len(low) == 2:
                low[:] = 1  # else the label would be finer
        inside = np.bincount(group, weights=share).astype(np.float64)
        found = guess_counts(inside, low, np.minimum(high, size), size)
        if found is None:  # leftovers joined the class: it says nothing
            return share, 0.0
        expected, chance = found
        return share / inside[group] * expected[group], float(-np.log2(chance))

    def guess_set(
        self, number: int, at: int, leaves: Ints, share: Floats, size: int, k: int
    ) -> tuple[Floats, float]:
        """Give the same for a class that is named by the set of its values."""
        cut = self.cut(number, at)
        group = np.arange(len(leaves))
        found = None
        if cut is not None:
            groups = self.seen.columns[number].column.groups[cut][leaves]
            group = np.unique(groups, return_inverse=True)[1].reshape(-1)
            found = guess_sets(share, group, k - 1, size)
        if found is None:  # leftovers joined the class, perhaps: its values are there
            found = guess_sets(share, group, size, size)
        if found is None:
            return share, 0.0
        return found[0], float(-np.log2(found[1]))

    def cut(self, number: int, at: int) -> int | None:
        """Give the coarsest level that an earlier node cut the class's column at.

        On the swept axis 0 says that a narrower window was tried.
        """
        nodes, need = self.nodes, self.need[at]
        enough = nodes.levels >= need
        if nodes.swept is not None:
            enough[:, nodes.swept] = nodes.widths >= self.width[at]
        full = np.flatnonzero(enough.all(axis=1))
        before: Bools = np.arange(len(nodes)) < (full[0] if len(full) else 0)
        enough[:, number] = True
        before &= enough.all(axis=1)
        if number == nodes.swept:
            # A window narrower than a bucket says nothing of the bucket's people.
            base = self.seen.columns[number].column.ladder.base
            tried = (nodes.widths >= base) & (nodes.widths < self.width[at])
            return 0 if (before & tried).any() else None
        levels = nodes.levels[before & (nodes.levels[:, number] < need[number]), number]
        return int(levels.max()) if len(levels) else None


def _level(column: SeenColumn, first: Ints) -> Ints:
    return np.maximum(column.level[column.label[first]], 0)


def _width(column: SeenColumn) -> Floats:
    positions = column.column.ladder.positions(column.column.values.to_pylist())
    if positions is None:
        return np.zeros(len(column.low))
    width = positions[column.high] - positions[column.low]
    top = np.isnan(width) | (column.level >= 0) & column.wide
    return np.where(top, np.inf, width)
