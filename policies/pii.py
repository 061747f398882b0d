"""The `pii:` part of a policy: what is looked for in free text, and what stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from .columns import FakeKind
from .signals import Frozen

__all__ = [
    "DEFAULT",
    "OPERATORS",
    "OPERATOR_SETTINGS",
    "SURROGATE_KINDS",
    "LanguageContext",
    "Ner",
    "Operator",
    "OperatorName",
    "Pii",
    "Recognizer",
    "RecognizerPattern",
    "Scope",
]

Share = Annotated[float, Field(ge=0, le=1)]

OperatorName = Literal[
    "fake", "hmac", "keep", "mask", "placeholder", "redact", "remove"
]
OPERATORS: tuple[str, ...] = get_args(OperatorName)

Scope = Literal["text", "subject", "set"]

DEFAULT = "default"
"""Key of `operators` for every entity that it does not name."""

OPERATOR_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "keep_last": ("mask",),
    "kind": ("fake",),
    "locale": ("fake",),
    "mask_char": ("mask",),
    "scope": ("fake", "placeholder"),
}
"""Setting → operators that use it."""

SURROGATE_KINDS: Mapping[str, FakeKind] = {
    "CREDIT_CARD": "credit_card",
    "EMAIL_ADDRESS": "email",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip_address",
    "LOCATION": "city",
    "MAC_ADDRESS": "mac_address",
    "ORGANIZATION": "company",
    "PERSON": "name",
    "PHONE_NUMBER": "phone",
    "STREET_ADDRESS": "street_address",
    "USERNAME": "username",
    "US_SSN": "national_id",
    "UUID": "uuid",
}
"""Entity → what its surrogate looks like, if the policy does not say."""


class RecognizerPattern(Frozen):
    """A regular expression of a recogniser, in Presidio's words."""

    name: str
    regex: str
    score: float = Field(ge=0, le=1)


class LanguageContext(Frozen):
    """A language of a recogniser, with the context words of it."""

    language: str
    context: tuple[str, ...] = ()


class Recognizer(Frozen):
    """A recogniser of the user's own, in the keys of Presidio's YAML.

    Attributes:
        name: says which one it is.
        supported_entity: what it finds.
        supported_entities: the same as a list of one.
        supported_language: texts of which it is for; null: of any language.
        supported_languages: several, each with its context words or without.
        patterns: regular expressions.
        deny_list: words that are the entity.
        deny_list_score: how sure a word of the list is.
        context: words beside a span that raise its score.
        global_regex_flags: flags of the patterns, as Python's `re` numbers them.
        enabled: `false` takes it out.
        type: `custom`; Presidio's own recognisers come by their entity.
        country_code: not used.
        version: not used.
    """

    name: str
    supported_entity: str | None = None
    supported_entities: tuple[str, ...] = ()
    supported_language: str | None = None
    supported_languages: tuple[str | LanguageContext, ...] = ()
    patterns: tuple[RecognizerPattern, ...] = ()
    deny_list: tuple[str, ...] = ()
    deny_list_score: float = Field(default=1.0, ge=0, le=1)
    context: tuple[str, ...] = ()
    global_regex_flags: int | None = Field(default=None, ge=0, le=0x1FFFF)
    enabled: bool = True
    type: Literal["custom"] = "custom"
    country_code: str | None = None
    version: str | None = None

    @property
    def entity(self) -> str:
        """What it finds."""
        return self.supported_entity or next(iter(self.supported_entities), "")

    def context_in(self, language: str) -> tuple[str, ...] | None:
        """Give its context words in a language; None if it is not for texts of it."""
        if self.supported_language is not None:
            return self.context if self.supported_language == language else None
        if not self.supported_languages:
            return self.context
        for entry in self.supported_languages:
            if isinstance(entry, LanguageContext) and entry.language == language:
                return entry.context or self.context
            if entry == language:
                return self.context
        return None


