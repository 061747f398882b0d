"""The privacy expectations among the metrics of a suite: measured per block, decided by GX.

A suite's engine asks for a `MetricRequest` whose kind is the expectation's name; what it
gets back merges like any other metric.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from ..partials import MetricRequest, Tally
from .arguments import given_arguments, measure_of
from .definitions import (
    PRIVACY,
    facts_of,
    merged_states,
    state_of_block,
)
from .measure import ArgumentError, Facts, Measure

__all__ = [
    "EVERY_COLUMN",
    "PrivacyTally",
    "argument_fault",
    "columns_of",
    "decide_privacy",
    "privacy_request",
    "privacy_tally",
]

EVERY_COLUMN = "\0every"
"""Stands among the columns of a request that reads all there are."""


@dataclass(frozen=True)
class PrivacyTally(Tally):
    """The state of a privacy expectation, or the problem of one that has none.

    Attributes:
        state: of the rows so far.
    """

    state: Any = None

    @staticmethod
    def merged(tallies: Sequence[Tally]) -> PrivacyTally:
        """Merge tallies of disjoint parts, in any order."""
        problem = min((t.problem for t in tallies if t.problem), default="")
        states = [t.state for t in tallies if isinstance(t, PrivacyTally)]
        rows = sum(tally.rows for tally in tallies)
        if problem:
            return PrivacyTally(problem=problem, rows=rows)
        return PrivacyTally(state=merged_states(states), rows=rows)


def argument_fault(name: str, kwargs: Mapping[str, Any]) -> tuple[str, str] | None:
    """Tell which argument does not go with the others, and why; null if all do."""
    definition = PRIVACY[name]
    try:
        measure_of(definition, given_arguments(definition, kwargs))
    except ArgumentError as error:
        return error.key, error.problem
    return None


def columns_of(name: str, kwargs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pair each argument that names columns with each column that it names."""
    definition = PRIVACY[name]
    shapes = {**definition.required, **definition.optional}
    pairs = []
    for key, value in given_arguments(definition, kwargs).items():
        if key in ("allowed_columns", "snapshot_column"):
            continue  # need not exist, or is of another table
        if shapes[key] == "column":
            pairs.append((key, value))
        elif shapes[key] == "columns":
            pairs += [(key, one) for one in value]
    return pairs


def privacy_request(name: str, kwargs: Mapping[str, Any]) -> MetricRequest:
    """Give what is to be measured on each block."""
    given = given_arguments(PRIVACY[name], kwargs)
    text = json.dumps(given, sort_keys=True, ensure_ascii=False)
    columns = _measure(name, text).columns
    return MetricRequest(
        name, "", text, (EVERY_COLUMN,) if columns is None else columns
    )


@lru_cache(maxsize=64)
def _measure(name: str, text: str) -> Measure:
    return measure_of(PRIVACY[name], json.loads(text))


def privacy_tally(block: pa.RecordBatch, request: MetricRequest) -> PrivacyTally:
    """Measure one block; never raises for what the block holds."""
    state, problem = state_of_block(_measure(request.kind, request.parameters), block)
    return PrivacyTally(state=state, problem=problem, rows=block.num_rows)


def decide_privacy(
    name: str, kwargs: Mapping[str, Any], tally: Tally
) -> tuple[bool, dict[str, Any], str]:
    """Let the expectation's Great Expectations class decide on what was measured.

    Returns:
        The verdict, GX's result (counts alone), and why it fails, else "".
    """
    from . import expectations

    given = given_arguments(PRIVACY[name], kwargs)
    expectation = getattr(expectations, PRIVACY[name].title)(**given)
    wanted = expectation.get_validation_dependencies().metric_configurations
    facts = _facts(name, given, tally)
    metrics = {configuration.id: facts for configuration in wanted.values()}
    outcome = expectation.metrics_validate(metrics)
    result = dict(outcome.result or {})
    details = dict(result.get("details") or {})
    problem = str(details.pop("problem", ""))
    return bool(outcome.success), {**result, "details": details}, problem


def _facts(name: str, given: Mapping[str, Any], tally: Tally) -> Facts:
    if tally.problem or not isinstance(tally, PrivacyTally):
        return {"problem": tally.problem or "nothing was measured"}
    if tally.state is None:
        return {"problem": "nothing was measured"}
    return facts_of(measure_of(PRIVACY[name], given), tally.state)
