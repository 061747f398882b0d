"""The written account of a run: result, quarantine, and a line per dropped record.

::

    AUDIT/<run id>/run.json            the account (counts, verdicts, where published)
    AUDIT/<run id>/quarantine.jsonl    file, line, record, code of every quarantined one
    AUDIT/<run id>/drops/*.parquet     one line per dropped record (drops: per_record)
    QUARANTINE/<run id>.jsonl          raw ill-formed records, only if the policy asks

Nothing but the last holds a value of a record, and that one is for its owner's eyes.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from ..policies.errors import OutputError
from ..policies.model import Policy
from ..policies.places import is_local
from ..transforms.blocks import Split
from .result import RunResult
from .workspace import Workspace, join

__all__ = ["check_writable", "write_audit", "write_result"]


def check_writable(policy: Policy) -> None:
    """Make sure, before any work, that audit and quarantine can be written.

    Raises:
        OutputError: one of them cannot.
    """
    places = [("audit.path", policy.audit.path)]
    if policy.quarantine is not None:
        places.append(("quarantine.path", policy.quarantine.path))
    for key, path in places:
        if not is_local(path):
            continue
        # The nearest folder that exists must let us create what is missing below it.
        nearest = next(p for p in [Path(path), *Path(path).parents] if p.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            message = (
                f"{key} {path}: cannot be written; give a folder that this user may "
                "create files in"
            )
            raise OutputError(message)


def write_audit(
    policy: Policy,
    result: RunResult,
    workspace: Workspace,
    splits: tuple[Split, ...],
    read: dict[str, dict[str, int]],
) -> None:
    """Write quarantine and drop lines of a run whose pass 1 is done.

    Args:
        policy: says where.
        result: names the run, and what it was held against.
        workspace: where pass 1 left its lines.
        splits: the pieces that were read.
        read: records and lines per split id, from which numbers in the file follow.
    """
    home = join(policy.audit.path, result.run_id)
    held = _held_against(result)
    files = {split.id: split.path for split in splits}
    first = {key: _first_numbers(splits, read, key) for key in ("lines", "records")}
    raw_path = (
        join(policy.quarantine.path, f"{result.run_id}.jsonl")
        if policy.quarantine
        else None
    )
    with (
        _private_file(join(home, "quarantine.jsonl")) as located,
        _private_file(raw_path) as raw,
    ):
        for table in _tables(workspace, "bad"):
            for entry in table.to_pylist():
                spot = _located(entry, files, first)
                # Nobody could read it, so its code is all that is known.
                why = {**dict.fromkeys(_REASONED), "codes": [entry["code"]]}
                _line(located, {**spot, **why, **held})
                _line(raw, {**spot, **_printable(entry["raw"])})
        for table in _tables(workspace, "audit"):
            asked = pc.equal(table.column("outcome"), "quarantine")
            for entry in table.filter(asked).to_pylist():
                spot = _located(entry, files, first)
                why = {name: entry[name] for name in _REASONED}
                _line(located, {**spot, **why, **held})
    if policy.audit.drops == "per_record":
        _write_drops(join(home, "drops"), workspace, files, held)


def write_result(policy: Policy, result: RunResult) -> None:
    """Write the account of a run, whether it published or not."""
    with _private_file(join(policy.audit.path, result.run_id, "run.json")) as sink:
        if sink is not None:
            sink.write((json.dumps(result.to_json(), indent=2) + "\n").encode())


_REASONED = ("codes", "record_key", "subject_key", "signals")
"""What an audit line of the gate says beside the place and the primary code."""


def _held_against(result: RunResult) -> dict[str, str | None]:
    """Say what a record was judged by: the same in every line of a run."""
    ledger = result.ledger or {}
    return {
        "run_id": result.run_id,
        "policy_digest": result.policy_digest,
        "as_of": result.as_of,
        "ledger_as_of": ledger.get("as_of"),
        "ledger_digest": ledger.get("digest"),
    }


def _write_drops(
    folder: str,
    workspace: Workspace,
    files: dict[str, str],
    held: dict[str, str | None],
) -> None:
    names = pa.table({"split": list(files), "file": list(files.values())})
    for number, table in enumerate(_tables(workspace, "audit")):
        dropped = table.filter(pc.equal(table.column("outcome"), "drop"))
        if not dropped.num_rows:
            continue
        where = pc.index_in(dropped.column("split"), names.column("split"))
        named = dropped.append_column("file", names.column("file").take(where))
        for name, value in held.items():
            constant = pa.repeat(pa.scalar(value, pa.string()), named.num_rows)
            named = named.append_column(name, constant)
        with _private_file(join(folder, f"drops-{number:05d}.parquet")) as sink:
            pq.write_table(named, sink, compression="zstd")


def _tables(workspace: Workspace, kind: str) -> Iterator[pa.Table]:
    """Read the files of one kind in the order of splits and records, one at a time."""
    found = FileSystems.match([join(workspace.private, f"{kind}-*.parquet")])
    for path in sorted(entry.path for entry in found[0].metadata_list):
        with FileSystems.open(path) as source:
            yield pq.read_table(pa.BufferReader(source.read()))


def _first_numbers(
    splits: tuple[Split, ...], read: dict[str, dict[str, int]], key: str
) -> dict[str, int]:
    """Give the number of the first line or record of every split in its file, from 1."""
    first: dict[str, int] = {}
    seen: dict[str, int] = {}
    for split in sorted(splits, key=lambda split: (split.path, split.start)):
        first[split.id] = seen.get(split.path, 0) + 1
        here = read.get(split.id, {}).get(key) or 0
        seen[split.path] = first[split.id] - 1 + here
    return first


def _located(
    entry: dict[str, Any], files: dict[str, str], first: dict[str, dict[str, int]]
) -> dict[str, Any]:
    """Say where a record stands: file, line (if known) and record number, and why."""
    split, line = entry["split"], entry.get("line")
    return {
        "file": files[split],
        "line": None if line is None else first["lines"][split] + line,
        "record": first["records"][split] + entry["record"],
        "code": entry["code"],
    }


def _printable(raw: bytes) -> dict[str, str]:
    """Give raw bytes as text where they are text, else in base64."""
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}


def _line(sink: IO[bytes] | None, entry: dict[str, Any]) -> None:
    if sink is not None:
        sink.write((json.dumps(entry, ensure_ascii=False) + "\n").encode())


@contextmanager
def _private_file(path: str | None) -> Iterator[IO[bytes] | None]:
    """Open a file for writing that only its owner may read (on local disks)."""
    if path is None:
        yield None
        return
    if not is_local(path):
        with FileSystems.create(path) as sink:
            yield sink
        return
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror})"
        raise OutputError(message) from None
    with os.fdopen(handle, "wb") as sink:
        yield sink
