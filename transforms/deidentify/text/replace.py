"""What stands in the text where an entity stood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .spans import Span

__all__ = ["Mark", "Replaced", "Replacer"]


class Mark(NamedTuple):
    """A placeholder in a text and what it stands for."""

    start: int
    end: int
    entity: str
    value: str


class Replaced(NamedTuple):
    """A text with placeholders, and where they are."""

    text: str
    marks: tuple[Mark, ...] = ()


class Replacer:
    """Puts `<ENTITY_TYPE>` in place of spans; Presidio settles which of them win."""

    def __init__(self) -> None:
        from presidio_anonymizer import AnonymizerEngine
        from presidio_anonymizer.entities import OperatorConfig

        self._anonymizer: Any = AnonymizerEngine()  # type: ignore[no-untyped-call]
        self._keep = {"DEFAULT": OperatorConfig("keep")}

    def replace(
        self, before: Replaced, spans: Sequence[Span]
    ) -> tuple[Replaced, list[str]]:
        """Replace the spans of a text; a placeholder that one touches goes with it.

        Returns:
            The text, and the entities that were replaced.
        """
        text, parts, marks = before.text, [], []
        entities = []
        done = size = 0
        for start, end, entity in self.settle(text, spans):
            touched = [m for m in before.marks if m.start < end and start < m.end]
            if touched:
                start = max(done, min(start, touched[0].start))
                end = max(end, touched[-1].end)
            if start >= end:
                continue
            marks += _moved(before.marks, done, start, size - done)
            value = _restored(text, start, end, touched)
            placeholder = f"<{entity}>"
            parts += [text[done:start], placeholder]
            size += start - done
            marks.append(Mark(size, size + len(placeholder), entity, value))
            size += len(placeholder)
            entities.append(entity)
            done = end
        marks += _moved(before.marks, done, len(text), size - done)
        whole = "".join([*parts, text[done:]])
        return Replaced(whole, tuple(marks)), entities

    def settle(self, text: str, spans: Sequence[Span]) -> list[tuple[int, int, str]]:
        """Give the start, end and entity of the spans that win, in their order."""
        if len(spans) == 1:
            return [spans[0][:3]]
        from presidio_analyzer import RecognizerResult

        results = [RecognizerResult(s.entity, s.start, s.end, s.score) for s in spans]
        kept = self._anonymizer.anonymize(
            text=text, analyzer_results=results, operators=self._keep
        )
        return sorted((item.start, item.end, item.entity_type) for item in kept.items)


def _moved(marks: Sequence[Mark], start: int, end: int, by: int) -> list[Mark]:
    return [
        mark._replace(start=mark.start + by, end=mark.end + by)
        for mark in marks
        if start <= mark.start and mark.end <= end
    ]


def _restored(text: str, start: int, end: int, marks: Sequence[Mark]) -> str:
    parts = []
    for mark in marks:
        parts += [text[start : mark.start], mark.value]
        start = mark.end
    return "".join([*parts, text[start:end]])
