"""Free text without the personal data that Presidio finds in it.

Each distinct text is read once per block, and often once per process: a bounded memory
keeps what became of recent texts. Presidio is imported when a scanner is made.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.model import Pii
from .distinct import as_array, row_weights
from .model import ENTITY_OF_LABEL, NER_PIPES_OFF, load_model

if TYPE_CHECKING:
    from presidio_analyzer import RecognizerResult


__all__ = ["MAX_TEXT_CHARS", "UNREADABLE_TEXT", "Span", "TextScanner"]

UNREADABLE_TEXT = "UNREADABLE_TEXT"
"""Entity of a text that could not be read to its end: all of it is replaced."""

MAX_TEXT_CHARS = 1_000_000
"""Longest text that is read; spaCy's own limit."""

_ROUNDS = 4
_BATCH_TEXTS = 256  # per model call: 2.5 times the speed of single texts
_CACHED_TEXTS = 50_000
_CACHED_CHARS = 2_000  # longer texts hardly repeat
_NER_SCORE = 0.85  # Presidio's constant: spaCy gives no score
_LOGGERS = ("presidio-analyzer", "presidio-anonymizer")


class Span(NamedTuple):
    """A place in a text: half-open range of characters, entity and score."""

    start: int
    end: int
    entity: str
    score: float


Cleaned = tuple[str, tuple[tuple[str, int], ...]]
"""A text as it may be published, and how many spans of each entity were replaced."""


