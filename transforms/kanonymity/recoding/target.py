"""How often each value of a training target stands beside each tuple: counts alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..counting.codes import Ints, TupleIndex, canonical, encode
from ..counting.histogram import ROWS
from ..counting.merging import united
from ..sensitive.diversity import Floats
from ..sensitive.recount import VALUE
from .coded import Coded

__all__ = ["counts_by_tuple", "merge_targets", "target_counts"]

_MOST_KINDS = 10
"""Kinds of target that are told apart: of more values the commonest, or tenths of numbers."""


def target_counts(
    data: pa.Table | pa.RecordBatch, quasi: Sequence[str], target: str
) -> pa.Table:
    """Count records by tuple of quasi-identifiers and value of the target.

    Args:
        data: block or table with the columns `quasi` and `target`.
        quasi: names of the quasi-identifiers.
        target: the column that a model is to predict; null is a value of its own.

    Returns:
        Columns `quasi`, `optin:value`, `optin:rows`; no person stands in it.
    """
    columns = {name: canonical(data.column(name)) for name in quasi}
    columns[VALUE] = canonical(data.column(target))
    columns[ROWS] = pa.array(np.ones(data.num_rows, dtype=np.int64))
    return merge_targets([pa.table(columns)])


def merge_targets(tables: Sequence[pa.Table]) -> pa.Table:
    """Add up counts of the same columns; order and split do not matter."""
    whole = united(tables)
    keys = [name for name in whole.column_names if name != ROWS]
    summed = whole.group_by(keys, use_threads=False).aggregate([(ROWS, "sum")])
    return summed.rename_columns([*keys, ROWS])


def counts_by_tuple(coded: Coded, counted: pa.Table) -> Floats:
    """Give the records of each distinct tuple (row) by kind of target (column).

    Kinds are values; of more than ten, tenths of what is a number, else the nine
    commonest and all others. Tuples that are not in the histogram do not count.
    """
    codes = [column.codes for column in coded.columns]
    index = TupleIndex.build(codes, [len(column.values) for column in coded.columns])
    tuple_of = np.empty(len(index), dtype=np.int64)
    tuple_of[index.find(codes)] = np.arange(len(coded.rows))
    wanted, known = [], np.ones(counted.num_rows, dtype=np.bool_)
    for column in coded.columns:
        values, places = encode(canonical(counted.column(column.ladder.column)))
        if pa.types.is_null(values.type):
            values = values.cast(column.values.type)
        among = pc.index_in(values, column.values).fill_null(-1)
        place = among.to_numpy(zero_copy_only=False).astype(np.int64)[places]
        known &= place >= 0
        wanted.append(np.maximum(place, 0))
    found = index.find(wanted)
    known &= found >= 0
    rows = counted.column(ROWS).to_numpy()
    kind, kinds = _kinds(canonical(counted.column(VALUE)), rows)
    key = tuple_of[found[known]] * kinds + kind[known]
    size = len(coded.rows) * kinds
    summed = np.bincount(key, weights=rows[known], minlength=size)
    return np.asarray(summed.reshape(-1, kinds), dtype=np.float64)


def _kinds(values: pa.Array, rows: Ints) -> tuple[Ints, int]:
    """Number what a model has to tell apart."""
    distinct, codes = encode(values)
    count = max(len(distinct), 1)
    if count <= _MOST_KINDS:
        return codes, count
    held = np.bincount(codes, weights=rows, minlength=count)
    missing = not distinct[-1].is_valid
    if missing:
        held[-1] = 0  # of a kind of its own, which takes no part in cutting
    kind: Ints
    if pa.types.is_integer(distinct.type) or pa.types.is_floating(distinct.type):
        middle = (np.cumsum(held) - held / 2) / held.sum()
        kind = (middle * _MOST_KINDS).astype(np.int64)
    else:
        kind = np.full(count, _MOST_KINDS - 1, dtype=np.int64)
        commonest = np.argsort(-held, kind="stable")[: _MOST_KINDS - 1]
        kind[commonest] = np.arange(len(commonest))
    if not missing:
        return kind[codes], _MOST_KINDS
    kind[-1] = _MOST_KINDS
    return kind[codes], _MOST_KINDS + 1
