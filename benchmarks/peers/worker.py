"""Runs one tool once, in the environment where it is installed.

    cd benchmarks && PYTHON -m peers.worker NUMBER ROWS.parquet FOLDER --k 10 --data ADULT

`NUMBER` counts in the roster. Writes `release.parquet` and `times.json` to the folder.
Timed is the call of the tool; loading it, reading the rows, putting them into the form
it demands and writing what it gave are not. Peak memory is that of the call. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.metadata
import json
import platform
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .adapter import PERSON, ROW, Request
from .roster import ROSTER

__all__ = ["main"]


def main() -> None:
    """Run the tool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int)
    parser.add_argument("rows", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    adapter = ROSTER[given.number]
    names = pq.read_schema(given.rows).names
    quasi = tuple(name for name in names if name not in (PERSON, ROW))
    request = Request(quasi, ("age",), given.k, given.data)
    prepared = adapter.prepare(read(given.rows, request), request)
    importlib.import_module(adapter.module)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak
    held = megabytes("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    result = adapter.anonymise(prepared, request)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    times = {
        "wall": wall,
        "cpu": cpu,
        "peak": megabytes("VmHWM"),
        "input": held,
        "python": platform.python_version(),
        "version": importlib.metadata.version(adapter.distribution or "optin"),
    }
    pq.write_table(adapter.publish(result, request), given.folder / "release.parquet")
    (given.folder / "times.json").write_text(json.dumps(times), encoding="utf-8")


def read(path: Path, request: Request) -> pa.Table:
    """Read the rows, texts as dictionaries; nothing else holds them."""
    table = pq.read_table(path, read_dictionary=list(request.texts))
    return table.unify_dictionaries()


def megabytes(what: str) -> float:
    """Give the memory that this process holds (`VmRSS`) or held at most (`VmHWM`).

    `getrusage` would tell the peak of the process that started this one, if higher.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise LookupError(what)


if __name__ == "__main__":
    main()
