"""Labels: what a value is called at one level of a ladder."""

from __future__ import annotations

import functools
import ipaddress
import math
from bisect import bisect_right
from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from ....policies.hierarchies import power_of

__all__ = [
    "NULL_LABEL",
    "TOP",
    "LabelOf",
    "calendar_of",
    "decimal_of",
    "escaped",
    "groups_of",
    "interval",
    "interval_of",
    "labelled",
    "networks_of",
    "powers_of",
    "prefix_of",
    "table_label",
    "table_of",
    "text_of",
]

TOP = "*"
NULL_LABEL = "null"
"""How a missing value is published in a generalised column: a value like any other."""

_SURE = 1_000_000.0
_ESCAPE = "\\"

LabelOf = Callable[[Any], str]


def labelled(label_of: LabelOf, value: Any) -> str:
    """Give the label, also of a missing value."""
    return NULL_LABEL if value is None else label_of(value)


def escaped(text: str) -> str:
    r"""Keep a text apart from the labels of a missing value and of the top.

    A value that reads `null` or `*` gets a backslash, one that has backslashes before
    that one more: no two texts share a label, and none has that of something else.

    >>> print(escaped("null"), escaped("*"), escaped("nullable"), escaped(r"\null"))
    \null \* nullable \\null
    """
    own = text.lstrip(_ESCAPE) not in (NULL_LABEL, TOP)
    return text if own else _ESCAPE + text


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


def interval(value: float, width: float) -> str:
    """Name the interval of a width that a value lies in, from 0 on."""
    return _from_zero(width)(value)


@functools.lru_cache(maxsize=64)
def _from_zero(width: float) -> LabelOf:
    return interval_of(width, 0.0, width)


def interval_of(width: float, anchor: float, finest: float) -> LabelOf:
    """Name intervals of a width that start at the anchor; `finest` divides the width.

    Widths and edges are decimal numbers as written, and a value counts with its first 15
    digits: 3 * 0.1 lies on the edge 0.3. A coarser interval comes from the finest one,
    so that levels nest exactly.
    """
    step, start = decimal_of(finest), decimal_of(anchor)
    times = int(decimal_of(width) / step)

    @functools.lru_cache(maxsize=1 << 16)  # neighbours share their interval
    def name(number: int) -> str:
        low = start + number * times * step
        return f"[{_edge(low)}, {_edge(low + times * step)})"

    whole = step.denominator == start.denominator == 1
    by, first = step.numerator, start.numerator
    width_, start_ = float(step), float(start)

    def cell(value: float) -> int:
        if isinstance(value, int):
            return (value - first) // by if whole else (value - start) // step
        share = (value - start_) / width_
        if abs(share) < _SURE and abs(value) < _SURE * width_:
            number = math.floor(share)
            if 1 / _SURE < share - number < 1 - 1 / _SURE:
                return number  # far from an edge, where rounding does no harm
        return (Fraction(f"{value:.15g}") - start) // step

    return lambda value: name(cell(value) // times)


def decimal_of(number: float) -> Fraction:
    """Give a number exactly as it is written: 0.1 is a tenth."""
    return Fraction(str(number))


def _edge(number: Fraction) -> str:
    """Print the edge of an interval."""
    return str(number.numerator) if number.denominator == 1 else repr(float(number))


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
        return escaped(text[:length] + TOP * max(0, len(text) - length))

    return label


def table_of(table: dict[str, tuple[str, ...]], level: int) -> LabelOf:
    """Look labels up in a table."""

    # A value outside the table is at home nowhere: `*` at every level.
    def label(value: Any) -> str:
        entry = table.get(text_of(value))
        return TOP if entry is None else table_label(entry[level])

    return label


def table_label(text: str) -> str:
    """Give a label of a table as it is published; `*` is the top in tables as well."""
    return text if text == TOP else escaped(text)


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
