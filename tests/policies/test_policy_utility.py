"""What a policy may say of the loss that it bears, and what it is told where it cannot."""

from __future__ import annotations

import pytest

from optin.policies import policy_digest


def _told(check, good, gates, budget="0.05"):
    text = good.replace(
        "{k: 5, suppress_max: 0.05}",
        f"{{k: 5, suppress_max: {budget}, utility: {gates}}}",
    )
    policy, findings = check(text)
    return policy, [(found.code, found.message) for found in findings]


def test_gates_are_carried_and_change_the_digest(check, good):
    plain, _ = check(good)
    policy, told = _told(check, good, "{max_ncp: 0.4, max_suppressed: 0.01}")
    assert told == []
    assert policy.anonymity.utility.max_ncp == 0.4
    assert policy.anonymity.utility.max_suppressed == 0.01
    assert policy_digest(policy) != policy_digest(plain)


@pytest.mark.parametrize(
    ("gates", "code", "says"),
    [
        ("{max_npc: 0.4}", "E101", "Did you mean 'max_ncp'?"),
        ("{max_ncp: 1.01}", "E106", "at most 1"),
        ("{max_ncp: -0.1}", "E106", "at least 0"),
        ("{max_suppressed: 2}", "E106", "at most 1"),
        ("{max_ncp: '0.4'}", "E105", "a number"),
        ("{max_ncp: true}", "E105", "a number"),
        ("{}", "E197", "max_suppressed"),
        ("0.4", "E105", "a mapping"),
    ],
)
def test_gates_that_make_no_sense_are_refused(check, good, gates, code, says):
    policy, told = _told(check, good, gates)
    assert policy is None
    assert [found for found, _ in told] == [code]
    assert says in told[0][1]


def test_gate_that_never_closes_is_a_warning(check, good):
    policy, told = _told(check, good, "{max_suppressed: 0.05}")
    assert policy is not None
    assert [code for code, _ in told] == ["W197"]
    assert _told(check, good, "{max_suppressed: 0.05}", "0.2")[1] == []
