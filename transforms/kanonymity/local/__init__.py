"""Local recoding: classes of distinct tuples, each with labels of its own."""

from __future__ import annotations

from .choose import RANGE, LocalRecoding, choose_in_part, choose_local
from .classes import ClassLabels
from .problem import LocalColumn, LocalProblem, Pairs
from .release import DEFAULT_EFFORT, LocalRelease, release_locally

__all__ = [
    "DEFAULT_EFFORT",
    "RANGE",
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
