"""Which recognisers find which entity: Presidio's, the policy's, and a few of our own.

Presidio is imported here at module level: import this module only where text is read.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex
import yaml
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer
from presidio_analyzer import predefined_recognizers as predefined
from presidio_analyzer.predefined_recognizers import EmailRecognizer, PhoneRecognizer

from ...policies.detection import DetectionProfile
from ...policies.errors import ModelMissingError, OptinError
from ...policies.model import Pii, Recognizer
from .model import MODEL_LANGUAGE
from .offline_email import OfflineEmailRecognizer
from .recognition import OWN_ENTITIES, build_own

__all__ = [
    "GATES",
    "MODEL_ENTITIES",
    "PATTERN_SECONDS",
    "GatedRecognizer",
    "PatternTimeoutError",
    "build_recognizers",
    "known_entities",
]

MODEL_ENTITIES = ("DATE_TIME", "LOCATION", "NRP", "ORGANIZATION", "PERSON")
"""Entities that the language model finds; `DATE_TIME` has patterns as well."""

PATTERN_SECONDS = 5.0
"""Longest that one pattern may work on one text."""

GATES: dict[str, str] = {
    "CREDIT_CARD": r"\p{Nd}",
    "EMAIL_ADDRESS": r"@|%40",
    "IBAN_CODE": r"\p{Nd}",
    "IP_ADDRESS": r"[:.]",
    "MAC_ADDRESS": r"[-:.]",
    "PHONE_NUMBER": r"\p{Nd}(?:[^\p{Nd}A-WYZa-wyz]{0,4}\p{Nd}){3}",
    "URL": r"\.",
    "US_SSN": r"\p{Nd}",
    "UUID": r"-",
}
"""RE2 pattern without which a text cannot hold the entity: a quick first look.

It must be true of every text that a built-in recogniser of the entity matches. The
shortest valid phone number of all regions has four digits, and phonenumbers puts up to
four punctuation marks, `x` among them, between two digits of a number.
"""

# Presidio drops mailboxes on domains that are not public (.example, .internal, .local)
# and loses those in a URL's query, where its pattern takes the URL for the local part.
_DOMAIN = r"(?:[^\W_](?:[\w-]{0,62})\.)+[^\W\d_][\w-]{1,62}\b"
_KEYWORD = (
    r"(?<![a-z])(?:password|passwd|pwd|secret|api[_-]?key|(?:access|auth)[_-]?token)"
)
# What is said of a password rather than being one.
_STATE = r"(?:required|incorrect|invalid|missing|expired|correct|changed|needed|always)"
# Code that reads a secret from elsewhere.
_NO_CODE = r"(?!(?:os\.|process\.|env\b|getenv\b|\$[{(]|\{\{))"
_OWN_PATTERNS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "EMAIL_ADDRESS": (
        ("mailbox", r"(?<![\w.+'-])[\w.+'-]++@" + _DOMAIN, 1.0),
        (
            "mailbox in a query",
            r"(?:[\w.+'-]|%(?!40)[0-9a-f]{2}){1,64}%40" + _DOMAIN,
            1.0,
        ),
    ),
    "SECRET": (
        ("known prefix", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", 1.0),
        ("token prefix", r"\b(?:gh[pousr]_|xox[abposr]-|glpat-)[\w-]{10,}", 1.0),
        ("secret key", r"\b(?:sk|rk|pk)[_-](?:live|test|proj)[_-][\w-]{10,}", 1.0),
        ("google key", r"\bAIza[\w-]{35}", 1.0),
        ("signed token", r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}", 1.0),
        (
            "keyword and value",
            _KEYWORD
            + r"\s{0,3}(?:=|:|\bis\b(?!\s{0,3}"
            + _STATE
            + r"\b))\s{0,3}[\"']?\K"
            + _NO_CODE
            + r"[^\s\"'<>]{6,}",
            0.8,
        ),
    ),
}


@dataclass(frozen=True)
class GatedRecognizer:
    """A recogniser and the RE2 pattern that a text must match to be shown to it.

    Attributes:
        recognizer: Presidio's or a policy's.
        gate: see `GATES`; null if every text must be shown.
    """

    recognizer: EntityRecognizer
    gate: str | None = None

    @property
    def entity(self) -> str:
        """The one entity that it finds."""
        return str(self.recognizer.supported_entities[0])


class PatternTimeoutError(Exception):
    """A pattern took too long on a text, which therefore was not read to its end."""


class _BoundedRegex:
    """A compiled pattern whose timeout is an error.

    Presidio logs a pattern's timeout and goes on without its matches; a text must not
    pass because it was hard to read.
    """

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def finditer(self, text: str, timeout: float) -> Iterator[Any]:
        """Give the matches; `timeout` is Presidio's and ours is shorter."""
        try:
            yield from self._compiled.finditer(
                text, timeout=min(timeout, PATTERN_SECONDS)
            )
        except TimeoutError:
            raise PatternTimeoutError from None


