"""Presidio's `analyze` for many texts at once: same spans, same scores, less work.

Of Presidio stay the recognisers, their patterns and validators, the rules of context and
of duplicates. What is left out is what cannot change a result: patterns that cannot
match, components of the model whose output nobody reads, lemmas where no context word
could be in them, explanations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from presidio_analyzer import EntityRecognizer
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from .context import Words, boosted, stems
from .names import Model
from .phones import Phones
from .prefilter import Prefilter
from .quiet import quiet_presidio
from .rules import (
    Chosen,
    Hit,
    Rule,
    compiled,
    run_patterns,
    run_phones,
    without_duplicates,
)
from .spans import UNREADABLE_TEXT, Mode, Span

__all__ = ["Engine", "Naming"]

_CHUNK_TEXTS = 1024
_CHUNK_CHARS = 1_000_000  # bounds what one pass of the model holds in memory

Naming = Mapping[str, tuple[str, float]]
"""What a language model's labels mean: label → entity that is asked for, its score."""


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
        self._mode = mode
        self._lemmatized = model.has_lemmas and mode != "fast"
        self._prepare_patterns()
        self._prepare_context(model.nlp if self._lemmatized else None)

    def _prepare_patterns(self) -> None:
        gates: list[str | None] = []
        self._owner: list[tuple[int, Any]] = []  # gate → rule, what runs it
        for number, rule in enumerate(self._rules):
            gates += rule.gates()
            if rule.own_loop:
                flags = rule.recognizer.global_regex_flags
                self._owner += [
                    (number, (pattern, compiled(pattern, flags)))
                    for pattern in rule.recognizer.patterns
                ]
            else:
                self._owner.append((number, _runner(rule)))
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
        hits: list[list[Hit] | None] = []  # null: it could not be read
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
        hits: Sequence[list[Hit] | None],
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
            mode=self._mode,
        )
        docs: list[Any] = [None] * len(texts)
        for i, doc in zip(todo, read, strict=True):
            docs[i] = doc
        return docs

    def _decide_all(
        self,
        texts: Sequence[str],
        hits: Sequence[list[Hit] | None],
        asking: Sequence[set[int]],
        docs: Sequence[Any],
    ) -> list[list[Span]]:
        found = []
        for text, own, rules, doc in zip(texts, hits, asking, docs, strict=True):
            raised: list[Hit] | None = own
            if own and rules:
                try:
                    raised = self._raise_scores(own, rules, doc)
                except ValueError:
                    raised = None
            found.append(self._decide(text, raised, self._named(doc)))
        return found

    def _match(self, text: str, max_chars: int) -> list[Hit] | None:
        numbers = self._prefilter.matching(text)
        if len(text) > max_chars:
            return None if numbers or self._naming else []
        if not numbers:
            return []
        hits: list[Hit] = []
        by_rule: dict[int, list[Any]] = {}
        for gate in sorted(numbers):
            number, pattern = self._owner[gate]
            by_rule.setdefault(number, []).append(pattern)
        try:
            for number, patterns in by_rule.items():
                hits += self._run(number, patterns, text)
        except Exception:  # noqa: BLE001  # its message may hold the text
            return None
        return hits

    def _run(self, number: int, patterns: list[Any], text: str) -> list[Hit]:
        rule = self._rules[number]
        if rule.own_loop:
            return run_patterns(number, rule, patterns, text)
        if isinstance(patterns[0], Phones):
            return run_phones(number, rule, patterns[0], text)
        if isinstance(patterns[0], Chosen):
            results = patterns[0].find(text)
        else:
            results = rule.recognizer.analyze(text, list(rule.entities), None)
        return [
            Hit(number, r.start, r.end, r.entity_type, r.score) for r in results or ()
        ]

    def _asks_context(self, text: str, hits: list[Hit]) -> set[int]:
        """Number the rules whose spans in a text a context word could raise."""
        rules = {hit.rule for hit in hits if hit.score < 1 and self._contexts[hit.rule]}
        if not rules:
            return rules
        # Anywhere in the text: the enhancer goes on behind a span whose own word does
        # not count, such as an address with a colon in it.
        stems_there = self._stems.matching(text.lower())
        return rules.intersection(self._stem_owner[i] for i in stems_there)

    def _raise_scores(self, hits: list[Hit], rules: set[int], doc: Any) -> list[Hit]:
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
        self, text: str, hits: list[Hit] | None, named: Sequence[Span]
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
        return without_duplicates(kept) if len(kept) > 1 else kept


def _runner(rule: Rule) -> Phones | Chosen | None:
    """Give what runs a recogniser instead of its own `analyze`, if anything does."""
    if rule.by_pattern:
        return Chosen(rule.recognizer)
    if type(rule.recognizer) is PhoneRecognizer:
        return Phones(rule.recognizer)
    return None


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
