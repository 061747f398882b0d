"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from optin.policies import Policy, load_policy

# A machine that others use too is slow at times; that is no fault of a law.
settings.register_profile(
    "optin", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("optin")

_SMALL_POLICY = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {field: ts, unit: iso8601}
  event_id: id
  subject: [user]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
columns:
  - {name: user, type: user_id, action: drop}
  - {name: country, type: country, action: keep, quasi: true}
COLUMNSanonymity: {k: 2, suppress_max: 0.9ANONYMITY}
output: {path: out/}
audit: {path: audit/}
MORE"""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the public test data; the test is skipped where it is absent."""
    named = os.environ.get("OPTIN_TEST_DATA")
    root = Path(__file__).resolve().parents[1]
    folder = Path(named) if named else root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            "public test data not found; set OPTIN_TEST_DATA to its folder "
            "(see CONTRIBUTING.md)"
        )
    return folder


@pytest.fixture
def write_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Policy]:
    """Write `policy.yaml`: a small policy with columns and keys of the test's own."""
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)

    def write(*, columns: str = "", more: str = "", anonymity: str = "") -> Policy:
        path = tmp_path / "policy.yaml"
        text = _SMALL_POLICY.replace("COLUMNS", columns).replace("MORE", more)
        text = text.replace("ANONYMITY", anonymity and f", {anonymity}")
        path.write_text(text, encoding="utf-8")
        return load_policy(path)

    return write
