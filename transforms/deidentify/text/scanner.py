"""The scanner of one policy: finds entities in columns of text and replaces them."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....policies.errors import OptinError
from ....policies.model import Pii
from ..distinct import as_array, row_weights
from .allow import AllowList
from .replace import Operator, Replaced, Replacer, render
from .spans import MAX_TEXT_CHARS, UNREADABLE_TEXT, Mode, Span
from .workers import Workers

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

__all__ = ["Cleaned", "TextScanner"]

_ROUNDS = 4
_CACHED_TEXTS = 50_000
_CACHED_CHARS = 2_000  # longer texts hardly repeat
_PLAIN: Mapping[str, Operator] = {}


class Cleaned(NamedTuple):
    """A text as it may be published, and how many spans of each entity were replaced."""

    replaced: Replaced
    counts: tuple[tuple[str, int], ...] = ()


class TextScanner:
    """Finds and replaces the entities of one policy.

    Guaranteed: what a scanner has redacted, it finds nothing in any more; where a
    function writes surrogates, which may well be found, that holds for the text with
    placeholders in their stead. A text that cannot be read to its end (too long, a
    pattern over its time) is replaced as a whole by `<UNREADABLE_TEXT>`; nothing passes
    because it was hard to read.

    Thread-safe; one per process is enough. Not picklable: build it in the worker. All
    scanners of a process share one model.

    Not covered: entities the policy does not name, and what the recognisers miss.

    Raises:
        ModelMissingError: the policy needs the language model and it is not here.
        OptinError: no recogniser finds an entity, or an option names an unknown one.
    """

    def __init__(
        self,
        pii: Pii,
        *,
        recognizers: Literal["policy", "presidio"] = "policy",
        extra: Sequence[EntityRecognizer] = (),
        mode: Mode | None = None,
        thresholds: Mapping[str, float] | None = None,
        allow_list: Sequence[str] | None = None,
        allow_list_match: Literal["exact", "regex"] = "exact",
        operators: Mapping[str, Operator] | None = None,
        workers: int = 0,
    ) -> None:
        """Prepare.

        Args:
            pii: the policy's part.
            recognizers: `presidio` is Presidio's default configuration and nothing
                more, cut down to the policy's entities.
            extra: recognisers besides, such as those of `custom`.
            mode: see `Mode`; else the policy's.
            thresholds: entity → lowest score; else the policy's.
            allow_list: values that are no entities; else the policy's.
            allow_list_match: `regex`: patterns that are looked for inside a span.
            operators: entity, or `DEFAULT` → what replaces it; else `redact`.
            workers: processes that read besides this one's own; 0: none. They are
                started by the first column of more than a few hundred new texts.
        """
        from .build import build_engine

        mode = mode or pii.mode
        thresholds = pii.thresholds if thresholds is None else thresholds
        allow_list = pii.allow_list if allow_list is None else allow_list
        self._operators = dict(operators or _PLAIN)
        known = {*pii.entities, UNREADABLE_TEXT, "DEFAULT"}
        for name in (*self._operators, *(thresholds or ())):
            if name not in known:
                message = f"entity {name} is not among the policy's pii.entities"
                raise OptinError(message)
        self._engine, self._recognizers = build_engine(
            pii,
            recognizers=recognizers,
            extra=extra,
            mode=mode,
            thresholds=thresholds or {},
        )
        self._allowed = AllowList(allow_list, allow_list_match)
        self._replacer = Replacer()
        entities = "|".join(map(re.escape, (*pii.entities, UNREADABLE_TEXT)))
        self._placeholder = re.compile(rf"<(?:{entities})(?:_\d{{1,9}})?>")
        self._numbers = "number" in self._operators.values()
        self._cache: dict[str, Cleaned] = {}
        self._lock = threading.Lock()
        self._workers: Workers[Cleaned] | None = None
        if workers:
            alike = partial(
                TextScanner,
                pii,
                recognizers=recognizers,
                extra=tuple(extra),
                mode=mode,
                thresholds=dict(thresholds),
                allow_list=tuple(allow_list),
                allow_list_match=allow_list_match,
            )
            self._workers = Workers(workers, alike)

    def redact(
        self, array: pa.Array, *, subjects: pa.Array | None = None
    ) -> tuple[pa.Array, Counter[str]]:
        """Replace every span by its operator: string → (string, spans by entity).

        Null stays null. The counts are weighted by rows and never hold a value.

        Args:
            array: texts.
            subjects: one value a row: numbered placeholders are the same in all rows of
                this call that share it. Without it, each text counts for itself.
        """
        encoded = as_array(array).cast(pa.string()).dictionary_encode()
        cleaned = self._clean(encoded.dictionary.to_pylist())
        findings: Counter[str] = Counter()
        for rows, (_, counts) in zip(row_weights(encoded), cleaned, strict=True):
            for entity, spans in counts:
                findings[entity] += spans * int(rows)
        if subjects is None or not self._numbers:
            texts = self._render([one.replaced for one in cleaned], None)
            return pa.array(texts, pa.string()).take(encoded.indices), findings
        rows_of = [i for i in encoded.indices.to_pylist() if i is not None]
        people = as_array(subjects).filter(encoded.is_valid()).to_pylist()
        texts = self._render([cleaned[i].replaced for i in rows_of], people)
        written = iter(texts)
        out = [next(written) if ok else None for ok in encoded.is_valid().to_pylist()]
        return pa.array(out, pa.string()), findings

    def count_findings(self, array: pa.Array) -> Counter[str]:
        """Count the spans in a column by entity, weighted by rows."""
        encoded = as_array(array).cast(pa.string()).dictionary_encode()
        findings: Counter[str] = Counter()
        cleaned = self._clean(encoded.dictionary.to_pylist())
        for rows, (_, counts) in zip(row_weights(encoded), cleaned, strict=True):
            for entity, spans in counts:
                findings[entity] += spans * int(rows)
        return findings

    def has_pii(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Tell which texts hold an entity: list of n texts → n booleans."""
        found = [bool(counts) for _, counts in self._clean(list(texts))]
        return np.array(found, dtype=np.bool_)

    def find_spans(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """Find the entities of each text; spans of one entity may overlap another's.

        Placeholders that an earlier redaction left are not entities.
        """
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, self._analyze(distinct), strict=True))
        return [tuple(found[text]) for text in texts]

    def close(self) -> None:
        """End the worker processes, if any."""
        if self._workers is not None:
            self._workers.close()

    def _clean(self, texts: list[str]) -> list[Cleaned]:
        """Redact distinct texts until nothing is found in them.

        More than one round is rare: a placeholder is a word that can change how the
        words beside it read, to the model or as context.
        """
        with self._lock:
            missing = list(
                dict.fromkeys(text for text in texts if text not in self._cache)
            )
            if self._workers is not None and self._workers.worth(missing):
                new = self._workers.clean(missing)
            else:
                new = self.clean_new(missing)
            done = dict(zip(missing, new, strict=True))
            cleaned = [done.get(text) or self._cache[text] for text in texts]
            if len(self._cache) > _CACHED_TEXTS:
                self._cache.clear()
            for text, result in done.items():
                if len(text) <= _CACHED_CHARS:
                    self._cache[text] = result
                    out = result.replaced.text
                    self._cache[out] = Cleaned(Replaced(out))
            return cleaned

    def clean_new(self, texts: list[str]) -> list[Cleaned]:
        """Redact texts without a look at the memory; for the worker processes."""
        current = [Replaced(text) for text in texts]
        counts: list[Counter[str]] = [Counter() for _ in texts]
        pending = list(range(len(texts)))
        for attempt in range(_ROUNDS + 1):
            results = self._analyze([current[i].text for i in pending])
            left = []
            for i, found in zip(pending, results, strict=True):
                if not found:
                    continue
                left.append(i)
                whole = attempt == _ROUNDS or found[0].entity == UNREADABLE_TEXT
                if whole:
                    current[i] = Replaced(f"<{UNREADABLE_TEXT}>")
                    counts[i][UNREADABLE_TEXT] += 1
                else:
                    current[i] = self._replace(current[i], found, counts[i])
            pending = left
            if not pending:
                break
        return [
            Cleaned(replaced, tuple(sorted(count.items())))
            for replaced, count in zip(current, counts, strict=True)
        ]

    def _replace(
        self, before: Replaced, found: Sequence[Span], counts: Counter[str]
    ) -> Replaced:
        replaced, entities = self._replacer.replace(before, found)
        counts.update(entities)
        return replaced

    def _render(
        self, replaced: Sequence[Replaced], subjects: Sequence[object] | None
    ) -> list[str]:
        if not self._operators:
            return [one.text for one in replaced]
        numbers: dict[object, dict[tuple[str, str], int]] = {}
        texts = []
        for i, one in enumerate(replaced):
            person = i if subjects is None else (subjects[i],)
            texts.append(render(one, self._operators, numbers.setdefault(person, {})))
        if self._numbers and not any(map(callable, self._operators.values())):
            # A number beside a word can change how the word reads: then without it.
            distinct = list(dict.fromkeys(texts))
            found = dict(zip(distinct, self._analyze(distinct), strict=True))
            texts = [
                one.text if found[text] else text
                for one, text in zip(replaced, texts, strict=True)
            ]
        return texts

    def _analyze(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find what counts in texts: neither in a placeholder nor allowed."""
        results = self._engine.find(texts, MAX_TEXT_CHARS)
        return [
            self._counting(text, found) if found else found
            for text, found in zip(texts, results, strict=True)
        ]

    def _counting(self, text: str, found: list[Span]) -> list[Span]:
        inside = [m.span() for m in self._placeholder.finditer(text)]
        return [
            span
            for span in self._allowed.without(text, found)
            if not any(a <= span.start and span.end <= b for a, b in inside)
        ]
