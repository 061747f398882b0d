"""What a privacy expectation is made of: arguments, a state of each block, a decision.

The same code measures a pandas batch of a Great Expectations project (one block) and the
blocks of a data set. States merge in any order, hold tokens and counts but no result, and
are never written out; what leaves is counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import pyarrow as pa

__all__ = ["ArgumentError", "Measure", "Outcome", "State", "UnfitError"]

Facts = dict[str, Any]


class ArgumentError(ValueError):
    """An argument that cannot be used; says which one.

    Attributes:
        key: name of the argument.
        problem: what is wrong with it.
    """

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(f"{key}: {problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the two parts."""
        return type(self), (self.key, self.problem)


class UnfitError(Exception):
    """The data cannot be measured; the message names columns and counts alone."""


class State(Protocol):
    """A mergeable state; picklable."""

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Merge states of disjoint parts of one table, in any order."""
        ...


@dataclass(frozen=True)
class Outcome:
    """A verdict.

    Attributes:
        success: whether the expectation holds.
        observed: the one number that was held against the limit.
        counts: what was counted: numbers, and names of columns and entities.
        detail: one sentence on why it fails, else "".
    """

    success: bool
    observed: float | int | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""


class Measure(Protocol):
    """One privacy expectation with its arguments; frozen and picklable."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Columns that are read; None: all of the table."""
        ...

    def state_of(self, block: pa.RecordBatch) -> Any:
        """Measure a block: block → state.

        Raises:
            UnfitError: a column is missing, or its values cannot be measured.
        """
        ...

    def facts(self, state: Any) -> Facts:
        """Give what was counted, as plain JSON values; no value of a record.

        Raises:
            UnfitError: the whole cannot be measured.
        """
        ...

    def decide(self, facts: Facts) -> Outcome:
        """Hold the counts of a table with at least one row against the limits."""
        ...
