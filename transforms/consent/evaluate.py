"""The consent gate as a pure function: block in, kept block and reasons out.

The decision table is evaluated on columns. Every reason that applies to a record sets
the reason's bit in the record's mask; reasons are numbered by precedence, so the lowest
set bit is the primary reason and a mask of zero means `KEEP`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.model import Minors, Requirement
from ...policies.reasons import KEEP
from ...policies.signals import SignalSpec
from ..blocks.names import EVENT_TIME, SUBJECT
from ..deidentify.keys import subject_tokens
from .event_time import event_times
from .plan import FUTURE_SKEW_MICROS, GatePlan, veto_code, when_values
from .readings import Reading, SignalReading, read_signal
from .strings_reader import decoder_for
from .view import BlockView, Mask

__all__ = ["GateResult", "evaluate_gate"]

ReasonMasks = npt.NDArray[np.uint64]

_ZERO_ID = r"^[0\-:\s]*$"
_OLDEST_AGE_YEARS = 125

# Readings that drop a record when the signal is required, and the code's last part.
_REQUIRED_CODES = {
    Reading.ABSENT: "MISSING",
    Reading.UNDECIDED: "UNKNOWN_VALUE",
    Reading.UNLISTED: "UNKNOWN_VALUE",
    Reading.MALFORMED: "MALFORMED",
    Reading.OLD_POLICY: "OLD_POLICY",
    Reading.VENDOR_NOT_DISCLOSED: "VENDOR_NOT_DISCLOSED",
    Reading.NOT_DETERMINED: "NOT_DETERMINED",
    Reading.RESTRICTED: "RESTRICTED",
    Reading.DENY: "DENIED",
    Reading.VENDOR_DENIED: "VENDOR_DENIED",
    Reading.PURPOSE_DENIED: "PURPOSE_DENIED",
}
_DENIALS = (
    Reading.DENY,
    Reading.RESTRICTED,
    Reading.NOT_DETERMINED,
    Reading.PURPOSE_DENIED,
    Reading.VENDOR_DENIED,
)


@dataclass(frozen=True)
class GateResult:
    """What the gate decided about one block.

    Attributes:
        kept: the block's records that may be used, with `optin:subject` and
            `optin:event_time` added.
        masks: one reason mask per record of the block that came in; 0 keeps.
        identities: who each record that came in is about, null where nobody is named;
            personal data, for keyed hashing alone.
    """

    kept: pa.RecordBatch
    masks: ReasonMasks
    identities: pa.Array = field(repr=False)

    def primary(self) -> npt.NDArray[np.int8]:
        """Give the position of each record's primary reason, -1 where it is kept."""
        lowest = self.masks & (~self.masks + np.uint64(1))
        positions = np.full(len(self.masks), -1, dtype=np.int8)
        dropped = lowest > 0
        # Exact: the powers of two up to 2**62 are floats without rounding.
        positions[dropped] = np.log2(lowest[dropped].astype(np.float64)).astype(np.int8)
        return positions

    def counts(self, plan: GatePlan) -> Counter[str]:
        """Count records by primary code, `KEEP` among them: the block's account."""
        positions, counts = np.unique(self.primary(), return_counts=True)
        return Counter(
            {
                KEEP if position < 0 else plan.reasons[position].code: int(count)
                for position, count in zip(positions, counts, strict=True)
            }
        )


def evaluate_gate(block: pa.RecordBatch, plan: GatePlan) -> GateResult:
    """Decide every record of a block.

    Shape: block of n records → block of ≤ n records and n reason masks. Nothing is
    lost silently: a record is either in `kept` or has a reason.

    Not covered: a ledger of later decisions; several keys that name one person are
    not linked with each other.
    """
    view = BlockView(block)
    tally = _Tally(plan, view.rows)
    times, timed = event_times(view, plan.event_time)
    tally.add("NO_EVENT_TIME", ~timed)
    tally.add("FUTURE_EVENT", timed & (times > plan.as_of_micros + FUTURE_SKEW_MICROS))
    identities = subject_identities(view, plan.subject)
    named = identities.is_valid().to_numpy(zero_copy_only=False)
    tally.add("NO_SUBJECT", ~named)
    if plan.consent.minors is not None:
        _apply_minors(view, plan.consent.minors, times, timed, tally)
    readings: dict[str, SignalReading] = {}
    for name in plan.consent.veto:
        _apply_veto(view, plan.signal(name), tally, readings)
    _apply_requirements(view, plan, tally, readings)
    keep = tally.masks == 0
    # Hashing people is the gate's dearest step: only of those whose records stay.
    tokens = subject_tokens(identities.filter(pa.array(keep)), plan.subject_key)
    kept = block.filter(pa.array(keep))
    stamped = kept.append_column(SUBJECT, tokens).append_column(
        EVENT_TIME, pa.array(times[keep]).cast(pa.timestamp("us", "UTC"))
    )
    return GateResult(stamped, tally.masks, identities)


