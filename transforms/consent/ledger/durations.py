"""Spans of time as policies write them, and calendar arithmetic on whole columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Duration"]

Micros: TypeAlias = npt.NDArray[np.int64]

_TEXT = re.compile(r"([0-9]{1,9})(min|h|d|w|mo|y)")
_UNIT_MICROS = {
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_UNIT_MONTHS = {"mo": 1, "y": 12}
# Ten thousand years: no sum with a time of the years 1 to 9999 leaves 64 bits.
_MOST_MICROS = 3_652_500 * _UNIT_MICROS["d"]
_MOST_MONTHS = 120_000


@dataclass(frozen=True)
class Duration:
    """A positive span of time: whole minutes to weeks, or calendar months and years.

    Attributes:
        amount: how many units; 1 or more.
        unit: `min`, `h`, `d` (24 hours), `w`, `mo` or `y` (months and years of the
            calendar in UTC).

    >>> str(Duration.parse("13mo"))
    '13mo'
    """

    amount: int
    unit: Literal["min", "h", "d", "w", "mo", "y"]

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read a span such as `90min`, `12h`, `90d`, `2w`, `13mo`, `1y`.

        Raises:
            ValueError: the text is no such span, is zero, or is over 10,000 years.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            msg = (
                f"{text!r} is no duration. Write a whole number and a unit: "
                "min, h, d, w, mo or y, such as 90d or 13mo."
            )
            raise ValueError(msg)
        span = cls(int(found[1]), found[2])  # type: ignore[arg-type] # by the pattern
        if span.amount == 0:
            msg = f"{text!r} is no duration: it must be longer than zero."
            raise ValueError(msg)
        micros, months = span._parts()
        if micros > _MOST_MICROS or months > _MOST_MONTHS:
            msg = f"{text!r} is longer than 10,000 years. Write a shorter duration."
            raise ValueError(msg)
        return span

    def after(self, micros: Micros) -> Micros:
        """Give the times one span later.

        Months and years keep the day and the time of day; a day that the month lacks
        becomes its last one (31 January + 1mo is 28 or 29 February). Later times can so
        give earlier sums: 31 January 01:00 + 1mo comes before 30 January 23:00 + 1mo.

        Shape: int64 array of microseconds since 1970 UTC → the same shape.
        """
        return self._moved(micros, 1)

    def before(self, micros: Micros) -> Micros:
        """Give the times one span earlier; otherwise as `after`."""
        return self._moved(micros, -1)

    def __str__(self) -> str:
        """Give the span as policies write it."""
        return f"{self.amount}{self.unit}"

    def _parts(self) -> tuple[int, int]:
        """Give the span as microseconds and calendar months; one of them is zero."""
        return (
            self.amount * _UNIT_MICROS.get(self.unit, 0),
            self.amount * _UNIT_MONTHS.get(self.unit, 0),
        )

    def _moved(self, micros: Micros, sign: int) -> Micros:
        fixed, months = self._parts()
        times = np.asarray(micros, dtype=np.int64)
        if not months:
            return times + sign * fixed
        instants = times.astype("datetime64[us]")
        days = instants.astype("datetime64[D]")
        month = days.astype("datetime64[M]")
        day = days - month.astype("datetime64[D]")  # 0-based, in its month
        target = month + np.timedelta64(sign * months, "M")
        first = target.astype("datetime64[D]")
        length = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - first
        moved = first + np.minimum(day, length - np.timedelta64(1, "D"))
        return (moved.astype("datetime64[us]") + (instants - days)).astype(np.int64)
