"""Check one keyword argument of an expectation against its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from .catalogue import TYPE_NAMES, Shape
from .kernels.texts import like_regex

__all__ = ["argument_problem", "escape_problem"]


def argument_problem(value: object, shape: Shape) -> str:
    """Say what is wrong with `value` as a `shape`, or "" if nothing is."""
    if isinstance(value, dict) and "$PARAMETER" in value:
        return "suite parameters are not supported; write the value"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if number and not math.isfinite(value):  # type: ignore[arg-type]  # a number
        return "must be finite"
    if shape in _CHOICES:
        known = _CHOICES[shape]
        return "" if value in known else f"must be one of {', '.join(known)}"
    if shape in _FORMS:
        return _FORMS[shape](value)
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
    message = f"no rule for the shape {shape}"
    raise AssertionError(message)


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


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "ignore_pair": ("both_values_are_missing", "either_value_is_missing", "neither"),
    "ignore_record": ("all_values_are_missing", "any_value_is_missing", "never"),
    "match_on": ("all", "any"),
    "method": ("iqr", "std"),
}


def _list_of(problem: Callable[[object], str], what: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, list) or not value:
            return f"must be a list of at least one {what}"
        return next((found for found in map(problem, value) if found), "")

    return check


def escape_problem(patterns: list[str], escape: str | None) -> str:
    """Say whether a LIKE pattern ends in an escape character that escapes nothing."""
    for pattern in patterns:
        try:
            like_regex(pattern, escape)
        except ValueError as error:
            return str(error)
    return ""


def _like_problem(value: object) -> str:
    return "" if isinstance(value, str) else "must be a LIKE pattern in text"


def _character_problem(value: object) -> str:
    one = isinstance(value, str) and len(value) == 1
    return "" if one else "must be one character"


def _text_problem(value: object) -> str:
    return "" if isinstance(value, str) and value else "must be text"


def _strftime_problem(value: object) -> str:
    if not isinstance(value, str):
        return "must be a format in text, such as %Y-%m-%d"
    try:
        datetime.strptime(datetime(2024, 1, 31).strftime(value), value)  # noqa: DTZ001, DTZ007  # a format has no zone
    except ValueError:
        return "is not a format that strptime reads, such as %Y-%m-%d"
    return ""


def _schema_problem(value: object) -> str:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(value, dict):
        return "must be a JSON schema"
    if _fetches(value):
        return "refers to another document ($ref); write it out, nothing is fetched"
    try:
        validator_for(value).check_schema(value)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        return f"is not a valid JSON schema (at /{place})"
    return ""


def _fetches(value: object) -> bool:
    if isinstance(value, list):
        return any(_fetches(item) for item in value)
    if not isinstance(value, dict):
        return False
    away = any(
        isinstance(value.get(key), str) and not value[key].startswith("#")
        for key in ("$ref", "$dynamicRef", "$recursiveRef")
    )
    return away or any(_fetches(item) for item in value.values())


def _pairs_problem(value: object) -> str:
    if not isinstance(value, list) or not value:
        return "must be a list of pairs"
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            return "must hold pairs: lists of two values"
        if not all(
            item is None or isinstance(item, str | int | float) for item in pair
        ):
            return "must hold pairs of text, numbers, booleans or null"
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _quantiles_problem(value: object) -> str:
    form = "must be {quantiles: [0.5], value_ranges: [[1, 2]]}"
    if not isinstance(value, dict) or set(value) != {"quantiles", "value_ranges"}:
        return form
    quantiles, ranges = value["quantiles"], value["value_ranges"]
    if not isinstance(quantiles, list) or not isinstance(ranges, list) or not quantiles:
        return form
    if not all(_is_number(item) and 0 <= item <= 1 for item in quantiles):
        return "quantiles must be numbers from 0 to 1"
    if len(quantiles) != len(ranges):
        return "needs one range for each quantile"
    for limits in ranges:
        if not isinstance(limits, list) or len(limits) != 2:
            return "a range is [lowest, highest]; null leaves a side open"
        if not all(item is None or _is_number(item) for item in limits):
            return "ranges hold numbers or null"
        if None not in limits and limits[0] > limits[1]:
            return "a range is [lowest, highest]"
    return ""


def _relative_problem(value: object) -> str:
    known = ("linear", "lower", "higher", "midpoint", "nearest")
    if value is False or value in known:
        return ""
    return f"must be false or one of {', '.join(known)}"


def _partition_problem(value: object) -> str:
    form = "must be {values: […], weights: […]} or {bins: […], weights: […]}"
    if not isinstance(value, dict) or "weights" not in value:
        return form
    if ("values" in value) == ("bins" in value):
        return form
    weights = value["weights"]
    if not isinstance(weights, list) or not all(_is_number(item) for item in weights):
        return "weights must be a list of numbers"
    total = sum(weights) + sum(value.get("tail_weights") or [])
    if abs(total - 1) > 1e-4 * max(1, abs(total)):
        return "weights must sum to 1"
    if "values" in value:
        problem = _values_problem(value["values"])
        if not problem and len(value["values"]) != len(weights):
            return "needs one weight for each value"
        return problem
    bins = value["bins"]
    if not isinstance(bins, list) or not all(_is_number(item) for item in bins):
        return "bins must be a list of numbers"
    if any(low >= high for low, high in pairwise(bins)):
        return "bins must rise"
    return "" if len(bins) == len(weights) + 1 else "needs one weight for each bin"


_FORMS: Mapping[str, Callable[[object], str]] = {
    "character": _character_problem,
    "dtype": _text_problem,
    "like": _like_problem,
    "likes": _list_of(_like_problem, "LIKE pattern"),
    "pairs": _pairs_problem,
    "partition": _partition_problem,
    "quantiles": _quantiles_problem,
    "regexes": _list_of(_regex_problem, "regular expression"),
    "relative": _relative_problem,
    "schema": _schema_problem,
    "strftime": _strftime_problem,
}
