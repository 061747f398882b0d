"""Arguments of the privacy expectations: their shapes, and whether they go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..arguments import argument_problem
from ..catalogue import Shape
from .definitions import Definition
from .measure import ArgumentError, Measure

__all__ = ["given_arguments", "measure_of"]


def given_arguments(
    definition: Definition, kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the arguments that are set; `false` and 0 are, null is not."""
    return {
        key: kwargs[key] for key in definition.arguments if kwargs.get(key) is not None
    }


def measure_of(definition: Definition, kwargs: Mapping[str, Any]) -> Measure:
    """Read arguments.

    Raises:
        ArgumentError: one is missing, unknown or of another shape, or they do not go
            together.
    """
    shapes = {**definition.required, **definition.optional}
    for key in definition.required:
        if kwargs.get(key) is None:
            raise ArgumentError(key=key, problem="is missing")
    for key, value in kwargs.items():
        if key not in shapes:
            raise ArgumentError(key=key, problem="is no argument of this expectation")
        problem = argument_problem(value, cast("Shape", shapes[key]))
        if problem:
            raise ArgumentError(key=key, problem=problem)
    return definition.make(kwargs)
