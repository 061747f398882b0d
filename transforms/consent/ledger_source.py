"""How the gate gets at the ledger's answers: by its own look-up, or from a join before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..blocks.names import RECORD, SPLIT_KEY, raw_name
from .ledger import Duration, LedgerLookup, PreparedLedger
from .ledger.verdict_files import VerdictFiles

__all__ = ["BroadcastLedger", "ShardedLedger"]

Bits = npt.NDArray[np.uint8]


class BroadcastLedger:
    """Looks every record up in a ledger that each worker opens."""

    def __init__(self, prepared: PreparedLedger, max_age: str | None) -> None:
        age = None if max_age is None else Duration.parse(max_age)
        self._columns = prepared.columns
        self._lookup = LedgerLookup(prepared, age)

    def bits(self, block: pa.RecordBatch, times: npt.NDArray[np.int64]) -> Bits:
        """Give the ledger's bits of every row."""
        columns = {name: block.column(raw_name(name)) for name in self._columns}
        return self._lookup.bits(columns, times)


class ShardedLedger:
    """Takes the answers of a join that an earlier pass left in files."""

    def __init__(self, folder: str) -> None:
        self._files = VerdictFiles(folder)

    def bits(self, block: pa.RecordBatch, times: npt.NDArray[np.int64]) -> Bits:  # noqa: ARG002 # the join knew the times
        """Give the ledger's bits of every row."""
        split = (block.schema.metadata or {})[SPLIT_KEY].decode()
        return self._files.bits(split, block.column(RECORD).to_numpy())
