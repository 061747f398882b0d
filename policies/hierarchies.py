"""Generalisation hierarchies from tables: `leaf;level 1;level 2;…;*`, one leaf a line."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path

from .errors import Finding, PolicyError

__all__ = ["TableHierarchy", "load_table_hierarchy"]


@dataclass(frozen=True)
class TableHierarchy:
    """A table hierarchy.

    Attributes:
        leaves: the values, each once.
        levels: `levels[i][j]` is the label of `leaves[j]` at level i + 1.
    """

    leaves: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]


def load_table_hierarchy(path: Path) -> TableHierarchy:
    """Read a hierarchy from a semicolon-separated file.

    Raises:
        PolicyError: the file is missing or empty, lines differ in length, a leaf stands
            twice, or one label has two parents (classes would not nest).
    """
    findings: list[Finding] = []

    def refuse(line: int, message: str) -> None:
        findings.append(Finding(str(path), line, 1, "E154", message))

    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        refuse(1, f"the hierarchy cannot be read ({error.strerror})")
        raise PolicyError(tuple(findings)) from None
    except UnicodeDecodeError:
        refuse(1, "the hierarchy is not UTF-8 text; save it as UTF-8")
        raise PolicyError(tuple(findings)) from None
    rows: list[list[str]] = []
    first_line: dict[str, int] = {}
    parents: dict[tuple[int, str], str] = {}
    for number, row in enumerate(csv.reader(text.splitlines(), delimiter=";"), 1):
        if not row:
            continue
        if rows and len(row) != len(rows[0]):
            refuse(
                number,
                f"this line has {len(row)} levels, the first has {len(rows[0])}; every "
                "leaf needs a label at every level",
            )
            continue
        if row[0] in first_line:
            refuse(number, f"this leaf stands already on line {first_line[row[0]]}")
            continue
        first_line[row[0]] = number
        rows.append(row)
        for level, (label, parent) in enumerate(itertools.pairwise(row)):
            if parents.setdefault((level, label), parent) != parent:
                refuse(
                    number,
                    f"the level-{level} label of this leaf has two different parents "
                    "at the next level; classes would not nest",
                )
    if not rows or len(rows[0]) < 2:
        refuse(1, "a hierarchy needs at least one leaf with one label: leaf;label;…;*")
    if findings:
        raise PolicyError(tuple(findings))
    leaves, *levels = zip(*rows, strict=True)
    return TableHierarchy(tuple(leaves), tuple(levels))
