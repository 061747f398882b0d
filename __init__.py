"""optin: consent-aware Apache Beam ETL for machine-learning training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .transforms.deidentify.api import deidentify
    from .transforms.kanonymity.alone.api import kanonymize

__all__ = ["deidentify", "kanonymize"]


def __getattr__(name: str) -> Any:
    if name == "deidentify":
        from .transforms.deidentify.api import deidentify

        return deidentify
    if name == "kanonymize":
        from .transforms.kanonymity.alone.api import kanonymize

        return kanonymize
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
