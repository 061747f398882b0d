"""What one tuple a person and a limit of records cost, beside the plain histogram.

`python benchmarks/people.py --rows 5000000` prints CPU seconds of each step over blocks of
65,536 rows, ten rows a person, as ratios to collapsing the same blocks to a histogram; one
process, no pipeline around it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from optin.transforms.blocks.names import BLOCK_ROWS, EVENT_TIME, SUBJECT
from optin.transforms.kanonymity.combine import HistogramFn, MergeFn
from optin.transforms.kanonymity.subjects import settle_people, store_limits
from optin.transforms.kanonymity.subjects.contribution import (
    block_draws,
    limits_of,
    merge_draws,
)
from optin.transforms.kanonymity.subjects.harmonise import (
    choose_tuples,
    merge_tuples,
    tuples_of,
)
from optin.transforms.kanonymity.subjects.shards import (
    shards_of,
    write_table,
)

QUASI = ("country", "region", "year", "model")
MOST = 10
KEY = bytes(range(32))


def blocks(rows: int) -> Iterator[pa.Table]:
    """Make blocks of random events; a tenth of the rows are away from home."""
    people = rows // 10
    tokens = np.random.default_rng(0).integers(0, 2**64, people, dtype=np.uint64)
    names = pa.array([f"model-{i:03d}" for i in range(300)])
    for number in range(-(-rows // BLOCK_ROWS)):
        draw = np.random.default_rng(number + 1)
        size = min(BLOCK_ROWS, rows - number * BLOCK_ROWS)
        who = draw.integers(0, people, size)
        home = (who * 2654435761) % 4_294_967_296
        away = draw.random(size) < 0.1
        place = np.where(away, draw.integers(0, 400, size), home % 400)
        yield pa.table(
            {
                "country": names.take(pa.array(place // 20)),
                "region": names.take(pa.array(place % 300)),
                "year": pa.array(1940 + home // 400 % 70),
                "model": names.take(pa.array(home // 28_000 % 300)),
                SUBJECT: pa.array(tokens[who]),
                EVENT_TIME: pa.array(
                    draw.integers(0, 10**12, size), pa.timestamp("us", "UTC")
                ),
            }
        )


def main() -> None:
    """Print CPU seconds and ratios, and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    seconds: dict[str, float] = {}

    def timed(step: str, started: float) -> None:
        seconds[step] = seconds.get(step, 0.0) + time.process_time() - started

    plain = HistogramFn(QUASI, 10)
    histogram = plain.create_accumulator()
    tuples = MergeFn(merge_tuples, lambda pairs: choose_tuples(pairs, "most_common"))
    draws = MergeFn(
        lambda tables: merge_draws(tables, MOST), lambda table: limits_of(table, MOST)
    )
    chosen: dict[int, list[pa.Table]] = {}
    drawn: dict[int, list[pa.Table]] = {}
    for block in blocks(rows):
        start = time.process_time()
        histogram = plain.add_input(histogram, block)
        timed("histogram", start)
        start = time.process_time()
        for shard, table in shards_of(tuples_of(block, QUASI), SUBJECT):
            chosen[shard] = tuples.add_input(chosen.get(shard, []), table)
        timed("tuples of people", start)
        start = time.process_time()
        for shard, table in shards_of(block_draws(block, KEY, MOST), SUBJECT):
            drawn[shard] = draws.add_input(drawn.get(shard, []), table)
        timed("draws", start)
    start = time.process_time()
    plain.extract_output(histogram)
    timed("histogram", start)
    with tempfile.TemporaryDirectory(prefix="optin-bench-") as folder:
        here = Path(folder)
        start = time.process_time()
        paths = [
            write_table(tuples.extract_output(tables), f"{here}/tuples-{shard:02d}")
            for shard, tables in chosen.items()
        ]
        timed("tuples of people", start)
        start = time.process_time()
        settled = settle_people(paths, [], "most_common", 10, f"{here}/people")
        timed("settle on the driver", start)
        start = time.process_time()
        limits = store_limits(
            [
                write_table(draws.extract_output(tables), f"{here}/draws-{shard:02d}")
                for shard, tables in drawn.items()
            ],
            KEY,
            f"{here}/limits",
        )
        timed("draws", start)
        if settled is None:
            raise SystemExit(1)
        for block in blocks(rows):
            start = time.process_time()
            settled.people.apply(block)
            timed("apply tuples", start)
            start = time.process_time()
            limits.apply(block)
            timed("apply limit", start)
    print(f"{rows:,} rows, {settled.subjects:,} people, {settled.moved:,} rows moved")
    for step, spent in seconds.items():
        print(f"{step:<22} {spent:>8.2f} s {spent / seconds['histogram']:>6.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak {peak:,.0f} MB")


if __name__ == "__main__":
    main()
