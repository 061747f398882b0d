"""A policy held against its input before any run: names, times and the first records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..policies import Policy
from ..policies.errors import InputError, OptinError
from ..policies.places import fixed_part, is_local
from ..policies.profile import Profile, load_profile
from ..transforms.blocks import ReadSpec, Split, inspect_input, raw_name, read_split
from ..transforms.consent.event_time import event_times
from ..transforms.consent.ledger.read import Reader
from ..transforms.consent.plan import GatePlan
from ..transforms.consent.view import BlockView
from .consent_ledger import ledger_plan

__all__ = ["InputLint", "lint_consent", "lint_input", "profile_of"]

_SAMPLE_ROWS = 1_000
_NO_KEYS = ("no key: for a look", "at the ledger   ")
_NAIVE = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$"


@dataclass(frozen=True)
class InputLint:
    """What a look at the input found.

    Attributes:
        files: how many there are; 0 where nobody could look.
        errors: what would stop a run, each with its way out.
        warnings: what deserves a look.
    """

    files: int = 0
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def profile_of(policy: Policy, folder: Path) -> Profile | None:
    """Give the consent profile of a policy; null if it names none.

    Args:
        policy: a loaded policy.
        folder: of the policy's file, where a profile of the user's own is looked for.
    """
    name = policy.consent.profile
    return None if name is None else load_profile(name, folder)


def lint_input(policy: Policy, profile: Profile | None) -> InputLint | None:
    """Look at the headers and the first records of the input, if it is there.

    Returns:
        Null if the input is on another machine's file system, or nothing is there.
    """
    path = policy.input.path
    if not is_local(path) or not Path(fixed_part(path)).exists():
        return None
    spec = ReadSpec.from_policy(policy)
    try:
        report = inspect_input(spec)
    except InputError as error:
        return InputLint(errors=(_with_notes(str(error), policy, profile),))
    warnings = [_with_notes(text, policy, profile) for text in report.warnings]
    errors = []
    unread = _unread_times(policy, spec, report.splits[0])
    if unread:
        errors.append(unread)
    return InputLint(report.files, tuple(errors), tuple(warnings))


def lint_consent(policy: Policy, as_of_micros: int) -> tuple[str, ...]:
    """Find what would stop a run before it reads a record, besides the input.

    The ledger is read as a whole, if it is at hand.
    """
    found = []
    try:
        GatePlan.from_policy(
            policy, as_of_micros=as_of_micros, subject_key=b"", record_key=b""
        )
    except OptinError as error:
        found.append(str(error))
    ledger = policy.consent.ledger
    if ledger is not None and is_local(ledger.path):
        plan = ledger_plan(policy, ledger, _NO_KEYS)
        try:
            if ledger.required or Path(fixed_part(ledger.path)).exists():
                for _ in Reader(plan, as_of_micros).decisions():
                    pass
        except OptinError as error:
            found.append(str(error))
    return tuple(found)


def _with_notes(message: str, policy: Policy, profile: Profile | None) -> str:
    """Add the traps of a feed to a message about one of its signals' columns."""
    if profile is None or not profile.notes:
        return message
    paths = {
        path
        for spec in policy.consent.resolved.values()
        for path in (*spec.paths, *spec.applies_when)
    }
    if not any(repr(path) in message for path in paths):
        return message
    return f"{message} Of {profile.name}: {profile.notes.strip()}"


def _unread_times(policy: Policy, spec: ReadSpec, split: Split) -> str | None:
    """Say so if event times of the first records cannot be read as the policy says."""
    time = policy.input.event_time
    block = None if time.field is None else _first_block(spec, split)
    if time.field is None or block is None:
        return None
    sample = block.slice(0, _SAMPLE_ROWS)
    _, known = event_times(BlockView(sample), time)
    column = sample.column(raw_name(time.field))
    unread = ~known & column.is_valid().to_numpy(zero_copy_only=False)
    if not unread.any():
        return None
    odd = column.filter(pa.array(unread)).cast("string")
    if pc.all(pc.match_substring_regex(odd, _NAIVE)).as_py() and time.tz is None:
        return (
            f"event times in {time.field!r} carry no zone; write tz: in "
            "input.event_time (tz: UTC if they are in UTC), else no record has a time"
        )
    return (
        f"{int(unread.sum())} of the first {sample.num_rows} event times in "
        f"{time.field!r} cannot be read with unit: {time.unit}; such records are "
        "quarantined (NO_EVENT_TIME)"
    )


def _first_block(spec: ReadSpec, split: Split) -> pa.RecordBatch | None:
    for item in read_split(spec, split):
        if isinstance(item, pa.RecordBatch):
            return item
    return None
