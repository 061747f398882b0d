"""The sharded join: records travel to the ledger, in blocks of hashes, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import PCollection, TaggedOutput

from ....policies.model import EventTime
from ...blocks import coder as _coder  # registers the coder of blocks
from ...blocks.names import RECORD, SPLIT_KEY
from ..event_time import event_times
from ..view import BlockView
from .durations import Duration
from .keys import by_shard, normalised, prefixed, siphash
from .lookup import LedgerLookup
from .prepare import PreparedLedger
from .verdict_files import JOINED, write_verdicts

__all__ = ["JoinLedger"]

Keyed: TypeAlias = tuple[int, pa.RecordBatch]
Splits: TypeAlias = tuple[str, pa.RecordBatch]

_PROBE = [
    ("record", pa.int64()),
    ("h1", pa.uint64()),
    ("h2", pa.uint64()),
    ("time", pa.int64()),
]
_ANSWER = [("record", pa.int64()), ("bits", pa.uint8())]
_CODER = _coder.ArrowBlockCoder


class JoinLedger(beam.PTransform[Any, Any]):
    """Joins records with a ledger that no worker should hold as a whole.

    Shape: `PCollection[RecordBatch] -> PCollection[str]`, the ids of the splits whose
    verdicts now lie below `folder` for `VerdictFiles`.

    What is shuffled: per block and shard one block of record ordinals, hashes and event
    times; never a row by itself, and never an identifier. A worker holds the pages it
    needs of one shard, and the verdicts of one split (one byte per record).

    Guaranteed: the bits are those of `LedgerLookup`, and every record of every block
    has them, also one that no decision names.
    """

    def __init__(
        self,
        prepared: PreparedLedger,
        event_time: EventTime,
        folder: str,
        max_age: Duration | None = None,
    ) -> None:
        """Take the ledger, how records carry their time, and where verdicts go."""
        super().__init__()
        self._prepared = prepared
        self._event_time = event_time
        self._folder = folder
        self._max_age = max_age

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[str]:
        """Build the steps."""
        lookup = LedgerLookup(self._prepared, self._max_age)
        probes = blocks | "Probe" >> beam.ParDo(
            _Probe(self._prepared, self._event_time)
        ).with_output_types(Keyed, all=Splits).with_outputs("all", main="probes")
        answers = (
            probes.probes
            | "ByShard" >> beam.GroupByKey()
            | "LookUp" >> beam.ParDo(_LookUp(lookup)).with_output_types(Splits)
        )
        written: PCollection[str] = (
            (probes.all, answers)
            | "Both" >> beam.Flatten()
            | "BySplit" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(_Write(self._folder)).with_output_types(str)
        )
        return written


class _Probe(beam.DoFn):
    """Block → `(shard, probes)`, and on `all` `(split, every record of the block)`."""

    def __init__(self, prepared: PreparedLedger, event_time: EventTime) -> None:
        self._prepared = prepared
        self._event_time = event_time

    def process(
        self, block: pa.RecordBatch
    ) -> Iterator[Keyed | TaggedOutput[Any, Any]]:
        split = (block.schema.metadata or {})[SPLIT_KEY]
        records = block.column(RECORD).to_numpy()
        joined = np.full(len(records), JOINED, dtype=np.uint8)
        yield TaggedOutput("all", (split.decode(), _answer(records, joined)))
        view = BlockView(block)
        times, _ = event_times(view, self._event_time)
        schema = pa.schema(_PROBE, metadata={SPLIT_KEY: split})
        asked = [self._named(view, column) for column in self._prepared.columns]
        rows = np.concatenate([rows for rows, _, _ in asked])
        h1 = np.concatenate([h1 for _, h1, _ in asked])
        h2 = np.concatenate([h2 for _, _, h2 in asked])
        for shard, members in by_shard(h1, self._prepared.shard_bits):
            whose = rows[members]
            columns = [records[whose], h1[members], h2[members], times[whose]]
            yield (
                shard,
                pa.RecordBatch.from_arrays(list(map(pa.array, columns)), schema=schema),
            )

    def _named(self, view: BlockView, column: str) -> tuple[Any, Any, Any]:
        """Give the rows that name somebody in one column, and both hashes."""
        identities = normalised(view.array(column))
        rows = np.flatnonzero(identities.is_valid().to_numpy(zero_copy_only=False))
        values = prefixed(column, identities.drop_null())
        find, confirm = self._prepared.hash_keys
        return rows, siphash(values, find), siphash(values, confirm)


class _LookUp(beam.DoFn):
    """`(shard, probes of all blocks)` → `(split, bits of records that are named)`."""

    def __init__(self, lookup: LedgerLookup) -> None:
        self._lookup = lookup

    def process(self, group: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Splits]:
        shard, probes = group
        table = self._lookup.table(shard)
        for probe in probes:
            record, h1, h2, times = (column.to_numpy() for column in probe.columns)
            places = table.confirm(table.find(h1), h1, h2)
            hits = np.flatnonzero(places >= 0)
            if len(hits):
                bits = table.state(places[hits], times[hits])
                split = probe.schema.metadata[SPLIT_KEY].decode()
                yield split, _answer(record[hits], bits)


class _Write(beam.DoFn):
    """`(split, answers)` → the split's id, once its file is there."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, group: tuple[str, Iterable[pa.RecordBatch]]) -> Iterator[str]:
        split, answers = group
        bits = np.zeros(0, dtype=np.uint8)
        for answer in answers:
            record, found = (column.to_numpy() for column in answer.columns)
            last = int(record.max(initial=-1))
            if last >= len(bits):  # doubled, so that the work stays linear
                grown = np.zeros(max(last + 1, 2 * len(bits)), dtype=np.uint8)
                grown[: len(bits)] = bits
                bits = grown
            # Not `bits[record] |= found`: one record may be there with several keys.
            np.bitwise_or.at(bits, record, found)
        used = np.flatnonzero(bits)
        write_verdicts(self._folder, split, bits[: used[-1] + 1 if len(used) else 0])
        yield split


def _answer(
    records: npt.NDArray[np.int64], bits: npt.NDArray[np.uint8]
) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(records), pa.array(bits)], schema=pa.schema(_ANSWER)
    )
