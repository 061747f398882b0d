"""Information lost and seconds taken on Adult, beside what other tools need.

    python benchmarks/kanonymity_adult.py [--data ../shared/data/adult] [--repeat 3]

30,162 rows, each a person of her own; 8 quasi-identifiers. Loss (NCP) is Iyengar's:
categories (leaves under the label - 1) / (leaves - 1), age (high - low) / domain, mean
over columns and rows, a suppressed row counts 1. It is computed here, from the published
labels alone, and compared with what the recoding says of itself. Seconds are the least of
`--repeat` runs: wall clock and CPU of this process, for histogram and choice together
(`partition`), and for applying the labels. Figures of other tools were measured on two
cores with the same loss and are named below.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from adult import QUASI, ladders_of, read_adult

from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    Ladder,
    Recoding,
    choose_local,
    choose_recoding,
    class_sizes,
    histogram_of,
    report_classes,
)
from optin.transforms.kanonymity.ladders.sets import set_members

ARX_LOCAL: Final = {5: 0.0609, 10: 0.0843, 50: 0.158}
ARX_LOCAL_SECONDS_K10: Final = 6.6
ARX_OPTIMAL_5_PERCENT: Final = {5: 0.291, 10: 0.344, 50: 0.487}
ARX_OPTIMAL_SECONDS: Final = 3.1
LIGHTHOUSE_K10: Final = (0.155, 22.0)
ANJANA_K10: Final = (0.347, 4.2)


def main() -> None:
    """Print one line per recoding and k."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    table = read_adult(given.data).select(QUASI)
    table = table.append_column(
        SUBJECT, pa.array(np.arange(table.num_rows, dtype=np.uint64))
    )
    ladders = ladders_of(given.data)
    print(
        "| recoding | k | NCP | peer | ratio | suppressed | wall s | CPU s | apply s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for k in (5, 10, 50):
        for effort in (100, 300, 2000, 20_000):
            line = measure(
                table, ladders, k, given.repeat, given.data, local(ladders, k, effort)
            )
            report(f"local, {effort:,} nodes", k, line, ARX_LOCAL[k])
        for effort in (100, 2000):
            plan = local(ladders, k, effort, sets=True)
            line = measure(table, ladders, k, given.repeat, given.data, plan)
            report(f"local, value sets, {effort:,} nodes", k, line, ARX_LOCAL[k])
        plan = local(ladders, k, 6480, ranges=False)
        line = measure(table, ladders, k, given.repeat, given.data, plan)
        report("local, hierarchy labels alone", k, line, ARX_LOCAL[k])
        line = measure(
            table,
            ladders,
            k,
            given.repeat,
            given.data,
            lambda histogram, k=k: choose_recoding(histogram, ladders, k, 0.05),
        )
        report("global, 5 % suppressed", k, line, ARX_OPTIMAL_5_PERCENT[k])
    print(f"\nARX local, k = 10: {ARX_LOCAL_SECONDS_K10} s; ARX optimal: ", end="")
    print(f"{ARX_OPTIMAL_SECONDS} s; Lighthouse {LIGHTHOUSE_K10[0]} in ", end="")
    print(f"{LIGHTHOUSE_K10[1]} s; anjana {ANJANA_K10[0]} in {ANJANA_K10[1]} s")


Choose = Callable[[pa.Table], Recoding]


def local(
    ladders: list[Ladder],
    k: int,
    effort: int,
    *,
    ranges: bool = True,
    sets: bool = False,
) -> Choose:
    """Give a choice of local recoding."""
    return lambda histogram: choose_local(
        histogram, ladders, k, 0.0, effort=effort, ranges=ranges, sets=sets
    )


def measure(
    table: pa.Table,
    ladders: list[Ladder],
    k: int,
    repeat: int,
    folder: Path,
    choose: Choose,
) -> tuple[float, float, float, float, float]:
    """Give loss, share suppressed, wall and CPU seconds, and seconds of applying."""
    names = [one.column for one in ladders]
    walls, cpus, applied = [], [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        plan = choose(histogram_of(table, names, k))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        wall = time.perf_counter()
        published = plan.apply(table)
        applied.append(time.perf_counter() - wall)
    people = report_classes(class_sizes(published, names, k), tuple(names), k)
    if people.violating_classes or people.rows != published.num_rows:
        message = f"{people.violating_classes} classes are below k"
        raise AssertionError(message)
    loss = ncp(published, table, folder)
    if abs(loss - plan.ncp) > 1e-9:
        message = f"the recoding says {plan.ncp}, its labels {loss}"
        raise AssertionError(message)
    share = 1 - published.num_rows / table.num_rows
    return loss, share, min(walls), min(cpus), min(applied)


def ncp(published: pa.Table, table: pa.Table, folder: Path) -> float:
    """Compute the loss from the published labels alone."""
    lost = (table.num_rows - published.num_rows) * float(len(QUASI))
    ages = table.column("age").to_numpy()
    for name in QUASI:
        labels = Counter(published.column(name).to_pylist())
        if name == "age":
            costs = {label: _age(label, ages) for label in labels}
        else:
            costs = _table(folder / f"adult_hierarchy_{name}.csv", set(labels))
        lost += sum(costs[label] * count for label, count in labels.items())
    return lost / len(QUASI) / table.num_rows


def _age(label: str, ages: np.ndarray) -> float:
    domain = float(ages.max() - ages.min())
    if label == "*":
        return 1.0
    if "," not in label:
        return 0.0
    low, high = (int(part.strip("[])")) for part in label.split(","))
    if label.endswith("]"):
        return (high - low) / domain
    inside = ages[(ages >= low) & (ages < high)]  # a level: what the data holds of it
    return float(inside.max() - inside.min()) / domain


def _table(path: Path, labels: set[str]) -> dict[str, float]:
    with path.open(newline="") as file:
        leaves = list(csv.reader(file, delimiter=";"))
    return {label: (_under(label, leaves) - 1) / (len(leaves) - 1) for label in labels}


def _under(label: str, leaves: list[list[str]]) -> int:
    """Count the values under a label of the table, or of a set."""
    members = set_members(label)
    if members is None:
        return sum(label in leaf for leaf in leaves)
    return len(set(members) & {leaf[0] for leaf in leaves})


def report(
    name: str, k: int, line: tuple[float, float, float, float, float], peer: float
) -> None:
    """Print one line of the table."""
    loss, share, wall, cpu, apply = line
    print(
        f"| {name} | {k} | {loss:.4f} | {peer} | {loss / peer:.2f} | {share:.2%} "
        f"| {wall:.3f} | {cpu:.3f} | {apply:.3f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
