"""Evaluates a column of consent strings at the price of its distinct values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["NULL_CODE", "BoundedCache", "evaluate_column"]

NULL_CODE = -1
"""Code of a null cell."""

_PIECE = 512  # texts made at a time: few enough to be looked up while still in cache
_ENTRY_OVERHEAD = 128  # characters that an entry's bookkeeping is counted as


class BoundedCache:
    """Remembers the codes of strings across blocks, within a fixed amount of memory.

    It is a function like the one it wraps. When it is full it forgets everything, so a
    code never depends on what came before. A pickled copy starts empty.

    Attributes:
        evaluate: the function that gives a code.
        max_characters: strings held at most, in characters; about as many bytes.
    """

    def __init__(
        self, evaluate: Callable[[str], int], max_characters: int = 32_000_000
    ) -> None:
        self.evaluate = evaluate
        self.max_characters = max_characters
        self._codes = _Codes(evaluate, max_characters)

    def __call__(self, text: str) -> int:
        """Give the code of `text`, computed at most once while it is remembered."""
        return self._codes[text]

    def each(self, texts: Iterable[str]) -> list[int]:
        """Give the codes of many texts; remembered ones cost a look-up."""
        return list(map(self._codes.__getitem__, texts))

    def __len__(self) -> int:
        """Count the strings remembered now."""
        return len(self._codes)

    def __reduce__(self) -> tuple[type[BoundedCache], tuple[object, ...]]:
        """Pickle the function and the bound, not what is remembered."""
        return type(self), (self.evaluate, self.max_characters)


class _Codes(dict[str, int]):
    """Codes by text, filled when a text is missing and emptied when there is no room."""

    def __init__(self, evaluate: Callable[[str], int], room: int) -> None:
        super().__init__()
        self._evaluate = evaluate
        self._room = room
        self._held = 0

    def __missing__(self, text: str) -> int:
        code = self._evaluate(text)
        size = len(text) + _ENTRY_OVERHEAD
        if self._held + size > self._room:
            self.clear()
            self._held = 0
        if size <= self._room:
            self[text] = code
            self._held += size
        return code


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
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    if isinstance(array, pa.ChunkedArray):  # after encoding: indices are small to copy
        array = array.unify_dictionaries().combine_chunks()
    # A slice of a dictionary array keeps the whole dictionary: look at what is used.
    size = len(array.dictionary)
    indices = array.indices.fill_null(size).to_numpy(zero_copy_only=False)
    used = np.zeros(size + 1, dtype=np.bool_)
    used[indices] = True
    asked = np.flatnonzero(used[:-1] & _is_text(array.dictionary))
    dictionary = array.dictionary
    if asked.size < size:
        dictionary = dictionary.take(pa.array(asked))
    each = (
        evaluate.each if isinstance(evaluate, BoundedCache) else partial(map, evaluate)
    )
    found: list[int] = []
    for start in range(0, asked.size, _PIECE):
        found.extend(each(dictionary.slice(start, _PIECE).to_pylist()))
    codes = np.full(size + 1, NULL_CODE, dtype=np.int64)
    codes[asked] = found
    result: npt.NDArray[np.int64] = codes[indices]
    return result


def _is_text(dictionary: pa.Array) -> npt.NDArray[np.bool_]:
    """Tell which entries of a dictionary are not null."""
    flags: npt.NDArray[np.bool_] = dictionary.is_valid().to_numpy(zero_copy_only=False)
    return flags
