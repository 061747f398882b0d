"""The `columns:` part of a policy: type, action and generalisation of each column."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from .semantic_types import SEMANTIC_TYPES, SemanticType
from .signals import Frozen, Scalar

__all__ = [
    "ACTIONS",
    "Action",
    "Column",
    "Hierarchy",
    "JoinGroup",
    "Key",
    "KeyReference",
]

Action = Literal[
    "bucket",
    "date_shift",
    "drop",
    "generalize",
    "hmac",
    "keep",
    "redact",
    "round",
    "scan",
    "truncate",
]
ACTIONS: tuple[str, ...] = get_args(Action)

KeyReference = Annotated[str, Field(pattern=r"^(env|file|awskms|gcpkms|vault)://.+")]
"""Where secret bytes are (`key_references`), such as `env://NAME`; never the secret."""

JoinGroup = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""Name of the releases that may be joined on a column."""


class Key(Frozen):
    """A master key by reference: in a policy, `key: REF` or `key: {ref: …, epoch: …}`.

    Attributes:
        ref: where the secret is.
        epoch: names a rotation: another epoch derives other keys from the same secret.
    """

    ref: KeyReference
    epoch: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
    )

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return {"ref": value} if isinstance(value, str) else value


class Hierarchy(Frozen):
    """Levels of generalisation of one quasi-identifier, finest first.

    Exactly one of the fields is set. Level 0 is the value itself and the last level,
    `*`, is implied. Without a hierarchy a column has just these two levels.

    Attributes:
        widths: interval widths in the column's unit, each a multiple of the one before.
        prefix: numbers of leading characters kept, falling.
        dates: calendar units, rising.
        table: CSV `leaf;level1;…;*` (semicolon), relative to the policy file. A value
            that is not a leaf of the table is generalised to `*` at every level.
    """

    widths: tuple[float, ...] | None = None
    prefix: tuple[int, ...] | None = None
    dates: tuple[Literal["day", "week", "month", "quarter", "year"], ...] | None = None
    table: str | None = None


class Column(Frozen):
    """One column of the input and what becomes of it.

    Attributes:
        name: dotted path (nested input) or plain header; also its name in the output.
        type: a word of `SEMANTIC_TYPES`.
        action: what is done to its values before publication.
        quasi: it is a quasi-identifier: generalised until its class covers k people.
        sensitive: it is a sensitive attribute (reported; not yet gated).
        key: secret of `hmac` and `date_shift`; the policy's `key` by default.
        join_group: releases that name the same group may be joined on this column; the
            policy's `join_group` by default, for direct identifiers.
        bits: `truncate`: leading bits kept of an IPv4 address, 1 to 31.
        bits_v6: `truncate`: leading bits kept of an IPv6 address, 1 to 127.
        digits: `round`: decimal digits kept; may be negative.
        width: `bucket`: width of the buckets, in the column's unit, > 0.
        max_days: `date_shift`: largest shift either way, in days, ≥ 1.
        keep_chars: `generalize`: leading characters kept, ≥ 1.
        replacement: `redact`: constant that replaces every value; null by default.
        unit: how `timestamp` and `date` values are written in the input.
        hierarchy: levels of a quasi-identifier.
    """

    name: str
    type: str
    action: Action
    quasi: bool = False
    sensitive: bool = False
    key: Key | None = None
    join_group: JoinGroup | None = None
    bits: int | None = Field(default=None, ge=1, le=31)
    bits_v6: int = Field(default=48, ge=1, le=127)
    digits: int | None = None
    width: float | None = Field(default=None, gt=0)
    max_days: int | None = Field(default=None, ge=1)
    keep_chars: int | None = Field(default=None, ge=1)
    replacement: Scalar = None
    unit: Literal["s", "ms", "us", "iso8601"] = "iso8601"
    hierarchy: Hierarchy | None = None

    @property
    def semantic(self) -> SemanticType:
        """The type's entry in the vocabulary (the loader made sure that it exists)."""
        return SEMANTIC_TYPES[self.type]

    @property
    def published(self) -> bool:
        """Whether the column stands in the published set."""
        return self.action != "drop"
