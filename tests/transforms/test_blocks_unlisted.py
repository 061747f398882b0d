"""`unlisted_columns: error` stops a run whose input has columns nobody decided on."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.policies import Policy, load_policy
from optin.policies.errors import InputError
from optin.transforms.blocks import ReadSpec, inspect_input

POLICY = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
unlisted_columns: UNLISTED
input:
  format: FORMAT
  path: in/
  event_time: {field: ts, unit: iso8601}
  subject: [user]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
columns:
  - {name: user, type: user_id, action: drop}
  - {name: device.os, type: category, action: keep, quasi: true}
anonymity: {k: 2}
output: {path: out/}
audit: {path: audit/}
"""
LISTED = '{"ts": "2026-05-15T12:00:00Z", "user": "u", "att": 3, "device": {"os": "x"}}'
STRAY = LISTED.replace('"os"', '"mail": "a@b.c", "os"')


def policy_of(folder: Path, kind: str, unlisted: str = "error") -> Policy:
    file = folder / "policy.yaml"
    file.write_text(POLICY.replace("FORMAT", kind).replace("UNLISTED", unlisted))
    (folder / "in").mkdir(exist_ok=True)
    return load_policy(file)


def look(policy: Policy) -> None:
    inspect_input(ReadSpec.from_policy(policy))


def test_jsonl_with_a_key_nobody_listed_is_refused(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "jsonl")
    (tmp_path / "in" / "a.jsonl").write_text(f"{LISTED}\n{STRAY}\n")
    with pytest.raises(InputError, match=r"'device\.mail'") as refused:
        look(policy)
    assert "a@b.c" not in str(refused.value)


def test_input_with_listed_columns_alone_passes(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "jsonl")
    (tmp_path / "in" / "a.jsonl").write_text(f"{LISTED}\n")
    look(policy)


def test_stray_column_passes_where_it_is_to_be_dropped(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "jsonl", "drop")
    (tmp_path / "in" / "a.jsonl").write_text(f"{STRAY}\n")
    look(policy)


def test_parquet_in_any_file_is_looked_at(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "parquet")
    table = pa.table(
        {
            "ts": ["2026-05-15T12:00:00Z"],
            "user": ["u"],
            "att": [3],
            "device": [{"os": "x"}],
        }
    )
    pq.write_table(table, tmp_path / "in" / "a.parquet")
    look(policy)
    stray = table.append_column("phone", pa.array(["1"]))
    pq.write_table(stray, tmp_path / "in" / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet.*'phone'"):
        look(policy)


def test_key_that_may_be_a_value_is_counted_and_not_shown(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "jsonl")
    odd = LISTED[:-1] + ', "jane@example.com": 1}'
    (tmp_path / "in" / "a.jsonl").write_text(f"{odd}\n")
    with pytest.raises(InputError, match="1 more") as refused:
        look(policy)
    assert "jane" not in str(refused.value)
