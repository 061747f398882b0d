"""The table of actions: a policy's checks and a run's plan read it alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from optin.policies import check_policy
from optin.policies.action_types import ACTION_RULES
from optin.policies.columns import ACTIONS
from optin.policies.errors import OptinError
from optin.policies.model import Policy
from optin.policies.semantic_types import SEMANTIC_TYPES
from optin.transforms.deidentify import DeidentifyPlan, Secret

SETTINGS: dict[str, dict[str, Any]] = {
    "bucket": {"width": 5},
    "date_shift": {"max_days": 9},
    "fake": {"kind": "name"},
    "generalize": {"keep_chars": 2},
    "geohash": {"length": 5, "pair": "other"},
    "replace": {"map": {"a": "b"}},
    "round": {"digits": 1},
    "time_truncate": {"period": "month"},
    "truncate": {"bits": 24},
}
UNSAFE: list[tuple[str, dict[str, Any]]] = [
    ("email", {"action": "replace", "map": {"a": " A"}}),
    ("email", {"action": "replace", "map": {"a": "b"}, "default": "keep"}),
    ("birth_date", {"action": "time_truncate", "period": "day"}),
    ("email", {"action": "generalize", "hierarchy": {"prefix": [2]}, "quasi": True}),
]


def _policy(column: dict[str, Any]) -> dict[str, Any]:
    pair = {"latitude": "longitude"}.get(column["type"], "latitude")
    return {
        "version": 1,
        "name": "clicks",
        "purpose": "train_ai_system",
        "key": "env://K",
        "input": {
            "format": "jsonl",
            "path": "in/",
            "event_time": {"field": "t"},
            "subject": ["user"],
        },
        "consent": {
            "require": [{"signal": "ok", "field": "ok", "grant": [1], "deny": [0]}]
        },
        "columns": [
            {"name": "c"} | column,
            {"name": "other", "type": pair, "action": "drop"},
            {"name": "q", "type": "category", "action": "keep", "quasi": True},
        ],
        "pii": {"entities": ["EMAIL_ADDRESS"]},
        "anonymity": {"k": 2, "subject": {"publish": "pseudonym"}},
        "output": {"path": "out/"},
        "audit": {"path": "audit/"},
    }


def _codes(folder: Path, column: dict[str, Any]) -> set[str]:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(_policy(column)), encoding="utf-8")
    _, findings = check_policy(path)
    return {found.code for found in findings if found.code.startswith("E")}


def _plan_refuses(column: dict[str, Any]) -> bool:
    policy = Policy.model_validate(_policy(column))
    try:
        DeidentifyPlan.from_policy(policy, {"env://K": Secret(bytes(32))})
    except OptinError:
        return True
    return False


def test_table_when_held_to_the_policy_language() -> None:
    assert tuple(ACTION_RULES) == ACTIONS


@pytest.mark.parametrize("action", ACTIONS)
def test_checks_and_plan_when_an_action_meets_each_type(
    tmp_path: Path, action: str
) -> None:
    for name in SEMANTIC_TYPES:
        column = {"type": name, "action": action} | SETTINGS.get(action, {})
        refused = bool(_codes(tmp_path, column))
        assert refused == _plan_refuses(column), name


@pytest.mark.parametrize(("name", "column"), UNSAFE)
def test_checks_and_plan_when_settings_let_an_identifier_pass(
    tmp_path: Path, name: str, column: dict[str, Any]
) -> None:
    assert _codes(tmp_path, {"type": name} | column) == {"E145"}
    assert _plan_refuses({"type": name} | column)


@pytest.mark.parametrize("action", sorted(SETTINGS))
def test_checks_and_plan_when_a_setting_is_missing(tmp_path: Path, action: str) -> None:
    rule = ACTION_RULES[action]
    first = {"string": "city", "int64": "integer", "timestamp": "timestamp"}
    kinds = rule.types or (first.get((rule.storages or ("string",))[0], "category"),)
    column = {"type": kinds[0], "action": action}
    if action == "fake":  # a city has a kind of its own
        column["type"] = "category"
    assert _codes(tmp_path, column) == {"E142"}
    if action != "generalize":  # a quasi-identifier needs none, and k follows
        assert _plan_refuses(column)


@pytest.mark.parametrize(
    ("column", "codes"),
    [
        ({"type": "date", "action": "date_shift", "max_days": 36_525}, set()),
        ({"type": "date", "action": "date_shift", "max_days": 36_526}, {"E106"}),
        ({"type": "date", "action": "date_shift", "max_days": 0}, {"E106"}),
        ({"type": "national_id", "action": "hmac", "country": "AT"}, set()),
        ({"type": "national_id", "action": "hmac", "country": "XX"}, {"E117"}),
        ({"type": "email", "action": "hmac", "country": "AT"}, {"E148"}),
    ],
)
def test_settings_when_in_and_out_of_range(
    tmp_path: Path, column: dict[str, Any], codes: set[str]
) -> None:
    assert _codes(tmp_path, column) == codes
