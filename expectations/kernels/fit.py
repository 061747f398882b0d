"""What every kernel shares: its form, and the error for a column that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..columns import ColumnView
from ..partials import Tally

__all__ = ["Arguments", "Kernel", "UnfitError", "outside", "text_values"]

Arguments = dict[str, Any]
Kernel = Callable[[ColumnView, Arguments], Tally]


class UnfitError(Exception):
    """The column's type and the expectation do not go together.

    Attributes:
        foreign: only our kernels cannot read it; Great Expectations on pandas may.
    """

    def __init__(self, message: str, *, foreign: bool = False) -> None:
        super().__init__(message)
        self.foreign = foreign


def outside(view: ColumnView, expected: pa.Array) -> Tally:
    """Count the values that are not marked in `expected`."""
    return Tally(nulls=view.nulls, unexpected=view.present - view.count(expected))


def text_values(view: ColumnView) -> pa.Array:
    """Give the values of a column of text.

    Raises:
        UnfitError: it is of another type.
    """
    if view.family != "text":
        message = "this expectation reads text"
        raise UnfitError(message, foreign=view.family == "other")
    return view.values
