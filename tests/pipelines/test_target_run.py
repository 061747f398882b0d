"""Runs whose policy names what models will be trained to predict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from optin.pipelines.training_set import RunOptions, run_policy
from optin.policies import Policy

COLUMNS = "".join(
    [
        "  - {name: genre, type: category, action: keep, quasi: true}\n",
        "  - {name: bought, type: category, action: keep}\n",
    ]
)
PSEUDONYM = "  - {name: login, type: user_id, action: hmac}\n"


@pytest.mark.parametrize("linked", [False, True])
def test_run_keeps_the_column_that_predicts_the_target(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_policy: Callable[..., Policy],
    linked: bool,
) -> None:
    # 48 people in classes of 12: of country (3 values) and genre (4), one has to be *.
    # The genre tells who buys; without the target the country would go or stay by loss
    # alone, which is the same for both.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    lines = [
        {
            "id": number,
            "ts": "2026-05-15T12:00:00Z",
            "user": f"u{number}",
            "login": f"l{number}",
            "att": 3,
            "country": ("DE", "FR", "AT")[number % 3],
            "genre": "abcd"[number // 3 % 4],
            "bought": "yes" if "abcd"[number // 3 % 4] in "ab" else "no",
        }
        for number in range(48)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "in" / "a.jsonl").write_text(text)
    more = "subject: {publish: pseudonym}" if linked else ""
    shown = {}
    for target in ("", "target: bought"):
        write_policy(
            columns=COLUMNS + (PSEUDONYM if linked else ""),
            anonymity=", ".join(filter(None, (target, more))),
        )
        path = tmp_path / "policy.yaml"
        path.write_text(path.read_text().replace("k: 2,", "k: 12,"))
        result = run_policy(path, RunOptions(as_of="2026-06-01T00:00:00Z"))
        assert result.refused is None
        assert result.anonymity["k_reached"] >= 12
        assert result.anonymity.get("target") == ("bought" if target else None)
        assert any("heeds column bought" in gap for gap in result.not_checked) == bool(
            target
        )
        parts = sorted(Path(str(result.release)).glob("*.parquet"))
        published = pq.read_table(parts)
        shown[target] = {
            name: set(published.column(name).to_pylist())
            for name in ("country", "genre")
        }
    assert shown["target: bought"] == {"country": {"*"}, "genre": set("abcd")}
    assert shown[""] != shown["target: bought"]
