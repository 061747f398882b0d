"""A runner is always named, and a wrong name is refused before any work."""

from __future__ import annotations

import pytest

from optin.pipelines.runner import LOCAL_RUNNER, local_workers, runner_flags
from optin.policies.errors import OptinError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], [f"--runner={LOCAL_RUNNER}"]),
        (["--runner=DirectRunner"], [f"--runner={LOCAL_RUNNER}"]),
        (["--runner", "FnApiRunner"], ["--runner", LOCAL_RUNNER]),
        (["--x=1"], ["--x=1", f"--runner={LOCAL_RUNNER}"]),
        (["--runner=FlinkRunner"], ["--runner=FlinkRunner"]),
    ],
)
def test_runner_is_always_named(given: list[str], expected: list[str]) -> None:
    assert runner_flags(given) == expected


def test_unknown_runner_is_refused() -> None:
    with pytest.raises(OptinError, match="no such runner"):
        runner_flags(["--runner=Nope"])


def test_local_workers_when_the_runner_has_its_own() -> None:
    assert local_workers(runner_flags([]), 2) == 2
    assert local_workers(runner_flags(["--runner", "DirectRunner"]), 2) == 2
    assert local_workers(runner_flags(["--runner=PrismRunner"]), 2) == 0
    assert local_workers(runner_flags(["--direct_num_workers=2"]), 2) == 0
