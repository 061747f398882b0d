"""k-anonymity of 10 million rows from end to end: alone, through Beam, as a whole run.

    python benchmarks/kanonymity_pipeline.py [--data ../shared/data/adult]
        [--rows 1000000 10000000] [--rows-a-person 1] [--only alone beam run]

Resampled Adult (`resampled.py` says how), 8 quasi-identifiers, k = 10, local recoding with
tight ranges and nothing suppressed. Three ways, each in a process of its own:

- `alone`: blocks in memory → histogram, choice, application, recount; no Beam;
- `beam`: Parquet files → `KAnonymize` → rows counted, in Beam's local runner;
- `run`: the same files → `optin run`: consent, pseudonyms, spill, two passes, recount of
  the staged files, checks, publication.

`wall` is the process's time but for `start`, which imports, draws the rows (`alone`) or
builds the pipeline. CPU seconds hold children. Peak memory is the sum of the resident
memory of the process and its children, looked at every 50 ms, and what the kernel says
the process held at most; of `alone` what was held before, the input, is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from adult import QUASI, ladders_of
from resampled import ARX_LOCAL, PERSON, sample, write_files

K: Final = 10
WAYS: Final = ("alone", "beam", "run")
_BLOCK: Final = 1 << 16


def main() -> None:
    """Run each size and way in a process of its own, or one in this."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--rows-a-person", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        rows = given.rows[0]
        people = rows // given.rows_a_person
        work = {"alone": alone, "beam": through_beam, "run": whole_run}[given.one]
        print(json.dumps(work(given.data, rows, people, given.folder)))
        return
    print(
        "| rows | people | way | wall s | CPU s | start s | to alone | peak MB "
        "| of it input | NCP | steps, wall / CPU s | ARX local |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for rows in given.rows:
        with tempfile.TemporaryDirectory(prefix="optin-bench-") as folder:
            compare(given, rows, Path(folder))


def compare(given: argparse.Namespace, rows: int, folder: Path) -> None:
    """Print a line per way and round."""
    people = rows // given.rows_a_person
    write_files(given.data, rows, people, folder / "rows")
    walls: dict[str, float] = {}
    for _ in range(given.rounds):
        for way in given.only:
            command = [sys.executable, __file__, "--data", str(given.data)]
            command += ["--rows", str(rows), "--folder", str(folder), "--one", way]
            command += ["--rows-a-person", str(given.rows_a_person)]
            told, cpu, peak = watched(command)
            wall = told["wall"]
            walls[way] = min(wall, walls.get(way, wall))
            ratio = wall / walls["alone"] if "alone" in walls else float("nan")
            steps = ", ".join(
                f"{name} {spent:.1f} / {used:.1f}"
                for name, (spent, used) in told.get("steps", {}).items()
            )
            print(
                f"| {rows:,} | {people:,} | {way} | {wall:.1f} "
                f"| {cpu - told['start_cpu']:.1f} | {told['start']:.1f} | {ratio:.1f} "
                f"| {peak:,.0f} | {told.get('held', 0):,.0f} | {told['ncp']:.4f} "
                f"| {steps} | {ARX_LOCAL.get(rows, '')} |",
                flush=True,
            )


def watched(command: list[str]) -> tuple[dict[str, Any], float, float]:
    """Run a command; give what it told, CPU seconds and peak megabytes."""
    environment = {**os.environ, "OPTIN_KEY": "00" * 32}
    peak = 0.0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        tree = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _resident(tree))
            time.sleep(0.05)
        output = process.stdout.read() if process.stdout else b""
    if process.returncode:
        sys.exit(f"failed: {' '.join(command)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told: dict[str, Any] = json.loads(output.splitlines()[-1])
    return told, used, max(peak, told["peak"])


def _resident(tree: psutil.Process) -> float:
    try:
        members = [tree, *tree.children(recursive=True)]
        return sum(member.memory_info().rss for member in members) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


class Clock:
    """Seconds since it was made, by step."""

    def __init__(self) -> None:
        """Note what the start took and holds."""
        started = psutil.Process().create_time()
        self.told: dict[str, Any] = {
            "start": time.time() - started,
            "start_cpu": time.process_time(),
            "held": psutil.Process().memory_info().rss / 2**20,
            "steps": {},
        }
        self._first = self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def step(self, name: str) -> None:
        """End a step."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.told["steps"][name] = (wall - self._wall, cpu - self._cpu)
        self._wall, self._cpu = wall, cpu

    def end(self, ncp: float) -> dict[str, Any]:
        """Tell all."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall = time.perf_counter() - self._first
        return {**self.told, "wall": wall, "ncp": ncp, "peak": peak}


def alone(data: Path, rows: int, people: int, _: Path) -> dict[str, Any]:
    """Count, choose, apply and count again; applied blocks are not kept."""
    from optin.transforms.blocks.names import SUBJECT
    from optin.transforms.kanonymity import AnonymityPlan, report_classes
    from optin.transforms.kanonymity.counting.measure import RECOUNT_CAP, Recounting
    from optin.transforms.kanonymity.counting.threads import map_blocks

    plan = AnonymityPlan(SUBJECT, tuple(ladders_of(data)), K, 0.0, True, ranges=True)
    blocks = list(sample(data, rows, people))
    clock = Clock()
    counted = plan.count(blocks)
    clock.step("histogram")
    recoding = plan.choose(counted)
    del counted
    clock.step("choice")

    recounting = Recounting(QUASI, K * RECOUNT_CAP)

    def recoded(block: pa.RecordBatch) -> pa.Table:
        table = pa.Table.from_batches([block])
        return recoding.apply(table, encoded=True)

    for piece in map_blocks(recoded, blocks):
        recounting.add(piece)
        for name in QUASI:
            piece.column(name).cast(pa.string())  # what is given
    found = recounting.counted()
    clock.step("apply and recount")
    report = report_classes(found, QUASI, K)
    if report.violating_classes or report.rows != rows:
        raise SystemExit(1)
    return clock.end(recoding.ncp)


def through_beam(data: Path, rows: int, _: int, folder: Path) -> dict[str, Any]:
    """Read, generalise and count what comes out."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from optin.pipelines.runner import runner_flags
    from optin.transforms import KAnonymize
    from optin.transforms.kanonymity import AnonymityPlan

    plan = AnonymityPlan(PERSON, tuple(ladders_of(data)), K, 0.0, True, ranges=True)
    options = PipelineOptions(runner_flags([]), save_main_session=False)
    clock = Clock()
    with beam.Pipeline(options=options) as pipeline:
        out = (
            pipeline
            | beam.Create(sorted(str(path) for path in (folder / "rows").iterdir()))
            | beam.Reshuffle()
            | "Read" >> beam.FlatMap(read).with_output_types(pa.RecordBatch)
            | KAnonymize(plan, summary=True)
        )
        _ = (
            out["blocks"]
            | "Rows" >> beam.Map(lambda block: block.num_rows)
            | "Sum" >> beam.CombineGlobally(sum)
            | "Tell" >> beam.Map(tell, str(folder / "released"))
        )
        _ = (
            out["summary"]
            | "Loss" >> beam.Map(lambda summary: summary["ncp"])
            | "Tell loss" >> beam.Map(tell, str(folder / "ncp"))
        )
    if int((folder / "released").read_text()) != rows:
        raise SystemExit(1)
    return clock.end(float((folder / "ncp").read_text()))


def read(path: str) -> Iterable[pa.RecordBatch]:
    """Read a file's blocks."""
    texts = [name for name in QUASI if name != "age"]
    file = pq.ParquetFile(path, read_dictionary=texts)
    yield from file.iter_batches(_BLOCK, columns=[*QUASI, PERSON])


def tell(number: float, path: str) -> None:
    """Leave a number for the end."""
    Path(path).write_text(str(number))


POLICY: Final = """
version: 1
name: resampled_adult
purpose: train_ai_system
key: env://OPTIN_KEY
input: {{format: parquet, path: rows/, event_time: {{field: ts}}, event_id: event, subject: [person]}}
consent:
  signals: {{agreed: {{field: agreed, grant: [true], deny: [false]}}}}
  require: [{{signal: agreed}}]
columns:
  - {{name: ts,     type: timestamp, action: drop}}
  - {{name: event,  type: event_id,  action: drop}}
  - {{name: person, type: user_id,   action: drop}}
  - {{name: agreed, type: boolean,   action: drop}}
{columns}
anonymity: {{k: {k}, recoding: local, labels: ranges, suppress_max: 0.0}}
output: {{path: release/}}
audit: {{path: audit/, drops: counts}}
"""


def whole_run(data: Path, rows: int, _: int, folder: Path) -> dict[str, Any]:
    """Run a policy on the files."""
    from optin.pipelines.training_set import RunOptions, run_policy

    quasi = ["  - {name: age, type: integer, action: keep, quasi: true, "]
    quasi[0] += "hierarchy: {widths: [5, 10, 20]}}"
    for name in QUASI[1:]:
        table = (data / f"adult_hierarchy_{name}.csv").resolve()
        quasi.append(
            f"  - {{name: {name}, type: category, action: keep, quasi: true, "
            f"hierarchy: {{table: {table}}}}}"
        )
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(columns="\n".join(quasi), k=K))
    clock = Clock()
    result = run_policy(path, RunOptions(), lambda name: clock.step(name))
    clock.step("end")
    if result.refused or result.read != rows:
        raise SystemExit(result.refused or 1)
    return clock.end(result.anonymity["ncp"])


if __name__ == "__main__":
    main()
