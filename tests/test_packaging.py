"""What is shipped, and what a plain `optin --help` may import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("policies", "transforms", "expectations", "pipelines")  # bottom to top
HEAVY = ("apache_beam", "great_expectations", "spacy", "presidio_analyzer", "pandas")


def project() -> dict[str, object]:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    settings: dict[str, object] = tool["setuptools"]
    return settings


def test_every_subpackage_is_named_in_pyproject() -> None:
    found = {"optin"}
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("__init__.py"):
            found.add(".".join(("optin", *path.parent.relative_to(ROOT).parts)))
    assert set(project()["packages"]) == found  # type: ignore[call-overload]


def test_every_data_file_of_a_package_is_shipped() -> None:
    shipped: set[Path] = set()
    patterns: dict[str, list[str]] = project()["package-data"]  # type: ignore[assignment]
    for package, globs in patterns.items():
        folder = ROOT.joinpath(*package.split(".")[1:])
        for pattern in globs:
            shipped |= set(folder.glob(pattern))
    data = {
        path
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*")
        if path.suffix in {".yaml", ".csv", ".json", ".txt"}
    }
    assert data
    assert data <= shipped


def test_imports_run_one_way() -> None:
    against: list[str] = []
    for height, floor in enumerate(FLOORS):
        above = FLOORS[height + 1 :]
        for path in (ROOT / floor).rglob("*.py"):
            depth = len(path.relative_to(ROOT).parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.level == depth:
                    target = (node.module or "").split(".")[0]
                    if target in above:
                        against.append(f"{path.relative_to(ROOT)} imports {target}")
    assert against == []


def test_lock_file_has_hashes_and_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index|--find-links|999\.9\.9", text)
    pins = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    assert pins
    assert all("==" in pin and pin.endswith("\\") for pin in pins)


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from optin.pipelines.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: assert not stop.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "optin" in done.stdout or "Usage" in done.stdout
