"""Restoring encrypted values: what comes back, what the audit says, what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.pipelines.cli import main
from optin.policies import load_policy
from optin.policies.columns import ACTIONS
from optin.transforms.deidentify import DeidentifyPlan, deidentify_block, key_id
from optin.transforms.deidentify.keys import resolve_keys

pytestmark = pytest.mark.skipif(
    "encrypt" not in ACTIONS, reason="this version has no action that can be undone"
)

MASTER = bytes(range(32)).hex()
POLICY = """\
version: 1
name: clicks
purpose: train_ai_system
key: {ref: env://OPTIN_TEST_KEY, epoch: 2026-11}
input:
  format: jsonl
  path: events/
  event_time: {fixed: "2026-01-31T00:00:00Z"}
  subject: [user.email]
consent: {require: [{signal: training, field: t, grant: [true], deny: [false]}]}
columns:
  - {name: user.email, type: email, action: encrypt}
  - {name: age, type: age_years, action: keep, quasi: true, hierarchy: {widths: [10]}}
anonymity: {k: 2, subject: {publish: pseudonym}}
output: {path: release/}
audit: {path: audit/}
"""
MAILS = ["mia@example.com", None, "noah@example.com", "mia@example.com"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy, and a part of two row groups whose e-mails are encrypted under it."""
    monkeypatch.setenv("OPTIN_TEST_KEY", MASTER)
    (tmp_path / "policy.yaml").write_text(POLICY)
    policy = load_policy(tmp_path / "policy.yaml")
    plan = DeidentifyPlan.from_policy(policy, resolve_keys(policy))
    block = pa.record_batch(
        {"user.email": pa.array(MAILS), "age": pa.array([30, 40, 50, 60], pa.int64())}
    )
    clean, _ = deidentify_block(block, plan)
    table = pa.Table.from_batches([clean]).replace_schema_metadata({"made": "by test"})
    pq.write_table(table, tmp_path / "part.parquet", row_group_size=3)
    return tmp_path


def _restore(folder: Path, **changes: str) -> int:
    words = {
        "policy": f"{folder}/policy.yaml",
        "input": f"{folder}/part.parquet",
        "column": "user.email",
        "output": f"{folder}/restored.parquet",
        "reason": "ticket 1234",
        **changes,
    }
    arguments = [text for name in words for text in (f"--{name}", words[name])]
    try:
        main(["restore", *arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def _refused(folder: Path, capsys: pytest.CaptureFixture[str], **changes: str) -> str:
    """Expect a refusal that leaves nothing behind; give its message."""
    before = sorted(folder.rglob("*"))
    assert _restore(folder, **changes) == 2
    assert sorted(folder.rglob("*")) == before
    message = capsys.readouterr().err
    assert "example.com" not in message
    assert MASTER not in message
    return message


def test_restore_gives_the_values_back_and_notes_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = pq.read_table(folder / "part.parquet")
    assert not {*MAILS} & {*part.column("user.email").to_pylist()} - {None}
    assert _restore(folder) == 0
    restored = pq.read_table(folder / "restored.parquet")
    assert restored.column("user.email").to_pylist() == MAILS
    assert restored.drop(["user.email"]).equals(part.drop(["user.email"]))
    assert restored.schema.names == part.schema.names
    assert restored.schema.metadata[b"made"] == b"by test"
    assert (folder / "restored.parquet").stat().st_mode & 0o777 == 0o600
    assert "restored 3 of 4 values" in capsys.readouterr().out

    audit = folder / "audit" / "restores.jsonl"
    assert audit.stat().st_mode & 0o777 == 0o600
    (line,) = [json.loads(text) for text in audit.read_text().splitlines()]
    digest = hashlib.sha256((folder / "part.parquet").read_bytes()).hexdigest()
    age = datetime.now(UTC) - datetime.fromisoformat(line.pop("restored_at"))
    assert 0 <= age.total_seconds() < 60
    assert len(line.pop("policy_digest")) == 64
    assert line == {
        "user": {"name": pwd.getpwuid(os.getuid()).pw_name, "uid": os.getuid()},
        "policy": "clicks",
        "purpose": "train_ai_system",
        "input": f"{folder}/part.parquet",
        "input_sha256": digest,
        "column": "user.email",
        "rows": 4,
        "values": 3,
        "key": {
            "id": key_id(bytes.fromhex(MASTER)),
            "epoch": "2026-11",
            "join_group": None,
        },
        "output": f"{folder}/restored.parquet",
        "reason": "ticket 1234",
    }


def test_restore_appends_a_line_each_time(folder: Path) -> None:
    reason = "line\nbreak \N{SNOWMAN}"
    assert _restore(folder) == 0
    assert _restore(folder, output=f"{folder}/again.parquet", reason=reason) == 0
    lines = (folder / "audit" / "restores.jsonl").read_text().splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["ticket 1234", reason]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("epoch: 2026-11", "epoch: 2026-12"),
        ("name: clicks", "name: views"),
        ("train_ai_system", "analytics"),
        ("purpose:", "join_group: partners\npurpose:"),
        ("type: email, action: encrypt}\n", "type: email, action: drop}\n"),
    ],
)
def test_restore_refuses_when_the_policy_is_another(
    folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    (folder / "policy.yaml").write_text(POLICY.replace(old, new))
    message = _refused(folder, capsys)
    wanted = "does not encrypt it" if "drop" in new else "2 distinct values were not"
    if "epoch" in new:
        wanted = "epoch 2026-11, and this is key id"
    assert wanted in message


def test_restore_refuses_when_the_key_is_another_or_missing(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0" * 64)
    message = _refused(folder, capsys)
    made = key_id(bytes.fromhex(MASTER))
    assert f"token was made with key id {made}, epoch 2026-11" in message
    assert "Nothing was written" in message
    monkeypatch.delenv("OPTIN_TEST_KEY")
    assert "environment variable is not set" in _refused(folder, capsys)


def test_restore_refuses_when_one_value_is_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = pq.read_table(folder / "part.parquet")
    tokens = part.column("user.email").to_pylist()
    tokens[3] = tokens[3][:-4] + "AAAA"
    changed = part.set_column(0, "user.email", pa.array(tokens))
    pq.write_table(changed, folder / "part.parquet")
    assert "1 distinct values were not" in _refused(folder, capsys)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"column": "user.emial"}, "Did you mean 'user.email'?"),
        ({"column": "age"}, "does not encrypt it"),
        ({"reason": " "}, "--reason is empty"),
        ({"input": "{}/none.parquet"}, "cannot be read"),
        ({"input": "{}"}, "cannot be read"),
        ({"input": "{}/policy.yaml"}, "is no Parquet file"),
        ({"input": "{}/other.parquet"}, "no single column"),
        ({"input": "{}/numbers.parquet"}, "not encrypted text"),
        ({"output": "{}/part.parquet"}, "exists already"),
        ({"output": "{}/release/x.parquet"}, "lies in output.path"),
        ({"output": "{}/events/x.parquet"}, "lies in input.path"),
        ({"output": "{}/audit/x.parquet"}, "lies in audit.path"),
        ({"output": "{}/none/x.parquet"}, "cannot be written"),
    ],
)
def test_restore_refuses_what_it_cannot_do(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    why: str,
) -> None:
    pq.write_table(pa.table({"a": ["x"]}), folder / "other.parquet")
    pq.write_table(pa.table({"user.email": [1]}), folder / "numbers.parquet")
    placed = {name: text.replace("{}", str(folder)) for name, text in changes.items()}
    assert why in _refused(folder, capsys, **placed)


def test_restore_writes_nothing_when_the_audit_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "audit").write_text("a file where the folder should be")
    assert "nothing was restored" in _refused(folder, capsys)
    (folder / "policy.yaml").write_text(POLICY.replace("audit/", "gs://b/audit"))
    assert "needs a local one" in _refused(folder, capsys)
