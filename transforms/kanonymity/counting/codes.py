"""Values as small integers: what histogram, search and application share.

A quasi-identifier's values are dictionary-encoded; a tuple of values becomes one int64
key. Codes follow the order of the values (nulls last), so keys sort as the tuples do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .keys import Ints, KeyTable

__all__ = [
    "Ints",
    "TupleIndex",
    "as_dictionary",
    "canonical",
    "combine",
    "dictionary_of",
    "encode",
    "encode_column",
    "list_values",
    "places_in",
    "ranks",
]

_LARGEST_KEY = 2**62

_FEW = 4
"""How many times more tuples than records there must be for searching to be cheaper."""


def canonical(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Give the column as one plain array in which equal values have equal bits.

    Dictionaries are decoded, `-0.0` becomes `0.0`, and NaN and infinities become null:
    what is no number on the axis is a missing one, and has no interval.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # pragma: no cover - strings beyond 2 GiB
        array = pa.concat_arrays(array.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.string())
    if pa.types.is_floating(array.type):
        array = array.cast(pa.float64())
        array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))
        array = pc.add(array, 0.0)
    return array


def encode(array: pa.Array) -> tuple[pa.Array, Ints]:
    """Split a canonical array into sorted distinct values and a code for every row.

    Args:
        array: result of `canonical`.

    Returns:
        The distinct values, ascending with null last, and per row the index of its
        value among them.
    """
    if pa.types.is_null(array.type):
        distinct = array.slice(0, min(1, len(array)))
        return distinct, np.zeros(len(array), dtype=np.int64)
    encoded = array.dictionary_encode(null_encoding="encode")
    order = pc.array_sort_indices(encoded.dictionary, null_placement="at_end")
    order_np = order.to_numpy(zero_copy_only=False)
    rank = np.empty(len(order_np), dtype=np.int64)
    rank[order_np] = np.arange(len(order_np))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return encoded.dictionary.take(order), rank[codes]


def encode_column(column: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Make a column canonical and encode it; a dictionary's rows are not decoded.

    Returns:
        As `encode`; of a dictionary, values that no row has may be among the values.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(array.type) or isinstance(array, pa.ChunkedArray):
        return encode(canonical(column))
    listed = canonical(array.dictionary)
    if array.null_count:
        listed = pa.concat_arrays([listed, pa.nulls(1, listed.type)])
    values, places = encode(listed)
    indices = array.indices.fill_null(len(listed) - 1).to_numpy(zero_copy_only=False)
    return values, places[indices]


def list_values(
    column: pa.Array | pa.ChunkedArray,
) -> tuple[pa.Array, npt.NDArray[np.integer[Any]]]:
    """Split a column into canonical values, in any order, and a code for every row.

    A dictionary's rows are not decoded: its values may repeat, and some have no row.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(array.type) or isinstance(array, pa.ChunkedArray):
        array = canonical(column)
        if pa.types.is_null(array.type):
            return array.slice(0, 1), np.zeros(len(array), dtype=np.int32)
        array = array.dictionary_encode(null_encoding="encode")
    listed, indices = canonical(array.dictionary), array.indices
    if indices.null_count:
        indices = indices.cast(pa.int32()).fill_null(len(listed))
        listed = pa.concat_arrays([listed, pa.nulls(1, listed.type)])
    return listed, indices.to_numpy(zero_copy_only=False)


def places_in(column: pa.Array | pa.ChunkedArray, values: pa.Array) -> Ints:
    """Give each row's place among distinct canonical values, -1 where it has none.

    A null, and what `canonical` makes one, has the place of the null.
    """
    listed, codes = list_values(column)
    if listed.type != values.type and pa.types.is_null(listed.type):
        listed = listed.cast(values.type)
    place = pc.index_in(listed, values).fill_null(-1).to_numpy(zero_copy_only=False)
    return place.astype(np.int64)[codes]


def dictionary_of(codes: npt.NDArray[np.int32], texts: pa.Array) -> pa.DictionaryArray:
    """Put texts behind their numbers; below zero stands a null."""
    null = codes < 0
    indices = pa.array(codes, mask=null) if null.any() else pa.array(codes)
    return pa.DictionaryArray.from_arrays(indices, texts, safe=False)


