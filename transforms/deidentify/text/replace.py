"""What stands in the text where an entity stood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from .spans import Span

__all__ = ["Mark", "Operator", "Replaced", "Replacer", "render"]

Operator = Literal["redact", "number"] | Callable[[str, str], str]
"""`redact`: `<PERSON>`. `number`: `<PERSON_1>`, the same number for the same value. A
function: (entity, value) → surrogate, such as a keyed one."""


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
        for start, end, entity in self._settle(text, spans):
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

    def _settle(self, text: str, spans: Sequence[Span]) -> list[tuple[int, int, str]]:
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


def render(
    replaced: Replaced,
    operators: Mapping[str, Operator],
    numbers: dict[tuple[str, str], int],
) -> str:
    """Write the placeholders as the operators want them.

    Args:
        replaced: the text with its marks.
        operators: by entity; `DEFAULT` for all others, else `redact`.
        numbers: (entity, value) → number; goes on counting.
    """
    default = operators.get("DEFAULT", "redact")
    parts, done = [], 0
    for mark in replaced.marks:
        operator = operators.get(mark.entity, default)
        if operator == "redact":
            continue
        if operator == "number":
            value = " ".join(mark.value.casefold().split())
            count = sum(entity == mark.entity for entity, _ in numbers)
            number = numbers.setdefault((mark.entity, value), count + 1)
            new = f"<{mark.entity}_{number}>"
        else:
            new = operator(mark.entity, mark.value)
        parts += [replaced.text[done : mark.start], new]
        done = mark.end
    return "".join([*parts, replaced.text[done:]])
