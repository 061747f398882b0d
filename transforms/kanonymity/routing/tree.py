"""A small tree, learnt from a sample, that sends every tuple to a bucket.

Tuples that are near each other land in one bucket, so a bucket can be recoded alone with
little lost; all records of a tuple land in the same one, so no class crosses a bucket and
k stays exact. Splits are by medians, as in Mondrian (LeFevre, DeWitt, Ramakrishnan, ICDE
2006, §4), along the axis whose halves are the narrowest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..codes import Ints, canonical
from ..ladders import TOP, Ladder

__all__ = ["Router", "learn_router"]

_LEAST_SAMPLED = 64
"""Fewest sampled records of a bucket: of fewer, its weight is guesswork."""


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
        columns: names of the quasi-identifiers.
        paths: per column, leaf → its place in the hierarchy, for categories whose
            order is not that of their letters; null elsewhere.
        splits: the inner nodes, the root first; none if there is one bucket.
        buckets: how many there are.
    """

    columns: tuple[str, ...]
    paths: tuple[dict[str, str] | None, ...]
    splits: tuple[_Split, ...]
    buckets: int

    def route(self, data: pa.Table | pa.RecordBatch) -> Ints:
        """Give each row its bucket: equal tuples have equal buckets, in any block.

        A value that the sample did not hold is routed by its order, like any other.
        """
        bucket = np.zeros(data.num_rows, dtype=np.int64)
        if not self.splits or not data.num_rows:
            return bucket
        axes = [
            _axis(data.column(name), path)
            for name, path in zip(self.columns, self.paths, strict=True)
        ]
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


def learn_router(sample: pa.Table, ladders: Sequence[Ladder], buckets: int) -> Router:
    """Learn where to cut from a uniform sample of records.

    Args:
        sample: records with the columns of `ladders`; their order does not matter.
        ladders: one per quasi-identifier.
        buckets: how many buckets are wanted at most, ≥ 1. There are fewer where the
            sample is too small or its tuples are all alike.
    """
    names = tuple(ladder.column for ladder in ladders)
    paths = tuple(_paths(ladder) for ladder in ladders)
    axes = [
        _axis(sample.column(name), path)
        for name, path in zip(names, paths, strict=True)
    ]
    learner = _Learner(axes, max(_LEAST_SAMPLED, sample.num_rows // (3 * buckets)))
    learner.grow(sample.num_rows, buckets)
    return Router(names, paths, tuple(learner.splits), learner.buckets)


class _Learner:
    """Grows the tree, always splitting the heaviest bucket that can be split."""

    def __init__(self, axes: Sequence[tuple[pa.Array, Ints]], least: int) -> None:
        self._axes = axes
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
        """Find the median cut whose halves are narrowest; null if none is fit."""
        best: _Cut | None = None
        if len(rows) < 2 * self._least:
            return None
        widths = [np.ptp(codes[rows]) for _, codes in self._axes]
        for number, (values, codes) in enumerate(self._axes):
            here = codes[rows]
            edge = int(np.sort(here)[(len(here) - 1) // 2])
            if edge == int(here.max()):
                edge -= 1  # more than half are the last value: cut before it
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


def _paths(ladder: Ladder) -> dict[str, str] | None:
    """Give each leaf of a table its place: from the coarsest label down to itself."""
    if ladder.table is None:
        return None
    return {
        leaf: "\x1f".join((*reversed(labels), leaf))
        for leaf, labels in ladder.table.items()
    }


def _axis(
    column: pa.Array | pa.ChunkedArray, path: dict[str, str] | None
) -> tuple[pa.Array, Ints]:
    """Give the distinct places of a column in order, null last, and each row's number."""
    array = canonical(column)
    encoded = array.dictionary_encode(null_encoding="encode")
    values = encoded.dictionary
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    if path is not None:
        # What is no leaf is `*` everywhere; it stands together, behind all leaves.
        texts = values.cast(pa.string()).to_pylist()
        places = [None if t is None else path.get(t, f"\x7f{TOP}{t}") for t in texts]
        values = pa.array(places, pa.string())
    order = pc.array_sort_indices(values, null_placement="at_end").to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return values.take(pa.array(order)), rank[codes]


def _at_most(values: pa.Array, edge: Any) -> npt.NDArray[np.bool_]:
    if edge is None:
        return np.ones(len(values), dtype=np.bool_)
    found = pc.less_equal(values, pa.scalar(edge, values.type))
    return found.fill_null(False).to_numpy(zero_copy_only=False)
