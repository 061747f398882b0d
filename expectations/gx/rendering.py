"""How a privacy expectation and its result read in Great Expectations' pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .definitions import Definition

__all__ = ["counts_in_words", "sentence_of"]


def sentence_of(
    definition: Definition, kwargs: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    """Give the sentence with its placeholders, and the text of each."""
    template = definition.sentence
    given = {
        key: _in_words(kwargs[key])
        for key in definition.arguments
        if kwargs.get(key) is not None
    }
    named = sorted(given, key=len, reverse=True)
    shown = {key: given[key] for key in named if f"${key}" in template}
    more = [key for key in given if key not in shown and kwargs[key] not in (False, 0)]
    if more:
        template += " (" + ", ".join(f"{key}: ${key}" for key in more) + ")"
        shown |= {key: given[key] for key in more}
    return template, shown


def _in_words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return "given aggregates"
    return str(value)


def counts_in_words(result: Mapping[str, Any] | None) -> str:
    """Give what was counted in one line; `--` where nothing was."""
    result = result or {}
    observed, details = result.get("observed_value"), result.get("details") or {}
    if details.get("problem") and observed is None:
        return str(details["problem"])
    if observed is None:
        return "--"
    parts = [
        f"{key.replace('_', ' ')}: {_number(value)}"
        for key, value in details.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return f"{_number(observed)} ({', '.join(parts)})" if parts else _number(observed)


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
