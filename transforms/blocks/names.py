"""Names of the columns that optin itself adds to a block, and how a block is marked."""

from __future__ import annotations

__all__ = [
    "BLOCK_ROWS",
    "EVENT_TIME",
    "RAW_PREFIX",
    "RECORD",
    "SPLIT_KEY",
    "SUBJECT",
    "SYSTEM_PREFIX",
    "is_system",
    "raw_name",
]

BLOCK_ROWS = 65_536
"""Most rows that a block has."""

SYSTEM_PREFIX = "optin:"
"""Every column whose name starts so is optin's own; never published by itself."""

RECORD = "optin:record"
"""int64: 0-based ordinal of the record within its split (the reader adds it)."""

SUBJECT = "optin:subject"
"""uint64: start of the keyed hash of the data subject (the consent gate adds it)."""

EVENT_TIME = "optin:event_time"
"""timestamp[us, UTC]: when the event happened (the consent gate adds it)."""

RAW_PREFIX = "optin:raw:"
"""Prefix of the canonical-text columns that the consent gate reads."""

SPLIT_KEY = b"optin.split"
"""Key of the schema metadata that holds the id of the block's source split."""


def raw_name(column: str) -> str:
    """Give the name under which the canonical text of `column` stands in a block.

    >>> raw_name("device.os")
    'optin:raw:device.os'
    """
    return RAW_PREFIX + column


def is_system(column: str) -> bool:
    """Tell whether `column` is one of optin's own and not of the input."""
    return column.startswith(SYSTEM_PREFIX)
