"""What a policy may say of sensitive attributes, and what it is told where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from optin.policies import Policy, load_policy
from optin.policies.errors import PolicyError

POLICY = """\
version: 1
name: small
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: in/
  event_time: {{field: ts, unit: iso8601}}
  event_id: id
  subject: [user]
consent:
  signals: {{att: {{field: att, grant: [3], deny: [0, 1, 2]}}}}
  require: [{{signal: att}}]
columns:
  - {{name: user, type: user_id, action: drop}}
  - {{name: country, type: country, action: keep, quasi: true}}
  - {{name: illness, type: category, action: keep, sensitive: true}}
  - {{name: income, type: integer, action: keep}}
anonymity:
  k: 2
  sensitive:
{rules}
output: {{path: out/}}
audit: {{path: audit/}}
"""


def load(folder: Path, rules: str) -> Policy:
    file = folder / "policy.yaml"
    text = "\n".join(f"    {line}" for line in rules.splitlines())
    file.write_text(POLICY.format(rules=text))
    return load_policy(file)


def findings(folder: Path, rules: str) -> list[tuple[str, int, str]]:
    with pytest.raises(PolicyError) as refused:
        load(folder, rules)
    return [(f.code, f.line, f.message) for f in refused.value.findings]


def test_rules_that_are_sound_load_with_their_table_resolved(tmp_path: Path) -> None:
    (tmp_path / "illness.csv").write_text("flu;lung;*\ncold;lung;*\n")
    policy = load(
        tmp_path,
        "illness: {l: 3, diversity: recursive, c: 2, t: 0.3, "
        "distance: hierarchical, table: illness.csv}\n"
        "income: {t: 0.2, distance: ordered, alpha: 0.5}",
    )
    rules = policy.anonymity.sensitive
    assert rules["illness"].table == str(tmp_path / "illness.csv")
    assert rules["income"].alpha == 0.5


@pytest.mark.parametrize(
    ("rules", "code", "words"),
    [
        ("ilness: {l: 2}", "E190", "Did you mean 'illness'?"),
        ("user: {l: 2}", "E190", "dropped"),
        ("country: {l: 2}", "E190", "quasi-identifier"),
        ("illness: {}", "E191", "'l', 't' or 'alpha'"),
        ("illness: {l: 2, diversity: recursive}", "E191", "needs 'c:'"),
        ("illness: {l: 2, c: 3}", "E191", "'c' means nothing"),
        ("illness: {alpha: 0.5, diversity: entropy}", "E191", "without 'l'"),
        ("illness: {l: 2, distance: ordered}", "E191", "without 't'"),
        ("illness: {t: 0.2, distance: ordered}", "E191", "no order of their own"),
        ("illness: {t: 0.2, distance: hierarchical}", "E191", "needs 'table:'"),
        ("illness: {t: 0.2, table: x.csv}", "E191", "'table' means nothing"),
        ("illness: {l: 1}", "E106", "at least 2"),
        ("illness: {t: 1.5}", "E106", "less than 1"),
        ("illness: {entropy: 3}", "E101", "entropy"),
        (
            "illness: {t: 0.2, distance: ordered, order: [a, b, a]}",
            "E118",
            "twice",
        ),
    ],
)
def test_rule_that_cannot_work_is_refused_where_it_stands(
    tmp_path: Path, rules: str, code: str, words: str
) -> None:
    found = findings(tmp_path, rules)
    line = POLICY.splitlines().index("{rules}") + 1
    assert [(c, at) for c, at, _ in found] == [(code, line)]
    assert words in found[0][2]
