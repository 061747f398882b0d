"""Chooses the recoding on the histogram: full-domain, optimal, k distinct people.

One level per column: `search` finds the node of the lattice, this module labels the
values, refuses what cannot be reached and writes the recoding down. Sweeney, "Achieving k-anonymity privacy
protection using generalization and suppression", 2002, defines the lattice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.errors import GateError
from ..blocks.names import SUBJECT
from .histogram import ROWS, codes_of, total_rows
from .ladders import Ladder, Rungs
from .recoding import Recoding
from .search import Axis, Found, search_lattice

__all__ = ["choose_recoding"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Column:
    """One quasi-identifier of the histogram.

    Attributes:
        values: distinct values, null last.
        of_tuple: position of the value of each distinct tuple.
        rungs: labels and losses of the values.
        groups: per level, label number of each value.
    """

    values: pa.Array
    of_tuple: Ints
    rungs: Rungs
    groups: tuple[Ints, ...]


@dataclass(frozen=True)
class _Tuples:
    """The histogram by distinct tuple, its pairs sorted by tuple.

    Attributes:
        rows: records of each tuple.
        pair_tuple: tuple of each (tuple, subject) pair.
        pair_subject: subject number of each pair.
    """

    rows: Ints
    pair_tuple: Ints
    pair_subject: Ints


def choose_recoding(
    histogram: pa.Table, ladders: Sequence[Ladder], k: int, suppress_max: float
) -> Recoding:
    """Choose the level of every column that loses least and keeps k people per class.

    Args:
        histogram: k-capped histogram of the consented records.
        ladders: one per quasi-identifier.
        k: fewest distinct data subjects of a class.
        suppress_max: largest share of records that may be suppressed.

    Returns:
        The recoding. Every class it releases covers at least k distinct subjects of
        the histogram; the loss (NCP) is the mean over columns and records, a
        suppressed record counting 1. Equal losses: the finer first column wins.

    Raises:
        GateError: no node keeps the suppressed share within `suppress_max`.

    Not covered: local recoding; l-diversity; t-closeness.
    """
    total = total_rows(histogram)
    tuples, first_pairs = _tuples(histogram, [ladder.column for ladder in ladders])
    _check_population(tuples, k)
    columns = [
        _column(histogram.take(first_pairs), ladder, tuples.rows) for ladder in ladders
    ]
    found = search_lattice(
        [Axis(column.groups, column.rungs.losses) for column in columns],
        [column.of_tuple[tuples.pair_tuple] for column in columns],
        tuples.pair_subject,
        histogram.column(ROWS).to_numpy(),
        k,
        # The decimal share exactly as written: 0.29 of 100 rows is 29, not 28.
        math.floor(Fraction(str(suppress_max)) * total),
    )
    if found is None:  # not with `*` on top of every ladder and k people in all
        message = (
            f"k = {k} is out of reach: every generalisation leaves more than "
            f"{suppress_max:.1%} of the consented records below k people. Raise "
            "suppress_max, lower k, or add levels to the hierarchies"
        )
        raise GateError(message)
    released = found.released[first_pairs.to_numpy()]
    return _recoding(columns, ladders, found, released, k, total)


def _tuples(histogram: pa.Table, names: list[str]) -> tuple[_Tuples, pa.Array]:
    """Number the distinct tuples; give also the first pair of each."""
    codes, count = codes_of([histogram.column(name) for name in names])
    rows = np.bincount(
        codes, weights=histogram.column(ROWS).to_numpy(), minlength=count
    )
    _, subjects = np.unique(histogram.column(SUBJECT).to_numpy(), return_inverse=True)
    first = np.unique(codes, return_index=True)[1]
    tuples = _Tuples(
        rows=rows.astype(np.int64),
        pair_tuple=codes,
        pair_subject=subjects.astype(np.int64),
    )
    return tuples, pa.array(first)


def _check_population(tuples: _Tuples, k: int) -> None:
    """Refuse at once what no generalisation can mend."""
    if int(tuples.pair_subject.max(initial=-1)) + 1 < k:
        message = (
            f"k is {k}, but fewer than {k} distinct people remain after consent; no "
            "generalisation can reach it. Lower anonymity.k or bring more people"
        )
        raise GateError(message)


def _column(tuples: pa.Table, ladder: Ladder, rows: Ints) -> _Column:
    array = tuples.column(ladder.column).combine_chunks()
    encoded = array.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    positions = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    values.append(None)  # null has the last position, whether or not it occurs
    of_tuple = positions.astype(np.int64)
    weights = np.bincount(of_tuple, weights=rows, minlength=len(values))
    rungs = _rungs(ladder, values, weights > 0)
    groups = tuple(
        np.unique(np.array(level, dtype=object).astype(str), return_inverse=True)[
            1
        ].astype(np.int64)
        for level in rungs.labels
    )
    return _Column(
        values=pa.array(values, array.type),
        of_tuple=of_tuple,
        rungs=rungs,
        groups=groups,
    )


def _rungs(ladder: Ladder, values: list[Any], occurs: npt.NDArray[np.bool_]) -> Rungs:
    """Label the values; a null that does not occur is no leaf of the domain."""
    if occurs[-1]:
        return ladder.on(values)
    rungs = ladder.on(values[:-1])
    return Rungs(
        labels=tuple((*level, "") for level in rungs.labels),
        losses=tuple(np.append(loss, 0.0) for loss in rungs.losses),
    )


def _recoding(
    columns: list[_Column],
    ladders: Sequence[Ladder],
    best: Found,
    released: npt.NDArray[np.bool_],
    k: int,
    total: int,
) -> Recoding:
    names = tuple(ladder.column for ladder in ladders)
    tables = tuple(
        pa.table(
            {
                "value": c.values,
                "label": pa.array(c.rungs.labels[level], pa.string()),
            }
        )
        for c, level in zip(columns, best.levels, strict=True)
    )
    labels = {
        name: pa.array(c.rungs.labels[level], pa.string()).take(
            pa.array(c.of_tuple[released])
        )
        for name, c, level in zip(names, columns, best.levels, strict=True)
    }
    classes = (
        pa.table(labels)
        .group_by(list(names))
        .aggregate([])
        .sort_by([(name, "ascending") for name in names])
    )
    return Recoding(
        quasi_identifiers=names,
        labels=tables,
        released=classes,
        levels={
            ladder.column: level
            for ladder, level in zip(ladders, best.levels, strict=True)
        },
        k=k,
        ncp=best.loss,
        suppressed_share=best.suppressed_rows / max(total, 1),
    )
