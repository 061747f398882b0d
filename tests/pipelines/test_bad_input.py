"""Bad input, one line each: one clear error, the right exit code, nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.pipelines import cli

POLICY = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {field: ts, unit: ms}
  subject: [user]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
columns:
  - {name: user, type: user_id, action: drop}
  - {name: country, type: country, action: keep, quasi: true}
  - {name: age, type: age_years, action: keep, quasi: true, hierarchy: {widths: [10, 20]}}
anonymity: {k: 2, suppress_max: 0.2}
output: {path: out/}
audit: {path: audit/}
"""
EVENTS = [
    {"ts": 1777593600000, "user": f"person-{n}", "att": 3, "country": "DE", "age": 31}
    for n in range(6)
]
PERSONAL = "person-"  # no message may show a value of a record

Change = Callable[[Path], None]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    write_events(tmp_path / "in" / "a.jsonl", EVENTS)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def write_events(path: Path, events: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(event) + "\n" for event in events)
    path.write_text(text, encoding="utf-8")


def edit(old: str, new: str) -> Change:
    def change(place: Path) -> None:
        path = place / "policy.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def missing(place: Path) -> None:
    (place / "in" / "a.jsonl").unlink()
    (place / "in").rmdir()


def empty(place: Path) -> None:
    (place / "in" / "a.jsonl").write_bytes(b"")


def mixed_formats(place: Path) -> None:
    (place / "in" / "b.csv").write_text("ts,user\n", encoding="utf-8")


def mixed_schemas(place: Path) -> None:
    edit("format: jsonl", "format: parquet")(place)
    (place / "in" / "a.jsonl").unlink()
    table = pa.Table.from_pylist(EVENTS)
    pq.write_table(table, place / "in" / "a.parquet")
    ages = pa.array([["old"]] * table.num_rows)
    changed = table.set_column(table.schema.get_field_index("age"), "age", ages)
    pq.write_table(changed, place / "in" / "b.parquet")


def wrong_types(place: Path) -> None:
    write_events(place / "in" / "a.jsonl", [{**e, "age": "old"} for e in EVENTS])


def not_utf8(place: Path) -> None:
    line = json.dumps(EVENTS[0]).replace("DE", "\u00dc").encode("utf-16")
    (place / "in" / "a.jsonl").write_bytes(line * 3)


def other_columns(place: Path) -> None:
    write_events(place / "in" / "a.jsonl", [{"when": 1, "who": "person-1"}])


def unwritable(place: Path) -> None:
    # A file where the folder should be: fails for root as well, unlike permissions.
    (place / "out").write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "exit_code", "words"),
    [
        pytest.param(missing, 2, ["in", "no"], id="missing input"),
        pytest.param(empty, 2, ["in", "empty"], id="empty file"),
        pytest.param(mixed_formats, 2, ["b.csv"], id="mixed formats"),
        pytest.param(mixed_schemas, 2, ["age", ".parquet"], id="mixed schemas"),
        pytest.param(wrong_types, 1, ["BAD_TYPE"], id="wrong types"),
        pytest.param(not_utf8, 2, ["a.jsonl"], id="not UTF-8"),
        pytest.param(other_columns, 2, ["ts"], id="policy for other columns"),
        pytest.param(edit("k: 2", "k: 7"), 1, ["k is 7", "fewer than 7"], id="k"),
        pytest.param(
            edit("path: out/", "path: in/out"),
            2,
            ["policy.yaml:", "out"],
            id="output inside input",
        ),
        pytest.param(unwritable, 2, ["out"], id="unwritable output"),
        pytest.param(
            edit("OPTIN_TEST_KEY", "OPTIN_NO_SUCH_KEY"),
            2,
            ["env://OPTIN_NO_SUCH_KEY"],
            id="missing key",
        ),
        pytest.param(
            edit("action: drop}", "action: keep}"),
            2,
            ["policy.yaml:14:", "E145"],
            id="kept identifier",
        ),
    ],
)
def test_bad_input_gives_one_clear_error_and_leaves_nothing(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    change: Change,
    exit_code: int,
    words: list[str],
) -> None:
    change(place)
    assert run(["run", "policy.yaml"]) == exit_code
    shown = capsys.readouterr()
    message = shown.err + shown.out
    assert [word for word in words if word not in message] == []
    assert PERSONAL not in message
    assert "Traceback" not in message
    left = [path for path in place.glob("**/*.parquet") if "in" not in path.parts]
    assert left == []
    assert not list(place.glob("**/.staging"))


def test_refused_run_leaves_the_last_release_untouched(place: Path) -> None:
    assert run(["run", "policy.yaml"]) == 0
    release = place / "out" / "small"
    before = {p: p.read_bytes() for p in release.glob("**/*") if p.is_file()}
    assert before
    edit("k: 2", "k: 7")(place)
    assert run(["run", "policy.yaml"]) == 1
    assert before == {p: p.read_bytes() for p in release.glob("**/*") if p.is_file()}


def test_second_run_publishes_the_next_version(place: Path) -> None:
    assert run(["run", "policy.yaml"]) == 0
    assert run(["run", "policy.yaml"]) == 0
    names = sorted(path.name for path in (place / "out" / "small").iterdir())
    assert names == ["v0001", "v0002"]


def test_ill_formed_records_stand_in_quarantine_and_stop_nothing(place: Path) -> None:
    path = place / "in" / "a.jsonl"
    lines = path.read_bytes().splitlines()
    lines[2:2] = [b'{"ts": 17775936', b"", b'{"user": "\xff"}']
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert run(["run", "policy.yaml", "--json", "account.json"]) == 0
    account = json.loads((place / "account.json").read_text(encoding="utf-8"))
    assert account["records"]["read"] == 8
    assert account["records"]["quarantined"] == {"BAD_ENCODING": 1, "BAD_RECORD": 1}
    (audit,) = (place / "audit").iterdir()
    text = (audit / "quarantine.jsonl").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    assert sorted((e["line"], e["code"]) for e in entries) == [
        (3, "BAD_RECORD"),
        (5, "BAD_ENCODING"),
    ]
    assert not list(place.glob("**/*raw*"))


def test_run_refuses_a_json_path_before_it_starts(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["run", "policy.yaml", "--json", "nowhere/result.json"])
    assert exit_.value.code == 2
    assert "--json nowhere/result.json" in capsys.readouterr().err
    assert not (place / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_that_is_told_to_stop_leaves_no_staging(
    place: Path, number: signal.Signals
) -> None:
    events = [dict(event, user=f"person-{n}") for n in range(2_000) for event in EVENTS]
    write_events(place / "in" / "a.jsonl", events)
    code = "from optin.pipelines.cli import main; main(['run', 'policy.yaml'])"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "reading" in line:
                break
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait(timeout=60) == 128 + number
    assert "staging is cleared away" in said
    assert not (place / "out").exists()
