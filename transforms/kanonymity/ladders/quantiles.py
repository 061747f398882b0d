"""Quantile levels: groups of a column's values that hold about equally many people.

The edges come from the histogram, so they are the same in any order and split. People
are counted by the sketch that the histogram is: a tuple's k smallest hashes are a sample
of its people whose rate the k-th of them tells (Ting, "Towards Optimal Cardinality
Estimation of Unions and Intersections with Sketches", KDD 2016, §3). Below k people a
tuple, the counts are exact; and so is every "at least k?" here.

An edge is published, so it must not give away a value: see `fit_ladders`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....policies.errors import InputError
from ...blocks.names import SUBJECT
from ..counting.codes import Ints, canonical, encode
from ..counting.histogram import ROWS, codes_of
from .ladder import Ladder
from .round_edges import roundest

__all__ = ["fit_ladders"]

Floats = npt.NDArray[np.float64]

_LEEWAY = 4
"""An edge may lie off its quantile by this part of a group, so that it is round."""

_SERIAL = 2**48
"""Subjects all below this are numbers in a row, not hashes of 64 bits."""


def fit_ladders(
    histogram: pa.Table, ladders: Sequence[Ladder], k: int
) -> tuple[Ladder, ...]:
    """Put the edges of quantile levels to the data; other ladders stay as they are.

    Of the finest level every edge lies within a quarter of a group of its quantile of
    people, at the roundest number or date there is. A person counts once for each of his
    or her values, however many rows. An edge stays where at least k people lie within
    one step of its roundness below it, and as many above; groups that would hold fewer
    than k people are joined. Edges of a coarser level are edges of the finer ones.

    Args:
        histogram: k-capped histogram of the records.
        ladders: one per quasi-identifier. Ladders with edges are not fitted again.
        k: fewest people.

    Raises:
        InputError: a quantile column holds neither numbers nor dates.

    Not covered: edges hidden from someone who knows everybody else's value; what a
    published edge tells is that of a count of people below it.
    """
    if not any(one.quantiles and one.edges is None for one in ladders):
        return tuple(ladders)
    sample = _sample(histogram, [one.column for one in ladders], k)
    return tuple(
        replace(one, edges=_edges_of(histogram.column(one.column), sample, one, k))
        if one.quantiles and one.edges is None
        else one
        for one in ladders
    )


@dataclass(frozen=True)
class _Sample:
    """The kept people of every tuple.

    Attributes:
        rows: of the histogram, one per tuple and person.
        subject: the person of each.
        weight: how many people each stands for; 0 for a k-th, which tells the rate.
    """

    rows: Ints
    subject: Ints
    weight: Floats


@dataclass(frozen=True)
class _People:
    """People by value, of one column.

    Attributes:
        values: distinct values without null, ascending.
        weight: people of each value.
        starts: where the pairs of each value start, and where the last ones end.
        subject: of each pair of a value and a person.
    """

    values: list[Any]
    weight: Floats
    starts: Ints
    subject: Ints

    def cover(self, low: Any, high: Any, k: int) -> bool:
        """Tell whether at least k people have a value from `low` to below `high`."""
        first = 0 if low is None else bisect_left(self.values, low)
        last = len(self.values) if high is None else bisect_left(self.values, high)
        subject = self.subject[self.starts[first] : self.starts[max(first, last)]]
        some = len(np.unique(subject[: 64 * k])) >= k  # mostly spares the rest
        return some or len(np.unique(subject)) >= k


def _sample(histogram: pa.Table, names: Sequence[str], k: int) -> _Sample:
    """Weigh the people that the histogram keeps: one over the rate of their tuple."""
    tuple_of, count = codes_of([histogram.column(name) for name in names])
    subjects = canonical(histogram.column(SUBJECT)).to_numpy(zero_copy_only=False)
    distinct, number = np.unique(subjects, return_inverse=True)
    order = np.lexsort((subjects, tuple_of))
    group = tuple_of[order]
    position = np.arange(len(order)) - np.searchsorted(group, np.arange(count))[group]
    held = position < k  # as if the histogram had been capped at k, whatever it was
    order, group, position = order[held], group[held], position[held]
    top = float(distinct[-1]) + 1 if len(distinct) else 1.0
    scale = top if top <= _SERIAL else 2.0**64
    rows = np.bincount(
        tuple_of, weights=histogram.column(ROWS).to_numpy(), minlength=count
    )
    weight = np.ones(len(order))
    last = (position == k - 1) & (rows[group] > k)  # of k rows there are k people
    rate = np.zeros(count)
    rate[group[last]] = (subjects[order[last]].astype(np.float64) + 1) / scale
    capped = rate[group] > 0
    weight[capped] = 1 / rate[group[capped]]
    weight[last] = 0.0
    return _Sample(order, number.reshape(-1)[order].astype(np.int64), weight)


def _people(column: pa.ChunkedArray, sample: _Sample) -> _People:
    values, codes = encode(canonical(column))
    listed = values.to_pylist()
    if listed and listed[-1] is None:
        listed.pop()
    code = codes[sample.rows]
    known = code < len(listed)
    code, subject, weight = code[known], sample.subject[known], sample.weight[known]
    # Of a person seen in several tuples the likeliest sight counts: weights that are
    # 1 / the highest rate give a sum without bias. 0 is no sight.
    sight = np.where(weight > 0, weight, np.inf)
    order = np.lexsort((sight, subject, code))
    code, subject, sight = code[order], subject[order], sight[order]
    fresh = np.ones(len(code), dtype=np.bool_)
    fresh[1:] = (code[1:] != code[:-1]) | (subject[1:] != subject[:-1])
    code, subject, sight = code[fresh], subject[fresh], sight[fresh]
    seen: Floats = np.zeros(len(listed))
    np.add.at(seen, code, np.where(np.isfinite(sight), sight, 0.0))
    return _People(
        values=listed,
        weight=seen,
        starts=np.searchsorted(code, np.arange(len(listed) + 1)),
        subject=subject,
    )


def _edges_of(
    column: pa.ChunkedArray, sample: _Sample, ladder: Ladder, k: int
) -> tuple[tuple[Any, ...], ...]:
    people = _people(column, sample)
    for value in people.values[:1]:
        if isinstance(value, bool) or not isinstance(value, (int, float, date)):
            message = (
                f"column {ladder.column!r}: quantiles are for numbers, dates and times; "
                f"its values are {column.type}"
            )
            raise InputError(message)
    depth = _joined(people, _placed(people, ladder.quantiles, k), k)
    return tuple(
        tuple(sorted(edge for edge, level in depth.items() if level >= number))
        for number, _ in enumerate(ladder.quantiles)
    )


def _placed(people: _People, quantiles: Sequence[int], k: int) -> dict[Any, int]:
    """Give the edges of the finest level, each with the coarsest level that has it."""
    values = people.values
    below = np.concatenate(([0.0], np.cumsum(people.weight)))
    finest, total = quantiles[0], float(below[-1])
    depth: dict[Any, int] = {}
    if len(values) < 2 or total <= 0:
        return depth
    inner = below[1:-1]  # people below the second, third, … value
    for number in range(1, finest):
        aim = total * number / finest
        off = np.abs(inner - aim)
        fits = np.flatnonzero(off <= total / (_LEEWAY * finest))
        near = fits if len(fits) else np.array([int(np.argmin(off))])
        edge = roundest(
            values[near[0]],
            values[near[-1] + 1],
            lambda at, aim=aim: abs(  # type: ignore[misc]  # mypy: defaults in lambdas
                float(below[bisect_left(values, at)]) - aim
            ),
        )
        sides = (
            people.cover(edge.before, edge.at, k),
            people.cover(edge.at, edge.after, k),
        )
        if all(sides):
            level = max(
                place
                for place, groups in enumerate(quantiles)
                if number % (finest // groups) == 0
            )
            depth[edge.at] = max(level, depth.get(edge.at, 0))
    return depth


def _joined(people: _People, depth: dict[Any, int], k: int) -> dict[Any, int]:
    """Take away the finest edges beside groups of fewer than k people."""
    edges = sorted(depth)
    start = 0
    while edges and start <= len(edges):
        low = edges[start - 1] if start else None
        high = edges[start] if start < len(edges) else None
        if people.cover(low, high, k):
            start += 1
            continue
        sides = [place for place in (start - 1, start) if 0 <= place < len(edges)]
        gone = min(sides, key=lambda place: (depth[edges[place]], place))
        del edges[gone]
        start = min(start, gone)
    return {edge: depth[edge] for edge in edges}
