"""Reads columns of TC and US Privacy strings, at the price of distinct texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...policies.signals import SignalSpec
from .readings import (
    NO_DAY,
    Decided,
    Reading,
    Readings,
    SignalReading,
    combine,
)
from .strings import (
    NULL_CODE,
    BoundedCache,
    TcfCodes,
    TcfQuery,
    TcfVerdict,
    UspVerdict,
    evaluate_column,
    tcf_codes_apart,
    usp_code,
)
from .view import BlockView

__all__ = [
    "DAY_MICROS",
    "TCF_TABLE",
    "Codes",
    "TcfReader",
    "UspReader",
    "lookup_table",
    "oldest",
]

Codes = npt.NDArray[np.int64]

DAY_MICROS = 86_400_000_000


def lookup_table(verdicts: Mapping[Any, Reading]) -> Readings:
    """Give verdict → reading as a look-up table, with `ABSENT` for -1 at its end."""
    table = np.zeros(len(verdicts) + 1, dtype=np.uint8)
    for verdict, reading in verdicts.items():
        table[int(verdict)] = reading
    table[-1] = Reading.ABSENT
    return table


TCF_TABLE = lookup_table(
    {
        TcfVerdict.GRANT: Reading.GRANT,
        TcfVerdict.PURPOSE_DENIED: Reading.PURPOSE_DENIED,
        TcfVerdict.VENDOR_DENIED: Reading.VENDOR_DENIED,
        TcfVerdict.OLD_POLICY: Reading.OLD_POLICY,
        TcfVerdict.VENDOR_NOT_DISCLOSED: Reading.VENDOR_NOT_DISCLOSED,
        TcfVerdict.MALFORMED: Reading.MALFORMED,
    }
)
"""TCF verdict → reading."""

_USP_TABLE = lookup_table(
    {
        UspVerdict.CLEAR: Reading.UNDECIDED,
        UspVerdict.OPTED_OUT: Reading.DENY,
        UspVerdict.MALFORMED: Reading.MALFORMED,
    }
)


class TcfReader:
    """Answers one question from a column of TC strings."""

    def __init__(self, query: TcfQuery) -> None:
        self._cache = _cache(TcfCodes(query))

    def read(self, view: BlockView, spec: SignalSpec) -> SignalReading:
        """Read the signal on every row, with the day of each choice."""
        carriers, earliest, latest = [], None, None
        for path in spec.paths:
            verdicts, days = tcf_codes_apart(_codes(view, path, self._cache))
            carriers.append(TCF_TABLE[verdicts])
            times = _micros(days)
            earliest = times if earliest is None else oldest(earliest, times)
            latest = times if latest is None else np.maximum(latest, times)
        found = combine(view, spec, carriers)
        if earliest is None or latest is None:  # a signal has one path at least
            return found
        decided = Decided(earliest, latest, by_day=True)
        return SignalReading(found.readings, found.conflict, decided)


class UspReader:
    """Reads opt-outs from a column of US Privacy strings."""

    def __init__(self) -> None:
        self._cache = _cache(usp_code)

    def read(self, view: BlockView, spec: SignalSpec) -> SignalReading:
        """Read the signal on every row."""
        carriers = [_USP_TABLE[_codes(view, p, self._cache)] for p in spec.paths]
        return combine(view, spec, carriers)


class _Stripped:
    """Gives the code of a text without its outer blanks; blank text is no string."""

    def __init__(self, code: Callable[[str], int]) -> None:
        self._code = code

    def __call__(self, text: str) -> int:
        """Give the code, `NULL_CODE` for blank text."""
        stripped = text.strip()
        return self._code(stripped) if stripped else NULL_CODE


def _cache(code: Callable[[str], int]) -> BoundedCache:
    return BoundedCache(_Stripped(code))


def _codes(view: BlockView, path: str, cache: BoundedCache) -> Codes:
    """Evaluate the strings of one column; -1 where there is none."""
    return evaluate_column(view.array(path), cache)


def _micros(days: npt.NDArray[np.datetime64]) -> Codes:
    numbers = days.astype(np.int64)
    known = ~np.isnat(days)
    return np.where(known, np.where(known, numbers, 0) * DAY_MICROS, NO_DAY)


def oldest(one: Codes, other: Codes) -> Codes:
    """Give the older of two times; where one is missing, the other."""
    older = np.minimum(one, other)
    return np.where((one == NO_DAY) | (other == NO_DAY), np.maximum(one, other), older)
