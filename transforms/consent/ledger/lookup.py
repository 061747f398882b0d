"""The broadcast join: every worker opens the ledger and looks its own records up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .durations import Duration
from .keys import by_shard, normalised, prefixed, siphash
from .prepare import PreparedLedger
from .shards import Bits, ShardTable

__all__ = ["LedgerLookup"]


class LedgerLookup:
    """Looks records up in a prepared ledger.

    Picklable; a process opens each shard when it first needs it. Several threads may
    use one look-up.
    """

    def __init__(
        self, prepared: PreparedLedger, max_age: Duration | None = None
    ) -> None:
        """Take the ledger and how old a grant may be at event time, or null: any age."""
        self._prepared = prepared
        self._max_age = max_age
        self._tables: dict[int, ShardTable] = {}

    def bits(
        self, columns: Mapping[str, pa.Array], event_times: npt.NDArray[np.int64]
    ) -> Bits:
        """Tell what the ledger says about each record.

        Args:
            columns: raw text of every record column in `prepared.columns`; others are
                not looked at.
            event_times: microseconds since 1970 UTC; where the event has no time the
                bits mean nothing but ERASED, WITHDRAWN and OTHER_PURPOSE.

        Returns:
            Per record the OR of the bits of `verdicts` over all its key values; 0 where
            no decision names it.

        Raises:
            KeyError: a record column is missing.
        """
        bits = np.zeros(len(event_times), dtype=np.uint8)
        find, confirm = self._prepared.hash_keys
        for column in self._prepared.columns:
            identities = normalised(columns[column])
            rows = np.flatnonzero(identities.is_valid().to_numpy(zero_copy_only=False))
            values = prefixed(column, identities.drop_null())
            h1 = siphash(values, find)
            for shard, members in by_shard(h1, self._prepared.shard_bits):
                table = self.table(shard)
                places = table.find(h1[members])
                # Most records of most feeds are in no ledger: hash only hits again.
                hits = np.flatnonzero(places >= 0)
                if not len(hits):
                    continue
                asked = h1[members][hits]
                h2 = siphash(values[members][hits], confirm)
                places = table.confirm(places[hits], asked, h2)
                hits, places = hits[places >= 0], places[places >= 0]
                where = rows[members][hits]
                bits[where] |= table.state(places, event_times[where])
        return bits

    def table(self, shard: int) -> ShardTable:
        """Give one shard, opened at most once per look-up and process."""
        if shard not in self._tables:
            path = self._prepared.shards[shard]
            self._tables[shard] = ShardTable.open(path, self._max_age)
        return self._tables[shard]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open files behind."""
        return {**self.__dict__, "_tables": {}}
