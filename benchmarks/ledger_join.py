"""The as-of join of the ledger, by rows and by blocks, side by side in one run.

    python benchmarks/ledger_join.py [--events 5000000] [--decisions 1000000]

All sides run in Beam's own runner, take the same blocks of events, read the same JSON
lines and answer with the same count of verdicts, which is checked. `rows` is the join as
one would write it first: events and decisions keyed by person, `CoGroupByKey`, one Python call a
person. It is slow, so it runs on `--baseline-events`, with decisions in proportion, and
its ratio is of seconds per event; `--full` runs it on all events. `broadcast` and
`sharded` are the two ways of `optin`; their seconds include preparing the ledger, of
which `prepare` says how much. Each side is a process of its own: peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import numpy as np
import pyarrow as pa

from optin.pipelines.runner import LOCAL_RUNNER
from optin.policies.model import EventTime
from optin.transforms.blocks import ArrowBlockCoder
from optin.transforms.blocks.names import RAW_PREFIX, RECORD, SPLIT_KEY
from optin.transforms.consent.ledger import (
    LedgerLookup,
    LedgerPlan,
    PreparedLedger,
    ledger_hash_keys,
    prepare_ledger,
)
from optin.transforms.consent.ledger.join import JoinLedger
from optin.transforms.consent.ledger.verdict_files import VerdictFiles

BLOCK: Final = 65_536
SPLIT_BLOCKS: Final = 16
DAY: Final = 86_400_000_000
START: Final = 1_767_225_600_000_000  # 2026-01-01T00:00Z
AS_OF: Final = START + 181 * DAY
PURPOSES: Final = np.array(["train", "train.ads", "*", "play"])
INSTANT: Final = pa.timestamp("us", "UTC")
USER, TIME = RAW_PREFIX + "user", RAW_PREFIX + "ts"
_ = ArrowBlockCoder  # importing it is what makes blocks travel as Arrow


def main() -> None:
    """Run the sides one after the other and print how they compare."""
    parser = argparse.ArgumentParser(description="Benchmark the join of the ledger.")
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--baseline-events", type=int, default=500_000)
    parser.add_argument("--full", action="store_true", help="rows: all events too")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(run_side(arguments.side, arguments.folder, arguments.events)))
        return
    few = arguments.events if arguments.full else arguments.baseline_events
    few_decisions = round(arguments.decisions * few / arguments.events)
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name) / "large", Path(name) / "small"
        write_ledger(large, arguments.decisions)
        write_ledger(small, few_decisions)
        write_events(large, arguments.events)
        write_events(small, few)
        rows = measure("rows", small, few, few_decisions)
        check = measure("broadcast", small, few, few_decisions)
        sides = [rows] + [
            measure(side, large, arguments.events, arguments.decisions)
            for side in ("broadcast", "sharded")
        ]
    if rows["verdicts"] != check["verdicts"]:
        sys.exit("the joins disagree")
    if sides[1]["verdicts"] != sides[2]["verdicts"]:
        sys.exit("broadcast and sharded disagree")
    print(
        "side           events  decisions  seconds  prepare  cpu s  peak MB   events/s"
    )
    for side in sides:
        print(
            f"{side['side']:<9} {side['events']:>11,} {side['decisions']:>10,} "
            f"{side['seconds']:>8.1f} {side['prepare']:>8.1f} {side['cpu']:>6.1f} "
            f"{side['peak_mb']:>8,.0f} {side['events'] / side['seconds']:>10,.0f}"
        )
    for side in sides[1:]:
        joined = side["seconds"] - side["prepare"]
        print(
            f"{side['side']}: {cost(rows, 'seconds') / cost(side, 'seconds'):.1f}x the "
            f"events a second of rows, {cost(rows, 'cpu') / cost(side, 'cpu'):.1f}x a "
            "second of CPU; once the ledger is prepared "
            f"{cost(rows, 'seconds') * side['events'] / joined:.1f}x"
        )


def cost(side: dict[str, Any], what: str) -> float:
    """Give what one event takes."""
    each: float = side[what] / side["events"]
    return each


def measure(side: str, folder: Path, events: int, decisions: int) -> dict[str, Any]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--events", str(events)], check=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"side": side, "events": events, "decisions": decisions, **found}


def run_side(side: str, folder: Path, events: int) -> dict[str, Any]:
    """Join all events and count records by their bits."""
    runs: dict[str, Callable[[Path, int], float]] = {
        "rows": join_rows,
        "broadcast": join_broadcast,
        "sharded": join_sharded,
    }
    results = folder / f"results-{side}"
    results.mkdir()
    start, cpu = time.perf_counter(), time.process_time()
    prepare = runs[side](folder, events)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    verdicts = np.zeros(128, dtype=np.int64)
    for path in results.iterdir():
        verdicts += np.load(path)
    return {
        "seconds": seconds,
        "prepare": prepare,
        "cpu": cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "verdicts": {n: int(c) for n, c in enumerate(verdicts) if c},
    }


def write_ledger(folder: Path, decisions: int) -> None:
    """Write decisions about as many people as half of them, in JSON lines."""
    folder.mkdir()
    random = np.random.default_rng([11, decisions])
    people = random.integers(0, max(decisions // 2, 1), decisions)
    days = np.sort(random.integers(0, 180 * DAY, decisions))  # written as they came
    words = random.choice(
        ["grant", "withdraw", "erase"], decisions, p=[0.8, 0.19, 0.01]
    )
    purposes = PURPOSES[random.integers(0, len(PURPOSES), decisions)]
    with (folder / "ledger.jsonl").open("w") as file:
        for person, day, word, purpose in zip(
            people.tolist(),
            days.tolist(),
            words.tolist(),
            purposes.tolist(),
            strict=True,
        ):
            file.write(
                f'{{"uid": "customer-{person:010d}", "decision": "{word}", '
                f'"purpose": "{purpose}", "at": {START + day}}}\n'
            )


def write_events(folder: Path, events: int) -> None:
    """Write events as blocks that need no parsing: reading files is no part of a join.

    The ledger knows half of the people; each gives about 5 events.
    """
    schema = pa.schema([(RECORD, pa.int64()), (USER, pa.string()), (TIME, INSTANT)])
    path = str(folder / "events.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for number in range(-(-events // BLOCK)):
            random = np.random.default_rng([12, number])
            rows = min(BLOCK, events - number * BLOCK)
            people = random.integers(0, max(events // 5, 1), rows).tolist()
            times = pa.array(START + random.integers(0, 181 * DAY, rows))
            names = pa.array([f"customer-{person:010d}" for person in people])
            first = number % SPLIT_BLOCKS * BLOCK
            records = pa.array(np.arange(first, first + rows))
            columns = [records, names, times.cast(INSTANT)]
            writer.write_batch(pa.record_batch(columns, schema=schema))


class ReadBlocks(beam.DoFn):
    """Number of a block → the block."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "events.arrow")

    def process(self, number: int) -> Iterator[pa.RecordBatch]:
        """Read it."""
        block = pa.ipc.open_file(pa.memory_map(self._path)).get_batch(number)
        split = f"{number // SPLIT_BLOCKS:05d}".encode()
        yield block.replace_schema_metadata({SPLIT_KEY: split})


