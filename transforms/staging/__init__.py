"""The invisible half of a release: cleared records in between, parts before publishing.

Pass 1 *spills* consented, de-identified blocks into files that are sorted by bucket; pass
2 *gathers* one bucket range per part. Shuffling through files keeps memory bounded on
every runner and makes the release independent of input order, splits and bundling.
"""

from __future__ import annotations

from .parts import PartFile, WriteParts, plan_parts
from .spill import BUCKETS, SpillBlocks, SpillFile

__all__ = [
    "BUCKETS",
    "PartFile",
    "SpillBlocks",
    "SpillFile",
    "WriteParts",
    "plan_parts",
]
