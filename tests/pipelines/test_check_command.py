"""`optin check`: a policy, its profile, and the input it is held against."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optin.pipelines import cli

POLICY = """\
version: 1
name: installs
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
columns:
  - {name: AppsFlyer ID, type: user_id, action: drop}
  - {name: Country Code, type: country, action: keep, quasi: true}
anonymity: {k: 2}
output: {path: out/}
audit: {path: audit/}
"""
HEADER = "Event Time,AppsFlyer ID,Platform,Country Code,ATT,Is LAT"
ROW = "2026-05-01 12:00:00,1-2,ios,DE,authorized,false"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    write(tmp_path, HEADER, ROW)
    return tmp_path


def write(place: Path, header: str, row: str) -> None:
    (place / "in" / "a.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")


def check(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["check", "policy.yaml", *words])
    code = exit_.value.code
    assert isinstance(code, int)
    return code, capsys.readouterr().out


def test_check_shows_the_status_and_sources_of_the_profile(place, capsys):
    code, out = check(capsys)
    assert code == 0, out
    assert "profile appsflyer_raw_v5: status doc · support.appsflyer.com" in out
    assert "policy.yaml: ok" in out


def test_check_names_the_att_column_that_an_export_lacks(place, capsys):
    write(place, HEADER.replace(",ATT", ""), ROW.replace(",authorized", ""))
    code, out = check(capsys)
    assert code == 2
    assert "needs column 'ATT', which the file does not have" in out
    assert "The export has no ATT column unless it was asked for" in out


def test_check_gives_near_names_for_a_column_that_is_absent(place, capsys):
    write(place, HEADER.replace("Country Code", "Country_Code"), ROW)
    code, out = check(capsys)
    assert code == 2
    assert "did you mean 'Country_Code'?" in out


def test_check_says_so_when_a_veto_can_never_deny(place, capsys):
    write(place, HEADER.replace(",Is LAT", ""), ROW.replace(",false", ""))
    code, out = check(capsys)
    assert code == 0
    assert "input: warning: the input has none of 'Is LAT'" in out


def test_check_refuses_naive_times_without_a_zone(place, capsys):
    policy = place / "policy.yaml"
    policy.write_text(POLICY.replace("Event Time, tz: UTC", "Event Time"))
    code, out = check(capsys)
    assert code == 2
    assert "'Event Time' carry no zone; write tz:" in out


def test_check_looks_elsewhere_or_not_at_all(place, capsys):
    (place / "in" / "a.csv").rename(place / "b.csv")
    (place / "in").rmdir()
    code, out = check(capsys)
    assert code == 0
    assert "not at hand, not looked at" in out
    assert check(capsys, "--input", "b.csv")[0] == 0
    code, out = check(capsys, "--no-look")
    assert code == 0
    assert "not looked at" not in out


def test_check_looks_into_json_lines_for_required_signals(place, capsys):
    policy = (place / "policy.yaml").read_text()
    policy = policy.replace("format: csv", "format: jsonl")
    (place / "policy.yaml").write_text(policy)
    (place / "in" / "a.csv").unlink()
    record = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    record["Att"] = record.pop("ATT")
    (place / "in" / "a.jsonl").write_text(json.dumps(record) + "\n")
    code, out = check(capsys)
    assert code == 0
    assert "no required 'ATT' in the first 1 records" in out
    assert "did you mean 'Att'?" in out


def test_check_refuses_a_profile_file_with_an_unknown_key(place, capsys):
    (place / "own.yaml").write_text(
        "name: own\nstatus: doc\nsources: [us]\nsignals:\n"
        "  att: {paths: [ATT], vales: {authorized: grant}}\n"
    )
    policy = POLICY.replace("appsflyer_raw_v5", "./own.yaml")
    (place / "policy.yaml").write_text(policy)
    code, out = check(capsys)
    assert code == 2
    assert "own.yaml:5:" in out
    assert "'vales'" in out
    assert not (place / "out").exists()
