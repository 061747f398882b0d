"""What each action takes, needs and gives: the one table that checks and plans ask.

The checks of a policy file (`column_checks`) say where it breaks a rule of this table;
a run (`DeidentifyPlan`) refuses what does, whatever checked the policy before.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from .semantic_types import SemanticType, Storage

__all__ = [
    "ACTION_RULES",
    "MAX_SHIFT_DAYS",
    "ActionRule",
    "fits",
    "same_word",
]

MAX_SHIFT_DAYS = 36_525
"""Largest `max_days`: a hundred years. More than that leaves no date believable."""

_NUMBERS: tuple[Storage, ...] = ("int64", "float64")
_TIMES: tuple[Storage, ...] = ("timestamp", "date")
_TEXT: tuple[Storage, ...] = ("string",)


@dataclass(frozen=True)
class ActionRule:
    """One action.

    Attributes:
        storages: how values must be held; null: in any way.
        types: the semantic types that it is for; null: any that are held so.
        needs: settings without which it cannot be done.
        takes: settings that it uses besides.
        identifiers: whether it hides what a direct identifier names. Some do so under
            conditions only: `lets_identifier_pass`.
        text: whether free text may be given to it.
        keyed: whether it needs a secret.
        pseudonym: whether it puts a token or surrogate that stands for the value.
        gives: how results are held; null: as the value was.
    """

    storages: tuple[Storage, ...] | None = None
    types: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    identifiers: bool = False
    text: bool = False
    keyed: bool = False
    pseudonym: bool = False
    gives: Storage | None = None

    @property
    def settings(self) -> tuple[str, ...]:
        """Every setting that it uses, those for keys among them."""
        keys = (("key",) if self.keyed else ()) + (
            ("join_group",) if self.pseudonym else ()
        )
        return (*self.needs, *self.takes, *keys)


ACTION_RULES: dict[str, ActionRule] = {
    "bucket": ActionRule(_NUMBERS, needs=("width",)),
    "date_shift": ActionRule(_TIMES, needs=("max_days",), identifiers=True, keyed=True),
    "drop": ActionRule(identifiers=True, text=True),
    "encrypt": ActionRule(
        identifiers=True, text=True, keyed=True, pseudonym=True, gives="string"
    ),
    "fake": ActionRule(
        _TEXT,
        takes=("kind", "locale"),
        identifiers=True,
        keyed=True,
        pseudonym=True,
        gives="string",
    ),
    "generalize": ActionRule(takes=("keep_chars",), identifiers=True),
    "geohash": ActionRule(
        ("float64",),
        types=("latitude", "longitude"),
        needs=("length",),
        takes=("pair",),
        gives="string",
    ),
    "hmac": ActionRule(
        identifiers=True, text=True, keyed=True, pseudonym=True, gives="string"
    ),
    "keep": ActionRule(),
    "mask": ActionRule(
        _TEXT,
        takes=("keep_first", "keep_last", "mask_char"),
        identifiers=True,
        gives="string",
    ),
    "redact": ActionRule(takes=("replacement",), identifiers=True, text=True),
    "replace": ActionRule(
        ("string", "int64", "bool"),
        needs=("map",),
        takes=("default",),
        identifiers=True,
        gives="string",
    ),
    "round": ActionRule(_NUMBERS, needs=("digits",)),
    "scan": ActionRule(_TEXT, text=True),
    "time_truncate": ActionRule(_TIMES, needs=("period",), identifiers=True),
    "truncate": ActionRule(
        _TEXT,
        types=("ip_address",),
        needs=("bits",),
        takes=("bits_v6",),
        identifiers=True,
    ),
}
"""Action → its rule, in the order of the alphabet."""


def fits(action: str, semantic: SemanticType) -> bool:
    """Tell whether an action is for values of a type."""
    rule = ACTION_RULES[action]
    if rule.types is not None:
        return semantic.name in rule.types
    return rule.storages is None or semantic.storage in rule.storages


def same_word(one: str, other: str) -> bool:
    """Tell whether two texts are the same but for case, blanks and marks."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(filter(str.isalnum, plain))
    return letters or plain.strip()
