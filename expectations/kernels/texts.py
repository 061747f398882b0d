"""Predicates on text, each evaluated once for every distinct value of a block."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from ..columns import ColumnView
from ..partials import Tally
from .fit import Arguments, Kernel, UnfitError, outside, text_values
from .values import inside

__all__ = ["TEXTS", "like_regex"]


def _match(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, _any_of(view, [arguments["regex"]]))


def _not_match(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, pc.invert(_any_of(view, [arguments["regex"]])))


def _match_list(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, _listed(view, arguments["regex_list"], arguments))


def _not_match_list(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, pc.invert(_any_of(view, arguments["regex_list"])))


def _like(view: ColumnView, arguments: Arguments) -> Tally:
    return outside(view, _any_of(view, _likes([arguments["like_pattern"]], arguments)))


def _not_like(view: ColumnView, arguments: Arguments) -> Tally:
    patterns = _likes([arguments["like_pattern"]], arguments)
    return outside(view, pc.invert(_any_of(view, patterns)))


def _like_list(view: ColumnView, arguments: Arguments) -> Tally:
    patterns = _likes(arguments["like_pattern_list"], arguments)
    return outside(view, _listed(view, patterns, arguments))


def _not_like_list(view: ColumnView, arguments: Arguments) -> Tally:
    patterns = _likes(arguments["like_pattern_list"], arguments)
    return outside(view, pc.invert(_any_of(view, patterns)))


def _any_of(view: ColumnView, patterns: Iterable[str]) -> pa.Array:
    return reduce(pc.or_, _each_pattern(view, patterns))


def _listed(
    view: ColumnView, patterns: Iterable[str], arguments: Arguments
) -> pa.Array:
    join = pc.and_ if arguments.get("match_on") == "all" else pc.or_
    return reduce(join, _each_pattern(view, patterns))


def _each_pattern(view: ColumnView, patterns: Iterable[str]) -> list[pa.Array]:
    values = text_values(view)
    return [pc.match_substring_regex(values, pattern) for pattern in patterns]


def _likes(patterns: Iterable[str], arguments: Arguments) -> list[str]:
    return [like_regex(pattern, arguments.get("escape")) for pattern in patterns]


def like_regex(pattern: str, escape: str | None = None) -> str:
    """Write a SQL LIKE pattern as RE2: `%` is any text, `_` any one character.

    Case matters. Without `escape` no character is special but those two.

    Raises:
        ValueError: the escape character is the last one.
    """
    parts = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            following = next(characters, None)
            if following is None:
                message = "the escape character stands at the end, before nothing"
                raise ValueError(message)
            parts.append(re.escape(following))
        else:
            parts.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    return f"(?s)^(?:{''.join(parts)})$"


def _length_equal(view: ColumnView, arguments: Arguments) -> Tally:
    lengths = pc.utf8_length(text_values(view))
    return outside(view, pc.equal(lengths, arguments["value"]))


def _length_between(view: ColumnView, arguments: Arguments) -> Tally:
    lengths = pc.cast(pc.utf8_length(text_values(view)), pa.int64())
    return outside(view, inside(lengths, "int", arguments))


def _each(view: ColumnView, fits: Callable[[str], bool]) -> Tally:
    """Ask `fits` once for each distinct text."""
    values = text_values(view)
    if view.weights is None:
        counted = pc.value_counts(values)
        values = counted.field("values")
        weights = counted.field("counts").to_numpy(zero_copy_only=False)
        view = replace(view, values=values, weights=weights)
    try:
        marks = [fits(value) for value in values.to_pylist()]
    except UnfitError:
        raise
    except Exception as error:  # noqa: BLE001  # its text may hold the value
        message = f"one of its values cannot be read at all ({type(error).__name__})"
        raise UnfitError(message) from None
    return outside(view, pa.array(marks, pa.bool_()))


def _json(view: ColumnView, _: Arguments) -> Tally:
    if view.family == "other":
        message = "whether it is JSON is read of text"
        raise UnfitError(message, foreign=True)
    if view.family != "text":  # a number is no JSON text, as it is for GX
        return Tally(nulls=view.nulls, unexpected=view.present)
    return _each(view, _is_json)


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def _json_schema(view: ColumnView, arguments: Arguments) -> Tally:
    from jsonschema.validators import validator_for  # Great Expectations' own choice

    schema = arguments["json_schema"]
    validator = validator_for(schema)(schema)

    def fits(value: str) -> bool:
        try:
            loaded = json.loads(value)
        except (ValueError, RecursionError):
            message = "one of its values is not JSON, so no schema can be held to it"
            raise UnfitError(message) from None
        return bool(validator.is_valid(loaded))

    return _each(view, fits)


def _strftime(view: ColumnView, arguments: Arguments) -> Tally:
    form = arguments["strftime_format"]

    def fits(value: str) -> bool:
        try:
            datetime.strptime(value, form)  # noqa: DTZ007  # only whether it parses
        except ValueError:
            return False
        return True

    return _each(view, fits)


def _dateutil(view: ColumnView, _: Arguments) -> Tally:
    from dateutil.parser import parse

    def fits(value: str) -> bool:
        try:
            parse(value)
        except (ValueError, OverflowError):
            return False
        return True

    return _each(view, fits)


TEXTS: dict[str, Kernel] = {
    "dateutil": _dateutil,
    "json": _json,
    "json_schema": _json_schema,
    "length_between": _length_between,
    "length_equal": _length_equal,
    "like": _like,
    "like_list": _like_list,
    "match": _match,
    "match_list": _match_list,
    "not_like": _not_like,
    "not_like_list": _not_like_list,
    "not_match": _not_match,
    "not_match_list": _not_match_list,
    "strftime": _strftime,
}
