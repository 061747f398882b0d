"""From a policy and its options to the engine that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ....policies.detection import DETECTION_PROFILES
from ....policies.errors import ModelMissingError
from ....policies.model import Pii
from ..model import ENTITY_OF_LABEL
from ..recognizers import (
    MODEL_ENTITIES,
    GatedRecognizer,
    build_recognizers,
    known_entities,
)
from .engine import Engine, Naming
from .names import Model, shared_model
from .rules import Rule
from .spans import Mode

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

__all__ = ["build_engine"]

_NER_SCORE = 0.85  # Presidio's constant: spaCy gives no score


def build_engine(
    pii: Pii,
    *,
    recognizers: Literal["policy", "presidio"],
    extra: Sequence[EntityRecognizer],
    mode: Mode,
    thresholds: Mapping[str, float],
) -> tuple[Engine, tuple[GatedRecognizer, ...]]:
    """Build the engine of a scanner; see `TextScanner` for the arguments.

    Returns:
        The engine and the recognisers of the policy in it.

    Raises:
        ModelMissingError: the policy needs the language model and it is not here.
        OptinError: no recogniser finds an entity.
    """

    def threshold(_: Any, entity: str) -> float:
        return thresholds.get(entity, pii.threshold)

    asked = frozenset(pii.entities) - pii.kept
    if pii.ner is not None:
        from .custom import ner_recognizer

        extra = [*extra, ner_recognizer(pii.ner, pii.language)]
    more = [
        Rule(one, tuple(sorted(asked.intersection(one.supported_entities))))
        for one in extra
        if asked.intersection(one.supported_entities)
    ]
    if recognizers == "presidio":
        from .presidio import default_parts

        parts = default_parts(pii.language, sorted(asked))
        return Engine(
            [*parts.rules, *more],
            threshold,
            model=parts.model,
            naming=parts.naming,
            mode=mode,
        ), ()
    given = {entity for rule in more for entity in rule.entities}
    own = _without_given(pii, given)
    profile = DETECTION_PROFILES[pii.profile] if pii.profile else None
    gated = build_recognizers(own, profile) if own.entities or profile else ()
    use_model = pii.engine == "model"
    engine = Engine(
        [*(Rule(one.recognizer, (one.entity,), one.gate) for one in gated), *more],
        threshold,
        model=_model(pii.language, blank=not use_model),
        naming=_naming(asked) if use_model else {},
        mode=mode,
    )
    return engine, gated


def _model(language: str, *, blank: bool) -> Model:
    try:
        return shared_model(language, blank=blank)
    except ImportError:  # spaCy cuts some languages' words with libraries of others
        message = (
            f"pii.language: the words of '{language}' need a library that is not "
            f"installed. Run: pip install 'spacy[{language}]'"
        )
        raise ModelMissingError(message) from None


def _naming(asked: frozenset[str]) -> Naming:
    return {
        label: (entity, _NER_SCORE)
        for label, entity in ENTITY_OF_LABEL.items()
        if entity in asked and entity in MODEL_ENTITIES
    }


def _without_given(pii: Pii, given: set[str]) -> Pii:
    """Take out what only the extra recognisers find, which else would be refused."""
    refused = set() if pii.engine == "model" else set(MODEL_ENTITIES) - {"DATE_TIME"}
    own = {entry.entity for entry in pii.own_recognizers}
    found = (set(known_entities()) - refused) | own
    entities = tuple(e for e in pii.entities if e in found or e not in given)
    return pii.model_copy(update={"entities": entities})
