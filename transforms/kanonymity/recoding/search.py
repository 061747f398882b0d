"""Optimal full-domain search over the generalisation lattice.

Three things keep it short, none of which changes the optimum:

- the loss before suppression is separable and a lower bound of the loss after it, so
  nodes are visited in its order and the search ends when it exceeds the best found;
- where a node suppresses too much, every finer node does too (Sweeney's roll-up
  property): a binary search up a chain finds the highest such node and strikes out all
  that nest below it. Nesting is read from the data, never assumed: ISO weeks do not
  nest in months;
- a node is counted from the smallest finer node counted before. Capped sets allow it:
  the union of sets capped at k answers "at least k?" exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ....policies.errors import GateError
from ..counting.codes import Ints, combine, ranks

__all__ = ["MAX_NODES", "Axis", "Found", "search_lattice"]

MAX_NODES = 2_000_000
"""Most nodes of a lattice; the product of the numbers of levels."""

_CACHED_PAIRS = 8_000_000
_CACHED_STATES = 256
_SLACK = 1e-12

Floats = npt.NDArray[np.float64]
Levels = tuple[int, ...]


@dataclass(frozen=True)
class Axis:
    """One column of the lattice.

    Attributes:
        groups: per level, the label number of each distinct value.
        losses: per level, the loss of each distinct value, 0 to 1; values that share a
            label share the loss.
    """

    groups: tuple[Ints, ...]
    losses: tuple[Floats, ...]


@dataclass(frozen=True)
class Found:
    """The best node.

    Attributes:
        levels: level per column.
        loss: mean over columns and rows, a suppressed row counting 1.
        suppressed_rows: rows of classes that do not cover k subjects.
        released: per (tuple, subject) pair, whether its class covers k subjects.
        counted: nodes that had to be counted, of all nodes.
        nodes: nodes of the lattice.
    """

    levels: Levels
    loss: float
    suppressed_rows: int
    released: npt.NDArray[np.bool_]
    counted: int
    nodes: int


@dataclass(frozen=True)
class _State:
    """The histogram collapsed at one node: classes and their capped subject sets.

    Where no subject stands in two tuples, people add up and there are no pairs.
    """

    codes: tuple[Ints, ...]
    rows: Ints
    people: Ints
    pair_class: Ints
    pair_subject: Ints
    class_of: Ints

    @property
    def size(self) -> int:
        """What rolling it up costs."""
        return max(len(self.rows), len(self.pair_class))


@dataclass(frozen=True)
class _Outcome:
    levels: Levels
    loss: float
    suppressed_rows: int


def search_lattice(
    axes: Sequence[Axis],
    codes: Sequence[Ints],
    subjects: npt.NDArray[Any],
    rows: Ints,
    k: int,
    allowed_rows: int,
) -> Found | None:
    """Find the node of least loss that suppresses at most `allowed_rows`.

    Args:
        axes: one per quasi-identifier, at least one.
        codes: per axis, the value number of each (tuple, subject) pair.
        subjects: subject of each pair; at most k per tuple suffice.
        rows: rows of each pair; a tuple's rows may stand on any of its pairs.
        k: fewest distinct subjects of a class.
        allowed_rows: most rows that may be suppressed.

    Returns:
        The node of least loss, equal losses to the lower levels (first column first);
        None if every node suppresses too much.

    Raises:
        GateError: the lattice has more than `MAX_NODES` nodes.

    Not covered: local recoding; a class is one tuple of labels of the same levels.
    """
    nodes = 1
    for axis in axes:
        nodes *= len(axis.groups)
    if nodes > MAX_NODES:
        message = (
            f"the quasi-identifiers' levels combine to {nodes:,} nodes, more than "
            f"{MAX_NODES:,}; use fewer levels or fewer quasi-identifiers"
        )
        raise GateError(message)
    return _Search(axes, codes, subjects, rows, k, allowed_rows).run()


@dataclass
class _Search:
    axes: Sequence[Axis]
    pair_codes: Sequence[Ints]
    subjects: npt.NDArray[Any]
    rows: Ints
    k: int
    allowed: int
    outcomes: dict[Levels, _Outcome] = field(default_factory=dict)
    cache: list[_State] = field(default_factory=list)
    cached_pairs: int = 0

    def __post_init__(self) -> None:
        self.root = self._root()
        self.total = max(int(self.rows.sum()), 1)
        self.sizes = [[int(g.max(initial=-1)) + 1 for g in a.groups] for a in self.axes]
        self.ups = [_ups(axis) for axis in self.axes]
        self.nests = [
            np.array([[up is not None for up in line] for line in table])
            for table in self.ups
        ]
        weights = [
            np.bincount(c, weights=self.root.rows, minlength=len(axis.groups[0]))
            for axis, c in zip(self.axes, self.root.codes, strict=True)
        ]
        self.base = [
            np.array([loss @ weight for loss in axis.losses])
            / (self.total * len(self.axes))
            for axis, weight in zip(self.axes, weights, strict=True)
        ]
        self.label_loss = [
            [
                _of_label(group, loss, size)
                for group, loss, size in zip(a.groups, a.losses, sizes, strict=True)
            ]
            for a, sizes in zip(self.axes, self.sizes, strict=True)
        ]
        shape = [len(axis.groups) for axis in self.axes]
        self.cached_levels = np.zeros((_CACHED_STATES, len(shape)), dtype=np.int64)
        self.cached_sizes = np.zeros(_CACHED_STATES, dtype=np.int64)
        self.nodes = np.indices(shape).reshape(len(shape), -1).T
        self.bounds = np.zeros(len(self.nodes))
        for number, base in enumerate(self.base):
            self.bounds += base[self.nodes[:, number]]
        self.struck = np.zeros(len(self.nodes), dtype=np.bool_)

    def run(self) -> Found | None:
        best: _Outcome | None = None
        # Stable: equal bounds keep the order of the levels.
        for index in np.argsort(self.bounds, kind="stable"):
            if best is not None and self.bounds[index] > best.loss + _SLACK:
                break
            if self.struck[index]:
                continue
            levels = tuple(int(level) for level in self.nodes[index])
            if not self._feasible(levels):
                self._strike_chain(levels)
            best = min(
                (
                    o
                    for o in self.outcomes.values()
                    if o.suppressed_rows <= self.allowed
                ),
                key=lambda outcome: (round(outcome.loss, 12), outcome.levels),
                default=None,
            )
        return None if best is None else self._found(best)

    def _feasible(self, levels: Levels) -> bool:
        if levels not in self.outcomes:
            self.outcomes[levels] = self._count(levels)
        return self.outcomes[levels].suppressed_rows <= self.allowed

    def _strike_chain(self, levels: Levels) -> None:
        """Strike out what nests below the highest infeasible node of a chain."""
        chain = self._chain(levels)
        low, high = 0, len(chain)  # chain[low] is infeasible, chain[high] is not
        while high - low > 1:
            middle = (low + high) // 2
            if self._feasible(chain[middle]):
                high = middle
            else:
                low = middle
        below = np.ones(len(self.nodes), dtype=np.bool_)
        for number, level in enumerate(chain[low]):
            below &= self.nests[number][:, level][self.nodes[:, number]]
        self.struck |= below

    def _chain(self, levels: Levels) -> list[Levels]:
        """Give ever coarser nodes from `levels` up, the cheapest step first."""
        chain = [levels]
        while True:
            steps = []
            for number, level in enumerate(chain[-1]):
                above = np.flatnonzero(self.nests[number][level, level + 1 :])
                if len(above):
                    upper = level + 1 + int(above[0])
                    cost = self.base[number][upper] - self.base[number][level]
                    steps.append((float(cost), number, upper))
            if not steps:
                return chain
            _, number, upper = min(steps)
            chain.append((*chain[-1][:number], upper, *chain[-1][number + 1 :]))

    def _count(self, levels: Levels) -> _Outcome:
        state = self._state(levels)
        short = state.people < self.k
        loss = np.zeros(int(short.sum()))
        for number, level in enumerate(levels):
            loss += self.label_loss[number][level][state.codes[number][short]]
        lost = float(state.rows[short] @ (1.0 - loss / len(levels)))
        bound = sum(float(self.base[c][level]) for c, level in enumerate(levels))
        suppressed = int(state.rows[short].sum())
        return _Outcome(levels, bound + lost / self.total, suppressed)

    def _state(self, levels: Levels) -> _State:
        """Collapse the smallest cached state that nests below."""
        source = self.root
        maps = [a.groups[n] for a, n in zip(self.axes, levels, strict=True)]
        below = self._below(levels)
        if below is not None:
            source = self.cache[below]
            finer = self.cached_levels[below].tolist()
            ups = [up[i][j] for up, i, j in zip(self.ups, finer, levels, strict=True)]
            maps = [up for up in ups if up is not None]
        sizes = [size[level] for size, level in zip(self.sizes, levels, strict=True)]
        state = _roll_up(source, maps, sizes, self.k)
        count = len(self.cache)
        if (
            state.size <= 0.8 * source.size
            and self.cached_pairs + state.size <= _CACHED_PAIRS
            and count < _CACHED_STATES
        ):
            self.cached_levels[count] = levels
            self.cached_sizes[count] = state.size
            self.cache.append(state)
            self.cached_pairs += state.size
        return state

    def _below(self, levels: Levels) -> int | None:
        """Find the smallest cached state that nests below, the first of equals."""
        count = len(self.cache)
        nests = self.cached_sizes[:count] < self.root.size
        for number, level in enumerate(levels):
            nests &= self.nests[number][self.cached_levels[:count, number], level]
        found = np.flatnonzero(nests)
        if not len(found):
            return None
        return int(found[np.argmin(self.cached_sizes[found])])

    def _root(self) -> _State:
        count = len(self.rows)
        sizes = [len(axis.groups[0]) for axis in self.axes]
        key, bound = combine(self.pair_codes, sizes, count)
        distinct, tuple_of = ranks(key, bound)
        first = np.zeros(len(distinct), dtype=np.int64)
        first[tuple_of] = np.arange(count)
        _, subject = np.unique(self.subjects, return_inverse=True)
        subject = subject.reshape(-1).astype(np.int64)
        additive = int(np.bincount(subject, minlength=1).max()) <= 1
        none = np.zeros(0, dtype=np.int64)
        return _State(
            codes=tuple(codes[first] for codes in self.pair_codes),
            rows=_sum_by(tuple_of, self.rows, len(distinct)),
            people=np.bincount(tuple_of, minlength=len(distinct)),
            pair_class=none if additive else tuple_of,
            pair_subject=none if additive else subject,
            class_of=tuple_of,
        )

    def _found(self, best: _Outcome) -> Found:
        maps = [axis.groups[n] for axis, n in zip(self.axes, best.levels, strict=True)]
        sizes = [size[n] for size, n in zip(self.sizes, best.levels, strict=True)]
        state = _roll_up(self.root, maps, sizes, self.k)
        released = (state.people >= self.k)[state.class_of]
        return Found(
            levels=best.levels,
            loss=best.loss,
            suppressed_rows=best.suppressed_rows,
            released=released[self.root.class_of],
            counted=len(self.outcomes),
            nodes=len(self.nodes),
        )


def _roll_up(
    source: _State, maps: Sequence[Ints], sizes: Sequence[int], k: int
) -> _State:
    """Collapse a state to coarser labels; subjects are united and capped at k."""
    codes = [up[old] for up, old in zip(maps, source.codes, strict=True)]
    key, bound = combine(codes, sizes, len(source.rows))
    distinct, class_of = ranks(key, bound)
    first = np.zeros(len(distinct), dtype=np.int64)
    first[class_of] = np.arange(len(class_of))
    codes = [column[first] for column in codes]
    rows = _sum_by(class_of, source.rows, len(distinct))
    if not len(source.pair_class):
        people = _sum_by(class_of, source.people, len(distinct))
        none = source.pair_class
        return _State(tuple(codes), rows, people, none, none, class_of)
    bits = np.int64(int(source.pair_subject.max(initial=0)).bit_length())
    pair = (class_of[source.pair_class] << bits) | source.pair_subject
    pair.sort()
    pair = pair[np.append(True, pair[1:] != pair[:-1])] if len(pair) else pair
    pair_class = pair >> bits
    start = np.searchsorted(pair_class, np.arange(len(distinct)))
    kept = np.arange(len(pair)) - start[pair_class] < k
    return _State(
        codes=tuple(codes),
        rows=rows,
        people=np.bincount(pair_class[kept], minlength=len(distinct)),
        pair_class=pair_class[kept],
        pair_subject=pair[kept] & ((np.int64(1) << bits) - 1),
        class_of=class_of,
    )


def _ups(axis: Axis) -> list[list[Ints | None]]:
    """Per pair of levels, the label above each label; None where they do not nest."""
    return [[_up(low, high) for high in axis.groups] for low in axis.groups]


def _up(low: Ints, high: Ints) -> Ints | None:
    above = np.zeros(int(low.max(initial=-1)) + 1, dtype=np.int64)
    above[low] = high
    return above if np.array_equal(above[low], high) else None


def _of_label(group: Ints, loss: Floats, size: int) -> Floats:
    above = np.zeros(size)
    above[group] = loss
    return above


def _sum_by(group: Ints, amount: Ints, groups: int) -> Ints:
    """Add up per group; float64 holds row counts exactly up to 2 ** 53."""
    return np.bincount(group, weights=amount, minlength=groups).astype(np.int64)
