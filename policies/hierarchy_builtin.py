"""Generalisation hierarchies that a policy takes by name.

A value is put to words by rule or from a small table, and read strictly: what is not
surely known is outside, and `hierarchy.outside` says what becomes of it.

Sources: countries and regions are those of the UN Statistics Division's M49 standard, by
their ISO 3166-1 codes (Taiwan, which M49 does not list, stands in Eastern Asia); states
are those that most postal codes of a three-digit area of the US Postal Service lie in;
divisions are those of the US Census Bureau. `hierarchy_data/README.md` names the data
sets and their licences. Devices are told by the patterns in which
their makers name them.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from .countries import country_of
from .hierarchies import load_table_hierarchy

__all__ = ["BUILTINS", "BUILTIN_LEVELS", "Builtin", "builtin_edition", "builtin_labels"]

Builtin = Literal["age", "country", "device_model", "us_zip"]
BUILTINS: tuple[str, ...] = get_args(Builtin)
"""Names of the hierarchies."""

BUILTIN_LEVELS: dict[str, tuple[str, ...]] = {
    "age": ("5 years", "10 years", "20 years"),
    "country": ("region", "continent"),
    "device_model": ("vendor", "class"),
    "us_zip": ("3 digits", "state", "division"),
}
"""Name → a word for each level between the value and `*`."""

_TOP_AGE = 90
_MAX_AGE = 130
_BANDS = (5, 10, 20)
_ZIP = re.compile(r"([0-9]{3})[0-9]{2}(?:-[0-9]{4})?")
_DATA = Path(__file__).parent / "hierarchy_data"


def builtin_labels(name: str, value: Any) -> tuple[str, ...] | None:
    """Give the labels of a value on all levels below `*`, or None if it is outside.

    Level 0 comes first: the value in one spelling (`DE` for Germany, `94110` for
    `94110-1234`, `90+` for all ages from 90). Equal labels of a level have equal labels
    on the next.

    Args:
        name: one of `BUILTINS`.
        value: not null.

    >>> builtin_labels("country", "Germany")
    ('DE', 'Western Europe', 'Europe')
    >>> builtin_labels("us_zip", "94110-1234")
    ('94110', '941**', 'CA', 'Pacific')
    >>> builtin_labels("age", 93)
    ('90+', '90+', '90+', '80+')
    >>> builtin_labels("device_model", "iPhone14,2")
    ('iPhone14,2', 'Apple phone', 'phone')

    Not covered: postal codes that lie in another state than most of their area; makers
    and models that are not among the patterns.
    """
    return _RULES[name](value)


@functools.cache
def builtin_edition(name: str) -> str:
    """Tell one edition of a built-in hierarchy from another: a digest of what it rules.

    Args:
        name: one of `BUILTINS`.

    Not covered: the spellings of countries that pycountry knows.
    """
    file = _DATA / f"{name}.csv"
    if file.is_file():
        ruled = file.read_bytes()
    elif name == "age":
        ruled = repr((_TOP_AGE, _MAX_AGE, _BANDS)).encode()
    else:
        ruled = repr([(p.pattern, *words) for p, *words in _DEVICES]).encode()
    return f"sha256:{hashlib.sha256(ruled).hexdigest()}"


def _age(value: Any) -> tuple[str, ...] | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not 0 <= number <= _MAX_AGE:  # NaN is no age either
        return None
    age = math.floor(number)
    own = f"{_TOP_AGE}+" if age >= _TOP_AGE else str(age)
    return (own, *(_band(age, width) for width in _BANDS))


def _band(age: int, width: int) -> str:
    # The band with the top ages is open; it starts at 80 where bands are 20 wide.
    low = min(age, _TOP_AGE) // width * width
    return f"{low}+" if low + width > _TOP_AGE else f"[{low}, {low + width})"


def _country(value: Any) -> tuple[str, ...] | None:
    code = country_of(str(value))
    above = _table("country").get(code) if code is not None else None
    return None if code is None or above is None else (code, *above)


def _us_zip(value: Any) -> tuple[str, ...] | None:
    match = _ZIP.fullmatch(str(value).strip())
    above = _table("us_zip").get(match[1]) if match is not None else None
    if match is None or above is None:
        return None
    return (match[0][:5], f"{match[1]}**", *above)


@functools.cache
def _table(name: str) -> dict[str, tuple[str, ...]]:
    table = load_table_hierarchy(_DATA / f"{name}.csv")
    between = zip(*table.levels[:-1], strict=True)
    return dict(zip(table.leaves, between, strict=True))


_DEVICES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.ASCII | re.IGNORECASE), vendor, kind)
    for pattern, vendor, kind in (
        (r"iphone\b.*|iphone\d+,\d+", "Apple", "phone"),
        (r"ipad\b.*|ipad\d+,\d+", "Apple", "tablet"),
        (r"ipod\b.*|ipod\d+,\d+", "Apple", "player"),
        (r"watch\d+,\d+|apple watch\b.*", "Apple", "watch"),
        (r"appletv\d+,\d+|apple tv\b.*", "Apple", "television"),
        (
            r"(macbook|imac|macmini|macpro|mac)(air|pro)?(\d+,\d+|\b.*)",
            "Apple",
            "computer",
        ),
        (r"sm-[ptx]\d{3}\w*|gt-p\d{4}\w*|galaxy tab\b.*", "Samsung", "tablet"),
        (r"sm-[rl]\d{3}\w*|galaxy watch\b.*", "Samsung", "watch"),
        (r"sm-[acefgjmnsw]\d{3}\w*|gt-[ins]\d{4}\w*|galaxy\b.*", "Samsung", "phone"),
        (r"pixel (tablet|c|slate)\b.*|nexus (7|9|10)", "Google", "tablet"),
        (r"pixel watch\b.*", "Google", "watch"),
        (r"pixel( (\d|fold|xl).*)?|nexus (4|5|5x|6|6p)", "Google", "phone"),
        (r"(xiaomi|mi|redmi|poco) pad\b.*", "Xiaomi", "tablet"),
        (
            r"(xiaomi|redmi|poco|mi) ?(\d|[a-z]\d|note|max|mix|redmi|poco).*",
            "Xiaomi",
            "phone",
        ),
        (
            r"(huawei )?(matepad|mediapad)\b.*|[a-z]{3}\d?-w\d{2}\w?",
            "Huawei or Honor",
            "tablet",
        ),
        (r"huawei (p|mate|nova|y|pura)\b.*|huawei (p|nova|y)\d.*", "Huawei", "phone"),
        (r"[a-z]{3}-([alnt]|al|an|lx|nx|tl)\d{1,2}\w?", "Huawei or Honor", "phone"),
        (r"(motorola )?moto [a-z]\b.*|xt\d{4}(-\d)?", "Motorola", "phone"),
        (r"oneplus (pad)\b.*", "OnePlus", "tablet"),
        (r"oneplus\b.*", "OnePlus", "phone"),
    )
)  # the first that fits the whole name counts


def _device_model(value: Any) -> tuple[str, ...] | None:
    text = str(value).strip()
    for pattern, vendor, kind in _DEVICES:
        if pattern.fullmatch(text):
            return text, f"{vendor} {kind}", kind
    return None


_RULES: dict[str, Callable[[Any], tuple[str, ...] | None]] = {
    "age": _age,
    "country": _country,
    "device_model": _device_model,
    "us_zip": _us_zip,
}
