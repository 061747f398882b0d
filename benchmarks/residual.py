"""Measure the second detector: what it sees, what it sees wrongly, what it costs.

    python benchmarks/residual.py [--events 100000] [--labelled shared/data/pii/dev.jsonl]

Of the labelled texts: the share of those with an entity in which it is found, and what
is found once all labelled spans are blanked (most of that is what the labels missed).
Of a run on generated events: CPU time of the search beside that of the whole run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from optin.pipelines import residual as step
from optin.pipelines.demo import run_demo
from optin.transforms.deidentify.residual import Trace, find_traces

LABELS = {
    "API_KEY": "SECRET",
    "CREDIT_CARD": "CREDIT_CARD",
    "EMAIL": "EMAIL_ADDRESS",
    "IBAN": "IBAN_CODE",
    "IP": "IP_ADDRESS",
    "MAC": "MAC_ADDRESS",
    "PERSON": "PERSON",
    "PHONE": "PHONE_NUMBER",
    "SSN": "NATIONAL_ID",
}


def see(path: Path) -> None:
    """Print recall by entity, and what is found in the blanked texts."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    there: Counter[str] = Counter()
    found: Counter[tuple[str, bool]] = Counter()
    left: Counter[Trace] = Counter()
    started = time.process_time()
    for row in rows:
        traces = find_traces(row["text"])
        for entity in {LABELS.get(span["type"], "") for span in row["spans"]} - {""}:
            there[entity] += 1
            found.update((t.entity, t.certain) for t in traces if t.entity == entity)
    spent = time.process_time() - started
    for row in rows:
        text = row["text"]
        for span in row["spans"]:
            start, end = span["start"], span["end"]
            text = text[:start] + "\n" * (end - start) + text[end:]
        left.update(find_traces(text))
    print(f"{len(rows)} labelled texts, {spent / len(rows) * 1e6:.0f} us each")
    for entity, count in sorted(there.items()):
        sure, maybe = found[entity, True], found[entity, False]
        print(
            f"  {entity:14} texts {count:5}  certain {sure / count:.2f}"
            f"  possible {maybe / count:.2f}"
        )
    print("found once labelled spans are blanked:", dict(left.most_common()))


def cost(events: int) -> None:
    """Print the search's share of a run's CPU time."""
    spent: defaultdict[str, float] = defaultdict(float)

    def timed(name: str) -> None:
        plain: Any = getattr(step, name)

        def wrapper(*arguments: Any) -> Any:
            started = time.process_time()
            result = plain(*arguments)
            spent[name] += time.process_time() - started
            return result

        setattr(step, name, wrapper)

    timed("sketch_blocks")
    timed("load_names")
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        result = run_demo(Path(folder), events=events, seed=7, progress=lambda _: None)
        total = time.process_time() - started
    values = sum(c["values"] for c in result.residual["columns"].values())
    print(
        f"{events} events, {result.published} rows, {values} values searched: "
        f"run {total:.1f} CPU s, search {spent['sketch_blocks']:.2f} s, model loaded in "
        f"{spent['load_names']:.2f} s: {sum(spent.values()) / total:.1%} of the run"
    )


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--labelled", type=Path)
    arguments = parser.parse_args()
    if arguments.labelled is not None:
        see(arguments.labelled)
    cost(arguments.events)


if __name__ == "__main__":
    main()
