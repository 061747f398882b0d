"""What an unquoted YAML word means: one meaning only, or a finding.

Two YAML versions read the same word differently. A policy accepts the words on which
both agree (`true`, `12`, `0.5`, `null`) and refuses the others with the way to write
what was meant.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

__all__ = ["Trap", "control_trap", "read_plain"]

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?|0[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?"
)
_OCTAL = re.compile(r"[-+]?0[0-9_]+|[-+]?0o[0-7_]+")
_BASED = re.compile(r"[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[bB][01_]+")
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([Tt \t]+[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?"
    r"[ \t]*(Z|[-+][0-9]{1,2}(:?[0-9]{2})?)?)?"
)
_BOOLEANS = {
    word
    for base in ("yes", "no", "on", "off", "true", "false", "y", "n")
    for word in (base, base.capitalize(), base.upper())
} - {"true", "false"}
_NULLS = ("", "~", "null", "Null", "NULL")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_INT64 = 2**63


@dataclass(frozen=True)
class Trap:
    """A word that cannot be taken as it stands.

    Attributes:
        code: of the finding.
        message: shows the word.
        hidden: the message for a place where the word may be a secret.
        date: for an unquoted date, its text: fine where an instant is wanted.
    """

    code: str
    message: str
    hidden: str = "an unquoted word with two meanings; write a reference in quotes"
    date: str | None = None


def read_plain(text: str) -> object:
    """Read an unquoted scalar: null, bool, int, float or text, or a `Trap`.

    >>> [read_plain(word) for word in ("true", "12", "0.5", "~", "iOS")]
    [True, 12, 0.5, None, 'iOS']
    >>> read_plain("No").code
    'E130'
    """
    if text in _NULLS:
        return None
    if text in ("true", "false"):
        return text == "true"
    if text in _BOOLEANS:
        advice = f'write "{text}" in quotes'
        if text.lower() in ("true", "false"):
            advice = f'write {text.lower()}, or "{text}" in quotes for the text'
        return Trap("E130", f"unquoted {text} is a boolean in YAML 1.1; {advice}")
    if text[0] not in "+-.0123456789":
        return text
    return _read_number(text)


def _read_number(text: str) -> object:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    if _INT.fullmatch(text):
        if len(text) > 20 or not -_INT64 <= int(text) < _INT64:
            return Trap("E135", "a whole number of more than 64 bits; put it in quotes")
        return int(text)
    for pattern, what in (
        (_OCTAL, "is an octal number in YAML 1.1"),
        (_BASED, "is a hexadecimal or binary number in YAML 1.1"),
        (_BASE_60, "is a base-60 number in YAML 1.1"),
        (_GROUPED, "is a number without its underscores in YAML 1.1"),
    ):
        if pattern.fullmatch(text):
            advice = f'write "{shown}" in quotes for the text, or a plain number'
            return Trap("E134", f"unquoted {shown} {what}; {advice}")
    if _NOT_FINITE.fullmatch(text):
        return Trap("E135", f"{shown} is not a number that a policy can use")
    if _FLOAT.fullmatch(text):
        if not math.isfinite(float(text)):
            return Trap(
                "E135", "this number is too large; the largest is about 1.8e308"
            )
        return float(text)
    if _DATE.fullmatch(text):
        advice = f'write "{shown}" in quotes'
        return Trap("E136", f"unquoted {shown} is a date in YAML; {advice}", date=text)
    return text


def control_trap(text: str) -> Trap | None:
    """Refuse text with characters that cannot be seen or written."""
    if not _CONTROL.search(text):
        return None
    message = "the text holds a control character or half a surrogate pair; remove it"
    return Trap("E109", message, hidden=message)
