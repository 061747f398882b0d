"""Who a record is about, and whether they are of age."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.consent import Minors
from ..blocks.identity import normalised_identities
from .view import BlockView, Mask

__all__ = ["Identities", "ages_of"]

_OLDEST_AGE_YEARS = 125


class Identities:
    """The identity that names each record's data subject.

    The first subject key that names somebody counts; see `blocks.identity`.

    Attributes:
        named: rows that name somebody.
    """

    def __init__(self, view: BlockView, paths: tuple[str, ...]) -> None:
        self._view = view
        self._paths = paths
        self.named: Mask = np.zeros(view.rows, dtype=np.bool_)
        for path in paths:
            if self.named.all():
                break
            self.named = self.named | ~view.bare(path)

    def take(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Give the identities of some rows, null where nobody is named.

        Personal data, for keyed hashing alone.
        """
        # One column below the other, and the place there of each row's first key.
        columns: list[pa.Array] = []
        places = np.full(len(rows), -1)
        for path in self._paths:
            here = (places < 0) & ~self._view.bare(path)[rows]
            if here.any():
                places[here] = rows[here] + len(columns) * self._view.rows
                columns.append(self._view.array(path))
            if (places >= 0).all():
                break
        if not columns:
            return pa.nulls(len(rows), pa.string())
        stacked = columns[0] if len(columns) == 1 else pa.concat_arrays(columns)
        return normalised_identities(stacked.take(pa.array(places, mask=places < 0)))


def ages_of(
    view: BlockView, rule: Minors, times: npt.NDArray[np.int64], timed: Mask
) -> tuple[npt.NDArray[np.int64], Mask]:
    """Give the age at event time, in years, and where it is known.

    A birth year means the youngest possible age.
    """
    positions, texts = view.codes(rule.field)
    numbers = np.array([_year_or_age(text) for text in texts] + [-1], dtype=np.int64)
    stated = numbers[positions]
    if rule.kind == "age_years":
        ages = stated
    else:
        years = times.astype("datetime64[us]").astype("datetime64[Y]")
        ages = np.where(stated < 0, -1, years.astype(np.int64) + 1970 - stated - 1)
        # Born this year: 0 years old, not of unknown age.
        ages = np.where((stated >= 0) & (ages == -1), 0, ages)
        ages = np.where(timed, ages, -1)
    return ages, (ages >= 0) & (ages <= _OLDEST_AGE_YEARS)


def _year_or_age(text: str) -> int:
    """Read a whole number; -1 where there is none, which no age or year can be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else -1