class _Tally:
    """Collects reasons: one bit per reason and record."""

    def __init__(self, plan: GatePlan, rows: int) -> None:
        self._bits = {reason.code: i for i, reason in enumerate(plan.reasons)}
        self.masks: ReasonMasks = np.zeros(rows, dtype=np.uint64)

    def add(self, code: str, rows: Mask) -> None:
        """Give `rows` the reason `code`; a code the plan lacks is a KeyError."""
        bit = np.uint64(1 << self._bits[code])
        if rows.any():
            self.masks[rows] |= bit


def subject_identities(view: BlockView, paths: tuple[str, ...]) -> pa.Array:
    """Give the identity that names each record's data subject, null where none does.

    The first subject key that is present counts. All-zero and blank identifiers name
    nobody. Case and outer blanks do not tell people apart: merging two spellings can
    only make a class look smaller, never larger.
    """
    identities = pa.nulls(view.rows, pa.string())
    for path in paths:
        if identities.null_count == 0:
            break
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(view.array(path)))
        zero = pc.match_substring_regex(texts, _ZERO_ID).fill_null(True)
        texts = pc.if_else(zero, pa.scalar(None, pa.string()), texts)
        identities = pc.coalesce(identities, texts)
    return identities


def _apply_minors(
    view: BlockView,
    rule: Minors,
    times: npt.NDArray[np.int64],
    timed: Mask,
    tally: _Tally,
) -> None:
    """Apply the age rule at event time; a birth year means the youngest possible age."""
    positions, texts = view.codes(rule.field)
    numbers = np.array([_year_or_age(text) for text in texts] + [-1], dtype=np.int64)
    stated = numbers[positions]
    if rule.kind == "age_years":
        ages = stated
    else:
        years = times.astype("datetime64[us]").astype("datetime64[Y]")
        ages = np.where(stated < 0, -1, years.astype(np.int64) + 1970 - stated - 1)
        # Born this year: 0 years old, not of unknown age.
        ages = np.where((stated >= 0) & (ages == -1), 0, ages)
        ages = np.where(timed, ages, -1)
    known = (ages >= 0) & (ages <= _OLDEST_AGE_YEARS)
    tally.add("MINOR", known & (ages < rule.min_age))
    tally.add("AGE_UNKNOWN", ~known)


def _year_or_age(text: str) -> int:
    """Read a whole number; -1 where there is none, which no age or year can be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else -1


def _apply_veto(
    view: BlockView,
    spec: SignalSpec,
    tally: _Tally,
    readings: dict[str, SignalReading],
) -> None:
    """Apply a veto: a denial drops, and so does a value that nobody can read."""
    reading = readings[spec.name] = read_signal(view, spec, decoder_for(spec, None))
    tally.add(veto_code(spec)[1], reading.is_(*_DENIALS))
    tally.add(f"{spec.name.upper()}_UNKNOWN_VALUE", reading.is_(Reading.UNLISTED))
    tally.add("CONFLICT", reading.conflict)
    if spec.decoder:
        tally.add(f"{spec.name.upper()}_MALFORMED", reading.is_(Reading.MALFORMED))


def _apply_requirements(
    view: BlockView,
    plan: GatePlan,
    tally: _Tally,
    readings: dict[str, SignalReading],
) -> None:
    """Apply `require:`: every entry that applies must grant, and one must apply."""
    asked = np.zeros(view.rows, dtype=np.bool_)
    for requirement in plan.consent.require:
        spec = plan.signal(requirement.signal)
        applies = _when(view, requirement)
        asked |= applies
        if spec.decoder or spec.name not in readings:
            decode = decoder_for(spec, requirement)
            readings[spec.name] = read_signal(view, spec, decode)
        reading = readings[spec.name]
        tally.add("CONFLICT", applies & reading.conflict)
        for outcome, ending in _REQUIRED_CODES.items():
            rows = applies & reading.is_(outcome)
            if rows.any():
                tally.add(f"{spec.name.upper()}_{ending}", rows)
    tally.add("PURPOSE_NOT_GRANTED", ~asked)


def _when(view: BlockView, requirement: Requirement) -> Mask:
    """Tell where an entry applies; a condition that cannot be read does not excuse."""
    applies = np.ones(view.rows, dtype=np.bool_)
    for column in requirement.when:
        applies &= view.matches(column, when_values(requirement, column), if_null=True)
    return applies
