"""A small run, for tests that look at what comes out of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from optin.pipelines.result import RunResult
from optin.pipelines.training_set import RunOptions, run_policy

_HEAD = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {field: ts, unit: iso8601}
  subject: [user]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
output: {path: out/}
audit: {path: audit/}
"""


@pytest.fixture
def run_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunResult]:
    """Run a policy, of which a test writes columns and anonymity, on a test's rows.

    The working directory is `tmp_path`. Rows lack `ts` or `att` where these are those of
    a consented record.
    """
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    usual = {"ts": "2026-05-15T12:00:00Z", "att": 3}

    def run(policy: str, rows: Sequence[dict[str, Any]], files: int = 1) -> RunResult:
        (tmp_path / "in").mkdir(exist_ok=True)
        for old in (tmp_path / "in").iterdir():
            old.unlink()
        for number in range(files):
            lines = [json.dumps({**usual, **row}) for row in rows[number::files]]
            path = tmp_path / "in" / f"{number}.jsonl"
            path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        path = tmp_path / "policy.yaml"
        path.write_text(_HEAD + policy, encoding="utf-8")
        return run_policy(Path("policy.yaml"), RunOptions(as_of="2026-06-01T00:00:00Z"))

    return run
