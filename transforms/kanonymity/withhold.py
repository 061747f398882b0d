"""Withholds the classes that would give a sensitive value away.

A recoding is chosen for k alone; what it would release is then held against the rules of
the sensitive attributes, by person, and classes that do not meet them are suppressed
with those below k, within the same `suppress_max`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar, cast

import numpy as np
import pyarrow as pa

from ...policies.diversity import Sensitive
from ...policies.errors import GateError
from .counting.histogram import ROWS
from .local import LocalRecoding
from .mend import mend_classes
from .plan import AnonymityPlan
from .recoding.full_domain import Recoding
from .recoding.utility import measure_ncp
from .sensitive.diverse import class_values, judge
from .sensitive.recount import VALUE, numbered, value_people, value_triples

__all__ = ["withhold_classes", "withhold_counted", "within_share"]

Plan = TypeVar("Plan", bound=Recoding)


def withhold_classes(
    recoding: Plan,
    histogram: pa.Table,
    triples: Mapping[str, pa.Table],
    rules: Mapping[str, Sensitive],
    suppress_max: float,
    plan: AnonymityPlan | None = None,
) -> Plan:
    """Take the classes that break a rule out of a recoding.

    Args:
        recoding: chosen for k.
        histogram: what it was chosen on.
        triples: sensitive attribute → distinct (tuple, value, person) of the consented
            records, as `CollectTriples` gives them.
        rules: sensitive attribute → what every class must meet.
        suppress_max: largest share of records that may be suppressed in all.
        plan: what the recoding was chosen by. With it, classes of a local recoding are
            united with others first, where that loses less than suppressing them.

    Returns:
        A recoding all of whose classes meet all rules. t-closeness is held against the
        people of the classes that stay.

    Raises:
        GateError: too much would be suppressed, or nothing would be left.
    """
    if plan is not None and isinstance(recoding, LocalRecoding):
        mended = mend_classes(recoding, plan, histogram, triples, rules)
        recoding = cast("Plan", mended)  # what is local stays local
    names = list(recoding.quasi_identifiers)
    counted = {
        name: value_people(value_triples(recoding.apply(triples[name]), names, VALUE))
        for name in rules
    }
    kept = withhold_counted(recoding, counted, rules)
    return within_share(kept, kept.apply(histogram), suppress_max)


def withhold_counted(
    recoding: Plan, counted: Mapping[str, pa.Table], rules: Mapping[str, Sensitive]
) -> Plan:
    """Take the classes that break a rule out of a recoding.

    Args:
        recoding: chosen for k.
        counted: sensitive attribute → people of each class by value, as `value_people`
            gives them.
        rules: sensitive attribute → what every class must meet.

    Not covered: how much is suppressed (`within_share`).
    """
    names = list(recoding.quasi_identifiers)
    kept = recoding
    while True:
        broken = [
            table
            for name, rule in rules.items()
            if (table := _broken(counted[name], names, name, rule)).num_rows
        ]
        if not broken:
            break
        gone = pa.concat_tables(broken)
        kept = kept.without(gone)
        # Those that stay are everybody now, so t-closeness has to be asked again.
        counted = {
            name: _outside(table, gone, names) for name, table in counted.items()
        }
    return kept


def _broken(
    counted: pa.Table, names: list[str], column: str, rule: Sensitive
) -> pa.Table:
    """Give the labels of the classes that do not meet a rule."""
    classes = counted.select(names)
    if not counted.num_rows:
        return classes
    held, scale, first = class_values(counted, column, rule)
    meets = judge(held, rule, scale.distance).meets
    return classes.take(pa.array(first[~meets]))


def _outside(counted: pa.Table, gone: pa.Table, names: list[str]) -> pa.Table:
    both = pa.concat_tables([gone.select(names), counted.select(names)])
    number, _ = numbered(both)
    left = ~np.isin(number[gone.num_rows :], number[: gone.num_rows])
    return counted.filter(pa.array(left))


def within_share(kept: Plan, left: pa.Table, suppress_max: float) -> Plan:
    """Count the records that go, in all, and refuse too many.

    Args:
        kept: the recoding after classes were withheld.
        left: the labels that it releases, with their `optin:rows`.
        suppress_max: largest share of records that may be suppressed in all.

    Raises:
        GateError: too much would be suppressed, or nothing would be left.
    """
    total = kept.records
    released = int(left.column(ROWS).to_numpy().sum())
    gone = total - released
    if released == 0 or gone > math.floor(Fraction(str(suppress_max)) * total):
        share = gone / max(total, 1)
        message = (
            f"sensitive: {share:.1%} of the records lie in classes "
            f"below k or against a rule, more than suppress_max ({suppress_max:.1%}) "
            "allows. Raise suppress_max, weaken the rules, or coarsen the hierarchies"
        )
        raise GateError(message)
    return kept.with_suppressed(
        gone / max(total, 1), measure_ncp(kept.facts, left, total)
    )
