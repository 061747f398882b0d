"""What every run says of attacks on its own release; from the plan alone, at no cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..counting.codes import Ints
from ..ladders.sets import set_members
from ..local import RANGE, SET, LocalRecoding
from ..recoding.full_domain import Recoding
from ..routing import BucketedRecoding

__all__ = ["AttackReport", "report_attacks"]


@dataclass(frozen=True)
class AttackReport:
    """What ranges, sets and gaps give away, 0 to 1.

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
        set_values: share of the cells that show a set of values which the set gives away
            at least: each of its values is that of a record of the class.
    """

    withheld_records: float
    united_records: float
    range_ends: float
    set_values: float = 0.0


def report_attacks(
    chosen: Recoding,
    released: Recoding,
    published: int,
    *,
    ranges: bool,
    sets: bool = False,
) -> AttackReport:
    """Measure what ranges, sets and gaps give away.

    Args:
        chosen: the recoding for k alone.
        released: the same after classes that break a rule were withheld.
        published: records that are released.
        ranges: whether numbers and dates are published as tight ranges.
        sets: whether categories are published as sets of values.

    Not covered: what the choice of the classes gives away beyond (`downcode`).
    """
    withheld = released.suppressed_share - chosen.suppressed_share
    ends = united = listed = 0.0
    if isinstance(released, LocalRecoding):
        united = released.united_share
    if isinstance(released, LocalRecoding | BucketedRecoding):
        ends = _told(released, RANGE, published) if ranges else 0.0
        listed = _told(released, SET, published) if sets else 0.0
    return AttackReport(max(withheld, 0.0), united, min(ends, 1.0), min(listed, 1.0))


def _told(
    released: LocalRecoding | BucketedRecoding, level: str, published: int
) -> float:
    """Give the share of the cells of a level whose value the labels tell."""
    shares = {
        name: share.get(level, 0.0) if isinstance(share, Mapping) else 0.0
        for name, share in released.levels.items()
    }
    cells = sum(shares.values()) * published
    if not cells:
        return 0.0
    plans: Iterable[LocalRecoding] = (
        [released] if isinstance(released, LocalRecoding) else released.plans()
    )
    told = 0
    for plan in plans:
        held = np.unique(plan.class_of[plan.class_of >= 0])
        for name in (name for name, share in shares.items() if share):
            of_class = _ends(plan, name) if level == RANGE else _members(plan, name)
            told += int(of_class[held].sum())
    return told / cells


def _ends(plan: LocalRecoding, name: str) -> Ints:
    """Give two for each class that shows a range: its ends."""
    low, high = (plan.bounds.column(f"{end}:{name}") for end in ("lower", "upper"))
    return 2 * pc.not_equal(low, high).fill_null(False).to_numpy().astype(np.int64)


def _members(plan: LocalRecoding, name: str) -> Ints:
    """Give the size of each class's set of values, 0 where it shows none."""
    coded = pc.dictionary_encode(plan.labels.column(name).cast(pa.string()))
    coded = coded.combine_chunks()
    texts = coded.dictionary.to_pylist()
    sizes = np.array([len(set_members(one) or ()) for one in texts], dtype=np.int64)
    return sizes[coded.indices.to_numpy(zero_copy_only=False)]