class TextScanner:
    """Finds and replaces the entities of one policy.

    Guaranteed: what a scanner has redacted, it finds nothing in any more. A text that
    cannot be read to its end (too long, a pattern over its time) is replaced as a
    whole by `<UNREADABLE_TEXT>`; nothing passes because it was hard to read.

    Thread-safe; one per process is enough. Not picklable: build it in the worker.

    Not covered: entities the policy does not name, and what the recognisers miss.

    Raises:
        ModelMissingError: the policy needs the language model and it is not here.
        OptinError: no recogniser finds an entity.
    """

    def __init__(self, pii: Pii) -> None:
        from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
        from presidio_anonymizer import AnonymizerEngine

        from .recognizers import MODEL_ENTITIES, build_recognizers

        named = {entity for entity in pii.entities if entity in MODEL_ENTITIES}
        self._pii = pii
        self._recognizers = build_recognizers(pii)
        self._named = named if pii.engine == "model" else set()
        self._nlp, words = _language(pii)
        models = [{"lang_code": pii.language, "model_name": ""}]
        self._words = SpacyNlpEngine(models)
        self._words.nlp = {pii.language: words}  # type: ignore[assignment]  # is None
        self._enhancer = LemmaContextAwareEnhancer()
        self._anonymizer: Any = AnonymizerEngine()  # type: ignore[no-untyped-call]
        entities = "|".join(map(re.escape, (*pii.entities, UNREADABLE_TEXT)))
        self._placeholder = re.compile(f"<(?:{entities})>")
        self._cache: dict[str, Cleaned] = {}
        self._lock = threading.Lock()
        _silence_presidio()

    def redact(self, array: pa.Array) -> tuple[pa.Array, Counter[str]]:
        """Replace every span by `<ENTITY_TYPE>`: string → (string, spans by entity).

        Null stays null. The counts are weighted by rows and never hold a value.
        """
        encoded = as_array(array).cast(pa.string()).dictionary_encode()
        cleaned = self._clean(encoded.dictionary.to_pylist())
        texts = pa.array([text for text, _ in cleaned], pa.string())
        findings: Counter[str] = Counter()
        for rows, (_, counts) in zip(row_weights(encoded), cleaned, strict=True):
            for entity, spans in counts:
                findings[entity] += spans * int(rows)
        return texts.take(encoded.indices), findings

    def count_findings(self, array: pa.Array) -> Counter[str]:
        """Count the spans in a column by entity, weighted by rows."""
        return self.redact(array)[1]

    def has_pii(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Tell which texts hold an entity: list of n texts → n booleans."""
        found = [bool(counts) for _, counts in self._clean(list(texts))]
        return np.array(found, dtype=np.bool_)

    def find_spans(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """Find the entities of each text; spans of one entity may overlap another's.

        Placeholders that an earlier redaction left are not entities.
        """
        results = self._analyze(list(texts))
        return [
            tuple(Span(r.start, r.end, r.entity_type, r.score) for r in found)
            for found in results
        ]

    def _clean(self, texts: list[str]) -> list[Cleaned]:
        """Redact distinct texts until nothing is found in them.

        More than one round is rare: a placeholder is a word that can change how the
        words beside it read, to the model or as context.
        """
        with self._lock:
            missing = list(
                dict.fromkeys(text for text in texts if text not in self._cache)
            )
            done = dict(zip(missing, self._clean_new(missing), strict=True))
            cleaned = [done.get(text) or self._cache[text] for text in texts]
            if len(self._cache) > _CACHED_TEXTS:
                self._cache.clear()
            for text, result in done.items():
                if len(text) <= _CACHED_CHARS:
                    self._cache[text] = result
                    self._cache[result[0]] = (result[0], ())
            return cleaned

    def _clean_new(self, texts: list[str]) -> list[Cleaned]:
        current = list(texts)
        counts: list[Counter[str]] = [Counter() for _ in texts]
        pending = list(range(len(texts)))
        for attempt in range(_ROUNDS + 1):
            results = self._analyze([current[i] for i in pending])
            left = []
            for i, found in zip(pending, results, strict=True):
                if not found:
                    continue
                left.append(i)
                whole = attempt == _ROUNDS or found[0].entity_type == UNREADABLE_TEXT
                if whole:
                    current[i] = f"<{UNREADABLE_TEXT}>"
                    counts[i][UNREADABLE_TEXT] += 1
                else:
                    current[i] = self._replace(current[i], found, counts[i])
            pending = left
            if not pending:
                break
        return [
            (text, tuple(sorted(count.items())))
            for text, count in zip(current, counts, strict=True)
        ]

    def _replace(
        self, text: str, found: list[RecognizerResult], counts: Counter[str]
    ) -> str:
        result = self._anonymizer.anonymize(text=text, analyzer_results=found)
        counts.update(item.entity_type for item in result.items)
        return str(result.text)

    def _analyze(self, texts: list[str]) -> list[list[RecognizerResult]]:
        """Do what Presidio's `analyze` does, for many texts at once."""
        _SCANNING.on = True  # Presidio logs texts: no message of this thread gets out
        try:
            shown = self._gate(texts)
            named = self._find_named(texts)
            return [
                self._analyze_one(text, shown[:, i], named[i])
                for i, text in enumerate(texts)
            ]
        finally:
            _SCANNING.on = False

    def _analyze_one(
        self, text: str, shown: npt.NDArray[np.bool_], named: list[RecognizerResult]
    ) -> list[RecognizerResult]:
        from presidio_analyzer import EntityRecognizer

        if not named and not shown.any():
            return []
        if len(text) > MAX_TEXT_CHARS:
            return [_whole(text)]
        try:
            found = self._match_patterns(text, shown)
        except Exception:  # noqa: BLE001  # its message may hold the text
            return [_whole(text)]
        kept = [r for r in (*found, *named) if r.score >= self._pii.threshold]
        if not kept:
            return []
        inside = [m.span() for m in self._placeholder.finditer(text)]
        return [
            result
            for result in EntityRecognizer.remove_duplicates(kept)
            if not any(a <= result.start and result.end <= b for a, b in inside)
        ]

    def _match_patterns(
        self, text: str, shown: npt.NDArray[np.bool_]
    ) -> list[RecognizerResult]:
        asked = [self._recognizers[i] for i in np.flatnonzero(shown)]
        found = []
        context = False
        for gated in asked:
            recognizer: Any = gated.recognizer
            results = recognizer.analyze(text, [gated.entity], None)
            context = context or bool(results and recognizer.context)
            found += results
        if not context:
            return found
        with self._nlp.memory_zone():
            artifacts = self._words.process_text(text, self._pii.language)
            enhanced: list[RecognizerResult] = self._enhancer.enhance_using_context(
                text=text,
                raw_results=found,
                nlp_artifacts=artifacts,
                recognizers=[gated.recognizer for gated in asked],
            )
        return enhanced

    def _gate(self, texts: list[str]) -> npt.NDArray[np.bool_]:
        """Tell which recogniser must see which text: one row a recogniser."""
        array = pa.array(texts, pa.string())
        looks: dict[str | None, npt.NDArray[np.bool_]] = {
            None: np.ones(len(texts), dtype=np.bool_)
        }
        rows = []
        for gated in self._recognizers:
            if gated.gate not in looks:
                look = pc.match_substring_regex(array, gated.gate)
                looks[gated.gate] = look.to_numpy(zero_copy_only=False)
            rows.append(looks[gated.gate])
        return np.array(rows).reshape(len(self._recognizers), len(texts))

    def _find_named(self, texts: list[str]) -> list[list[RecognizerResult]]:
        """Find the entities of the language model."""
        from presidio_analyzer import RecognizerResult

        found: list[list[RecognizerResult]] = [[] for _ in texts]
        if not self._named:
            return found
        short = [i for i, text in enumerate(texts) if len(text) <= MAX_TEXT_CHARS]
        for i, text in enumerate(texts):
            if len(text) > MAX_TEXT_CHARS:
                found[i] = [_whole(text)]
        for start in range(0, len(short), _BATCH_TEXTS):
            batch = short[start : start + _BATCH_TEXTS]
            with self._nlp.memory_zone():
                docs = self._nlp.pipe(
                    (texts[i] for i in batch),
                    disable=list(NER_PIPES_OFF),
                    batch_size=_BATCH_TEXTS,
                )
                for i, doc in zip(batch, docs, strict=True):
                    for ent in doc.ents:
                        entity = ENTITY_OF_LABEL.get(ent.label_)
                        if entity in self._named:
                            found[i].append(
                                RecognizerResult(
                                    entity, ent.start_char, ent.end_char, _NER_SCORE
                                )
                            )
        return found


class _Words:
    """Stands in for a spaCy pipeline where Presidio looks for context words."""

    def __init__(self, nlp: Any, *, model: bool) -> None:
        self._nlp = nlp
        self._model = model
        self.vocab = nlp.vocab

    def __call__(self, text: str) -> Any:
        if self._model:
            return self._nlp(text, disable=["ner", "parser"])
        doc = self._nlp.make_doc(text)
        for token in doc:  # without a model, a word is its own lemma
            token.lemma_ = token.text
        return doc


def _language(pii: Pii) -> tuple[Any, _Words]:
    if pii.engine == "model":
        nlp = load_model(pii.language)
        return nlp, _Words(nlp, model=True)
    import spacy

    nlp = spacy.blank(pii.language)
    return nlp, _Words(nlp, model=False)


def _whole(text: str) -> RecognizerResult:
    from presidio_analyzer import RecognizerResult

    return RecognizerResult(UNREADABLE_TEXT, 0, len(text), 1.0)


class _Scanning(threading.local):
    on = False


_SCANNING = _Scanning()


def _silence_presidio() -> None:
    """Stop Presidio's loggers while this package scans; some messages hold the text."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_not_scanning)


def _not_scanning(_: logging.LogRecord) -> bool:
    return not _SCANNING.on
