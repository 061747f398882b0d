"""Runs with text in which people keep a name that is not theirs."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.pipelines.training_set import RunOptions, run_policy
from optin.policies.errors import ModelMissingError

POLICY = """\
version: 1
name: chats
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {fixed: "2026-05-15T12:00:00Z"}
  subject: [user]
consent:
  signals: {att: {field: att, grant: [3], deny: [0, 1, 2]}}
  require: [{signal: att}]
columns:
  - {name: user, type: user_id, action: hmac}
  - {name: country, type: country, action: keep, quasi: true}
  - {name: question, type: free_text}
  - {name: answer, type: free_text}
pii:
  entities: [PERSON, EMAIL_ADDRESS, PHONE_NUMBER, IP_ADDRESS]
  recognizers:
    - name: who
      supported_entity: PERSON
      patterns: [{name: who, regex: '(?:jane|ann)\\s+(?:doe|lee)', score: 0.9}]
  operators:
    PERSON: placeholder
    EMAIL_ADDRESS: {type: placeholder, scope: text}
    PHONE_NUMBER: {type: mask, keep_last: 2}
    IP_ADDRESS: remove
anonymity: {k: 2, suppress_max: 0.9, subject: {publish: pseudonym}}
output: {path: out/}
audit: {path: audit/}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def _rows() -> list[dict[str, object]]:
    return [
        {
            "user": f"u{i % 5}",
            "att": 3,
            "country": "AT",
            "question": f"I am Jane Doe ({i}), write to a@b.com, not c@d.com, a@b.com",
            "answer": "Hello JANE  DOE, call 212-555-5555 from 10.1.2.3 or Ann Lee",
        }
        for i in range(40)
    ]


def _run(place: Path, rows: list[dict[str, object]], files: int) -> pa.Table:
    for old in (place / "in").iterdir():
        old.unlink()
    for part in range(files):
        lines = [json.dumps(row) for row in rows[part::files]]
        (place / "in" / f"{part}.jsonl").write_text("\n".join(lines))
    (place / "policy.yaml").write_text(POLICY)
    options = RunOptions(as_of="2026-06-01T00:00:00Z")
    result = run_policy(place / "policy.yaml", options, progress=lambda _: None)
    assert result.refused is None
    parts = sorted(Path(result.release or "").glob("*.parquet"))
    return pa.concat_tables([pq.read_table(part) for part in parts])


def test_run_names_people_alike_in_all_rows_of_a_subject(place: Path) -> None:
    first = _run(place, _rows(), 1).to_pylist()
    name = r"<PERSON_[B-T]{8}>"
    question = re.compile(
        rf"I am ({name}) \(\d+\), write to <EMAIL_ADDRESS_1>, not <EMAIL_ADDRESS_2>, "
        "<EMAIL_ADDRESS_1>"
    )
    answer = re.compile(rf"Hello ({name}), call \*{{10}}55 from  or ({name})")
    names: dict[str, set[tuple[str, str]]] = {}
    assert len(first) == 40
    for row in first:
        asked, told = (
            question.fullmatch(row["question"]),
            answer.fullmatch(row["answer"]),
        )
        assert asked is not None
        assert told is not None
        assert asked[1] == told[1]  # Jane, in both columns
        names.setdefault(row["user"], set()).add((told[1], told[2]))
    assert len(names) == 5
    assert all(len(pairs) == 1 for pairs in names.values())
    assert len({pair for pairs in names.values() for pair in pairs}) == 5
    # Other files, another order: the same rows.
    rows = _rows()
    random.Random(3).shuffle(rows)  # noqa: S311
    again = _run(place, rows, 3).to_pylist()
    assert sorted(map(str, again)) == sorted(map(str, first))


def test_run_says_what_nobody_can_tell_from_surrogates(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "POLICY", POLICY.replace("placeholder\n", "fake\n"))
    rows = _run(place, _rows(), 2).to_pylist()
    assert not any(re.search(r"(?i)\b(jane|doe)\b|<PERSON", str(r)) for r in rows)
    (facts,) = (place / "audit").glob("*/run.json")
    gaps = json.loads(facts.read_text())["not_checked"]
    assert "PERSON in text (surrogates look like them)" in gaps


def test_run_stops_before_it_reads_when_a_model_is_missing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "in" / "0.jsonl").write_text(json.dumps(_rows()[0]))
    (place / "model").mkdir()
    for more, line in (
        ("engine: model\n  language: de", "spacy download de_core_news_sm"),
        (
            "ner: {kind: gliner, path: model, labels: {person: PERSON}}",
            r"pip install 'optin\[gliner\]'",
        ),
    ):
        (place / "policy.yaml").write_text(POLICY.replace("pii:", f"pii:\n  {more}"))
        with pytest.raises(ModelMissingError, match=line):
            run_policy(place / "policy.yaml", RunOptions(), progress=lambda _: None)
