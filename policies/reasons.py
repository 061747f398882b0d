"""Reason codes: why a record was dropped or quarantined, in order of precedence.

The order is the decision table's: the first code that applies to a record is its
*primary* reason, all others are kept beside it. Per-signal codes (`VETO_<SIGNAL>`,
`<SIGNAL>_DENIED`, …) take their rank from their family.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

__all__ = ["BAD_RECORD_CODES", "KEEP", "SUPPRESSED", "Outcome", "Rank", "Reason"]

Outcome = Literal["drop", "quarantine"]

KEEP = "KEEP"
SUPPRESSED = "SUPPRESSED"
"""A consented record left out because its class did not reach k."""

BAD_RECORD_CODES = ("BAD_RECORD", "BAD_ENCODING", "BAD_TYPE")
"""Codes that a reader gives: unreadable line, not UTF-8, value of another type."""


class Rank(IntEnum):
    """Rows of the decision table; a lower rank is the stronger reason."""

    BAD_RECORD = 10
    NO_EVENT_TIME = 11
    NO_SUBJECT = 12
    FUTURE_EVENT = 20
    MINOR = 30
    AGE_UNKNOWN = 40
    ERASED = 50
    WITHDRAWN = 60
    WITHDRAWN_THEN = 61
    VETO = 70
    DENIED = 80
    ATT_RESTRICTED = 90
    ATT_NOT_DETERMINED = 91
    MALFORMED = 100
    CONFLICT = 110
    EXPIRED = 120
    CONSENT_AFTER_EVENT = 130
    MISSING = 140
    UNKNOWN_VALUE = 141
    JURISDICTION_UNKNOWN = 150
    PURPOSE_NOT_GRANTED = 160


@dataclass(frozen=True, order=True)
class Reason:
    """Why a record goes, and where to; a sorted list of reasons is in precedence order.

    Attributes:
        rank: row of the decision table.
        code: the code, such as `ATT_DENIED`.
        outcome: to the drop log, or to quarantine.
    """

    rank: Rank
    code: str
    outcome: Outcome = "drop"

    @property
    def quarantined(self) -> bool:
        """Whether the record goes to quarantine and not to the drop log."""
        return self.outcome == "quarantine"
