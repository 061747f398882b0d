"""HOW it is done: Beam transforms and the Arrow kernels inside them.

The transforms that work alone, in anybody's pipeline, are offered here; they are
imported when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .deidentify.stage import Deidentify
    from .kanonymity.alone.transform import KAnonymize

__all__ = ["Deidentify", "KAnonymize"]


def __getattr__(name: str) -> Any:
    if name == "Deidentify":
        from .deidentify.stage import Deidentify

        return Deidentify
    if name == "KAnonymize":
        from .kanonymity.alone.transform import KAnonymize

        return KAnonymize
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
