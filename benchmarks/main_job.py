"""The main job against the same work written by hand in DuckDB, in one run.

    python benchmarks/main_job.py --events 5000000

DuckDB reads the same Parquet files, keeps the records that opted in, hashes the same
columns with SHA-256, truncates, rounds and buckets the same way, and writes Parquet. It
does not count people, generalise, verify, validate or publish: the ratio is what all of
that costs on top. Each side runs as a process of its own; wall time includes its start,
peak memory is that process's own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

BASELINE = """
import sys, duckdb
source, target = sys.argv[1:3]
duckdb.sql("SET threads = 2")
duckdb.sql(f'''
COPY (
  SELECT ts, sha256('key' || event_id) AS event_id, sha256('key' || ifa) AS ifa,
         sha256('key' || user_id) AS subject,
         split_part(ip, '.', 1) || '.0.0.0/8' AS ip,
         round(lat, -1) AS lat, round(lon, -1) AS lon, country, region,
         yob // 5 * 5 AS yob, model, app, clicked
  FROM read_parquet('{source}/*.parquet')
  WHERE att = 3 AND lmt = 0 AND year(ts) - yob - 1 >= 16
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
''')
"""


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a command; give wall seconds and its peak memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment)  # our own
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def main() -> None:
    """Generate the events, run both sides, print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="optin-bench-"))
    events = folder / "events"
    if not events.exists():
        generate = [sys.executable, str(HERE / "generate_events.py")]
        arguments = ["--events", str(options.events), "--folder", str(events)]
        subprocess.run([*generate, *arguments], check=True)  # our own
    shutil.copy(HERE / "policy_5m.yaml", folder / "policy.yaml")
    environment = {**os.environ, "OPTIN_KEY": "00" * 32}
    optin = str(Path(sys.executable).with_name("optin"))
    baseline = [sys.executable, "-c", BASELINE, str(events), str(folder / "duck")]
    ours = [optin, "run", str(folder / "policy.yaml"), "--input", str(events)]
    print(f"{'round':>5} {'DuckDB s':>9} {'optin s':>9} {'ratio':>6} {'peak MB':>8}")
    for number in range(options.rounds):
        by_hand, _ = measured(baseline, environment)
        whole, peak = measured(ours, environment)
        print(
            f"{number + 1:>5} {by_hand:>9.2f} {whole:>9.2f} {whole / by_hand:>6.2f} "
            f"{peak:>8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
