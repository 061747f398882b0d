"""Chooses the recoding on the histogram: full-domain, optimal, k distinct people.

One level per column: `search` finds the node of the lattice, this module refuses what
cannot be reached and writes the recoding down. Sweeney, "Achieving k-anonymity privacy
protection using generalization and suppression", 2002, defines the lattice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....policies.errors import GateError
from ..counting.histogram import ROWS
from ..ladders.labels import TOP
from ..ladders.ladder import Ladder
from .coded import Coded, code_histogram
from .full_domain import GlobalRecoding
from .guide import guides_of
from .search import Axis, Found, search_lattice
from .utility import label_facts

__all__ = ["allowed_rows", "choose_recoding", "out_of_reach"]


def choose_recoding(
    histogram: pa.Table,
    ladders: Sequence[Ladder],
    k: int,
    suppress_max: float,
    targets: pa.Table | None = None,
) -> GlobalRecoding:
    """Choose the level of every column that loses least and keeps k people per class.

    Args:
        histogram: k-capped histogram of the consented records.
        ladders: one per quasi-identifier; `weight` and `max_level` are heeded.
        k: fewest distinct data subjects of a class.
        suppress_max: largest share of records that may be suppressed.
        targets: records by tuple and value of a training target (`target_counts`):
            what predicts it is generalised less.

    Returns:
        The recoding. Every class it releases covers at least k distinct subjects of
        the histogram. The loss that is least is the mean over records and, by weight,
        over columns, a suppressed record counting 1; equal losses: the finer first
        column wins. The NCP that is told weighs columns alike and knows no target.

    Raises:
        GateError: no node keeps the suppressed share within `suppress_max`.

    Not covered: local recoding (`choose_local`).
    """
    coded = code_histogram(histogram, ladders, k)
    guides = guides_of(coded, targets)
    mean_weight = sum(guide.weight for guide in guides) / len(guides)
    found = search_lattice(
        [
            Axis(
                column.groups[: column.levels],
                tuple(
                    loss * (guide.weight / mean_weight)
                    for loss in guide.losses[: column.levels]
                ),
            )
            for column, guide in zip(coded.columns, guides, strict=True)
        ],
        [column.codes[coded.pair_tuple] for column in coded.columns],
        coded.pair_subject,
        histogram.column(ROWS).to_numpy(),
        k,
        allowed_rows(suppress_max, coded.total),
    )
    if found is None:  # not with `*` on top of every ladder and k people in all
        raise out_of_reach(k, suppress_max)
    released = np.zeros(len(coded.rows), dtype=np.bool_)
    released[coded.pair_tuple] = found.released
    return _recoding(coded, found, released, k)


def allowed_rows(suppress_max: float, total: int) -> int:
    """Give the decimal share exactly as written: 0.29 of 100 rows is 29, not 28."""
    return math.floor(Fraction(str(suppress_max)) * total)


def out_of_reach(k: int, suppress_max: float) -> GateError:
    """Say that too much would be suppressed."""
    message = (
        f"k = {k} is out of reach: every generalisation leaves more than "
        f"{suppress_max:.1%} of the records below k people. Raise "
        "suppress_max or max_level, lower k, or add levels to the hierarchies"
    )
    return GateError(message)


def _recoding(
    coded: Coded, found: Found, released: npt.NDArray[np.bool_], k: int
) -> GlobalRecoding:
    names = tuple(column.ladder.column for column in coded.columns)
    tables = []
    labels = {}
    loss = np.zeros(len(coded.rows))
    facts = {}
    held = np.where(released, coded.rows, 0)
    for name, column, level in zip(names, coded.columns, found.levels, strict=True):
        label = pa.array(column.rungs.labels[level], pa.string())
        tables.append(pa.table({"value": column.values, "label": label}))
        labels[name] = label.take(pa.array(column.codes[released]))
        rows = np.bincount(column.codes, weights=held, minlength=len(label))
        steps = column.ladder.names
        # What lies outside a hierarchy is `*` at every level.
        at = np.where(
            np.array(column.rungs.labels[level]) == TOP, len(steps) - 1, level
        )
        facts[name] = label_facts(label, at, steps, column.rungs.losses[level], rows)
        loss += column.rungs.losses[level][column.codes] / len(names)
    classes = (
        pa.table(labels)
        .group_by(list(names))
        .aggregate([])
        .sort_by([(name, "ascending") for name in names])
    )
    lost = float(coded.rows @ np.where(released, loss, 1.0))
    return GlobalRecoding(
        quasi_identifiers=names,
        labels=tuple(tables),
        released=classes,
        levels=dict(zip(names, found.levels, strict=True)),
        k=k,
        ncp=lost / max(coded.total, 1),
        suppressed_share=found.suppressed_rows / max(coded.total, 1),
        records=coded.total,
        facts=facts,
    )