def build_recognizers(
    pii: Pii, profile: DetectionProfile | None = None
) -> tuple[GatedRecognizer, ...]:
    """Build just the pattern recognisers that a policy needs, in a fixed order.

    Args:
        pii: the policy's part; `entities` says what to find.
        profile: what to find besides, with this package's own recognisers beside
            Presidio's. Under `engine: rules` its names come from rules alone, and
            entities that only a model finds are left out.

    Raises:
        ModelMissingError: an entity needs the language model under `engine: rules`.
        OptinError: no recogniser finds an entity.
    """
    built_in = _built_in()
    recognizers: list[GatedRecognizer] = []
    entities = (*(() if profile is None else profile.entities), *pii.entities)
    kept = pii.kept
    for entity in dict.fromkeys(e for e in entities if e not in kept):
        found: list[GatedRecognizer] = []
        gate = GATES.get(entity)
        for kind in built_in.get(entity, ()):
            kind = OfflineEmailRecognizer if kind is EmailRecognizer else kind
            found.append(GatedRecognizer(_localized(kind, pii.language), gate))
        if entity in _OWN_PATTERNS:
            found.append(GatedRecognizer(_own(entity, pii.language), gate))
        found += _recall(entity, pii, profile)
        found += [
            GatedRecognizer(_of_policy(entry, pii.language))
            for entry in pii.own_recognizers
            if entry.entity == entity
        ]
        if not found and (profile is None or entity not in MODEL_ENTITIES):
            _refuse(entity, pii)
        recognizers += found
    for gated in recognizers:
        _bound(gated.recognizer)
    return tuple(recognizers)


def _recall(
    entity: str, pii: Pii, profile: DetectionProfile | None
) -> list[GatedRecognizer]:
    """Make this package's recognisers of an entity.

    Without a profile, an entity that Presidio finds is left to Presidio.
    """
    if profile is None:
        if entity in _built_in() or entity in _OWN_PATTERNS:
            return []
        made = build_own(entity, pii.language)
    else:
        made = build_own(
            entity,
            pii.language,
            profile.threshold_of(entity),
            gazetteer=profile.gazetteer,
        )
    return [
        GatedRecognizer(recognizer, gate)
        for recognizer, gate in made
        if profile is None
        or str(getattr(recognizer, "name", "")) not in profile.without
    ]


def _refuse(entity: str, pii: Pii) -> None:
    if entity not in MODEL_ENTITIES:
        message = (
            f"pii.entities: no recogniser finds {entity}. Known: "
            f"{', '.join(known_entities())}; or define it under pii.recognizers"
        )
        raise OptinError(message)
    if pii.engine == "rules":
        message = (
            f"pii.entities: {entity} needs a language model; set pii.engine: model"
        )
        raise ModelMissingError(message)


def known_entities() -> tuple[str, ...]:
    """Name every entity that can be asked for without a recogniser of one's own."""
    return tuple(sorted({*_built_in(), *_OWN_PATTERNS, *OWN_ENTITIES, *MODEL_ENTITIES}))


def _built_in() -> dict[str, list[type[Any]]]:
    """Find Presidio's pattern recognisers by entity: they declare it as a default."""
    table: dict[str, list[type[Any]]] = {}
    for name in sorted(predefined.__all__):
        kind = getattr(predefined, name)
        if not inspect.isclass(kind):
            continue
        if not issubclass(kind, (PatternRecognizer, PhoneRecognizer)):
            continue
        parameter = inspect.signature(kind).parameters.get("supported_entity")
        if parameter is not None and isinstance(parameter.default, str):
            table.setdefault(parameter.default, []).append(kind)
    return table


def _localized(kind: type[Any], language: str) -> EntityRecognizer:
    """Make one of Presidio's recognisers for a language, with its words of context."""
    words = _contexts().get((kind.__name__.removeprefix("_Offline"), language))
    if words is None:
        return kind(supported_language=language)
    return kind(supported_language=language, context=list(words))


@functools.cache
def _contexts() -> dict[tuple[str, str], tuple[str, ...]]:
    """Read the context words that Presidio's configuration has for other languages."""
    import presidio_analyzer

    conf = Path(presidio_analyzer.__file__).parent / "conf/default_recognizers.yaml"
    entries = yaml.safe_load(conf.read_text("utf-8"))["recognizers"]
    return {
        (str(entry["name"]), str(language["language"])): tuple(language["context"])
        for entry in entries
        for language in entry.get("supported_languages") or ()
        if isinstance(language, dict)
        and language.get("context")
        and language["language"] != MODEL_LANGUAGE
    }


def _own(entity: str, language: str) -> EntityRecognizer:
    patterns = [Pattern(*entry) for entry in _OWN_PATTERNS[entity]]
    return PatternRecognizer(
        entity,
        name=f"Optin{entity.title().replace('_', '')}Recognizer",
        supported_language=language,
        patterns=patterns,
    )


def _of_policy(entry: Recognizer, language: str) -> EntityRecognizer:
    more: dict[str, Any] = {}
    if entry.global_regex_flags is not None:
        more["global_regex_flags"] = entry.global_regex_flags
    return PatternRecognizer(
        entry.entity,
        name=entry.name,
        supported_language=language,
        patterns=[Pattern(p.name, p.regex, p.score) for p in entry.patterns],
        deny_list=list(entry.deny_list),
        deny_list_score=entry.deny_list_score,
        context=list(entry.context_in(language) or ()),
        **more,
    )


def _bound(recognizer: Any) -> None:
    patterns = getattr(recognizer, "patterns", None)
    if not patterns:
        return
    flags = recognizer.global_regex_flags
    bounded = []
    for pattern in patterns:  # copies: Presidio's classes share theirs
        own = copy.copy(pattern)
        own.compiled_with_flags = flags
        own.compiled_regex = _BoundedRegex(regex.compile(pattern.regex, flags))
        bounded.append(own)
    recognizer.patterns = bounded
