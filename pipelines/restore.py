"""Gives encrypted values of a release back to holders of the key, and notes who asked.

Every restore leaves a line in `AUDIT/restores.jsonl` (who, when, which file, column,
rows, why) before the first restored byte is written. The line stands on the same
footing as the rest of the audit: whoever may write there can also remove it.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..policies import Policy, load_policy, policy_digest
from ..policies.columns import Column
from ..policies.draft import did_you_mean
from ..policies.errors import DecryptionError, InputError, OptinError, OutputError
from ..policies.places import contains, fixed_part, is_local
from ..transforms.deidentify.encryption import TokenLabel, decrypt_tokens
from ..transforms.deidentify.keys import (
    Secret,
    column_key,
    join_group,
    key_id,
    resolve_key,
)
from ..transforms.deidentify.plan import column_label

__all__ = ["AUDIT_FILE", "Restored", "restore_column"]

AUDIT_FILE = "restores.jsonl"
"""Name of the file below `audit.path` that gets a line per restore."""

_REVERSIBLE: tuple[str, ...] = ("encrypt",)


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes:
        rows: rows of the file.
        values: rows whose value was decrypted; the others are null.
        output: where the restored file is.
        audit: where the audit line is.
    """

    rows: int
    values: int
    output: Path
    audit: Path


def restore_column(
    policy_path: Path, source: Path, column_name: str, output: Path, reason: str
) -> Restored:
    """Decrypt one `encrypt` column of a Parquet file into another file.

    Shape: Parquet file → Parquet file with the same rows, columns and order; the column
    is text, as it was when it was encrypted (identifiers normalised). The output is
    readable by its owner alone, and never replaces a file.

    Args:
        policy_path: the policy that the release was made with.
        source: a part of a release, or any Parquet file that has the column.
        column_name: the column, as the policy names it.
        output: a new file, outside of the policy's input, output and audit.
        reason: why; it goes to the audit as it is.

    Raises:
        PolicyError: the policy has errors.
        KeyReferenceError: the column's key does not resolve.
        DecryptionError: the key did not make these values.
        InputError: the file cannot be read or lacks the column.
        OutputError: output or audit cannot be written.
        OptinError: the column is not an encrypted one, or no reason is given.

    With any of them no output was written; with all but a failing disk, no audit line.
    """
    policy = load_policy(policy_path)
    column = _encrypted(policy, column_name)
    if not reason.strip():
        message = "--reason is empty; say why the values are needed"
        raise OptinError(message)
    folder = _audit_folder(policy)
    _refuse_place(policy, output)
    reference = column.key or policy.key
    if reference is None:  # the loader asks for one
        message = f"column {column.name}: no key: at the column or for the policy"
        raise OptinError(message)
    master = Secret(resolve_key(reference.ref))
    key = column_key(policy, column, {reference.ref: master})
    label = column_label(policy, column, {reference.ref: master})
    with _opened(source) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        file = _parquet(stream, source)
        plain = _decrypted(file, column, (key, label), source)
        result = Restored(
            rows=len(plain),
            values=len(plain) - plain.null_count,
            output=output.absolute(),
            audit=folder / AUDIT_FILE,
        )
        line = {
            "restored_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "user": _user(),
            "policy": policy.name,
            "policy_digest": policy_digest(policy),
            "purpose": policy.purpose,
            "input": str(source.absolute()),
            "input_sha256": digest,
            "column": column.name,
            "rows": result.rows,
            "values": result.values,
            "key": {
                "id": key_id(master),
                "epoch": reference.epoch,
                "join_group": join_group(policy, column),
            },
            "output": str(result.output),
            "reason": reason,
        }
        with _new_file(output) as staged:  # proves that it can be written
            _append(folder, line)
            _write(file, column.name, plain, staged)
    return result


def _encrypted(policy: Policy, name: str) -> Column:
    names = [c.name for c in policy.columns if c.action in _REVERSIBLE]
    if name in names:
        return policy.column(name)
    known = f"it encrypts {', '.join(names)}" if names else "it encrypts no column"
    message = (
        f"column {name}: the policy does not encrypt it, so nothing can be restored; "
        f"{known}.{did_you_mean(name, names)}"
    )
    raise OptinError(message)


