"""An environment of its own for every tool: they ask for versions that exclude each other."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["REQUIREMENTS", "NotInstalledError", "interpreter_for"]

REQUIREMENTS: Final = Path(__file__).parent / "requirements"
"""Folder of `DISTRIBUTION.txt`: the tool and all that it brings, pinned."""

_LIMIT_SECONDS: Final = 600


class NotInstalledError(Exception):
    """A tool cannot be installed here; the message is the installer's last word."""


def interpreter_for(distribution: str, folder: Path) -> Path:
    """Give the Python of a tool's environment; make it where it is not there.

    Args:
        distribution: names the requirements.
        folder: holds one environment for each tool.

    Raises:
        NotInstalledError: the requirements cannot be installed.
    """
    requirements = REQUIREMENTS / f"{distribution}.txt"
    home = folder / distribution
    python = home / "bin" / "python"
    done = home / "installed"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if done.is_file() and done.read_text(encoding="utf-8") == digest:
        return python
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [str(python), *pip, "-r", str(requirements)],
    ):
        _run(command)
    done.write_text(digest, encoding="utf-8")
    return python


def _run(command: list[str]) -> None:
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        message = f"not installed within {_LIMIT_SECONDS} s"
        raise NotInstalledError(message) from None
    if ran.returncode:
        lines = (ran.stderr or ran.stdout).strip().splitlines()
        raise NotInstalledError(lines[-1] if lines else "the installer failed")
