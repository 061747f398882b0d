"""The `columns:` part of a policy: type, action and generalisation of each column."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from .action_types import ACTION_RULES, MAX_SHIFT_DAYS, fits, same_word
from .hierarchy_builtin import Builtin
from .semantic_types import SEMANTIC_TYPES, SemanticType, Storage
from .signals import Frozen, Scalar

__all__ = [
    "ACTIONS",
    "KEYED_ACTIONS",
    "PERIODS",
    "PSEUDONYM_ACTIONS",
    "Action",
    "Column",
    "FakeKind",
    "Hierarchy",
    "JoinGroup",
    "Key",
    "KeyReference",
    "Period",
    "lets_identifier_pass",
]

Action = Literal[
    "bucket",
    "date_shift",
    "drop",
    "encrypt",
    "fake",
    "generalize",
    "geohash",
    "hmac",
    "keep",
    "mask",
    "redact",
    "replace",
    "round",
    "scan",
    "time_truncate",
    "truncate",
]
ACTIONS: tuple[str, ...] = get_args(Action)

KEYED_ACTIONS: tuple[str, ...] = tuple(
    name for name, rule in ACTION_RULES.items() if rule.keyed
)
"""Actions that need a secret."""

PSEUDONYM_ACTIONS: tuple[str, ...] = tuple(
    name for name, rule in ACTION_RULES.items() if rule.pseudonym
)
"""Actions that put a token or a surrogate for a value."""

Period = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]
PERIODS: tuple[str, ...] = get_args(Period)
"""Calendar periods, finest first."""

FakeKind = Literal[
    "address",
    "city",
    "company",
    "country",
    "country_code",
    "credit_card",
    "email",
    "first_name",
    "iban",
    "ip_address",
    "job",
    "last_name",
    "mac_address",
    "name",
    "national_id",
    "phone",
    "postal_code",
    "street_address",
    "user_agent",
    "username",
    "uuid",
]
"""What a surrogate looks like."""

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

    Exactly one of the fields but `outside` and `anchor` is set. Level 0 is the value itself and the last level,
    `*`, is implied. Without a hierarchy a column has just these two levels.

    Attributes:
        widths: interval widths in the column's unit, each a multiple of the one before.
        anchor: `widths`: where an interval of every width starts; 0 by default.
        logarithmic: bases, rising, each a power of the one before: intervals from one
            power of the base to the next.
        quantiles: numbers of groups with about equally many people, falling, each a
            divisor of the one before. The data decides where they are cut.
        ip: leading bits kept of IPv4 networks, falling; of IPv6 twice as many.
        prefix: numbers of leading characters kept, falling.
        dates: calendar units, rising.
        table: CSV `leaf;level1;…;*` (semicolon), relative to the policy file.
        builtin: name of a hierarchy that comes with the package; `hierarchy: NAME` is
            short for it.
        outside: `table`, `builtin`, `ip`: what becomes of a value that is no leaf: the run stops (`error`,
            the default), or it is `*` at every level (`suppress`).
    """

    widths: tuple[float, ...] | None = None
    anchor: float = Field(default=0.0, allow_inf_nan=False)
    logarithmic: tuple[int, ...] | None = None
    quantiles: tuple[int, ...] | None = None
    ip: tuple[int, ...] | None = None
    prefix: tuple[int, ...] | None = None
    dates: tuple[Literal["day", "week", "month", "quarter", "year"], ...] | None = None
    table: str | None = None
    builtin: Builtin | None = None
    outside: Literal["error", "suppress"] = "error"

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return {"builtin": value} if isinstance(value, str) else value


