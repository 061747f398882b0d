"""The policy language of `consent:`: whose decisions count, and which.

Part of `Policy`; see `model`. Times are UTC and durations carry their unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from .signals import Decoder, Frozen, Scalar, SignalSpec, TimeUnit

__all__ = [
    "LEDGER",
    "Bias",
    "Consent",
    "Jurisdiction",
    "Ledger",
    "LedgerTime",
    "Minors",
    "Requirement",
    "Rule",
    "SignalTime",
    "UserSignal",
    "Veto",
    "When",
]

LEDGER = "ledger"
"""Name under which `require:` asks for a grant of the ledger."""

When = dict[str, Scalar | tuple[Scalar, ...]]
Disclosed = bool | Literal["auto"]


class Requirement(Frozen):
    """One entry of `require:`: a signal that must be a grant.

    Attributes:
        signal: its name: of the profile, of `signals:`, defined here by `field`, or
            `ledger`.
        when: column → values; where it does not hold the entry asks nothing.
        field: defines a signal of the user's own at this column.
        grant: values of `field` that grant.
        deny: values of `field` that deny.
        purposes: TCF purposes, 1 to 11.
        vendor: Global Vendor List id.
        legal_basis: TCF legal basis that counts.
        require_disclosed_vendor: whether the TC string must list the vendor as shown to
            the user; `auto`: from TCF policy 5 and 2026-02-28 on.
        reject_policy_below: oldest TCF policy version that counts.
        categories: categories or ids that must all be allowed.
        max_age: oldest grant accepted, such as `13mo`, `90d`.
    """

    signal: str
    when: When = Field(default_factory=dict)
    field: str | None = None
    grant: tuple[Scalar, ...] = ()
    deny: tuple[Scalar, ...] = ()
    purposes: tuple[int, ...] = ()
    vendor: int | None = None
    legal_basis: Literal["consent"] = "consent"
    require_disclosed_vendor: Disclosed | None = None
    reject_policy_below: int | None = Field(default=None, ge=1, le=63)
    categories: tuple[str, ...] = ()
    max_age: str | None = None


class Veto(Frozen):
    """One entry of `veto:` that depends on a condition."""

    signal: str
    when: When = Field(default_factory=dict)


class SignalTime(Frozen):
    """When the user decided: a column, and how times are written there."""

    field: str | tuple[str, ...]
    unit: TimeUnit = "iso8601"


class UserSignal(Frozen):
    """One entry of `signals:`: a signal of the user's own.

    Attributes:
        field: columns that may carry it.
        grant: values that grant.
        deny: values that deny.
        neutral: values that are known and do neither, such as 0 of a veto.
        case: whether letters must match exactly.
        decoder: format of a consent string, in place of values.
        sections: for `gpp`, columns that list the sections that apply.
        time: when the user decided.
    """

    field: str | tuple[str, ...]
    grant: tuple[Scalar, ...] = ()
    deny: tuple[Scalar, ...] = ()
    neutral: tuple[Scalar, ...] = ()
    case: Literal["exact", "lower"] = "exact"
    decoder: Decoder | None = None
    sections: str | tuple[str, ...] | None = None
    time: SignalTime | None = None


class Minors(Frozen):
    """Age rule: records of people under `min_age` are dropped as `MINOR`.

    Attributes:
        field: column with the birth year or the age.
        kind: what `field` holds; a birth year counts as the youngest possible age.
        min_age: in years.
        on_unknown: what happens where the age is not known (`AGE_UNKNOWN`).
    """

    field: str
    kind: Literal["birth_year", "age_years"]
    min_age: int = Field(ge=1, le=120)
    on_unknown: Literal["drop", "quarantine"] = "drop"


class Jurisdiction(Frozen):
    """Where the law of a record is read from.

    Attributes:
        field: column with a country: ISO 3166 code of two or three letters, or its
            English name.
        on_unknown: `strictest`: where no country can be told, every rule applies.
    """

    field: str
    on_unknown: Literal["strictest"] = "strictest"


class Rule(Frozen):
    """One entry of `rules:`; of all rules the first that matches a record applies.

    Attributes:
        name: for messages.
        when: column → values, country sets among them; none matches every record.
        require: as in `consent:`, for records of this rule, besides those.
        veto: likewise.
        veto_gpp: fields of GPP's US sections whose opt-out drops the record.
        require_disclosed_vendor: default for the rule's TCF entries.
        reject_policy_below: default for the rule's TCF entries.
    """

    name: str
    when: When = Field(default_factory=dict)
    require: tuple[Requirement, ...] = ()
    veto: tuple[str | Veto, ...] = ()
    veto_gpp: tuple[str, ...] = ()
    require_disclosed_vendor: Disclosed | None = None
    reject_policy_below: int | None = Field(default=None, ge=1, le=63)


class LedgerTime(Frozen):
    """When a decision of the ledger was made."""

    field: str
    unit: TimeUnit = "iso8601"
    tz: str | None = None


class Ledger(Frozen):
    """Decisions that people made elsewhere or later: grants, withdrawals, erasures.

    Attributes:
        path: file, folder or glob, local or of a Beam file system.
        format: of every file; told from the suffix of `path` if it has one.
        key: record columns that name the subject there too, or record column → column
            of the ledger.
        decision: column of `grant`, `withdraw` or `erase`.
        purpose: column of the purpose that was decided on.
        time: when.
        expires: column of the instant a grant ends at; `expires` by default, which
            need not exist.
        as_of: until when decisions count: the run's instant, or one of your own.
        lateness: how old the newest decision may be; an older ledger is stale.
        required: a missing, empty or stale ledger stops the run.
        join: `broadcast` hands the ledger to every worker, `sharded` shuffles it.
    """

    path: str
    format: Literal["jsonl", "csv", "parquet"] | None = None
    key: str | tuple[str, ...] | dict[str, str]
    decision: str = "decision"
    purpose: str = "purpose"
    time: LedgerTime
    expires: str | None = None
    as_of: Literal["run_start"] | datetime = "run_start"
    lateness: str | None = None
    required: bool = True
    join: Literal["auto", "broadcast", "sharded"] = "auto"

    @property
    def keys(self) -> dict[str, str]:
        """Record column → column of the ledger."""
        if isinstance(self.key, dict):
            return self.key
        names = (self.key,) if isinstance(self.key, str) else self.key
        return {name: name for name in names}


class Bias(Frozen):
    """The consent-bias report: who disappears when non-consenters go.

    Attributes:
        by: columns that group records; days are always reported.
        min_records: smaller groups are pooled.
    """

    by: tuple[str, ...] = ()
    min_records: int = Field(default=20, ge=2)


class Consent(Frozen):
    """Which decisions let a record pass.

    Attributes:
        profile: consent profile that says where the feed's signals sit: a shipped one
            or a file of the user's.
        on_unknown: what happens to a record without a decision; never "allow".
        signals: signals of the user's own.
        require: every entry that applies must be a grant, and one must apply.
        veto: signals any denial of which drops the record.
        veto_gpp: as in a rule.
        minors: age rule.
        jurisdiction: where the law of a record is read from.
        rules: further entries by jurisdiction.
        ledger: later decisions.
        bias: the consent-bias report.
        resolved: all signals that `require` and `veto` name, by name (filled by the
            loader from profile, `signals:` and inline definitions).
        also: column → columns that hold the same in other versions of the feed, which
            conditions look at too (filled by the loader from the profile).
    """

    profile: str | None = None
    on_unknown: Literal["deny", "quarantine"] = "deny"
    signals: dict[str, UserSignal] = Field(default_factory=dict)
    require: tuple[Requirement, ...] = ()
    veto: tuple[str | Veto, ...] = ()
    veto_gpp: tuple[str, ...] = ()
    minors: Minors | None = None
    jurisdiction: Jurisdiction | None = None
    rules: tuple[Rule, ...] = ()
    ledger: Ledger | None = None
    bias: Bias = Field(default_factory=Bias)
    resolved: dict[str, SignalSpec] = Field(default_factory=dict, exclude=True)
    also: dict[str, tuple[str, ...]] = Field(default_factory=dict, exclude=True)

    def rule_sets(self) -> tuple[Rule, ...]:
        """Give the entries that hold for every record as a rule, then the rules."""
        base = Rule(
            name="", require=self.require, veto=self.veto, veto_gpp=self.veto_gpp
        )
        return (base, *self.rules)

    def requirements(self) -> Iterator[Requirement]:
        """Give every requirement, those of rules included."""
        for rule in self.rule_sets():
            yield from rule.require

    def vetoes(self) -> Iterator[Veto]:
        """Give every veto, those of rules included."""
        for rule in self.rule_sets():
            yield from as_vetoes(rule.veto)

    def condition_columns(self) -> tuple[str, ...]:
        """Columns that conditions name, each once; see `positions`."""
        conditions = [rule.when for rule in self.rules]
        conditions += [entry.when for entry in self.requirements()]
        conditions += [entry.when for entry in self.vetoes()]
        names = [name for when in conditions for name in when if name != GPP_SECTION]
        if self.jurisdiction is not None:
            names.append(self.jurisdiction.field)
        return tuple(dict.fromkeys(names))

    def positions(self, column: str) -> tuple[str, ...]:
        """Give a column of a condition with those that hold the same."""
        return (column, *self.also.get(column, ()))

    def signal_columns(self) -> tuple[str, ...]:
        """All columns that the signals need, each once."""
        names: list[str] = []
        for entry in self.requirements():
            if entry.signal != LEDGER:
                names += self.resolved[entry.signal].columns(entry.categories)
        for spec in self.resolved.values():
            if not spec.by_category:
                names += spec.columns()
        return tuple(dict.fromkeys(names))


GPP_SECTION = "gpp_section"
"""Key of a `when:` that asks for sections of the record's GPP string."""


def as_vetoes(entries: tuple[str | Veto, ...]) -> tuple[Veto, ...]:
    """Give entries of `veto:` in their long form."""
    return tuple(
        Veto(signal=entry) if isinstance(entry, str) else entry for entry in entries
    )
