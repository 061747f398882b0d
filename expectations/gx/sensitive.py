"""l-diversity and t-closeness of people: what a class tells of a sensitive attribute.

Machanavajjhala et al., "l-Diversity", TKDD 1(1), 2007; Li et al., "t-Closeness", ICDE
2007. The measures are those of `transforms.kanonymity`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from ...policies.diversity import Sensitive
from ...policies.errors import OptinError
from ...transforms.blocks.names import SUBJECT
from ...transforms.kanonymity import SensitiveReport
from ...transforms.kanonymity.sensitive.diverse import class_values, judge
from ...transforms.kanonymity.sensitive.recount import (
    PEOPLE,
    POPULATION,
    VALUE,
    numbered,
    value_people,
)
from .classes import check_share, check_who, label_names
from .measure import ArgumentError, Facts, Outcome, UnfitError
from .tables import as_texts, label_columns, people_of

__all__ = ["Sensitivity", "ValueState", "closeness_of", "diversity_of"]

_ROWS = "rows"


@dataclass(frozen=True)
class ValueState:
    """Rows of a part by class, value and person (if people are told apart)."""

    table: pa.Table | None = None

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Add up the rows of disjoint parts."""
        tables = [state.table for state in states if state.table is not None]
        if len(tables) < 2:
            return cls(tables[0] if tables else None)
        return cls(_summed(pa.concat_tables(tables), tables[0].column_names[:-1]))


def _summed(table: pa.Table, names: Sequence[str]) -> pa.Table:
    kept = table.select([*names, _ROWS])
    counted = kept.group_by(list(names), use_threads=False).aggregate([(_ROWS, "sum")])
    return counted.rename_columns([*names, _ROWS])


@dataclass(frozen=True)
class Sensitivity:
    """Every class meets a rule for a sensitive attribute, but for a share of the rows.

    Attributes:
        quasi_identifiers: columns that make a class.
        sensitive_column: the attribute.
        rule: l or t, and how it is counted.
        subject_column: whom a row is about; None: each row is a person of its own.
        max_violating_fraction: largest share of rows in classes that break the rule.
    """

    quasi_identifiers: tuple[str, ...]
    sensitive_column: str
    rule: Sensitive
    subject_column: str | None
    max_violating_fraction: float

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        who = () if self.subject_column is None else (self.subject_column,)
        return (*self.quasi_identifiers, self.sensitive_column, *who)

    def state_of(self, block: pa.RecordBatch) -> ValueState:
        """Count the block's rows by class, value and person."""
        labels = label_columns(block, self.quasi_identifiers)
        (values,) = label_columns(block, [self.sensitive_column])
        if self.rule.order or self.rule.table:
            values = as_texts(values, self.sensitive_column)
        elif self.rule.distance == "ordered" and pa.types.is_string(values.type):
            message = (
                f"column {self.sensitive_column!r} is text, which has no order of its "
                "own; list its values under 'order'"
            )
            raise UnfitError(message)
        names = [*label_names(len(labels)), VALUE]
        arrays = [*labels, values]
        if self.subject_column is not None:
            names.append(SUBJECT)
            arrays.append(people_of(block, self.subject_column))
        if not block.num_rows:
            return ValueState()
        ones = pa.array(np.ones(block.num_rows, dtype=np.int64))
        table = pa.table([*arrays, ones], names=[*names, _ROWS])
        return ValueState(_summed(table, names))

    def facts(self, state: ValueState) -> Facts:
        """Judge the classes of the whole."""
        if state.table is None:
            return {"rows": 0}
        names = [
            n for n in state.table.column_names if n not in (VALUE, SUBJECT, _ROWS)
        ]
        try:
            held, scale, first = class_values(
                counted := self._people(state.table, names),
                self.sensitive_column,
                self.rule,
            )
        except OptinError:
            message = (
                f"column {self.sensitive_column!r} has values for which no distance is "
                "known; complete 'order' or 'hierarchy'"
            )
            raise UnfitError(message) from None
        found = judge(held, self.rule, scale.distance)
        per_class = _summed(state.table, names)
        places = _places(counted.select(names).take(pa.array(first)), per_class, names)
        rows = per_class.column(_ROWS).to_numpy()[places]
        report = SensitiveReport(
            self.sensitive_column,
            held.classes,
            int((~found.meets).sum()),
            None if found.diversity is None else float(found.diversity.min()),
            None if found.closeness is None else float(found.closeness.max()),
            None,
        )
        return {
            "rows": int(rows.sum()),
            "classes": report.classes,
            "violating_classes": report.violating_classes,
            "violating_rows": int(rows[~found.meets].sum()),
            **report.reached,
        }

    def _people(self, table: pa.Table, names: Sequence[str]) -> pa.Table:
        """Count people by class and value, as the recount of a release does."""
        if self.subject_column is not None:
            return value_people(table.drop_columns([_ROWS]))
        whole = _summed(table, names)
        places = _places(table.select(list(names)), whole, names)
        population = whole.column(_ROWS).take(pa.array(places))
        counted = table.rename_columns([*names, VALUE, PEOPLE])
        counted = counted.append_column(POPULATION, population)
        return counted.sort_by([(name, "ascending") for name in [*names, VALUE]])

    def decide(self, facts: Facts) -> Outcome:
        """Hold the share of rows in classes that break the rule against the limit."""
        reached = facts.get("l_reached", facts.get("t_reached"))
        return check_share(
            facts,
            "violating_rows",
            self.max_violating_fraction,
            "rows stand in classes that give a sensitive value away",
            observed=reached,
        )


