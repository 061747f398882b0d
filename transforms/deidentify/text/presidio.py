"""An AnalyzerEngine's configuration, run by this package's engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import presidio_analyzer
import yaml
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import EmailRecognizer, SpacyRecognizer
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

from ..offline_email import OfflineEmailRecognizer
from .allow import AllowList
from .engine import Engine, Naming
from .names import Model, loaded_models, shared_model
from .quiet import quiet_presidio
from .rules import Rule
from .spans import MAX_TEXT_CHARS, Mode, Span

__all__ = ["Parts", "PresidioIdentical", "default_analyzer", "default_parts"]


def default_analyzer(language: str = "en") -> AnalyzerEngine:
    """Give Presidio's engine in its default configuration on the installed model.

    Default are the recognisers of its default_recognizers.yaml and the labels of its
    default.yaml; the model is this package's, and nothing is downloaded.

    Raises:
        ModelMissingError: there is no model of the language.
    """
    conf = Path(presidio_analyzer.__file__).parent / "conf" / "default.yaml"
    labels = yaml.safe_load(conf.read_text("utf-8"))["ner_model_configuration"]
    labels["low_score_entity_names"] = [
        name for name in labels.get("low_score_entity_names") or () if name
    ]
    nlp_engine = SpacyNlpEngine(
        models=[{"lang_code": language, "model_name": ""}],
        ner_model_configuration=NerModelConfiguration(**labels),
    )
    nlp_engine.nlp = {language: shared_model(language).nlp}  # type: ignore[assignment]  # is None
    provider = RecognizerRegistryProvider(
        registry_configuration={"supported_languages": [language]}
    )
    registry = provider.create_recognizer_registry()
    registry.recognizers = [_offline(r) for r in registry.recognizers]
    registry.add_nlp_recognizer(nlp_engine=nlp_engine)
    return AnalyzerEngine(
        registry=registry, nlp_engine=nlp_engine, supported_languages=[language]
    )


class PresidioIdentical:
    """`AnalyzerEngine.analyze` for many texts, several times as fast.

    Guaranteed in `exact` mode: the same spans and scores in the same order, for every
    text that is read. A text on which a pattern runs out of time, or that is longer
    than spaCy takes, is one span of `UNREADABLE_TEXT` instead of an error or a gap.

    Not covered: NLP engines other than spaCy's, recognisers that read the model's
    artifacts or have a context rule of their own.

    Raises:
        TypeError: such an engine or recogniser.
    """

    def __init__(
        self,
        analyzer: AnalyzerEngine | None = None,
        *,
        language: str = "en",
        entities: Sequence[str] | None = None,
        score_threshold: float | None = None,
        allow_list: Sequence[str] = (),
        allow_list_match: Literal["exact", "regex"] = "exact",
        mode: Mode = "exact",
    ) -> None:
        """Prepare.

        Args:
            analyzer: whose results are wanted; null: `default_analyzer(language)`.
            language: of the texts.
            entities: as in `analyze`; null: all.
            score_threshold: as in `analyze`.
            allow_list: as in `analyze`.
            allow_list_match: as in `analyze`.
            mode: see `Mode`.
        """
        analyzer = analyzer or default_analyzer(language)
        parts = _parts(analyzer, language, entities)
        default = analyzer.default_score_threshold

        def threshold(recognizer: Any, entity: str) -> float:
            if score_threshold is not None:
                return score_threshold
            scores = (recognizer or parts.named[-1]).score_thresholds
            return float(scores.get(entity, scores.get("default", default)))

        self._engine = Engine(
            parts.rules, threshold, model=parts.model, naming=parts.naming, mode=mode
        )
        self._allowed = AllowList(allow_list, allow_list_match)

    def find_spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find the entities of each text: n texts → n lists, best score first."""
        found = self._engine.find(texts, MAX_TEXT_CHARS)
        pairs = zip(texts, found, strict=True)
        return [self._allowed.without(text, spans) for text, spans in pairs]

    def analyze(self, texts: Sequence[str]) -> list[list[RecognizerResult]]:
        """Give the same as `find_spans`, as Presidio's results."""
        return [
            [RecognizerResult(s.entity, s.start, s.end, s.score) for s in spans]
            for spans in self.find_spans(texts)
        ]


class Parts(NamedTuple):
    """An AnalyzerEngine taken apart.

    Attributes:
        rules: its recognisers for the entities asked.
        named: its recognisers of the model's entities.
        model: its pipeline.
        naming: what the labels mean.
    """

    rules: tuple[Rule, ...]
    named: tuple[Any, ...]
    model: Model
    naming: Naming


def default_parts(language: str, entities: Sequence[str] | None = None) -> Parts:
    """Take the default configuration apart; see `default_analyzer`."""
    return _parts(default_analyzer(language), language, entities)


def _parts(
    analyzer: AnalyzerEngine, language: str, entities: Sequence[str] | None
) -> Parts:
    nlp_engine: Any = analyzer.nlp_engine
    if type(nlp_engine) is not SpacyNlpEngine:
        message = f"{type(nlp_engine).__name__} is not spaCy's engine"
        raise TypeError(message)
    with quiet_presidio():
        chosen = analyzer.registry.get_recognizers(
            language=language,
            entities=list(entities) if entities else None,
            all_fields=not entities,
        )
    asked = set(entities or analyzer.get_supported_entities(language))
    named = tuple(r for r in chosen if isinstance(r, SpacyRecognizer))
    nlp = nlp_engine.get_nlp(language)
    rules = tuple(Rule(r, tuple(sorted(asked))) for r in chosen if r not in named)
    naming = _naming(nlp_engine, nlp, named, asked)
    return Parts(rules, named, _model_of(nlp), naming)


def _model_of(nlp: Any) -> Model:
    return next((model for model in loaded_models() if model.nlp is nlp), Model(nlp))


def _naming(
    nlp_engine: Any, nlp: Any, recognizers: Sequence[Any], asked: set[str]
) -> Naming:
    supported = {name for r in recognizers for name in r.supported_entities} & asked
    if not supported or not nlp.has_pipe("ner"):
        return {}
    conf = nlp_engine.ner_model_configuration
    naming = {}
    for label in nlp.get_pipe("ner").labels:
        entity = conf.model_to_presidio_entity_mapping.get(label, label)
        ignored = {label, entity} & set(conf.labels_to_ignore)
        if ignored or entity not in supported:
            continue
        low = entity in conf.low_score_entity_names
        factor = conf.low_confidence_score_multiplier if low else 1
        naming[label] = (entity, conf.default_score * factor)
    return naming


def _offline(recognizer: Any) -> EntityRecognizer:
    kind: type[Any] = type(recognizer)
    if kind is not EmailRecognizer:
        return recognizer
    return OfflineEmailRecognizer(
        supported_language=recognizer.supported_language,
        supported_entity=recognizer.supported_entities[0],
        context=recognizer.context,
        name=recognizer.name,
    )
