"""Whether values rise or fall from row to row, across blocks in their order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import ColumnView
from ..partials import Run, Tally
from .fit import Arguments, UnfitError

__all__ = ["DIRECTIONS", "broken_joints", "run_of"]

DIRECTIONS = {"decreasing": -1, "increasing": 1}


def run_of(
    view: ColumnView, kind: str, arguments: Arguments, position: int | None
) -> Tally:
    """Count the steps of a block that go the wrong way, and keep its two ends."""
    if view.family not in ("int", "float", "instant", "local"):
        message = "rising and falling are read of numbers and times"
        raise UnfitError(message, foreign=view.family == "other")
    if position is None:
        message = (
            "rows have no order here (a data set in parts, or a pipeline); hold the "
            "expectation against the file itself with `optin validate`"
        )
        raise UnfitError(message)
    whole = view.values
    if view.family not in ("int", "float"):
        whole = pc.cast(whole, pa.int64())
    numbers = whole.to_numpy(zero_copy_only=False)
    if len(numbers) == 0:
        return Tally(nulls=view.nulls)
    before, after = numbers[:-1], numbers[1:]
    ahead = after > before if kind == "increasing" else after < before
    if arguments.get("strictly"):
        # The step from infinity to infinity has no size; GX lets it pass.
        fits = ahead | ((after == before) & np.isinf(after))
    else:
        fits = ahead | (after == before)
    run = Run(position, numbers[0].item(), numbers[-1].item())
    wrong = int(len(fits) - np.count_nonzero(fits))
    return Tally(nulls=view.nulls, unexpected=wrong, runs=(run,))


def broken_joints(runs: Sequence[Run], kind: str, *, strictly: bool) -> int:
    """Count the steps between blocks that go the wrong way."""
    wrong = 0
    for one, other in pairwise(runs):
        before, after = one.last, other.first
        if after == before:
            wrong += strictly and not math.isinf(after)
        else:
            wrong += (after > before) is not (kind == "increasing")
    return wrong
