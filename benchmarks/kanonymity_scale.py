"""Local recoding of resampled Adult at 30 thousand to 10 million rows.

    python benchmarks/kanonymity_scale.py [--data ../shared/data/adult] [--rows 10000000]

`resampled.py` says how rows are drawn. Every row is a person of her
own, or (`events`) one of ten times fewer people. One process each: seconds (wall and CPU)
of the histogram, block by block as a worker makes it, and of the choice; peak memory
above that of the input; loss (NCP). Figures of ARX's local recoding are named below.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

from adult import QUASI, ladders_of
from resampled import ARX_LOCAL, sample

from optin.transforms.kanonymity import choose_local
from optin.transforms.kanonymity.combine import HistogramFn


def main() -> None:
    """Run each size in a process of its own, or one size in this one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    parser.add_argument("--rows", type=int, default=10_000_000, help="largest size")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--people", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.data, given.one, given.people, given.k)
        return
    print(
        "| rows | people | distinct tuples | NCP | histogram wall / CPU s "
        "| choice wall / CPU s | peak MB over input | ARX local |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for rows in (30_000, 300_000, 1_000_000, 10_000_000):
        for people in (rows, rows // 10):
            if rows <= given.rows:
                arguments = ["--data", str(given.data), "--k", str(given.k)]
                arguments += ["--one", str(rows), "--people", str(people)]
                subprocess.run([sys.executable, __file__, *arguments], check=True)


def measure(folder: Path, rows: int, people: int, k: int) -> None:
    """Print one line."""
    blocks = list(sample(folder, rows, people))
    ladders = ladders_of(folder)
    before = peak_megabytes()
    combine = HistogramFn(QUASI, k)
    wall, cpu = time.perf_counter(), time.process_time()
    held = combine.create_accumulator()
    for block in blocks:
        held = combine.add_input(held, block)
    histogram = combine.extract_output(held)
    counted = time.perf_counter() - wall, time.process_time() - cpu
    assert histogram is not None  # noqa: S101 - there were blocks
    wall, cpu = time.perf_counter(), time.process_time()
    plan = choose_local(histogram, ladders, k, 0.0)
    chosen = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"| {rows:,} | {people:,} | {len(plan.index):,} | {plan.ncp:.4f} "
        f"| {counted[0]:.2f} / {counted[1]:.2f} | {chosen[0]:.2f} / {chosen[1]:.2f} "
        f"| {peak_megabytes() - before:.0f} | {ARX_LOCAL.get(rows, '')} |",
        flush=True,
    )


def peak_megabytes() -> float:
    """Give the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
