"""Work once per distinct value: the way every action here touches a column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "as_array",
    "count_letters",
    "map_distinct",
    "map_values",
    "row_weights",
    "seldom_repeats",
]

_SAMPLE = 16  # one row in so many is looked at
_MOST_DISTINCT = 0.95
_PIECE = 65_536


def as_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Give a column as one array, and dictionary-encoded text as plain text."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # no chunk at all
            column = pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def map_distinct(array: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply `function` to the distinct values of `array` and spread the result.

    Args:
        array: any column; null stays null and is never given to `function`.
        function: gives one result per value, in order; the results may be null.
    """
    encoded = array.dictionary_encode()
    return function(encoded.dictionary).take(encoded.indices)


def map_values(array: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply `function` to each distinct value, or to every row where that is cheaper.

    Args:
        array: any column; null stays null and is never given to `function`.
        function: gives one result per value, in order; the results may be null. It
            must give the same for the same value, and is called for pieces of the rows.
    """
    if not seldom_repeats(array):
        return map_distinct(array, function)
    values = array.drop_null()
    pieces = range(0, len(values), _PIECE)
    made = pa.chunked_array(
        [function(values.slice(start, _PIECE)) for start in pieces]
    ).combine_chunks()
    if array.null_count == 0:
        return made
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return made.take(pa.array(np.cumsum(valid) - 1, mask=~valid))


def seldom_repeats(array: pa.Array) -> bool:
    """Guess from the first rows that a dictionary would cost more than it saves."""
    sample = array.slice(0, len(array) // _SAMPLE)
    distinct = pc.count_distinct(sample, mode="only_valid").as_py()
    return bool(distinct > _MOST_DISTINCT * (len(sample) - sample.null_count))


def row_weights(encoded: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """Count the rows of each distinct value of an encoded column."""
    indices = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
    return np.bincount(indices, minlength=len(encoded.dictionary)).astype(np.int64)


def count_letters(texts: pa.Array) -> pa.Array:
    """Count the letters and digits of every text: what tells one from another."""
    counts = pc.utf8_length(texts)
    mixed = pc.invert(pc.utf8_is_alnum(texts)).fill_null(False)
    if not pc.any(mixed).as_py():
        return counts
    bare = pc.replace_substring_regex(texts.filter(mixed), r"[^\pL\pN]+", "")
    return pc.replace_with_mask(counts, mixed, pc.utf8_length(bare))
