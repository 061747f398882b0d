"""Check one keyword argument of an expectation against its shape."""

from __future__ import annotations

import math
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from .catalogue import TYPE_NAMES, Shape

__all__ = ["argument_problem"]


def argument_problem(value: object, shape: Shape) -> str:
    """Say what is wrong with `value` as a `shape`, or "" if nothing is."""
    if isinstance(value, dict) and "$PARAMETER" in value:
        return "suite parameters are not supported; write the value"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if number and not math.isfinite(value):  # type: ignore[arg-type]  # a number
        return "must be finite"
    match shape:
        case "column":
            return "" if isinstance(value, str) and value else "must be a column name"
        case "columns":
            return _names_problem(value)
        case "text":
            return "" if isinstance(value, str) and value else "must be text"
        case "words":
            return "" if _are_words(value) else "must be a list of different texts"
        case "aggregates":
            good = bool(value) and isinstance(value, str | dict)
            return "" if good else "must be a mapping, or the path of a JSON file"
        case "flag":
            return "" if isinstance(value, bool) else "must be true or false"
        case "index":
            return "" if whole else "must be a whole number"
        case "count":
            good = isinstance(value, int) and whole and value >= 0
            return "" if good else "must be a whole number, 0 or more"
        case "number":
            return "" if number else "must be a number"
        case "share":
            good = number and 0 <= value <= 1  # type: ignore[operator]  # a number
            return "" if good else "must be a number from 0 to 1"
        case "bound":
            return "" if number or _is_moment(value) else _BOUND
        case "regex":
            return _regex_problem(value)
        case "values":
            return _values_problem(value)
        case "type":
            return _types_problem([value])
        case "types":
            return _types_problem(value)


_BOUND = "must be a number, a date (2026-01-31) or a time (2026-01-31T00:00:00Z)"


def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        return False
    return len(value) >= 10


def _are_words(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    words = all(isinstance(word, str) and word for word in value)
    return words and len(set(value)) == len(value)


def _names_problem(value: object) -> str:
    if not isinstance(value, list) or not value:
        return "must be a list of column names"
    if not all(isinstance(name, str) and name for name in value):
        return "must hold column names only"
    return "" if len(set(value)) == len(value) else "names a column twice"


def _values_problem(value: object) -> str:
    if not isinstance(value, list) or not value:
        return "must be a list of at least one value"
    kinds = {
        "text" if isinstance(item, str)
        else "boolean" if isinstance(item, bool)
        else "number" if isinstance(item, int | float)
        else "other"
        for item in value
    }  # fmt: skip
    if "other" in kinds:
        return (
            "must hold text, numbers or booleans; a null is never tested, leave it out"
        )
    if len(kinds) > 1:
        return f"mixes {' and '.join(sorted(kinds))}; a column holds one kind"
    if kinds == {"number"} and not all(math.isfinite(item) for item in value):
        return "must hold finite numbers"
    return ""


def _regex_problem(value: object) -> str:
    if not isinstance(value, str):
        return "must be a regular expression in text"
    try:
        pc.match_substring_regex(pa.array([""]), value)
    except pa.ArrowInvalid:
        return (
            "RE2 cannot run this regular expression (it has no look-around and no "
            "back-references); rewrite it without them"
        )
    return ""


def _types_problem(value: object) -> str:
    if not isinstance(value, list) or not value:
        return "must be a list of type names"
    unknown = [name for name in value if name not in TYPE_NAMES]
    if not unknown:
        return ""
    return f"unknown type name {unknown[0]!r}. Known: {', '.join(sorted(TYPE_NAMES))}"
