"""Attacks on our own output, by someone who knows the algorithm and its settings."""

from __future__ import annotations

from .counts import guess_counts, guess_sets
from .downcoding import Downcoding, downcode, walk_of
from .minimality import Withheld, chances_if_withheld, guess_withheld
from .report import AttackReport, report_attacks

__all__ = [
    "AttackReport",
    "Downcoding",
    "Withheld",
    "chances_if_withheld",
    "downcode",
    "guess_counts",
    "guess_sets",
    "guess_withheld",
    "report_attacks",
    "walk_of",
]
