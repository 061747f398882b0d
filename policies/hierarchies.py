"""Generalisation hierarchies that a policy gives as a table.

The file has one line per leaf, finest label first, separated by semicolons, and ends
in `*`, the column form that common anonymisation tools share::

    Vienna;Austria;Europe;*
    Graz;Austria;Europe;*
"""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass
from pathlib import Path

from .errors import Finding, PolicyError

__all__ = ["TableHierarchy", "load_table_hierarchy", "power_of"]

TOP = "*"
"""The label that says nothing; the last level of every hierarchy."""

_CODE = "E158"
_MAX_LEVELS = 32
_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class TableHierarchy:
    """A table of labels: what each leaf is called on each level.

    Attributes:
        leaves: the distinct values of level 0, in file order.
        levels: `levels[i][j]` is the label of `leaves[j]` on level `i + 1`. The last
            level is `*` for every leaf.
    """

    leaves: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]


def load_table_hierarchy(path: str | Path) -> TableHierarchy:
    """Read a table hierarchy and make sure that its levels nest.

    Shape: CSV `leaf;level1;…;*` (UTF-8, no header) → `TableHierarchy`.

    Guaranteed of the result: every row has the same number of levels, no leaf occurs
    twice, a label has one parent wherever it stands on a level, and no label is above
    itself.

    Args:
        path: a local file.

    Raises:
        PolicyError: the file is missing, not UTF-8, or not such a table; one finding
            (`E158`) for every fault, at its line of the table.

    Not covered: files of remote file systems.
    """
    file = str(path)
    try:
        raw = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise _refuse(file, [(1, 1, f"cannot read the table: {reason}")]) from None
    if len(raw) > _MAX_BYTES:
        message = f"the table is larger than {_MAX_BYTES // 2**20} MiB"
        raise _refuse(file, [(1, 1, message)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        message = "not UTF-8 text; save it as UTF-8"
        raise _refuse(file, [(line, column, message)]) from None
    lines, rows, faults = _rows(text)
    if not faults:
        places = [
            (line, _cell_starts(written))
            for line, written in zip(lines, _written(text, lines), strict=True)
        ]
        faults = _faults(places, rows)
    if faults:
        raise _refuse(file, faults)
    return TableHierarchy(
        leaves=tuple(row[0] for row in rows),
        levels=tuple(zip(*(row[1:] for row in rows), strict=True)),
    )


def power_of(number: int, base: int) -> int:
    """Give n where `number` is `base ** n` and n at least 1, else 0.

    >>> power_of(16, 2), power_of(10, 10), power_of(12, 2)
    (4, 1, 0)
    """
    power = 0
    while number > 1 and number % base == 0:
        number //= base
        power += 1
    return power if number == 1 else 0


_Fault = tuple[int, int, str]


def _refuse(file: str, faults: list[_Fault]) -> PolicyError:
    return PolicyError(
        tuple(Finding(file, *fault[:2], _CODE, fault[2]) for fault in sorted(faults))
    )


def _rows(text: str) -> tuple[list[int], list[tuple[str, ...]], list[_Fault]]:
    """Split the text into rows of stripped cells, each with its line number."""
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(reader.line_num)
                rows.append(tuple(cell.strip() for cell in cells))
    except csv.Error:
        message = "not a table separated by ';': a quote is not closed, or follows text"
        return lines, rows, [(max(reader.line_num, 1), 1, message)]
    return lines, rows, []


def _written(text: str, lines: list[int]) -> list[str]:
    """Give the lines of the text that rows end on."""
    every = list(io.StringIO(text, newline=""))
    return [every[line - 1] for line in lines]


def _cell_starts(line: str) -> tuple[int, ...]:
    """Give the column, from 1, at which each cell of a line starts."""
    starts, quoted = [1], False
    for place, sign in enumerate(line):
        quoted ^= sign == '"'
        if sign == ";" and not quoted:
            starts.append(place + 2)
    return tuple(starts)


_Place = tuple[int, tuple[int, ...]]
"""A row's line, and the columns at which its cells start."""


def _at(place: _Place, cell: int, message: str) -> _Fault:
    line, starts = place
    # A row that began on an earlier line has fewer cells on its last one.
    return line, starts[cell] if 0 <= cell < len(starts) else starts[-1], message


def _faults(places: list[_Place], rows: list[tuple[str, ...]]) -> list[_Fault]:
    if not rows:
        return [(1, 1, "the table is empty; write one line 'leaf;level1;…;*' a leaf")]
    width = len(rows[0])
    if not 2 <= width <= _MAX_LEVELS:
        other = next((sign for sign in ",\t|" if sign in rows[0][0]), None)
        message = f"a row has 2 to {_MAX_LEVELS} cells 'leaf;level1;…;*', not {width}"
        if width == 1 and other is not None:
            name = "a tab" if other == "\t" else f"'{other}'"
            message = f"cells are separated by ';', and here by {name}"
        return [_at(places[0], 0, message)]
    faults: list[_Fault] = []
    for place, row in zip(places, rows, strict=True):
        if row[-1] == "" and row[-2] == TOP:
            message = (
                "an empty cell behind '*': take the ';' at the end of the line out"
            )
            faults.append(_at(place, len(row) - 1, message))
        elif len(row) != width:
            message = f"{len(row)} cells where the first row has {width}"
            faults.append(_at(place, min(len(row), width), message))
        elif not all(row):
            message = "an empty cell: every level needs a label"
            faults.append(_at(place, row.index(""), message))
        elif row[-1] != TOP:
            message = f"the last cell must be '{TOP}', the top level"
            faults.append(_at(place, width - 1, message))
    return faults or _nesting_faults(places, rows)


def _nesting_faults(places: list[_Place], rows: list[tuple[str, ...]]) -> list[_Fault]:
    faults: list[_Fault] = []
    first: dict[str, int] = {}
    parents: list[dict[str, tuple[str, int]]] = [{} for _ in rows[0][1:]]
    for place, row in zip(places, rows, strict=True):
        line = place[0]
        if row[0] in first:
            message = f"this leaf stands already on line {first[row[0]]}"
            faults.append(_at(place, 0, message))
            continue
        first[row[0]] = line
        for level, (label, parent) in enumerate(itertools.pairwise(row)):
            known, at = parents[level].setdefault(label, (parent, line))
            if known != parent:
                message = (
                    f"the level-{level} label has another parent than on line {at}; "
                    "a label belongs to one label of the next level"
                )
                faults.append(_at(place, level + 1, message))
    return faults or _cycle_faults(parents)


def _cycle_faults(parents: list[dict[str, tuple[str, int]]]) -> list[_Fault]:
    """Find labels that are above themselves, whatever level they stand on."""
    below: dict[str, set[str]] = {}
    above: dict[str, set[str]] = {}
    line_of: dict[str, int] = {}
    for level in parents:
        for label, (parent, line) in level.items():
            line_of.setdefault(label, line)
            if parent != label:
                above.setdefault(label, set()).add(parent)
                below.setdefault(parent, set()).add(label)
    # Peel labels that have nothing left below them; what remains is on a cycle or above.
    waiting = {
        label: len(below.get(label, ())) for label in above.keys() | below.keys()
    }
    ready = [label for label, count in waiting.items() if count == 0]
    while ready:
        label = ready.pop()
        del waiting[label]
        for parent in above.get(label, ()):
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready.append(parent)
    if not waiting:
        return []
    line = min(line_of.get(label, 1) for label in waiting)
    return [(line, 1, "a label stands above itself; the levels form a circle")]
