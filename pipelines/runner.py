"""Which Beam runner runs a pipeline, and how its flags are read."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..policies.errors import OptinError

__all__ = ["LOCAL_RUNNER", "cores", "local_workers", "runner_flags"]

_MOST_CORES = 4  # each process that reads text holds a language model, some 350 MiB

LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""Named in full: Beam 2.77's own default looks for a Prism binary to download."""


def runner_flags(flags: Sequence[str]) -> list[str]:
    """Give Beam's flags with a runner always named.

    Args:
        flags: what stood after `--` on the command line, in Beam's own words.

    Returns:
        The same flags; with the local runner where no runner was named. `DirectRunner`
        means the local runner too.

    Raises:
        OptinError: Beam knows no runner of that name.
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


def cores() -> int:
    """Count the cores that this process may use for text, four at most; 0: just one."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return min(count, _MOST_CORES) if count > 1 else 0


def local_workers(flags: Sequence[str], asked: int) -> int:
    """Give the processes that may help a runner: other runners have their own workers.

    Args:
        flags: as `runner_flags` gives them.
        asked: how many are wished for.
    """
    several = any(flag.startswith("--direct_") for flag in flags)
    local = f"--runner={LOCAL_RUNNER}" in flags or LOCAL_RUNNER in flags
    return asked if local and not several else 0


def _known(name: str) -> str:
    if name in {"DirectRunner", "FnApiRunner"}:
        return LOCAL_RUNNER
    from apache_beam.runners.runner import create_runner

    try:
        create_runner(name)
    except (AttributeError, ImportError, ValueError):
        message = (
            f"--runner={name}: Beam has no such runner here. Known: DirectRunner, "
            "FlinkRunner, SparkRunner, PrismRunner, DataflowRunner (needs the gcp "
            "extra), PortableRunner"
        )
        raise OptinError(message) from None
    return name
