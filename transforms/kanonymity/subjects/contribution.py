"""At most m records of a person: a seeded draw that order and split cannot change.

Every record gets a *draw*, a keyed mix of its subject token and event time; the m smallest
of a subject stay. Records of one subject and instant have one draw; among them a keyed
BLAKE2b hash of their content decides, and records of equal content are interchangeable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import PCollection

from ...blocks.names import SUBJECT, is_system
from ...staging.spill import record_keys
from ..combine import MergeFn
from ..counting.histogram import ROWS
from ..counting.storage import read_table, write_table
from .shards import (
    shards_of,
    subjects_of,
    write_shard,
)

__all__ = [
    "CollectDraws",
    "Limits",
    "StoredLimits",
    "content_hashes",
    "draws_of",
    "limits_of",
    "merge_draws",
    "store_limits",
]

_DRAW = "optin:draw"
_QUOTA = "optin:quota"


def draws_of(data: pa.Table | pa.RecordBatch, key: bytes) -> Any:
    """Give every record its draw, as uint64.

    Two records of one subject have the same draw if, and only if, they have the same
    event time: for a fixed subject every step is a bijection.

    Args:
        data: rows with `optin:subject` and `optin:event_time`.
        key: of the policy and this use; at least 8 bytes.
    """
    draws = record_keys(data) ^ np.uint64(int.from_bytes(key[:8], "little"))
    return _mixed(draws)


def _mixed(draws: Any) -> Any:
    """Finish as MurmurHash3 does (Appleby), a bijection of 64 bits."""
    draws = (draws ^ (draws >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    draws = (draws ^ (draws >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return draws ^ (draws >> np.uint64(33))


def content_hashes(table: pa.Table, key: bytes) -> Any:
    """Hash the content of rows, optin's own columns aside, as uint64.

    Each distinct value is hashed once, by keyed BLAKE2b (RFC 7693).
    """
    hashes = np.zeros(table.num_rows, dtype=np.uint64)
    for name in table.column_names:
        if is_system(name):
            continue
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        coded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        values = np.array(
            [
                int.from_bytes(_digest(value, key), "little")
                for value in coded.dictionary.to_pylist()
            ],
            dtype=np.uint64,
        )
        codes = coded.indices.to_numpy(zero_copy_only=False)
        hashes = _mixed(hashes * np.uint64(3) + values[codes])
    return hashes


def _digest(value: object, key: bytes) -> bytes:
    return hashlib.blake2b(repr(value).encode(), digest_size=8, key=key[:64]).digest()


def block_draws(data: pa.Table | pa.RecordBatch, key: bytes, most: int) -> pa.Table:
    """Give what a block tells of the draws: (subject, draw, records), cut as merged."""
    return merge_draws(
        [
            pa.table(
                {
                    SUBJECT: pa.array(subjects_of(data)),
                    _DRAW: pa.array(draws_of(data, key)),
                    ROWS: pa.array(np.ones(data.num_rows, dtype=np.int64)),
                }
            )
        ],
        most,
    )


def merge_draws(tables: Sequence[pa.Table], most: int) -> pa.Table:
    """Unite draws, and forget what cannot be among the `most` smallest, nor the next.

    Uniting and cutting again gives the cut of the union, so any order and split is the
    same. Memory: `most` + 1 draws a subject at most.
    """
    whole = pa.concat_tables(tables)
    subject = subjects_of(whole)
    draw = np.asarray(whole.column(_DRAW).to_numpy(), dtype=np.uint64)
    rows = whole.column(ROWS).to_numpy()
    order = np.lexsort((draw, subject))
    subject, draw, rows = subject[order], draw[order], rows[order]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (subject[1:] != subject[:-1]) | (draw[1:] != draw[:-1])
    if not fresh.all():
        starts = np.flatnonzero(fresh)
        rows = np.add.reduceat(rows, starts)
        subject, draw = subject[starts], draw[starts]
    kept = _before(subject, rows) <= most
    return pa.table(
        {
            SUBJECT: pa.array(subject[kept]),
            _DRAW: pa.array(draw[kept]),
            ROWS: pa.array(rows[kept], pa.int64()),
        }
    )


def _before(subject: Any, rows: Any) -> Any:
    """Count, in a sorted table, the records of the same subject in the rows before."""
    passed = np.cumsum(rows) - rows
    fresh = np.ones(len(subject), dtype=np.bool_)
    fresh[1:] = subject[1:] != subject[:-1]
    starts = np.flatnonzero(fresh)
    return passed - np.repeat(passed[starts], np.diff([*starts, len(subject)]))


def limits_of(draws: pa.Table, most: int) -> pa.Table:
    """Say for the subjects with more than `most` records which draw is their last.

    Args:
        draws: all draws of the subjects in it (`merge_draws`).
        most: records that may stay, ≥ 1.

    Returns:
        Columns `optin:subject` (ascending), `optin:draw` and `optin:quota`: records
        below the draw stay, and as many as the quota that have it.
    """
    subject = subjects_of(draws)
    draw = np.asarray(draws.column(_DRAW).to_numpy(), dtype=np.uint64)
    rows = draws.column(ROWS).to_numpy()
    before = _before(subject, rows)
    last = (before < most) & (before + rows >= most)
    over = np.unique(subject[before + rows > most])
    last &= np.isin(subject, over)
    return pa.table(
        {
            SUBJECT: pa.array(subject[last]),
            _DRAW: pa.array(draw[last]),
            _QUOTA: pa.array(most - before[last], pa.int64()),
        }
    )


@dataclass(frozen=True)
class Limits:
    """Which records of whom stay: what is applied to whole parts.

    Attributes:
        table: rows of `limits_of`, sorted by subject.
        key: of the draws.
    """

    table: pa.Table
    key: bytes

    def apply(self, table: pa.Table) -> pa.Table:
        """Take out what is beyond the limit: n rows → at most n rows, in their order.

        The table must hold all records of a subject and instant, as a part does.
        """
        if not table.num_rows or not self.table.num_rows:
            return table
        known = subjects_of(self.table)
        who, draw = subjects_of(table), draws_of(table, self.key)
        place = np.minimum(np.searchsorted(known, who), len(known) - 1)
        free = known[place] != who
        last = np.asarray(self.table.column(_DRAW).to_numpy(), dtype=np.uint64)[place]
        keep = free | (draw < last)
        tied = np.flatnonzero(~free & (draw == last))
        if len(tied):
            content = content_hashes(table.take(pa.array(tied)), self.key)
            order = np.lexsort((content, who[tied]))
            rank = _before(who[tied][order], np.ones(len(tied), dtype=np.int64))
            quota = self.table.column(_QUOTA).to_numpy()[place[tied][order]]
            keep[tied[order][rank < quota]] = True
        return table.filter(pa.array(keep))


class CollectDraws(beam.PTransform[Any, Any]):
    """Finds the subjects with more than `most` records, and leaves a file a shard.

    Shape: `PCollection[RecordBatch] -> PCollection[str]`, the files' paths, for
    `store_limits`. Memory: `most` + 1 draws of each subject of one of 64 shards.
    """

    def __init__(self, most: int, key: bytes, prefix: str) -> None:
        super().__init__()
        self._most = most
        self._key = key
        self._prefix = prefix

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[str]:
        """Spread people over shards, cut, and write."""
        merge = partial(merge_draws, most=self._most)
        finish = partial(limits_of, most=self._most)
        return (
            blocks
            | "Spread" >> beam.FlatMap(_spread, self._key, self._most)
            | "Gather" >> beam.CombinePerKey(MergeFn(merge, finish))
            | "Write" >> beam.Map(write_shard, self._prefix)
        )


def _spread(
    block: pa.RecordBatch, key: bytes, most: int
) -> Iterator[tuple[int, pa.Table]]:
    yield from shards_of(block_draws(block, key, most), SUBJECT)


@dataclass(frozen=True)
class StoredLimits:
    """The limits on disk: small to send, mapped where they are used.

    Attributes:
        path: the file; null where nobody is over the limit.
        key: of the draws; not shown.
    """

    path: str | None
    key: bytes

    def __repr__(self) -> str:
        return f"StoredLimits(path={self.path!r}, key=…)"

    def apply(self, table: pa.Table) -> pa.Table:
        """Take out what is beyond the limit (`Limits.apply`)."""
        return (
            table
            if self.path is None
            else Limits(_loaded(self.path), self.key).apply(table)
        )


def store_limits(paths: Sequence[str], key: bytes, path: str) -> StoredLimits:
    """Put the shards of `CollectDraws` together; they follow one another."""
    tables = [read_table(one) for one in sorted(paths)]
    whole = pa.concat_tables(tables) if tables else None
    if whole is None or not whole.num_rows:
        return StoredLimits(None, key)
    return StoredLimits(write_table(whole, path), key)


@lru_cache(maxsize=2)
def _loaded(path: str) -> pa.Table:
    return read_table(path)
