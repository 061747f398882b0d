"""Privacy as Great Expectations expectations, for suites here and in your own project.

`register()`, or the first use of an expectation class, imports Great Expectations and
makes the types known to it; nothing else here does.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from .definitions import PRIVACY, Definition
from .drift import drift_baseline

if TYPE_CHECKING:
    from .expectations import (
        ExpectColumnDriftToBeBelow,
        ExpectColumnValuesToContainNoPII,
        ExpectNoDirectIdentifiers,
        ExpectOnlyConsentedSubjects,
        ExpectTableToBeKAnonymous,
        ExpectTableToBeLDiverse,
        ExpectTableToBeTClose,
        ExpectTrajectoriesToBeNonUnique,
    )

__all__ = [
    "PRIVACY",
    "Definition",
    "ExpectColumnDriftToBeBelow",
    "ExpectColumnValuesToContainNoPII",
    "ExpectNoDirectIdentifiers",
    "ExpectOnlyConsentedSubjects",
    "ExpectTableToBeKAnonymous",
    "ExpectTableToBeLDiverse",
    "ExpectTableToBeTClose",
    "ExpectTrajectoriesToBeNonUnique",
    "drift_baseline",
    "register",
]


def register() -> None:
    """Make the types known to Great Expectations, for suites that name them."""
    _load()


def __getattr__(name: str) -> Any:
    """Import what needs Great Expectations when it is asked for."""
    if name.startswith("Expect") and name in __all__:
        return getattr(_load(), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def _load() -> Any:
    with warnings.catch_warnings():  # third-party warnings at import are not ours
        warnings.simplefilter("ignore")
        from . import expectations
    return expectations