def _audit_folder(policy: Policy) -> Path:
    if not is_local(policy.audit.path):
        message = (
            f"audit.path {policy.audit.path}: a restore needs a local one, whose file "
            "it can append to"
        )
        raise OutputError(message)
    return Path(policy.audit.path)


def _refuse_place(policy: Policy, output: Path) -> None:
    place = str(output.absolute())
    for name in ("input", "output", "audit"):
        path = fixed_part(getattr(policy, name).path)
        if is_local(path) and contains(path, place):
            message = (
                f"--output {output}: lies in {name}.path; restored values need a place "
                "of their own"
            )
            raise OutputError(message)
    if os.path.lexists(output):
        message = f"--output {output}: exists already; name a new file"
        raise OutputError(message)


@contextmanager
def _opened(source: Path) -> Iterator[Any]:
    try:
        stream = source.open("rb")
    except OSError as error:
        message = f"--input {source}: cannot be read ({error.strerror})"
        raise InputError(message) from None
    with stream:
        yield stream


def _parquet(stream: Any, source: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(stream)
    except (pa.ArrowException, OSError):  # their text may quote the file
        message = f"--input {source}: is no Parquet file"
        raise InputError(message) from None


def _decrypted(
    file: pq.ParquetFile,
    column: Column,
    opened: tuple[Secret, TokenLabel],
    source: Path,
) -> pa.ChunkedArray:
    """Decrypt the whole column before anything is written."""
    key, label = opened
    schema = file.schema_arrow
    if schema.names.count(column.name) != 1:
        message = f"--input {source}: has no single column {column.name}"
        raise InputError(message)
    kind = schema.field(column.name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        message = (
            f"--input {source}: column {column.name} holds {kind}, not encrypted text"
        )
        raise InputError(message)
    chunks = []
    try:
        for group in range(file.num_row_groups):
            read = file.read_row_group(group, columns=[column.name])
            tokens = read.column(column.name)
            chunks.append(decrypt_tokens(tokens, key.reveal(), label))
    except DecryptionError as error:
        message = f"column {column.name}: {error} Nothing was written"
        raise DecryptionError(message) from None
    except (pa.ArrowException, OSError):
        message = f"--input {source}: cannot be read to its end"
        raise InputError(message) from None
    return pa.chunked_array(chunks, pa.string())


def _user() -> dict[str, Any]:
    """Name the user of the operating system; not by a variable that anyone can set."""
    try:
        import pwd
    except ImportError:  # Windows
        return {"name": getpass.getuser(), "uid": None}
    uid = os.getuid()
    try:
        return {"name": pwd.getpwuid(uid).pw_name, "uid": uid}
    except KeyError:
        return {"name": None, "uid": uid}


def _append(folder: Path, line: dict[str, Any]) -> None:
    path = folder / AUDIT_FILE
    data = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            written = os.write(handle, data)  # one call: lines never mix
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror}); nothing was restored"
        raise OutputError(message) from None
    if written != len(data):
        message = f"{path}: cannot be written to its end; nothing was restored"
        raise OutputError(message)


@contextmanager
def _new_file(output: Path) -> Iterator[Path]:
    """Give a private file beside `output` that takes its name once it is whole."""
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{output.name}.", dir=output.absolute().parent
        )
    except OSError as error:
        message = f"--output {output}: cannot be written ({error.strerror})"
        raise OutputError(message) from None
    os.close(handle)
    staged = Path(name)
    try:
        yield staged
        _take_name(staged, output)
    except OSError as error:
        message = f"--output {output}: cannot be written ({error.strerror})"
        raise OutputError(message) from None
    finally:
        with suppress(OSError):
            staged.unlink()


def _take_name(staged: Path, output: Path) -> None:
    try:
        output.hardlink_to(staged)  # unlike a rename, it never replaces a file
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        staged.rename(output)


def _write(file: pq.ParquetFile, name: str, plain: pa.ChunkedArray, path: Path) -> None:
    """Write the file group by group with the column in plain."""
    position = file.schema_arrow.names.index(name)
    field = file.schema_arrow.field(position).with_type(pa.string())
    schema = file.schema_arrow.set(position, field)
    start = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            here = plain.slice(start, table.num_rows)
            writer.write_table(table.set_column(position, field, here))
            start += table.num_rows
