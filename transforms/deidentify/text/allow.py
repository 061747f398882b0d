"""Values that look like an entity and are none, in Presidio's own terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import regex

from .spans import UNREADABLE_TEXT, Span

__all__ = ["AllowList"]

_FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE  # as in `analyze`
_SECONDS = 5.0


class AllowList:
    """The `allow_list` of `AnalyzerEngine.analyze`.

    Args:
        terms: values, or patterns.
        match: `exact`: the whole span is a term; `regex`: a pattern occurs in the span.
    """

    def __init__(self, terms: Sequence[str], match: Literal["exact", "regex"]) -> None:
        self._terms = frozenset(terms) if match == "exact" else frozenset()
        patterns = [term for term in terms if term] if match == "regex" else []
        self._pattern = regex.compile("|".join(patterns), _FLAGS) if patterns else None

    def without(self, text: str, spans: list[Span]) -> list[Span]:
        """Give the spans that are not allowed to stay."""
        if not self._terms and self._pattern is None:
            return spans
        return [
            span
            for span in spans
            if span.entity == UNREADABLE_TEXT
            or not self._holds(text[span.start : span.end])
        ]

    def _holds(self, value: str) -> bool:
        if self._pattern is None:
            return value in self._terms
        try:
            return self._pattern.search(value, timeout=_SECONDS) is not None
        except TimeoutError:
            return False
