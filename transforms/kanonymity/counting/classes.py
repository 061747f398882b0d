"""Counts the people of every class of published rows, batch by batch.

This is the recount's own counting: it knows label tuples and subject tokens and shares no
code with what chose the classes. Arrow's dictionaries number the labels and the classes;
people are sorted by radix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ClassCounter"]

Numbers = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.uint64]

_LARGEST_KEY: Final = 2**62
_PENDING: Final = 1 << 19  # people that wait, at least, before they are sorted


class ClassCounter:
    """Classes with their rows and at most `cap` distinct people, those of least token.

    The order and the split of what is added do not matter.

    Args:
        quasi: the columns that make a class; null is a label of its own.
        cap: most distinct people kept per class; counts are exact below it.
    """

    def __init__(self, quasi: Sequence[str], cap: int) -> None:
        self.quasi = tuple(quasi)
        self._cap = cap
        self._labels: list[pa.Array] = []
        self._codes: list[Numbers] = []
        self._rows = np.zeros(0, dtype=np.int64)
        self._full = np.zeros(0, dtype=np.bool_)
        self._highest = np.zeros(0, dtype=np.uint64)  # of a full class
        self._class_of = np.zeros(0, dtype=np.int64)
        self._people = np.zeros(0, dtype=np.uint64)
        self._pending: list[tuple[Numbers, Tokens]] = []

    def add_rows(
        self, columns: Sequence[pa.ChunkedArray], people: pa.ChunkedArray
    ) -> None:
        """Count published rows: their label columns and the token beside each."""
        labels, codes = _numbered_labels(columns)
        if not len(people):
            self._merge_labels(labels)
            return
        number, first = _numbered(codes, [len(texts) for texts in labels])
        class_of = self._merge(labels, [column[first] for column in codes])[number]
        self._rows += np.bincount(class_of, minlength=len(self._rows))
        self._keep(class_of, people.to_numpy())

    def add_counted(
        self,
        columns: Sequence[pa.ChunkedArray],
        people: pa.ListArray,
        rows: Numbers,
    ) -> None:
        """Add classes that were counted before: labels, people and rows of each."""
        labels, codes = _numbered_labels(columns)
        number = self._merge(labels, codes)
        np.add.at(self._rows, number, rows)
        class_of = number[pc.list_parent_indices(people).to_numpy(zero_copy_only=False)]
        self._keep(class_of, pc.list_flatten(people).to_numpy(zero_copy_only=False))

    def add(self, other: ClassCounter) -> None:
        """Add what another counter counted of the same columns."""
        other.settle()
        if not other._labels:
            return
        number = self._merge(other._labels, other._codes)
        np.add.at(self._rows, number, other._rows)
        self._keep(number[other._class_of], other._people)

    @property
    def unused(self) -> bool:
        """Whether nothing was added, not even a table without rows."""
        return not self._labels

    def counted(self) -> tuple[list[pa.Array], pa.ListArray, Numbers]:
        """Give labels, people and rows of every class, in the order of the labels."""
        self.settle()
        ranks, sorted_labels = [], []
        for texts, codes in zip(self._labels, self._codes, strict=True):
            order = pc.array_sort_indices(texts, null_placement="at_end")
            rank = np.empty(len(texts), dtype=np.int64)
            rank[order.to_numpy(zero_copy_only=False)] = np.arange(len(texts))
            ranks.append(rank[codes])
            sorted_labels.append(texts.take(order))
        by_label = np.lexsort(ranks[::-1])
        columns = [
            texts.take(pa.array(rank[by_label]))
            for texts, rank in zip(sorted_labels, ranks, strict=True)
        ]
        sizes = np.bincount(self._class_of, minlength=len(self._rows))
        first = (np.cumsum(sizes) - sizes)[by_label]
        sizes = sizes[by_label]
        offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
        np.cumsum(sizes, out=offsets[1:])
        at = np.repeat(first - offsets[:-1], sizes) + np.arange(offsets[-1])
        people = pa.ListArray.from_arrays(
            pa.array(offsets.astype(np.int32)), pa.array(self._people[at])
        )
        return columns, people, self._rows[by_label]

    def settle(self) -> None:
        """Sort the people who wait; repeated ones go, and those beyond the cap."""
        if not self._pending:
            return
        class_of = np.concatenate([self._class_of, *(one for one, _ in self._pending)])
        people = np.concatenate([self._people, *(one for _, one in self._pending)])
        self._pending = []
        order = np.argsort(people)
        for shift in range(0, max(len(self._rows) - 1, 1).bit_length(), 16):
            digit = (class_of[order] >> shift).astype(np.uint16)
            order = order[np.argsort(digit, kind="stable")]  # a radix sort
        class_of, people = class_of[order], people[order]
        again = (class_of[1:] == class_of[:-1]) & (people[1:] == people[:-1])
        distinct = np.flatnonzero(np.append(True, ~again)[: len(people)])
        class_of, people = class_of[distinct], people[distinct]
        sizes = np.bincount(class_of, minlength=len(self._rows))
        first = np.cumsum(sizes) - sizes
        inside = np.flatnonzero(np.arange(len(people)) - first[class_of] < self._cap)
        self._full = sizes >= self._cap
        self._highest[self._full] = people[first[self._full] + self._cap - 1]
        self._class_of, self._people = class_of[inside], people[inside]

    def _merge_labels(self, labels: Sequence[pa.Array]) -> list[Numbers]:
        """Learn labels; give per column the code of each."""
        if not self._labels:
            self._labels = [texts.slice(0, 0) for texts in labels]
            self._codes = [np.zeros(0, dtype=np.int64) for _ in labels]
        places = []
        for column, texts in enumerate(labels):
            known = self._labels[column]
            if pa.types.is_null(known.type):
                known = known.cast(texts.type)
            both = pa.concat_arrays([known, texts.cast(known.type)])
            coded = both.dictionary_encode(null_encoding="encode")
            self._labels[column] = coded.dictionary
            codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            places.append(codes[len(known) :])
        return places

    def _merge(self, labels: Sequence[pa.Array], codes: Sequence[Numbers]) -> Numbers:
        """Number distinct classes among those that are known; new ones are learnt."""
        places = self._merge_labels(labels)
        codes = [place[column] for place, column in zip(places, codes, strict=True)]
        known = len(self._rows)
        both = [
            np.concatenate([old, new])
            for old, new in zip(self._codes, codes, strict=True)
        ]
        number, first = _numbered(both, [len(texts) for texts in self._labels])
        # Known classes come first and are distinct: they keep their numbers.
        new = first[known:]
        self._codes = [
            np.append(old, c[new]) for old, c in zip(self._codes, both, strict=True)
        ]
        self._rows = np.append(self._rows, np.zeros(len(new), dtype=np.int64))
        self._full = np.append(self._full, np.zeros(len(new), dtype=np.bool_))
        self._highest = np.append(self._highest, np.zeros(len(new), dtype=np.uint64))
        return number[known:]

    def _keep(self, class_of: Numbers, people: Tokens) -> None:
        """Keep those who may be among the least of their class."""
        wanted = ~self._full[class_of] | (people < self._highest[class_of])
        kept = np.flatnonzero(wanted)
        self._pending.append((class_of[kept], people[kept].astype(np.uint64)))
        waiting = sum(len(one) for one, _ in self._pending)
        if waiting >= max(_PENDING, len(self._people)):
            self.settle()


def _numbered_labels(
    columns: Sequence[pa.ChunkedArray],
) -> tuple[list[pa.Array], list[Numbers]]:
    """Split label columns into labels and a code for every row."""
    labels, codes = [], []
    for column in columns:
        texts, numbers = _dictionaries(column)
        coded = texts.dictionary_encode(null_encoding="encode")
        places = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        labels.append(coded.dictionary)
        codes.append(places[numbers])
    return labels, codes


def _dictionaries(column: pa.ChunkedArray) -> tuple[pa.Array, Numbers]:
    """Give texts, of which some may be alike, and the place of each row's among them."""
    if pa.types.is_null(column.type):
        return pa.nulls(1), np.zeros(len(column), dtype=np.int64)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode(null_encoding="encode")
    texts = [pa.nulls(1, column.type.value_type)]  # for rows without a place
    numbers = [np.zeros(0, dtype=np.int64)]
    start = 1
    for chunk in column.chunks:
        places = pc.add(chunk.indices.cast(pa.int64()), start).fill_null(0)
        numbers.append(places.to_numpy(zero_copy_only=False))
        texts.append(chunk.dictionary)
        start += len(chunk.dictionary)
    return pa.concat_arrays(texts), np.concatenate(numbers)


def _numbered(
    codes: Sequence[Numbers], sizes: Sequence[int]
) -> tuple[Numbers, Numbers]:
    """Number distinct tuples of codes as they first come.

    Returns:
        Per row its number, and per number the first row that has it.
    """
    key = np.zeros(len(codes[0]), dtype=np.int64)
    bound = 1
    for column, size in zip(codes, sizes, strict=True):
        if bound * max(size, 1) >= _LARGEST_KEY:
            key, bound = _as_they_come(key), len(key)
        key = key * size + column
        bound *= max(size, 1)
    number = _as_they_come(key)
    first = np.zeros(int(number.max(initial=-1)) + 1, dtype=np.int64)
    first[number[::-1]] = np.arange(len(number))[::-1]
    return number, first


def _as_they_come(key: Numbers) -> Numbers:
    indices = pa.array(key).dictionary_encode().indices
    return indices.to_numpy(zero_copy_only=False).astype(np.int64)
