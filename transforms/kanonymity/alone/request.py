"""What somebody who works alone asks for: by arguments, a plan, or a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from ....policies.alone import read_alone
from ....policies.anonymity_utility import Utility
from ....policies.arguments import check_arguments
from ....policies.diversity import Sensitive
from ....policies.errors import InputError, OptinError
from ....policies.model import Policy
from ...blocks.names import SUBJECT, SYSTEM_PREFIX
from ...blocks.spec import ReadColumn
from ...blocks.tables import find_column, find_type, is_nested
from ..ladders.ladder import Ladder, build_ladder
from ..local import DEFAULT_EFFORT
from ..plan import AnonymityPlan
from ..recoding.full_domain import Recoding
from ..routing import MOST_PAIRS
from ..withhold import withhold_classes
from .fitting import (
    fitted,
    is_number,
    lacking_message,
    plain_text,
    read_as,
    refuse_decimal_bounds,
    refuse_nested,
    refuse_type,
)

__all__ = ["QuasiIdentifiers", "Request", "ask"]

QuasiIdentifiers = Mapping[str, Any] | Sequence[str | Ladder]

_DEFAULTS = (0.05, "global", DEFAULT_EFFORT, "hierarchy")


@dataclass(frozen=True)
class Request:
    """Everything that is needed to work on data as they come; picklable.

    Attributes:
        plan: how the columns are generalised.
        subject: columns that may name the data subject; the first that does counts.
        sensitive: attribute → what every class must meet.
        loose: quasi-identifiers that are an axis where the data holds numbers.
        reads: of a policy: quasi-identifier → the type that it is read as.
        kept: of a policy: the columns that come out, in order; null: all but `subject`.
        root: of a policy: object that all columns are relative to.
    """

    plan: AnonymityPlan
    subject: tuple[str, ...]
    sensitive: Mapping[str, Sensitive] = field(default_factory=dict)
    loose: frozenset[str] = frozenset()
    reads: Mapping[str, ReadColumn] | None = None
    kept: tuple[str, ...] | None = None
    root: str | None = None

    @property
    def quasi(self) -> tuple[str, ...]:
        """Names of the columns that are generalised."""
        return self.plan.quasi_identifiers

    @property
    def required(self) -> tuple[str, ...]:
        """Full paths of the columns that must be there, those of the subject aside."""
        names = dict.fromkeys((*(self.kept or ()), *self.quasi, *self.sensitive))
        return tuple(self.full(name) for name in names)

    @property
    def who(self) -> tuple[str, ...]:
        """Full paths of what may name the data subject."""
        return tuple(self.full(name) for name in self.subject)

    def full(self, name: str) -> str:
        """Give the full path of a column."""
        return name if self.root is None else f"{self.root}.{name}"

    def nobody(self, who: Sequence[str]) -> list[str]:
        """Name what is missing of what may name the data subject.

        Of a policy one is enough; all that a caller names must be there, lest one come out.
        """
        absent = [name for name in self.who if name not in who]
        if self.reads is None or not absent:
            return absent
        return [] if who else [" or ".join(absent)]

    def check(self, schema: pa.Schema) -> None:
        """Hold the columns of data to the request, before any value is looked at.

        Raises:
            InputError: columns are missing, doubled, or of another kind than their
                hierarchy is for.
        """
        lacking = [name for name in self.required if self._kind(schema, name) is None]
        who = [name for name in self.who if self._kind(schema, name) is not None]
        lacking += self.nobody(who)
        if lacking:
            raise InputError(lacking_message(lacking, schema.names))
        shown = schema.names if self.kept is None else ()  # null: all come out
        tops = {name.split(".")[0] for name in (*self.required, *who)} | {*shown}
        doubled = sorted(n for n in tops if schema.names.count(n) > 1)
        if doubled:
            message = f"there is more than one column {', '.join(doubled)}; keep one"
            raise InputError(message)
        ours = [name for name in schema.names if name.startswith(SYSTEM_PREFIX)]
        if ours:
            message = (
                f"names that start with {SYSTEM_PREFIX!r} are ours; rename {ours[0]!r}"
            )
            raise InputError(message)
        for name in who:
            kind = self._kind(schema, name)
            if is_nested(kind):
                message = (
                    f"column {name!r} holds {kind}, which names nobody; give one that "
                    "holds text or whole numbers"
                )
                raise InputError(message)
        for name in self.sensitive:
            refuse_nested(
                "sensitive attribute", name, self._kind(schema, self.full(name))
            )
        for ladder in self.plan.ladders:
            kind = self._kind(schema, self.full(ladder.column))
            if self.reads is None:
                refuse_type(ladder, kind)
                if ladder.column in self.plan.bounds:
                    refuse_decimal_bounds(ladder.column, kind)
            elif is_nested(kind):
                message = (
                    f"column {ladder.column!r} holds {kind}, which cannot be "
                    "generalised; name a field of it"
                )
                raise InputError(message)

    def columns_of(
        self, batch: pa.RecordBatch, *, counted: bool = False
    ) -> dict[str, pa.Array]:
        """Give the columns that come out, quasi-identifiers in one form for all data.

        Args:
            batch: the records.
            counted: of a policy: those alone that something is counted by.

        Raises:
            InputError: of a policy: values that do not read as their column's type.
        """
        if self.reads is None:
            quasi = set(self.quasi)
            return {
                name: fitted(column, name) if name in quasi else plain_text(column)
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
                if name not in self.subject
            }
        columns = {}
        names = (*self.quasi, *self.sensitive) if counted else self.kept or ()
        for name in names:
            column = find_column(batch, self.full(name))
            read = self.reads.get(name)
            columns[name] = (
                plain_text(column) if read is None else read_as(column, read)
            )
        return columns

    def choose(
        self,
        histogram: pa.Table,
        triples: Mapping[str, pa.Table],
        targets: pa.Table | None = None,
    ) -> Recoding:
        """Choose the recoding on what was counted.

        Args:
            histogram: the k-capped histogram.
            triples: sensitive attribute → distinct (tuple, value, person).
            targets: records by tuple and value of the training target.

        Raises:
            GateError: k, or a rule, is out of reach.
        """
        recoding = self.typed(histogram.schema).choose(histogram, targets)
        return self.withheld(recoding, histogram, triples)

    def withheld(
        self, recoding: Recoding, histogram: pa.Table, triples: Mapping[str, pa.Table]
    ) -> Recoding:
        """Take classes that break a rule out of a recoding; see `withhold_classes`."""
        if not self.sensitive:
            return recoding
        most, plan = self.plan.suppress_max, self.typed(histogram.schema)
        rules = self.sensitive
        return withhold_classes(recoding, histogram, triples, rules, most, plan)

    def typed(self, schema: pa.Schema) -> AnonymityPlan:
        """Make columns of numbers an axis, where nobody said what they are."""
        if not self.loose:
            return self.plan
        ladders = tuple(
            replace(ladder, kind="interval")
            if ladder.column in self.loose
            and is_number(schema.field(ladder.column).type)
            else ladder
            for ladder in self.plan.ladders
        )
        return replace(self.plan, ladders=ladders)

    def _kind(self, schema: pa.Schema, name: str) -> pa.DataType | None:
        if self.reads is not None:
            return find_type(schema, name)
        index = schema.names.index(name) if name in schema.names else -1
        return schema.types[index] if index >= 0 else None


def ask(
    policy: AnonymityPlan | Policy | str | Path | None,
    *,
    subject: str | Sequence[str] | None = None,
    quasi_identifiers: QuasiIdentifiers | None = None,
    k: int | None = None,
    suppress_max: float = 0.05,
    recoding: str = "global",
    effort: int = DEFAULT_EFFORT,
    labels: str = "hierarchy",
    sensitive: Mapping[str, Sensitive | Mapping[str, Any]] | None = None,
    utility: Utility | Mapping[str, Any] | None = None,
    most_pairs: int = MOST_PAIRS,
) -> Request:
    """Make a request of whatever a caller gives; see `kanonymize`.

    Raises:
        OptinError: the arguments do not go together, or one is wrong.
        PolicyError: the policy has errors, or asks for what is not done alone.
    """
    given = [
        name
        for name, value in (
            ("subject", subject),
            ("quasi_identifiers", quasi_identifiers),
            ("k", k),
        )
        if value is not None
    ]
    if policy is not None:
        given += [
            name
            for name, value in (("sensitive", sensitive), ("utility", utility))
            if value
        ]
        if (suppress_max, recoding, effort, labels) != _DEFAULTS:
            given.append("suppress_max, recoding, effort and labels")
        return _of_policy(policy, given)
    if len(given) < 3:
        lacking = [n for n in ("subject", "quasi_identifiers", "k") if n not in given]
        message = (
            "give a policy, or all of subject, quasi_identifiers and k; missing: "
            f"{', '.join(lacking)}"
        )
        raise OptinError(message)
    who = (subject,) if isinstance(subject, str) else tuple(subject or ())
    if not who:
        msg = "subject is empty; name the column that says who a record is about"
        raise OptinError(msg)
    made, plain = _ladders(quasi_identifiers or ())
    rules = {
        name: rule.model_dump(exclude_defaults=True)
        if isinstance(rule, Sensitive)
        else rule
        for name, rule in (sensitive or {}).items()
    }
    anonymity: dict[str, Any] = {
        "k": k,
        "suppress_max": suppress_max,
        "recoding": recoding,
        "most_pairs": most_pairs,
    }
    if utility is not None:
        gates = utility
        if isinstance(utility, Utility):
            gates = utility.model_dump(exclude_none=True)
        anonymity["utility"] = gates
    if recoding == "local":
        anonymity |= {"effort": effort, "labels": labels}
    elif effort != DEFAULT_EFFORT or labels != "hierarchy":
        msg = "effort and labels are for recoding='local' and do nothing here"
        raise OptinError(msg)
    # Ladders that the caller built have been checked where they were built.
    checked = check_arguments(plain, anonymity | {"sensitive": rules})
    built = {
        column.name: build_ladder(column) for column in checked.columns if column.quasi
    } | {ladder.column: ladder for ladder in made}
    loose = frozenset(
        column.name
        for column in checked.columns
        if column.quasi and column.hierarchy is None and plain[column.name] is None
    )
    order = list(plain)
    both = sorted({*who} & {*order})
    if both:
        message = (
            f"{both[0]!r} is the subject and a quasi-identifier; the subject's column "
            "does not come out, so it is one or the other"
        )
        raise OptinError(message)
    hidden = sorted({*who} & {*rules})
    if hidden:
        message = f"{hidden[0]!r} is the subject and a sensitive attribute; it is one or the other"
        raise OptinError(message)
    settings = checked.anonymity
    plan = AnonymityPlan(
        subject=who[0],
        ladders=tuple(built[name] for name in order),
        k=settings.k,
        suppress_max=settings.suppress_max,
        local=settings.recoding == "local",
        effort=settings.effort,
        ranges=settings.labels in {"ranges", "sets"},
        sets=settings.labels == "sets",
        utility=settings.utility,
        most_pairs=settings.most_pairs,
        bounds=tuple(column.name for column in checked.columns if column.bounds),
    )
    return Request(
        plan, who, settings.sensitive, loose - {ladder.column for ladder in made}
    )


def _ladders(given: QuasiIdentifiers) -> tuple[list[Ladder], dict[str, Any]]:
    """Split quasi-identifiers in ladders that are built and settings to be checked."""
    if isinstance(given, str):
        given = [given]
    entries: list[tuple[str, Any]] = (
        list(given.items())
        if isinstance(given, Mapping)
        else [
            (one.column, one) if isinstance(one, Ladder) else (one, None)
            for one in given
        ]
    )
    plain: dict[str, Any] = {}
    made = []
    for name, value in entries:
        if name in plain:
            msg = f"quasi-identifier {name!r} is listed twice"
            raise OptinError(msg)
        if isinstance(value, Ladder):
            made.append(value if value.column == name else replace(value, column=name))
        plain[name] = None if isinstance(value, Ladder) else value
    return made, plain


def _of_policy(
    policy: AnonymityPlan | Policy | str | Path, given: Sequence[str]
) -> Request:
    if given:
        message = f"a policy or a plan says it all; take out {', '.join(given)}"
        raise OptinError(message)
    if isinstance(policy, AnonymityPlan):
        who = () if policy.subject == SUBJECT else (policy.subject,)
        if not who:
            message = (
                "the plan of a run counts by optin:subject; name a column of the data as "
                "its subject"
            )
            raise OptinError(message)
        if policy.subject in policy.quasi_identifiers:
            message = (
                f"{policy.subject!r} is the plan's subject and a quasi-identifier; the "
                "subject's column does not come out, so it is one or the other"
            )
            raise OptinError(message)
        return Request(policy, who)
    loaded = read_alone(policy)
    quasi = set(loaded.quasi_identifiers)
    columns = [
        c for c in loaded.published_columns if c.name in quasi or c.action == "keep"
    ]
    plan = AnonymityPlan.from_policy(loaded)
    return Request(
        plan=replace(plan, subject=loaded.input.subject[0]),
        subject=loaded.input.subject,
        sensitive=dict(loaded.anonymity.sensitive),
        reads={
            c.name: ReadColumn(c.name, c.semantic.storage, c.unit)
            for c in columns
            if c.name in quasi
        },
        kept=tuple(column.name for column in columns),
        root=loaded.input.root,
    )
