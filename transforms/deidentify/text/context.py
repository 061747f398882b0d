"""Context words: the rules of Presidio's LemmaContextAwareEnhancer, without its costs.

A lemma is needed only where a context word's stem occurs in the text: everywhere else
no lemma can hold the word.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

__all__ = ["Words", "boosted", "stems"]

_ENHANCER = LemmaContextAwareEnhancer()
_WORDS_BEFORE = _ENHANCER.context_prefix_count
_WORDS_AFTER = _ENHANCER.context_suffix_count


def boosted(score: float) -> float:
    """Give the score of a span with a context word beside it."""
    raised = score + _ENHANCER.context_similarity_factor
    return min(max(raised, _ENHANCER.min_score_with_context_similarity), 1.0)


class Words:
    """The words of one text as the enhancer sees them.

    Args:
        doc: a spaCy Doc.
        lemmas: of its tokens.
    """

    def __init__(self, doc: Any, lemmas: Sequence[str]) -> None:
        vocab = doc.vocab
        self._ends = [token.idx + len(token) for token in doc]
        self._lower = [lemma.lower() for lemma in lemmas]
        kept: set[str] = set()
        for lemma, lower in zip(lemmas, self._lower, strict=True):
            word = vocab[lemma]
            if not (word.is_stop or word.is_punct or lemma in ("-PRON-", "be")):
                kept.update(lower.split(":"))
        self._kept = kept

    def supports(self, start: int, context: Iterable[str]) -> bool:
        """Tell whether one of the words stands beside a span that starts at `start`.

        Raises:
            ValueError: no token is there.
        """
        here = bisect_right(self._ends, start)
        if here == len(self._ends):
            message = "a span starts behind the last token"
            raise ValueError(message)
        near = self._near(here, -1, _WORDS_BEFORE) | self._near(here, 1, _WORDS_AFTER)
        return any(word in lemma for word in context for lemma in near)

    def _near(self, index: int, step: int, count: int) -> set[str]:
        found: list[str] = []
        while 0 <= index < len(self._lower) and len(found) <= count:
            if self._lower[index] in self._kept:
                found.append(self._lower[index])
            index += step
        return set(found)


def stems(words: Iterable[str], nlp: Any) -> str | None:
    """Give a pattern of the lower-cased texts in which a lemma can hold one of `words`.

    Args:
        words: context words in lower case.
        nlp: the pipeline that lemmatises; null if a word is its own lemma.

    Returns:
        Null if it cannot be said: the lemmatiser does not go by English rules.
    """
    found = {word for word in words if word}
    if nlp is not None:
        lemmatizer = nlp.get_pipe("lemmatizer") if nlp.has_pipe("lemmatizer") else None
        if lemmatizer is None or getattr(lemmatizer, "mode", None) != "rule":
            return None
        more = _forms(found, nlp, lemmatizer)
        if more is None:
            return None
        found |= more
    return "|".join(sorted(map(re.escape, found))) if found else None


def _forms(words: set[str], nlp: Any, lemmatizer: Any) -> set[str] | None:
    """Find what a text may hold instead of a word and still have it in a lemma."""
    found: set[str] = set()
    tables = lemmatizer.lookups
    for rules in tables.get_table("lemma_rules", {}).values():
        for _, new in rules:  # the lemma is the form with its end replaced by `new`
            for word in words:
                if word in new:
                    return None
                for length in range(1, len(new) + 1):
                    if word.endswith(new[:length]) and len(word) > length:
                        found.add(word[:-length])
    for exceptions in tables.get_table("lemma_exc", {}).values():
        for form, lemmas in exceptions.items():
            if any(word in lemma.lower() for lemma in lemmas for word in words):
                found.add(form)
    if nlp.has_pipe("attribute_ruler"):
        for rule in nlp.get_pipe("attribute_ruler").patterns:
            lemma = str(rule["attrs"].get("LEMMA", "")).lower()
            if not any(word in lemma for word in words):
                continue
            for pattern in rule["patterns"]:
                lower = pattern[0].get("LOWER") if len(pattern) == 1 else None
                if not isinstance(lower, str):
                    return None
                found.add(lower)
    return found
