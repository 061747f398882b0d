"""What every run says of attacks on its own release; from the plan alone, at no cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from ..local import LocalRecoding
from ..recoding.full_domain import Recoding
from ..routing import BucketedRecoding

__all__ = ["AttackReport", "report_attacks"]


@dataclass(frozen=True)
class AttackReport:
    """What ranges and gaps give away, 0 to 1.

    Attributes:
        withheld_records: share of the consented records that rules on sensitive
            attributes took out of classes of k people. Whoever has a register of
            everybody's quasi-identifiers sees the gap, and learns that the people in it
            break a rule.
        united_records: share of the consented records whose classes were united because
            one of them broke such a rule. With the same register one sees which, and
            learns that one or the other does.
        range_ends: share of the cells that show a tight range which its ends give away
            at least: each end is the value of a record of the class.
    """

    withheld_records: float
    united_records: float
    range_ends: float


def report_attacks(
    chosen: Recoding, released: Recoding, published: int, *, ranges: bool
) -> AttackReport:
    """Measure what ranges and gaps give away.

    Args:
        chosen: the recoding for k alone.
        released: the same after classes that break a rule were withheld.
        published: records that are released.
        ranges: whether numbers and dates are published as tight ranges.

    Not covered: what the choice of the classes gives away beyond (`downcode`).
    """
    withheld = released.suppressed_share - chosen.suppressed_share
    ends = united = 0.0
    if isinstance(released, LocalRecoding):
        united = released.united_share
        ends = _ends([released], released.levels, published) if ranges else 0.0
    if ranges and isinstance(released, BucketedRecoding):
        ends = _ends(released.plans(), released.levels, published)
    return AttackReport(max(withheld, 0.0), united, min(ends, 1.0))


def _ends(
    plans: Iterable[LocalRecoding], levels: Mapping[str, object], published: int
) -> float:
    shares = {
        name: share.get("range", 0.0) if isinstance(share, Mapping) else 0.0
        for name, share in levels.items()
    }
    cells = sum(shares.values()) * published
    ends = 0
    for plan in plans if cells else ():
        held = np.unique(plan.class_of[plan.class_of >= 0])
        for name, share in shares.items():
            if not share:
                continue
            low, high = (
                plan.bounds.column(f"{end}:{name}") for end in ("lower", "upper")
            )
            wide = pc.not_equal(low, high).fill_null(False).to_numpy()
            ends += 2 * int(wide[held].sum())
    return ends / cells if cells else 0.0
