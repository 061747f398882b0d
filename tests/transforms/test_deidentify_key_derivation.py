"""Derived keys: epochs and join groups decide which releases can be joined."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from optin.policies.errors import KeyReferenceError
from optin.policies.model import Policy
from optin.transforms.deidentify import DeidentifyPlan, deidentify_block
from optin.transforms.deidentify.keys import (
    Secret,
    column_key,
    derive_key,
    join_group,
    key_facts,
    key_id,
    policy_key,
)

MASTER = bytes(range(32))
KEYS = {"env://K": Secret(MASTER), "env://L": Secret(MASTER[::-1])}


def _policy(column: dict[str, Any] | None = None, **changes: Any) -> Policy:
    """Give a policy with one pseudonymised user id and whatever is asked."""
    user = {"name": "user", "type": "user_id", "action": "hmac", **(column or {})}
    body: dict[str, Any] = {
        "version": 1,
        "name": "clicks",
        "purpose": "train_ai_system",
        "key": "env://K",
        "input": {
            "format": "jsonl",
            "path": "in",
            "event_time": {"fixed": "2026-01-31T00:00:00Z"},
            "subject": [user["name"]],
        },
        "consent": {"require": [{"signal": "att"}]},
        "columns": [user],
        "anonymity": {"k": 5},
        "output": {"path": "out"},
        "audit": {"path": "audit"},
        **changes,
    }
    return Policy.model_validate_json(json.dumps(body))


def _tokens(policy: Policy) -> list[str]:
    plan = DeidentifyPlan.from_policy(policy, KEYS)
    name = policy.columns[0].name
    block = pa.record_batch({name: pa.array(["Mia", "Noah"])})
    result, _ = deidentify_block(block, plan)
    return result.column(name).to_pylist()


def test_releases_when_nothing_says_that_they_may_be_joined() -> None:
    releases = [
        _policy(),
        _policy(name="views"),
        _policy(purpose="analytics"),
        _policy({"name": "uid"}),
        _policy(key="env://L"),
        _policy(key={"ref": "env://K", "epoch": "2026-11"}),
        _policy(key={"ref": "env://K", "epoch": "2026-12"}),
        _policy(join_group="partners"),
        _policy({"join_group": "others"}),
    ]
    tokens = [set(_tokens(policy)) for policy in releases]
    for one, other in itertools.combinations(tokens, 2):
        assert not one & other


@pytest.mark.parametrize("said", ["policy", "column"])
def test_releases_when_a_join_group_says_so(said: str) -> None:
    def release(column: dict[str, Any] | None = None, **changes: Any) -> list[str]:
        if said == "policy":
            changes["join_group"] = "partners"
        else:
            column = {"join_group": "partners", **(column or {})}
        return _tokens(_policy(column, **changes))

    expected = release()
    # Another data set, purpose and name of the column: the same pseudonyms.
    assert release({"name": "uid"}, name="views", purpose="analytics") == expected
    # Another secret, epoch or type: none in common.
    for other in (
        release(key="env://L"),
        release(key={"ref": "env://K", "epoch": "2026-11"}),
        release({"type": "email"}),
    ):
        assert not {*other} & {*expected}


def test_join_group_when_policy_and_column_name_one() -> None:
    policy = _policy({"join_group": "own"}, join_group="all")
    assert join_group(policy, policy.columns[0]) == "own"
    # The policy's group joins direct identifiers alone; a column's own joins anything.
    for column, expected in (
        ({"type": "string"}, None),
        ({"type": "string", "join_group": "own"}, "own"),
        ({"action": "drop"}, None),
        ({"type": "timestamp", "action": "date_shift", "max_days": 3}, None),
    ):
        policy = _policy(column, join_group="all")
        assert join_group(policy, policy.columns[0]) == expected


def _hkdf(*names: str) -> bytes:
    info = b"".join(len(n.encode()).to_bytes(4, "big") + n.encode() for n in names)
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(MASTER)


def test_keys_when_compared_to_hkdf() -> None:
    plain = ("optin key v1", "train_ai_system", "clicks", "user")
    policy = _policy()
    assert column_key(policy, policy.columns[0], KEYS).reveal() == _hkdf(*plain)
    policy = _policy(key={"ref": "env://K", "epoch": "e1"})
    assert column_key(policy, policy.columns[0], KEYS).reveal() == _hkdf(*plain, "e1")
    assert policy_key(policy, MASTER, "x") == _hkdf(*plain[:3], "x", "e1")
    assert derive_key(MASTER, *plain[1:], epoch="e1") == _hkdf(*plain, "e1")
    policy = _policy(key={"ref": "env://K", "epoch": "e1"}, join_group="g")
    expected = _hkdf("optin join key v1", "g", "user_id", "e1")
    assert column_key(policy, policy.columns[0], KEYS).reveal() == expected


def test_column_key_when_the_column_has_a_key_of_its_own() -> None:
    policy = _policy({"key": {"ref": "env://L", "epoch": "e2"}})
    expected = derive_key(MASTER[::-1], "train_ai_system", "clicks", "user", epoch="e2")
    assert column_key(policy, policy.columns[0], KEYS).reveal() == expected
    with pytest.raises(KeyReferenceError, match="column user"):
        column_key(policy, policy.columns[0], {})
    policy = _policy(key=None)
    with pytest.raises(KeyReferenceError, match="needs a key"):
        column_key(policy, policy.columns[0], KEYS)


def test_key_facts_when_keys_rotate() -> None:
    policy = _policy(
        {"key": {"ref": "env://L", "epoch": "2026-11"}},
        key={"ref": "env://K", "epoch": "2026-10"},
        join_group="partners",
    )
    facts = key_facts(policy, KEYS)
    assert facts == {
        "policy": {"id": key_id(MASTER), "epoch": "2026-10"},
        "columns": {
            "user": {
                "id": key_id(MASTER[::-1]),
                "epoch": "2026-11",
                "join_group": "partners",
            }
        },
    }
    assert MASTER.hex() not in json.dumps(facts)
    kept = _policy({"type": "string", "action": "keep"}, key=None)
    assert key_facts(kept, {}) == {"policy": None, "columns": {}}
