"""Which decisions speak about the policy's purpose; purposes are Fides keys."""

from __future__ import annotations

import re

__all__ = ["covers", "is_purpose", "touches"]

EVERY = ("", "*")
_KEY = re.compile(r"\*|[A-Za-z0-9_.<>-]*")


def is_purpose(text: str) -> bool:
    """Tell whether a trimmed text is a Fides key, `*` or blank.

    A list of purposes in one cell is none: a withdrawal that nobody understands would
    otherwise withdraw nothing.
    """
    return _KEY.fullmatch(text) is not None


def covers(granted: str, purpose: str) -> bool:
    """Tell whether a grant of `granted` allows `purpose`: the same or an ancestor.

    >>> covers("train", "train.ads"), covers("train.ads", "train"), covers("", "train")
    (True, False, False)
    """
    return granted == "*" or purpose == granted or purpose.startswith(granted + ".")


def touches(withdrawn: str, purpose: str) -> bool:
    """Tell whether a withdrawal of `withdrawn` speaks about `purpose`.

    So do ancestors and descendants: who withdraws a part did not leave the whole as it
    was. Letters are compared without regard to case; for a grant they must match.

    >>> touches("train.ads", "train"), touches("train", "train.ads"), touches("", "x")
    (True, True, True)
    """
    if withdrawn in EVERY:
        return True
    one, other = withdrawn.lower(), purpose.lower()
    return covers(one, other) or covers(other, one)
