"""Numbers for data subjects that are counted and never leave a worker."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["number_people"]

_NOBODY = 0

_WORD = 8
_SEED = np.uint64(0x2545F4914F6CDD1D)

Words = npt.NDArray[np.uint64]


def number_people(people: pa.StringArray) -> pa.UInt64Array:
    """Give each identity a 64-bit hash, null 0: nobody is one person.

    The numbers are the same in every process, and their order says nothing of the text.
    Eight bytes are hashed at a time, of all rows at once. There is no key: who makes two
    identities share a number can but make two people count as one. Of 10^8 people, two
    share one with probability 0.00027 in all.
    """
    texts = people.cast(pa.large_binary())
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)
    offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
    data = _padded(texts.buffers()[2], offsets)
    begin, sizes = offsets[:-1] - offsets[0], np.diff(offsets)
    token = _mixed(sizes.astype(np.uint64) ^ _SEED)
    rows: slice | npt.NDArray[np.int64] = slice(None)
    longest = int(sizes.max(initial=0))
    for start in range(0, longest, _WORD):
        left = sizes - start
        if (left <= 0).any():
            rows = np.flatnonzero(left > 0)
        word = data[begin[rows] + start] & _mask(left[rows])
        token[rows] = _mixed(token[rows] ^ word)
    token = np.maximum(token, np.uint64(1))
    if texts.null_count:
        token[texts.is_null().to_numpy(zero_copy_only=False)] = _NOBODY
    return pa.array(token)


def _padded(data: pa.Buffer | None, offsets: npt.NDArray[np.int64]) -> Words:
    """View the bytes as a word that begins at each of them; zeros follow the last."""
    size = int(offsets[-1] - offsets[0])
    held = np.zeros(size + _WORD, dtype=np.uint8)
    if data is not None and size:
        held[:size] = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    return np.ndarray((size + 1,), dtype="<u8", buffer=held, strides=(1,))


def _mask(left: npt.NDArray[np.int64]) -> Words:
    """Keep the bytes of a word that are the text's own."""
    beyond = np.clip(_WORD - left, 0, _WORD - 1).astype(np.uint64)
    return np.uint64(2**64 - 1) >> (beyond * np.uint64(_WORD))


def _mixed(words: Words) -> Words:
    """Spread the bits of words (splitmix64: Steele, Lea, Flood, OOPSLA 2014, §5)."""
    mixed = words + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
