"""How the benchmark runs a tool, and what it makes of the forms that tools give."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Peers = Callable[[str], Any]


@pytest.fixture
def request_of(peers: Peers) -> Any:
    return peers("adapter").Request(("age", "land"), ("age",), 2, Path("unused"))


# One class of 20 to 30 in AT or FR, with the people 7 (two rows) and 8 (one row).
SHAPES: dict[str, Callable[[], Any]] = {
    "anonypy": lambda: [
        {"age": ["20-30"], "land": ["FR,AT"], "person": 7, "count": 2},
        {"age": ["20-30"], "land": ["FR,AT"], "person": 8, "count": 1},
    ],
    "anonypyx": lambda: pd.DataFrame(
        {
            "age": ["20-30"] * 2,
            "land": ["AT,FR"] * 2,
            "person": [7, 8],
            "count": [2, 1],
            "group_id": [0, 0],
        }
    ),
    "polarfrost": lambda: pl.DataFrame(
        {"age": ["20-30"], "land": ["AT,FR"], "person": ["7,8"], "count": [3]}
    ),
    "umbra_k": lambda: pd.DataFrame(
        {"age": ["20-30"] * 3, "land": ["AT,FR"] * 3, "person": [7, 7, 8]}
    ),
    "anjana": lambda: pd.DataFrame(
        {"index": [0, 1, 4], "age": ["20-30"] * 3, "land": ["*"] * 3}
        | {"person": [7, 7, 8]}
    ),
}


@pytest.mark.parametrize("tool", SHAPES)
def test_release_of_every_tool_has_its_people_and_rows(
    peers: Peers, request_of: Any, hierarchy: Path, tmp_path: Path, tool: str
) -> None:
    adapter = getattr(peers(f"of_{tool}"), tool.upper())
    published = adapter.publish(SHAPES[tool](), request_of)
    labels = peers("labels")
    ages = tmp_path / "ages.csv"
    ages.write_text("20;20-30;*\n30;20-30;*\n40;40-50;*\n", encoding="utf-8")
    domains = {
        "age": labels.number_domain("age", (20, 30, 40), ages),
        "land": labels.text_domain("land", hierarchy),
    }
    found = peers("measure").measure_release(
        published, domains, adapter.reader, input_rows=3, k=3
    )
    assert (found.classes, found.least_rows, found.least_people) == (1, 3, 2)
    # Age 10 of 20; two of six leaves, or all of them.
    land = 1.0 if tool == "anjana" else 1 / 5
    assert found.ncp == pytest.approx((0.5 + land) / 2)


def test_every_tool_has_pinned_requirements(peers: Peers) -> None:
    folder = peers("environments").REQUIREMENTS
    named = {one.distribution for one in peers("roster").ROSTER if one.distribution}
    assert named == {path.stem for path in folder.iterdir()}
    for name in named:
        lines = (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        assert all("==" in line for line in lines)
        assert any(line.startswith(f"{name}==") for line in lines)


def test_tool_that_cannot_be_installed_is_told_with_the_reason(
    peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments = peers("environments")
    wanted = tmp_path / "requirements"
    wanted.mkdir()
    (wanted / "gone.txt").write_text(f"{tmp_path}/gone\n", encoding="utf-8")
    monkeypatch.setattr(environments, "REQUIREMENTS", wanted)
    with pytest.raises(environments.NotInstalledError, match="gone"):
        environments.interpreter_for("gone", tmp_path / "homes")


def run(peers: Peers, code: str, seconds: float = 30, megabytes: float = 4000) -> Any:
    command = [sys.executable, "-c", code]
    bounded = peers("bounded")
    return bounded.run_bounded(command, Path.cwd(), os.environ, seconds, megabytes)


def test_run_that_ends_well_has_no_trouble(peers: Peers) -> None:
    assert run(peers, "print('x' * 100_000)").trouble == ""


def test_run_over_time_is_stopped(peers: Peers) -> None:
    ended = run(peers, "while True: pass", seconds=1)
    assert ended.trouble == "stopped after 1 s"
    assert 1 <= ended.wall < 20
    assert ended.cpu > 0


def test_run_over_memory_is_stopped(peers: Peers) -> None:
    code = "import time; held = bytearray(300_000_000); time.sleep(60)"
    ended = run(peers, code, megabytes=200)
    assert ended.trouble == "stopped at 200 MB"
    assert ended.peak > 200
    assert ended.wall < 30


def test_run_that_fails_tells_its_last_line(peers: Peers) -> None:
    ended = run(peers, "raise ValueError('no such column')")
    assert ended.trouble == "ValueError: no such column"


def test_rows_are_the_same_each_time_and_of_the_people_asked_for(
    peers: Peers, hierarchy: Path, tmp_path: Path
) -> None:
    ages = "".join(f"{age};*\n" for age in range(20, 60))
    (tmp_path / "adult_hierarchy_age.csv").write_text(ages, encoding="utf-8")
    adult = pa.table({"age": np.arange(20, 60), "land": ["AT", "FR", "JP", "IN"] * 10})
    rows = peers("rows")
    made = [
        rows.write_rows(
            adult, ("age", "land"), hierarchy.parent, 5000, ten, tmp_path / f"{at}.pq"
        )
        for at, ten in enumerate((10, 10, 1))
    ]
    first, again, ones = (pq.read_table(one.path) for one in made)
    assert first.equals(again)
    people = len(first.column("person").unique())
    assert 400 < people <= 500
    assert len(ones.column("person").unique()) == 5000
    # Two columns, 9 % of each moved: 0.91 ** 2 = 83 % of rows have their person's tuple.
    usual = (
        first.group_by(["person", "age", "land"])
        .aggregate([("row", "count")])
        .group_by("person")
        .aggregate([("row_count", "max"), ("row_count", "sum")])
    )
    share = sum(usual.column("row_count_max").to_pylist()) / 5000
    assert 0.78 < share < 0.9