def as_dictionary(array: pa.Array) -> pa.Array:
    """Give texts that repeat as a dictionary with the narrowest indices."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = array.dictionary_encode()
    elif not pa.types.is_dictionary(array.type):
        return array
    count = len(array.dictionary)
    if count > max(len(array) // 2, 256):  # would be no smaller
        return array.dictionary_decode()
    narrow = pa.int8() if count <= 1 << 7 else pa.int16() if count <= 1 << 15 else None
    if narrow is None or array.type.index_type == narrow:
        return array
    indices = array.indices.cast(narrow)
    return pa.DictionaryArray.from_arrays(indices, array.dictionary, safe=False)


def combine(codes: Sequence[Ints], sizes: Sequence[int], rows: int) -> tuple[Ints, int]:
    """Join columns of codes into one int64 key that sorts as the tuples do.

    Args:
        codes: one array of codes a column, each of length `rows`.
        sizes: number of codes of each column.
        rows: number of tuples (no column at all gives the key 0 everywhere).

    Returns:
        The keys and a bound that all keys lie below. Where the product of the sizes
        exceeds int64, the partial key is replaced by its rank, so keys of two calls are
        comparable only if the bound was not reached; see `TupleIndex` for the lookup.
    """
    key = np.zeros(rows, dtype=np.int64)
    bound = 1
    for column, size in zip(codes, sizes, strict=True):
        if bound * max(size, 1) >= _LARGEST_KEY:
            distinct, key = np.unique(key, return_inverse=True)
            bound = max(len(distinct), 1)
        key = key * max(size, 1) + column
        bound *= max(size, 1)
    return key, bound


def ranks(key: Ints, bound: int) -> tuple[Ints, Ints]:
    """Number the distinct keys in ascending order.

    Returns:
        The distinct keys and, for every entry of `key`, the index of its key.
    """
    if bound <= 4 * len(key) + 65_536:  # a table of all keys is cheaper than sorting
        present = np.zeros(bound, dtype=np.bool_)
        present[key] = True
        distinct = np.flatnonzero(present).astype(np.int64)
        position = np.cumsum(present, dtype=np.int64) - 1
        return distinct, position[key]
    distinct, inverse = np.unique(key, return_inverse=True)
    return distinct, inverse.reshape(-1)


class _Sorted:
    """Finds keys among sorted distinct ones, as `KeyTable` does."""

    def __init__(self, keys: Ints) -> None:
        self._keys = keys

    def find(self, key: Ints) -> Ints:
        """Give the number of every key, -1 for those that are not here."""
        if not len(self._keys):
            return np.full(len(key), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        return np.where(self._keys[place] == key, place, -1)


@dataclass(frozen=True)
class TupleIndex:
    """Finds a tuple of codes among the tuples that it was built from.

    As many columns as fit into one int64 key are looked up at once.

    Attributes:
        sizes: number of codes of each column.
        spans: columns that each step adds.
        steps: sorted distinct keys after each step: the rank of the steps before, then
            the codes of the step's columns. The last step's order is that of the tuples.
    """

    sizes: tuple[int, ...]
    spans: tuple[int, ...]
    steps: tuple[Ints, ...]

    @staticmethod
    def build(codes: Sequence[Ints], sizes: Sequence[int]) -> TupleIndex:
        """Index the tuples given as one array of codes a column (at least one column)."""
        spans: list[int] = []
        steps: list[Ints] = []
        rank = np.zeros(len(codes[0]), dtype=np.int64)
        ranks_before = 1
        at = 0
        while at < len(codes):
            bound, key, begin = ranks_before, rank, at
            while at < len(codes) and (at == begin or bound * sizes[at] < _LARGEST_KEY):
                key = key * sizes[at] + codes[at]
                bound *= sizes[at]
                at += 1
            distinct, rank = np.unique(key, return_inverse=True)
            rank = rank.reshape(-1).astype(np.int64)
            ranks_before = max(len(distinct), 1)
            spans.append(at - begin)
            steps.append(distinct)
        return TupleIndex(tuple(sizes), tuple(spans), tuple(steps))

    def __len__(self) -> int:
        return len(self.steps[-1])

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the tables: they are made again from the keys."""
        return {name: getattr(self, name) for name in ("sizes", "spans", "steps")}

    def find(self, codes: Sequence[Ints]) -> Ints:
        """Give every tuple's index in ascending order of tuples, or -1 if unknown."""
        rank = np.zeros(len(codes[0]), dtype=np.int64)
        known = np.ones(len(rank), dtype=np.bool_)
        at = 0
        # Of few records each is searched for: a table of all tuples would cost more.
        few = len(rank) * _FEW < len(self) and "_tables" not in self.__dict__
        tables: Sequence[_Sorted | KeyTable] = (
            [_Sorted(step) for step in self.steps] if few else self._tables
        )
        for span, table in zip(self.spans, tables, strict=True):
            key = rank
            for number in range(at, at + span):
                key = key * self.sizes[number] + codes[number]
            at += span
            rank = table.find(key)
            known &= rank >= 0
        return np.where(known, rank, -1)

    @cached_property
    def _tables(self) -> tuple[KeyTable, ...]:
        """Make the tables once: a worker asks for every block."""
        return tuple(KeyTable(step) for step in self.steps)
