"""All tools of the benchmark, in the order of its table."""

from __future__ import annotations

from typing import Final

from .adapter import Adapter
from .of_anjana import ANJANA
from .of_anonypy import ANONYPY
from .of_anonypyx import ANONYPYX
from .of_optin import OPTIN
from .of_polarfrost import POLARFROST
from .of_umbra_k import UMBRA_K

__all__ = ["ROSTER"]

ROSTER: Final[tuple[Adapter, ...]] = (
    *OPTIN,
    ANJANA,
    ANONYPY,
    ANONYPYX,
    POLARFROST,
    UMBRA_K,
)
