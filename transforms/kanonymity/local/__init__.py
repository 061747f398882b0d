"""Local recoding: classes of distinct tuples, each with labels of its own."""

from __future__ import annotations

from .choose import LocalRecoding, choose_in_part, choose_local
from .classes import ClassLabels
from .naming import RANGE, SET, TIGHT
from .problem import LocalColumn, LocalProblem, Pairs
from .release import DEFAULT_EFFORT, LocalRelease, release_locally

__all__ = [
    "DEFAULT_EFFORT",
    "RANGE",
    "SET",
    "TIGHT",
    "ClassLabels",
    "LocalColumn",
    "LocalProblem",
    "LocalRecoding",
    "LocalRelease",
    "Pairs",
    "choose_in_part",
    "choose_local",
    "release_locally",
]
