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
import pyarrow.compute as pc

from ....policies.entities import MAY_STAY
from ....policies.errors import OptinError
from ....policies.model import Pii
from ....policies.pii import DEFAULT, Operator
from ..distinct import as_array, row_weights
from ..keys import Secret
from ..spellings import FORMED_ENTITIES, Copy, copies_of
from .allow import AllowList
from .replace import Replaced, Replacer
from .rules import without_duplicates
from .spans import MAX_TEXT_CHARS, UNREADABLE_TEXT, Mode, Span
from .workers import Workers
from .writing import TOKEN, Function, Writer, Written

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

__all__ = ["Cleaned", "TextScanner"]

_ROUNDS = 4
_CACHED_TEXTS = 50_000
_CACHED_CHARS = 2_000  # longer texts hardly repeat
_REWRITES = 3


class Cleaned(NamedTuple):
    """A text as it may be published, and how many spans of each entity were replaced."""

    replaced: Replaced
    counts: tuple[tuple[str, int], ...] = ()


class TextScanner:
    """Finds and replaces the entities of one policy.

    Guaranteed: what a scanner has redacted, it finds nothing in any more, surrogates
    (`fake`) aside: these look like what they stand for, and are not counted again. An
    operator's words that would be found make room for plain placeholders. Where a
    function of the caller's writes, that holds for the text with placeholders. A text that cannot be read to its end (too long, a
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
        operators: Mapping[str, Operator | Function] | None = None,
        key: Secret | None = None,
        workers: int = 0,
        workers_after_chars: int = 0,
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
            operators: entity, or `default` → what replaces it; else the policy's.
            key: derived key of the texts, for keyed operators.
            workers: processes that read besides this one's own; 0: none. They are
                started by the first column of more than a few hundred new texts.
            workers_after_chars: and not before this much new text was read here: a
                process takes seconds to start.
        """
        from .build import build_engine

        mode = mode or pii.mode
        thresholds = pii.thresholds if thresholds is None else thresholds
        allow_list = pii.allow_list if allow_list is None else allow_list
        operators = pii.operators if operators is None else operators
        self._entities = tuple(e for e in pii.entities if e not in pii.kept)
        known = {*pii.entities, *pii.kept, UNREADABLE_TEXT, DEFAULT}
        for name in (*operators, *(thresholds or ())):
            if name not in known:
                message = f"entity {name} is not among the policy's pii.entities"
                raise OptinError(message)
        for name in pii.kept - MAY_STAY:
            message = f"pii.operators: {name} may name a person and cannot be kept"
            raise OptinError(message)
        self._writer = Writer(operators, key)
        self._engine, self._recognizers = build_engine(
            pii,
            recognizers=recognizers,
            extra=extra,
            mode=mode,
            thresholds=thresholds or {},
        )
        # Presidio reads a text as it stands; so does a policy that asks for no profile.
        self._reads_copies = recognizers == "policy" and pii.profile is not None
        self._allowed = AllowList(allow_list, allow_list_match)
        self._replacer = Replacer()
        entities = "|".join(map(re.escape, (*self._entities, UNREADABLE_TEXT)))
        self._placeholder = re.compile(rf"<(?:{entities})(?:{TOKEN})?>")
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
            self._workers = Workers(workers, alike, after_chars=workers_after_chars)

    def redact(
        self, array: pa.Array, *, subjects: pa.Array | None = None
    ) -> tuple[pa.Array, Counter[str]]:
        """Replace every span by its operator: string → (string, spans by entity).

        Null stays null. The counts are weighted by rows and never hold a value. What
        becomes of a row depends on its own text and subject alone.

        Args:
            array: texts.
            subjects: token of each row's data subject, where an operator's scope is the
                subject; a row of nobody gets plain placeholders.

        Raises:
            KeyReferenceError: an operator needs a key and there is none.
            OptinError: one needs the subjects and they are not given.
        """
        encoded = as_array(array).cast(pa.string()).dictionary_encode()
        cleaned = self._clean(encoded.dictionary.to_pylist())
        findings = _weighted(encoded, cleaned)
        replaced = [one.replaced for one in cleaned]
        if not self._writer.by_subject:
            texts = self._write([(one, None) for one in replaced])
            return pa.array(texts, pa.string()).take(encoded.indices), findings
        if subjects is None:
            message = "pii.operators: scope 'subject' needs the subject of each row"
            raise OptinError(message)
        people = as_array(subjects).dictionary_encode()
        names = [str(one).encode() for one in people.dictionary.to_pylist()]
        asks = np.array([self._writer.asks_subject(one) for one in replaced], np.bool_)
        rows = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        owners = people.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        if not len(replaced):
            return pa.nulls(len(encoded), pa.string()), findings
        # One number for each (text, subject), or for the text where all share it.
        owned = np.where(asks[rows], owners.astype(np.int64), -1) + 1
        pairs = rows.astype(np.int64) * (len(names) + 1) + owned
        distinct, places = np.unique(pairs, return_inverse=True)
        jobs = []
        for pair in distinct.tolist():
            text, owner = divmod(pair, len(names) + 1)
            jobs.append((replaced[text], names[owner - 1] if owner else None))
        out = pa.array(self._write(jobs), pa.string()).take(pa.array(places))
        return pc.if_else(encoded.is_valid(), out, pa.scalar(None, pa.string())), (
            findings
        )

    def count_findings(self, array: pa.Array) -> Counter[str]:
        """Count the spans in a column by entity, weighted by rows.

        Entities that the policy fakes are not among them: surrogates look like them.
        """
        encoded = as_array(array).cast(pa.string()).dictionary_encode()
        found = _weighted(encoded, self._clean(encoded.dictionary.to_pylist()))
        return Counter(
            {name: n for name, n in found.items() if not self._writer.free(name)}
        )

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
            new: list[Cleaned] | None = None
            if self._workers is not None and self._workers.worth(missing):
                new = self._workers.clean(missing)
            if new is None:
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

    def _write(self, jobs: Sequence[tuple[Replaced, bytes | None]]) -> list[str]:
        """Write texts as the operators want them, and look at them again.

        A number beside a word, or a text from which something was removed, can read as
        an entity: then the marks beside it become plain placeholders.
        """
        if not self._writer.changes:
            return [replaced.text for replaced, _ in jobs]
        written = [self._writer.write(*job) for job in jobs]
        if self._writer.trusted:
            return [one.text for one in written]
        plain: dict[int, set[int]] = {}
        todo = [i for i, (replaced, _) in enumerate(jobs) if replaced.marks]
        for _ in range(_REWRITES):
            todo = self._found_again(todo, [written[i].text for i in todo])
            for i in todo:
                touched = self._touched(written[i])
                plain.setdefault(i, set()).update(touched)
                written[i] = self._writer.write(*jobs[i], plain[i])
        for i in self._found_again(todo, [written[i].text for i in todo]):
            written[i] = written[i]._replace(text=jobs[i][0].text)
        return [one.text for one in written]

    def _found_again(self, numbers: list[int], texts: list[str]) -> list[int]:
        """Give the numbers of the texts in which something is found that counts."""
        distinct = list(dict.fromkeys(texts))
        cleaned = dict(zip(distinct, self._clean(distinct), strict=True))
        free = self._writer.free
        return [
            i
            for i, text in zip(numbers, texts, strict=True)
            if not all(free(entity) for entity, _ in cleaned[text].counts)
        ]

    def _touched(self, written: Written) -> set[int]:
        """Number the marks that what is found lies on; all if it lies on none."""
        found = self._analyze([written.text])[0]
        spans = self._replacer.settle(written.text, found) if found else []
        touched = {
            number
            for number, (start, end) in enumerate(written.places)
            for a, b, entity in spans
            if a < end and start < b and not self._writer.free(entity)
        }
        return touched or set(range(len(written.places)))

    def _analyze(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find what counts in texts: neither in a placeholder nor allowed."""
        results = self._engine.find(texts, MAX_TEXT_CHARS)
        if self._reads_copies:
            results = self._with_copies(texts, results)
        return [
            self._counting(text, found) if found else found
            for text, found in zip(texts, results, strict=True)
        ]

    def _with_copies(
        self, texts: Sequence[str], results: list[list[Span]]
    ) -> list[list[Span]]:
        """Add what other readings of a text show."""
        jobs = [
            (number, copy)
            for number, text in enumerate(texts)
            if len(text) <= MAX_TEXT_CHARS
            for copy in copies_of(text)
        ]
        if not jobs:
            return results
        merged = list(results)
        read = self._engine.find([copy.text for _, copy in jobs], MAX_TEXT_CHARS)
        for (number, copy), found in zip(jobs, read, strict=True):
            if found and found[0].entity == UNREADABLE_TEXT:
                whole = Span(0, len(texts[number]), UNREADABLE_TEXT, 1.0)
                merged[number] = [whole]
            elif found and not _unreadable(merged[number]):
                spans = [*merged[number], *_back(copy, found)]
                merged[number] = without_duplicates(spans)
        return merged

    def _counting(self, text: str, found: list[Span]) -> list[Span]:
        inside = [m.span() for m in self._placeholder.finditer(text)]
        return [
            span
            for span in self._allowed.without(text, found)
            if not any(a <= span.start and span.end <= b for a, b in inside)
        ]


def _back(copy: Copy, found: Sequence[Span]) -> list[Span]:
    """Put what was found in another reading to where it stands in the text."""
    spans = []
    for span in found:
        if not copy.formed or span.entity in FORMED_ENTITIES:
            start, end = copy.back(span.start, span.end)
            spans.append(span._replace(start=start, end=end))
    return spans


def _unreadable(found: Sequence[Span]) -> bool:
    return bool(found) and found[0].entity == UNREADABLE_TEXT


def _weighted(encoded: pa.DictionaryArray, cleaned: Sequence[Cleaned]) -> Counter[str]:
    """Add up the spans of distinct texts by the rows that hold them."""
    findings: Counter[str] = Counter()
    for rows, (_, counts) in zip(row_weights(encoded), cleaned, strict=True):
        for entity, spans in counts:
            findings[entity] += spans * int(rows)
    return findings
