"""Everything that is wrong with the ledger, each with its place, in one error."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ....policies.errors import InputError
from ...blocks.files import open_bytes
from ...blocks.json_kinds import BLANK
from ...blocks.jsonl import read_chunks
from ...blocks.spec import Split, SplitStats

__all__ = ["Problems"]

SHOWN = 20


class Problems:
    """Collects problems record by record; shows the first `SHOWN`, counts all.

    No value of the ledger is in a message: places and column names alone.
    """

    def __init__(self, *, by_line: bool) -> None:
        """Take whether records are lines (JSON lines), else they are numbered."""
        self._by_line = by_line
        self._here: list[tuple[int, str]] = []  # of the current split
        self._shown: list[str] = []
        self._lines_before: dict[str, int] = {}
        self._general: list[str] = []
        self.count = 0

    def add(self, message: str, records: npt.NDArray[np.int64]) -> None:
        """Note a problem of some records, given by ordinal in the current split."""
        if not len(records):
            return
        self.count += len(records)
        first = np.sort(records)[:SHOWN].tolist()
        self._here += [(record, message) for record in first]
        self._here = sorted(self._here)[:SHOWN]

    def add_general(self, message: str) -> None:
        """Note a problem of the ledger as a whole; shown first."""
        self.count += 1
        self._general.append(message)

    def end_split(self, split: Split, stats: SplitStats) -> None:
        """Turn the ordinals of the split that was just read into places."""
        before = self._lines_before.get(split.path, 0)
        room = SHOWN - len(self._shown)
        if self._here and room > 0:
            here, kind = self._here[:room], "record "
            numbers: dict[int, int] = {record: record for record, _ in here}
            if self._by_line:
                numbers, kind = _lines_of(split, numbers), ""
            self._shown += [
                f"{split.path}:{kind}{before + numbers[record] + 1}: {message}"
                for record, message in here
            ]
        self._here = []
        met = stats.lines if self._by_line and stats.lines is not None else None
        self._lines_before[split.path] = before + (
            stats.records if met is None else met
        )

    def raise_any(self) -> None:
        """Raise what was found.

        Raises:
            InputError: there is a problem.
        """
        if not self.count:
            return
        shown = [*self._general, *self._shown][:SHOWN]
        if self.count > len(shown):
            shown.append(f"and {self.count - len(shown):,} more")
        raise InputError("\n".join(shown))


def _lines_of(split: Split, records: Iterable[int]) -> dict[int, int]:
    """Find the lines of some records: ordinal in the split → 0-based line in it.

    The readers number records, and blank lines are none; so the split is read again,
    which only happens where there is an error to show.
    """
    wanted, found = set(records), dict[int, int]()
    record = line = 0
    with open_bytes(split.path) as file:
        for data, whole in read_chunks(file, split.start, split.end):
            lines = data.removesuffix(b"\n").split(b"\n") if whole else [b"cut off"]
            for text in lines:
                if text.strip(BLANK):
                    if record in wanted:
                        found[record] = line
                        if len(found) == len(wanted):
                            return found
                    record += 1
                line += 1
    return found
