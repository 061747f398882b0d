"""Runs whose release keeps a pseudonym, and runs that limit the records of a person."""

from __future__ import annotations

import io
import json
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from optin.pipelines import passes
from optin.pipelines.recode import Recode, load_recoding
from optin.pipelines.result import RunResult
from optin.pipelines.summary import print_summary
from optin.pipelines.training_set import RunOptions, run_policy
from optin.policies.errors import PolicyError

POLICY = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {field: ts, unit: iso8601}
  subject: [user, device]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
columns:
  - {name: user, type: user_id, action: hmac}
  - {name: device, type: device_id, action: hmac}
  - {name: country, type: country, action: keep, quasi: true}
  - {name: app, type: category, action: keep, quasi: true}
  - {name: illness, type: category, action: keep, sensitive: true}
  - {name: item, type: integer, action: keep}
anonymity: {k: 3, suppress_max: 0.9, SETTINGS}
output: {path: out/}
audit: {path: audit/}
"""
PEOPLE = 40


def _events() -> list[dict[str, Any]]:
    """Make people with many records, in several classes each; some share a device."""
    draw = random.Random(11)  # noqa: S311
    events = []
    for person in range(PEOPLE):
        home = draw.choice(["DE", "FR", "IT"])
        for item in range(draw.randint(1, 12)):
            away = draw.random() < 0.3
            events.append(
                {
                    "ts": f"2026-05-{1 + item:02d}T12:00:00Z",
                    "user": f"u{person}",
                    # Persons 0 and 1, 2 and 3, … of the first ten share a device.
                    "device": f"d{person // 2 if person < 10 else person}",
                    "att": 3,
                    "country": "AT" if away else home,
                    "app": draw.choice(["news", "chess"]),
                    "illness": draw.choice(["flu", "cold", "none"]),
                    "item": item,
                }
            )
    events += [{**events[0], "user": None, "item": 99}]  # the device alone names them
    events += [events[-2]] * 20  # one record, many times
    return events


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def _run(
    place: Path,
    settings: str,
    events: list[dict[str, Any]],
    *,
    files: int = 1,
    dropped: bool = False,
) -> RunResult:
    for old in (place / "in").iterdir():
        old.unlink()
    for number in range(files):
        lines = "".join(json.dumps(event) + "\n" for event in events[number::files])
        (place / "in" / f"{number}.jsonl").write_text(lines)
    policy = place / "policy.yaml"
    text = POLICY.replace("SETTINGS", settings)
    policy.write_text(text.replace("action: hmac", "action: drop") if dropped else text)
    return run_policy(policy, RunOptions(as_of="2026-06-01T00:00:00Z"))


def _published(result: RunResult) -> list[dict[str, Any]]:
    assert result.refused is None, result.refused
    parts = sorted(Path(result.release or "").glob("*.parquet"))
    rows: list[dict[str, Any]] = pa.concat_tables(
        [pq.read_table(part) for part in parts]
    ).to_pylist()
    return rows


def _check(result: RunResult, name: str) -> object:
    (found,) = [c for c in result.checks if c["expectation_config"]["type"] == name]
    return found["success"]


def _classes(rows: list[dict[str, Any]], key: str) -> dict[str, set[tuple[str, str]]]:
    classes: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in rows:
        if row[key] is not None:
            classes[row[key]].add((row["country"], row["app"]))
    return classes


@pytest.mark.parametrize("how", ["latest", "most_common"])
def test_run_gives_every_pseudonym_one_class(place: Path, how: str) -> None:
    settings = f"subject: {{publish: pseudonym, harmonise: {how}}}, contribution_cap: 4"
    events = _events()
    result = _run(place, settings, events)
    rows = _published(result)
    for key in ("user", "device"):
        assert {len(found) for found in _classes(rows, key).values()} == {1}, key
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        people[row["country"], row["app"]].add(row["user"] or row["device"])
    assert len(people) > 1  # or nothing was shown
    assert all(len(found) >= 3 for found in people.values())
    assert max(Counter(row["user"] for row in rows if row["user"]).values()) == 4
    # Every record is accounted for.
    assert result.kept == len(events)
    had = Counter(e["user"] or e["device"] for e in events)
    assert result.capped == sum(max(0, count - 4) for count in had.values())
    assert len(rows) == result.kept - result.capped - result.suppressed
    assert result.to_json()["records"]["capped"] == result.capped
    assert _check(result, "optin_one_class_per_person") is True
    assert _check(result, "optin_rows_per_person_within_cap") is True
    subject = result.anonymity["subject"]
    assert isinstance(subject, dict)
    assert 0 < subject["harmonised_share"] < 1
    console = Console(width=100, file=io.StringIO())
    print_summary(result, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert f"{result.capped:,}" in shown
    assert "over 4 records of a person" in shown
    assert f"their person's {how} tuple" in shown
    # Other files, another order: the same bytes.
    random.Random(5).shuffle(events)  # noqa: S311
    again = _run(place, settings, events, files=3)
    assert [f["sha256"] for f in again.files] == [f["sha256"] for f in result.files]


def test_run_limits_records_without_pseudonyms(place: Path) -> None:
    global POLICY
    before = POLICY
    POLICY = before.replace("action: hmac", "action: drop")
    try:
        settings = "contribution_cap: 2, sensitive: {illness: {l: 2}}"
        result = _run(place, settings, _events())
    finally:
        POLICY = before
    rows = _published(result)
    assert result.capped > 0
    assert len(rows) == result.kept - result.capped - result.suppressed
    assert sum(row["item"] == 99 for row in rows) <= 1


def test_harmonised_classes_meet_the_rules_of_sensitive_attributes(
    place: Path,
) -> None:
    settings = "subject: {publish: pseudonym}, sensitive: {illness: {l: 2}}"
    rows = _published(_run(place, settings, _events()))
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        values[row["country"], row["app"]].add(row["illness"])
    assert values
    assert all(len(found) >= 2 for found in values.values())


def test_pseudonym_that_nothing_protects_is_refused_where_it_stands(
    place: Path,
) -> None:
    with pytest.raises(PolicyError) as refusal:
        _run(place, "contribution_cap: 4", _events())
    lines = POLICY.splitlines()
    found = [
        (f.code, lines[f.line - 1][f.column - 1 :][:4]) for f in refusal.value.findings
    ]
    assert found == [("E194", "hmac"), ("E194", "hmac")]


def test_set_in_which_rows_can_be_linked_is_not_published(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tuples of people are not applied, and all tuples are in released classes, so
    # that nothing but the recount can see it. Six people prefer each of two apps.
    event = {**_events()[0], "country": "DE"}
    events = [
        {**event, "user": f"u{i}", "device": f"d{i}", "app": app, "item": i}
        for i in range(12)
        for app in ("news", "chess", ("news", "chess")[i % 2])
    ]

    class Careless(Recode):
        def __call__(self, table: pa.Table) -> pa.Table:
            return load_recoding(self.path).apply(table)

    monkeypatch.setattr(passes, "Recode", Careless)
    result = _run(place, "subject: {publish: pseudonym}", events)
    assert result.release is None
    assert result.refused == "1 check(s) failed: optin_one_class_per_person"
    assert _check(result, "optin_one_class_per_person") is False
