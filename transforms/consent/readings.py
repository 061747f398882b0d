"""What one signal says about each record of a block.

A *reading* is the outcome of evaluating a signal on a record. Only `GRANT` grants; every
other reading of a required signal drops the record, each under its own code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.model import EventTime
from ...policies.signals import SignalSpec
from ..blocks.identity import normalised_identities
from .event_time import event_times
from .view import BlockView, Mask

__all__ = [
    "NO_DAY",
    "Decided",
    "Reading",
    "Readings",
    "SignalReading",
    "applies_to",
    "combine",
    "read_signal",
    "with_times",
]

Readings = npt.NDArray[np.uint8]
Micros = npt.NDArray[np.int64]

NO_DAY = np.iinfo(np.int64).min
"""Time of a decision that carries none."""


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
    MINOR = 12


@dataclass(frozen=True)
class Decided:
    """When the decisions of a block were made, in microseconds since 1970 UTC.

    Attributes:
        earliest: of each row's carriers, the oldest decision; `NO_DAY` where none says.
        latest: of each row's carriers, the newest one; `NO_DAY` where none says.
        by_day: times are the start of a UTC day, as in TC strings.
    """

    earliest: Micros
    latest: Micros
    by_day: bool

    def with_others(self, other: Decided) -> Decided:
        """Put the times of two decisions that must both hold together."""
        missing = (self.earliest == NO_DAY) | (other.earliest == NO_DAY)
        earliest = np.where(missing, NO_DAY, np.minimum(self.earliest, other.earliest))
        latest = np.maximum(self.latest, other.latest)
        return Decided(earliest, latest, self.by_day)


@dataclass(frozen=True)
class SignalReading:
    """Readings of one signal over a block.

    Attributes:
        readings: one `Reading` a row.
        conflict: rows whose carriers disagree.
        decided: when the user decided; null for a signal without times.
    """

    readings: Readings
    conflict: Mask
    decided: Decided | None = None

    def is_(self, *wanted: Reading) -> Mask:
        """Tell which rows have one of the `wanted` readings."""
        if len(wanted) == 1:
            return self.readings == int(wanted[0])
        table = np.zeros(len(Reading), dtype=np.bool_)
        table[[int(reading) for reading in wanted]] = True
        found: Mask = table[self.readings]
        return found


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
    # Without the scopes at hand, which `categories` looks at: no grant.
    "by_scope": Reading.UNDECIDED,
}
_FALSE = ("0", "false")


def read_signal(view: BlockView, spec: SignalSpec) -> SignalReading:
    """Evaluate a signal that is declared by values, or by its all-zero identifier."""
    value_of = value_reader(spec)
    carriers = []
    for path in spec.paths:
        if spec.detect == "zero_uuid":
            carriers.append(_zero_readings(view, path))
        else:
            carriers.append(view.lookup(path, value_of, missing=Reading.ABSENT))
    return with_times(view, spec, combine(view, spec, carriers))


def combine(
    view: BlockView, spec: SignalSpec, carriers: list[Readings]
) -> SignalReading:
    """Put the readings of all carriers of a signal together.

    Where the signal does not apply (`applies_when`) it is `ABSENT`. Where several
    carriers are present, the most restrictive counts, and rows whose carriers disagree
    are marked as a conflict: differ in what they say, or, for consent strings, at all.
    """
    combined = carriers[0].copy()
    conflict = np.zeros(view.rows, dtype=np.bool_)
    for carried in carriers[1:]:
        both = (combined != Reading.ABSENT) & (carried != Reading.ABSENT)
        conflict |= both & (combined != carried)
        np.maximum(combined, carried, out=combined)
    if spec.decoder is not None:
        for one, other in itertools.combinations(spec.paths, 2):
            differ = pc.not_equal(view.array(one), view.array(other)).fill_null(False)
            both = view.present(one) & view.present(other)
            conflict |= both & differ.to_numpy(zero_copy_only=False)
    applies = applies_to(view, spec)
    if applies is not None:
        combined[~applies] = Reading.ABSENT
        conflict &= applies
    return SignalReading(combined, conflict)


def with_times(
    view: BlockView, spec: SignalSpec, found: SignalReading
) -> SignalReading:
    """Add when the user decided, where the feed says so beside the signal.

    A time that cannot be read is a value that nobody knows: the record is no grant.
    """
    if not spec.time_paths:
        return found
    readings = found.readings.copy()
    earliest = np.full(view.rows, NO_DAY)
    latest = np.full(view.rows, NO_DAY)
    for path in spec.time_paths:
        written = EventTime(field=path, unit=spec.time_unit)
        times, known = event_times(view, written)
        unreadable = view.present(path) & ~known & (readings == Reading.GRANT)
        readings[unreadable] = Reading.UNLISTED
        first = known & (earliest == NO_DAY)
        earliest = np.where(first, times, earliest)
        earliest = np.where(known, np.minimum(earliest, times), earliest)
        latest = np.where(known, np.maximum(latest, times), latest)
    decided = Decided(earliest, latest, by_day=False)
    return SignalReading(readings, found.conflict, decided)


def value_reader(spec: SignalSpec) -> Callable[[str], Reading]:
    """Give the function that reads one text of a signal declared by values."""

    def read(text: str) -> Reading:
        key = text.lower() if spec.lower else text
        if key.isascii() and not text.isascii():
            return Reading.UNLISTED  # the Kelvin sign is no k
        verdict = spec.values.get(key)
        if verdict is None:
            return Reading.UNLISTED
        if verdict == "deny" and spec.name == "att":
            return _ATT_NAMED.get(key.lower(), Reading.DENY)
        if verdict == "grant" and spec.veto_only:
            return Reading.UNDECIDED
        return _VERDICTS[verdict]

    return read


def _zero_readings(view: BlockView, path: str) -> Readings:
    """Find all-zero identifiers; on the column, as most values are distinct."""
    readings = np.full(view.rows, Reading.UNDECIDED, dtype=np.uint8)
    rows = np.flatnonzero(view.bare(path))
    if rows.size:
        few = view.array(path).take(pa.array(rows))
        texts = normalised_identities(few)
        zero = pc.match_substring(texts, "0").fill_null(False)
        readings[rows] = np.where(zero, Reading.DENY, Reading.UNDECIDED)
        blank = pc.equal(pc.binary_length(texts), 0).fill_null(True)
        readings[rows[np.asarray(blank)]] = Reading.ABSENT
    return readings


def applies_to(view: BlockView, spec: SignalSpec) -> Mask | None:
    """Tell where a signal applies, null for everywhere.

    A condition that cannot be read does not excuse.
    """
    if not spec.applies_when and not spec.applies_when_any:
        return None
    applies = np.ones(view.rows, dtype=np.bool_)
    for column, values in spec.applies_when.items():
        applies &= view.matches(column, values, if_null=True)
    if spec.applies_when_any:
        said_no = np.zeros(view.rows, dtype=np.bool_)
        said_else = np.zeros(view.rows, dtype=np.bool_)
        for column in spec.applies_when_any:
            no = view.matches(column, _FALSE, if_null=False)
            said_no |= no
            said_else |= view.present(column) & ~no
        applies &= said_else | ~said_no
    return applies