class Operator(Frozen):
    """What stands in a text where an entity stood; `PERSON: mask` is `{type: mask}`.

    Attributes:
        type: `redact` writes `<PERSON>`, `remove` nothing, `mask` a character for each
            of the value's; `placeholder` numbers or names the entities, `fake` draws a
            surrogate that looks real, `hmac` writes a long keyed token; `keep` does not
            look for the entity.
        scope: within what the same value has the same name: one `text`, all rows of a
            data `subject`, or the whole `set`.
        keep_last: `mask`: characters at the end that stay.
        mask_char: `mask`: the one character that is put for each of the others.
        kind: `fake`: what surrogates look like; by entity where it has a kind.
        locale: `fake`: country and language of surrogates, a locale of Faker.
    """

    type: OperatorName
    scope: Scope = "subject"
    keep_last: int = Field(default=0, ge=0)
    mask_char: str = "*"
    kind: FakeKind | None = None
    locale: str = "en_US"

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return {"type": value} if isinstance(value, str) else value

    @property
    def keyed(self) -> bool:
        """Whether it needs a secret."""
        scoped = self.type == "placeholder" and self.scope != "text"
        return scoped or self.type in ("fake", "hmac")

    @property
    def by_subject(self) -> bool:
        """Whether what it writes depends on whose row it is."""
        return self.type in ("fake", "placeholder") and self.scope == "subject"

    def surrogate_kind(self, entity: str) -> FakeKind | None:
        """Give what surrogates of an entity look like; None if it draws none."""
        if self.type != "fake":
            return None
        return self.kind or SURROGATE_KINDS.get(entity)


class Ner(Frozen):
    """A model of the user's own that finds entities, run by Presidio's recogniser.

    Attributes:
        kind: the library: `gliner`, or `transformers` (a token classifier).
        path: folder of the model on this machine; nothing is downloaded.
        labels: the model's label, or what GLiNER is asked for → entity.
        threshold: lowest score that the model reports.
    """

    kind: Literal["gliner", "transformers"]
    path: str
    labels: dict[str, str]
    threshold: float = Field(default=0.3, ge=0, le=1)

    @property
    def entities(self) -> tuple[str, ...]:
        """What it finds, in the order of `labels`."""
        return tuple(dict.fromkeys(self.labels.values()))


class Pii(Frozen):
    """How `scan` columns are searched for personal data.

    Attributes:
        engine: `rules` never loads a language model; `model` adds names and places.
        profile: what to look for, as a set: `strict` prefers recall, `balanced` watches
            over-redaction (`detection.DETECTION_PROFILES`).
        entities: Presidio entity types, or those of `recognizers`; besides the
            profile's.
        action: `redact` puts `<ENTITY_TYPE>` in place of the span.
        operators: entity, or `default` → what is put instead.
        threshold: lowest score that counts, 0 to 1; the profile's by default.
        thresholds: entity → lowest score of it.
        allow_list: values that are no entities, compared exactly.
        mode: `fast` leaves the model's sentences out; a few spans differ.
        language: ISO code of the text.
        recognizers: recognisers of the user's own.
        ner: a model of the user's own.
    """

    engine: Literal["rules", "model"] = "rules"
    profile: Literal["balanced", "strict"] | None = None
    entities: tuple[str, ...] = ()
    action: Literal["redact"] = "redact"
    operators: dict[str, Operator] = Field(default_factory=dict)
    threshold: float = Field(default=0.35, ge=0, le=1)
    thresholds: dict[str, Share] = Field(default_factory=dict)
    allow_list: tuple[str, ...] = ()
    mode: Literal["exact", "fast"] = "exact"
    language: str = "en"
    recognizers: tuple[Recognizer, ...] = ()
    ner: Ner | None = None

    @property
    def own_recognizers(self) -> tuple[Recognizer, ...]:
        """The recognisers of the policy's own that run on its texts."""
        return tuple(
            entry
            for entry in self.recognizers
            if entry.enabled and entry.context_in(self.language) is not None
        )

    @property
    def kept(self) -> frozenset[str]:
        """Entities that are not looked for, whatever names them."""
        return frozenset(e for e, one in self.operators.items() if one.type == "keep")

    @property
    def keyed(self) -> bool:
        """Whether an operator needs a secret."""
        return any(operator.keyed for operator in self.operators.values())

    @property
    def faked(self) -> tuple[str, ...]:
        """Entities whose surrogates look like them: none can tell these apart."""
        return tuple(
            entity
            for entity in self.entities
            if self.operator(entity).surrogate_kind(entity) is not None
        )

    def operator(self, entity: str) -> Operator:
        """Give what is put in place of an entity."""
        default = self.operators.get(DEFAULT)
        return self.operators.get(entity) or default or Operator(type="redact")
