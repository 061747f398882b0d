"""One column of a block, prepared once for every predicate that looks at it.

Storage types are brought to a few families, nulls are counted and removed, and text that
repeats is reduced to its distinct values with weights: a predicate then runs on each
distinct value once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ColumnView", "family_of", "to_family", "view_column", "with_nulls"]

_PROBE_ROWS = 2_048  # enough to see whether text repeats


@dataclass(frozen=True)
class ColumnView:
    """The values of one column of one block.

    Attributes:
        family: `text int float bool instant local date null other`; `instant` is a
            timestamp with a zone (held in UTC), `local` one without.
        type_name: storage type, for messages.
        rows: rows of the block.
        nulls: rows without a value; NaN counts, as it does for Great Expectations.
        values: the values that are present, distinct when `weights` is given.
        weights: int64 number of rows of each of `values`, or None for one each.
    """

    family: str
    type_name: str
    rows: int
    nulls: int
    values: pa.Array
    weights: np.ndarray[Any, np.dtype[np.int64]] | None

    @property
    def present(self) -> int:
        """Rows that hold a value."""
        return self.rows - self.nulls

    def count(self, mask: pa.Array) -> int:
        """Count rows whose value is marked in `mask` (aligned to `values`)."""
        if self.weights is None:
            return int(mask.true_count)
        marked = mask.to_numpy(zero_copy_only=False).astype(bool)
        return int(self.weights[marked].sum())


def family_of(kind: pa.DataType) -> str:
    """Name the family of a storage type (see `ColumnView`)."""
    if pa.types.is_dictionary(kind):
        return family_of(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_string_view(kind):
        return "text"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_timestamp(kind):
        return "local" if kind.tz is None else "instant"
    if pa.types.is_date(kind):
        return "date"
    return "null" if pa.types.is_null(kind) else "other"


_STORAGE: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "instant": pa.timestamp("us", "UTC"),
    "local": pa.timestamp("us"),
    "date": pa.date32(),
}


def view_column(array: pa.Array) -> ColumnView:
    """Prepare `array` (one column of a block) for the kernels.

    Timestamps finer than a microsecond are cut to it.
    """
    type_name = str(array.type)
    rows = len(array)
    family, array = to_family(array)
    missing = pc.is_null(array, nan_is_null=True) if family == "float" else None
    nulls = array.null_count if missing is None else int(missing.true_count)
    if nulls:
        array = array.filter(pc.invert(missing)) if missing else array.drop_null()
    weights = None
    if family == "text" and _repeats(array):
        counted = pc.value_counts(array)
        array = counted.field("values")
        weights = counted.field("counts").to_numpy(zero_copy_only=False)
    return ColumnView(family, type_name, rows, nulls, array, weights)


def to_family(array: pa.Array) -> tuple[str, pa.Array]:
    """Bring `array` to the storage type of its family; nulls and NaN stay."""
    family = family_of(array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    storage = _STORAGE.get(family)
    if storage is not None and array.type != storage:
        array = pc.cast(array, storage, safe=False)
    if family == "float":
        array = pc.add(array, 0.0)  # -0.0 is 0.0
    return family, array


def with_nulls(array: pa.Array) -> tuple[str, pa.Array]:
    """Bring `array` to the storage type of its family, NaN being null."""
    family, array = to_family(array)
    if family == "float":
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    return family, array


def _repeats(array: pa.Array) -> bool:
    """Tell whether at most half of the first values are distinct."""
    probe = array.slice(0, _PROBE_ROWS)
    return len(probe) > 1 and 2 * int(pc.count_distinct(probe).as_py()) <= len(probe)
