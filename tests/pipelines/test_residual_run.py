"""A run whose cleaning misses something publishes nothing, and says where, not what."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from optin.pipelines import cli
from optin.pipelines.result import RunResult
from optin.pipelines.training_set import RunOptions, run_policy
from optin.policies import Policy

AS_OF = "2026-06-01T00:00:00Z"
COLUMNS = (
    "  - {name: note, type: free_text, action: scan}\n"
    "  - {name: app.tag, type: category, action: keep}\n"
    "  - {name: mail, type: email, action: fake}\n"
    "  - {name: id, type: event_id, action: hmac}\n"
)
LINKED = "subject: {publish: pseudonym}"  # by the surrogates of mail
PII = "pii: {engine: rules, entities: [EMAIL_ADDRESS]}\n"
LEAKS = {
    "CREDIT_CARD": "my card 4539 1488 0343 6467 was declined",
    "PHONE_NUMBER": "call (202) 555-0123 after six",
    "IBAN_CODE": "refund to DE89 3704 0044 0532 0130 00",
}

Run = Callable[..., RunResult]


@pytest.fixture
def run(
    tmp_path: Path,
    write_policy: Callable[..., Policy],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()

    def start(
        notes: Sequence[str], tags: Sequence[str] = ("news",), more: str = ""
    ) -> RunResult:
        events = [
            {
                "id": f"e{i}",
                "ts": "2026-05-15T12:00:00Z",
                "user": f"u{i}",
                "att": 3,
                "country": "DE",
                "note": notes[i % len(notes)],
                "app": {"tag": tags[i % len(tags)]},
                "mail": f"person{i}@example.org",
            }
            for i in range(60)
        ]
        text = "".join(json.dumps(event) + "\n" for event in events)
        (tmp_path / "in" / "events.jsonl").write_text(text, encoding="utf-8")
        write_policy(columns=COLUMNS, more=PII + more, anonymity=LINKED)
        return run_policy(tmp_path / "policy.yaml", RunOptions(as_of=AS_OF))

    return start


def written(folder: Path, result: RunResult) -> str:
    """Everything that the run wrote about itself."""
    audit = folder / "audit" / result.run_id
    return "".join(path.read_text(encoding="utf-8") for path in audit.glob("*.json*"))


def test_run_is_refused_when_the_cleaning_missed_something(
    run: Run, tmp_path: Path
) -> None:
    result = run(["write to ada@example.com", *LEAKS.values()])
    assert result.refused is not None
    assert (
        "optin_no_residual_pii (personal data is left in note: CREDIT_CARD, "
        "IBAN_CODE, PHONE_NUMBER)" in result.refused
    )
    assert result.release is None
    assert not list(tmp_path.glob("out/small/v*"))
    account = written(tmp_path, result)
    # Each was found in one value: fewer than k = 2, so not counted aloud.
    assert json.loads(account)["residual"]["columns"]["note"][
        "certain"
    ] == dict.fromkeys(sorted(LEAKS), "<2")
    for value in ("4539", "555-0123", "DE89", "3704"):
        assert value not in account
        assert value not in result.refused


def test_command_says_which_check_failed_when_it_refuses(
    run: Run,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run([LEAKS["CREDIT_CARD"]])  # writes the policy and its input

    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "policy.yaml", "--as-of", AS_OF])

    assert stop.value.code == 1
    assert "optin_no_residual_pii" in "".join(capsys.readouterr())


def test_run_is_refused_when_a_kept_column_holds_identifiers(run: Run) -> None:
    result = run(["hello"], tags=["news", "ada@example.com"])
    assert result.refused is not None
    assert "app.tag: EMAIL_ADDRESS" in result.refused


def test_clean_set_is_published_and_can_be_checked_later(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(["write to ada@example.com", "thank you"])
    assert result.refused is None
    assert result.release is not None
    assert result.residual["left_out"] == {
        "id": "pseudonyms of hmac",
        "mail": "surrogates of fake",
    }
    assert result.residual["columns"]["note"]["values"] == 2
    manifest = json.loads((Path(result.release) / "release.json").read_text())
    assert manifest["residual"] == result.residual
    capsys.readouterr()
    words = ["validate", "--data", result.release, "--policy", "policy.yaml"]
    with pytest.raises(SystemExit) as stop:
        cli.main([*words, "--json", "report.json"])
    assert stop.value.code == 0
    said = capsys.readouterr().out.replace("\n", " ")
    assert "optin_records_conserved not checked" in said
    report = json.loads((tmp_path / "report.json").read_text())
    (check,) = (
        entry
        for entry in report["results"]
        if entry["expectation_config"]["type"] == "optin_no_residual_pii"
    )
    assert check["success"] is True
    assert check["result"]["columns"] == result.residual["columns"]


def test_set_is_refused_later_when_it_holds_what_it_should_not(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    result = run(["thank you"])
    assert result.release is not None
    (part,) = Path(result.release).glob("*.parquet")
    table = pq.read_table(part)
    notes = pa.array([LEAKS["CREDIT_CARD"]] * table.num_rows)
    place = table.column_names.index("note")
    (tmp_path / "other").mkdir()
    pq.write_table(
        table.set_column(place, "note", notes), tmp_path / "other" / "a.parquet"
    )
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        cli.main(["validate", "--data", "other", "--policy", "policy.yaml"])
    assert stop.value.code == 1
    said = capsys.readouterr().out.replace("\n", " ")
    assert "note: CREDIT_CARD" in said
    assert "4539" not in said


def test_limit_lets_a_share_stay_and_skip_is_said_aloud(run: Run) -> None:
    more = "residual: {max_share: {CREDIT_CARD: 0.5}, skip: [app.tag]}\n"
    result = run(
        [LEAKS["CREDIT_CARD"], "thank you"], tags=["ada@example.com"], more=more
    )
    assert result.refused is None
    assert "what is left in app.tag (residual.skip)" in result.not_checked


def test_possible_names_are_a_warning_and_a_limit_makes_them_a_failure(
    run: Run,
) -> None:
    notes = ["My name is Ada Lovelace, I cannot sign in", "thank you"]
    result = run(notes)
    assert result.refused is None
    assert any(line.startswith("note: PERSON is possible") for line in result.warnings)
    refused = run(notes, more="residual: {max_share: {PERSON: 0.1}}\n").refused
    assert refused is not None
    assert "note: PERSON" in refused


def test_validate_needs_something_to_hold_the_data_against(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["validate", "--data", str(tmp_path)])
    assert stop.value.code == 2
    assert "--suite, --policy" in capsys.readouterr().err
