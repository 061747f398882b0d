"""A hash table of fixed-width rows that NumPy searches a whole block at a time.

Open addressing with linear probing (Knuth, TAOCP vol. 3, 2nd ed., 1998, §6.4), at most
half full. A slot holds half of a row's hash and the row's place; the row itself is
compared word by word before anything is called found.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["RowTable", "Words"]

Words = npt.NDArray[np.uint64]
"""Rows of 64-bit words."""

_PROBES = 32
_FIRST_ROWS = 2**14
_HALF = np.uint64(32)
_PLACE = np.uint64(2**32 - 1)
_FOLD = np.uint64(29)
_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)


class RowTable:
    """Rows of `width` words that lead to rows of `made` words. Not for two threads.

    Not covered: a row that finds no slot within 32 probes is forgotten, and rows are
    not deleted. Neither makes an answer wrong: it is looked up in vain.
    """

    def __init__(self, width: int, made: int, seed: bytes) -> None:
        """Make an empty table.

        Args:
            width: words of a row.
            made: words of what a row leads to.
            seed: a secret that picks the hash, so that nobody can choose values that
                collide.
        """
        self.width = width
        self.count = 0
        self._factors = _factors(seed, width)
        # Place 0 is nobody's: it stands for "not found".
        self._rows = np.zeros((_FIRST_ROWS + 1, width), np.uint64)
        self._made = np.zeros((_FIRST_ROWS + 1, made), np.uint64)
        self._clear_slots()

    def find(self, rows: Words) -> tuple[npt.NDArray[np.bool_], Words]:
        """Look up rows: (n, width) → (n) found, (n, made) what they lead to.

        Where a row is not found, what it leads to has no meaning.
        """
        places = self._places(self._hash(rows))
        known = self._rows.take(places, axis=0)
        differ = known[:, 0] ^ rows[:, 0]
        for word in range(1, self.width):
            differ |= known[:, word] ^ rows[:, word]
        return (differ == 0) & (places > 0), self._made.take(places, axis=0)

    def add(self, rows: Words, made: Words) -> None:
        """Take in rows and what they lead to: (n, width), (n, made). Twins may come."""
        first, self.count = self.count + 1, self.count + len(rows)
        grown = False
        while self.count >= len(self._rows):
            grown = True
            self._rows = _doubled(self._rows)
            self._made = _doubled(self._made)
        self._rows[first : self.count + 1] = rows
        self._made[first : self.count + 1] = made
        if grown:
            self._clear_slots()
            first = 1
        self._place(first, self.count + 1)

    def _clear_slots(self) -> None:
        bits = (2 * (len(self._rows) - 1) - 1).bit_length()
        self._slots = np.zeros(2**bits, np.uint64)
        self._shift = np.uint64(64 - bits)

    def _hash(self, rows: Words) -> Words:
        mixed: Words = rows[:, 0] * self._factors[0]
        for word in range(1, self.width):
            mixed += rows[:, word] * self._factors[word]
        mixed ^= mixed >> _HALF
        mixed *= _ODD
        mixed ^= mixed >> _FOLD
        return mixed

    def _places(self, mixed: Words) -> npt.NDArray[np.intp]:
        at = (mixed >> self._shift).astype(np.intp)
        tags = mixed << _HALF
        held = self._slots.take(at)
        same = ((held ^ tags) >> _HALF) == 0
        places = np.where(same, held & _PLACE, np.uint64(0)).astype(np.intp)
        left = np.flatnonzero(~same & (held != 0))
        at, tags = at[left], tags[left]
        for _ in range(_PROBES - 1):
            if not len(left):
                break
            at = (at + 1) & (len(self._slots) - 1)
            held = self._slots.take(at)
            same = ((held ^ tags) >> _HALF) == 0
            places[left[same]] = held[same] & _PLACE
            on = ~same & (held != 0)
            left, at, tags = left[on], at[on], tags[on]
        return places

    def _place(self, start: int, end: int) -> None:
        mixed = self._hash(self._rows[start:end])
        held = (mixed << _HALF) | np.arange(start, end, dtype=np.uint64)
        at = (mixed >> self._shift).astype(np.intp)
        for _ in range(_PROBES):
            free = self._slots.take(at) == 0
            self._slots[at[free]] = held[free]  # of two that meet here, one stays
            lost = self._slots.take(at) != held
            held, at = held[lost], (at[lost] + 1) & (len(self._slots) - 1)
            if not len(held):
                break


def _factors(seed: bytes, width: int) -> Words:
    drawn = hashlib.shake_256(b"optin row table v1" + seed).digest(8 * width)
    return np.frombuffer(drawn, np.uint64) | np.uint64(1)


def _doubled(rows: Words) -> Words:
    out = np.zeros((2 * (len(rows) - 1) + 1, rows.shape[1]), np.uint64)
    out[: len(rows)] = rows
    return out
