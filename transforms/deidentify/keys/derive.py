"""Derives the keys of fields and releases from master keys (HKDF-SHA256, RFC 5869)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ....policies.columns import KEYED_ACTIONS, PSEUDONYM_ACTIONS, Column, Key
from ....policies.errors import KeyReferenceError
from ....policies.model import Policy
from .secret import Secret

__all__ = [
    "column_key",
    "column_names",
    "derive_key",
    "join_group",
    "key_facts",
    "key_id",
    "policy_key",
]

_LABEL = "optin key v1"
_JOIN_LABEL = "optin join key v1"
_SHIFTS = "optin:date_shift"  # no column: none may start with "optin:"


def derive_key(
    master: bytes | Secret,
    purpose: str,
    data_set: str,
    field: str,
    *,
    epoch: str | None = None,
) -> bytes:
    """Derive the 32-byte key of one field of one data set for one purpose.

    HKDF-SHA256 (RFC 5869) without salt; `info` is the label, the three names, and the
    epoch if there is one, each with its length in front, so that ("a", "bc") and
    ("ab", "c") differ.
    """
    return _derive(master, (_LABEL, purpose, data_set, field), epoch)


def column_key(
    policy: Policy, column: Column, keys: Mapping[str, Secret | bytes]
) -> Secret:
    """Derive the key of a column: its own, or that of its join group.

    Without a group, `derive_key` of the policy's purpose, data set and the column's
    name. With one, the group and the column's *type* take their place: releases of
    other purposes and data sets, under other names of the column, get the same key from
    the same secret and epoch.

    Args:
        policy: the policy of the column.
        column: the column.
        keys: master key of each reference in the policy (`resolve_keys`).

    Raises:
        KeyReferenceError: neither column nor policy names a key, or it is not among
            `keys`.
    """
    key = column.key or policy.key
    if key is None or key.ref not in keys:
        message = (
            f"column {column.name}: action '{column.action}' needs a key; "
            "set key: on the column or for the policy"
        )
        raise KeyReferenceError(message)
    return Secret(_derive(keys[key.ref], column_names(policy, column), key.epoch))


def column_names(policy: Policy, column: Column) -> tuple[str, ...]:
    """Give what a column's key and its encrypted tokens are bound to.

    Purpose, data set and column; or the join group and the column's type. All shifts
    of dates share one name: what lies between two dates of a person stays, in whichever
    columns they stand.
    """
    group = join_group(policy, column)
    if group is not None:
        return (_JOIN_LABEL, group, column.type)
    name = _SHIFTS if column.action == "date_shift" else column.name
    return (_LABEL, policy.purpose, policy.name, name)


def join_group(policy: Policy, column: Column) -> str | None:
    """Give the group of releases that may be joined on a column; None if there is none.

    A column's own group counts for every pseudonym; the policy's for those of direct
    identifiers alone, so that it never joins columns that nobody thought of.
    """
    if column.action not in PSEUDONYM_ACTIONS:
        return None
    if column.join_group is not None:
        return column.join_group
    return policy.join_group if column.semantic.direct_identifier else None


def policy_key(policy: Policy, master: bytes | Secret, field: str) -> bytes:
    """Derive a key of the whole release from the policy's `key:`, with its epoch.

    Args:
        policy: the policy.
        master: what its `key:` resolves to.
        field: what the key is for, such as `optin:subject`.
    """
    epoch = policy.key.epoch if policy.key is not None else None
    return derive_key(master, policy.purpose, policy.name, field, epoch=epoch)


def key_id(master: bytes | Secret) -> str:
    """Give 16 hexadecimal digits that name a key without revealing it.

    It tells rotations apart in a manifest. It is derived, so it helps to guess the key
    only as much as any pseudonym does: not at all if the key is random.
    """
    return derive_key(master, "optin:key-id", "", "")[:8].hex()


def key_facts(policy: Policy, keys: Mapping[str, Secret | bytes]) -> dict[str, Any]:
    """Say which keys a release was made with, for its manifest: ids, never bytes.

    Returns:
        `{"policy": {"id": …, "epoch": …}, "columns": {name: {"id": …, "epoch": …,
        "join_group": …}}}`; `policy` is null without `key:`, `columns` has the keyed
        ones.

    Raises:
        KeyReferenceError: a column's key is not among `keys`.
    """
    ids = {ref: key_id(secret) for ref, secret in keys.items()}

    def named(key: Key | None) -> dict[str, Any] | None:
        return None if key is None else {"id": ids[key.ref], "epoch": key.epoch}

    columns: dict[str, Any] = {}
    for column in policy.published_columns:
        if column.action in KEYED_ACTIONS:
            column_key(policy, column, keys)  # or the refusal that names the column
            facts = named(column.key or policy.key) or {}
            columns[column.name] = {**facts, "join_group": join_group(policy, column)}
    return {"policy": named(policy.key), "columns": columns}


def _derive(master: bytes | Secret, names: tuple[str, ...], epoch: str | None) -> bytes:
    secret = master.reveal() if isinstance(master, Secret) else master
    parts = [name.encode() for name in (*names, *(() if epoch is None else (epoch,)))]
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
