"""One shard of the prepared ledger: built from decisions, written, mapped, looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....policies.places import is_local
from .durations import Duration
from .keys import Hashes
from .read import ERASE, GRANT, OTHER, WITHDRAW
from .verdicts import (
    AFTER,
    ERASED,
    EXPIRED,
    GRANTED,
    OTHER_PURPOSE,
    WITHDRAWN,
    WITHDRAWN_THEN,
)

__all__ = ["Bits", "ShardTable", "build_shard", "write_shard"]

Bits = npt.NDArray[np.uint8]

_HAS_ERASURE, _HAS_WITHDRAWAL, _HAS_OTHER = 1, 2, 4
_GRANT = pa.struct([("time", pa.int64()), ("until", pa.int64())])
_SCHEMA = pa.schema(
    [
        ("h1", pa.uint64()),
        ("h2", pa.uint64()),
        ("flags", pa.uint8()),
        ("grants", pa.list_(_GRANT)),
    ]
)
_PAST = np.iinfo(np.int64).min


def build_shard(decisions: npt.NDArray[Any]) -> pa.RecordBatch:
    """Sum up what was decided about each key value.

    Args:
        decisions: rows of `DECISION_DTYPE`, in any order.

    Returns:
        One row per key value, sorted by its hashes: what there is of erasures,
        withdrawals and grants for another purpose, and the grants that count (after the
        latest withdrawal), by time; of two at one time the one that ends first.
    """
    sorted_ = _in_order(decisions)
    # Each field by itself: many passes over one are cheaper than over whole rows.
    h1, h2, kind, time = (
        np.ascontiguousarray(sorted_[name]) for name in ("h1", "h2", "kind", "time")
    )
    new = np.ones(len(sorted_), dtype=np.bool_)
    new[1:] = (h1[1:] != h1[:-1]) | (h2[1:] != h2[:-1])
    starts = np.flatnonzero(new)
    if not len(starts):
        return pa.RecordBatch.from_pylist([], schema=_SCHEMA)
    person = np.cumsum(new) - 1
    latest = np.maximum.reduceat(np.where(kind == WITHDRAW, time, _PAST), starts)
    bit = np.zeros(4, dtype=np.uint8)
    bit[[ERASE, WITHDRAW, OTHER]] = _HAS_ERASURE, _HAS_WITHDRAWAL, _HAS_OTHER
    flags = np.bitwise_or.reduceat(bit[kind], starts)
    counts = (kind == GRANT) & (time > latest[person])
    whose, times = person[counts], time[counts]
    first = np.ones(len(whose), dtype=np.bool_)
    first[1:] = (whose[1:] != whose[:-1]) | (times[1:] != times[:-1])
    offsets = np.zeros(len(starts) + 1, dtype=np.int32)
    np.cumsum(np.bincount(whose[first], minlength=len(starts)), out=offsets[1:])
    grants = pa.StructArray.from_arrays(
        [pa.array(times[first]), pa.array(sorted_["until"][counts][first])],
        fields=list(_GRANT),
    )
    return pa.RecordBatch.from_arrays(
        [
            pa.array(h1[starts]),
            pa.array(h2[starts]),
            pa.array(flags),
            pa.ListArray.from_arrays(pa.array(offsets), grants),
        ],
        schema=_SCHEMA,
    )


def _in_order(decisions: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give decisions sorted by hashes, time and end.

    A ledger is written as decisions come, and next to never do two people share a first
    hash: mostly the order by that hash, which keeps equal ones as they came, will do.
    """
    found = decisions[np.argsort(decisions["h1"], kind="stable")]
    one, following = found[:-1], found[1:]
    same = np.flatnonzero(one["h1"] == following["h1"])
    one, following = one[same], following[same]
    late = (following["time"] < one["time"]) | (
        (following["time"] == one["time"]) & (following["until"] < one["until"])
    )
    if (late | (one["h2"] != following["h2"])).any():
        keys = ("until", "time", "h2", "h1")
        found = decisions[np.lexsort([decisions[name] for name in keys])]
    return found


def write_shard(shard: pa.RecordBatch, path: str) -> None:
    """Write a shard as an Arrow IPC file, uncompressed so that it can be mapped."""
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    plain = CompressionTypes.UNCOMPRESSED
    with (
        FileSystems.create(path, compression_type=plain) as sink,
        pa.ipc.new_file(sink, _SCHEMA) as writer,
    ):
        writer.write_batch(shard)


def _bucketed(h1: Hashes) -> tuple[npt.NDArray[np.int64], np.uint64]:
    """Cut sorted hashes into ranges of one width: where each begins, and its bits."""
    if not len(h1):
        return np.zeros(1, dtype=np.int64), np.uint64(0)
    span = int(h1[-1]) - int(h1[0])
    shift = np.uint64(max(span.bit_length() - len(h1).bit_length(), 0))
    bucket = ((h1 - h1[0]) >> shift).astype(np.int64)
    starts = np.zeros((span >> int(shift)) + 2, dtype=np.int64)
    np.cumsum(np.bincount(bucket, minlength=len(starts) - 1), out=starts[1:])
    return starts, shift


