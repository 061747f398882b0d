"""What a policy may name as the target of training."""

from __future__ import annotations

import pytest

from optin.policies import policy_digest


def _told(check, good, target):
    text = good.replace(
        "{k: 5, suppress_max: 0.05}", f"{{k: 5, suppress_max: 0.05, target: {target}}}"
    )
    policy, findings = check(text)
    return policy, [(found.code, found.message) for found in findings]


def _columns(policy, wanted):
    return [column.name for column in policy.columns if wanted(column)]


def test_target_is_carried_and_changes_the_digest(check, good):
    plain, _ = check(good)
    quasi = plain.quasi_identifiers
    name = next(
        name
        for name in _columns(plain, lambda c: c.action == "keep")
        if name not in quasi
    )
    policy, told = _told(check, good, name)
    assert told == []
    assert policy.anonymity.target == name
    assert plain.anonymity.target is None
    assert policy_digest(policy) != policy_digest(plain)


def test_target_that_cannot_be_predicted_is_refused(check, good):
    plain, _ = check(good)
    bad = {
        "is no column": "nobody",
        "generalised itself": plain.quasi_identifiers[0],
    }
    for says, action in (
        ("a dropped column", "drop"),
        ("leaves nothing", "hmac"),
    ):
        for name in _columns(plain, lambda c, a=action: c.action == a):
            bad[says] = name
    assert len(bad) > 2
    for says, name in bad.items():
        policy, told = _told(check, good, name)
        assert policy is None
        assert [code for code, _ in told] == ["E167"]
        assert says in told[0][1]


@pytest.mark.parametrize("target", ["[a]", "3", "{column: a}"])
def test_target_that_is_no_name_is_refused(check, good, target):
    policy, told = _told(check, good, target)
    assert policy is None
    assert [code for code, _ in told] == ["E105"]
