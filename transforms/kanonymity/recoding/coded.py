"""The histogram in codes: what every choice of a recoding starts from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....policies.errors import GateError
from ...blocks.names import SUBJECT
from ..counting.codes import Ints, canonical, combine, encode, ranks
from ..counting.histogram import ROWS
from ..ladders.domains import Domain, outside_hierarchy
from ..ladders.ladder import Ladder
from ..ladders.losses import Rungs
from ..ladders.quantiles import fit_ladders

__all__ = ["Coded", "CodedColumn", "code_histogram"]


@dataclass(frozen=True)
class CodedColumn:
    """One quasi-identifier of the distinct tuples.

    Attributes:
        ladder: how it generalises.
        values: distinct values, ascending, then null, whether or not it occurs.
        codes: position of the value of each distinct tuple.
        rungs: labels and losses of the values.
        groups: per level, label number of each value.
        leaves: values of the whole set, or of the hierarchy's table, that a set of
            categories is measured by.
    """

    ladder: Ladder
    values: pa.Array
    codes: Ints
    rungs: Rungs
    groups: tuple[Ints, ...]
    leaves: int

    @property
    def levels(self) -> int:
        """Levels that may be used, from the finest."""
        top = self.ladder.max_level
        count = len(self.groups)
        return count if top is None else min(top + 1, count)


@dataclass(frozen=True)
class Coded:
    """The histogram by distinct tuple, in ascending order of the tuples.

    Attributes:
        columns: one per quasi-identifier.
        rows: records of each tuple.
        pair_tuple: tuple of each (tuple, subject) pair, in the histogram's order.
        pair_subject: subject number of each pair.
    """

    columns: tuple[CodedColumn, ...]
    rows: Ints
    pair_tuple: Ints
    pair_subject: Ints

    @property
    def total(self) -> int:
        """Records in all."""
        return int(self.rows.sum())


def code_histogram(
    histogram: pa.Table,
    ladders: Sequence[Ladder],
    k: int,
    domains: Sequence[Domain] | None = None,
) -> Coded:
    """Number values, tuples and subjects, and label the values at every level.

    Args:
        histogram: k-capped.
        ladders: one per quasi-identifier.
        k: fewest distinct subjects.
        domains: one per quasi-identifier, of the whole set, where the histogram is a
            part of it; by default it is the whole.

    Raises:
        GateError: fewer than k distinct subjects, which no generalisation can mend; or
            records with values outside a hierarchy that does not let them be `*`.
    """
    count = histogram.num_rows
    coded = [encode(canonical(histogram.column(one.column))) for one in ladders]
    key, bound = combine(
        [codes for _, codes in coded], [len(values) for values, _ in coded], count
    )
    distinct, tuple_of = ranks(key, bound)
    rows = np.bincount(
        tuple_of, weights=histogram.column(ROWS).to_numpy(), minlength=len(distinct)
    ).astype(np.int64)
    subjects, subject = np.unique(
        histogram.column(SUBJECT).to_numpy(), return_inverse=True
    )
    if len(subjects) < k:
        message = (
            f"k is {k}, but fewer than {k} distinct people remain; no generalisation can "
            "reach it. Lower k or bring more people"
        )
        raise GateError(message)
    first = np.zeros(len(distinct), dtype=np.int64)
    first[tuple_of] = np.arange(count)
    if domains is None:
        ladders = fit_ladders(histogram, ladders, k)
    rungs = (
        [one.on for one in ladders] if domains is None else [d.rungs for d in domains]
    )
    leaves = [None] * len(coded) if domains is None else [d.leaves for d in domains]
    columns = tuple(
        _column(ladder, rungs_of, values, codes[first], whole)
        for ladder, rungs_of, (values, codes), whole in zip(
            ladders, rungs, coded, leaves, strict=True
        )
    )
    for column in columns:
        _refuse_outside(column, rows)
    return Coded(columns, rows, tuple_of, subject.reshape(-1).astype(np.int64))


def _refuse_outside(column: CodedColumn, rows: Ints) -> None:
    refused = column.ladder.refused(column.values.to_pylist())
    if not refused.any():
        return
    records = int(rows[refused[column.codes]].sum())
    raise outside_hierarchy(column.ladder.column, records, int(refused.sum()))


def _column(
    ladder: Ladder,
    rungs_of: Callable[[Sequence[Any]], Rungs],
    distinct: pa.Array,
    codes: Ints,
    leaves: int | None,
) -> CodedColumn:
    values = distinct.to_pylist()
    null = bool(values) and values[-1] is None
    rungs = rungs_of(values)
    if leaves is None:
        leaves = ladder.leaves_of(values, rungs)
    if not null:  # a null that does not occur is no leaf of the domain
        values.append(None)
        rungs = Rungs(
            labels=tuple((*level, "") for level in rungs.labels),
            losses=tuple(np.append(loss, 0.0) for loss in rungs.losses),
        )
    groups = tuple(_numbered(level) for level in rungs.labels)
    typed = pa.array(values, distinct.type)
    return CodedColumn(ladder, typed, codes, rungs, groups, leaves)


def _numbered(labels: Sequence[Any]) -> Ints:
    texts: npt.NDArray[Any] = np.array(labels, dtype=object).astype(str)
    return np.unique(texts, return_inverse=True)[1].reshape(-1).astype(np.int64)
