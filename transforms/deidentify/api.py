"""De-identification on its own: any Arrow table or data frame, no Beam, no pipeline.

What a pipeline gets from its reader and its consent gate (values in their storage type,
and who each record is about) is worked out here from the columns as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...policies.columns import KEYED_ACTIONS
from ...policies.errors import InputError, KeyReferenceError
from ...policies.loader import load_policy
from ...policies.model import Policy
from ..blocks.columns import bad_cells, to_storage
from ..blocks.names import SUBJECT
from ..blocks.spec import ReadColumn, ReadSpec
from ..blocks.tables import (
    as_table,
    batches_of,
    find_column,
    find_type,
    identities_of,
    is_nested,
    slice_rows,
)
from ..blocks.unlisted import leaves, refuse_unlisted
from .block import Findings, deidentify_block
from .keys import Secret, TokenCache, policy_key, resolve_key, subject_tokens
from .plan import DeidentifyPlan
from .text import TextScanner

__all__ = ["BAD_TYPE", "NO_SUBJECT", "Standalone", "deidentify", "open_scanner"]

BAD_TYPE = "BAD_TYPE"
"""Finding: cells that do not read as their column's type; they are null in the output."""

NO_SUBJECT = "NO_SUBJECT"
"""Finding: dates of records that name nobody; they are null in the output."""


@dataclass(frozen=True)
class Standalone:
    """A policy's `columns:` made ready for data that no gate of ours has seen.

    A frozen, picklable value; `from_policy` makes it, once, where the keys are.

    Attributes:
        plan: what becomes of each published column.
        columns: columns that are read, with the storage that their type asks for.
        root: object that all columns are relative to, or null.
        subject: columns that may name the data subject; none if nothing depends on it.
        subject_key: secret under which subjects become tokens, where one is needed.
        listed: all columns that the policy speaks of, if others are an error.
    """

    plan: DeidentifyPlan
    columns: tuple[ReadColumn, ...]
    root: str | None
    subject: tuple[str, ...]
    subject_key: Secret | None
    listed: frozenset[str] | None

    @classmethod
    def from_policy(
        cls,
        policy: Policy | str | Path,
        keys: Mapping[str, Secret | bytes] | None = None,
    ) -> Standalone:
        """Load the policy if need be, resolve the keys it needs, and work out the plan.

        Args:
            policy: a loaded policy, or the path of one.
            keys: master key of each reference; by default they are read from where the
                policy says.

        Raises:
            PolicyError: the file has errors.
            KeyReferenceError: a key is missing, or does not resolve.
            OptinError: see `DeidentifyPlan.from_policy`.
        """
        if not isinstance(policy, Policy):
            policy = load_policy(policy)
        keyed = [c for c in policy.published_columns if c.action in KEYED_ACTIONS]
        scans = any(c.action == "scan" for c in policy.published_columns)
        pii = policy.pii if scans else None
        people = any(column.action == "date_shift" for column in keyed) or (
            pii is not None and any(o.by_subject for o in pii.operators.values())
        )
        whole = people or (pii is not None and pii.keyed)
        if keys is None:
            wanted = [column.key or policy.key for column in keyed]
            wanted += [policy.key] if whole else []
            refs = dict.fromkeys(key.ref for key in wanted if key is not None)
            keys = {ref: Secret(resolve_key(ref)) for ref in refs}
        listed = None
        if policy.unlisted_columns == "error":
            listed = ReadSpec.from_policy(policy).listed
        pairs = {column.pair for column in policy.published_columns}
        return cls(
            plan=DeidentifyPlan.from_policy(policy, keys),
            columns=tuple(
                ReadColumn(column.name, column.semantic.storage, column.unit)
                for column in policy.columns
                if column.published or column.name in pairs
            ),
            root=policy.input.root,
            subject=policy.input.subject if people else (),
            subject_key=_subject_key(policy, keys) if people else None,
            listed=listed,
        )

    @property
    def schema(self) -> pa.Schema:
        """Names and types of what comes out."""
        return self.plan.schema

    @property
    def required(self) -> tuple[str, ...]:
        """Full paths of the columns that must be there."""
        return tuple(self._full(column.name) for column in self.columns)

    @property
    def fields(self) -> tuple[str, ...]:
        """Full paths of all columns that are read, each once."""
        return tuple(dict.fromkeys((*self.required, *self.who)))

    @property
    def who(self) -> tuple[str, ...]:
        """Full paths of what may name the data subject, where anything depends on it."""
        return tuple(self._full(name) for name in self.subject)

    def check(self, schema: pa.Schema) -> None:
        """Hold a table's columns to the policy's, before any value is looked at.

        Raises:
            InputError: columns are missing, doubled, of a type that cannot hold such
                values, or (`unlisted_columns: error`) not in the policy.
        """
        columns = leaves(schema)
        named = {self._full(column.name) for column in self.columns}
        missing = sorted(name for name in named if find_type(schema, name) is None)
        if missing:
            message = f"the input lacks column(s) {', '.join(missing)} of the policy"
            raise InputError(message)
        subject = self.who
        if subject and all(find_type(schema, name) is None for name in subject):
            message = (
                "date_shift, or what stands for a person in text, depends on who a record "
                f"is about, and the input has none of input.subject: {', '.join(subject)}"
            )
            raise InputError(message)
        tops = {name.split(".")[0] for name in (*named, *subject)} | named
        doubled = sorted(name for name in tops if schema.names.count(name) > 1)
        if doubled:
            message = f"the input has more than one column {', '.join(doubled)}"
            raise InputError(message)
        for column in self.columns:
            kind = find_type(schema, self._full(column.name))
            if kind is None:
                continue
            naive = pa.types.is_timestamp(kind) and kind.tz is None
            if is_nested(kind) or (naive and column.storage == "timestamp"):
                message = (
                    f"column {column.name}: the input holds {kind}, which is no "
                    f"{column.storage}" + ("; give its times a zone" if naive else "")
                )
                raise InputError(message)
        if self.listed is not None:
            refuse_unlisted("the input", columns, self.listed)

    def apply(
        self,
        batch: pa.RecordBatch,
        scanner: TextScanner | None,
        cache: TokenCache | None = None,
    ) -> tuple[pa.RecordBatch, Findings]:
        """De-identify one batch whose schema was checked.

        Shape: n records → n records with the published columns, in policy order.
        """
        arrays, findings = {}, Findings()
        for column in self.columns:
            array = find_column(batch, self._full(column.name))
            arrays[column.name] = to_storage(array, column)
            bad = bad_cells(array, arrays[column.name])
            if bad is not None:
                findings[column.name] = Counter({BAD_TYPE: pc.sum(bad).as_py()})
        if self.subject and self.subject_key is not None:
            who = identities_of(batch, self.who)
            arrays[SUBJECT] = subject_tokens(who, self.subject_key.reveal())
            for plan in self.plan.columns:
                if plan.column.action == "date_shift":
                    lost = pc.and_(who.is_null(), arrays[plan.column.name].is_valid())
                    rows = pc.sum(lost, min_count=0).as_py()
                    if rows:
                        found = findings.setdefault(plan.column.name, Counter())
                        found[NO_SUBJECT] += rows
        block = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
        result, found_in = deidentify_block(block, self.plan, scanner, cache)
        for name, counts in found_in.items():
            findings[name] = findings.get(name, Counter()) + counts
        return result.select(self.schema.names), findings

    def _full(self, name: str) -> str:
        return name if self.root is None else f"{self.root}.{name}"


