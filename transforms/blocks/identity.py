"""When two spellings name one person, and when an identifier names nobody.

Merging two spellings can only make a class look smaller, and let a withdrawal reach
further; so what might be one person is taken as one.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "are_containers",
    "bare_identifiers",
    "first_bytes",
    "is_container",
    "normalised_identities",
]

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x00"
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
_ZEROS = "0-:_{}\"'" + _BLANKS
_NOBODY = pa.array(
    ["null", "(null)", "none", "nan", "n/a", "undefined", "unknown"], pa.string()
)
"""Words that programs write where they know no identifier."""

_STARTS = np.zeros(256, dtype=np.bool_)
_STARTS[list((_ZEROS + "[").encode())] = True
_STARTS[128:] = True  # perhaps a blank or a zero of another script
_PAIRS = np.zeros(1 << 16, dtype=np.bool_)
_OPENS = np.zeros(256, dtype=np.bool_)
_OPENS[list((_BLANKS + "[{").encode())] = True
_WORD_STARTS = np.zeros(256, dtype=np.bool_)
for _word in _NOBODY.to_pylist():
    for _one in (_word[0], _word[0].upper()):
        _WORD_STARTS[ord(_one)] = True
        for _other in (_word[1], _word[1].upper()):
            _PAIRS[ord(_one) << 8 | ord(_other)] = True


def normalised_identities(texts: pa.StringArray) -> pa.StringArray:
    """Give identifiers as they are compared: string → string.

    Case, outer blanks and invisible characters do not tell people apart, nor does how a
    letter is composed (Unicode NFKC).
    """
    trimmed = pc.ascii_lower(pc.ascii_trim(texts, characters=_BLANKS))
    ascii_ = pc.string_is_ascii(trimmed)
    if pc.all(ascii_).as_py() is not False:
        return trimmed
    foreign = pc.invert(ascii_).fill_null(False)
    encoded = trimmed.filter(foreign).dictionary_encode()
    folded = [_folded(text) for text in encoded.dictionary.to_pylist()]
    values = pa.array(folded, pa.string()).take(encoded.indices)
    return pc.replace_with_mask(trimmed, foreign, values)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    shown = "".join(letter for letter in plain if letter not in _INVISIBLE)
    return unicodedata.normalize("NFKC", shown.casefold()).strip(_BLANKS + "\x85\xa0")


def bare_identifiers(texts: pa.StringArray) -> pa.BooleanArray:
    """Tell which identifiers name nobody.

    Those are blank ones, zeros and separators alone, words such as `null`, and lists
    and objects in JSON, which may name several people. Most texts are told by their
    first two bytes; only the others are looked at.

    Shape: string → bool, null where there is no text.
    """
    bare = np.zeros(len(texts), dtype=np.bool_)
    there = texts.is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(_may_be_bare(texts) & there)
    if rows.size:
        few = texts.take(pa.array(rows))
        stripped = pc.ascii_ltrim(few, characters=_ZEROS)
        empty = pc.equal(pc.binary_length(stripped), 0).to_numpy(zero_copy_only=False)
        bare[rows[empty]] = True
        odd = np.flatnonzero(_may_be_odd(few, stripped) & ~empty)
        if odd.size:
            bare[rows[odd]] = _name_nobody(few.take(pa.array(odd)))
    return pa.array(bare, mask=~there)


def _may_be_odd(texts: pa.StringArray, stripped: pa.StringArray) -> Mask:
    """Tell which texts zeros alone do not explain, and a closer look may."""
    outer, inner = first_bytes(texts), first_bytes(stripped)
    if outer is None or inner is None:
        return np.zeros(len(texts), dtype=np.bool_)
    found: Mask = _OPENS[outer[0]] | _WORD_STARTS[inner[0]] | (inner[0] >= 128)
    return found


def _name_nobody(texts: pa.StringArray) -> Mask:
    plain = normalised_identities(texts)
    stripped = pc.ascii_ltrim(plain, characters=_ZEROS)
    empty = pc.equal(pc.binary_length(stripped), 0)
    nobody = pc.or_(empty, pc.is_in(plain, value_set=_NOBODY)).fill_null(False)
    found: Mask = nobody.to_numpy(zero_copy_only=False) | are_containers(plain)
    return found


def are_containers(texts: pa.StringArray) -> Mask:
    """Tell which texts are a list or an object in JSON."""
    opened = pc.or_(pc.starts_with(texts, "["), pc.starts_with(texts, "{"))
    found = opened.fill_null(False).to_numpy(zero_copy_only=False).copy()
    for row in np.flatnonzero(found).tolist():
        found[row] = is_container(texts[row].as_py())
    return found


def is_container(text: str) -> bool:
    """Tell whether a text is a list or an object in JSON; a GUID in braces is none."""
    try:
        return isinstance(json.loads(text), (list, dict))
    except (ValueError, RecursionError):
        return False


def _may_be_bare(texts: pa.StringArray) -> Mask:
    """Tell which texts are empty, or start as a bare one may start."""
    found = first_bytes(texts)
    if found is None:
        return np.ones(len(texts), dtype=np.bool_)
    first, second, lengths = found
    may: Mask = _STARTS[first] | (lengths == 0)
    words = np.flatnonzero(_WORD_STARTS[first])
    if words.size:
        pairs = first[words].astype(np.uint16) << np.uint16(8) | second(words)
        may[words] |= _PAIRS[pairs]
    return may


def first_bytes(
    array: pa.StringArray,
) -> (
    tuple[Bytes, Callable[[npt.NDArray[np.int64]], Bytes], npt.NDArray[np.int32]] | None
):
    """Look at the start of each text; null if no text has a byte.

    Returns:
        The first byte of each text, a function that gives the second byte of some rows,
        and the lengths. What stands for a byte that a text lacks means nothing.
    """
    _, starts, data = array.buffers()
    if data is None or not data.size or not len(array):
        return None
    offsets = np.frombuffer(starts, np.int32)[array.offset :][: len(array) + 1]
    letters = np.frombuffer(data, np.uint8)
    last = letters.size - 1

    def second(rows: npt.NDArray[np.int64]) -> Bytes:
        return letters[np.minimum(offsets[rows] + 1, last)]

    return letters[np.minimum(offsets[:-1], last)], second, np.diff(offsets)
