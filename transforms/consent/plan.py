"""What the consent gate needs to know, worked out once per run."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...policies.model import Consent, EventTime, Policy, Requirement
from ...policies.reasons import Outcome, Rank, Reason
from ...policies.signals import SignalSpec, canonical_text

__all__ = ["FUTURE_SKEW_MICROS", "GatePlan"]

FUTURE_SKEW_MICROS = 5 * 60 * 1_000_000
"""How far after the run's start an event may lie: clocks differ."""


@dataclass(frozen=True)
class GatePlan:
    """The gate's settings: a frozen, picklable value.

    Attributes:
        event_time: how the time of an event is read.
        subject: columns that may name the data subject, in order of preference.
        event_id: column that names the record, or null.
        consent: signals, requirements, vetoes and age rule.
        as_of_micros: the instant the run speaks about, in microseconds UTC.
        subject_key: secret under which subjects become tokens.
        record_key: secret under which audit lines name records.
        reasons: every reason that this policy can give, strongest first. The position
            of a reason is its bit in a record's reason mask.
        audit_drops: write an audit line for every dropped record, not counts alone.
    """

    event_time: EventTime
    subject: tuple[str, ...]
    event_id: str | None
    consent: Consent
    as_of_micros: int
    subject_key: bytes = field(repr=False)
    record_key: bytes = field(repr=False)
    reasons: tuple[Reason, ...]
    audit_drops: bool = False

    @classmethod
    def from_policy(
        cls, policy: Policy, *, as_of_micros: int, subject_key: bytes, record_key: bytes
    ) -> GatePlan:
        """Read the gate's settings out of a policy.

        Raises:
            ValueError: the policy has more reasons than a 64-bit mask can hold.
        """
        reasons = cls.reasons_of(policy.consent)
        if len(reasons) > 63:
            message = (
                f"the policy can give {len(reasons)} different reasons; at most 63 "
                "fit. Name fewer signals in require: and veto:"
            )
            raise ValueError(message)
        return cls(
            event_time=policy.input.event_time,
            subject=policy.input.subject,
            event_id=policy.input.event_id,
            consent=policy.consent,
            as_of_micros=as_of_micros,
            subject_key=subject_key,
            record_key=record_key,
            reasons=reasons,
            audit_drops=policy.audit.drops == "per_record",
        )

    @staticmethod
    def reasons_of(consent: Consent) -> tuple[Reason, ...]:
        """List every reason that a policy can give, strongest first."""
        return _reasons_of(consent)

    def signal(self, name: str) -> SignalSpec:
        """Give the resolved signal `name`; a missing one is a programming error."""
        return self.consent.resolved[name]

    def bit(self, code: str) -> int:
        """Give the position of a reason code in the mask."""
        for position, reason in enumerate(self.reasons):
            if reason.code == code:
                return position
        raise KeyError(code)


def when_values(requirement: Requirement, column: str) -> tuple[str, ...]:
    """Give the values of a `when:` condition as canonical texts."""
    raw = requirement.when[column]
    values = raw if isinstance(raw, tuple) else (raw,)
    return tuple(text for text in map(canonical_text, values) if text is not None)


def veto_code(spec: SignalSpec) -> tuple[Rank, str]:
    """Give rank and code under which a veto drops a record."""
    if spec.verdict_reason == "MINOR":
        return Rank.MINOR, "MINOR"
    return Rank.VETO, f"VETO_{spec.name.upper()}"


def _reasons_of(consent: Consent) -> tuple[Reason, ...]:
    """List the reasons a policy can give, in the decision table's order.

    Within one row of the table the order is that of the policy's lists, which
    Python's stable sort keeps.
    """
    unknown: Outcome = "drop" if consent.on_unknown == "deny" else "quarantine"
    found = [
        Reason(Rank.NO_EVENT_TIME, "NO_EVENT_TIME", "quarantine"),
        Reason(Rank.NO_SUBJECT, "NO_SUBJECT", "quarantine"),
        Reason(Rank.FUTURE_EVENT, "FUTURE_EVENT", "quarantine"),
        Reason(Rank.MINOR, "MINOR"),
    ]
    if consent.minors is not None:
        found.append(Reason(Rank.AGE_UNKNOWN, "AGE_UNKNOWN", consent.minors.on_unknown))
    for name in consent.veto:
        spec = consent.resolved[name]
        found.append(Reason(*veto_code(spec)))
        found.append(
            Reason(Rank.UNKNOWN_VALUE, f"{name.upper()}_UNKNOWN_VALUE", unknown)
        )
        if spec.decoder:
            found.append(Reason(Rank.MALFORMED, f"{name.upper()}_MALFORMED"))
    for requirement in consent.require:
        found.extend(_required(consent.resolved[requirement.signal], unknown))
    found.append(Reason(Rank.CONFLICT, "CONFLICT"))
    found.append(Reason(Rank.PURPOSE_NOT_GRANTED, "PURPOSE_NOT_GRANTED"))
    by_code = {reason.code: reason for reason in reversed(found)}
    unique = [r for r in dict.fromkeys(found) if by_code[r.code] == r]
    return tuple(sorted(unique, key=lambda reason: reason.rank))


def _required(spec: SignalSpec, unknown: Outcome) -> list[Reason]:
    """List the reasons that a required signal can give."""
    upper = spec.name.upper()
    found = [
        Reason(Rank.MISSING, f"{upper}_MISSING", unknown),
        Reason(Rank.UNKNOWN_VALUE, f"{upper}_UNKNOWN_VALUE", unknown),
    ]
    if spec.decoder != "tcf_v2":
        found.append(Reason(Rank.DENIED, f"{upper}_DENIED"))
    else:
        found += [
            Reason(Rank.DENIED, f"{upper}_PURPOSE_DENIED"),
            Reason(Rank.DENIED, f"{upper}_VENDOR_DENIED"),
            Reason(Rank.MALFORMED, f"{upper}_OLD_POLICY"),
            Reason(Rank.MALFORMED, f"{upper}_VENDOR_NOT_DISCLOSED"),
        ]
    if spec.decoder:
        found.append(Reason(Rank.MALFORMED, f"{upper}_MALFORMED"))
    if spec.name == "att":
        found.append(Reason(Rank.ATT_RESTRICTED, "ATT_RESTRICTED"))
        found.append(Reason(Rank.ATT_NOT_DETERMINED, "ATT_NOT_DETERMINED"))
    return found
