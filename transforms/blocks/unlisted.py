"""Columns of the input that a policy does not speak of (`unlisted_columns: error`)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow as pa

from ...policies.errors import InputError

__all__ = ["leaves", "refuse_unlisted"]

_NAME = re.compile(r"[\w.$ -]{1,80}", re.ASCII)
_SHOWN = 5


def leaves(schema: pa.Schema) -> list[str]:
    """Give the dotted path of every column that is no object, in the schema's order."""
    found: list[str] = []

    def walk(name: str, kind: pa.DataType) -> None:
        if pa.types.is_struct(kind) and kind.num_fields:
            for part in kind:
                walk(f"{name}.{part.name}", part.type)
        else:
            found.append(name)

    for item in schema:
        walk(item.name, item.type)
    return found


def refuse_unlisted(where: str, paths: Iterable[str], listed: Iterable[str]) -> None:
    """Refuse columns that the policy does not list.

    Args:
        where: file, or words for what was looked at.
        paths: dotted paths that occur; an object counts by what it holds.
        listed: dotted paths that the policy lists; one covers all below it.

    Raises:
        InputError: there are such columns. Names that may be values (odd characters, an
            endless key) are counted, not shown.
    """
    known = set(listed)
    occurring = set(paths)
    parents = {
        path[:at] for path in occurring for at, sign in enumerate(path) if sign == "."
    }
    stray = sorted(
        path
        for path in occurring - parents
        if path not in known and not any(path.startswith(f"{name}.") for name in known)
    )
    if not stray:
        return
    plain = [path for path in stray if _NAME.fullmatch(path)]
    shown = ", ".join(repr(path) for path in plain[:_SHOWN])
    more = len(stray) - len(plain[:_SHOWN])
    words = " and ".join(filter(None, [shown, f"{more} more" if more else ""]))
    message = (
        f"{where}: unlisted_columns: error, and the policy does not speak of {words}. "
        "List them (action: drop leaves them out), or write unlisted_columns: drop"
    )
    raise InputError(message)
