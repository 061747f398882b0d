"""Tools for k-anonymity side by side: time, memory, loss, and the people of a class.

    python benchmarks/kanonymity_peers.py [--data ../shared/data/adult] [--rows 30000 …]
        [--rows-a-person 10] [--environments FOLDER] [--timeout 300] [--memory 8]
        [--only NAME …]

Resampled Adult (`peers/rows.py` says how) with 8 quasi-identifiers at 30 thousand, 300
thousand, 1 million and 10 million rows, by default ten rows a person. Every tool gets the
same file, in an environment of its own that is made where it is not there, in a process
of its own with a limit of time and memory. One that failed or was stopped is not run
with more rows. What it publishes is measured by `peers/measure.py`, alike for all: loss
(NCP), rows and distinct people of the smallest class, rows in classes with fewer than k
people. A tool that lists the values of a class is also measured `as levels`: each list
widened to the least label of the hierarchy that holds it, as others must publish it.

Seconds are those of the tool's call; peak memory is that of its process, beside what
the process held before the call. Figures of ARX are published ones of another run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Final

import psutil
from adult import QUASI, read_adult
from peers.adapter import Adapter
from peers.bounded import run_bounded
from peers.environments import NotInstalledError, interpreter_for
from peers.measure import measure_release
from peers.roster import ROSTER
from peers.rows import Rows, write_rows

SIZES: Final = (30_000, 300_000, 1_000_000, 10_000_000)
ARX: Final = {
    1_000_000: ("24", "2,700", "0.0184"),
    10_000_000: ("74", "4,700", "0.0063"),
}
"""Seconds, megabytes and loss of ARX's local recoding, k = 10, every row a person."""

_HEAD: Final = (
    "| rows | tool | setting | k counts | wall s | CPU s | peak MB | of it input "
    "| NCP | NCP as levels | suppressed | classes | least rows | least people | rows below k people |"
)


def main() -> None:
    """Print one line per size and tool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    parser.add_argument(
        "--rows", type=int, nargs="+", default=SIZES, help="sizes, rising"
    )
    parser.add_argument("--rows-a-person", type=int, default=10)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--timeout", type=float, default=300, help="seconds, a run")
    parser.add_argument("--memory", type=float, default=8, help="gigabytes, a run")
    parser.add_argument("--only", nargs="*", help="words of tool: setting")
    parser.add_argument(
        "--environments",
        type=Path,
        default=Path(tempfile.gettempdir()) / "optin-peers",
        help="folder of the tools' environments",
    )
    given = parser.parse_args()
    given.data = given.data.resolve()
    memory = psutil.virtual_memory().total / 2**30
    print(
        f"{os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"
    )
    print(f"k = {given.k}, {given.rows_a_person} row(s) a person\n\n{_HEAD}")
    print("|" + "---|" * (_HEAD.count("|") - 1), flush=True)
    adult = read_adult(given.data)
    failed: dict[int, str] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for size in given.rows:
            path = Path(scratch) / "rows.parquet"
            rows = write_rows(adult, QUASI, given.data, size, given.rows_a_person, path)
            for number, adapter in enumerate(ROSTER):
                told = f"{adapter.name}: {adapter.setting}"
                if given.only and not any(word in told for word in given.only):
                    continue
                before = failed.get(number)
                if before is None:
                    failing = one(given, number, rows, Path(scratch), versions)
                    if failing:
                        failed[number] = f"{failing} at {size:,} rows"
                else:
                    silent(adapter, rows, f"not run: {before}")
            if size in ARX and given.rows_a_person == 1:
                seconds, peak, loss = ARX[size]
                print(
                    f"| {size:,} | ARX | local; published figures, not measured here "
                    f"| rows | {seconds} | | {peak} | | {loss} | | | | | | |"
                )
    print("\nVersions: " + ", ".join(f"{n} {v}" for n, v in sorted(versions.items())))


def one(
    given: argparse.Namespace,
    number: int,
    rows: Rows,
    scratch: Path,
    versions: dict[str, str],
) -> str:
    """Run a tool and print its line; give what went wrong, or nothing."""
    adapter = ROSTER[number]
    benchmarks = Path(__file__).parent
    environment = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "TMPDIR")
        if name in os.environ
    }
    try:
        if adapter.distribution:
            python = interpreter_for(adapter.distribution, given.environments)
        else:
            python = Path(sys.executable)
            environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    except NotInstalledError as error:
        silent(adapter, rows, f"cannot be installed: {error}")
        return "cannot be installed"
    release, times = scratch / "release.parquet", scratch / "times.json"
    for left in (release, times):
        left.unlink(missing_ok=True)
    command = [str(python), "-m", "peers.worker", str(number), str(rows.path)]
    command += [str(scratch), "--k", str(given.k), "--data", str(given.data)]
    ended = run_bounded(
        command, benchmarks, environment, given.timeout, given.memory * 1024
    )
    if ended.trouble:
        silent(adapter, rows, ended.trouble, ended.wall, ended.cpu, ended.peak)
        return ended.trouble
    took = json.loads(times.read_text(encoding="utf-8"))
    versions[adapter.distribution or "optin"] = took["version"]
    told = (
        f"{took['wall']:.2f} | {took['cpu']:.2f} | {took['peak']:,.0f} "
        f"| {took['input']:,.0f}"
    )
    try:
        found = measure_release(
            release, rows.domains, adapter.reader, rows.count, given.k
        )
    except ValueError as error:
        print(f"| {start(adapter, rows)} | {told} | {error} | | | | | | |", flush=True)
        return str(error)
    print(
        f"| {start(adapter, rows)} | {told} | {found.ncp:.4f} | {found.ncp_as_levels:.4f} "
        f"| {found.suppressed_share:.2%} | {found.classes:,} | {found.least_rows:,} "
        f"| {found.least_people:,} | {found.rows_below:.1%} |",
        flush=True,
    )
    return ""


def start(adapter: Adapter, rows: Rows) -> str:
    """Give the first columns of a line."""
    return f"{rows.count:,} | {adapter.name} | {adapter.setting} | {adapter.counts}"


def silent(
    adapter: Adapter,
    rows: Rows,
    why: str,
    wall: float | None = None,
    cpu: float | None = None,
    peak: float | None = None,
) -> None:
    """Print the line of a tool that gave nothing."""
    wall_, cpu_, peak_ = (
        "" if one is None else f"> {one:,.0f}" for one in (wall, cpu, peak)
    )
    print(
        f"| {start(adapter, rows)} | {wall_} | {cpu_} | {peak_} | | {why} | | | | | | |",
        flush=True,
    )


if __name__ == "__main__":
    main()
