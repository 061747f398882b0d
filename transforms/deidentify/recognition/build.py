"""One recogniser for each group of patterns, made when a policy needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from phonenumbers import NumberParseException, is_possible_number, parse
from presidio_analyzer import (
    EntityRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)

from .addresses import ADDRESS_GROUPS
from .numbers import NUMBER_GROUPS
from .patterns import PATTERN_GROUPS
from .scores import WEAK, PatternGroup
from .secrets import ENTROPY_GATE, SECRET_GROUPS, EntropyRecognizer, vendor_patterns

__all__ = ["OWN_ENTITIES", "OWN_RECOGNIZERS", "build_own"]

_NAME_ENTITY = "PERSON"
_SECONDS = 60.0  # the compiled pattern has a shorter limit of its own
_GROUPS: dict[str, PatternGroup] = {
    **ADDRESS_GROUPS,
    **PATTERN_GROUPS,
    **NUMBER_GROUPS,
    **SECRET_GROUPS,
}

OWN_ENTITIES: Final = tuple(sorted({group.entity for group in _GROUPS.values()}))
"""Entities that they find; PERSON besides, if the names' lists are asked for."""

OWN_RECOGNIZERS: Final = (
    *_GROUPS,
    "OptinNameInContext",
    "OptinNameOnAList",
    "OptinRandomToken",
    "OptinVendorToken",
)
"""Their names, as a profile's `without` says them."""


def build_own(
    entity: str, language: str, threshold: float = WEAK, *, gazetteer: bool = False
) -> list[tuple[EntityRecognizer, str | None]]:
    """Make the recognisers of one entity with their gates.

    Args:
        entity: what they find.
        language: ISO code that the policy's text has.
        threshold: patterns with a lower score are left out.
        gazetteer: look for names by the words around them and on lists.
    """
    groups = {name: g for name, g in _GROUPS.items() if g.entity == entity}
    made: list[tuple[EntityRecognizer, str | None]] = []
    if entity == _NAME_ENTITY and gazetteer:
        from .name_context import NAME_GROUPS
        from .names import GazetteerRecognizer

        groups |= NAME_GROUPS
        made.append((GazetteerRecognizer(language, threshold), r"\p{L}\p{L}"))
    for name, group in groups.items():
        patterns = [Pattern(*p) for p in group.patterns if p[2] >= threshold]
        if patterns:
            kind = _PhoneRecognizer if entity == "PHONE_NUMBER" else _OwnRecognizer
            recognizer = kind(
                entity, name=name, supported_language=language, patterns=patterns
            )
            made.append((recognizer, group.gate))
    if entity == "SECRET":
        made.append((EntropyRecognizer(language), ENTROPY_GATE))
        vendor = _OwnRecognizer(
            entity,
            name="OptinVendorToken",
            supported_language=language,
            patterns=[Pattern(*p) for p in vendor_patterns()],
        )
        made.append((vendor, r"[\w.-]{15}"))
    return made


class _OwnRecognizer(PatternRecognizer):
    """Runs its patterns as Presidio would, without writing explanations.

    An engine may look first which patterns can match and hand over those alone; the
    recogniser's own gate then says nothing more.
    """

    def analyze(
        self,
        text: str,
        entities: list[str],  # noqa: ARG002  # Presidio's signature
        nlp_artifacts: Any = None,  # noqa: ARG002
        regex_flags: int | None = None,  # noqa: ARG002
    ) -> list[RecognizerResult]:
        """Find the entity in one text."""
        me: Any = self  # Presidio assigns its patterns late: untyped
        return self.find_by(me.patterns, text)

    def find_by(self, patterns: Sequence[Any], text: str) -> list[RecognizerResult]:
        """Find the entity in one text by some of the patterns, in their order."""
        entity = self.supported_entities[0]
        found = []
        for pattern in patterns:
            for match in pattern.compiled_regex.finditer(text, timeout=_SECONDS):
                start, end = match.span()
                if start < end and self.validate_result(text[start:end]) is not False:
                    found.append(RecognizerResult(entity, start, end, pattern.score))
        return EntityRecognizer.remove_duplicates(found) if len(found) > 1 else found


class _PhoneRecognizer(_OwnRecognizer):
    """Ends an international number where its country's longest number ends.

    Digits after a space ("... 1593 200 OK") look like one more group of it.
    """

    def find_by(self, patterns: Sequence[Any], text: str) -> list[RecognizerResult]:
        """Find the numbers of one text by some of the patterns, in their order."""
        results = super().find_by(patterns, text)
        for result in results:
            if text.startswith("+", result.start):
                result.end = result.start + _possible_length(
                    text[result.start : result.end]
                )
        return results


def _possible_length(number: str) -> int:
    """Count the characters of the longest possible number; all if none is possible."""
    end = len(number)
    while end > 0 and not _is_possible(number[:end]):
        end = max(number.rfind(mark, 0, end) for mark in " -./()")
    return end if end > 0 else len(number)


def _is_possible(number: str) -> bool:
    try:
        return bool(is_possible_number(parse(number, None)))
    except NumberParseException:
        return False
