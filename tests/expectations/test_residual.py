"""What the second detector found is held against the policy; counts stay floored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from optin.expectations import residual_facts, residual_warnings
from optin.expectations.residual import decide_residual, residual_check
from optin.policies import Policy
from optin.transforms.deidentify.residual import ResidualCounts, ResidualPlan

KWARGS: dict[str, Any] = {
    "columns": ["a", "b"],
    "sample": 100,
    "max_share": {},
    "counts_below": 5,
}
NOTHING = ResidualCounts(100)


@pytest.mark.parametrize(
    ("counts", "limits", "good"),
    [
        (NOTHING, {}, True),
        (ResidualCounts(0), {"PERSON": 0.0}, True),
        (ResidualCounts(100, certain={"SECRET": 1}), {}, False),
        (ResidualCounts(100, certain={"SECRET": 2}), {"SECRET": 0.02}, True),
        (ResidualCounts(100, certain={"SECRET": 3}), {"SECRET": 0.02}, False),
        # A limit of one entity is none of another.
        (ResidualCounts(100, certain={"SECRET": 1}), {"PERSON": 1.0}, False),
        (ResidualCounts(100, possible={"PERSON": 90}), {}, True),
        (ResidualCounts(100, possible={"PERSON": 3}), {"PERSON": 0.02}, False),
        # 1 certain and 2 possible of 100 are 3 in a hundred.
        (ResidualCounts(100, {"SECRET": 1}, {"SECRET": 2}), {"SECRET": 0.02}, False),
        # 1 of 10 that the model read is more than 3 of 100 by cue words.
        (ResidualCounts(100, {}, {"PERSON": 3}, 10, 1), {"PERSON": 0.05}, False),
        (ResidualCounts(100, {}, {"PERSON": 3}, 10, 1), {"PERSON": 0.1}, True),
    ],
)
def test_verdict_follows_counts_and_limits(
    counts: ResidualCounts, limits: dict[str, float], good: bool
) -> None:
    kwargs = {**KWARGS, "max_share": limits}
    result = decide_residual(kwargs, {"a": NOTHING, "b": counts})
    assert result.success is good
    assert (result.detail == "") is good
    assert ("b: " in result.detail) is not good


def test_failure_names_each_column_with_its_entities() -> None:
    found = {
        "a": ResidualCounts(9, certain={"SECRET": 1, "IBAN_CODE": 2}),
        "b": ResidualCounts(9, certain={"IP_ADDRESS": 1}),
    }
    result = decide_residual(KWARGS, found)
    assert result.detail == (
        "personal data is left in a: IBAN_CODE, SECRET; b: IP_ADDRESS"
    )


def test_counts_below_k_are_not_shown() -> None:
    found = {
        "a": ResidualCounts(90, {"SECRET": 4}, {"PERSON": 5}, 20, 1),
        "b": NOTHING,
    }
    columns = decide_residual(KWARGS, found).observed["columns"]
    assert columns == {
        "a": {
            "values": 90,
            "certain": {"SECRET": "<5"},
            "possible": {"PERSON": 5},
            "by_model": {"values": 20, "possible": {"PERSON": "<5"}},
        },
        "b": {"values": 100, "certain": {}, "possible": {}},
    }


@pytest.mark.parametrize("found", [None, {}, {"a": NOTHING}])
def test_column_that_was_not_searched_is_no_pass(found: Any) -> None:
    assert decide_residual(KWARGS, found).success is None


def test_possible_is_a_warning_unless_it_has_a_limit_or_is_rare(
    write_policy: Callable[..., Policy],
) -> None:
    found = {"a": ResidualCounts(200, {}, {"PERSON": 3, "UUID": 2})}
    (warning,) = residual_warnings(write_policy(), found)
    assert warning.startswith("a: PERSON is possible in about 2% of the values")
    limited = write_policy(more="residual: {max_share: {PERSON: 0.5}}\n")
    assert residual_warnings(limited, found) == []


def test_no_check_is_derived_when_nothing_can_be_read(
    write_policy: Callable[..., Policy],
) -> None:
    assert residual_check(write_policy()) is not None
    skipped = write_policy(more="residual: {skip: [country]}\n")
    assert residual_check(skipped) is None
    facts = residual_facts(ResidualPlan.of(skipped), {}, 5)
    assert facts["left_out"] == {"country": "the policy's residual.skip"}
