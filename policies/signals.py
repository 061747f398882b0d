"""How a consent signal is declared: where it sits and what its values mean.

The same shape serves a shipped profile, a policy's own `signals:` and an inline custom
signal in `require:`. Whatever is not listed as a grant never grants.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "CATEGORY",
    "SIGNAL_NAME",
    "Decoder",
    "Frozen",
    "Scalar",
    "SignalKind",
    "SignalSpec",
    "TimeUnit",
    "Verdict",
    "canonical_text",
]

Verdict = Literal["grant", "deny", "unknown", "by_scope"]
Decoder = Literal["tcf_v2", "gpp", "us_privacy"]
SignalKind = Literal["value", "category_map", "id_lists", "scoped"]
TimeUnit = Literal["s", "ms", "us", "iso8601"]
Scalar = bool | int | float | str | None

CATEGORY = "{category}"
"""Stands in a path for each category that a requirement names."""

SIGNAL_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Names of signals; reason codes are made of them."""

_INTEGRAL = re.compile(r"(-?\d+)\.0+")


def canonical_text(value: Scalar) -> str | None:
    """Give the one spelling under which a signal's value is compared.

    `3`, `3.0`, `"3"` and `"3.0"` are all `"3"`; booleans are `"true"` and `"false"`;
    null stays null.

    >>> [canonical_text(v) for v in (3, 3.0, "3.0", True, " x ", None)]
    ['3', '3', '3', 'true', 'x', None]
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # never with an exponent
    text = str(value).strip()
    integral = _INTEGRAL.fullmatch(text)
    return integral.group(1) if integral else text


class Frozen(BaseModel):
    """Base of the policy language: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SignalSpec(Frozen):
    """One consent signal, resolved: what the gate evaluates.

    Attributes:
        name: `att`, `lmt`, … or the user's own word; gives `<NAME>_DENIED` and so on.
        kind: how a carrier is read. `value`: by `values`, or by `decoder` or `detect`.
            `category_map`: an object category → bool, and every category that a
            requirement names must be true. `id_lists`: `paths` list allowed ids,
            `denied_paths` denied ones. `scoped`: by `values`, where `by_scope` grants
            if every category is in the list at `scope_paths`.
        paths: dotted columns that may carry it; if several do and differ in verdict,
            that is a conflict. `{category}` stands for each category asked for.
        values: canonical text → verdict. A value not listed is unknown.
        lower: compare case-insensitively (the keys of `values` are lower case then).
        detect: `zero_uuid` denies when the value is an all-zero identifier.
        decoder: a string format that the gate decodes by itself; null for plain values.
        section_paths: for `gpp`, the columns that list the sections that apply.
        denied_paths: for `id_lists`, the columns that list denied ids.
        scope_paths: for `scoped`, the columns that list the scopes of the decision.
        time_paths: columns that may say when the user decided.
        time_unit: how these times are written.
        applies_when: column → values; where it does not hold the signal is absent by
            nature and neither grants nor denies.
        applies_when_any: flags; where one says no (`0`, `false`) and none says
            anything else, the signal is absent likewise.
        veto_only: it can deny and can never grant.
        verdict_reason: reason code instead of `VETO_<SIGNAL>`, such as `MINOR`.
    """

    name: str
    kind: SignalKind = "value"
    paths: tuple[str, ...] = Field(min_length=1)
    values: dict[str, Verdict] = Field(default_factory=dict)
    lower: bool = False
    detect: Literal["zero_uuid"] | None = None
    decoder: Decoder | None = None
    section_paths: tuple[str, ...] = ()
    denied_paths: tuple[str, ...] = ()
    scope_paths: tuple[str, ...] = ()
    time_paths: tuple[str, ...] = ()
    time_unit: TimeUnit = "iso8601"
    applies_when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    applies_when_any: tuple[str, ...] = ()
    veto_only: bool = False
    verdict_reason: str | None = None

    @property
    def by_category(self) -> bool:
        """Whether the answer depends on the categories that a requirement names."""
        return self.kind != "value" or any(CATEGORY in path for path in self.paths)

    @property
    def dated(self) -> bool:
        """Whether the signal tells when the user decided."""
        return bool(self.time_paths) or self.decoder in ("tcf_v2", "gpp")

    def carriers(self, categories: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Columns that may carry the signal itself, for the categories asked for."""
        return _filled((*self.paths, *self.denied_paths), categories)

    def carrier_groups(
        self, categories: tuple[str, ...] = ()
    ) -> tuple[tuple[str, ...], ...]:
        """Give the columns of which one at least must exist, for each category."""
        if not any(CATEGORY in path for path in self.paths):
            return (self.carriers(categories),)
        return tuple(_filled(self.paths, (category,)) for category in categories)

    def columns(self, categories: tuple[str, ...] = ()) -> tuple[str, ...]:
        """All columns that must be read to evaluate this signal, in a fixed order."""
        names = (
            *self.carriers(categories),
            *self.section_paths,
            *self.scope_paths,
            *_filled(self.time_paths, categories),
            *self.applies_when,
            *self.applies_when_any,
        )
        return tuple(dict.fromkeys(names))

    def filled(self, category: str) -> SignalSpec:
        """Give the signal with `category` put into its paths."""
        paths = {
            "paths": _filled(self.paths, (category,)),
            "time_paths": _filled(self.time_paths, (category,)),
        }
        return self.model_copy(update=paths)


def _filled(paths: tuple[str, ...], categories: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        path.replace(CATEGORY, category)
        for path in paths
        for category in (categories if CATEGORY in path else ("",))
    )
