"""Ladders: the generalisation levels of one quasi-identifier, with the loss of each.

Level 0 is the value as it stands, the last level is `*`. A quasi-identifier is always
published as text, so that the schema does not depend on the level that was chosen.

Loss is Iyengar's (V. Iyengar, "Transforming data to satisfy privacy constraints", KDD
2002, §3): for categories (leaves under the label - 1) / (leaves - 1), for numbers and
dates width of the label's interval / width of the domain, both of the data at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ....policies.columns import Column, Hierarchy
from ....policies.hierarchies import load_table_hierarchy
from ....policies.hierarchy_builtin import BUILTIN_LEVELS, Builtin, builtin_labels
from .labels import (
    TOP,
    LabelOf,
    calendar_of,
    escaped,
    groups_of,
    interval,
    interval_of,
    labelled,
    networks_of,
    powers_of,
    prefix_of,
    table_of,
    text_of,
)
from .losses import (
    Floats,
    Rungs,
    category_loss,
    interval_loss,
    number_of,
    rungs_by_rule,
    table_loss,
)
from .nesting import require_nesting

__all__ = ["TOP", "Ladder", "build_ladder"]


@dataclass(frozen=True)
class Ladder:
    """How one column generalises; knows nothing of the data yet.

    Attributes:
        column: the column's name.
        names: one word per level, for reports.
        kind: `interval` (numbers, dates) or `category`.
        base: width of level 0 for numbers, in the column's unit; 0 for single values.
        widths: `interval`: width of each level between value and `*`.
        anchor: `interval`: where an interval of every width starts.
        bases: `interval`: base of the powers at each level between.
        units: `dates`: calendar unit of each level between.
        quantiles: groups of about equally many people at each level between.
        edges: `quantiles`: edges of each level between, once they are known
            (`fit_ladders`).
        ip: bits of IPv4 networks at each level between; of IPv6 twice as many.
        prefix: characters kept at each level between.
        table: leaf → labels of each level between, from a table.
        builtin: name of a built-in hierarchy.
        outside: `table`, `builtin`: a value that is no leaf stops the choice (`error`), or is `*`
            at every level (`suppress`).
        weight: how much the column's loss counts in a choice, > 0.
        max_level: coarsest level that may be used; None is the last.
    """

    column: str
    names: tuple[str, ...]
    kind: str = "category"
    base: float = 0.0
    widths: tuple[float, ...] = ()
    anchor: float = 0.0
    bases: tuple[int, ...] = ()
    units: tuple[str, ...] = ()
    quantiles: tuple[int, ...] = ()
    edges: tuple[tuple[Any, ...], ...] | None = None
    ip: tuple[int, ...] = ()
    prefix: tuple[int, ...] = ()
    table: dict[str, tuple[str, ...]] | None = None
    builtin: Builtin | None = None
    outside: Literal["error", "suppress"] = "error"
    weight: float = 1.0
    max_level: int | None = None

    def on(self, values: Sequence[Any]) -> Rungs:
        """Label every distinct value (null is None) at every level.

        Args:
            values: the distinct values of the column in the data.
        """
        if self.by_rule:
            return rungs_by_rule(values, self._by_rule, len(self.names) - 1)
        levels: list[LabelOf] = [self._level_zero, *self._between(), lambda _: TOP]
        labels = [
            tuple(labelled(label_of, value) for value in values) for label_of in levels
        ]
        labels[-1] = tuple(TOP for _ in values)
        losses = [
            np.zeros(len(values)),
            *(self._loss(values, labels[n], n) for n in range(1, len(labels) - 1)),
            np.ones(len(values)),
        ]
        if self.base:
            losses[0] = self._loss(values, labels[0], 0)
        if self.table is not None:
            losses[0] = np.array([float(label == TOP) for label in labels[0]])
        return Rungs(tuple(labels), tuple(losses))

    @property
    def by_rule(self) -> bool:
        """Whether a rule names all labels of a value: a built-in hierarchy, networks."""
        return self.builtin is not None or bool(self.ip)

    @property
    def set_valued(self) -> bool:
        """Whether classes may be named by sets of values: categories, and no ages."""
        return self.kind == "category" and self.builtin != "age"

    def leaves_of(self, values: Sequence[Any], rungs: Rungs) -> int:
        """Count the leaves that a set of categories is measured by.

        Args:
            values: the distinct values of the data; a missing one is None.
            rungs: the ladder put to them.
        """
        if self.table is not None:
            return len(self.table)
        if not self.by_rule:
            return len(values)
        pairs = zip(values, rungs.labels[0], strict=True)
        return len({label for value, label in pairs if value is not None} - {TOP})

    def places(self, values: Sequence[Any]) -> list[str | None] | None:
        """Give where categories stand: the labels of each from the coarsest to its own.

        Sorted by them, values that share a label stand together. What is outside stands
        behind all others; a missing value has no place. None for a column whose values
        stand in order by themselves.
        """
        if not self.by_rule and self.table is None:
            return None
        places: list[str | None] = []
        for value in values:
            labels: Sequence[str] | None
            if self.by_rule:
                labels = None if value is None else self._by_rule(value)
            else:
                known = (self.table or {}).get(text_of(value))
                labels = None if known is None else (text_of(value), *known)
            outside = None if value is None else f"\x7f{TOP}{text_of(value)}"
            places.append("\x1f".join(reversed(labels)) if labels else outside)
        return places

    def refused(self, values: Sequence[Any]) -> npt.NDArray[np.bool_]:
        """Tell which of the values stop the choice: those that no leaf stands for.

        None of them where the policy lets them be `*`; a missing value never is one.
        """
        if self.outside == "suppress":
            return np.zeros(len(values), dtype=np.bool_)
        return np.array(
            [value is not None and self._is_outside(value) for value in values],
            dtype=np.bool_,
        )

    def positions(self, values: Sequence[Any]) -> Floats | None:
        """Give where values lie on the axis of numbers, NaN for a null.

        None for a column that is no axis: its labels are names.
        """
        if self.kind != "interval":
            return None
        return np.array([number_of(value) for value in values], dtype=np.float64)

    def range_label(self, low: Any, high: Any) -> str:
        """Name the range from one value to another; both are among its values.

        Buckets end where the next begins: `[1980, 2000)`; single values do not: `[30, 34]`.
        """
        if low == high:
            return self._level_zero(low)
        if self.base:
            first, last = interval(low, self.base), interval(high, self.base)
            return f"{first.split(', ')[0]}, {last.split(', ')[1]}"
        return f"[{text_of(low)}, {text_of(high)}]"

    def _is_outside(self, value: Any) -> bool:
        if self.by_rule:
            return self._by_rule(value) is None
        return self.table is not None and text_of(value) not in self.table

    def _by_rule(self, value: Any) -> tuple[str, ...] | None:
        if self.builtin is not None:
            return builtin_labels(self.builtin, value)
        return networks_of(value, self.ip)

    def _level_zero(self, value: Any) -> str:
        if self._is_outside(value):
            return TOP
        return interval(value, self.base) if self.base else escaped(text_of(value))

    def _between(self) -> list[LabelOf]:
        if self.widths:
            finest = self.base or self.widths[0]
            return [interval_of(one, self.anchor, finest) for one in self.widths]
        if self.bases:
            return [powers_of(base, self.bases[0]) for base in self.bases]
        if self.units:
            return [calendar_of(unit) for unit in self.units]
        if self.quantiles:
            if self.edges is None:
                message = "quantile levels have no edges yet: fit_ladders gives them"
                raise ValueError(message)
            return [groups_of(edges) for edges in self.edges]
        if self.prefix:
            return [prefix_of(length) for length in self.prefix]
        if self.table:
            table = self.table
            depth = len(next(iter(table.values())))
            return [table_of(table, level) for level in range(depth)]
        return []

    def _loss(
        self, values: Sequence[Any], labels: tuple[str, ...], level: int
    ) -> Floats:
        if self.kind == "interval":
            return interval_loss(values, labels, self.base)
        if self.table is not None:
            # The table's leaves are the domain, whether or not the data holds them.
            return table_loss(self.table, values, labels, level - 1)
        return category_loss(labels)


def build_ladder(column: Column) -> Ladder:
    """Build the ladder that a policy's column asks for.

    Raises:
        PolicyError: the hierarchy table cannot be read.
        InputError: levels that do not nest (of a policy's column the loader saw it).
    """
    require_nesting(column)
    hierarchy = column.hierarchy or Hierarchy()
    numeric = column.published_storage in {"int64", "float64"}
    base = float(column.width or 0.0) if column.action == "bucket" else 0.0
    widths = hierarchy.widths or ()
    if base and not widths and column.hierarchy is None:
        widths = (base * 2, base * 4, base * 8)
    if widths:
        names = tuple(f"width {width:g}" for width in widths)
        return _ladder(
            column,
            names,
            kind="interval",
            base=base,
            widths=widths,
            anchor=hierarchy.anchor,
        )
    if hierarchy.logarithmic:
        names = tuple(f"powers of {base_}" for base_ in hierarchy.logarithmic)
        return _ladder(column, names, kind="interval", bases=hierarchy.logarithmic)
    if hierarchy.dates:
        return _ladder(column, hierarchy.dates, kind="interval", units=hierarchy.dates)
    if hierarchy.quantiles:
        names = tuple(f"{number} groups" for number in hierarchy.quantiles)
        quantiles = hierarchy.quantiles
        return _ladder(column, names, kind="interval", quantiles=quantiles)
    if hierarchy.ip:
        names = tuple(f"{bits} bits" for bits in hierarchy.ip)
        return _ladder(column, names, ip=hierarchy.ip, outside=hierarchy.outside)
    if hierarchy.prefix:
        names = tuple(f"{length} characters" for length in hierarchy.prefix)
        return _ladder(column, names, prefix=hierarchy.prefix)
    if hierarchy.builtin is not None:
        return _ladder(
            column,
            BUILTIN_LEVELS[hierarchy.builtin],
            builtin=hierarchy.builtin,
            outside=hierarchy.outside,
        )
    if hierarchy.table:
        table = load_table_hierarchy(Path(hierarchy.table))
        depth = [level for level in table.levels if set(level) != {TOP}]
        entries = {
            leaf: tuple(level[i] for level in depth)
            for i, leaf in enumerate(table.leaves)
        }
        names = tuple(f"table {number + 1}" for number in range(len(depth)))
        return _ladder(column, names, table=entries, outside=hierarchy.outside)
    return _ladder(column, (), kind="interval" if numeric else "category", base=base)


def _ladder(column: Column, names: tuple[str, ...], **settings: Any) -> Ladder:
    return Ladder(
        column.name,
        ("value", *names, TOP),
        weight=column.weight,
        max_level=column.max_level,
        **settings,
    )
