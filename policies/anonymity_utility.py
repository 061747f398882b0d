"""The `anonymity.utility:` part of a policy: how much may be lost at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from .signals import Frozen

if TYPE_CHECKING:
    from .draft import Draft
    from .yaml_source import Path_

__all__ = ["Utility", "check_utility"]

_GATES = ("max_ncp", "max_suppressed")


class Utility(Frozen):
    """What a set must still be worth to be published; gates, which steer no choice.

    Attributes:
        max_ncp: largest normalised certainty penalty of the published set, 0 to 1,
            where a suppressed record counts 1; no gate by default.
        max_suppressed: largest share of the consented records, after
            `contribution_cap`, that is suppressed in the end, 0 to 1; no gate by
            default.
    """

    max_ncp: float | None = Field(default=None, ge=0, le=1)
    max_suppressed: float | None = Field(default=None, ge=0, le=1)

    @property
    def asked(self) -> bool:
        """Whether there is a gate at all."""
        return self.max_ncp is not None or self.max_suppressed is not None


def check_utility(draft: Draft) -> None:
    """Refuse gates that ask for nothing; warn of one that can never close."""
    base: Path_ = ("anonymity", "utility")
    if not isinstance(draft.get(*base), dict):
        return
    if not any(draft.has(*base, gate) for gate in _GATES) and not draft.is_touched(
        base
    ):
        message = "nothing is asked for; give 'max_ncp' or 'max_suppressed'"
        draft.report("E197", message, base, key=True)
    gate = draft.number(*base, "max_suppressed")
    given = draft.number("anonymity", "suppress_max")
    budget = 0.05 if given is None else given
    sound = not draft.is_broken(("anonymity", "suppress_max"))
    if sound and gate is not None and gate >= budget:
        message = (
            f"max_suppressed {gate:g} does nothing: suppress_max ({budget:g}) lets no "
            "more be suppressed"
        )
        draft.report("W197", message, (*base, "max_suppressed"))
