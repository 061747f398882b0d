"""The language model's part: entities and lemmas with no component more than needed.

An entity never crosses a sentence's start, so Presidio's results need the parser, but
not for every text. The recogniser is greedy and sees the parse only in one rule: it may
not open or continue an entity before a token that starts a sentence. If it chose, free
of that rule, no entity over such a token, the rule would have changed nothing. So it
runs first, alone; texts with an entity of several tokens are parsed, and those in which
one crosses a sentence's start are read again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..model import load_model, verify_model
from .spans import Mode

__all__ = ["Model", "loaded_models", "shared_model"]

_BATCH_TEXTS = 1024  # a component's own batches are a quarter of that
_CACHED_LEMMAS = 50_000
_LEMMA_PIPES = (
    "tagger",
    "morphologizer",
    "attribute_ruler",
    "lemmatizer",
    "trainable_lemmatizer",
)
_SENTENCE_PIPES = ("parser", "senter")
_KNOWN_PIPES = {*_LEMMA_PIPES, *_SENTENCE_PIPES, "ner", "tok2vec", "transformer"}


class Model:
    """A spaCy pipeline, run by components.

    Not thread-safe outside `zone`, which one thread enters at a time.

    Attributes:
        nlp: the pipeline.
        has_lemmas: it lemmatises; without that a word is its own lemma.
    """

    def __init__(self, nlp: Any) -> None:
        self.nlp = nlp
        self._lock = threading.RLock()
        self._names = tuple(nlp.pipe_names)
        # A component of another kind may look at anything: then all run, in order.
        self._blis = True
        self._whole = not _KNOWN_PIPES.issuperset(self._names)
        self._sentences = [name for name in self._names if name in _SENTENCE_PIPES]
        self._lemmas = [name for name in self._names if name in _LEMMA_PIPES]
        self.has_lemmas = any("lemmatizer" in name for name in self._names)

    @contextmanager
    def zone(self) -> Iterator[None]:
        """Free what the texts read inside have left in the vocabulary."""
        with self._lock, self.nlp.memory_zone():
            yield
            for name in self._names:
                cache = getattr(self.nlp.get_pipe(name), "cache", None)
                if isinstance(cache, dict) and len(cache) > _CACHED_LEMMAS:
                    cache.clear()

    def read(
        self,
        texts: Sequence[str],
        *,
        entities: bool,
        lemmas: Sequence[bool] | None = None,
        mode: Mode = "exact",
    ) -> list[Any]:
        """Read texts: n texts → n Docs. Call it inside `zone`.

        Args:
            texts: none longer than the pipeline takes.
            entities: find the named ones.
            lemmas: which texts need their lemmas; null: none.
            mode: see `Mode`.
        """
        self._choose_blas(blis=mode == "bitwise")
        docs = [self.nlp.make_doc(text) for text in texts]
        wanted = [i for i, need in enumerate(lemmas or ()) if need]
        if self._whole:
            todo = range(len(docs)) if entities else wanted
            self._pipe(self._names, [docs[i] for i in todo])
            return docs
        free: list[Any] = []
        if entities:
            self._pipe(["ner"], docs)
            if mode != "fast":
                free = [i for i, doc in enumerate(docs) if _has_long_entity(doc)]
        ordered = sorted({*free, *wanted})
        self._pipe(self._sentences, [docs[i] for i in ordered])
        self._pipe(self._lemmas, [docs[i] for i in wanted])
        crossing = [i for i in free if _crosses(docs[i])]
        again = [self._restart(docs[i]) for i in crossing]
        self._pipe(["ner"], again)
        for i, doc in zip(crossing, again, strict=True):
            _take_entities(docs[i], doc)
        return docs

    def _choose_blas(self, *, blis: bool) -> None:
        """Let matrices be multiplied by spaCy's BLIS or by numpy's faster library.

        They round differently, which can turn a decision that is a near tie.
        """
        if blis == self._blis:
            return
        from thinc.api import NumpyOps

        for name in self._names:
            network = getattr(self.nlp.get_pipe(name), "model", None)
            for node in network.walk() if network is not None else ():
                if isinstance(node.ops, NumpyOps):
                    node.ops = NumpyOps(use_blis=blis)
        self._blis = blis

    def _pipe(self, names: Sequence[str], docs: list[Any]) -> None:
        if not docs:
            return
        for name in self._with_sources(names):
            pipe = self.nlp.get_pipe(name)
            for _ in pipe.pipe(iter(docs), batch_size=_BATCH_TEXTS):
                pass

    def _with_sources(self, names: Sequence[str]) -> list[str]:
        """Put before components those whose vectors they read, in pipeline order."""
        wanted = set(names)
        for source in ("tok2vec", "transformer"):
            if source in self._names:
                readers = self.nlp.get_pipe(source).listening_components
                if wanted.intersection(readers):
                    wanted.add(source)
        return [name for name in self._names if name in wanted]

    def _restart(self, parsed: Any) -> Any:
        doc = self.nlp.make_doc(parsed.text)
        for token in parsed[1:]:
            if token.is_sent_start:
                doc[token.i].is_sent_start = True
        return doc


def _has_long_entity(doc: Any) -> bool:
    return any(len(entity) > 1 for entity in doc.ents)


def _crosses(doc: Any) -> bool:
    return any(token.is_sent_start for entity in doc.ents for token in entity[1:])


def _take_entities(doc: Any, other: Any) -> None:
    spans = [
        doc.char_span(entity.start_char, entity.end_char, label=entity.label)
        for entity in other.ents
    ]
    doc.ents = spans


_MODELS: dict[str, Model] = {}
_LOADING = threading.Lock()


def shared_model(language: str, *, blank: bool = False) -> Model:
    """Give the process's one pipeline of a language; see `load_model`.

    Args:
        language: ISO code.
        blank: one that only cuts words.

    Raises:
        ModelMissingError: it is not installed.
    """
    import spacy

    if not blank:
        verify_model(language)
    name = f"blank:{language}" if blank else language
    with _LOADING:
        if name not in _MODELS:
            nlp = spacy.blank(language) if blank else load_model(language)
            _MODELS[name] = Model(nlp)
        return _MODELS[name]


def loaded_models() -> tuple[Model, ...]:
    """Give the pipelines that the process shares by now."""
    return tuple(_MODELS.values())
