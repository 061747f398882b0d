"""How sure a pattern is, and what a recogniser made of patterns consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LIKELY", "SURE", "WEAK", "PatternGroup"]

SURE: Final = 0.95
LIKELY: Final = 0.7
WEAK: Final = 0.4


@dataclass(frozen=True)
class PatternGroup:
    """The patterns of one recogniser.

    Attributes:
        entity: what it finds.
        gate: RE2 pattern that every text with a match matches.
        patterns: name, regular expression of the `regex` package (case is ignored
            unless it says otherwise) and score.
    """

    entity: str
    gate: str
    patterns: tuple[tuple[str, str, float], ...]
