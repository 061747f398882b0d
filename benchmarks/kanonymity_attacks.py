"""What attackers who know the algorithm learn from both recodings.

    python benchmarks/kanonymity_attacks.py [--data ../shared/data/adult]

Three tables. *Every table of a small world*: all data sets of six people are released,
and an attacker who has done the same weighs those that give the release he sees; exact,
for both recodings. *Downcoding* on Adult (30,162 people) and on the demo's events: the
constraints that a walk leaves behind, put to the counts of every class; the truth says
what a guess hits. *Minimality*: the people of classes that a rule on a sensitive
attribute took out. `optin.transforms.kanonymity.attacks` has the sources and the terms.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from adult import ladders_of, read_adult

from optin.pipelines.demo.generate import copy_policy, generate_demo
from optin.policies import load_policy
from optin.policies.columns import Column, Hierarchy
from optin.policies.diversity import Sensitive
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    Ladder,
    Recoding,
    build_ladder,
    choose_local,
    choose_recoding,
    histogram_of,
    withhold_classes,
)
from optin.transforms.kanonymity.attacks import (
    downcode,
    guess_withheld,
    report_attacks,
    walk_of,
)
from optin.transforms.kanonymity.ladders.sets import set_members
from optin.transforms.kanonymity.sensitive.recount import value_triples

EFFORT: Final = 2_000
SUPPRESSED: Final = 0.05
HIERARCHY_NODES: Final = 6_480

Choose = Callable[[pa.Table, Sequence[Ladder], int], Recoding]


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    parser.add_argument("--events", type=int, default=100_000)
    given = parser.parse_args()
    small_world()
    print(
        "\n| data | k | recoding | NCP | generalised cells | one value | ends of ranges ",
        end="| values of sets ",
    )
    print(
        "| certain | guess: label | guess: constraints | gained > 0.1 | bits a person |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    adult, ladders = adult_of(given.data)
    for k in (5, 10, 50):
        attack("Adult", adult, ladders, k)
    events, event_ladders = events_of(given.events)
    for k in (5, 10, 50):
        attack("demo events", events, event_ladders, k)
    print(
        "\n| data | k | recoding | rule | classes withheld | people | guess: set ",
        end="",
    )
    print("| guess: gap | claimed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for k in (5, 10, 50):
        for name, rule in (
            ("salary-class", Sensitive(l=2)),
            ("salary-class", Sensitive(alpha=0.9)),
            ("salary-class", Sensitive(alpha=0.95)),
        ):
            gaps(adult, ladders, k, name, rule)


def recodings() -> dict[str, Choose]:
    """Name what is compared."""
    return {
        "global": lambda histogram, ladders, k: choose_recoding(
            histogram, ladders, k, SUPPRESSED
        ),
        "local, ranges": lambda histogram, ladders, k: choose_local(
            histogram, ladders, k, SUPPRESSED, effort=EFFORT
        ),
        "local, sets": lambda histogram, ladders, k: choose_local(
            histogram, ladders, k, SUPPRESSED, effort=EFFORT, sets=True
        ),
        "local, hierarchy": lambda histogram, ladders, k: choose_local(
            histogram, ladders, k, SUPPRESSED, effort=HIERARCHY_NODES, ranges=False
        ),
    }


def attack(name: str, table: pa.Table, ladders: list[Ladder], k: int) -> None:
    """Print what downcoding finds."""
    histogram = histogram_of(table, [one.column for one in ladders], k)
    for kind, choose in recodings().items():
        plan = choose(histogram, ladders, k)
        walk = None
        if kind != "global":
            ranges, sets = not kind.endswith("hierarchy"), kind.endswith("sets")
            effort = EFFORT if ranges else HIERARCHY_NODES
            walk = walk_of(histogram, ladders, k, effort, ranges=ranges, sets=sets)
        found = downcode(histogram, ladders, plan, k, walk)
        rows = plan.apply(table).num_rows
        told = report_attacks(plan, plan, rows, ranges=True, sets=True)
        print(
            f"| {name} | {k} | {kind} | {plan.ncp:.3f} | {found.cells:.1%} "
            f"| {found.single:.2%} | {told.range_ends:.1%} | {told.set_values:.1%} "
            f"| {found.certain:.2%} | {found.baseline:.1%} | {found.attack:.1%} "
            f"| {found.gained:.1%} | {found.bits:.2f} |",
            flush=True,
        )


def gaps(
    table: pa.Table, ladders: list[Ladder], k: int, name: str, rule: Sensitive
) -> None:
    """Print what missing classes say."""
    names = [one.column for one in ladders]
    histogram = histogram_of(table, names, k)
    triples = value_triples(table, names, name)
    asked = " ".join(
        f"{key} {value}"
        for key, value in rule.model_dump(exclude_defaults=True).items()
    )
    for kind, choose in recodings().items():
        plan = choose(histogram, ladders, k)
        kept = withhold_classes(plan, histogram, {name: triples}, {name: rule}, 0.99)
        found = guess_withheld(plan, kept, triples, rule, seed=1)
        print(
            f"| Adult, {name} | {k} | {kind} | {asked} | {found.classes:.1%} "
            f"| {found.people:.1%} | {found.baseline:.1%} | {found.attack:.1%} "
            f"| {found.claimed:.1%} |",
            flush=True,
        )


def small_world() -> None:
    """Release every data set of six people and weigh what gives the same release."""
    print(
        "| small world | k | recoding | certain: labels | certain: algorithm ", end=""
    )
    print("| guess: labels | guess: algorithm | bits a person |")
    print("|---|---|---|---|---|---|---|---|")
    third: dict[str, Choose] = {
        "global, a third suppressed": lambda histogram, ladders, k: choose_recoding(
            histogram, ladders, k, 0.34
        )
    }
    worlds: dict[str, list[Ladder]] = {
        "number, 8 values": [_number("n", (2, 4))],
        "number, 4 values, and two kinds": [_number("n", (2,)), _kind("c")],
        "number, 2 values, and four kinds": [_number("n", ()), _kind("c")],
    }
    for title, ladders in worlds.items():
        leaves = list(leaves_of(ladders))
        for k in (2, 3):
            for kind, choose in {**recodings(), **third}.items():
                line = play(leaves, ladders, k, 6, choose)
                numbers = " | ".join(f"{share:.1%}" for share in line[:4])
                print(f"| {title} | {k} | {kind} | {numbers} | {line[4]:.2f} |")


def leaves_of(ladders: list[Ladder]) -> Iterator[tuple[object, ...]]:
    """List the tuples of a small world: eight."""
    if len(ladders) == 1:
        yield from ((n,) for n in range(8))
    elif ladders[0].widths:
        yield from ((n, c) for n in range(4) for c in "ab")
    else:
        yield from ((n, c) for n in range(2) for c in "abcd")


def play(
    leaves: list[tuple[object, ...]],
    ladders: list[Ladder],
    k: int,
    people: int,
    choose: Choose,
) -> tuple[float, float, float, float, float]:
    """Give, over all data sets, shares of cells: certain and guessed, twice; and bits.

    People are drawn evenly from the leaves. Cells are those of published labels that
    are not the value itself, by data set and person; the guess from labels alone takes
    every leaf tuple under the labels as equally likely.
    """
    seen: dict[object, list[tuple[float, Counter[object]]]] = defaultdict(list)
    names = [one.column for one in ladders]
    for data in combinations_with_replacement(leaves, people):
        counts = Counter(data)
        weight = math.factorial(people)
        for number in counts.values():
            weight //= math.factorial(number)
        columns = {
            name: pa.array([row[at] for row in data]) for at, name in enumerate(names)
        }
        table = pa.table(columns).append_column(
            SUBJECT, pa.array(np.arange(people, dtype=np.uint64))
        )
        try:
            plan = choose(histogram_of(table, names, k), ladders, k)
        except GateError:
            continue
        kept = plan.apply(table.append_column("at", pa.array(range(people))))
        labels = list(zip(*(kept.column(n).to_pylist() for n in names), strict=True))
        cells = Counter(
            (at, label, data[place][at])
            for label, place in zip(labels, kept.column("at").to_pylist(), strict=True)
            for at in range(len(names))
        )
        seen[tuple(sorted(labels))].append((float(weight), cells))
    return _weigh(seen, leaves)


def _weigh(
    seen: dict[object, list[tuple[float, Counter[object]]]],
    leaves: list[tuple[object, ...]],
) -> tuple[float, float, float, float, float]:
    total = certain_l = certain_a = guess_l = guess_a = bits = weights = 0.0
    for labels, worlds in seen.items():
        here = sum(weight for weight, _ in worlds)
        classes = Counter(labels)
        possible = float(len(leaves)) ** (6 - len(labels)) * math.factorial(6)
        possible /= math.factorial(6 - len(labels))
        for label, size in classes.items():
            under = [leaf for leaf in leaves if _holds(label, leaf)]
            possible *= float(len(under)) ** size / math.factorial(size)
            for at in range(len(label)):
                values = {leaf[at] for leaf in under}
                if len(values) == 1:
                    continue
                mass: dict[object, float] = defaultdict(float)
                for weight, cells in worlds:
                    for value in values:
                        mass[value] += weight * cells[at, label, value]
                cells_here = sum(mass.values())
                best = max(mass.values()) / cells_here
                total += cells_here
                guess_l += cells_here / len(values)
                guess_a += cells_here * best
                certain_a += cells_here * (best > 1 - 1e-9)
        weights += here
        bits += here * max(math.log2(possible / here), 0.0)
    cells = max(total, 1e-9)
    return (
        certain_l / cells,
        certain_a / cells,
        guess_l / cells,
        guess_a / cells,
        bits / weights / 6,
    )


def _holds(label: tuple[str, ...], leaf: tuple[object, ...]) -> bool:
    return all(_one(text, value) for text, value in zip(label, leaf, strict=True))


def _one(text: str, value: object) -> bool:
    if text in ("*", str(value)):
        return True
    members = set_members(text)
    if members is not None:
        return value in members
    if "," not in text:
        return False
    low, high = (int(part.strip("[])")) for part in text.split(","))
    return low <= int(str(value)) < high + text.endswith("]")


def _number(name: str, widths: tuple[float, ...]) -> Ladder:
    levels = Hierarchy(widths=widths) if widths else None
    return build_ladder(
        Column(
            name=name,
            type="integer",
            action="keep",
            quasi=True,
            hierarchy=levels,
        )
    )


def _kind(name: str) -> Ladder:
    return build_ladder(Column(name=name, type="category", action="keep", quasi=True))


def adult_of(folder: Path) -> tuple[pa.Table, list[Ladder]]:
    """Read Adult; every row is a person."""
    table = read_adult(folder)
    numbers = pa.array(np.arange(table.num_rows, dtype=np.uint64))
    return table.append_column(SUBJECT, numbers), ladders_of(folder)


def events_of(events: int) -> tuple[pa.Table, list[Ladder]]:
    """Generate the demo's events and read what its policy calls quasi-identifiers."""
    with tempfile.TemporaryDirectory() as folder:
        generate_demo(Path(folder), events, seed=1)
        policy = load_policy(copy_policy(Path(folder)))
        columns = [policy.column(name) for name in policy.quasi_identifiers]
        rows = []
        for path in sorted(Path(folder).rglob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                try:
                    record = json.loads(line)
                except ValueError:  # planted
                    continue
                person = _at(record, "user.id") or _at(record, "device.ifa")
                if person and str(person).strip("0-"):
                    rows.append([person, *(_at(record, one.name) for one in columns)])
        ladders = [build_ladder(one) for one in columns]
    people = {name: number for number, name in enumerate({str(row[0]) for row in rows})}
    table = pa.table(
        {one.name: _typed(one, rows, at) for at, one in enumerate(columns, 1)}
        | {SUBJECT: pa.array([people[str(row[0])] for row in rows], pa.uint64())}
    )
    return table, ladders


def _typed(column: Column, rows: list[list[Any]], at: int) -> list[Any]:
    """Give a column's values; planted ones of another kind count as missing."""
    kind = int if column.published_storage == "int64" else str
    bad = [type(row[at]) is not kind for row in rows]
    return [None if no else row[at] for no, row in zip(bad, rows, strict=True)]


def _at(record: object, path: str) -> Any:
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


if __name__ == "__main__":
    main()
