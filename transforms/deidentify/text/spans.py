"""What is found in a text: the words of this package, without any of its machinery."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["MAX_TEXT_CHARS", "UNREADABLE_TEXT", "Mode", "Span"]

UNREADABLE_TEXT = "UNREADABLE_TEXT"
"""Entity of a text that could not be read to its end: all of it is replaced."""

MAX_TEXT_CHARS = 1_000_000
"""Longest text that is read; spaCy's own limit."""

Mode = Literal["exact", "fast", "bitwise"]
"""`exact`: what the whole pipeline finds, though numpy multiplies the matrices, which
could turn a decision on a near tie (it did in none of 12,000 texts). `bitwise`: with
spaCy's own BLIS, a third slower. `fast`: names without the parser, context words
without the lemmatiser; a few texts in a thousand read otherwise."""


class Span(NamedTuple):
    """A place in a text: half-open range of characters, entity and score."""

    start: int
    end: int
    entity: str
    score: float
