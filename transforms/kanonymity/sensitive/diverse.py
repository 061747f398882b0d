"""Holds classes against what a policy asks of a sensitive attribute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....policies.diversity import Sensitive
from ....policies.errors import GateError
from ....policies.hierarchies import load_table_hierarchy
from ..counting.codes import Ints
from .diversity import ClassValues, Distance, Floats
from .recount import PEOPLE, POPULATION, VALUE, numbered

__all__ = [
    "Judgement",
    "SensitiveReport",
    "ValueScale",
    "class_values",
    "judge",
    "report_sensitive",
]

_SLACK = 1e-9
"""What floating-point sums may err by: log(3) of three equal values is not exact."""


@dataclass(frozen=True)
class ValueScale:
    """The values of one sensitive attribute, numbered, and how far apart they are.

    Attributes:
        values: distinct values without null, in their type; the number of a value is
            its position.
        distance: between them.
    """

    values: pa.Array
    distance: Distance

    @classmethod
    def of(cls, column: str, rule: Sensitive, values: pa.Array) -> ValueScale:
        """Number the values that occur.

        Args:
            column: name of the attribute, for messages.
            rule: what the policy says of it.
            values: any values of it; null and repetition do not matter.

        Raises:
            GateError: a value stands neither in `order` nor in `table`; how many do, is
                said, and none of them.
        """
        distinct = pc.unique(values).drop_null()
        if rule.distance == "hierarchical" and rule.table is not None:
            return _in_table(column, rule.table, distinct)
        if rule.order:
            known = pa.array(rule.order, pa.string())
            _refuse_unknown(column, distinct.cast(pa.string()), known, "order")
            return cls(known, Distance(ordered=rule.distance == "ordered"))
        distinct = distinct.take(pc.array_sort_indices(distinct))
        return cls(distinct, Distance(ordered=rule.distance == "ordered"))

    def numbers(self, values: pa.Array) -> Ints:
        """Give the number of every value; -1 for null."""
        found = pc.index_in(values.cast(self.values.type), self.values)
        return found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _in_table(column: str, path: str, distinct: pa.Array) -> ValueScale:
    table = load_table_hierarchy(path)
    known = pa.array(table.leaves, pa.string())
    _refuse_unknown(column, distinct.cast(pa.string()), known, "table")
    parents = tuple(
        np.unique(np.array(level, dtype=object).astype(str), return_inverse=True)[1]
        .reshape(-1)
        .astype(np.int64)
        for level in table.levels
    )
    return ValueScale(known, Distance(parents))


def _refuse_unknown(column: str, found: pa.Array, known: pa.Array, where: str) -> None:
    missing = len(found) - int(pc.sum(pc.is_in(found, known)).as_py() or 0)
    if missing:
        message = (
            f"sensitive: {missing} value(s) of column {column} are not in its "
            f"{where}, so no distance is known for them; add them. Nothing is published"
        )
        raise GateError(message)


@dataclass(frozen=True)
class Judgement:
    """What each class reaches; null where the policy does not ask for it.

    Attributes:
        meets: whether each class meets all that is asked.
        diversity: l reached by each class, in the policy's way of counting.
        closeness: distance t of each class.
        share: alpha of each class.
    """

    meets: npt.NDArray[np.bool_]
    diversity: Floats | None
    closeness: Floats | None
    share: Floats | None


def judge(
    counted: ClassValues,
    rule: Sensitive,
    distance: Distance,
    overall: Floats | None = None,
) -> Judgement:
    """Hold classes against a rule, by person.

    Args:
        counted: people of each class by value.
        rule: what every class must meet.
        distance: between the values.
        overall: people of the whole set by value, the missing value last; the sum of the
            classes by default.
    """
    meets = np.ones(counted.classes, dtype=np.bool_)
    diversity = closeness = share = None
    if rule.l is not None:
        diversity = _diversity(counted, rule)
        meets &= diversity >= rule.l - _SLACK
    if rule.t is not None:
        closeness = counted.closeness(distance, overall)
        meets &= closeness <= rule.t + _SLACK
    if rule.alpha is not None:
        share = counted.largest_share()
        meets &= share <= rule.alpha + _SLACK
    return Judgement(meets, diversity, closeness, share)


def _diversity(counted: ClassValues, rule: Sensitive) -> Floats:
    if rule.diversity == "entropy":
        return counted.entropy()
    if rule.diversity == "recursive" and rule.c is not None:
        return counted.recursive(rule.c).astype(np.float64)
    return counted.distinct().astype(np.float64)


@dataclass(frozen=True)
class SensitiveReport:
    """What the recount found for one sensitive attribute.

    Attributes:
        column: its name.
        classes: equivalence classes.
        violating_classes: those that do not meet the rule.
        diversity: smallest l reached, or null if none is asked for.
        closeness: largest t.
        share: largest alpha.
    """

    column: str
    classes: int
    violating_classes: int
    diversity: float | None
    closeness: float | None
    share: float | None

    @property
    def reached(self) -> dict[str, float]:
        """What the worst class reaches, by measure; what was not asked for is left out."""
        found = {
            "l_reached": _floor(self.diversity),
            "t_reached": _ceiling(self.closeness),
            "alpha_reached": _ceiling(self.share),
        }
        return {name: value for name, value in found.items() if value is not None}


def _floor(number: float | None) -> float | None:
    return None if number is None else math.floor(number * 1e6 + 1e-3) / 1e6


def _ceiling(number: float | None) -> float | None:
    return None if number is None else math.ceil(number * 1e6 - 1e-3) / 1e6


def class_values(
    counted: pa.Table, column: str, rule: Sensitive
) -> tuple[ClassValues, ValueScale, Ints]:
    """Number classes and values of a count as `value_people` gives it.

    Returns:
        The people, the scale of the values, and per class its first row in `counted`.

    Raises:
        GateError: see `ValueScale.of`.
    """
    values = counted.column(VALUE).combine_chunks()
    scale = ValueScale.of(column, rule, values)
    of_class, first = numbered(counted.drop_columns([VALUE, PEOPLE, POPULATION]))
    population = counted.column(POPULATION).to_numpy().astype(np.int64)
    held = ClassValues(
        classes=len(first),
        values=len(scale.values),
        of_class=of_class,
        of_value=scale.numbers(values),
        people=counted.column(PEOPLE).to_numpy().astype(np.int64),
        population=population[first],
    )
    return held, scale, first


def report_sensitive(
    counted: pa.Table | None, column: str, rule: Sensitive
) -> SensitiveReport:
    """Judge the classes of the staged set for one sensitive attribute.

    Args:
        counted: all rows of `CountValues` on the staged set.
        column: the attribute.
        rule: what every class must meet.

    Raises:
        GateError: see `ValueScale.of`.
    """
    if counted is None or counted.num_rows == 0:
        return SensitiveReport(column, 0, 0, None, None, None)
    held, scale, _ = class_values(counted, column, rule)
    found = judge(held, rule, scale.distance)
    return SensitiveReport(
        column=column,
        classes=held.classes,
        violating_classes=int((~found.meets).sum()),
        diversity=_extreme(found.diversity, np.min),
        closeness=_extreme(found.closeness, np.max),
        share=_extreme(found.share, np.max),
    )


def _extreme(reached: Floats | None, of: Any) -> float | None:
    return None if reached is None else float(of(reached))
