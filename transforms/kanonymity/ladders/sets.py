"""Labels that are sets of values: `{Divorced, Widowed}`."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["apart_from_sets", "set_label", "set_members"]

_OPEN, _CLOSE = "{", "}"
_ESCAPE = "\\"
_SPECIAL = re.compile(r"([\\{},])")
_MEMBER = re.compile(r"(?:[^\\{},]|\\.)*", re.DOTALL)


def set_label(labels: Iterable[str], null: str) -> str:
    r"""Name a set of values by the labels of its members.

    They are sorted as texts, a missing value last. Backslashes, commas and braces in
    them get a backslash, so that no two sets share a label.

    >>> print(set_label(["b", "null", "a, c"], null="null"))
    {a\, c, b, null}
    """
    ordered = sorted(labels, key=lambda label: (label == null, label))
    inside = ", ".join(_SPECIAL.sub(r"\\\1", one) for one in ordered)
    return f"{_OPEN}{inside}{_CLOSE}"


def set_members(label: str) -> tuple[str, ...] | None:
    r"""Read the members of a set of values; None where a label is no set.

    Members are labels of single values, as they would stand alone: `null` for a missing
    one, `\null` for the text that reads so.

    >>> set_members("{a\\, c, b}")
    ('a, c', 'b')
    >>> set_members("94***")
    """
    if not label.startswith(_OPEN):
        return None
    members = []
    at = 1
    while True:
        found = _MEMBER.match(label, at)
        text = found.group() if found else ""
        members.append(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL))
        at += len(text)
        if label[at:] == _CLOSE:
            return tuple(members)
        if not label.startswith(", ", at):
            message = "a label begins as a set of values does, and is none"
            raise ValueError(message)
        at += 2


def apart_from_sets(label: str) -> str:
    r"""Keep the label of a single value, or of a level, apart from those of sets.

    >>> print(apart_from_sets("{a, b}"), apart_from_sets("\\{a"), apart_from_sets("a"))
    \{a, b} \\{a a
    """
    return _ESCAPE + label if label.lstrip(_ESCAPE).startswith(_OPEN) else label
