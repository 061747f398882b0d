"""Which Beam runner runs a pipeline, and how its flags are read."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["LOCAL_RUNNER", "runner_flags"]

LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""Named in full: Beam 2.77's own default looks for a Prism binary to download."""


def runner_flags(flags: Sequence[str]) -> list[str]:
    """Give Beam's flags with a runner always named.

    Args:
        flags: what stood after `--` on the command line, in Beam's own words.

    Returns:
        The same flags; with the local runner where no runner was named. `DirectRunner`
        means the local runner too.
    """
    given = list(flags)
    for position, flag in enumerate(given):
        if flag == "--runner" and position + 1 < len(given):
            given[position + 1] = _known(given[position + 1])
            return given
        if flag.startswith("--runner="):
            given[position] = f"--runner={_known(flag.removeprefix('--runner='))}"
            return given
    return [*given, f"--runner={LOCAL_RUNNER}"]


def _known(name: str) -> str:
    return LOCAL_RUNNER if name in {"DirectRunner", "FnApiRunner"} else name
