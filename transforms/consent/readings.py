"""What one signal says about each record of a block.

A *reading* is the outcome of evaluating a signal on a record. Only `GRANT` grants; every
other reading of a required signal drops the record, each under its own code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from ...policies.signals import SignalSpec
from .view import BlockView, Mask

__all__ = ["Reading", "SignalReading", "is_zero_identifier", "read_signal"]

Readings = npt.NDArray[np.uint8]


class Reading(IntEnum):
    """Outcomes, from least to most restrictive: of two carriers the higher counts."""

    ABSENT = 0
    GRANT = 1
    UNDECIDED = 2
    """A listed value that neither grants nor denies, such as `lmt: 0`."""
    UNLISTED = 3
    """A value that the profile does not know: never a grant."""
    MALFORMED = 4
    OLD_POLICY = 5
    VENDOR_NOT_DISCLOSED = 6
    NOT_DETERMINED = 7
    RESTRICTED = 8
    DENY = 9
    VENDOR_DENIED = 10
    PURPOSE_DENIED = 11


@dataclass(frozen=True)
class SignalReading:
    """Readings of one signal over a block, with the rows where carriers disagree."""

    readings: Readings
    conflict: Mask

    def is_(self, *wanted: Reading) -> Mask:
        """Tell which rows have one of the `wanted` readings."""
        return np.isin(self.readings, [int(reading) for reading in wanted])


# AppTrackingTransparency gives two denials a name of their own
# (developer.apple.com: ATTrackingManager.AuthorizationStatus).
_ATT_NAMED = {
    "0": Reading.NOT_DETERMINED,
    "not_determined": Reading.NOT_DETERMINED,
    "notdetermined": Reading.NOT_DETERMINED,
    "1": Reading.RESTRICTED,
    "restricted": Reading.RESTRICTED,
}
_VERDICTS = {
    "grant": Reading.GRANT,
    "deny": Reading.DENY,
    "unknown": Reading.UNDECIDED,
}
_ZERO = re.compile(r"[0\-:\s]*0[0\-:\s]*")
_TRUE = ("1", "true")


def is_zero_identifier(text: str) -> bool:
    """Tell whether an identifier is all zeros, which platforms send for "no identity".

    >>> is_zero_identifier("00000000-0000-0000-0000-000000000000")
    True
    >>> is_zero_identifier("0000-000-000-0001")
    False
    """
    return _ZERO.fullmatch(text) is not None


def read_signal(
    view: BlockView, spec: SignalSpec, decode: Callable[[str], Reading] | None = None
) -> SignalReading:
    """Evaluate one signal on every row of a block.

    Args:
        view: the block's raw columns.
        spec: where the signal sits and what its values mean.
        decode: reads one distinct text, for signals with a `decoder`.

    Returns:
        One reading a row. Where the signal does not apply (`applies_when`) it is
        `ABSENT`. Where several carriers are present, the most restrictive counts, and
        rows whose carriers differ are marked as a conflict.
    """
    value_of = decode or _value_reader(spec)
    combined = np.zeros(view.rows, dtype=np.uint8)
    conflict = np.zeros(view.rows, dtype=np.bool_)
    for path in spec.paths:
        if spec.detect == "zero_uuid":
            carried = _zero_readings(view, path)
        else:
            carried = view.lookup(path, value_of, missing=Reading.ABSENT)
        both = (combined != Reading.ABSENT) & (carried != Reading.ABSENT)
        conflict |= both & (combined != carried)
        np.maximum(combined, carried, out=combined)
    applies = _applies(view, spec)
    combined[~applies] = Reading.ABSENT
    return SignalReading(combined, conflict & applies)


def _zero_readings(view: BlockView, path: str) -> Readings:
    """Find all-zero identifiers; by regex on the column, as most values are distinct."""
    texts = view.array(path)
    zero = pc.match_substring_regex(texts, f"^(?:{_ZERO.pattern})$")
    blank = pc.match_substring_regex(texts, r"^\s*$")
    readings = np.full(view.rows, Reading.UNDECIDED, dtype=np.uint8)
    readings[zero.fill_null(False).to_numpy(zero_copy_only=False)] = Reading.DENY
    readings[blank.fill_null(True).to_numpy(zero_copy_only=False)] = Reading.ABSENT
    return readings


def _value_reader(spec: SignalSpec) -> Callable[[str], Reading]:
    """Give the function that reads one text of a signal declared by values."""

    def read(text: str) -> Reading:
        key = text.lower() if spec.lower else text
        verdict = spec.values.get(key)
        if verdict is None:
            return Reading.UNLISTED
        if verdict == "deny" and spec.name == "att":
            return _ATT_NAMED.get(key.lower(), Reading.DENY)
        if verdict == "grant" and spec.veto_only:
            return Reading.UNDECIDED
        return _VERDICTS[verdict]

    return read


def _applies(view: BlockView, spec: SignalSpec) -> Mask:
    """Tell where a signal applies; a condition that cannot be read does not excuse."""
    applies = np.ones(view.rows, dtype=np.bool_)
    for column, values in spec.applies_when.items():
        applies &= view.matches(column, values, if_null=True)
    if spec.applies_when_any:
        said_yes = np.zeros(view.rows, dtype=np.bool_)
        said_anything = np.zeros(view.rows, dtype=np.bool_)
        for column in spec.applies_when_any:
            said_yes |= view.matches(column, _TRUE, if_null=False)
            said_anything |= view.present(column)
        applies &= said_yes | ~said_anything
    return applies
