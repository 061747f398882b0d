"""Evaluates a column of consent strings at the price of its distinct values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["NULL_CODE", "BoundedCache", "evaluate_column"]

NULL_CODE = -1
"""Code of a null cell."""

_ENTRY_OVERHEAD = 128  # characters that an entry's bookkeeping is counted as


class BoundedCache:
    """Remembers the codes of strings across blocks, within a fixed amount of memory.

    It is a function like the one it wraps. When it is full it forgets everything, so a
    code never depends on what came before. A pickled copy starts empty.

    Attributes:
        max_characters: strings held at most, in characters; about as many bytes.
    """

    def __init__(
        self, evaluate: Callable[[str], int], max_characters: int = 32_000_000
    ) -> None:
        self.max_characters = max_characters
        self._evaluate = evaluate
        self._codes: dict[str, int] = {}
        self._held = 0

    def __call__(self, text: str) -> int:
        """Give the code of `text`, computed at most once while it is remembered."""
        code = self._codes.get(text)
        if code is None:
            code = self._evaluate(text)
            size = len(text) + _ENTRY_OVERHEAD
            if self._held + size > self.max_characters:
                self._codes.clear()
                self._held = 0
            if size <= self.max_characters:
                self._codes[text] = code
                self._held += size
        return code

    def __len__(self) -> int:
        """Count the strings remembered now."""
        return len(self._codes)

    def __reduce__(self) -> tuple[type[BoundedCache], tuple[object, ...]]:
        """Pickle the function and the bound, not what is remembered."""
        return type(self), (self._evaluate, self.max_characters)


def evaluate_column(
    array: pa.Array | pa.ChunkedArray, evaluate: Callable[[str], int]
) -> npt.NDArray[np.int64]:
    """Give `evaluate(text)` of every cell, called once per distinct text of `array`.

    Args:
        array: strings, plain or dictionary-encoded.
        evaluate: gives a code that is not negative; a `BoundedCache` spares the work
            for texts of earlier blocks.

    Returns:
        One code a row, in order; `NULL_CODE` where the cell is null.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    texts = array.dictionary.to_pylist()
    # A slice of a dictionary array keeps the whole dictionary: look at what is used.
    indices = array.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    used = np.zeros(len(texts) + 1, dtype=np.bool_)
    used[indices] = True
    codes = np.full(len(texts) + 1, NULL_CODE, dtype=np.int64)
    for index in np.flatnonzero(used[:-1]).tolist():
        text = texts[index]
        if text is not None:
            codes[index] = evaluate(text)
    result: npt.NDArray[np.int64] = codes[indices]
    return result
