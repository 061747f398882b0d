"""No column that names people or devices: told by its name, and by what its values are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import pyarrow as pa

from ...policies.column_names import identifier_named
from ...transforms.deidentify.residual import (
    ResidualColumn,
    ResidualPlan,
    ResidualSketch,
    merge_sketches,
    sketch_blocks,
)
from .measure import ArgumentError, Facts, Outcome, UnfitError
from .text import MARKS

__all__ = ["IdentifierState", "NoIdentifiers"]

_SAMPLE: Final = 2_000
_MOSTLY: Final = 0.5
"""From this share of the values on, what is only possible names the column."""

_CERTAIN = frozenset(
    {
        "CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS",
        "NATIONAL_ID", "PHONE_NUMBER",
    }
)  # fmt: skip
_POSSIBLE = frozenset({"NATIONAL_ID", "PHONE_NUMBER", "UUID"})
_IN_NUMBERS = frozenset({"CREDIT_CARD"})
"""Of whole numbers; a phone number's digits are met by chance, a valid card's rarely."""


@dataclass(frozen=True)
class IdentifierState:
    """What the columns of a part are called, which hold numbers, and a sample's findings."""

    rows: int = 0
    columns: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    nested: frozenset[str] = frozenset()
    sketch: ResidualSketch = field(default_factory=ResidualSketch)

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Merge disjoint parts."""
        return cls(
            sum(state.rows for state in states),
            tuple(sorted({name for state in states for name in state.columns})),
            frozenset().union(*(state.numbers for state in states)),
            frozenset().union(*(state.nested for state in states)),
            merge_sketches([state.sketch for state in states], _SAMPLE),
        )


@dataclass(frozen=True)
class NoIdentifiers:
    """No column but the allowed ones is a direct identifier.

    Attributes:
        allowed_columns: columns that are not looked at, such as keyed pseudonyms.
    """

    allowed_columns: tuple[str, ...] = ()

    columns = None
    """Every column is read."""

    @classmethod
    def of(cls, kwargs: Mapping[str, Any]) -> Self:
        """Read arguments.

        Raises:
            ArgumentError: a column is allowed that the expectation cannot know.
        """
        allowed = tuple(kwargs.get("allowed_columns") or ())
        if len(set(allowed)) != len(allowed):
            raise ArgumentError(key="allowed_columns", problem="names a column twice")
        return cls(allowed)

    def state_of(self, block: pa.RecordBatch) -> IdentifierState:
        """Sample the columns of the block."""
        names, arrays, numbers, nested = [], [], set(), set()
        for item, array in zip(block.schema, block.columns, strict=True):
            if item.name in self.allowed_columns:
                continue
            kind = item.type
            if pa.types.is_dictionary(kind):
                kind, array = kind.value_type, array.dictionary_decode()
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                nested.add(item.name)
            elif pa.types.is_integer(kind):
                numbers.add(item.name)
                names.append(item.name)
                arrays.append(array.cast(pa.string()))
            elif pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
                names.append(item.name)
                arrays.append(array.cast(pa.string()))
            elif pa.types.is_string(kind):
                names.append(item.name)
                arrays.append(array)
        if len(set(block.schema.names)) != len(block.schema.names):
            message = "a column's name is in the data twice"
            raise UnfitError(message)
        texts = pa.record_batch(arrays, names=names) if names else None
        plan = _plan(names)
        return IdentifierState(
            block.num_rows,
            tuple(n for n in block.schema.names if n not in self.allowed_columns),
            frozenset(numbers),
            frozenset(nested),
            sketch_blocks([] if texts is None else [texts], plan),
        )

    def facts(self, state: IdentifierState) -> Facts:
        """Name the columns that are direct identifiers, and why."""
        counted = state.sketch.counts(_plan(sorted(state.sketch.columns)))
        by_value = {}
        for name, counts in counted.items():
            known = _IN_NUMBERS if name in state.numbers else _CERTAIN
            least = _MOSTLY * counts.values if name in state.numbers else 0
            certain = {e for e, n in counts.certain.items() if e in known and n > least}
            mostly = {
                entity
                for entity, n in counts.possible.items()
                if entity in _POSSIBLE
                and name not in state.numbers
                and n >= _MOSTLY * counts.values
            }
            if certain | mostly:
                by_value[name] = sorted(certain | mostly)
        by_name = {
            name: kind
            for name in state.columns
            if (kind := identifier_named(name)) is not None
        }
        return {
            "rows": state.rows,
            "columns": len(state.columns),
            "columns_not_read": sorted(state.nested),
            "by_name": by_name,
            "by_value": by_value,
        }

    def decide(self, facts: Facts) -> Outcome:
        """Hold that there is no such column, and none that could not be read."""
        found = sorted({*facts["by_name"], *facts["by_value"]})
        unread = facts["columns_not_read"]
        detail = ""
        if found:
            detail = f"direct identifiers: {', '.join(found)}"
        elif unread:
            detail = f"columns that cannot be read for identifiers: {', '.join(unread)}"
        return Outcome(not found and not unread, len(found), facts, detail)


def _plan(names: Sequence[str]) -> ResidualPlan:
    columns = tuple(ResidualColumn(name) for name in names)
    return ResidualPlan(columns, _SAMPLE, MARKS.pattern)
