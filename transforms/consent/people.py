"""Who a record is about, and whether they are of age."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.consent import Minors
from .view import BlockView, Mask

__all__ = ["ages_of", "subject_identities"]

_ZERO_ID = r"^[0\-:\s]*$"
_OLDEST_AGE_YEARS = 125


def subject_identities(view: BlockView, paths: tuple[str, ...]) -> pa.Array:
    """Give the identity that names each record's data subject, null where none does.

    The first subject key that is present counts. All-zero and blank identifiers name
    nobody. Case and outer blanks do not tell people apart: merging two spellings can
    only make a class look smaller, never larger.
    """
    identities = pa.nulls(view.rows, pa.string())
    for path in paths:
        if identities.null_count == 0:
            break
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(view.array(path)))
        zero = pc.match_substring_regex(texts, _ZERO_ID).fill_null(True)
        texts = pc.if_else(zero, pa.scalar(None, pa.string()), texts)
        identities = pc.coalesce(identities, texts)
    return identities


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
