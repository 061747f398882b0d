"""Where files are: paths of a policy start at its folder, and places must not overlap."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from .key_references import parse_reference

__all__ = ["contains", "fixed_part", "is_local", "resolve", "resolve_key"]

_GLOB = "*?["


def is_local(path: str) -> bool:
    """Tell whether a path is of this machine, not of a remote file system.

    >>> is_local("events/"), is_local("gs://bucket/events/")
    (True, False)
    """
    return "://" not in path


def resolve(path: str, folder: Path) -> str:
    """Give a local path from the policy's folder; leave remote ones alone.

    A slash at the end stays: it says that a folder is meant.
    """
    if not is_local(path):
        return path
    full = os.path.normpath(folder.absolute() / path)
    return full + "/" if path.endswith("/") and full != "/" else full


def resolve_key(reference: str, folder: Path) -> str:
    """Give the file of a key's reference from the policy's folder, if it names one.

    A reference without a file, or that is none, comes back as it is.
    """
    try:
        parsed = parse_reference(reference)
    except ValueError:
        return reference
    if parsed.file is None:
        return reference
    return str(parsed.with_file(resolve(parsed.file, folder)))


def fixed_part(path: str) -> str:
    """Give the part of a glob that has no pattern.

    >>> fixed_part("data/2026/*/events.jsonl")
    'data/2026'
    """
    parts = itertools.takewhile(
        lambda part: not any(sign in part for sign in _GLOB), Path(path).parts
    )
    return str(Path(*parts))


def contains(outer: str, inner: str) -> bool:
    """Tell whether a place holds another, or is it: by links resolved, if local."""
    if is_local(outer) != is_local(inner):
        return False
    if is_local(outer):
        try:
            outer, inner = os.path.realpath(outer), os.path.realpath(inner)
        except (OSError, ValueError):
            return False
    parts, other = Path(outer).parts, Path(inner).parts
    return other[: len(parts)] == parts
