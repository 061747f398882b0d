"""The ledger of consent decisions, and its join as of each event.

`prepare_ledger` reads and checks it once. `LedgerLookup` is the join for ledgers that
every worker can open; `join.JoinLedger` (which needs Beam) shuffles records to it.
"""

from __future__ import annotations

from .durations import Duration
from .keys import ledger_hash_keys
from .lookup import LedgerLookup
from .plan import LedgerPlan
from .prepare import PreparedLedger, prepare_ledger

__all__ = [
    "Duration",
    "LedgerLookup",
    "LedgerPlan",
    "PreparedLedger",
    "ledger_hash_keys",
    "prepare_ledger",
]
