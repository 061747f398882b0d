"""Other readings of a text: what a writer's odd spelling hides from patterns.

A card number after an underscore, an address in full-width letters, a zero-width space
inside of a name: a person reads them, a pattern with borders does not. Such texts are read
again as copies, and what is found there is put back where it stands in the text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

__all__ = ["FORMED_ENTITIES", "Copy", "copies_of"]

FORMED_ENTITIES = frozenset(
    {
        "CREDIT_CARD",
        "CRYPTO",
        "DEVICE_ID",
        "EMAIL_ADDRESS",
        "IBAN_CODE",
        "IP_ADDRESS",
        "MAC_ADDRESS",
        "PHONE_NUMBER",
        "US_SSN",
        "UUID",
    }
)
"""Entities whose form alone tells them: in a copy with other borders no other counts."""

_UNDERLINED = re.compile(r"_(?=[0-9A-Fa-f+])|(?<=[0-9A-Za-z])_")
_TELLING = re.compile(r"[0-9A-Fa-f]{2}[0-9A-Fa-f:.-]{5}|\d[ -]?\d{2}[ -]?\d{2}")
# Ten digits and more, or four groups with dots, that touch a letter.
_GLUED = re.compile(
    r"[A-Za-z](?=\d(?:[ .-]?\d){9})|(?<=\d{10})[A-Za-z]"
    r"|[A-Za-z](?=\d{1,3}(?:\.\d{1,3}){3}(?!\d))"
)
_BORDER = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")


class Copy(NamedTuple):
    """A text as it might have been spelled.

    Attributes:
        text: the copy.
        places: for each of its characters, where that stands in the original; and the
            original's length behind the last.
        formed: its borders are other than those of the text, so that only
            `FORMED_ENTITIES` count in it.
    """

    text: str
    places: list[int]
    formed: bool

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Tell where a place of the copy stands in the original: half-open ranges."""
        # What was left out behind the last character belongs to the place too.
        return self.places[start], max(self.places[end - 1] + 1, self.places[end])


def copies_of(text: str) -> list[Copy]:
    """Give the other readings of a text; for nearly all texts there are none."""
    copies = []
    if not text.isascii():
        plain = _plain(text)
        if plain is not None:
            copies.append(plain)
    spelled = copies[0].text if copies else text
    places = copies[0].places if copies else None
    if "_" in spelled and _TELLING.search(spelled) and _UNDERLINED.search(spelled):
        copies.append(_moved(spelled.replace("_", " "), places))
    if _GLUED.search(spelled):
        copies.append(_cut(spelled.replace("_", " "), places))
    return copies


def _moved(text: str, places: list[int] | None) -> Copy:
    return Copy(text, places or list(range(len(text) + 1)), formed=True)


def _cut(text: str, places: list[int] | None) -> Copy:
    """Put a blank between letters and digits."""
    parts: list[str] = []
    where: list[int] = []
    at = 0
    for border in (*(m.start() for m in _BORDER.finditer(text)), len(text)):
        parts.append(text[at:border])
        where += range(at, border)
        if border < len(text):
            parts.append(" ")
            where.append(border)
        at = border
    where.append(len(text))
    if places is not None:
        where = [places[place] for place in where]
    return Copy("".join(parts), where, formed=True)


def _plain(text: str) -> Copy | None:
    """Spell a text plainly: compatibility forms as usual, invisible signs left out.

    Composed letters stay as they are, so that names keep their accents.
    """
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        if sign.isascii():
            plain = sign
        elif unicodedata.category(sign) == "Cf":
            plain = ""
        else:
            plain = unicodedata.normalize("NFKC", sign)
        signs.append(plain)
        places += [place] * len(plain)
    copy = "".join(signs)
    if copy == text or not copy:
        return None
    places.append(len(text))
    return Copy(copy, places, formed=False)
