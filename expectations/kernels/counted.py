"""Every distinct value with the number of its rows, while they are few enough."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..columns import ColumnView
from ..partials import Counted, Tally
from .fit import Arguments, Kernel, UnfitError

__all__ = ["COUNTED"]


def _counts(view: ColumnView, _: Arguments) -> Tally:
    if view.family == "other":
        message = "its values cannot be counted"
        raise UnfitError(message, foreign=True)
    values: Any = view.values
    weights = view.weights
    if weights is None:
        counted = pc.value_counts(values)
        values = counted.field("values")
        weights = counted.field("counts").to_numpy(zero_copy_only=False)
    counted = Counted.of(values, pa.array(weights, pa.int64()))
    return Tally(nulls=view.nulls, counted=counted)


def _number_counts(view: ColumnView, arguments: Arguments) -> Tally:
    if view.family not in ("int", "float"):
        message = "this expectation reads numbers"
        raise UnfitError(message, foreign=view.family != "text")
    return _counts(view, arguments)


COUNTED: dict[str, Kernel] = {"counts": _counts, "number_counts": _number_counts}
