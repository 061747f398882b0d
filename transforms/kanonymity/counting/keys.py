"""Numbers for int64 keys: a hash table in NumPy, for tuples that come in any order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Ints", "KeyTable"]

Ints = npt.NDArray[np.int64]

_LEAST_BITS = 10
_ROOM = 2  # places of the table per key, at least


class KeyTable:
    """Numbers distinct keys in the order of their insertion.

    Open addressing with linear probing; whole arrays are probed at once, so that a look-up
    costs a few memory accesses and never a search. Every hit is compared with its key.

    Attributes:
        keys: the distinct keys, by number.
    """

    def __init__(self, keys: Ints | None = None) -> None:
        """Start with distinct keys, numbered as they stand."""
        self.keys = np.zeros(0, dtype=np.int64)
        self._bits = _LEAST_BITS
        self._places = np.full(1 << self._bits, -1, dtype=np.int32)
        if keys is not None:
            self.insert(keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the table: it is made again from the keys."""
        return {"keys": self.keys}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["keys"])  # type: ignore[misc]

    def find(self, key: Ints) -> Ints:
        """Give the number of every key, -1 for those that are not here."""
        if not len(self.keys):
            return np.full(len(key), -1, dtype=np.int64)
        place = self._hashed(key)
        number = self._places[place]
        found = number.astype(np.int64)
        # A place without a key says -1; what is compared there does not count.
        probing = np.flatnonzero((self.keys[number] != key) & (number >= 0))
        place = place[probing]
        while len(probing):
            place = (place + 1) & (len(self._places) - 1)
            number = self._places[place]
            found[probing] = number
            other = (self.keys[number] != key[probing]) & (number >= 0)
            probing, place = probing[other], place[other]
        return found

    def intern(self, key: Ints) -> Ints:
        """Give the number of every key; those that are new are inserted, ascending."""
        number = self.find(key)
        missing = np.flatnonzero(number < 0)
        if len(missing):
            new = key[missing]
            self.insert(np.unique(new))
            number[missing] = self.find(new)
        return number

    def insert(self, keys: Ints) -> None:
        """Add distinct keys that are not here yet, numbered as they stand."""
        first = len(self.keys)
        self.keys = np.concatenate([self.keys, keys])
        if len(self.keys) * _ROOM > len(self._places):
            self._bits = (len(self.keys) * _ROOM * 2 - 1).bit_length()
            self._places = np.full(1 << self._bits, -1, dtype=np.int32)
            first = 0
        number = np.arange(first, len(self.keys), dtype=np.int32)
        place = self._hashed(self.keys[first:])
        while len(number):
            free = self._places[place] < 0
            self._places[place[free]] = number[free]  # of several, one stays
            homeless = self._places[place] != number
            number, place = number[homeless], place[homeless] + 1
            place &= len(self._places) - 1

    def _hashed(self, key: Ints) -> Ints:
        """Mix every bit of a key into its place (splitmix64's finish)."""
        mixed: npt.NDArray[np.uint64] = key.view(np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0x94D049BB133111EB)
        mixed >>= np.uint64(64 - self._bits)
        return mixed.view(np.int64)
