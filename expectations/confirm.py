"""Confirm repeated hashes on the rows that have them, value by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .columns import with_nulls
from .fallback import Source
from .kernels import hashing
from .kernels.compare import condition_mask
from .kernels.records import kept_rows
from .partials import MetricRequest, Tally

__all__ = ["confirm_repeats"]

CONFIRM_AT_ONCE = 1_000_000
"""Repeated hashes that are compared in one pass over the data."""

Columns = list[tuple[str, pa.Array]]


def confirm_repeats(request: MetricRequest, tally: Tally, source: Source) -> Tally:
    """Count the rows whose value is repeated indeed, by comparing the values themselves.

    Two values may share a hash. Each repeated hash is looked at again: one more pass over
    the columns for every million of them, and none when no hash is repeated.
    """
    ordered = np.frombuffer(tally.hashes, "<u8")
    hashes = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    repeated = 0
    for start in range(0, len(hashes), CONFIRM_AT_ONCE):
        part = hashes[start : start + CONFIRM_AT_ONCE]
        repeated += _confirm(part, _columns(request, source))
    return replace(tally, confirmed=repeated)


def _columns(request: MetricRequest, source: Source) -> Iterator[Columns]:
    for block in source.blocks(list(request.needed)):
        chosen = block
        if request.condition:
            chosen = block.filter(condition_mask(block, request.condition))
        if request.kind == "compound":
            yield kept_rows(chosen, request.arguments())
            continue
        family, values = with_nulls(
            chosen.column(chosen.schema.names.index(request.column))
        )
        yield [(family, values.drop_null())]


def _confirm(hashes: np.ndarray[Any, Any], blocks: Iterator[Columns]) -> int:
    """Count rows with one of `hashes` whose value occurs more than once."""
    first = np.full(len(hashes), -1, dtype=np.int64)  # row of `held` with this hash
    rows = np.zeros(len(hashes), dtype=np.int64)  # rows with the value held
    held: list[pa.Array] = []
    strangers: Counter[tuple[int, tuple[Any, ...]]] = Counter()
    for columns in blocks:
        if not len(columns[0][1]):
            continue
        found = hashing.hash_rows(columns) if len(columns) > 1 else _single(columns[0])
        place = np.minimum(np.searchsorted(hashes, found), len(hashes) - 1)
        hit = np.flatnonzero(hashes[place] == found)
        if not len(hit):
            continue
        place = place[hit]
        values = [array.take(pa.array(hit)) for _, array in columns]
        new, at = np.unique(place, return_index=True)
        fresh = first[new] < 0
        first[new[fresh]] = (len(held[0]) if held else 0) + np.arange(fresh.sum())
        added = [array.take(pa.array(at[fresh])) for array in values]
        held = (
            [pa.concat_arrays(pair) for pair in zip(held, added, strict=True)]
            if held
            else added
        )
        same = np.ones(len(hit), dtype=bool)
        for mine, theirs in zip(values, held, strict=True):
            same &= _same(mine, theirs.take(pa.array(first[place])))
        rows += np.bincount(place[same], minlength=len(hashes))
        for row in np.flatnonzero(~same):
            key = tuple(array[int(row)].as_py() for array in values)
            strangers[int(place[row]), key] += 1
    return int(rows[rows > 1].sum()) + sum(n for n in strangers.values() if n > 1)


def _single(column: tuple[str, pa.Array]) -> hashing.Hashes:
    return hashing.hash_values(column[1], column[0])


def _same(mine: pa.Array, theirs: pa.Array) -> np.ndarray[Any, Any]:
    """Mark equal values; a missing one equals a missing one."""
    equal = pc.fill_null(pc.equal(mine, theirs), False)
    both = pc.and_(pc.is_null(mine), pc.is_null(theirs))
    marked: np.ndarray[Any, Any] = pc.or_(equal, both).to_numpy(zero_copy_only=False)
    return marked
