"""The consent gate as a Beam transform over blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput

from ..blocks.names import RAW_PREFIX, RECORD, SPLIT_KEY
from ..deidentify.keys import hmac_tokens
from .bias import BiasCounts, bias_counts
from .describe import signal_values
from .evaluate import Gate, GateResult
from .plan import GatePlan
from .questions import Question

__all__ = ["ConsentGate", "audit_lines"]

_AUDIT_FIELDS = [
    ("split", pa.string()),
    ("record", pa.int64()),
    ("outcome", pa.string()),
    ("code", pa.string()),
    ("codes", pa.list_(pa.string())),
    ("record_key", pa.string()),
    ("subject_key", pa.string()),
]


class ConsentGate(beam.PTransform[Any, Any]):
    """Keeps the records that opted in.

    Shape: `PCollection[RecordBatch] -> kept`, with the tags `counts` (one Counter of
    primary codes per block), `audit` (blocks of `audit_lines`, one line per record that
    was not kept) and `bias` (per block, records decided and kept by group).
    """

    def __init__(self, plan: GatePlan) -> None:
        super().__init__()
        self._plan = plan

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> DoOutputsTuple:
        """Apply the gate block by block."""
        return blocks | beam.ParDo(_Gate(self._plan)).with_outputs(
            "counts", "audit", "bias", main="kept"
        )


class _Gate(beam.DoFn):
    def __init__(self, plan: GatePlan) -> None:
        self._plan = plan

    def setup(self) -> None:
        # Decoded strings are remembered from block to block.
        self._gate = Gate(self._plan)

    def process(
        self, block: pa.RecordBatch
    ) -> Iterator[pa.RecordBatch | TaggedOutput[Any, Any]]:
        result = self._gate.evaluate(block)
        yield TaggedOutput("counts", dict(result.counts(self._plan)))
        yield TaggedOutput("bias", self._bias(block, result))
        lines = audit_lines(block, result, self._plan, self._gate.questions)
        if lines.num_rows:
            yield TaggedOutput("audit", lines)
        if result.kept.num_rows:
            yield result.kept

    def _bias(self, block: pa.RecordBatch, result: GateResult) -> BiasCounts:
        reasons = self._plan.reasons
        decided = np.array([not reason.quarantined for reason in reasons] + [True])
        primary = result.primary
        return bias_counts(
            block,
            primary < 0,
            decided[primary],  # position -1, kept, is the last
            result.times,
            result.timed,
            self._plan.consent.bias.by,
        )


def audit_lines(
    block: pa.RecordBatch,
    result: GateResult,
    plan: GatePlan,
    questions: tuple[Question, ...],
) -> pa.RecordBatch:
    """Account for the records of a block that were not kept.

    Every quarantined record gets a line, and every dropped one if the policy asks for
    `drops: per_record`.

    Shape: block of n records → block of ≤ n lines: split, record (0-based in it),
    outcome, primary code, all codes, record and subject named by HMAC, and the signals
    as they were read (`signal_values`).
    """
    positions = result.primary
    lined = np.array(
        [plan.audit_drops or reason.quarantined for reason in plan.reasons] + [False]
    )
    rows = np.flatnonzero(lined[positions])  # position -1, kept: no line
    primary = positions[rows]
    codes = np.array([reason.code for reason in plan.reasons], dtype=object)
    outcomes = np.array(
        ["quarantine" if reason.quarantined else "drop" for reason in plan.reasons],
        dtype=object,
    )
    # Few distinct masks occur: spell each one out once.
    masks, which = np.unique(result.masks[rows], return_inverse=True)
    spelled = pa.array(
        [
            [reason.code for i, reason in enumerate(plan.reasons) if mask >> i & 1]
            for mask in map(int, masks)
        ],
        pa.list_(pa.string()),
    )
    split = (block.schema.metadata or {}).get(SPLIT_KEY, b"").decode()
    wanted = pa.array(rows)
    signals = signal_values(result.view, questions, result.evidence, rows)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([split] * len(rows), pa.string()),
            block.column(RECORD).take(wanted),
            pa.array(outcomes[primary], pa.string()),
            pa.array(codes[primary], pa.string()),
            spelled.take(pa.array(which)),
            _record_keys(block, wanted, plan),
            _subject_keys(result.identities.take(rows), plan),
            signals,
        ],
        schema=pa.schema([*_AUDIT_FIELDS, ("signals", signals.type)]),
    )


def _record_keys(block: pa.RecordBatch, rows: pa.Array, plan: GatePlan) -> pa.Array:
    """Name records by the HMAC of their event id; null where they have none."""
    if plan.event_id is None:
        return pa.nulls(len(rows), pa.string())
    return hmac_tokens(
        block.column(RAW_PREFIX + plan.event_id).take(rows), plan.record_key
    )


def _subject_keys(identities: pa.Array, plan: GatePlan) -> pa.Array:
    """Name data subjects by HMAC; null where a record names nobody."""
    return hmac_tokens(identities, plan.record_key)
