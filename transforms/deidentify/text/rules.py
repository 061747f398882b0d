"""One recogniser at work on one text, as Presidio would run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import regex
from presidio_analyzer import EntityRecognizer, PatternRecognizer
from presidio_analyzer.predefined_recognizers import IbanRecognizer, PhoneRecognizer

from .phones import PHONE_GATE, Phones
from .prefilter import Prefilter, widen
from .spans import Span

__all__ = [
    "Chosen",
    "Hit",
    "Rule",
    "compiled",
    "run_patterns",
    "run_phones",
    "without_duplicates",
]

_PATTERN_SECONDS = 5.0
_CHOSEN_BYTES = 16 << 20  # of the automaton of one recogniser; there are eighteen


@dataclass(frozen=True)
class Rule:
    """A recogniser as the engine runs it.

    Attributes:
        recognizer: any of Presidio's that does not read the model's output.
        entities: those asked of it.
        gate: RE2 pattern of every text in which it can find anything; null where the
            patterns themselves say that.
    """

    recognizer: Any
    entities: tuple[str, ...]
    gate: str | None = None

    @property
    def own_loop(self) -> bool:
        """Tell whether its patterns may be run one by one, as Presidio would."""
        kind = type(self.recognizer)
        return kind.analyze is PatternRecognizer.analyze and "analyze" not in vars(
            self.recognizer
        )

    @property
    def by_pattern(self) -> bool:
        """Tell whether it takes any of its patterns and finds what these find."""
        return hasattr(self.recognizer, "find_by")

    def gates(self) -> list[str | None]:
        """Give the RE2 pattern of each of its patterns, or one for the whole of it."""
        recognizer: Any = self.recognizer
        patterns = getattr(recognizer, "patterns", None) or []
        if self.own_loop:
            flags = int(recognizer.global_regex_flags)
            return [widen(pattern.regex, flags) or self.gate for pattern in patterns]
        if type(recognizer) is PhoneRecognizer:
            return [PHONE_GATE]
        if type(recognizer) is IbanRecognizer:
            flags = int(recognizer.global_regex_flags or 0)
            wide = [widen(p.regex, flags) for p in patterns]
            if None not in wide:
                return ["|".join(f"(?:{pattern})" for pattern in wide)]
        return [self.gate]


class Chosen:
    """A recogniser that takes some of its patterns, and which of them a text needs.

    Their first look is apart from that of all others: together, so many patterns would
    make an automaton that fits into no memory.
    """

    def __init__(self, recognizer: Any) -> None:
        self._find_by = recognizer.find_by
        self._patterns = list(recognizer.patterns)
        flags = int(recognizer.global_regex_flags)
        wide = [widen(pattern.regex, flags) for pattern in self._patterns]
        self._prefilter = Prefilter(wide, memory_bytes=_CHOSEN_BYTES)

    def find(self, text: str) -> list[Any]:
        """Find what the recogniser finds in one text."""
        numbers = self._prefilter.matching(text)
        if not numbers:
            return []
        found = self._find_by([self._patterns[i] for i in sorted(numbers)], text)
        return list(found)


class Hit(NamedTuple):
    """A span, and the number of the rule that found it."""

    rule: int
    start: int
    end: int
    entity: str
    score: float


def compiled(pattern: Any, flags: int) -> Any:
    """Compile a Presidio pattern, unless it is compiled already."""
    if pattern.compiled_regex is not None and pattern.compiled_with_flags == flags:
        return pattern.compiled_regex
    return regex.compile(pattern.regex, flags)


def run_patterns(
    number: int, rule: Rule, patterns: Sequence[Any], text: str
) -> list[Hit]:
    """Do what PatternRecognizer.analyze does, with the patterns that may match."""
    recognizer = rule.recognizer
    entity = recognizer.supported_entities[0]
    spans = []
    for pattern, compiled in patterns:
        for match in compiled.finditer(text, timeout=_PATTERN_SECONDS):
            start, end = match.span()
            if start == end:
                continue
            value = text[start:end]
            score = pattern.score
            valid = recognizer.validate_result(value)
            if valid is not None:
                score = EntityRecognizer.MAX_SCORE if valid else 0
            if recognizer.invalidate_result(value):
                score = 0
            if score > 0:
                spans.append(Span(start, end, entity, score))
    if len(spans) > 1:
        spans = without_duplicates(spans)
    return [Hit(number, *span) for span in spans]


def run_phones(number: int, rule: Rule, phones: Phones, text: str) -> list[Hit]:
    """Do what PhoneRecognizer.analyze does."""
    recognizer = rule.recognizer
    entity, score = recognizer.supported_entities[0], recognizer.SCORE
    spans = [Span(start, end, entity, score) for start, end in phones.find(text)]
    return [Hit(number, *span) for span in without_duplicates(spans)]


def without_duplicates(spans: Sequence[Span]) -> list[Span]:
    """Do what EntityRecognizer.remove_duplicates does."""
    ordered = sorted(
        set(spans), key=lambda s: (s.entity, s.start, s.start - s.end, -s.score)
    )
    kept: list[Span] = []
    for _, group in groupby(ordered, key=lambda span: span.entity):
        active: list[Span] = []
        for span in group:
            if span.score == 0:
                continue
            active = [other for other in active if other.end >= span.start]
            if not any(
                other.start <= span.start
                and span.end <= other.end
                and span.score <= other.score
                for other in active
            ):
                kept.append(span)
                active.append(span)
    return sorted(kept, key=lambda s: (-s.score, s.start, s.start - s.end))
