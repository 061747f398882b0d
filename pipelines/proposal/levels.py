"""Hierarchies that fit what a column holds; none of them shows a value of it."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np

from ...policies.hierarchy_builtin import builtin_labels
from .sample import Look

__all__ = ["is_geohash", "known_to", "levels_of_codes", "levels_of_numbers"]

_CELLS = 40
"""About how many of the finest intervals span a column."""

_LEVELS = 4
_SKEW = 8.0
_SMALL = 12


def levels_of_numbers(look: Look) -> tuple[str | None, int, str]:
    """Propose levels for numbers.

    Returns:
        The hierarchy as the policy writes it (none for a handful of values), how many
        levels stand between value and `*`, and why.
    """
    numbers = look.numbers
    if look.variety <= _SMALL and look.kind == "integer":
        return None, 0, "few values: as they are, or *"
    low, high = float(numbers.min()), float(numbers.max())
    if high <= low:
        return None, 0, "one value so far"
    tenth, ninetieth = np.quantile(numbers, [0.1, 0.9])
    middle = float(ninetieth - tenth)
    if middle <= 0 or (high - low) / middle > _SKEW:
        why = "uneven: groups with about equally many people"
        return "{quantiles: [20, 10, 5]}", 3, why
    widths = _nested(high - low, whole=look.kind == "integer")
    return f"{{widths: [{', '.join(widths)}]}}", len(widths), "intervals that nest"


def _nested(span: float, *, whole: bool) -> list[str]:
    """Give rising widths of 1, 2 or 5 times a power of ten, each a multiple before it."""
    power = math.floor(math.log10(span / _CELLS))
    lead = next(n for n in (1, 2, 5, 10) if n * 10.0**power >= span / _CELLS)
    if lead == 10:
        lead, power = 1, power + 1
    if whole and (power < 0 or (power, lead) == (0, 1)):
        lead, power = 5, 0  # an interval of width 1 is the value
    widths: list[str] = []
    while len(widths) < _LEVELS and (not widths or lead * 10.0**power < span):
        widths.append(_decimal(lead, power))
        # 1, 5, 10, 50, …; 2, 10, 20, 100, …; 5, 10, 50, …
        lead, power = {1: (5, power), 2: (1, power + 1), 5: (1, power + 1)}[lead]
    return widths


def _decimal(lead: int, power: int) -> str:
    """Write lead times ten to the power without exponent."""
    return str(lead * 10**power) if power >= 0 else f"{lead / 10**-power:.{-power}f}"


def levels_of_codes(look: Look) -> tuple[str | None, int]:
    """Propose prefixes from how long the codes mostly are; none for short ones."""
    lengths = Counter(len(value) for value in look.distinct)
    usual = max(lengths, key=lambda length: (lengths[length], length))
    kept = sorted({usual - 2 if usual > 3 else usual - 1, usual // 2, 1}, reverse=True)
    kept = [length for length in kept if 0 < length < usual]
    if not kept:
        return None, 0
    return f"{{prefix: [{', '.join(map(str, kept))}]}}", len(kept)


def known_to(look: Look, builtin: str) -> float:
    """Give the share of the distinct values that a built-in hierarchy holds."""
    return look.share(lambda value: builtin_labels(builtin, value) is not None)


def is_geohash(look: Look) -> bool:
    """Tell whether the values may be cells of a geohash."""
    cell = re.compile(r"[0-9b-hjkmnp-z]{3,12}")
    return look.kind == "text" and look.share(cell.fullmatch) == 1
