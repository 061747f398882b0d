"""Collects the reasons of a block's records: one bit per reason and record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...policies.reasons import Reason
from .view import Mask

__all__ = ["Tally"]


class Tally:
    """Reason masks of one block.

    Attributes:
        masks: one mask per record; bit i stands for `reasons[i]`.
    """

    def __init__(self, reasons: tuple[Reason, ...], rows: int) -> None:
        self._bits = {reason.code: i for i, reason in enumerate(reasons)}
        self.masks: npt.NDArray[np.uint64] = np.zeros(rows, dtype=np.uint64)

    def add(self, code: str, rows: Mask) -> None:
        """Give `rows` the reason `code`; a code the plan lacks is a KeyError."""
        position = np.uint64(self._bits[code])
        if rows.any():
            self.masks |= rows.astype(np.uint64) << position
