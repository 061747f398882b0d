"""How a consent signal is declared: where it sits and what its values mean.

The same shape serves a shipped profile, a policy's own `signals:` and an inline custom
signal in `require:`. Whatever is not listed as a grant never grants.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Frozen", "Scalar", "SignalSpec", "Verdict", "canonical_text"]

Verdict = Literal["grant", "deny", "unknown"]
Scalar = bool | int | float | str | None

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
        paths: dotted columns that may carry it; if several do and differ in verdict,
            that is a conflict.
        values: canonical text → verdict. A value not listed is unknown.
        lower: compare case-insensitively (the keys of `values` are lower case then).
        detect: `zero_uuid` denies when the value is an all-zero identifier.
        decoder: a string format that the gate decodes by itself; null for plain values.
        section_paths: for `gpp`, the columns that list the sections that apply.
        applies_when: column → values; where it does not hold the signal is absent by
            nature and neither grants nor denies.
        applies_when_any: columns of which one must be truthy (`1`, `true`).
        veto_only: it can deny and can never grant.
        verdict_reason: reason code instead of `VETO_<SIGNAL>`, such as `MINOR`.
    """

    name: str
    paths: tuple[str, ...] = Field(min_length=1)
    values: dict[str, Verdict] = Field(default_factory=dict)
    lower: bool = False
    detect: Literal["zero_uuid"] | None = None
    decoder: Literal["tcf_v2", "gpp", "us_privacy"] | None = None
    section_paths: tuple[str, ...] = ()
    applies_when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    applies_when_any: tuple[str, ...] = ()
    veto_only: bool = False
    verdict_reason: str | None = None

    def columns(self) -> tuple[str, ...]:
        """All columns that must be read to evaluate this signal, in a fixed order."""
        names = (
            *self.paths,
            *self.section_paths,
            *self.applies_when,
            *self.applies_when_any,
        )
        return tuple(dict.fromkeys(names))
