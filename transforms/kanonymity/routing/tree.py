"""A small tree, learnt from a sample, that sends every tuple to a bucket.

Tuples that are near each other land in one bucket, so a bucket can be recoded alone with
little lost; all records of a tuple land in the same one, so no class crosses a bucket and
k stays exact. Splits are by medians, as in Mondrian (LeFevre, DeWitt, Ramakrishnan, ICDE
2006, §4), along the axis whose halves are the narrowest; near the median, where most
levels of the hierarchy change their label, so that buckets cut through few labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..counting.codes import Ints, canonical
from ..ladders.ladder import Ladder

__all__ = ["Router", "learn_router"]

_LEAST_SAMPLED = 64
"""Fewest sampled records of a bucket: of fewer, its weight is guesswork."""

_NEAR_MEDIAN = 0.1
"""How far from the middle of its records a cut may lie, as a share of them."""

_Group = tuple[tuple[int, ...], npt.NDArray[np.uint64]]


@dataclass(frozen=True)
class _Split:
    """One inner node; `left` and `right` are nodes, or buckets as `-1 - bucket`.

    Attributes:
        column: position of the column.
        edge: values up to it go left, in the column's order; null goes right.
    """

    column: int
    edge: Any
    left: int
    right: int


@dataclass(frozen=True)
class Router:
    """Sends tuples to buckets; a frozen, picklable value of a few kilobytes.

    Attributes:
        ladders: one per quasi-identifier; they tell where categories stand, whose
            order is not that of their letters.
        splits: the inner nodes, the root first; none if there is one bucket.
        buckets: how many there are. Their numbers rise from the left of the tree.
    """

    ladders: tuple[Ladder, ...]
    splits: tuple[_Split, ...]
    buckets: int

    def route(self, data: pa.Table | pa.RecordBatch) -> Ints:
        """Give each row its bucket: equal tuples have equal buckets, in any block.

        A value that the sample did not hold is routed by its order, like any other.
        """
        bucket = np.zeros(data.num_rows, dtype=np.int64)
        if not self.splits or not data.num_rows:
            return bucket
        split_on = {split.column for split in self.splits}
        axes = {
            number: _axis(data.column(ladder.column), ladder)[:2]
            for number, ladder in enumerate(self.ladders)
            if number in split_on
        }
        waiting = [(0, np.arange(data.num_rows))]
        while waiting:
            node, rows = waiting.pop()
            if node < 0:
                bucket[rows] = -1 - node
                continue
            split = self.splits[node]
            values, codes = axes[split.column]
            below = _at_most(values, split.edge)[codes[rows]]
            waiting.append((split.left, rows[below]))
            waiting.append((split.right, rows[~below]))
        return bucket

    def gathered(
        self, people: Sequence[npt.NDArray[np.uint64]], k: int
    ) -> tuple[Router, tuple[int, ...]]:
        """Merge every bucket of fewer than k people into its neighbour in the tree.

        Args:
            people: per bucket, its distinct subjects, k of them at least or all.
            k: fewest distinct subjects of a bucket.

        Returns:
            The router of the merged buckets, and the first old bucket of each: new
            buckets are made of neighbours. One bucket may be left, of fewer than k.
        """
        if not self.splits:
            return self, (0,)
        groups = self._groups(0, people, k)
        new = {b: number for number, (old, _) in enumerate(groups) for b in old}

        def moved(node: int) -> int:
            return node if node >= 0 else -1 - new[-1 - node]

        splits = tuple(
            _Split(one.column, one.edge, moved(one.left), moved(one.right))
            for one in self.splits
        )
        if len(groups) == 1:
            splits = ()
        first = tuple(old[0] for old, _ in groups)
        return Router(self.ladders, splits, len(groups)), first

    def _groups(
        self, node: int, people: Sequence[npt.NDArray[np.uint64]], k: int
    ) -> list[_Group]:
        """Give the merged buckets below a node, from left to right.

        Two or more of them have k people each; a single one may have fewer.
        """
        if node < 0:
            return [((-1 - node,), people[-1 - node])]
        split = self.splits[node]
        left = self._groups(split.left, people, k)
        right = self._groups(split.right, people, k)
        if len(left) == 1 and len(left[0][1]) < k:
            return [_one(left[0], right[0]), *right[1:]]
        if len(right) == 1 and len(right[0][1]) < k:
            return [*left[:-1], _one(left[-1], right[0])]
        return [*left, *right]


def _one(left: _Group, right: _Group) -> _Group:
    return (*left[0], *right[0]), np.union1d(left[1], right[1])


def learn_router(
    sample: pa.Table,
    ladders: Sequence[Ladder],
    buckets: int,
    least: int = _LEAST_SAMPLED,
) -> Router:
    """Learn where to cut from a uniform sample of records.

    Args:
        sample: records with the columns of `ladders`; their order does not matter.
        ladders: one per quasi-identifier.
        buckets: how many buckets are wanted at most, ≥ 1. There are fewer where the
            sample is too small or its tuples are all alike.
        least: fewest sampled records of a bucket.
    """
    axes = [_axis(sample.column(ladder.column), ladder) for ladder in ladders]
    least = max(least, sample.num_rows // (3 * buckets), 1)
    edges = [
        _changes(ladder, values)
        for ladder, (_, _, values) in zip(ladders, axes, strict=True)
    ]
    learner = _Learner([axis[:2] for axis in axes], edges, least)
    learner.grow(sample.num_rows, buckets)
    return Router(tuple(ladders), tuple(learner.splits), learner.buckets)


class _Learner:
    """Grows the tree, always splitting the heaviest bucket that can be split."""

    def __init__(
        self,
        axes: Sequence[tuple[pa.Array, Ints]],
        changes: Sequence[Ints],
        least: int,
    ) -> None:
        self._axes = axes
        self._changes = changes
        self._spans = [max(len(values) - 1, 1) for values, _ in axes]
        self._least = least
        self.splits: list[_Split] = []
        self.buckets = 0

    def grow(self, rows: int, wanted: int) -> None:
        """Split until there are as many buckets as wanted, or no more can be had."""
        leaves: list[tuple[Ints, _Cut | None]] = []
        root = np.arange(rows)
        leaves.append((root, self._best(root)))
        tree: dict[int, tuple[_Cut, int, int]] = {}
        open_ = [0]
        while len(open_) < wanted:
            able = [leaf for leaf in open_ if leaves[leaf][1] is not None]
            if not able:
                break
            chosen = max(able, key=lambda leaf: (len(leaves[leaf][0]), -leaf))
            here, cut = leaves[chosen]
            assert cut is not None  # noqa: S101 - `able` holds no other
            open_.remove(chosen)
            sides = here[cut.below], here[~cut.below]
            numbers = []
            for side in sides:
                numbers.append(len(leaves))
                leaves.append((side, self._best(side)))
            tree[chosen] = (cut, numbers[0], numbers[1])
            open_ += numbers
        self._write(tree, 0)

    def _write(self, tree: dict[int, tuple[_Cut, int, int]], leaf: int) -> int:
        if leaf not in tree:
            self.buckets += 1
            return -self.buckets
        place = len(self.splits)
        cut, left, right = tree[leaf]
        self.splits.append(_Split(cut.column, cut.edge, 0, 0))
        ends = self._write(tree, left), self._write(tree, right)
        self.splits[place] = _Split(cut.column, cut.edge, *ends)
        return place

    def _best(self, rows: Ints) -> _Cut | None:
        """Find the cut near a median whose halves are narrowest; null if none is fit."""
        best: _Cut | None = None
        if len(rows) < 2 * self._least:
            return None
        widths = [np.ptp(codes[rows]) for _, codes in self._axes]
        for number, (values, codes) in enumerate(self._axes):
            here = codes[rows]
            edge = _edge(here, self._changes[number])
            below = here <= edge
            least = min(int(below.sum()), int((~below).sum()))
            if least < self._least:
                continue
            parts = [here[below], here[~below]]
            saved = widths[number] - sum(
                np.ptp(part) * len(part) for part in parts
            ) / len(here)
            gain = float(saved / self._spans[number])
            if best is None or gain > best.gain:
                value = values[edge].as_py()
                best = _Cut(number, value, below, gain)
        return best


@dataclass(frozen=True)
class _Cut:
    column: int
    edge: Any
    below: npt.NDArray[np.bool_]
    gain: float


def _edge(codes: Ints, changes: Ints) -> int:
    """Choose the last code that goes left: near the median, where labels change most."""
    ordered = np.sort(codes)
    count = len(ordered)
    middle = (count - 1) // 2
    edge = int(ordered[middle])
    last = int(ordered[-1])
    if edge == last:
        return edge - 1  # more than half are the last value: cut before it
    reach = int(_NEAR_MEDIAN * count)
    near = np.unique(ordered[max(middle - reach, 0) : middle + reach + 1])
    near = near[near < last]
    # How many records lie between the cut and the middle.
    off = np.abs(np.searchsorted(ordered, near, side="right") - count / 2)
    best = np.lexsort((near, off, -changes[near]))
    return int(near[best[0]])


def _changes(ladder: Ladder, values: list[Any]) -> Ints:
    """Count per value the levels on which the next one has another label."""
    changes = np.zeros(len(values), dtype=np.int64)
    for labels in ladder.on(values).labels[1:-1]:
        texts = np.array(labels, dtype=object)
        changes[:-1] += texts[1:] != texts[:-1]
    return changes


def _axis(
    column: pa.Array | pa.ChunkedArray, ladder: Ladder
) -> tuple[pa.Array, Ints, list[Any]]:
    """Put a column on its axis.

    Returns:
        The distinct places in order, null last; the number of each row's; and the
        values in that order.
    """
    array = canonical(column)
    encoded = array.dictionary_encode(null_encoding="encode")
    values = encoded.dictionary
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    listed: list[Any] = values.to_pylist()
    places = ladder.places(listed)
    if places is not None:
        values = pa.array(places, pa.string())
    order = pc.array_sort_indices(values, null_placement="at_end").to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return values.take(pa.array(order)), rank[codes], [listed[i] for i in order]


def _at_most(values: pa.Array, edge: Any) -> npt.NDArray[np.bool_]:
    if edge is None:
        return np.ones(len(values), dtype=np.bool_)
    found = pc.less_equal(values, pa.scalar(edge, values.type))
    return found.fill_null(False).to_numpy(zero_copy_only=False)
