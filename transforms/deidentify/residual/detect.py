"""All detectors of one text, and findings as bits of a number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ....policies.residual import RESIDUAL_ENTITIES
from ..spellings import copies_of
from .numbers import Trace, number_traces
from .words import word_traces

__all__ = [
    "MAX_CHARS",
    "NAMED",
    "POSSIBLE",
    "Trace",
    "bits_of",
    "find_traces",
    "without_marks",
]

MAX_CHARS = 20_000
"""Longer values are looked at up to here."""

POSSIBLE = len(RESIDUAL_ENTITIES)
"""Bits below are what is certain, by entity; from here on what is possible."""

NAMED: Final = 1 << (2 * POSSIBLE)
"""The language model found the name of a person."""

_ENTITY_BIT = {entity: place for place, entity in enumerate(RESIDUAL_ENTITIES)}


def without_marks(text: str, marks: re.Pattern[str]) -> str:
    """Put a line break for every placeholder, such as `<PERSON_7F3A>`, and allowed word."""
    return marks.sub("\n", text)


def find_traces(text: str) -> frozenset[Trace]:
    """Find what may name somebody in one text: text → traces, never a value.

    What is certain of an entity is not told again as possible.

    Not covered: names without a cue word, addresses of streets, user names, passwords,
    ids without a check digit; phone numbers without `+` outside eight countries.
    """
    found = {*number_traces(text), *word_traces(text)}
    for copy in copies_of(text):  # numbers glued to words, full-width letters
        found.update(number_traces(copy.text))
        if not copy.formed:
            found.update(word_traces(copy.text))
    certain = {trace.entity for trace in found if trace.certain}
    return frozenset(t for t in found if t.certain or t.entity not in certain)


def bits_of(traces: Iterable[Trace]) -> int:
    """Write traces as bits of a number."""
    bits = 0
    for trace in traces:
        bits |= 1 << (_ENTITY_BIT[trace.entity] + (0 if trace.certain else POSSIBLE))
    return bits
