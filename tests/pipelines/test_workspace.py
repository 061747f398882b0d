"""Staging is invisible, publication is one step, and a killed run leaves no trace."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from optin.pipelines.workspace import Workspace
from optin.policies.errors import GateError, OutputError


def workspace(root: Path, run_id: str = "run-1") -> Workspace:
    return Workspace(str(root / "out"), "events", run_id)


def stage(place: Workspace, content: bytes = b"rows") -> None:
    (Path(place.data) / "part-00000.parquet").write_bytes(content)


def test_publication_moves_data_and_manifest_together(tmp_path: Path) -> None:
    with workspace(tmp_path) as place:
        stage(place)
        assert not (tmp_path / "out" / "events").exists()
        release = Path(place.publish({"rows": 1}))
    assert release == tmp_path / "out" / "events" / "v0001"
    assert json.loads((release / "release.json").read_text())["rows"] == 1
    assert (release / "part-00000.parquet").read_bytes() == b"rows"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["events"]


def test_nothing_stays_when_the_run_fails(tmp_path: Path) -> None:
    def fail() -> None:
        message = "k is out of reach"
        with workspace(tmp_path) as place:
            stage(place)
            raise GateError(message)

    with pytest.raises(GateError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_next_run_sweeps_what_a_killed_run_left(tmp_path: Path) -> None:
    dead = tmp_path / "out" / ".staging" / "dead"
    dead.mkdir(parents=True)
    (dead / ".lock").touch()  # its process is gone, so nobody holds the lock
    (dead / "spill").mkdir()
    with workspace(tmp_path):
        assert not dead.exists()


def test_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    alive = tmp_path / "out" / ".staging" / "alive"
    alive.mkdir(parents=True)
    lock = os.open(alive / ".lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with workspace(tmp_path):
            pass
        assert alive.exists()
    finally:
        os.close(lock)


def test_two_runs_at_once_publish_two_versions(tmp_path: Path) -> None:
    with workspace(tmp_path, "a") as first, workspace(tmp_path, "b") as second:
        stage(first, b"first")
        stage(second, b"second")
        names = [Path(place.publish({})).name for place in (second, first)]
    assert names == ["v0001", "v0002"]
    parts = sorted((tmp_path / "out").glob("events/*/*.parquet"))
    assert [path.read_bytes() for path in parts] == [b"second", b"first"]


def test_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match=r"output\.path"), workspace(tmp_path):
        pass
