"""The loss that a choice goes by: NCP, or what a training target makes of it.

With a target, an additive model of it is fitted on the histogram: one score for each
value of each column, as multinomial logistic regression has them, shrunk by a ridge. What
a label takes away is then the variance of the scores under it. Where two values say the
same of the target, telling them apart is worth little. This is the idea of splitting
guided by a model, put into losses that lattices add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..counting.codes import Ints
from ..sensitive.diversity import Floats
from .coded import Coded, CodedColumn
from .target import counts_by_tuple

__all__ = ["Guide", "guides_of"]

_TRUST = 0.8
"""Share of the model in the loss; the rest is NCP, for what no model has learnt yet."""

_RIDGE = 4.0
"""Records that say nothing, beside those of each value."""

_SWEEPS = 12
_LONGEST_STEP = 2.0
_MOST_TUPLES = 100_000
_MOST_CELLS = 64
_LEAST_WEIGHT = 1e-3
_TINY = 1e-12


@dataclass(frozen=True)
class Guide:
    """What generalising one column costs in a choice.

    Attributes:
        losses: per level, the loss of each value, 0 to 1; equal under one label.
        weight: how much the column counts beside the others, > 0.
    """

    losses: tuple[Floats, ...]
    weight: float


def guides_of(coded: Coded, targets: pa.Table | None) -> tuple[Guide, ...]:
    """Give each column's cost.

    Args:
        coded: the histogram.
        targets: records by tuple and value of the target, as `target_counts` gives
            them; None if there is no target, and then the cost is NCP by the policy's
            weights.

    Not covered: what columns say of the target only together; the model is additive.
    """
    if targets is None:
        return tuple(
            Guide(column.rungs.losses, column.ladder.weight) for column in coded.columns
        )
    counts = counts_by_tuple(coded, targets)
    cells = [_cells(column, coded.rows) for column in coded.columns]
    scores = _fit(cells, counts)
    share = counts.sum(axis=0) / max(counts.sum(), 1)
    rows = coded.rows.astype(np.float64)
    spreads = []
    for column, cell, score in zip(coded.columns, cells, scores, strict=True):
        held = np.bincount(
            column.codes, weights=rows, minlength=len(column.values)
        ).astype(np.float64)
        cell_of = np.zeros(len(column.values), dtype=np.int64)
        cell_of[column.codes] = cell
        value = score[cell_of] * np.sqrt(share)
        spreads.append([_within(group, value, held) for group in column.groups])
    tops = np.array([float(spread[-1].max(initial=0.0)) for spread in spreads])
    parts = tops / max(float(tops.sum()), _TINY) * len(tops)
    return tuple(
        _mixed(column, spread, float(top), float(part))
        for column, spread, top, part in zip(
            coded.columns, spreads, tops, parts, strict=True
        )
    )


def _mixed(
    column: CodedColumn, spread: Sequence[Floats], top: float, part: float
) -> Guide:
    """Mix what the model says with NCP, so that `*` costs the column's weight."""
    weight = max((1 - _TRUST) + _TRUST * part, _LEAST_WEIGHT)
    losses = []
    for ncp, one in zip(column.rungs.losses, spread, strict=True):
        guided = np.minimum(one, top) / max(top, _TINY) * part
        losses.append(((1 - _TRUST) * ncp + _TRUST * guided) / weight)
    return Guide(tuple(losses), weight * column.ladder.weight)


def _cells(column: CodedColumn, rows: Ints) -> Ints:
    """Number what the model tells apart: values, or parts of an axis with equal rows."""
    count = len(column.values)
    if column.ladder.kind != "interval" or count <= _MOST_CELLS:
        return column.codes
    held = np.bincount(column.codes, weights=rows, minlength=count)
    middle = (np.cumsum(held) - held / 2) / max(held.sum(), 1)
    part = (middle * _MOST_CELLS).astype(np.int64)
    part[-1] = _MOST_CELLS  # null
    return part[column.codes]


def _fit(cells: Sequence[Ints], counts: Floats) -> list[Floats]:
    """Fit one score per cell and kind of target, column by column.

    Newton's steps with the curvature of each score alone, damped, since the scores of a
    value move together. Of very many tuples every n-th is used: they ascend.
    """
    step = max(-(-len(counts) // _MOST_TUPLES), 1)
    counts, cells = counts[::step], [cell[::step] for cell in cells]
    kinds = counts.shape[1]
    rows = counts.sum(axis=1, keepdims=True)
    share = (counts.sum(axis=0) + 0.5) / (counts.sum() + 0.5 * kinds)
    total = np.tile(np.log(share), (len(counts), 1))
    sizes = [int(cell.max(initial=0)) + 1 for cell in cells]
    scores = [np.zeros((size, kinds)) for size in sizes]
    for _ in range(_SWEEPS):
        for number, (cell, size) in enumerate(zip(cells, sizes, strict=True)):
            chance = np.exp(total - total.max(axis=1, keepdims=True))
            chance /= chance.sum(axis=1, keepdims=True)
            pull = _by(cell, counts - rows * chance, size)
            bend = _by(cell, rows * chance * (1 - chance), size)
            move = (pull - _RIDGE * scores[number]) / (bend + _RIDGE)
            move = np.clip(move * (kinds - 1) / kinds, -_LONGEST_STEP, _LONGEST_STEP)
            scores[number] += move
            total += move[cell]
    return scores


def _by(cell: Ints, amounts: Floats, size: int) -> Floats:
    summed = [np.bincount(cell, weights=one, minlength=size) for one in amounts.T]
    return np.stack(summed, axis=1).astype(np.float64)


def _within(group: Ints, value: Floats, held: Floats) -> Floats:
    """Give, per value, the variance of the scores under its label, by records."""
    size = int(group.max(initial=0)) + 1
    total = np.maximum(np.bincount(group, weights=held, minlength=size), _TINY)
    result = np.zeros(size)
    for one in value.T:
        mean = np.bincount(group, weights=held * one, minlength=size) / total
        square = np.bincount(group, weights=held * one * one, minlength=size) / total
        result += np.maximum(square - mean * mean, 0.0)
    return np.asarray(result[group], dtype=np.float64)
