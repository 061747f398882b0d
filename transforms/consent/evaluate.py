"""The consent gate as a pure function: block in, kept block and reasons out.

The decision table is evaluated on columns. Every reason that applies to a record sets
the reason's bit in the record's mask; reasons are numbered by precedence, so the lowest
set bit is the primary reason and a mask of zero means `KEEP`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.reasons import KEEP
from ..blocks.names import EVENT_TIME, SUBJECT
from ..deidentify.keys import subject_tokens
from .event_time import event_times
from .people import Identities, ages_of
from .plan import FUTURE_SKEW_MICROS, GatePlan
from .questions import Question
from .rules import Evidence, Rules
from .tally import Tally
from .view import BlockView, Mask

__all__ = ["Gate", "GateResult", "evaluate_gate"]

ReasonMasks = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class GateResult:
    """What the gate decided about one block.

    Attributes:
        kept: the block's records that may be used, with `optin:subject` and
            `optin:event_time` added.
        masks: one reason mask per record of the block that came in; 0 keeps.
        identities: who each record that came in is about.
        times: event times in microseconds since 1970 UTC, 0 where unknown.
        timed: records that have one.
        evidence: what was read, for audit lines.
        view: the block's raw columns.
    """

    kept: pa.RecordBatch
    masks: ReasonMasks
    identities: Identities = field(repr=False)
    times: npt.NDArray[np.int64] = field(repr=False)
    timed: Mask = field(repr=False)
    evidence: Evidence = field(repr=False)
    view: BlockView = field(repr=False)

    @cached_property
    def primary(self) -> npt.NDArray[np.int8]:
        """Position of each record's primary reason, -1 where it is kept."""
        lowest = self.masks & (~self.masks + np.uint64(1))
        positions = np.full(len(self.masks), -1, dtype=np.int8)
        dropped = lowest > 0
        # Exact: the powers of two up to 2**62 are floats without rounding.
        positions[dropped] = np.log2(lowest[dropped].astype(np.float64)).astype(np.int8)
        return positions

    def counts(self, plan: GatePlan) -> Counter[str]:
        """Count records by primary code, `KEEP` among them: the block's account."""
        positions, counts = np.unique(self.primary, return_counts=True)
        return Counter(
            {
                KEEP if position < 0 else plan.reasons[position].code: int(count)
                for position, count in zip(positions, counts, strict=True)
            }
        )


class Gate:
    """The consent gate of one run; what it has read once it need not decode again.

    Not covered: several keys that name one person are not linked with each other.
    """

    def __init__(self, plan: GatePlan) -> None:
        self._plan = plan
        self._rules = Rules(plan)

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the policy asks of its signals."""
        return self._rules.questions

    def evaluate(self, block: pa.RecordBatch) -> GateResult:
        """Decide every record of a block.

        Shape: block of n records → block of ≤ n records and n reason masks. Nothing is
        lost silently: a record is either in `kept` or has a reason.
        """
        plan = self._plan
        view = BlockView(block)
        tally = Tally(plan.reasons, view.rows)
        times, timed = event_times(view, plan.event_time)
        tally.add("NO_EVENT_TIME", ~timed)
        late = times > plan.as_of_micros + FUTURE_SKEW_MICROS
        tally.add("FUTURE_EVENT", timed & late)
        identities = Identities(view, plan.subject)
        tally.add("NO_SUBJECT", ~identities.named)
        minors = plan.consent.minors
        if minors is not None:
            ages, known = ages_of(view, minors, times, timed)
            tally.add("MINOR", known & (ages < minors.min_age))
            tally.add("AGE_UNKNOWN", ~known)
        evidence = self._rules.apply(block, view, times, timed, tally)
        # Rows by number: Arrow takes those faster than it filters by mask.
        rows = np.flatnonzero(tally.masks == 0)
        # Hashing people is the gate's dearest step: only of those whose records stay.
        tokens = subject_tokens(identities.take(rows), plan.subject_key)
        stamped = (
            block.take(pa.array(rows))
            .append_column(SUBJECT, tokens)
            .append_column(
                EVENT_TIME, pa.array(times[rows]).cast(pa.timestamp("us", "UTC"))
            )
        )
        return GateResult(
            stamped, tally.masks, identities, times, timed, evidence, view
        )


def evaluate_gate(block: pa.RecordBatch, plan: GatePlan) -> GateResult:
    """Decide every record of one block; a run of blocks shares a `Gate`."""
    return Gate(plan).evaluate(block)