@dataclass(frozen=True, eq=False)
class ShardTable:
    """One shard, ready for look-up; local files are mapped and read as needed.

    Attributes:
        h1: first hash of each key value, sorted.
        h2: second hash, sorted where the first is equal.
        flags: what there is besides grants.
        buckets: start of each range of first hashes among the rows; about a row each.
        shift: how many bits of a first hash, less the least one, its bucket leaves out.
        starts: key value → its first grant; one more than key values.
        times: time of each grant.
        until: last instant at which each grant holds.
    """

    h1: Hashes
    h2: Hashes
    flags: Bits
    buckets: npt.NDArray[np.int64]
    shift: np.uint64
    starts: npt.NDArray[np.int32]
    times: npt.NDArray[np.int64]
    until: npt.NDArray[np.int64]

    @classmethod
    def of(cls, shard: pa.RecordBatch, max_age: Duration | None) -> ShardTable:
        """Read the columns; a grant holds at most `max_age` from its time on."""
        grants = shard.column("grants")
        times = grants.values.field("time").to_numpy()
        until = grants.values.field("until").to_numpy()
        if max_age is not None:
            until = np.minimum(until, max_age.after(times))
        h1 = shard.column("h1").to_numpy()
        return cls(
            h1,
            shard.column("h2").to_numpy(),
            shard.column("flags").to_numpy(),
            *_bucketed(h1),
            grants.offsets.to_numpy(),
            times,
            until,
        )

    @classmethod
    def open(cls, path: str, max_age: Duration | None) -> ShardTable:
        """Open a shard file."""
        if is_local(path):
            source: Any = pa.memory_map(path)
        else:
            from apache_beam.io.filesystem import CompressionTypes
            from apache_beam.io.filesystems import FileSystems

            plain = CompressionTypes.UNCOMPRESSED
            with FileSystems.open(path, compression_type=plain) as stream:
                source = pa.py_buffer(stream.read())
        return cls.of(pa.ipc.open_file(source).get_batch(0), max_age)

    def find(self, h1: Hashes) -> npt.NDArray[np.int64]:
        """Give the first row whose first hash is the asked one, or -1.

        Hashes are spread evenly, so a table of ranges leads to the row in one or two
        steps, where a binary search would miss the cache twenty times.
        """
        found = np.full(len(h1), -1, dtype=np.int64)
        if not len(self.h1):
            return found
        open_ = np.flatnonzero((h1 >= self.h1[0]) & (h1 <= self.h1[-1]))
        bucket = (h1[open_] - self.h1[0]) >> self.shift
        here, end = self.buckets[bucket], self.buckets[bucket + np.uint64(1)]
        while len(open_):
            some = here < end
            open_, here, end = open_[some], here[some], end[some]
            there, asked = self.h1[here], h1[open_]
            same = there == asked
            found[open_[same]] = here[same]
            further = there < asked
            open_, here, end = open_[further], here[further] + 1, end[further]
        return found

    def confirm(
        self, places: npt.NDArray[np.int64], h1: Hashes, h2: Hashes
    ) -> npt.NDArray[np.int64]:
        """Give the row that has both hashes, or -1; `places` comes from `find`."""
        places = places.copy()
        open_ = np.flatnonzero(places >= 0)
        while len(open_):
            here = places[open_]
            open_ = open_[self.h2[here] != h2[open_]]
            if not len(open_):
                break
            # Two people share a first hash, once in a very great while: look further.
            following = places[open_] + 1
            inside = following < len(self.h1)
            same = np.zeros(len(open_), dtype=np.bool_)
            same[inside] = self.h1[following[inside]] == h1[open_[inside]]
            places[open_] = np.where(same, following, -1)
            open_ = open_[same]
        return places

    def state(
        self, places: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
    ) -> Bits:
        """Give what holds for the key value in each row of `places` at each time.

        Shape: int64 rows of this table and int64 microseconds UTC → uint8 bits of
        `verdicts`.
        """
        flags = self.flags[places]
        low = self.starts[places].astype(np.int64)
        high = self.starts[places + 1].astype(np.int64)
        some = high > low
        first = np.full(len(places), _PAST)
        first[some] = self.times[low[some]]
        early = some & (times < first)
        current = self._last_at(low, high, times)
        held = some & ~early
        until = np.full(len(places), _PAST)
        until[held] = self.until[current[held]]
        withdrawn = (flags & _HAS_WITHDRAWAL) > 0
        bits = np.zeros(len(places), dtype=np.uint8)
        bits[(flags & _HAS_ERASURE) > 0] |= np.uint8(ERASED)
        ended = held & (times > until)
        # A grant that had ended does not undo the withdrawal before it.
        bits[withdrawn & (~some | ended)] |= np.uint8(WITHDRAWN)
        bits[withdrawn & early] |= np.uint8(WITHDRAWN_THEN)
        bits[early] |= np.uint8(AFTER)
        bits[ended] |= np.uint8(EXPIRED)
        bits[held & (times <= until)] |= np.uint8(GRANTED)
        bits[~some & ((flags & _HAS_OTHER) > 0)] |= np.uint8(OTHER_PURPOSE)
        return bits

    def _last_at(
        self,
        low: npt.NDArray[np.int64],
        high: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.int64]:
        """Give the last grant of `[low, high)` that is not after its time.

        A binary search in all rows at once: as many rounds as the longest list asks
        for. Where there is none the result is `low - 1`.
        """
        low, high = low.copy(), high.copy()
        open_ = np.flatnonzero(low < high)
        while len(open_):
            middle = (low[open_] + high[open_]) // 2
            reached = self.times[middle] <= times[open_]
            low[open_] = np.where(reached, middle + 1, low[open_])
            high[open_] = np.where(reached, high[open_], middle)
            open_ = open_[low[open_] < high[open_]]
        return low - 1
