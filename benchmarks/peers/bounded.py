"""Runs a command with a limit of time and of memory."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

__all__ = ["Outcome", "run_bounded"]

_PAUSE_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        trouble: "" where it ended well, else what happened, in a few words.
        wall: seconds from start to end.
        cpu: seconds that it had used when it was last looked at.
        peak: megabytes that it held at most, of all the times that it was looked at.
    """

    trouble: str
    wall: float
    cpu: float
    peak: float


def run_bounded(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    megabytes: float,
) -> Outcome:
    """Run a command; kill it and its children where it passes a limit.

    Args:
        command: program and arguments.
        folder: where it runs.
        environment: all of its variables.
        seconds: most wall-clock time, start of the interpreter included.
        megabytes: most resident memory.
    """
    start = time.monotonic()
    cpu = peak = 0.0
    trouble = ""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watched = psutil.Process(process.pid)
        error = ""
        while True:
            try:
                _, error = process.communicate(timeout=_PAUSE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                now_cpu, now_memory = _use(watched)
                cpu, peak = max(cpu, now_cpu), max(peak, now_memory)
                if time.monotonic() - start > seconds:
                    trouble = f"stopped after {seconds:.0f} s"
                elif now_memory > megabytes:
                    trouble = f"stopped at {megabytes:,.0f} MB"
                if trouble:
                    _kill(watched)
    if not trouble and process.returncode:
        lines = error.strip().splitlines()
        trouble = lines[-1] if lines else f"ended with {process.returncode}"
    return Outcome(trouble, time.monotonic() - start, cpu, peak)


def _use(process: psutil.Process) -> tuple[float, float]:
    """Give CPU seconds and resident megabytes of a process and its children."""
    cpu = memory = 0.0
    try:
        for one in (process, *process.children(recursive=True)):
            times = one.cpu_times()
            cpu += times.user + times.system
            memory += one.memory_info().rss / 2**20
    except psutil.NoSuchProcess:  # it ends while it is looked at
        pass
    return cpu, memory


def _kill(process: psutil.Process) -> None:
    try:
        for one in (*process.children(recursive=True), process):
            one.kill()
    except psutil.NoSuchProcess:
        pass
