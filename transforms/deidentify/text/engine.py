"""Presidio's `analyze` for many texts at once: same spans, same scores, less work.

Of Presidio stay the recognisers, their patterns and validators, the rules of context and
of duplicates. What is left out is what cannot change a result: patterns that cannot
match, components of the model whose output nobody reads, lemmas where no context word
could be in them, explanations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import regex
from presidio_analyzer import EntityRecognizer, PatternRecognizer
from presidio_analyzer.predefined_recognizers import IbanRecognizer, PhoneRecognizer

from .context import Words, boosted, stems
from .names import Model
from .prefilter import Prefilter, widen
from .quiet import quiet_presidio
from .spans import UNREADABLE_TEXT, Mode, Span

__all__ = ["Engine", "Naming", "Rule"]

_PATTERN_SECONDS = 5.0
_CHUNK_TEXTS = 1024
_CHUNK_CHARS = 1_000_000  # bounds what one pass of the model holds in memory
_PHONE_GATE = (
    r"[0-9\x{80}-\x{10ffff}](?:[^0-9A-WYZa-wyz]{0,4}[0-9\x{80}-\x{10ffff}]){3}"
)


Naming = Mapping[str, tuple[str, float]]
"""What a language model's labels mean: label → entity that is asked for, its score."""


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

    def gates(self) -> list[str | None]:
        """Give the RE2 pattern of each of its patterns, or one for the whole of it."""
        recognizer: Any = self.recognizer
        patterns = getattr(recognizer, "patterns", None) or []
        if self.own_loop:
            flags = int(recognizer.global_regex_flags)
            return [widen(pattern.regex, flags) for pattern in patterns]
        if self.gate is not None:
            return [self.gate]
        if type(recognizer) is PhoneRecognizer:
            return [_PHONE_GATE]
        if type(recognizer) is IbanRecognizer:
            flags = int(recognizer.global_regex_flags or 0)
            wide = [widen(p.regex, flags) for p in patterns]
            if None not in wide:
                return ["|".join(f"(?:{pattern})" for pattern in wide)]
        return [None]


class _Hit(NamedTuple):
    rule: int
    start: int
    end: int
    entity: str
    score: float


