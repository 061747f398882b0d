"""Names of people without a language model: by lists.

The lists are Faker's, of all its locales in Latin letters; which of their entries are
English words as well ("will", "rose") hunspell's dictionary tells. Both ship inside
their packages: nothing is fetched. Loading takes about a second, once per process.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any

import hunspell
import regex
from presidio_analyzer import EntityRecognizer, RecognizerResult

from .scores import LIKELY, SURE, WEAK

__all__ = ["Gazetteer", "GazetteerRecognizer", "load_gazetteer"]

_WORD = regex.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_LATIN = regex.compile(r"[\p{Latin}'\u2019-]{2,}")
_POSSESSIVE = ("'s", "\u2019s")
_BLANKS = {n: " " for n in range(128) if not chr(n).isalpha()}
_LINKS = "van von de der den del della di da do dos la le du el al bin ibn ben ter af y"
_INITIAL_LINKS = frozenset(_LINKS.split())
_NO_NAMES = (
    "january february march april may june july august september october november "
    "december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday "
    "wednesday thursday friday saturday sunday mon tue wed thu fri sat sun im ive id "
    "ill dont cant wont lol omg wtf ur u ya yo ok okay hey hi hello thanks thx pls "
    "dear mr mrs ms dr jr sr st inc ltd llc corp gmbh co usa uk eu nyc la sf tv pc ai "
    "ip url pdf sms gps app apps email online website google apple amazon facebook "
    "twitter youtube instagram netflix iphone ipad android windows microsoft visa rt "
    "north south east west new san santa los las saint city lake christmas easter "
    "english french german spanish american british indian chinese japanese russian "
    "polish danish swedish dutch european asian african america england france "
    "germany india china japan russia london paris"
)
_NEVER = frozenset(_NO_NAMES.split())


@dataclass(frozen=True)
class Gazetteer:
    """Names by how sure they are, casefolded.

    Attributes:
        given: first names.
        family: last names.
        words: those of both that an English dictionary has in lower case too.
        common: first names that are common where English is spoken.
    """

    given: frozenset[str]
    family: frozenset[str]
    words: frozenset[str]
    common: frozenset[str]

    @property
    def every(self) -> frozenset[str]:
        """All of them."""
        return self.given | self.family


@functools.cache
def load_gazetteer() -> Gazetteer:
    """Read the lists of the installed packages."""
    import faker.providers.person as people

    given: set[str] = set()
    family: set[str] = set()
    common: set[str] = set()
    for found in pkgutil.iter_modules(people.__path__):
        provider = importlib.import_module(f"{people.__name__}.{found.name}").Provider
        first = _words_of(provider, "first_names")
        given |= first
        family |= _words_of(provider, "last_names")
        if found.name in ("en_US", "en_GB"):
            common |= first
    dictionary = _dictionary()
    words = {name for name in given | family if _is_word(dictionary, name)}
    return Gazetteer(
        frozenset(given - _NEVER),
        frozenset(family - _NEVER),
        frozenset(words),
        frozenset(common - _NEVER),
    )


def _words_of(provider: Any, prefix: str) -> set[str]:
    names: set[str] = set()
    for attribute in dir(provider):
        if attribute.startswith(prefix):
            entries = getattr(provider, attribute)
            if isinstance(entries, (tuple, list, dict)):
                for entry in entries:
                    if isinstance(entry, str):
                        names.update(_parts(entry))
    return names


def _parts(entry: str) -> list[str]:
    parts = entry.casefold().split()
    return [p for p in parts if _LATIN.fullmatch(p) and p not in _INITIAL_LINKS]


def _is_word(dictionary: Any, name: str) -> bool:
    try:
        return bool(dictionary.spell(name))
    except UnicodeEncodeError:  # a letter that English does not have
        return False


@functools.lru_cache(maxsize=100_000)
def _is_strange(low: str) -> bool:
    """Tell whether a word after a first name may be a last one: no dictionary has it."""
    if len(low) < 4 or low in _NEVER or len(set(low)) < 3:
        return False
    dictionary = _dictionary()
    if any(_is_word(dictionary, w) for w in (low, low.capitalize(), low.rstrip("s"))):
        return False
    return low.isalpha()


@functools.cache
def _dictionary() -> Any:
    return hunspell.Hunspell("en_US")


class GazetteerRecognizer(EntityRecognizer):
    """Finds runs of words that are names on a list.

    A text without any listed name costs two set operations. Scores: `SURE` for a first
    name with a name or capital beside it, `LIKELY` for one capitalised name that is no
    English word, `WEAK` for what only its spelling speaks for: a lone name in lower
    case, a last name alone, a name that is a word too.

    Not covered: names in other scripts than Latin; names on no list.
    """

    def __init__(self, supported_language: str = "en", threshold: float = WEAK) -> None:
        super().__init__(
            supported_entities=["PERSON"],
            name="OptinNameOnAList",
            supported_language=supported_language,
        )
        self._names = load_gazetteer()
        self._every = self._names.every
        # A run of words without one of these gives nothing.
        alone = self._names.family - self._names.words if threshold <= WEAK else set()
        self._telling = self._names.given | alone
        self._threshold = threshold

    def load(self) -> None:
        """Nothing to load: the lists are there."""

    def analyze(
        self,
        text: str,
        entities: list[str],  # noqa: ARG002  # Presidio's signature
        nlp_artifacts: Any = None,  # noqa: ARG002
    ) -> list[RecognizerResult]:
        """Find the names of one text."""
        if self._telling.isdisjoint(_words_of_text(text)):
            return []
        found: list[RecognizerResult] = []
        run: list[tuple[int, int, str]] = []
        end = -2
        for match in _WORD.finditer(text):
            word = match.group()
            if word.endswith(_POSSESSIVE):
                word = word[:-2]
            start = match.start()
            if run and (start - end > 2 or not _joins(text[end:start], run[-1][2])):
                self._close(text, run, found)
                run = []
            if self._may_belong(word, bool(run)):
                run.append((start, start + len(word), word))
                end = start + len(word)
                if word is not match.group() and len(word) != len(match.group()):
                    self._close(text, run, found)
                    run = []
            elif run:
                self._close(text, run, found)
                run = []
        if run:
            self._close(text, run, found)
        return found

    def _may_belong(self, word: str, inside: bool) -> bool:
        low = word.casefold()
        if low in self._every:
            return True
        if not inside:
            return word[0].isupper() and len(word) > 1 and low not in _NEVER
        if word[0].isupper() and low not in _NEVER:
            return True
        return low in _INITIAL_LINKS or _is_strange(low)

    def _close(
        self, text: str, run: list[tuple[int, int, str]], found: list[RecognizerResult]
    ) -> None:
        """Keep the part of a run that is a name."""
        names = self._names
        lows = [word.casefold() for _, _, word in run]
        at = 0
        while at < len(run):
            low = lows[at]
            if low not in names.given:
                at += 1
                continue
            first, last = at, at
            lower = run[at][2].islower()
            while last + 1 < len(run) and last - first < 3:
                after = lows[last + 1]
                if lower:
                    fits = after in names.family and after not in names.words
                    fits = fits or (after in names.given and after not in names.words)
                    fits = fits or (low not in names.words and _is_strange(after))
                else:
                    fits = run[last + 1][2][0].isupper() and not (
                        after in names.words and after not in self._every
                    )
                    fits = fits or (after in _INITIAL_LINKS and last + 2 < len(run))
                    fits = fits or (low not in names.words and _is_strange(after))
                if not fits:
                    break
                last += 1
            score = self._score(text, run, lows, first, last)
            if score >= self._threshold:
                found.append(
                    RecognizerResult("PERSON", run[first][0], run[last][1], score)
                )
            at = last + 1
        if not found or found[-1].end < run[0][0]:
            self._family_alone(run, lows, found)

    def _score(
        self,
        text: str,
        run: list[tuple[int, int, str]],
        lows: list[str],
        first: int,
        last: int,
    ) -> float:
        names = self._names
        low, word = lows[first], run[first][2]
        is_word = low in names.words and low not in names.common
        if word.islower():
            if last > first:
                return LIKELY if low not in names.words else WEAK
            if low in names.words:
                return 0.0
            return LIKELY if low in names.common else WEAK
        if last > first:
            known = any(lows[i] in self._every for i in range(first + 1, last + 1))
            if not is_word:
                return SURE if known else LIKELY
            return LIKELY if known else 0.0
        if is_word:
            return 0.0
        if low in names.words:  # "Will", "Grace": a word where a sentence starts
            before = text[: run[first][0]].rstrip(" \"'“(")
            return WEAK if not before or before[-1] in ".!?:\n" else LIKELY
        return LIKELY

    def _family_alone(
        self,
        run: list[tuple[int, int, str]],
        lows: list[str],
        found: list[RecognizerResult],
    ) -> None:
        if self._threshold > WEAK:
            return
        for (start, stop, word), low in zip(run, lows, strict=True):
            if (
                low in self._names.family
                and low not in self._names.words
                and word[0].isupper()
                and len(low) > 2
            ):
                found.append(RecognizerResult("PERSON", start, stop, WEAK))


def _words_of_text(text: str) -> list[str]:
    """Give the words of a text as they are looked up, all of them and perhaps more."""
    low = text.casefold()
    if text.isascii() and "'" not in text and "-" not in text:
        return low.translate(_BLANKS).split()
    words: list[str] = _WORD.findall(low)
    return words + [word[:-2] for word in words if word.endswith(_POSSESSIVE)]


def _joins(between: str, before: str) -> bool:
    """Tell whether a name may go on: after a dot only if that ends an initial."""
    return between in (" ", "\u00a0") or (len(before) == 1 and between in (". ", "."))
