"""Values that are none of what their column's type says: found, and never shown."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.countries import is_country
from ...policies.national_ids import is_national_id
from ...policies.semantic_types import SemanticType
from .distinct import as_array, map_distinct
from .identifiers import IPV4, parse_ip

__all__ = ["has_check", "invalid_finding", "unfit_rows"]

_CARD_DIGITS = 19  # longest account number (ISO/IEC 7812-1)
_IBAN = re.compile(r"[a-z]{2}\d{2}[a-z\d]{11,30}")


def has_check(semantic: SemanticType) -> bool:
    """Tell whether a type says which values are none of it."""
    return any((semantic.pattern, semantic.bounds, semantic.checksum))


def invalid_finding(semantic: SemanticType) -> str:
    """Name the finding: `INVALID_EMAIL` for rows that hold no e-mail address."""
    return f"INVALID_{semantic.name.upper()}"


def unfit_rows(
    array: pa.Array, semantic: SemanticType, country: str | None = None
) -> pa.Array:
    """Tell which rows hold a value that is none of the type: any → boolean.

    Null and blank rows hold none; they are not unfit. Texts are looked at once per
    distinct value, without outer white space and in lower case.

    Args:
        array: the values.
        semantic: their type.
        country: of a `national_id`: whose personal numbers they must be.
    """
    array = as_array(array)
    if semantic.bounds is not None:
        low, high = semantic.bounds
        held = pc.year(array) if pa.types.is_date(array.type) else array
        fits = pc.and_(pc.greater_equal(held, low), pc.less_equal(held, high))
        unfit = pc.invert(fits)
    else:
        unfit = map_distinct(
            array, lambda texts: _unfit_texts(texts, semantic, country)
        )
    return unfit.fill_null(pa.scalar(value=False))


def _unfit_texts(
    texts: pa.Array, semantic: SemanticType, country: str | None
) -> pa.Array:
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    if country is not None:
        found = [is_national_id(text, country) for text in texts.to_pylist()]
        fits = pa.array(found, pa.bool_())
    elif semantic.checksum == "country":
        found = [is_country(text) for text in texts.to_pylist()]
        fits = pa.array(found, pa.bool_())
    elif semantic.pattern is not None:
        fits = pc.match_substring_regex(texts, semantic.pattern)
    elif semantic.checksum == "luhn":
        fits = pa.array(_luhn(texts))
    elif semantic.checksum == "iban":
        compact = pc.replace_substring_regex(texts, r"[\s.-]", "")
        fits = pa.array([_is_iban(text) for text in compact.to_pylist()], pa.bool_())
    else:
        fits = _is_ip(texts)
    return pc.and_(pc.invert(fits), pc.not_equal(texts, ""))


def _luhn(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Check card numbers (ISO/IEC 7812-1, annex B), all at once."""
    digits = pc.replace_substring_regex(texts, r"[\s.-]", "")
    shaped = pc.match_substring_regex(digits, r"^[0-9]{12,19}$")
    digits = pc.if_else(shaped, digits, "")
    padded = pc.utf8_lpad(digits, width=_CARD_DIGITS, padding="0").cast(pa.binary())
    joined = b"".join(padded.to_pylist())
    numbers = np.frombuffer(joined, np.uint8).reshape(-1, _CARD_DIGITS) - ord("0")
    doubled = numbers[:, -2::-2] * 2
    total = numbers[:, ::-2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)
    passed: npt.NDArray[np.bool_] = shaped.to_numpy(zero_copy_only=False)
    return passed & (total % 10 == 0)


def _is_iban(text: str) -> bool:
    if not _IBAN.fullmatch(text):
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_ip(texts: pa.Array) -> pa.Array:
    plain = pc.match_substring_regex(texts, IPV4)
    if pc.all(plain, min_count=0).as_py():
        return plain
    read = [parse_ip(text) is not None for text in texts.to_pylist()]
    return pa.array(read, pa.bool_())
