"""What reading and joining the ledger needs to know, worked out once per run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ....policies.model import EventTime
from ...blocks.spec import ReadSpec, Unit
from .durations import Duration
from .keys import HashKeys

__all__ = ["LedgerPlan"]


@dataclass(frozen=True)
class LedgerPlan:
    """The ledger's settings: a frozen, picklable value.

    Attributes:
        format: of every file.
        path: file, folder or glob, local or of a file system that Beam knows.
        keys: pairs of record column and ledger column that name the same person.
        purpose: the policy's purpose, a Fides key.
        hash_keys: secrets under which people are named in the files of the join.
        time_field: ledger column of the decision's time.
        time_unit: how times are written.
        time_tz: zone of times without one, or null: such a time is an error.
        decision_field: ledger column of the word grant, withdraw or erase.
        purpose_field: ledger column of the purpose.
        expires_field: ledger column of a grant's end, in `time_unit`; need not exist
            unless `expires_required`.
        expires_required: the policy names the column, so somebody must have one.
        lateness: how old the newest decision may be, or null: any age.
        required: an empty or stale ledger is an error, not a warning.
        join: how to join; `auto` decides by size.
    """

    format: Literal["jsonl", "csv", "parquet"]
    path: str
    keys: tuple[tuple[str, str], ...]
    purpose: str
    hash_keys: HashKeys = field(repr=False)
    time_field: str
    time_unit: Unit = "iso8601"
    time_tz: str | None = None
    decision_field: str = "decision"
    purpose_field: str = "purpose"
    expires_field: str = "expires"
    expires_required: bool = False
    lateness: Duration | None = None
    required: bool = True
    join: Literal["auto", "broadcast", "sharded"] = "auto"

    @property
    def record_columns(self) -> tuple[str, ...]:
        """Columns of a record that are looked up, in policy order."""
        return tuple(record for record, _ in self.keys)

    @property
    def read_spec(self) -> ReadSpec:
        """Tell the readers which columns to read, all as canonical text."""
        names = [ledger for _, ledger in self.keys]
        names += [self.decision_field, self.purpose_field]
        names += [self.time_field, self.expires_field]
        return ReadSpec(
            format=self.format,
            path=self.path,
            raw=tuple(dict.fromkeys(names)),
            event_time=self.time_field,
            event_time_unit=self.time_unit,
        )

    def time_of(self, name: str) -> EventTime:
        """Tell how the times of ledger column `name` are read."""
        return EventTime(field=name, unit=self.time_unit, tz=self.time_tz)
