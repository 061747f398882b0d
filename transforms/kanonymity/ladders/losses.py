"""What a label loses among the distinct values of a data set, in Iyengar's measure.

For categories (leaves under the label - 1) / (leaves - 1), for numbers and dates width of
the label's interval / width of the domain, both of the data at hand (V. Iyengar,
"Transforming data to satisfy privacy constraints", KDD 2002, §3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from .labels import NULL_LABEL, TOP, table_label

__all__ = [
    "Floats",
    "Rungs",
    "category_loss",
    "interval_loss",
    "number_of",
    "rungs_by_rule",
    "table_loss",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rungs:
    """A ladder put to the distinct values of a data set.

    Attributes:
        labels: per level, one label per distinct value.
        losses: per level, one loss per distinct value, 0 to 1.
    """

    labels: tuple[tuple[str, ...], ...]
    losses: tuple[Floats, ...]


def rungs_by_rule(
    values: Sequence[Any],
    labels_of: Callable[[Any], tuple[str, ...] | None],
    depth: int,
) -> Rungs:
    """Label values by a rule for all levels below `*`; loss counts the leaves that the data holds.

    Two spellings of a value are one leaf. A missing value is no leaf and loses nothing
    below `*`; what is outside loses all.
    """
    null, outside = (NULL_LABEL,) * depth, (TOP,) * depth
    rows = [null if value is None else labels_of(value) or outside for value in values]
    leaves = {row for row in rows if row is not null and row is not outside}
    labels, losses = [], []
    for level in range(depth):
        sizes = Counter(leaf[level] for leaf in leaves)
        labels.append(tuple(row[level] for row in rows))
        losses.append(
            np.array(
                [
                    1.0
                    if row is outside
                    else 0.0
                    if row is null
                    else (sizes[row[level]] - 1) / max(len(leaves) - 1, 1)
                    for row in rows
                ],
                dtype=np.float64,
            )
        )
    labels.append((TOP,) * len(values))
    losses.append(np.ones(len(values)))
    return Rungs(tuple(labels), tuple(losses))


def category_loss(labels: tuple[str, ...]) -> Floats:
    """Count the values that share a label, over all values."""
    if len(labels) <= 1:
        return np.zeros(len(labels))
    _, inverse, counts = np.unique(
        np.array(labels, dtype=object).astype(str),
        return_inverse=True,
        return_counts=True,
    )
    return np.asarray((counts[inverse] - 1) / (len(labels) - 1), dtype=np.float64)


def table_loss(
    table: dict[str, tuple[str, ...]],
    values: Sequence[Any],
    labels: tuple[str, ...],
    level: int,
) -> Floats:
    """Count leaves under each label in the table; what is outside loses all.

    A missing value is published as missing and loses nothing below `*`.
    """
    leaves = max(len(table) - 1, 1)
    sizes = Counter(table_label(entry[level]) for entry in table.values())
    return np.array(
        [
            0.0
            if value is None
            else 1.0
            if label == TOP
            else (sizes[label] - 1) / leaves
            for value, label in zip(values, labels, strict=True)
        ],
        dtype=np.float64,
    )


def interval_loss(
    values: Sequence[Any], labels: tuple[str, ...], base: float
) -> Floats:
    """Spread of the values that share a label, over the spread of all values."""
    numbers = np.array([number_of(value) for value in values], dtype=np.float64)
    known = ~np.isnan(numbers)
    loss = np.zeros(len(values))
    if not known.any():
        return loss
    domain = numbers[known].max() - numbers[known].min() + base
    if domain <= 0:
        return loss
    names = np.array(labels, dtype=object)[known].astype(str)
    _, group = np.unique(names, return_inverse=True)
    lowest = np.full(len(names), np.inf)
    highest = np.full(len(names), -np.inf)
    np.minimum.at(lowest, group, numbers[known])
    np.maximum.at(highest, group, numbers[known])
    loss[known] = (highest[group] - lowest[group] + base) / domain
    return loss


def number_of(value: Any) -> float:
    """Give the place of a number, date or time on its axis; NaN for a missing one.

    A time without a zone is read as UTC, whatever zone the machine is in.
    """
    if value is None:
        return float("nan")
    if isinstance(value, datetime):
        at = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return at.timestamp()
    if isinstance(value, date):
        return float(value.toordinal())
    return float(value)
