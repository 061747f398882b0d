"""What the ledger says about one key value or one record: bits of a uint8."""

from __future__ import annotations

from typing import Final

__all__ = [
    "AFTER",
    "ERASED",
    "EXPIRED",
    "GRANTED",
    "OTHER_PURPOSE",
    "WITHDRAWN",
    "WITHDRAWN_THEN",
]

ERASED: Final = 1
"""An erasure, whenever it was."""

WITHDRAWN: Final = 2
"""The latest withdrawal has no later grant, or one that had ended at the event."""

WITHDRAWN_THEN: Final = 4
"""Granted again after the latest withdrawal, but after this event."""

EXPIRED: Final = 8
"""The grant that was current at the event had run out or was too old."""

AFTER: Final = 16
"""Every grant that counts is later than the event."""

OTHER_PURPOSE: Final = 32
"""No grant counts for this purpose, but there is one for another."""

GRANTED: Final = 64
"""A grant was current at the event."""
