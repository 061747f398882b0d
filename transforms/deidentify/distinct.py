"""Work once per distinct value: the way every action here touches a column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["as_array", "map_distinct", "row_weights"]


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


def row_weights(encoded: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """Count the rows of each distinct value of an encoded column."""
    indices = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
    return np.bincount(indices, minlength=len(encoded.dictionary)).astype(np.int64)
