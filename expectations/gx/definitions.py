"""The privacy expectations: their names, their arguments, and what measures them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .classes import KAnonymity
from .consent import OnlyConsented
from .drift import Drift
from .identifiers import NoIdentifiers
from .measure import Facts, Measure, Outcome, UnfitError
from .sensitive import closeness_of, diversity_of
from .text import NoPii
from .trajectories import Trajectories

__all__ = [
    "PRIVACY",
    "Definition",
    "decide_facts",
    "facts_of",
    "merged_states",
    "state_of_block",
]


@dataclass(frozen=True)
class Definition:
    """One privacy expectation.

    Attributes:
        name: its `type` in a suite.
        title: class name in Great Expectations.
        required: arguments that must be given, with their shapes (see `catalogue`).
        optional: arguments that may be given.
        make: reads arguments.
        sentence: what is expected, with `$arguments`; for renderers.
    """

    name: str
    title: str
    required: Mapping[str, str]
    optional: Mapping[str, str]
    make: Callable[[Mapping[str, Any]], Measure]
    sentence: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """All arguments, the required ones first."""
        return (*self.required, *self.optional)


_WHO = {"subject_column": "column", "rows_are_people": "flag"}
_SHARE = {"max_violating_fraction": "share"}

_DEFINITIONS = (
    Definition(
        "expect_table_to_be_k_anonymous",
        "ExpectTableToBeKAnonymous",
        {"quasi_identifiers": "columns", "k": "count"},
        {**_WHO, **_SHARE},
        KAnonymity.of,
        "Every class of $quasi_identifiers must cover at least $k people.",
    ),
    Definition(
        "expect_table_to_be_l_diverse",
        "ExpectTableToBeLDiverse",
        {"quasi_identifiers": "columns", "sensitive_column": "column", "l": "count"},
        {"diversity": "text", "c": "number", **_WHO, **_SHARE},
        diversity_of,
        "Every class of $quasi_identifiers must be $l-diverse in $sensitive_column.",
    ),
    Definition(
        "expect_table_to_be_t_close",
        "ExpectTableToBeTClose",
        {"quasi_identifiers": "columns", "sensitive_column": "column", "t": "share"},
        {"distance": "text", "order": "words", "hierarchy": "text", **_WHO, **_SHARE},
        closeness_of,
        "Every class of $quasi_identifiers must be within $t of the whole table in "
        "$sensitive_column.",
    ),
    Definition(
        "expect_column_values_to_contain_no_pii",
        "ExpectColumnValuesToContainNoPII",
        {"column": "column"},
        {"entities": "words", "engine": "text", "language": "text", **_SHARE},
        NoPii.of,
        "Values of $column must contain no personal data.",
    ),
    Definition(
        "expect_only_consented_subjects",
        "ExpectOnlyConsentedSubjects",
        {"subject_column": "column", "snapshot": "text"},
        {"snapshot_column": "column"},
        OnlyConsented.of,
        "Every $subject_column must be in the consent snapshot $snapshot.",
    ),
    Definition(
        "expect_no_direct_identifiers",
        "ExpectNoDirectIdentifiers",
        {},
        {"allowed_columns": "columns"},
        NoIdentifiers.of,
        "No column may be a direct identifier.",
    ),
    Definition(
        "expect_trajectories_to_be_non_unique",
        "ExpectTrajectoriesToBeNonUnique",
        {
            "subject_column": "column",
            "event_columns": "columns",
            "known_events": "count",
            "max_unique_fraction": "share",
        },
        {"seed": "count", "sample_people": "count"},
        Trajectories.of,
        "Knowing $known_events events of a person must single out at most "
        "$max_unique_fraction of people.",
    ),
    Definition(
        "expect_column_drift_to_be_below",
        "ExpectColumnDriftToBeBelow",
        {"column": "column", "baseline": "aggregates", "threshold": "number"},
        {"method": "text"},
        Drift.of,
        "The drift of $column from its source must be below $threshold.",
    ),
)

PRIVACY: dict[str, Definition] = {one.name: one for one in _DEFINITIONS}
"""Privacy expectations by type name."""


def state_of_block(measure: Measure, block: pa.RecordBatch) -> tuple[Any, str]:
    """Measure a block: its state, or why there is none; never raises, never a value."""
    try:
        return measure.state_of(block), ""
    except UnfitError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001  # its text may hold a value
        return None, f"the data cannot be measured ({type(error).__name__})"


def merged_states(states: Sequence[Any]) -> Any:
    """Merge states of disjoint parts of one table."""
    return states[0] if len(states) == 1 else type(states[0]).merged(states)


def facts_of(measure: Measure, state: Any) -> Facts:
    """Count what a state holds: plain JSON values; never raises, never a value."""
    try:
        return measure.facts(state)
    except UnfitError as error:
        return {"problem": str(error)}
    except Exception as error:  # noqa: BLE001  # its text may hold a value
        return {"problem": f"the data cannot be measured ({type(error).__name__})"}


def decide_facts(measure: Measure, facts: object) -> Outcome:
    """Decide on counts; what is missing, malformed or of no row fails."""
    if not isinstance(facts, Mapping):
        return Outcome(False, detail="nothing was measured")
    if facts.get("problem"):
        return Outcome(False, detail=str(facts["problem"]))
    if not facts.get("rows"):
        return Outcome(False, counts={"rows": 0}, detail="there are no rows")
    try:
        return measure.decide(dict(facts))
    except (KeyError, TypeError, ZeroDivisionError):
        return Outcome(False, detail="nothing was measured")
