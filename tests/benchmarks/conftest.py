"""The benchmark's modules, which are scripts and no package of optin."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Give a module of `benchmarks/peers` by its name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda name: importlib.import_module(f"peers.{name}")


@pytest.fixture
def hierarchy(tmp_path: Path) -> Path:
    """Write a hierarchy: six leaves under Europe, Asia and Rest."""
    path = tmp_path / "adult_hierarchy_land.csv"
    lines = ["AT;Europe;*", "FR;Europe;*", "PL;Europe;*", "JP;Asia;*", "IN;Asia;*"]
    path.write_text("\n".join([*lines, "US-Guam;Rest;*"]) + "\n", encoding="utf-8")
    return path