class Engine:
    """Finds entities in texts.

    Guaranteed in `exact` mode: the spans of `AnalyzerEngine.analyze` with the same
    recognisers, in its order, for every text that is read; a text on which a pattern
    runs out of time or a recogniser fails is one span of `UNREADABLE_TEXT`.

    Thread-safe. Not covered: recognisers that read the model's artifacts or override
    `enhance_using_context`; they are refused.

    Raises:
        TypeError: such a recogniser.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        threshold: Callable[[Any, str], float],
        *,
        model: Model,
        naming: Naming | None = None,
        mode: Mode = "exact",
    ) -> None:
        """Prepare.

        Args:
            rules: recognisers, in their order.
            threshold: (recogniser, null for the model; entity) → lowest score.
            model: finds names and lemmas; a blank one only cuts words.
            naming: which names are asked for; null: none.
            mode: see `Mode`.
        """
        self._rules = tuple(rules)
        for rule in self._rules:
            kind = type(rule.recognizer)
            if kind.enhance_using_context is not EntityRecognizer.enhance_using_context:
                message = f"{kind.__name__} has a context rule of its own"
                raise TypeError(message)
        self._threshold = threshold
        self._naming = naming or {}
        self._model = model
        self._exact = mode == "exact"
        self._lemmatized = model.has_lemmas and self._exact
        self._prepare_patterns()
        self._prepare_context(model.nlp if self._lemmatized else None)

    def _prepare_patterns(self) -> None:
        gates: list[str | None] = []
        self._owner: list[tuple[int, Any]] = []  # gate → rule, pattern or null
        for number, rule in enumerate(self._rules):
            own = rule.gates()
            gates += own
            if rule.own_loop:
                flags = rule.recognizer.global_regex_flags
                self._owner += [
                    (number, (pattern, _compiled(pattern, flags)))
                    for pattern in rule.recognizer.patterns
                ]
            else:
                self._owner.append((number, None))
        self._prefilter = Prefilter(gates)

    def _prepare_context(self, nlp: Any) -> None:
        contexts = [
            tuple(word.lower() for word in rule.recognizer.context or ())
            for rule in self._rules
        ]
        patterns: list[str | None] = []
        self._stem_owner: list[int] = []
        for number, context in enumerate(contexts):
            if context:
                patterns.append(stems(context, nlp))
                self._stem_owner.append(number)
        self._contexts = contexts
        self._stems = Prefilter(patterns)

    def find(self, texts: Sequence[str], max_chars: int) -> list[list[Span]]:
        """Find the entities of each text: n texts → n lists, best score first.

        Args:
            texts: any.
            max_chars: a longer text is not read.
        """
        found: list[list[Span]] = []
        with quiet_presidio():
            for start, stop in _chunks(texts):
                found += self._find_chunk(texts[start:stop], max_chars)
        return found

    def _find_chunk(self, texts: Sequence[str], max_chars: int) -> list[list[Span]]:
        hits: list[list[_Hit] | None] = []  # null: it could not be read
        asking: list[set[int]] = []
        for text in texts:
            own = self._match(text, max_chars)
            hits.append(own)
            asking.append(self._asks_context(text, own) if own else set())
        if not self._naming and not any(asking):
            return [
                self._decide(text, own, ())
                for text, own in zip(texts, hits, strict=True)
            ]
        with self._model.zone():
            docs = self._read(texts, hits, asking)
            return self._decide_all(texts, hits, asking, docs)

    def _read(
        self,
        texts: Sequence[str],
        hits: Sequence[list[_Hit] | None],
        asking: Sequence[set[int]],
    ) -> list[Any]:
        todo = [
            i
            for i, own in enumerate(hits)
            if own is not None and (self._naming or asking[i])
        ]
        read = self._model.read(
            [texts[i] for i in todo],
            entities=bool(self._naming),
            lemmas=[bool(asking[i]) for i in todo] if self._lemmatized else None,
            exact=self._exact,
        )
        docs: list[Any] = [None] * len(texts)
        for i, doc in zip(todo, read, strict=True):
            docs[i] = doc
        return docs

    def _decide_all(
        self,
        texts: Sequence[str],
        hits: Sequence[list[_Hit] | None],
        asking: Sequence[set[int]],
        docs: Sequence[Any],
    ) -> list[list[Span]]:
        found = []
        for text, own, rules, doc in zip(texts, hits, asking, docs, strict=True):
            raised: list[_Hit] | None = own
            if own and rules:
                try:
                    raised = self._raise_scores(own, rules, doc)
                except ValueError:
                    raised = None
            found.append(self._decide(text, raised, self._named(doc)))
        return found

    def _match(self, text: str, max_chars: int) -> list[_Hit] | None:
        numbers = self._prefilter.matching(text)
        if len(text) > max_chars:
            return None if numbers or self._naming else []
        if not numbers:
            return []
        hits: list[_Hit] = []
        by_rule: dict[int, list[Any]] = {}
        for gate in sorted(numbers):
            number, pattern = self._owner[gate]
            by_rule.setdefault(number, []).append(pattern)
        try:
            for number, patterns in by_rule.items():
                rule = self._rules[number]
                if rule.own_loop:
                    hits += _run_patterns(number, rule, patterns, text)
                else:
                    results = rule.recognizer.analyze(text, list(rule.entities), None)
                    hits += [
                        _Hit(number, r.start, r.end, r.entity_type, r.score)
                        for r in results or ()
                    ]
        except Exception:  # noqa: BLE001  # its message may hold the text
            return None
        return hits

    def _asks_context(self, text: str, hits: list[_Hit]) -> set[int]:
        """Number the rules whose spans in a text a context word could raise."""
        rules = {hit.rule for hit in hits if hit.score < 1 and self._contexts[hit.rule]}
        if not rules:
            return rules
        return rules.intersection(
            self._stem_owner[i] for i in self._stems.matching(text)
        )

    def _raise_scores(self, hits: list[_Hit], rules: set[int], doc: Any) -> list[_Hit]:
        lemmatized = self._lemmatized
        lemmas = [token.lemma_ if lemmatized else token.text for token in doc]
        words = Words(doc, lemmas)
        return [
            hit._replace(score=boosted(hit.score))
            if hit.rule in rules and words.supports(hit.start, self._contexts[hit.rule])
            else hit
            for hit in hits
        ]

    def _named(self, doc: Any) -> list[Span]:
        if doc is None or not self._naming:
            return []
        return [
            Span(ent.start_char, ent.end_char, *meaning)
            for ent in doc.ents
            if (meaning := self._naming.get(ent.label_)) is not None
        ]

    def _decide(
        self, text: str, hits: list[_Hit] | None, named: Sequence[Span]
    ) -> list[Span]:
        if hits is None:
            return [Span(0, len(text), UNREADABLE_TEXT, 1.0)]
        threshold = self._threshold
        kept = [
            Span(hit.start, hit.end, hit.entity, hit.score)
            for hit in hits
            if hit.score >= threshold(self._rules[hit.rule].recognizer, hit.entity)
        ]
        kept += [span for span in named if span.score >= threshold(None, span.entity)]
        return _without_duplicates(kept) if len(kept) > 1 else kept


def _chunks(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Cut a list of texts into runs that one pass reads."""
    bounds = []
    start = chars = 0
    for i, text in enumerate(texts):
        full = chars + len(text) > _CHUNK_CHARS or i - start == _CHUNK_TEXTS
        if full and i > start:
            bounds.append((start, i))
            start, chars = i, 0
        chars += len(text)
    if start < len(texts):
        bounds.append((start, len(texts)))
    return bounds


def _compiled(pattern: Any, flags: int) -> Any:
    if pattern.compiled_regex is not None and pattern.compiled_with_flags == flags:
        return pattern.compiled_regex
    return regex.compile(pattern.regex, flags)


def _run_patterns(
    number: int, rule: Rule, patterns: Sequence[Any], text: str
) -> list[_Hit]:
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
        spans = _without_duplicates(spans)
    return [_Hit(number, *span) for span in spans]


def _without_duplicates(spans: Sequence[Span]) -> list[Span]:
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