def blocks_in(pipeline: beam.Pipeline, folder: Path, events: int) -> Any:
    """Give all blocks as a collection."""
    return (
        pipeline
        | "Numbers" >> beam.Create(range(-(-events // BLOCK)), reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "Blocks" >> beam.ParDo(ReadBlocks(folder)).with_output_types(pa.RecordBatch)
    )


def prepared(folder: Path) -> tuple[PreparedLedger, float]:
    """Prepare the ledger; and how long that took, in seconds."""
    start = time.perf_counter()
    plan = LedgerPlan(
        format="jsonl",
        path=str(folder / "ledger.jsonl"),
        keys=(("user", "uid"),),
        purpose="train.ads",
        hash_keys=ledger_hash_keys(b"the key of the benchmark", "events"),
        time_field="at",
        time_unit="us",
    )
    made = prepare_ledger(plan, str(folder / "prepared"), AS_OF)
    return made, time.perf_counter() - start


def save_counts(bits: np.ndarray[Any, Any], folder: Path, name: str) -> None:
    """Count one block's records by their bits."""
    np.save(folder / f"{name}.npy", np.bincount(bits, minlength=128))


class LookUp(beam.DoFn):
    """Block → nothing; its counts are saved."""

    def __init__(self, ledger: PreparedLedger, results: Path) -> None:
        self._lookup = LedgerLookup(ledger)
        self._results = results

    def process(self, block: pa.RecordBatch) -> None:
        """Look the block up."""
        times = block.column(TIME).cast(pa.int64()).to_numpy()
        bits = self._lookup.bits({"user": block.column(USER)}, times)
        split = block.schema.metadata[SPLIT_KEY].decode()
        save_counts(bits, self._results, f"{split}-{block.column(RECORD)[0]}")


def join_broadcast(folder: Path, events: int) -> float:
    """Join with the ledger opened by the worker."""
    ledger, seconds = prepared(folder)
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        fn = LookUp(ledger, folder / "results-broadcast")
        blocks_in(pipeline, folder, events) | beam.ParDo(fn)
    return seconds


def join_sharded(folder: Path, events: int) -> float:
    """Join by shuffling; then read every verdict back, as the second pass does."""
    ledger, seconds = prepared(folder)
    verdicts = str(folder / "verdicts")
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        times = EventTime(field="ts", unit="us")
        blocks_in(pipeline, folder, events) | JoinLedger(ledger, times, verdicts)
    files = VerdictFiles(verdicts)
    for number in range(-(-events // BLOCK)):
        split, ordinal = divmod(number, SPLIT_BLOCKS)
        rows = min(BLOCK, events - number * BLOCK)
        bits = files.bits(f"{split:05d}", np.arange(rows) + ordinal * BLOCK)
        save_counts(bits, folder / "results-sharded", str(number))
    return seconds


def block_rows(block: pa.RecordBatch) -> Iterator[tuple[str, int]]:
    """Block → one element a record: person and time."""
    times = block.column(TIME).cast(pa.int64()).to_pylist()
    yield from zip(block.column(USER).to_pylist(), times, strict=True)


def ledger_row(line: str) -> tuple[str, tuple[str, str, int]]:
    """Line → person and decision."""
    row = json.loads(line)
    return row["uid"], (row["decision"], row["purpose"], row["at"])


def join_person(
    group: tuple[str, dict[str, Iterable[Any]]],
) -> Iterator[int]:
    """Decide every event of one person; the benchmark's ledger has no `expires`."""
    decisions = [row for row in group[1]["ledger"] if row[2] <= AS_OF]
    grants = [row for row in decisions if row[0] == "grant"]
    own = [row[2] for row in grants if row[1] != "play"]
    withdrawn = [r[2] for r in decisions if r[0] == "withdraw" and r[1] != "play"]
    latest = max(withdrawn, default=-1)
    valid = sorted(at for at in own if at > latest)
    always = 1 if any(row[0] == "erase" for row in decisions) else 0
    if withdrawn and not valid:
        always |= 2
    if not valid and len(own) < len(grants):
        always |= 32
    for at in group[1]["events"]:
        if not valid:
            yield always
        elif at >= valid[0]:
            yield always | 64
        else:
            yield always | 16 | (4 if withdrawn else 0)


class SaveCounts(beam.DoFn):
    """Bits and how many have them → a file."""

    def __init__(self, results: Path) -> None:
        self._results = results

    def process(self, counted: tuple[int, int]) -> None:
        """Save the count."""
        counts = np.zeros(128, dtype=np.int64)
        counts[counted[0]] = counted[1]
        np.save(self._results / f"{counted[0]}.npy", counts)


def join_rows(folder: Path, events: int) -> float:
    """Join row by row."""
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        keyed = blocks_in(pipeline, folder, events) | "Rows" >> beam.FlatMap(block_rows)
        path = str(folder / "ledger.jsonl")
        ledger = pipeline | beam.io.ReadFromText(path) | beam.Map(ledger_row)
        (
            {"events": keyed, "ledger": ledger}
            | beam.CoGroupByKey()
            | "Decide" >> beam.FlatMap(join_person)
            | beam.combiners.Count.PerElement()
            | beam.ParDo(SaveCounts(folder / "results-rows"))
        )
    return 0.0


if __name__ == "__main__":
    main()
