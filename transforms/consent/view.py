"""Raw consent columns of one block, dictionary-encoded once and read by value."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.signals import canonical_text
from ..blocks.identity import bare_identifiers, first_bytes
from ..blocks.names import RAW_PREFIX

__all__ = ["BlockView", "Mask"]

Mask = npt.NDArray[np.bool_]
Encoded = tuple[npt.NDArray[Any], list[str]]
"""Row → position in distinct texts, -1 for none; and the texts."""

_BLANK = ord(" ")


def _encode(array: pa.Array) -> Encoded:
    encoded = pc.dictionary_encode(array)
    positions = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    texts = [canonical_text(v) or "" for v in encoded.dictionary.to_pylist()]
    blank = np.array([not text for text in texts] + [False], dtype=bool)
    if blank.any():
        positions = np.where(blank[positions], -1, positions)
    return positions, texts


def _encode_letters(array: pa.StringArray) -> Encoded | None:
    """Encode a column of single ASCII letters, as most consent flags are; else null.

    Twice the speed of a dictionary: a letter is its own hash.
    """
    found = first_bytes(array)
    if found is None:
        return None
    first, _, lengths = found
    if int(lengths.max(initial=0)) > 1:
        return None
    there = lengths == 1
    if array.null_count:
        there &= array.is_valid().to_numpy(zero_copy_only=False)
    letters = np.where(there, first, _BLANK)
    used = np.flatnonzero(np.bincount(letters, minlength=256))
    if used[-1] > 127:
        return None
    named = [letter for letter in used.tolist() if not chr(letter).isspace()]
    table = np.full(256, -1, dtype=np.int32)
    table[named] = np.arange(len(named), dtype=np.int32)
    return table[letters], [chr(letter) for letter in named]


class BlockView:
    """Looks at the consent columns of a block by distinct value.

    A column is encoded at most once per block however many signals read it, and Python
    code runs once per distinct value, never per row.
    """

    def __init__(self, block: pa.RecordBatch) -> None:
        self._block = block
        self._encoded: dict[str, Encoded] = {}
        self._bare: dict[str, Mask] = {}
        self.rows: int = block.num_rows

    def array(self, name: str) -> pa.Array:
        """Give the raw column `name` (KeyError where the reader gave none)."""
        return self._block.column(RAW_PREFIX + name)

    def bare(self, name: str) -> Mask:
        """Tell which rows of column `name` name nobody; see `bare_identifiers`."""
        if name not in self._bare:
            bare = bare_identifiers(self.array(name)).fill_null(True)
            self._bare[name] = bare.to_numpy(zero_copy_only=False)
        return self._bare[name]

    def codes(self, name: str) -> Encoded:
        """Encode column `name`: row → position in the distinct texts, -1 for null.

        Blank text is null: an empty cell carries no decision.
        """
        if name not in self._encoded:
            array = self.array(name)
            self._encoded[name] = _encode_letters(array) or _encode(array)
        return self._encoded[name]

    def lookup(
        self, name: str, value_of: Callable[[str], int], missing: int
    ) -> npt.NDArray[np.uint8]:
        """Map column `name` through `value_of`, called once per distinct text."""
        positions, texts = self.codes(name)
        table = np.empty(len(texts) + 1, dtype=np.uint8)
        for position, text in enumerate(texts):
            table[position] = value_of(text) if text else missing
        table[-1] = missing  # position -1, null
        return table[positions]

    def present(self, name: str) -> Mask:
        """Tell which rows have a value in column `name`."""
        return self.codes(name)[0] >= 0

    def matches(self, name: str, values: Collection[str], *, if_null: bool) -> Mask:
        """Tell which rows hold one of `values`, compared without regard to case."""
        wanted = {value.casefold() for value in values}
        found = self.lookup(
            name, lambda text: text.casefold() in wanted, missing=int(if_null)
        )
        return found.astype(np.bool_)
