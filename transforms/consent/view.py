"""Raw consent columns of one block, dictionary-encoded once and read by value."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.signals import canonical_text
from ..blocks.names import RAW_PREFIX

__all__ = ["BlockView", "Mask", "bare_identifiers"]

Mask = npt.NDArray[np.bool_]

_NO_IDENTITY = "0-: \t\n\v\f\r\x1c\x1d\x1e\x1f"


def bare_identifiers(texts: pa.Array) -> pa.Array:
    """Tell which identifiers name nobody: empty, blank, or zeros and separators alone.

    Shape: string → bool, null where there is no text. The trim of a whole column costs
    a sixth of the regular expression that says the same.
    """
    if pc.all(pc.string_is_ascii(texts)).as_py() is False:
        texts = pc.utf8_trim_whitespace(texts)
    stripped = pc.ascii_ltrim(texts, characters=_NO_IDENTITY)
    return pc.equal(pc.binary_length(stripped), 0)


class BlockView:
    """Looks at the consent columns of a block by distinct value.

    A column is encoded at most once per block however many signals read it, and Python
    code runs once per distinct value, never per row.
    """

    def __init__(self, block: pa.RecordBatch) -> None:
        self._block = block
        self._encoded: dict[str, tuple[npt.NDArray[Any], list[str]]] = {}
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

    def codes(self, name: str) -> tuple[npt.NDArray[Any], list[str]]:
        """Encode column `name`: row → position in the distinct texts, -1 for null.

        Blank text is null: an empty cell carries no decision.
        """
        if name not in self._encoded:
            encoded = pc.dictionary_encode(self.array(name))
            positions = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            texts = [canonical_text(v) or "" for v in encoded.dictionary.to_pylist()]
            blank = np.array([not text for text in texts] + [False], dtype=bool)
            if blank.any():
                positions = np.where(blank[positions], -1, positions)
            self._encoded[name] = (positions, texts)
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
