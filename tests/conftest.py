"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the public test data; the test is skipped where it is absent."""
    named = os.environ.get("OPTIN_TEST_DATA")
    root = Path(__file__).resolve().parents[1]
    folder = Path(named) if named else root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            "public test data not found; set OPTIN_TEST_DATA to its folder "
            "(see CONTRIBUTING.md)"
        )
    return folder
