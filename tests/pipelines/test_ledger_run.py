"""A run with a ledger: late decisions, both ways to join, and the proof of every drop."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from optin.pipelines import cli
from optin.pipelines.result import RunResult
from optin.pipelines.training_set import RunOptions, run_policy

POLICY = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {field: ts, unit: iso8601}
  event_id: id
  subject: [user, cookie]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
  ledger:
    path: ledger.jsonl
    key: {user: uid, cookie: cookie}
    time: {field: at}
    lateness: 30d
  bias: {by: [country], min_records: 2}
columns:
  - {name: user, type: user_id, action: drop}
  - {name: country, type: country, action: keep, quasi: true}
anonymity: {k: 2, suppress_max: 0.9}
output: {path: out/}
audit: {path: audit/, drops: per_record}
"""
AS_OF = "2026-06-01T00:00:00Z"
# Events of 15 May; who, and what the ledger makes of it.
PEOPLE = {
    "plain": "KEEP",
    "other": "KEEP",
    "erased": "ERASED",
    "withdrew-late": "WITHDRAWN",
    "withdrew-after-as-of": "KEEP",
    "again-before": "KEEP",
    "again-after": "WITHDRAWN_THEN",
    "lapsed": "WITHDRAWN",
    "by-cookie": "WITHDRAWN",
    "another-purpose": "KEEP",
    "denied": "ATT_DENIED",
}
LEDGER = [
    {"uid": "erased", "decision": "erase", "at": "2026-05-20T00:00:00Z"},
    {"uid": "Withdrew-Late ", "decision": "withdraw", "at": "2026-05-31T23:59:59Z"},
    {
        "uid": "withdrew-after-as-of",
        "decision": "withdraw",
        "at": "2026-06-01T00:00:01Z",
    },
    {"uid": "again-before", "decision": "withdraw", "at": "2026-05-01T00:00:00Z"},
    {"uid": "again-before", "decision": "grant", "at": "2026-05-02T00:00:00Z"},
    {"uid": "again-after", "decision": "withdraw", "at": "2026-05-01T00:00:00Z"},
    {"uid": "again-after", "decision": "grant", "at": "2026-05-16T00:00:00Z"},
    {"uid": "lapsed", "decision": "withdraw", "at": "2026-05-01T00:00:00Z"},
    {
        "uid": "lapsed",
        "decision": "grant",
        "at": "2026-05-02T00:00:00Z",
        "expires": "2026-05-10T00:00:00Z",
    },
    {"cookie": "c-by-cookie", "decision": "withdraw", "at": "2026-05-20T00:00:00Z"},
    {
        "uid": "another-purpose",
        "decision": "withdraw",
        "purpose": "marketing.email",
        "at": "2026-05-20T00:00:00Z",
    },
]
PURPOSE = {"purpose": "train_ai_system"}

Change = Callable[[str], str]


def joining(way: str) -> Change:
    """Give the change that asks for one way to join."""
    return lambda text: text.replace("lateness: 30d", f"join: {way}")


def write_lines(path: Path, entries: Sequence[Mapping[str, object]]) -> None:
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    events = [
        {
            "id": f"e-{name}",
            "ts": "2026-05-15T12:00:00Z",
            "user": name,
            "cookie": f"c-{name}",
            "att": 2 if name == "denied" else 3,
            "country": "DE",
        }
        for name in PEOPLE
    ]
    write_lines(tmp_path / "in" / "a.jsonl", events)
    write_lines(tmp_path / "ledger.jsonl", [{**PURPOSE, **entry} for entry in LEDGER])
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def run(place: Path, change: Change = lambda text: text) -> RunResult:
    policy = place / "policy.yaml"
    policy.write_text(change(POLICY), encoding="utf-8")
    return run_policy(policy, RunOptions(as_of=AS_OF))


def decided(result: RunResult) -> Counter[str]:
    return (
        Counter(dict(result.dropped))
        + Counter(dict(result.quarantined))
        + Counter({"KEEP": result.kept})
    )