def _places(wanted: pa.Table, keys: pa.Table, names: Sequence[str]) -> Any:
    """Find each row of a table among the distinct rows of another."""
    number, first = numbered(pa.concat_tables([keys.select(list(names)), wanted]))
    return first[number[keys.num_rows :]]


def diversity_of(kwargs: Mapping[str, Any]) -> Sensitivity:
    """Read the arguments of l-diversity.

    Raises:
        ArgumentError: they do not go together.
    """
    words = ("distinct", "entropy", "recursive")
    diversity: Any = kwargs.get("diversity") or "distinct"
    if diversity not in words:
        raise ArgumentError(
            key="diversity", problem=f"must be one of {', '.join(words)}"
        )
    if kwargs["l"] < 2:
        raise ArgumentError(key="l", problem="must be at least 2; l = 1 hides nothing")
    c = kwargs.get("c")
    if (diversity == "recursive") != (c is not None):
        raise ArgumentError(
            key="c", problem="goes with diversity: recursive, and only with it"
        )
    if c is not None and c <= 0:
        raise ArgumentError(key="c", problem="must be above 0")
    rule = Sensitive(l=kwargs["l"], diversity=diversity, c=c)
    return _sensitivity(kwargs, rule)


def closeness_of(kwargs: Mapping[str, Any]) -> Sensitivity:
    """Read the arguments of t-closeness.

    Raises:
        ArgumentError: they do not go together.
    """
    words = ("equal", "ordered", "hierarchical")
    distance: Any = kwargs.get("distance") or "equal"
    if distance not in words:
        raise ArgumentError(
            key="distance", problem=f"must be one of {', '.join(words)}"
        )
    if not 0 < kwargs["t"] < 1:
        raise ArgumentError(key="t", problem="must be above 0 and below 1")
    order, table = tuple(kwargs.get("order") or ()), kwargs.get("hierarchy")
    if order and distance != "ordered":
        raise ArgumentError(key="order", problem="goes with distance: ordered")
    if (table is not None) != (distance == "hierarchical"):
        raise ArgumentError(
            key="hierarchy", problem="goes with distance: hierarchical, and it needs it"
        )
    rule = Sensitive(t=kwargs["t"], distance=distance, order=order, table=table)
    return _sensitivity(kwargs, rule)


def _sensitivity(kwargs: Mapping[str, Any], rule: Sensitive) -> Sensitivity:
    quasi, column = tuple(kwargs["quasi_identifiers"]), kwargs["sensitive_column"]
    if column in quasi:
        message = "is a quasi-identifier, so it cannot vary within a class"
        raise ArgumentError(key="sensitive_column", problem=message)
    subject = check_who(kwargs, quasi)
    if subject == column:
        raise ArgumentError(key="sensitive_column", problem="is the data subject")
    share = float(kwargs.get("max_violating_fraction") or 0.0)
    return Sensitivity(quasi, column, rule, subject, share)
