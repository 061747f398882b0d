"""The digest of a policy as meant: what it rules, not how or where it is written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .errors import InputError
from .hierarchy_builtin import builtin_edition
from .key_references import parse_reference
from .model import Policy
from .places import is_local

__all__ = ["policy_digest"]

_PLACES = ("input", "output", "quarantine", "audit")


def policy_digest(policy: Policy) -> str:
    """Give the SHA-256, in hex, of a loaded policy as meant.

    Two policies have the same digest if they rule the same: comments, spacing, the order
    of keys and defaults written out do not count, nor the folder they lie in. The
    *content* of a local hierarchy table or suite counts in place of its path; a
    built-in hierarchy counts with its edition, and consent signals as resolved, so another
    version of either is another digest.

    Not covered: where data lies (`path` of input, ledger, output, …), so that
    a run elsewhere is of the same policy; what the ledger holds; the bytes behind `key:`, of which the name
    alone counts; files of remote file systems, of which the path counts.

    Raises:
        InputError: a hierarchy table or the suite has gone since the policy was loaded.
    """
    meant: dict[str, Any] = policy.model_dump(mode="json")
    for name in _PLACES:
        if meant[name] is not None:
            del meant[name]["path"]
    if meant["consent"]["ledger"] is not None:
        del meant["consent"]["ledger"]["path"]
    meant["consent"]["resolved"] = {
        name: spec.model_dump(mode="json")
        for name, spec in policy.consent.resolved.items()
    }
    meant["consent"]["also"] = policy.consent.also
    meant["key"] = _key_name(meant["key"])
    for column in meant["columns"]:
        column["key"] = _key_name(column["key"])
        hierarchy = column["hierarchy"]
        if hierarchy is not None and hierarchy["table"] is not None:
            hierarchy["table"] = _content(hierarchy["table"])
        if hierarchy is not None and hierarchy["builtin"] is not None:
            hierarchy["edition"] = builtin_edition(hierarchy["builtin"])
    for rule in meant["anonymity"]["sensitive"].values():
        if rule["table"] is not None:
            rule["table"] = _content(rule["table"])
    if meant["expectations"] is not None:
        meant["expectations"]["suite"] = _content(meant["expectations"]["suite"])
    text = json.dumps(
        meant,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _key_name(key: dict[str, str | None] | None) -> object:
    """Give a key's reference with the name of its file alone; its epoch if it has one."""
    if key is None or key["ref"] is None:
        return None
    reference = key["ref"]
    parsed = parse_reference(reference)
    if parsed.file is not None:
        reference = str(parsed.with_file(Path(parsed.file).name))
    return reference if key["epoch"] is None else {**key, "ref": reference}


def _content(path: str) -> str:
    if not is_local(path):
        return path
    try:
        with Path(path).open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    except OSError as error:
        message = f"{path}: cannot be read for the policy's digest ({error.strerror})"
        raise InputError(message) from None
