"""Loss and suppression on Adult under rules for a sensitive attribute.

    python benchmarks/kanonymity_sensitive.py [--data ../shared/data/adult]

30,162 rows, each a person of her own; the quasi-identifiers of `adult.py` without the
sensitive attribute. The baseline suppresses every class that breaks the rule; `united`
puts classes together first. Loss is NCP, a suppressed row counting 1; seconds are CPU of
this process for what follows the choice for k.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from adult import QUASI, ladders_of, read_adult

from optin.policies.diversity import Sensitive
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import AnonymityPlan, histogram_of, withhold_classes
from optin.transforms.kanonymity.sensitive.recount import value_triples

SALARY, WORK = "salary-class", "occupation"
RULES = (
    (SALARY, "l: 2", Sensitive(l=2)),
    (SALARY, "alpha: 0.9", Sensitive(alpha=0.9)),
    (WORK, "l: 5", Sensitive(l=5)),
    (WORK, "t: 0.3", Sensitive(t=0.3)),
    (WORK, "t: 0.2", Sensitive(t=0.2)),
)


def main() -> None:
    """Print one line per k, labels and rule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    given = parser.parse_args()
    table = read_adult(given.data)
    people = pa.array(np.arange(table.num_rows, dtype=np.uint64))
    table = table.append_column(SUBJECT, people)
    print("| k | labels | rule | k alone | suppressed alone | united | ratio | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for k in (10, 50):
        for ranges in (False, True):
            for name, words, rule in RULES:
                line = measure(table, given.data, k, name, rule, ranges=ranges)
                labels = "ranges" if ranges else "hierarchy"
                print(f"| {k} | {labels} | {name} {words} | {line} |", flush=True)


def measure(
    table: pa.Table, folder: Path, k: int, name: str, rule: Sensitive, *, ranges: bool
) -> str:
    """Compare both ways of one release."""
    quasi = tuple(one for one in QUASI if one != name)
    ladders = tuple(one for one in ladders_of(folder) if one.column != name)
    plan = AnonymityPlan(SUBJECT, ladders, k, 0.05, local=True, ranges=ranges)
    histogram = histogram_of(table, quasi, k)
    recoding = plan.choose(histogram)
    triples = {name: value_triples(table, quasi, name)}
    rules = {name: rule}
    alone = withhold_classes(recoding, histogram, triples, rules, 0.9999)
    start = time.process_time()
    united = withhold_classes(recoding, histogram, triples, rules, 0.05, plan)
    seconds = time.process_time() - start
    return (
        f"{recoding.ncp:.4f} | {alone.ncp:.4f}, {alone.suppressed_share:.1%} "
        f"| {united.ncp:.4f}, {united.suppressed_share:.1%} "
        f"| {united.ncp / alone.ncp:.2f} | {seconds:.2f}"
    )


if __name__ == "__main__":
    main()
