"""Labels: what a value is called at one level of a ladder."""

from __future__ import annotations

import ipaddress
import math
from bisect import bisect_right
from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import numpy as np

from ...policies.hierarchies import power_of

__all__ = [
    "NULL_LABEL",
    "TOP",
    "LabelOf",
    "calendar_of",
    "groups_of",
    "interval",
    "interval_of",
    "labelled",
    "networks_of",
    "powers_of",
    "prefix_of",
    "table_of",
    "text_of",
]

TOP = "*"
NULL_LABEL = "null"
"""How a missing value is published in a generalised column: a value like any other."""

LabelOf = Callable[[Any], str]


def labelled(label_of: LabelOf, value: Any) -> str:
    """Give the label, also of a missing value."""
    return NULL_LABEL if value is None else label_of(value)


def text_of(value: Any) -> str:
    """Write a value as it stands."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return _plain(value) if isinstance(value, float) else str(value)


def _plain(number: float) -> str:
    """Print a number without exponent where it is whole, else with all its digits."""
    return str(int(number)) if number.is_integer() else repr(number)


def _edge(number: float) -> str:
    """Print the edge of an interval: 3 * 0.1 reads 0.3."""
    return _plain(float(f"{number:.12g}")) if abs(number) < 1e12 else _plain(number)


def interval(value: float, width: float, anchor: float = 0.0) -> str:
    """Name the interval of a width that a value lies in."""
    # A value on an edge stays above it: 0.6 / 0.2 is 2.9999999999999996 in binary.
    number = float(np.floor((value - anchor) / width + 1e-9))
    low, high = anchor + number * width, anchor + (number + 1) * width
    return f"[{_edge(low)}, {_edge(high)})"


def interval_of(width: float, anchor: float) -> LabelOf:
    """Name intervals of a width that start at the anchor."""
    return lambda value: interval(value, width, anchor)


def groups_of(edges: tuple[Any, ...]) -> LabelOf:
    """Name groups between edges; the first and the last are open.

    How far they reach would be the smallest and the largest value, which are somebody's.
    """

    def label(value: Any) -> str:
        place = bisect_right(edges, value)
        if not edges:
            return TOP
        if place == 0:
            return f"<{text_of(edges[0])}"
        if place == len(edges):
            return f">={text_of(edges[-1])}"
        return f"[{text_of(edges[place - 1])}, {text_of(edges[place])})"

    return label


def powers_of(base: int, first: int) -> LabelOf:
    """Name intervals between powers; `first` is the base of the finest level."""
    step = power_of(base, first)

    def label(value: Any) -> str:
        number = abs(float(value))
        if number == 0:
            return "0"
        # A coarser exponent comes from the finest one, so that levels nest exactly.
        low = _exponent(number, first) // step * step
        edges = _power(first, low), _power(first, low + step)
        if value < 0:
            return f"(-{edges[1]}, -{edges[0]}]"
        return f"[{edges[0]}, {edges[1]})"

    return label


def _exponent(number: float, base: int) -> int:
    """Give the largest n whose power is at most the number; logarithms are rounded."""
    exact = Fraction(number)
    power = math.floor(math.log(number) / math.log(base))
    while Fraction(base) ** power > exact:
        power -= 1
    while Fraction(base) ** (power + 1) <= exact:
        power += 1
    return power


def _power(base: int, exponent: int) -> str:
    return str(base**exponent) if exponent >= 0 else f"{float(base) ** exponent:.12g}"


def networks_of(value: Any, bits: tuple[int, ...]) -> tuple[str, ...] | None:
    """Give an address or network and those around it; None where it is neither.

    A network that is coarser than a level stays as it is there. An IPv6 network keeps
    twice as many bits.
    """
    try:
        own = ipaddress.ip_network(text_of(value).strip(), strict=False)
    except ValueError:
        return None
    times = 2 if own.version == 6 else 1
    lengths = [min(own.prefixlen, kept * times) for kept in bits]
    alone = own.prefixlen == own.max_prefixlen
    zero = str(own.network_address) if alone else str(own)
    return (zero, *(str(own.supernet(new_prefix=length)) for length in lengths))


def prefix_of(length: int) -> LabelOf:
    """Keep leading characters."""

    # Padded to the value's own length: "94***" says how long the code was.
    def label(value: Any) -> str:
        text = text_of(value)
        return text[:length] + TOP * max(0, len(text) - length)

    return label


def table_of(table: dict[str, tuple[str, ...]], level: int) -> LabelOf:
    """Look labels up in a table."""

    # A value outside the table is at home nowhere: `*` at every level.
    def label(value: Any) -> str:
        entry = table.get(text_of(value))
        return TOP if entry is None else entry[level]

    return label


def calendar_of(unit: str) -> LabelOf:
    """Name the calendar unit that a day lies in."""
    forms: dict[str, LabelOf] = {
        "day": lambda day: f"{day:%Y-%m-%d}",
        "week": lambda day: "{}-W{:02d}".format(*day.isocalendar()[:2]),
        "month": lambda day: f"{day:%Y-%m}",
        "quarter": lambda day: f"{day.year}-Q{(day.month + 2) // 3}",
        "year": lambda day: f"{day.year}",
    }
    return forms[unit]