@pytest.mark.parametrize("way", ["broadcast", "sharded"])
def test_run_holds_every_record_against_the_ledger(place: Path, way: str) -> None:
    result = run(place, joining(way))
    assert decided(result) == Counter(PEOPLE.values())
    assert result.ledger is not None
    assert result.ledger["join"] == way
    assert result.ledger["decisions"] == {"erase": 1, "grant": 3, "withdraw": 7}


def test_both_joins_publish_the_same_bytes(place: Path) -> None:
    parts = []
    for way in ("broadcast", "sharded"):
        result = run(place, joining(way))
        assert result.release is not None
        parts.append([file["sha256"] for file in result.files])
    assert parts[0] == parts[1]


def test_every_drop_has_its_proof(place: Path) -> None:
    result = run(place)
    audit = place / "audit" / result.run_id
    lines = pq.read_table(audit / "drops").to_pylist()
    assert Counter(line["code"] for line in lines) == result.dropped
    for line in lines:
        assert line["run_id"] == result.run_id
        assert line["policy_digest"] == result.policy_digest
        assert line["as_of"] == line["ledger_as_of"] == "2026-06-01T00:00:00+00:00"
        assert line["ledger_digest"].startswith("sha256:")
        assert len(line["record_key"]) == len(line["subject_key"]) == 32
        assert line["code"] == line["codes"][0]
    signals = {line["code"]: line["signals"] for line in lines}
    assert signals["ATT_DENIED"] == {"att": "2", "ledger": None}
    assert signals["ERASED"] == {"att": "3", "ledger": "erased"}
    assert signals["WITHDRAWN_THEN"]["ledger"] == "withdrawn then, granted later"
    everything = str(lines) + (audit / "run.json").read_text()
    assert not any(name in everything for name in PEOPLE if "-" in name)


def test_quarantined_record_has_its_proof(place: Path) -> None:
    naive = place / "in" / "a.jsonl"
    naive.write_text(naive.read_text().replace("12:00:00Z", "12:00:00", 1))
    result = run(place)
    path = place / "audit" / result.run_id / "quarantine.jsonl"
    (line,) = [json.loads(text) for text in path.read_text().splitlines()]
    assert line["code"] == "NO_EVENT_TIME"
    assert line["codes"] == ["NO_EVENT_TIME"]
    assert line["run_id"] == result.run_id
    assert line["signals"] == {"att": "3", "ledger": None}
    assert len(line["record_key"]) == 32


def test_required_grant_of_the_ledger(place: Path) -> None:
    grants = [
        {"uid": "plain", "decision": "grant", "at": "2026-05-01T00:00:00Z"},
        {"uid": "other", "decision": "grant", "at": "2026-05-20T00:00:00Z"},
        {"uid": "denied", "decision": "grant", "at": "2024-05-01T00:00:00Z"},
    ]
    entries = [{**PURPOSE, **entry} for entry in (*LEDGER, *grants)]
    entries.append(
        {
            "uid": "another-purpose",
            "decision": "grant",
            "purpose": "marketing",
            "at": "2026-05-01T00:00:00Z",
        }
    )
    write_lines(place / "ledger.jsonl", entries)
    require = "require: [{signal: att}, {signal: ledger, max_age: 13mo}]"
    result = run(place, lambda t: t.replace("require: [{signal: att}]", require))
    assert decided(result) == {
        "KEEP": 2,  # plain, and again-before
        "CONSENT_AFTER_EVENT": 1,  # other
        "ATT_DENIED": 1,
        "ERASED": 1,
        "WITHDRAWN": 3,
        "WITHDRAWN_THEN": 1,
        "PURPOSE_NOT_GRANTED": 1,
        "LEDGER_MISSING": 1,  # withdrew-after-as-of
    }
    lines = pq.read_table(place / "audit" / result.run_id / "drops").to_pylist()
    codes = {line["code"]: line["codes"] for line in lines}
    assert codes["ATT_DENIED"] == ["ATT_DENIED", "EXPIRED"]


