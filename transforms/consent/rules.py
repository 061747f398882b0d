"""Holds records against `require:`, `veto:`, `rules:` and the ledger.

Of the policy's rules the first that matches a record applies to it, beside the entries
that hold for every record. Where nobody can tell which rule it is, all that may be it
apply: the strictest answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.consent import LEDGER, Requirement, Rule, Veto, as_vetoes
from ...policies.errors import OptinError
from .conditions import Conditions, first_match
from .ledger import verdicts
from .ledger.durations import Duration
from .plan import GatePlan, veto_code
from .questions import Question, Questions
from .readings import NO_DAY, Reading, SignalReading
from .strings_reader import DAY_MICROS
from .tally import Tally
from .view import BlockView, Mask

__all__ = ["Evidence", "Rules"]

Micros = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]

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
_LEDGER_DENIALS = {
    verdicts.ERASED: "ERASED",
    verdicts.WITHDRAWN: "WITHDRAWN",
    verdicts.WITHDRAWN_THEN: "WITHDRAWN_THEN",
}
_DENIALS = (
    Reading.DENY,
    Reading.RESTRICTED,
    Reading.NOT_DETERMINED,
    Reading.PURPOSE_DENIED,
    Reading.VENDOR_DENIED,
)


@dataclass(frozen=True)
class Evidence:
    """What was read of a block's records, for their audit lines.

    Attributes:
        readings: label of a question → reading.
        ledger: bits of `ledger.verdicts`, null where no ledger was asked.
    """

    readings: Mapping[str, SignalReading]
    ledger: Bits | None


@dataclass(frozen=True)
class _Asked:
    """One entry of `require:` (no question: the ledger) or of `veto:`."""

    entry: Requirement | Veto
    question: Question | None
    max_age: Duration | None = None


@dataclass(frozen=True)
class _RuleSet:
    rule: Rule
    require: tuple[_Asked, ...]
    veto: tuple[_Asked, ...]


class Rules:
    """The rules of one policy, ready to be held against blocks."""

    def __init__(self, plan: GatePlan) -> None:
        if plan.consent.ledger is not None and not plan.ledger and not plan.no_ledger:
            message = "the policy has a ledger, and the gate was given none"
            raise OptinError(message)
        self._plan = plan
        self._consent = plan.consent
        self._conditions = Conditions(plan.consent)
        self._questions = Questions()
        self._sets = tuple(self._rule_set(rule) for rule in plan.consent.rule_sets())

    @property
    def questions(self) -> tuple[Question, ...]:
        """Every question that a record may be asked."""
        return self._questions.all

    def _rule_set(self, rule: Rule) -> _RuleSet:
        resolved = self._consent.resolved
        vetoes = [
            _Asked(entry, self._questions.veto(resolved[entry.signal], ()))
            for entry in as_vetoes(rule.veto)
        ]
        if rule.veto_gpp:
            gpp = next(s for s in resolved.values() if s.decoder == "gpp")
            question = self._questions.veto(gpp, rule.veto_gpp)
            vetoes.append(_Asked(Veto(signal=gpp.name), question))
        required = []
        for entry in rule.require:
            asked = None
            if entry.signal != LEDGER:
                spec = resolved[entry.signal]
                asked = self._questions.require(spec, entry, rule)
            age = Duration.parse(entry.max_age) if entry.max_age else None
            required.append(_Asked(entry, asked, age))
        return _RuleSet(rule, tuple(required), tuple(vetoes))

    def apply(
        self,
        block: pa.RecordBatch,
        view: BlockView,
        times: Micros,
        timed: Mask,
        tally: Tally,
    ) -> Evidence:
        """Give every record of a block its reasons; return what was read."""
        pass_ = _Pass(self._plan, self._conditions, block, view, times, timed, tally)
        base, *rules = self._sets
        pass_.ledger_denials()
        before = tally.masks.copy()
        pass_.hold(base, None)
        whens = tuple(each.rule.when for each in rules)
        masks, unsure = first_match(self._conditions, view, whens)
        for each, rows in zip(rules, masks, strict=True):
            pass_.hold(each, rows)
        tally.add("PURPOSE_NOT_GRANTED", ~pass_.asked)
        nowhere = self._conditions.unknown_country(view)
        if nowhere is not None:
            unsure |= nowhere
        if unsure.any():
            tally.add("JURISDICTION_UNKNOWN", unsure & (tally.masks != before))
        return Evidence(pass_.readings, pass_.ledger_bits.get(None))


class _Pass:
    """One block held against the rules."""

    def __init__(
        self,
        plan: GatePlan,
        conditions: Conditions,
        block: pa.RecordBatch,
        view: BlockView,
        times: Micros,
        timed: Mask,
        tally: Tally,
    ) -> None:
        self._plan = plan
        self._conditions = conditions
        self._block = block
        self._view = view
        self._times = times
        self._timed = timed
        self._tally = tally
        self.ledger_bits: dict[str | None, Bits] = {}
        self.readings: dict[str, SignalReading] = {}
        self.asked = np.zeros(view.rows, dtype=np.bool_)

    def ledger_denials(self) -> None:
        """Apply erasures and withdrawals, which no entry needs to ask for."""
        if not self._plan.ledger:  # none, or one that may be missing and is
            return
        bits = self._ledger_bits(None)
        for bit, code in _LEDGER_DENIALS.items():
            rows = _has(bits, bit)
            if bit == verdicts.WITHDRAWN_THEN:
                rows &= self._timed
            self._tally.add(code, rows)

    def hold(self, rules: _RuleSet, rows: Mask | None) -> None:
        """Hold the records of `rows` (null: all) against one set of entries."""
        for asked in rules.veto:
            if asked.question is not None:
                self._veto(asked.question, self._applies(asked.entry, rows))
        for asked in rules.require:
            applies = self._applies(asked.entry, rows)
            if applies is None:
                self.asked[:] = True
            else:
                self.asked |= applies
            if asked.question is None:
                self._require_ledger(asked, applies)
            else:
                self._require(asked.question, asked.max_age, applies)

    def _applies(self, entry: Requirement | Veto, rows: Mask | None) -> Mask | None:
        where = self._conditions.where(self._view, entry.when)
        if where is None:
            return rows
        return where.applies if rows is None else rows & where.applies

    def _read(self, question: Question) -> SignalReading:
        if question.label not in self.readings:
            self.readings[question.label] = question.read(self._view)
        return self.readings[question.label]

    def _add(self, code: str, applies: Mask | None, rows: Mask) -> None:
        self._tally.add(code, rows if applies is None else applies & rows)

    def _veto(self, question: Question, applies: Mask | None) -> None:
        """Apply a veto: a denial drops, and so does a value that nobody can read."""
        spec, reading = question.spec, self._read(question)
        name = spec.name.upper()
        there = _present(reading)
        if there & {*_DENIALS}:
            self._add(veto_code(spec)[1], applies, reading.is_(*_DENIALS))
        if Reading.MINOR in there:
            self._add("MINOR", applies, reading.is_(Reading.MINOR))
        if Reading.UNLISTED in there:
            self._add(f"{name}_UNKNOWN_VALUE", applies, reading.is_(Reading.UNLISTED))
        if Reading.MALFORMED in there:
            self._add(f"{name}_MALFORMED", applies, reading.is_(Reading.MALFORMED))
        self._add("CONFLICT", applies, reading.conflict)

    def _require(
        self, question: Question, max_age: Duration | None, applies: Mask | None
    ) -> None:
        """Apply a requirement: whatever is no grant drops, each under its code."""
        spec, reading = question.spec, self._read(question)
        self._add("CONFLICT", applies, reading.conflict)
        there = _present(reading)
        for outcome, ending in _REQUIRED_CODES.items():
            if outcome in there:
                code = f"{spec.name.upper()}_{ending}"
                self._add(code, applies, reading.is_(outcome))
        if Reading.MINOR in there:
            self._add("MINOR", applies, reading.is_(Reading.MINOR))
        if spec.dated and Reading.GRANT in there:
            self._judge_times(reading, max_age, applies)

    def _judge_times(
        self, reading: SignalReading, max_age: Duration | None, applies: Mask | None
    ) -> None:
        """Drop grants that came after the event, or long before it.

        Times of a whole day, as in TC strings, are compared by day where the question
        is which came first. A grant whose age nobody knows is older than any limit.
        """
        decided = reading.decided
        if decided is None:
            return
        granted = reading.is_(Reading.GRANT) & self._timed
        events = self._times
        if decided.by_day:
            events = events // DAY_MICROS * DAY_MICROS
        after = granted & (decided.latest > events)
        self._add("CONSENT_AFTER_EVENT", applies, after)
        if max_age is None:
            return
        known = decided.earliest != NO_DAY
        ends = max_age.after(np.where(known, decided.earliest, 0))
        self._add("EXPIRED", applies, granted & (~known | (self._times > ends)))

    def _require_ledger(self, asked: _Asked, applies: Mask | None) -> None:
        """Ask the ledger for a grant as of event time."""
        age = asked.max_age
        bits = self._ledger_bits(None if age is None else str(age))
        expired = _has(bits, verdicts.EXPIRED)
        after = _has(bits, verdicts.AFTER)
        granted = _has(bits, verdicts.GRANTED)
        other = _has(bits, verdicts.OTHER_PURPOSE)
        nothing = ~(expired | after | granted)
        # Without an event time nobody knows which grant was current.
        self._add("EXPIRED", applies, expired & self._timed)
        self._add("CONSENT_AFTER_EVENT", applies, after & self._timed)
        self._add("PURPOSE_NOT_GRANTED", applies, nothing & other)
        self._add("LEDGER_MISSING", applies, nothing & ~other)

    def _ledger_bits(self, age: str | None) -> Bits:
        if age not in self.ledger_bits:
            if self._plan.ledger:
                source = self._plan.ledger[age]
                self.ledger_bits[age] = source.bits(self._block, self._times)
            else:  # not required and not there: nobody is in it
                self.ledger_bits[age] = np.zeros(self._view.rows, dtype=np.uint8)
        return self.ledger_bits[age]


def _has(bits: Bits, bit: int) -> Mask:
    found: Mask = (bits & np.uint8(bit)) != 0
    return found


def _present(reading: SignalReading) -> set[Reading]:
    """List the readings that occur in a block at all."""
    seen = np.zeros(len(Reading), dtype=np.bool_)
    seen[reading.readings] = True
    return {Reading(int(number)) for number in np.flatnonzero(seen)}
