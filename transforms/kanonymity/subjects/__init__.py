"""People with many records: one tuple a person, and at most so many records of each.

Where the published set keeps a pseudonym, the rows of a person can be linked, and a set
of classes may single out whom no class alone does. `harmonise` gives each person one
tuple; `links` unites people who share a published identifier; `contribution` limits the
records of a person; `recount` counts both again on what was written.
"""

from __future__ import annotations

from .contribution import CollectDraws, StoredLimits, store_limits
from .harmonise import Harmonised
from .links import CollectShared
from .people import CollectTuples, SettledPeople, StoredPeople, settle_people
from .recount import CountLinks, LinkReport, report_links

__all__ = [
    "CollectDraws",
    "CollectShared",
    "CollectTuples",
    "CountLinks",
    "Harmonised",
    "LinkReport",
    "SettledPeople",
    "StoredLimits",
    "StoredPeople",
    "report_links",
    "settle_people",
    "store_limits",
]
