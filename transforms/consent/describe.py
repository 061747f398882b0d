"""Signal values as the gate read them, for audit lines: never an identifier.

A value stands in an audit line only if the policy or the profile lists it. Of consent
strings, which can tell people apart, there is what they were read as, and the day.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.signals import SignalSpec
from .ledger import verdicts
from .questions import Question
from .readings import NO_DAY, Reading, SignalReading
from .rules import Evidence
from .strings_reader import DAY_MICROS
from .view import BlockView

__all__ = ["signal_values"]

UNLISTED = "(unlisted)"
_LEDGER = "ledger"
_BITS = {
    verdicts.ERASED: "erased",
    verdicts.WITHDRAWN: "withdrawn",
    verdicts.WITHDRAWN_THEN: "withdrawn then",
    verdicts.EXPIRED: "expired",
    verdicts.AFTER: "granted later",
    verdicts.OTHER_PURPOSE: "other purpose",
    verdicts.GRANTED: "granted",
}


def signal_values(
    view: BlockView,
    questions: tuple[Question, ...],
    evidence: Evidence,
    rows: npt.NDArray[np.int64],
) -> pa.StructArray:
    """Describe what was read of some records, one field per question.

    Shape: n row numbers → struct array of n; a field is null where nothing was there.
    """
    names, columns = [], []
    for question in questions:
        reading = evidence.readings.get(question.label)
        if reading is None:  # no record of the block was asked
            found = pa.nulls(len(rows), pa.string())
        elif _is_plain(question.spec):
            found = _listed(view, question.spec, rows)
        else:
            found = _read_as(reading, rows)
        names.append(question.label)
        columns.append(found)
    names.append(_LEDGER)
    columns.append(_ledger(evidence, rows))
    return pa.StructArray.from_arrays(columns, names)


def _is_plain(spec: SignalSpec) -> bool:
    return not (spec.decoder or spec.detect or spec.by_category)


def _listed(view: BlockView, spec: SignalSpec, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Give the values of a signal's carriers as far as they are listed."""

    def shown(text: str) -> str:
        key = text.lower() if spec.lower else text
        return key if key in spec.values else UNLISTED

    words: list[str | None] = [None]
    codes = np.zeros(len(rows), dtype=np.int64)
    for path in spec.paths:
        positions, texts = view.codes(path)
        carried = [None, *map(shown, texts)]
        pairs = codes * len(carried) + positions[rows] + 1
        distinct, codes = np.unique(pairs, return_inverse=True)
        words = [
            _joined(words[pair // len(carried)], carried[pair % len(carried)])
            for pair in distinct.tolist()
        ]
    return pa.array(words, pa.string()).take(pa.array(codes))


def _joined(one: str | None, other: str | None) -> str | None:
    """Put the values of two carriers in a row."""
    if one is None or other is None:
        return one if other is None else other
    return f"{one} | {other}"


def _read_as(reading: SignalReading, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Name the readings of a signal, with the day of the decision where it is known."""
    codes = reading.readings[rows].astype(np.int64)
    days = np.full(len(rows), NO_DAY)
    if reading.decided is not None:
        micros = reading.decided.earliest[rows]
        days = np.where(micros == NO_DAY, NO_DAY, micros // DAY_MICROS)
    pairs, which = np.unique(np.stack([codes, days]), axis=1, return_inverse=True)
    words = [_word(int(code), int(day)) for code, day in pairs.T]
    return pa.array(words, pa.string()).take(pa.array(which.reshape(-1)))


def _word(code: int, day: int) -> str | None:
    reading = Reading(code)
    if reading is Reading.ABSENT:
        return None
    word = reading.name.lower().replace("_", " ")
    if day == NO_DAY:
        return word
    return f"{word} ({np.datetime64(day, 'D')})"


def _ledger(evidence: Evidence, rows: npt.NDArray[np.int64]) -> pa.Array:
    if evidence.ledger is None:
        return pa.nulls(len(rows), pa.string())
    found, which = np.unique(evidence.ledger[rows], return_inverse=True)
    words = [
        ", ".join(word for bit, word in _BITS.items() if bits & bit) or None
        for bits in found.tolist()
    ]
    return pa.array(words, pa.string()).take(pa.array(which))
