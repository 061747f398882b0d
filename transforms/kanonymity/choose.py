"""Chooses the recoding on the histogram: full-domain, optimal, k distinct people.

One level per column. Nodes of the lattice are visited in the order of the loss they cost
before suppression, which is a lower bound of the loss after it; the search ends when
that bound reaches the best node found. Sweeney, "Achieving k-anonymity privacy
protection using generalization and suppression", 2002, defines the lattice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.errors import GateError
from ..blocks.names import SUBJECT
from .histogram import ROWS, codes_of, total_rows
from .ladders import Ladder, Rungs
from .recoding import Recoding

__all__ = ["choose_recoding"]

Ints = npt.NDArray[np.int64]
_EPSILON = 1e-12


@dataclass(frozen=True)
class _Column:
    """One quasi-identifier of the histogram.

    Attributes:
        values: distinct values, null last.
        of_tuple: position of the value of each distinct tuple.
        rungs: labels and losses of the values.
        groups: per level, label number of each value.
        sizes: per level, how many labels there are.
        mean_loss: per level, loss averaged over the records.
    """

    values: pa.Array
    of_tuple: Ints
    rungs: Rungs
    groups: tuple[Ints, ...]
    sizes: tuple[int, ...]
    mean_loss: tuple[float, ...]


@dataclass(frozen=True)
class _Tuples:
    """The histogram by distinct tuple, its pairs sorted by tuple.

    Attributes:
        rows: records of each tuple.
        people: known distinct subjects of each tuple, at most k.
        pair_tuple: tuple of each (tuple, subject) pair.
        pair_subject: subject number of each pair.
    """

    rows: Ints
    people: Ints
    pair_tuple: Ints
    pair_subject: Ints


@dataclass(frozen=True)
class _Outcome:
    """What one node of the lattice would give; `released` is per distinct tuple."""

    loss: float
    suppressed_rows: int
    released: npt.NDArray[np.bool_]
    levels: tuple[int, ...]


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
    most = suppress_max * total
    best: _Outcome | None = None
    least = total
    for bound, levels in _nodes(columns):
        if best is not None and bound > best.loss - _EPSILON:
            break
        outcome = _try_node(columns, levels, tuples, k, most)
        least = min(least, outcome.suppressed_rows)
        within = outcome.suppressed_rows <= most
        if within and (best is None or outcome.loss < best.loss - _EPSILON):
            best = outcome
    if best is None:
        message = (
            f"k = {k} is out of reach: the best generalisation leaves {least / total:.1%}"
            f" of the consented records below k people, and suppress_max allows "
            f"{suppress_max:.1%}. Lower k, add levels to the hierarchies, drop a "
            "quasi-identifier, or bring more people"
        )
        raise GateError(message)
    return _recoding(columns, ladders, best, k, total)


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
        people=np.bincount(codes, minlength=count),
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
    numbered = [
        np.unique(np.array(level, dtype=object).astype(str), return_inverse=True)
        for level in rungs.labels
    ]
    total = max(weights.sum(), 1)
    return _Column(
        values=pa.array(values, array.type),
        of_tuple=of_tuple,
        rungs=rungs,
        groups=tuple(inverse.astype(np.int64) for _, inverse in numbered),
        sizes=tuple(len(labels) for labels, _ in numbered),
        mean_loss=tuple(float(loss @ weights) / total for loss in rungs.losses),
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


def _nodes(columns: list[_Column]) -> list[tuple[float, tuple[int, ...]]]:
    """List all nodes by the loss they cost before suppression, ties by levels."""
    ranges = [range(len(column.mean_loss)) for column in columns]
    nodes = []
    for levels in itertools.product(*ranges):
        losses = [c.mean_loss[level] for c, level in zip(columns, levels, strict=True)]
        nodes.append((sum(losses) / len(columns), levels))
    return sorted(nodes)


def _try_node(
    columns: list[_Column],
    levels: tuple[int, ...],
    tuples: _Tuples,
    k: int,
    most: float,
) -> _Outcome:
    """Count distinct subjects per class of a node and weigh what it would lose.

    A class that has fewer pairs than k cannot cover k people, and one that holds a
    tuple of k people does; only the classes between need their subjects compared, and
    those not at all where the hopeless ones alone exceed what may be suppressed.
    """
    classes, count = _classes(columns, levels)
    pairs = np.bincount(classes, weights=tuples.people, minlength=count)
    enough = np.zeros(count, dtype=np.bool_)
    enough[classes[tuples.people >= k]] = True
    doubtful = ~enough & (pairs >= k)
    hopeless = int(tuples.rows[~(enough | doubtful)[classes]].sum())
    if hopeless <= most and doubtful.any():
        enough |= _with_k_people(classes, doubtful, tuples, k)
    released = enough[classes]
    suppressed = int(tuples.rows[~released].sum())
    if suppressed > most:
        # Counted without the doubtful classes: an upper bound, good for messages.
        return _Outcome(1.0, suppressed, released, levels)
    lost = np.zeros(len(classes))
    for column, level in zip(columns, levels, strict=True):
        lost += column.rungs.losses[level][column.of_tuple]
    kept = float(lost[released] @ tuples.rows[released]) / len(columns)
    total = max(int(tuples.rows.sum()), 1)
    return _Outcome((kept + suppressed) / total, suppressed, released, levels)


def _classes(columns: list[_Column], levels: tuple[int, ...]) -> tuple[Ints, int]:
    """Number the classes of a node; numbers need not be dense if they are few."""
    codes = np.zeros(len(columns[0].of_tuple), dtype=np.int64)
    size = 1
    for column, level in zip(columns, levels, strict=True):
        if size > 2**62 // column.sizes[level]:
            distinct, codes = np.unique(codes, return_inverse=True)
            size = len(distinct)
        codes = codes * column.sizes[level] + column.groups[level][column.of_tuple]
        size *= column.sizes[level]
    if size <= max(4 * len(codes), 65_536):
        return codes, size
    distinct, dense = np.unique(codes, return_inverse=True)
    return dense.astype(np.int64), len(distinct)


def _with_k_people(
    classes: Ints, doubtful: npt.NDArray[np.bool_], tuples: _Tuples, k: int
) -> npt.NDArray[np.bool_]:
    """Tell which doubtful classes cover k distinct subjects, by comparing them."""
    pair_classes = classes[tuples.pair_tuple]
    asked = doubtful[pair_classes]
    width = int(tuples.pair_subject.max(initial=0)) + 1
    keys = pair_classes[asked] * width + tuples.pair_subject[asked]
    people = np.bincount(np.unique(keys) // width, minlength=len(doubtful))
    return np.asarray(people >= k)


def _recoding(
    columns: list[_Column],
    ladders: Sequence[Ladder],
    best: _Outcome,
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
            pa.array(c.of_tuple[best.released])
        )
        for name, c, level in zip(names, columns, best.levels, strict=True)
    }
    released = (
        pa.table(labels)
        .group_by(list(names))
        .aggregate([])
        .sort_by([(name, "ascending") for name in names])
    )
    return Recoding(
        quasi_identifiers=names,
        labels=tables,
        released=released,
        levels={
            ladder.column: level
            for ladder, level in zip(ladders, best.levels, strict=True)
        },
        k=k,
        ncp=best.loss,
        suppressed_share=best.suppressed_rows / max(total, 1),
    )