class Column(Frozen):
    """One column of the input and what becomes of it.

    Attributes:
        name: dotted path (nested input) or plain header; also its name in the output.
        type: a word of `SEMANTIC_TYPES`.
        action: what is done to its values before publication; what its type is for by
            default, with the settings of that (`SemanticType.default`).
        quasi: it is a quasi-identifier: generalised until its class covers k people.
        sensitive: it is a sensitive attribute; what its classes must meet stands under
            `anonymity.sensitive`.
        key: secret of the keyed actions; the policy's `key` by default.
        join_group: releases that name the same group may be joined on this column; the
            policy's `join_group` by default, for direct identifiers.
        bits: `truncate`: leading bits kept of an IPv4 address, 1 to 31.
        bits_v6: `truncate`: leading bits kept of an IPv6 address, 1 to 127.
        digits: `round`: decimal digits kept; may be negative.
        width: `bucket`: width of the buckets, in the column's unit, > 0.
        max_days: `date_shift`: largest shift either way, in days, 1 to 36,525.
        keep_chars: `generalize`: leading characters kept, ≥ 1.
        replacement: `redact`: constant that replaces every value; null by default.
        keep_first: `mask`: leading characters that stay readable, ≥ 0; default 0.
        keep_last: `mask`: trailing characters that stay readable, ≥ 0; default 0.
        mask_char: `mask`: the one character that is put for each of the others.
        period: `time_truncate`: a time becomes the start of its period, in UTC.
        length: `geohash`: characters of the geohash, 1 to 12.
        pair: `geohash`: the column with the longitude, for a latitude, or the other
            way round.
        map: `replace`: text of a value → what is put for it, or null.
        default: `replace`: a value that `map` lacks becomes null, or is kept.
        kind: `fake`: what surrogates look like; by type where it has a kind.
        country: of a `national_id`: whose personal numbers its values must be
            (`national_ids.NATIONAL_IDS`); without it their shape alone is looked at.
        locale: `fake`: country and language of surrogates, a locale of Faker.
        unit: how `timestamp` and `date` values are written in the input.
        hierarchy: levels of a quasi-identifier.
        weight: of a quasi-identifier: how much its loss counts when levels are chosen,
            > 0; 1 by default.
        max_level: of a quasi-identifier: coarsest level that may be used, ≥ 0, where 0
            is the value itself; `*` by default.
        bounds: of a quasi-identifier of numbers, times or dates: the bounds of its label
            are published as values too, in `NAME_lower` and `NAME_upper`.
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
    max_days: int | None = Field(default=None, ge=1, le=MAX_SHIFT_DAYS)
    keep_chars: int | None = Field(default=None, ge=1)
    replacement: Scalar = None
    keep_first: int | None = Field(default=None, ge=0)
    keep_last: int | None = Field(default=None, ge=0)
    mask_char: str = "*"
    period: Period | None = None
    length: int | None = Field(default=None, ge=1, le=12)
    pair: str | None = None
    map: dict[str, str | None] | None = None
    default: Literal["keep", "null"] | None = None
    kind: FakeKind | None = None
    locale: str = "en_US"
    country: str | None = None
    unit: Literal["s", "ms", "us", "iso8601"] = "iso8601"
    hierarchy: Hierarchy | None = None
    weight: float = Field(default=1.0, gt=0, le=1000)
    max_level: int | None = Field(default=None, ge=0)
    bounds: bool = False

    @model_validator(mode="before")
    @classmethod
    def _take_default(cls, data: Any) -> Any:
        """Write out what an entry without `action:` means."""
        if not isinstance(data, dict):
            return data
        data = _as_tuples(data)
        if "action" in data:
            return data
        semantic = SEMANTIC_TYPES.get(str(data.get("type")))
        if semantic is None:
            return data
        hierarchy = data.get("hierarchy") is not None
        action, settings = semantic.default(hierarchy=hierarchy)
        return data if action is None else {**settings, **data, "action": action}

    @property
    def semantic(self) -> SemanticType:
        """The type's entry in the vocabulary (the loader made sure that it exists)."""
        return SEMANTIC_TYPES[self.type]

    @property
    def published(self) -> bool:
        """Whether the column stands in the published set."""
        return self.action != "drop"

    @property
    def published_storage(self) -> Storage:
        """How its values are held after the action (`redact` and `keep_chars` aside)."""
        semantic = self.semantic
        if self.action == "time_truncate" and semantic.direct_identifier:
            return "string"
        return ACTION_RULES[self.action].gives or semantic.storage


def _as_tuples(value: Any) -> Any:
    """Make lists tuples: behind a validator of ours, strict JSON is strict Python."""
    if isinstance(value, dict):
        return {key: _as_tuples(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return tuple(_as_tuples(entry) for entry in value)
    return value


def lets_identifier_pass(column: Column) -> bool:
    """Tell whether a column's action could show a direct identifier as it is."""
    action, semantic = column.action, column.semantic
    if not semantic.direct_identifier:
        return False
    if not ACTION_RULES[action].identifiers:
        return True
    if ACTION_RULES[action].types is not None and not fits(action, semantic):
        return True
    match action:
        case "generalize":  # level 0 of a hierarchy is the value itself
            return column.keep_chars is None
        case "replace":
            table = column.map or {}
            return column.default == "keep" or any(
                target is not None
                and any(same_word(source, target) for source in table)
                for target in table.values()
            )
        case "time_truncate":  # the day of a date is all of it
            return column.period == "day"
    return False
