"""The ledger of a run: read and checked before any record is, then handed to the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from ..policies.consent import Ledger
from ..policies.errors import InputError, OptinError
from ..policies.model import Policy
from ..policies.places import fixed_part, is_local
from ..transforms.blocks import ReadBlocks, ReadSpec, Split, list_splits
from ..transforms.consent import GatePlan
from ..transforms.consent.event_time import to_micros
from ..transforms.consent.ledger import (
    Duration,
    LedgerPlan,
    PreparedLedger,
    ledger_hash_keys,
    prepare_ledger,
)
from ..transforms.consent.ledger.join import JoinLedger
from ..transforms.consent.ledger.keys import HashKeys
from ..transforms.consent.ledger_source import BroadcastLedger, ShardedLedger
from ..transforms.consent.plan import LedgerSource, ledger_ages
from ..transforms.deidentify import Secret
from .workspace import Workspace, join

__all__ = ["ledger_facts", "ledger_plan", "open_ledger", "with_ledger"]


def open_ledger(
    policy: Policy, master: Secret, workspace: Workspace, as_of: datetime
) -> PreparedLedger | None:
    """Read and check the policy's ledger.

    Returns:
        Null if the policy has none, or one that is not required and not there.

    Raises:
        InputError: it is missing, wrong, empty or stale.
    """
    ledger = policy.consent.ledger
    if ledger is None or not (ledger.required or _exists(ledger.path)):
        return None
    until = as_of if isinstance(ledger.as_of, str) else ledger.as_of
    plan = ledger_plan(policy, ledger, ledger_hash_keys(master, policy.name))
    return prepare_ledger(plan, workspace.private, to_micros(until))


def with_ledger(
    gate: GatePlan,
    prepared: PreparedLedger | None,
    read: ReadSpec,
    splits: tuple[Split, ...],
    workspace: Workspace,
    flags: Sequence[str],
) -> GatePlan:
    """Give the gate its ledger.

    A ledger that is small beside memory is opened by every worker. For a larger one a
    pass of its own shuffles who is named to the ledger's shards, and the answers of
    every record are in files when the gate reads the input again.
    """
    if gate.consent.ledger is None:
        return gate
    if prepared is None:
        return replace(gate, no_ledger=True)
    ages = ledger_ages(gate.consent)
    sources: dict[str | None, LedgerSource]
    if prepared.broadcasts:
        sources = {age: BroadcastLedger(prepared, age) for age in ages}
        return replace(gate, ledger=sources)
    folders = {
        age: join(workspace.private, f"ledger-{n}") for n, age in enumerate(ages)
    }
    named = replace(read, columns=(), required=(), raw=_join_columns(gate, prepared))
    options = PipelineOptions(list(flags), save_main_session=False)
    with beam.Pipeline(options=options) as pipeline:
        blocks = (pipeline | "Read" >> ReadBlocks(named, splits)).blocks
        for number, (age, folder) in enumerate(folders.items()):
            if is_local(folder):
                Path(folder).mkdir(mode=0o700)
            limit = None if age is None else Duration.parse(age)
            _ = blocks | f"Join {number}" >> JoinLedger(
                prepared, gate.event_time, folder, limit
            )
    if list_splits(read) != splits:
        message = "the input changed while the ledger was joined; run again"
        raise InputError(message)
    sources = {age: ShardedLedger(folder) for age, folder in folders.items()}
    return replace(gate, ledger=sources)


def ledger_facts(prepared: PreparedLedger | None) -> dict[str, Any] | None:
    """Say which ledger a run was held against: counts and times, no person."""
    if prepared is None:
        return None
    newest = prepared.newest_micros
    return {
        "digest": prepared.digest,
        "as_of": _iso(prepared.as_of_micros),
        "decisions": prepared.decisions,
        "after_as_of": prepared.later,
        "newest": None if newest is None else _iso(newest),
        "join": "broadcast" if prepared.broadcasts else "sharded",
    }


def _join_columns(gate: GatePlan, prepared: PreparedLedger) -> tuple[str, ...]:
    names = [*prepared.columns]
    if gate.event_time.field is not None:
        names.append(gate.event_time.field)
    return tuple(dict.fromkeys(names))


def ledger_plan(policy: Policy, ledger: Ledger, hash_keys: HashKeys) -> LedgerPlan:
    """Give the settings of reading a policy's ledger."""
    if ledger.format is None:  # the loader refuses such a policy
        message = "consent.ledger: the format cannot be told; write format:"
        raise OptinError(message)
    return LedgerPlan(
        format=ledger.format,
        path=ledger.path,
        keys=tuple(ledger.keys.items()),
        purpose=policy.purpose,
        hash_keys=hash_keys,
        time_field=ledger.time.field,
        time_unit=ledger.time.unit,
        time_tz=ledger.time.tz,
        decision_field=ledger.decision,
        purpose_field=ledger.purpose,
        expires_field=ledger.expires or "expires",
        expires_required=ledger.expires is not None,
        lateness=Duration.parse(ledger.lateness) if ledger.lateness else None,
        required=ledger.required,
        join=ledger.join,
    )


def _exists(path: str) -> bool:
    """Tell whether anything is at a path, folder or glob."""
    if is_local(path) and fixed_part(path) == path:
        return Path(path).exists()
    return bool(FileSystems.match([path])[0].metadata_list)


def _iso(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat()
