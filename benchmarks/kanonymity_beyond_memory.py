"""Local recoding of more distinct tuples than fit into one histogram.

    python benchmarks/kanonymity_beyond_memory.py [--data ../shared/data/adult] [--rows 11000000]

Rows are drawn from Adult; each of the 8 columns of a row is, with a chance of 25 %, taken
from another row, and a ninth column is one of 40,000 places, denser here than there. Every
row is a person of her own. They are made block by block and kept on disk, so that peak
memory is that of the work: count within the limit, cut and count by bucket, solve, apply
block by block, and count the people of every published class again, by shard on disk.

The first lines put buckets beside one histogram, at a size where both run, for several
sizes of bucket; the last is the large run. Peak memory is that above the start, of one
process each; mapped pages of files count while they are used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from adult import QUASI, ladders_of, read_adult
from kanonymity_scale import peak_megabytes

from optin.policies.columns import Column, Hierarchy
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import AnonymityPlan, build_ladder
from optin.transforms.kanonymity.counting.measure import (
    RECOUNT_CAP,
    class_sizes,
    merge_class_sizes,
    people_of,
)
from optin.transforms.kanonymity.counting.merging import SHARDS
from optin.transforms.kanonymity.local import DEFAULT_EFFORT
from optin.transforms.kanonymity.routing import BucketedRecoding
from optin.transforms.kanonymity.routing.files import (
    Sliced,
    read_slices,
    write_sliced,
)
from optin.transforms.kanonymity.stage import shard_of_labels

NAMES: Final = [*QUASI, "place"]
_BLOCK: Final = 1 << 16
_PART: Final = 8
_MOVED: Final = 0.25
_PLACES: Final = 40_000

_SAME_NODES: Final = 406
"""What a walk over all tuples of a million rows visits: many tuples, fewer nodes."""


def main() -> None:
    """Run each line in a process of its own, or one line in this one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    parser.add_argument("--rows", type=int, default=11_000_000, help="largest size")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--most", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--effort", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--make", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.data, given.one, given.make)
        return
    if given.one:
        measure(given.data, given.one, given.most, given.k, given.effort)
        return
    print(
        "| rows | distinct tuples | limit, pairs | nodes asked | buckets | NCP | suppressed "
        "| CPU s to count and choose | CPU s to apply and recount | people of the smallest class "
        "| peak MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    size = min(given.rows, 1_000_000)
    lines = [
        (size // 5, 10 * size, DEFAULT_EFFORT),
        (size // 5, size // 6, DEFAULT_EFFORT),
        (size // 5, size // 20, DEFAULT_EFFORT),
        (size, 10 * size, DEFAULT_EFFORT),
        (size, size // 2, _SAME_NODES),
        (size, size // 2, DEFAULT_EFFORT),
        (given.rows, 3_000_000, DEFAULT_EFFORT),
    ]
    for rows, most, effort in lines:
        arguments = ["--data", str(given.data), "--k", str(given.k)]
        arguments += ["--one", str(rows), "--most", str(most), "--effort", str(effort)]
        subprocess.run([sys.executable, __file__, *arguments], check=True)


def measure(folder: Path, rows: int, most: int, k: int, effort: int) -> None:
    """Print one line."""
    ladders = (*ladders_of(folder), _place_ladder())
    plan = AnonymityPlan(
        SUBJECT, ladders, k, 0.0, local=True, effort=effort, most_pairs=most
    )
    with tempfile.TemporaryDirectory() as place:
        source = f"{place}/records.arrow"
        made = ["--data", str(folder), "--one", str(rows), "--make", source]
        subprocess.run([sys.executable, __file__, *made], check=True)
        before = peak_megabytes()
        start = time.process_time()
        recoding = plan.choose_from(Blocks(source), place)
        chosen = time.process_time() - start
        start = time.process_time()
        published, smallest = apply_and_recount(recoding, Blocks(source), k, place)
        applied = time.process_time() - start
        peak = peak_megabytes() - before
    if published != rows or smallest < k:
        sys.exit("the recount does not hold")
    bucketed = isinstance(recoding, BucketedRecoding)
    tuples = recoding.alone.tuples if bucketed else len(recoding.index)
    print(
        f"| {rows:,} | {tuples:,} | {most:,} | {effort:,} "
        f"| {recoding.router.buckets if bucketed else '-'} | {recoding.ncp:.4f} "
        f"| {recoding.suppressed_share:.4f} | {chosen:.0f} | {applied:.0f} | {smallest} "
        f"| {peak:.0f} |",
        flush=True,
    )


class Blocks:
    """Records on disk, read block by block as often as they are asked for."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Read without mapping, so that no page of the input counts as memory."""
        with pa.OSFile(self._path) as source:
            yield from pa.ipc.open_stream(source)


def apply_and_recount(
    recoding: BucketedRecoding, blocks: Blocks, k: int, place: str
) -> tuple[int, int]:
    """Apply to parts of blocks; count rows, and the people of the smallest class."""
    spread: list[Sliced] = []
    waiting: list[pa.RecordBatch] = []
    for block in blocks:
        waiting.append(block)
        if len(waiting) == _PART:
            spread.append(_spread(recoding, waiting, k, f"{place}/{len(spread)}.arrow"))
            waiting = []
    if waiting:
        spread.append(_spread(recoding, waiting, k, f"{place}/{len(spread)}.arrow"))
    rows, smallest = 0, 1 << 60
    for shard in range(SHARDS):
        pieces = [read_slices(one, shard, shard + 1) for one in spread]
        counted = merge_class_sizes(pieces, k * RECOUNT_CAP)
        if counted.num_rows:
            rows += int(counted.column("optin:rows").to_numpy().sum())
            smallest = min(smallest, int(people_of(counted).to_numpy().min()))
    return rows, smallest


def _spread(
    recoding: BucketedRecoding, blocks: list[pa.RecordBatch], k: int, path: str
) -> Sliced:
    published = recoding.apply(pa.Table.from_batches(blocks))
    counted = class_sizes(published, NAMES, k * RECOUNT_CAP)
    return write_sliced(counted, shard_of_labels(counted.select(NAMES)), SHARDS, path)


def _place_ladder() -> object:
    return build_ladder(
        Column(
            name="place",
            type="postal_code",
            action="keep",
            quasi=True,
            hierarchy=Hierarchy(prefix=(4, 3, 2, 1)),
        )
    )


def make(folder: Path, rows: int, path: str) -> None:
    """Draw the rows and write them, block by block."""
    adult = read_adult(folder).select(QUASI)
    columns = [column.combine_chunks() for column in adult.columns]
    draw = np.random.default_rng(1)
    places = pa.array([f"{number:05d}" for number in range(_PLACES)])
    schema = pa.schema(
        [
            *[(n, c.type) for n, c in zip(QUASI, columns, strict=True)],
            ("place", pa.string()),
            (SUBJECT, pa.uint64()),
        ]
    )
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for start in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - start)
            base = draw.integers(0, adult.num_rows, count)
            arrays = []
            for column in columns:
                other = draw.integers(0, adult.num_rows, count)
                at = np.where(draw.random(count) < _MOVED, other, base)
                arrays.append(column.take(pa.array(at)))
            at = (draw.random(count) ** 3 * _PLACES).astype(np.int64)
            arrays.append(places.take(pa.array(at)))
            subject = np.arange(start, start + count, dtype=np.uint64)
            arrays.append(pa.array(subject * np.uint64(0x9E3779B97F4A7C15)))
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


if __name__ == "__main__":
    main()