def test_repeated_run_gives_the_same_release_while_the_ledger_grows(
    place: Path,
) -> None:
    first = run(place)
    later = {"uid": "plain", "decision": "withdraw", "at": "2026-06-02T00:00:00Z"}
    with (place / "ledger.jsonl").open("a") as stream:
        stream.write(json.dumps(later) + "\n")
    second = run(place)
    assert first.release is not None
    assert second.release is not None
    assert [f["sha256"] for f in first.files] == [f["sha256"] for f in second.files]
    assert first.ledger != second.ledger  # another file, so another digest


def test_bias_report_says_who_disappears(place: Path) -> None:
    bias = run(place).bias
    by = {grouping["by"]: grouping for grouping in bias["groupings"]}
    assert by["country"]["groups"][0]["value"] == "DE"
    assert by["country"]["groups"][0]["decided"] == len(PEOPLE)
    assert by["country"]["psi"] == by["day (UTC)"]["psi"] == 0


@pytest.mark.parametrize(
    ("line", "where", "says"),
    [
        (None, "ledger.jsonl", "no file is there"),
        ({"uid": "secret-x", "decision": "revoke"}, "ledger.jsonl:12", "decision"),
        (
            {"uid": "secret-x", "decision": "grant", "at": "2026-05-01T00:00:00"},
            "ledger.jsonl:12",
            "offset",
        ),
        ({"decision": "grant"}, "ledger.jsonl:12", "key"),
        (
            {"uid": ["secret-x", "y"], "decision": "withdraw"},
            "ledger.jsonl:12",
            "list or an object",
        ),
    ],
)
def test_bad_ledger_stops_the_run_and_nothing_is_written(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    line: dict[str, object] | None,
    where: str,
    says: str,
) -> None:
    path = place / "ledger.jsonl"
    if line is None:
        path.unlink()
    else:
        entry = {"at": "2026-05-01T00:00:00Z", **PURPOSE, **line}
        path.write_text(path.read_text() + json.dumps(entry) + "\n")
    with pytest.raises(SystemExit) as exit_:
        cli.main(["run", "policy.yaml", "--as-of", AS_OF])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert where in error
    assert says in error.lower()
    assert "secret-x" not in error
    assert not (place / "out").exists()
    assert not (place / "audit").exists()


def test_stale_ledger_stops_the_run(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["run", "policy.yaml", "--as-of", "2026-09-01T00:00:00Z"])
    assert exit_.value.code == 2
    assert "stale" in capsys.readouterr().err


def test_ledger_that_may_be_missing_is_a_warning(place: Path) -> None:
    (place / "ledger.jsonl").unlink()
    result = run(place, lambda t: t.replace("lateness: 30d", "required: false"))
    assert result.kept == len(PEOPLE) - 1
    assert any("withdrawals" in warning for warning in result.warnings)


def test_misspelt_end_of_grants_stops_the_run(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = place / "policy.yaml"
    policy.write_text(POLICY.replace("lateness: 30d", "expires: valid_untill"))
    with pytest.raises(SystemExit):
        cli.main(["run", "policy.yaml", "--as-of", AS_OF])
    assert "no record has a value in valid_untill" in capsys.readouterr().err


def test_ledger_key_that_no_record_has_is_said(place: Path) -> None:
    change = "key: {user: uid, cooky: cookie}"
    result = run(
        place,
        lambda t: t.replace("key: {user: uid, cookie: cookie}", change).replace(
            "subject: [user, cookie]", "subject: [user, cookie, cooky]"
        ),
    )
    assert any("'cooky'" in warning for warning in result.warnings)


def test_check_reads_the_ledger(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = place / "ledger.jsonl"
    ledger.write_text(ledger.read_text() + '{"uid": "u", "decision": "revoke"}\n')
    with pytest.raises(SystemExit) as exit_:
        cli.main(["check", "policy.yaml"])
    assert exit_.value.code == 2
    assert "ledger.jsonl:12: the decision" in capsys.readouterr().out
