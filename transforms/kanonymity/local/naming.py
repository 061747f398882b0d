"""What classes are called, in words: labels, levels, and the ends of tight ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..counting.codes import Ints
from ..ladders.labels import NULL_LABEL, TOP
from ..ladders.sets import apart_from_sets, set_label
from ..recoding.coded import CodedColumn
from .classes import ClassLabels
from .problem import Floats

__all__ = [
    "RANGE",
    "SET",
    "TIGHT",
    "bounds_of",
    "leaf_numbers",
    "level_shares",
    "levels_of",
    "texts_of",
]

RANGE: Final = "range"
SET: Final = "set"
TIGHT: Final = (RANGE, SET)
"""How labels that are no level's are called among a column's levels in reports."""


def leaf_numbers(column: CodedColumn) -> Ints | None:
    """Number the leaves that sets of values are made of.

    Returns:
        Leaf of each value; -1 for what is outside its hierarchy and thus `*`. None for
        a column without sets: numbers and dates, and ages.
    """
    if not column.ladder.set_valued:
        return None
    outside = np.array([label == TOP for label in column.rungs.labels[0]])
    return np.where(outside, -1, column.groups[0])


def texts_of(column: CodedColumn, label: ClassLabels, *, sets: bool) -> pa.Array:
    """Write each class's label; each distinct one is written once.

    Args:
        column: whose values were generalised.
        label: of every class.
        sets: whether sets may be among the labels, which others are then kept apart from.
    """
    size = len(column.values)
    kind = np.where(label.ranged, len(column.groups), label.level)
    key = (kind * size + label.low) * size + np.where(label.ranged, label.high, 0)
    distinct, number = np.unique(key, return_inverse=True)
    number = number.reshape(-1)
    values = column.values.to_pylist()
    texts = []
    for one in distinct.tolist():
        kind_low, high = divmod(one, size)
        level, low = divmod(kind_low, size)
        if level < len(column.groups):
            text = column.rungs.labels[level][low]
            if sets and column.ladder.set_valued:
                text = apart_from_sets(text)
            texts.append(text)
        else:
            texts.append(column.ladder.range_label(values[low], values[high]))
    listed = np.flatnonzero(label.listed)
    if len(listed) and label.members is not None:
        held = label.members.leaf[listed]
        rows, place = np.unique(held, axis=0, return_inverse=True)
        number[listed] = len(texts) + place.reshape(-1)
        leaves = dict(
            zip(column.groups[0].tolist(), column.rungs.labels[0], strict=True)
        )
        for row in rows.tolist():
            names = [leaves[leaf] for leaf in row if leaf >= 0]
            texts.append(set_label(names, null=NULL_LABEL))
    return pa.array(texts, pa.string()).take(pa.array(number))


def levels_of(column: CodedColumn, label: ClassLabels) -> Ints:
    """Give the level of each class; ranges and sets stand behind the last."""
    wide = label.ranged & (label.low != label.high)
    count = len(column.ladder.names)
    level = np.where(wide, count, label.level)
    level[label.ranged & ~wide] = 0
    level[label.listed] = count + 1
    return level.astype(np.int64)


def level_shares(names: Sequence[str], level: Ints, rows: Floats) -> dict[str, float]:
    """Give the share of the released records on each level, finest first."""
    held = np.bincount(level, weights=rows, minlength=len(names))
    total = max(float(held.sum()), 1.0)
    return {
        name: round(float(share) / total, 6)
        for name, share in zip(names, held, strict=True)
        if share
    }


def bounds_of(
    name: str, column: CodedColumn, label: ClassLabels
) -> dict[str, pa.Array]:
    """Give the smallest and the largest value of each class, as values."""
    # A class with a null among its members has the null as its largest value.
    known = pa.array(label.high < len(column.values) - 1)
    null = pa.scalar(None, column.values.type)
    low = column.values.take(pa.array(label.low))
    high = column.values.take(pa.array(label.high))
    return {
        f"lower:{name}": pc.if_else(known, low, null),
        f"upper:{name}": pc.if_else(known, high, null),
    }
