"""Data and hierarchies that k-anonymity cannot work with, through a run and alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest

import optin
from optin.pipelines import cli
from optin.policies.errors import OptinError
from optin.transforms import KAnonymize

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
  - {name: city, type: category, action: keep, quasi: true, hierarchy: {table: cities.csv}}
  - {name: age, type: age_years, action: keep, quasi: true, hierarchy: {widths: [10, 20]}}
anonymity: {k: 3, suppress_max: 0.2}
output: {path: out/}
audit: {path: audit/}
"""
CITIES = "Vienna;Austria;*\nGraz;Austria;*\nBerlin;Germany;*\n"
Event = dict[str, Any]
Change = Callable[[list[Event]], list[Event]]


def events() -> list[Event]:
    return [
        {
            "ts": 1777593600000,
            "user": f"person-{n}",
            "att": 3,
            "city": "Graz",
            "age": 31,
        }
        for n in range(6)
    ]


def same(given: list[Event]) -> list[Event]:
    return given


def put(**values: Any) -> Change:
    return lambda given: [{**event, **values} for event in given]


def without(name: str) -> Change:
    return lambda given: [
        {key: value for key, value in event.items() if key != name} for event in given
    ]


# What is wrong → exit code of a run, its words; words of kanonymize and KAnonymize.
CASES: dict[str, tuple[Change, str, str, int, list[str], list[str]]] = {
    "column missing": (
        without("age"), CITIES, "", 1, ["'age'", "none of the 6"], ["lacks", "age"]),
    "column all null": (
        put(age=None), CITIES, "", 1, ["'age'", "none of the 6"], ["'age'", "none of the 6"]),
    "wrong type": (
        put(age="secret-age"), CITIES, "", 1, ["BAD_TYPE"], ["'age'", "string", "numbers"]),
    "value in a gap": (
        put(city="Secretville"), CITIES, "", 1, ["'city'", "6 records", "outside"],
        ["'city'", "6 records", "outside"]),
    "table with a gap": (
        same, "Vienna;Austria;*\nGraz;;*\n", "", 2, ["policy.yaml:15:", "E158", "cities.csv:2:6"],
        ["'city'", "cities.csv:2:6", "E158"]),
    "table with a cycle": (
        same, "a;b;*\nb;a;*\n", "", 2, ["policy.yaml:15:", "E158", "circle"],
        ["'city'", "circle", "E158"]),
    "k above the population": (
        same, CITIES, "k: 7", 1, ["k is 7", "fewer than 7"], ["k is 7", "fewer than 7"]),
    "one owns all": (
        put(user="person-1"), CITIES, "", 1, ["k is 3", "fewer than 3"],
        ["k is 3", "fewer than 3"]),
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_a_run_says_what_is_wrong_and_publishes_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    change, table, k, code, words, _ = CASES[case]
    (place / "cities.csv").write_text(table)
    (place / "policy.yaml").write_text(POLICY.replace("k: 3", k or "k: 3"))
    lines = [json.dumps(event) + "\n" for event in change(events())]
    (place / "in" / "a.jsonl").write_text("".join(lines))
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "policy.yaml"])
    shown = capsys.readouterr()
    message = shown.err + shown.out
    assert stopped.value.code == code, message
    assert [word for word in words if word not in message] == [], message
    assert not any(word in message for word in ("person-", "ecret", "Traceback"))
    assert not (place / "out" / "small").exists()


@pytest.mark.parametrize("case", CASES)
def test_a_table_and_a_pipeline_say_it_too(place: Path, case: str) -> None:
    change, table, k, _, _, words = CASES[case]
    (place / "cities.csv").write_text(table)
    data = pa.Table.from_pylist(change(events()))
    if case == "column all null":
        data = data.set_column(4, "age", pa.nulls(6, pa.int64()))
    asked: dict[str, Any] = {
        "subject": "user",
        "quasi_identifiers": {
            "city": {"table": "cities.csv"},
            "age": {"widths": [10, 20]},
        },
        "k": int((k or "k: 3")[3:]),
    }
    with pytest.raises(OptinError) as refused:
        optin.kanonymize(data, **asked)
    given: list[Any] = []

    def run() -> None:
        with beam.Pipeline("FnApiRunner") as pipeline:
            blocks = pipeline | beam.Create(data.to_batches(max_chunksize=2))
            _ = blocks | KAnonymize(**asked) | beam.Map(given.append)

    with pytest.raises(Exception, match=r".") as failed:
        run()
    for message in (str(refused.value), str(failed.value)):
        assert [word for word in words if word not in message] == [], message
        assert not any(word in message for word in ("person-", "ecret"))
    assert given == []
