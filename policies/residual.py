"""The `residual:` part of a policy: what may be left in the output, and how much."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .draft import Draft, did_you_mean, shown
from .signals import Frozen

__all__ = ["RESIDUAL_ENTITIES", "Residual", "check_residual"]

RESIDUAL_ENTITIES = (
    "CREDIT_CARD",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "NATIONAL_ID",
    "PERSON",
    "PHONE_NUMBER",
    "SECRET",
    "UUID",
)
"""What the second detector looks for, whatever the first was asked to find."""

Share = Annotated[float, Field(ge=0, le=1)]


class Residual(Frozen):
    """How the output is searched for what the cleaning left.

    Attributes:
        sample: most distinct values of a column that are looked at; of more, those
            whose keyed hash is smallest.
        max_share: entity → largest share of a column's sampled values that may hold
            it. Without an entry nothing that is certain (a right check digit, an
            e-mail address, …) may be left, and what is only possible is a warning.
        skip: published columns that are not looked at; the run says so.
        model: `auto` lets the language model look for names in a smaller sample of
            scanned columns that rules alone have cleaned, if it is installed; `never`.
    """

    sample: int = Field(default=10_000, ge=100, le=1_000_000)
    max_share: dict[str, Share] = Field(default_factory=dict)
    skip: tuple[str, ...] = ()
    model: Literal["auto", "never"] = "auto"


def check_residual(draft: Draft, published: tuple[str, ...]) -> None:
    """Check the `residual:` block; note findings."""
    for entity in draft.keys("residual", "max_share"):
        if entity not in RESIDUAL_ENTITIES:
            message = (
                f"unknown entity {shown(entity)}; the second detector does not look "
                f"for it.{did_you_mean(entity, RESIDUAL_ENTITIES)}"
            )
            draft.report("E170", message, ("residual", "max_share", entity), key=True)
    for path, name in draft.texts("residual", "skip"):
        if name not in published:
            message = (
                f"{shown(name)} is no published column, so there is nothing to "
                f"skip.{did_you_mean(name, published)}"
            )
            draft.report("E189", message, path)
