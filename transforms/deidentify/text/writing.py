"""Operators at work: a text with placeholders becomes the text that is published."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from ....policies.errors import KeyReferenceError
from ....policies.pii import DEFAULT, Operator
from ..keys import Secret, hmac_digests
from ..surrogates import draw_surrogate
from .replace import Mark, Replaced
from .spans import UNREADABLE_TEXT

__all__ = ["TOKEN", "Function", "Writer", "Written", "normal_value"]

Function = Callable[[str, str], str]
"""(entity, value) → what is written."""

_LETTERS = "BCDFGHJKLMNPQRST"
_LENGTHS = {"subject": 8, "set": 12}  # 32 bits among one person's values, 48 among all
_HMAC_LENGTH = 32  # 128 bits
_HIGHEST = 9_999
_CACHED = 50_000

TOKEN = rf"_(?:[1-9]\d{{0,3}}|(?:[{_LETTERS}]{{4}}){{2,8}})"
"""What may follow the entity in a placeholder. Four digits, and letters without a vowel:
in no placeholder that stood in the raw text could a number or a name hide."""

_REDACT = Operator(type="redact")


class Written(NamedTuple):
    """A text as operators wrote it, and where each mark of it went."""

    text: str
    places: tuple[tuple[int, int], ...]


class Writer:
    """Writes what a policy's operators put in place of entities.

    Guaranteed: nothing is written that is the value itself, however that is spaced or
    capitalised. What is written depends on the key, the operator, the entity, the
    value, its spelling aside, and, by scope, on the subject or the text: never on other
    rows.

    Args:
        operators: entity, or `default` → operator, or a function of the caller's.
        key: of the texts; only keyed operators need it.
    """

    def __init__(
        self, operators: Mapping[str, Operator | Function], key: Secret | None
    ) -> None:
        self._operators = dict(operators)
        self._key = key
        self._memory: dict[tuple[str, bytes, str], str] = {}
        used = [one for one in operators.values() if isinstance(one, Operator)]
        self._keyed = any(one.keyed for one in used)
        self.changes = any(
            not isinstance(one, Operator) or one.type not in ("keep", "redact")
            for one in operators.values()
        )
        """Whether any text differs from the one with plain placeholders."""
        self.by_subject = any(one.by_subject for one in used)
        """Whether what is written depends on whose row it is."""
        self.trusted = len(used) < len(self._operators)
        """Whether a function of the caller's writes what nobody looks at again."""

    def free(self, entity: str) -> bool:
        """Tell whether surrogates of an entity look like the entity."""
        operator = self._operator(entity)
        if entity == UNREADABLE_TEXT:
            return False
        if not isinstance(operator, Operator):
            return True
        return operator.surrogate_kind(entity) is not None

    def asks_subject(self, replaced: Replaced) -> bool:
        """Tell whether what becomes of a text depends on whose it is."""
        return any(self._by_subject(mark.entity) for mark in replaced.marks)

    def write(
        self, replaced: Replaced, person: bytes | None, plain: Collection[int] = ()
    ) -> Written:
        """Write one text.

        Args:
            replaced: the text with its marks.
            person: token of the data subject; null: nobody's.
            plain: numbers of the marks that stay `<ENTITY>`.

        Raises:
            KeyReferenceError: a keyed operator, and there is no key.
        """
        if self._keyed and self._key is None:
            message = "pii.operators: this operator needs the policy's key"
            raise KeyReferenceError(message)
        parts, places = [], []
        done = size = 0
        numbers: dict[tuple[str, str], int] = {}
        highest: Counter[str] = Counter()
        for position, mark in enumerate(replaced.marks):
            new = None
            if position not in plain:
                new = self._one(mark, person, numbers, highest)
            if new is None:
                new = f"<{mark.entity}>"
            before = replaced.text[done : mark.start]
            parts += [before, new]
            size += len(before)
            places.append((size, size + len(new)))
            size += len(new)
            done = mark.end
        text = "".join([*parts, replaced.text[done:]])
        return Written(text, tuple(places))

    def _operator(self, entity: str) -> Operator | Function:
        return self._operators.get(entity) or self._operators.get(DEFAULT, _REDACT)

    def _by_subject(self, entity: str) -> bool:
        operator = self._operator(entity)
        return isinstance(operator, Operator) and operator.by_subject

    def _one(
        self,
        mark: Mark,
        person: bytes | None,
        numbers: dict[tuple[str, str], int],
        highest: Counter[str],
    ) -> str | None:
        """Give what stands for one mark; None for the plain placeholder."""
        operator, entity = self._operator(mark.entity), mark.entity
        if not isinstance(operator, Operator):
            new: str | None = operator(entity, mark.value)
        elif operator.type == "remove":
            return ""
        elif operator.type == "mask":
            new = _masked(mark.value, operator)
        elif operator.type == "placeholder" and operator.scope == "text":
            same = (entity, normal_value(mark.value))
            if same not in numbers:
                highest[entity] += 1
                numbers[same] = highest[entity]
            fits = numbers[same] <= _HIGHEST
            new = f"<{entity}_{numbers[same]}>" if fits else None
        elif operator.type in ("fake", "hmac", "placeholder"):
            new = self._keyed_one(mark, operator, person)
        else:
            return None
        if new is not None and normal_value(new) == normal_value(mark.value):
            return None
        return new

    def _keyed_one(
        self, mark: Mark, operator: Operator, person: bytes | None
    ) -> str | None:
        whose = b""
        if operator.by_subject:
            if person is None:
                return None
            whose = person
        value = normal_value(mark.value)
        known = self._memory.get((mark.entity, whose, value))
        if known is None:
            digest = self._digest(operator, mark.entity, whose, value)
            known = _from_digest(mark.entity, value, operator, digest)
            if len(self._memory) >= _CACHED:
                self._memory.clear()
            self._memory[mark.entity, whose, value] = known
        return known or None

    def _digest(
        self, operator: Operator, entity: str, whose: bytes, value: str
    ) -> bytes:
        # Each part with its length in front: no two lists of parts read the same.
        scope = "subject" if operator.by_subject else "set"
        texts = (operator.type, scope, entity)
        parts = [text.encode() for text in texts]
        parts += [whose, value.encode("utf-8", "surrogatepass")]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        key = self._key.reveal() if self._key is not None else b""
        return next(hmac_digests([message], key))


def normal_value(value: str) -> str:
    """Spell a value the one way in which it is the same everywhere.

    >>> normal_value("JANE  Doe")
    'jane doe'
    """
    folded = unicodedata.normalize("NFKC", value).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _from_digest(entity: str, value: str, operator: Operator, digest: bytes) -> str:
    """Give what stands for a value; empty for the plain placeholder."""
    if operator.type == "fake":
        kind = operator.surrogate_kind(entity)
        if kind is None or not any(map(str.isalnum, value)):
            return ""
        return draw_surrogate(value, digest, kind, operator.locale) or ""
    length = _HMAC_LENGTH if operator.type == "hmac" else _LENGTHS[operator.scope]
    letters = "".join(_LETTERS[byte >> 4] + _LETTERS[byte & 15] for byte in digest)
    return f"<{entity}_{letters[:length]}>"


def _masked(value: str, operator: Operator) -> str:
    """Mask a value; the whole of it if more than half would show."""
    last = operator.keep_last if 2 * operator.keep_last <= len(value) else 0
    return operator.mask_char * (len(value) - last) + value[len(value) - last :]