def deidentify(
    table: Any,
    policy: Policy | str | Path,
    *,
    keys: Mapping[str, Secret | bytes] | None = None,
) -> tuple[pa.Table, Findings]:
    """De-identify a table as a policy says, without Beam.

    Shape: table of n rows → (table of n rows with the published columns in policy
    order, findings). Columns that the policy drops, or does not list, do not come out.
    What came in is not changed.

    Guaranteed: what `deidentify_block` does. A cell that does not read as its column's
    type is null and counted (`BAD_TYPE`); with `date_shift`, a record whose subject is
    not known has no date (`NO_SUBJECT`). Tokens and shifts are those that a run of the
    same policy makes.

    Not covered: **no consent gate** (every row comes out, whoever said no), **no
    k-anonymity** (a quasi-identifier with a hierarchy comes out as it is), no
    expectations, no release, no audit. For those, run the policy.

    Args:
        table: a pyarrow Table or RecordBatch, or what gives one through Arrow's
            PyCapsule interface: a pandas or Polars data frame, a DuckDB relation, …
        policy: a loaded policy, or the path of one. Of it, `columns`, `pii`,
            `unlisted_columns`, the keys, and `input.root` and `input.subject` count.
        keys: master key of each reference in the policy; by default they are read from
            where it says.

    Returns:
        The table, and column → finding → rows or spans; never a value.

    Raises:
        PolicyError: the policy has errors.
        KeyReferenceError: a key that is needed is missing.
        InputError: the table lacks a column, or holds another kind of value.
        OptinError: an action would let an identifier pass.
    """
    ready = Standalone.from_policy(policy, keys)
    source = as_table(table)
    ready.check(source.schema)
    scanner, cache = open_scanner(ready.plan), TokenCache()
    findings = Findings()
    parts = []
    rows = slice_rows(source)
    for start in range(0, max(source.num_rows, 1), rows):
        for batch in batches_of(source.slice(start, rows)):
            part, found = ready.apply(batch, scanner, cache)
            parts.append(part)
            for name, counts in found.items():
                findings[name] = findings.get(name, Counter()) + counts
    return pa.Table.from_batches(parts, ready.schema), findings


def open_scanner(
    plan: DeidentifyPlan, *, workers: int = 0, workers_after_chars: int = 0
) -> TextScanner | None:
    """Make what reads the `scan` columns of a plan; null if it has none.

    Raises:
        ModelMissingError: the policy needs a language model that is not here.
    """
    if plan.pii is None:
        return None
    return TextScanner(
        plan.pii,
        key=plan.text_key,
        workers=workers,
        workers_after_chars=workers_after_chars,
    )


def _subject_key(policy: Policy, keys: Mapping[str, Secret | bytes]) -> Secret:
    if policy.key is None or policy.key.ref not in keys:
        message = "date_shift and operators by subject need the policy's own key:"
        raise KeyReferenceError(message)
    return Secret(policy_key(policy, keys[policy.key.ref], SUBJECT))
