"""No message holds what stands at `key:`, whatever the author did to it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECRET = "s3cr3tw0rd"  # noqa: S105 - what the tests look for


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        f'"{SECRET}"',
        f"env://{SECRET}!",
        f"env://{SECRET} and more",
        f"vault://{SECRET}",
        f"vault://{SECRET}/{SECRET}",
        f"awskms://{SECRET}",
        f"awskms://{SECRET}?{SECRET}=x",
        f"gcpkms://{SECRET}?ciphertext=x",
        f"{{ref: {SECRET}}}",
        f"{{ref: [{SECRET}]}}",
        f"{{{SECRET}: env://A}}",
        f"{{ref: env://A, {SECRET}: x}}",
        f"{{ref: env://A, epoch: '{SECRET} x'}}",
        f"[{SECRET}]",
        f"{{value: {SECRET}}}",
        f"&{SECRET} x",
        f"*{SECRET}",
        f"!{SECRET} x",
        f"!{SECRET}!x y",
        f"{SECRET}: {SECRET}",
        f'"{SECRET}',
        f"'{SECRET}",
        f'"{SECRET}\\q"',
        f"@{SECRET}",
        f"%{SECRET}",
        f"`{SECRET}",
        f"{SECRET}\n  {SECRET}",
        f"{SECRET}\n{SECRET}",
        f'"{SECRET}\\0"',
        f"|\n  {SECRET}",
    ],
)
@pytest.mark.parametrize("place", ["policy", "column"])
def test_check_never_shows_a_secret_when_it_stands_at_key(check, good, place, written):
    old = "env://OPTIN_TEST_KEY" if place == "policy" else "file://secrets/id.key"
    policy, findings = check(good.replace(old, written))
    assert policy is None
    shown = "\n".join(str(found) for found in findings)
    assert SECRET not in shown


@pytest.mark.parametrize("number", ["0123456", "12:34:56", "1_234_56", "0xBADCAFE"])
@pytest.mark.parametrize("old", ["env://OPTIN_TEST_KEY", "file://secrets/id.key"])
def test_check_never_shows_a_secret_when_it_is_a_yaml_trap(check, good, old, number):
    _, findings = check(good.replace(old, number))
    assert findings
    assert not any(number in found.message for found in findings)


def test_check_never_shows_a_secret_when_a_comma_cuts_it(check, good):
    _, findings = check(good.replace("file://secrets/id.key", f"abc,{SECRET}"))
    assert findings
    assert not any(SECRET in found.message for found in findings)


def test_check_never_shows_a_secret_when_it_is_a_date(check, good):
    _, findings = check(good.replace("env://OPTIN_TEST_KEY", "2026-01-31"))
    assert [found.code for found in findings] == ["E160"]
    assert "2026" not in findings[0].message


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(min_size=1, max_size=6), st.text(max_size=6))
def test_check_never_shows_a_secret_when_anything_stands_around_it(
    check, good, before, after
):
    text = good.replace("env://OPTIN_TEST_KEY", f"{before}{SECRET}{after}")
    _, findings = check(text.encode("utf-8", "replace"))
    # `env://NAME` names a variable, which is no secret; and a break in the text before
    # makes the rest a key of its own, which a message may name.
    if not set(before) & set("\n\r\x85\u2028\u2029"):
        assert not any(SECRET in found.message for found in findings)
