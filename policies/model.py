"""The policy language: one frozen value that holds everything a run needs.

`load_policy` is the way to get one; it reports every error of a file with its line.
Times are UTC, durations carry their unit, secrets are references.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from .anonymity_bounds import bound_names
from .anonymity_subject import SubjectRule, links_people
from .anonymity_utility import Utility
from .columns import Column, JoinGroup, Key
from .consent import Consent
from .diversity import Sensitive
from .pii import Pii, Recognizer, RecognizerPattern
from .residual import Residual
from .signals import Frozen

__all__ = [
    "Anonymity",
    "Audit",
    "EventTime",
    "Expectations",
    "Input",
    "Output",
    "Pii",
    "Policy",
    "Quarantine",
    "Recognizer",
    "RecognizerPattern",
    "Residual",
    "Utility",
]


class EventTime(Frozen):
    """When an event happened: a column, or one instant for the whole input.

    Attributes:
        field: column that holds the time.
        unit: `s`, `ms`, `us` (numbers since 1970 UTC) or `iso8601` text.
        tz: IANA zone of naive `iso8601` text; without it a naive time is an ill-formed
            record (`NO_EVENT_TIME`).
        fixed: instant (with zone) that stands for every record of a log without times.
    """

    field: str | None = None
    unit: Literal["s", "ms", "us", "iso8601"] = "iso8601"
    tz: str | None = None
    fixed: datetime | None = None


class Input(Frozen):
    """Where records come from.

    Attributes:
        format: of every file below `path`.
        path: file, folder or glob, local or of a Beam file system.
        root: for nested records, the object all columns are relative to.
        event_time: when a record happened.
        event_id: column whose value names the record in the audit (as an HMAC).
        subject: columns that may name the data subject, in order of preference; the
            first that is present (and not all zero) is the subject.
    """

    format: Literal["jsonl", "csv", "parquet", "avro"]
    path: str
    root: str | None = None
    event_time: EventTime
    event_id: str | None = None
    subject: tuple[str, ...] = Field(min_length=1)


class Anonymity(Frozen):
    """k-anonymity of people.

    Attributes:
        k: fewest distinct data subjects that an equivalence class may cover, ≥ 2.
        quasi_identifiers: column names, or `from_columns`: those marked `quasi: true`.
        suppress_max: largest share of consented records that may be suppressed.
        recoding: `global`: one level per column holds for all records; `local`: every
            class has labels of its own, which loses less and gives more away to someone
            who knows the algorithm (`docs/decisions/0008-default-recoding.md`).
        effort: of `local`: most combinations of levels that are tried, ≥ 1.
        labels: of `local`: numbers and dates are published with labels of their
            `hierarchy` alone, or as the tight `ranges` of their classes, which lose
            less and give more away; with `sets`, categories as the sets of values of
            their classes besides.
        target: published column that models will be trained to predict: the choice
            generalises less what predicts it.
        sensitive: column → what every class must meet for that sensitive attribute.
        subject: whether rows of one person may be linked, and what is done then.
        contribution_cap: most records of one data subject that are published, ≥ 1, drawn
            by a keyed hash; all of them by default.
        utility: what the set must still be worth to be published.
        most_pairs: most distinct pairs of quasi-identifier tuple and person, k a tuple
            at most, that are held in memory at once, about 400 bytes each. Of more,
            `local` recoding makes buckets on disk; `global` refuses them.
    """

    k: int
    quasi_identifiers: Literal["from_columns"] | tuple[str, ...] = "from_columns"
    suppress_max: float = Field(default=0.05, ge=0, lt=1)
    recoding: Literal["global", "local"] = "global"
    effort: int = Field(default=2_000, ge=1, le=1_000_000)
    labels: Literal["hierarchy", "ranges", "sets"] = "hierarchy"
    target: str | None = None
    sensitive: dict[str, Sensitive] = Field(default_factory=dict)
    subject: SubjectRule = Field(default_factory=SubjectRule)
    contribution_cap: int | None = Field(default=None, ge=1)
    utility: Utility = Field(default_factory=Utility)
    most_pairs: int = Field(default=3_000_000, ge=1)


class Expectations(Frozen):
    """The user's Great Expectations suite that the staged set must meet.

    Attributes:
        suite: JSON or YAML file, relative to the policy file.
        on_failure: nothing is published.
    """

    suite: str
    on_failure: Literal["stop"] = "stop"


class Output(Frozen):
    """Where releases go: `path/<policy name>/v0001/part-00000.parquet …`."""

    path: str
    format: Literal["parquet"] = "parquet"
    publish: Literal["atomic"] = "atomic"


class Quarantine(Frozen):
    """Where raw ill-formed records are kept; nowhere unless a policy says so."""

    path: str


class Audit(Frozen):
    """Where a run's accounts go.

    Attributes:
        path: folder; each run writes below its run id.
        drops: one audit line per dropped record, or counts by code alone.
        record_key: how a record is named in an audit line; never the raw id.
    """

    path: str
    drops: Literal["per_record", "counts"] = "counts"
    record_key: Literal["hmac"] = "hmac"


class Policy(Frozen):
    """One data set, one purpose, and every rule between raw events and release.

    Attributes:
        version: of the policy language.
        name: of the data set; names the release folder and separates pseudonyms.
        purpose: Fides data-use key; exactly one.
        key: default secret of pseudonyms and audit HMACs.
        join_group: releases that name the same group may be joined on their direct
            identifiers; without one, no two releases can be.
        unlisted_columns: `drop` them silently by rule, or make them an error.
    """

    version: Literal[1]
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    description: str = ""
    purpose: str
    key: Key | None = None
    join_group: JoinGroup | None = None
    input: Input
    consent: Consent
    columns: tuple[Column, ...] = Field(min_length=1)
    unlisted_columns: Literal["drop", "error"] = "drop"
    pii: Pii | None = None
    residual: Residual = Field(default_factory=Residual)
    anonymity: Anonymity
    expectations: Expectations | None = None
    output: Output
    quarantine: Quarantine | None = None
    audit: Audit

    def column(self, name: str) -> Column:
        """Give the column called `name` (KeyError if the policy has none)."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def published_columns(self) -> tuple[Column, ...]:
        """Columns of the release, in policy order."""
        return tuple(column for column in self.columns if column.published)

    @property
    def bounded_columns(self) -> tuple[str, ...]:
        """Quasi-identifiers whose labels' bounds are published too, in policy order."""
        return tuple(
            name for name in self.quasi_identifiers if self.column(name).bounds
        )

    @property
    def release_columns(self) -> tuple[str, ...]:
        """Names of all columns of the release, in its order."""
        bounded = self.bounded_columns
        names: list[str] = []
        for column in self.published_columns:
            names.append(column.name)
            if column.name in bounded:
                names += bound_names(column.name)
        return tuple(names)

    @property
    def class_columns(self) -> tuple[str, ...]:
        """All columns of the release that tell of a class: labels, then their bounds."""
        bounds = (bound_names(name) for name in self.bounded_columns)
        return (*self.quasi_identifiers, *(name for pair in bounds for name in pair))

    @property
    def linking_columns(self) -> tuple[str, ...]:
        """Published columns whose values link the rows of a person, in policy order."""
        return tuple(
            column.name
            for column in self.published_columns
            if links_people(column, self.input.subject)
            and column.name not in self.quasi_identifiers
        )

    @property
    def shared_identifiers(self) -> tuple[str, ...]:
        """Linking columns whose values stand for one identifier each.

        Surrogates of `fake` do not: two identifiers may have the same.
        """
        return tuple(
            name for name in self.linking_columns if self.column(name).action != "fake"
        )

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Names of the quasi-identifiers, in policy order of the columns."""
        named = self.anonymity.quasi_identifiers
        return tuple(
            column.name
            for column in self.columns
            if (column.quasi if named == "from_columns" else column.name in named)
        )
