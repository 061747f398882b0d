"""Hashes of many rows, kept on disk in sorted runs, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .partials import MetricRequest, Partial, Tally, rows_repeated

__all__ = ["SPILL_HASHES", "HashSpill"]

SPILL_HASHES = 2_000_000
"""Hashes of one expectation that stay in memory (8 bytes each)."""

_RANGES = 64  # the hash space is looked at in as many parts, each once

Hashes = np.ndarray[Any, np.dtype[np.uint64]]


class HashSpill:
    """Takes the hashes of uniqueness out of partials, and tells which of them repeat.

    Files lie in `folder`, 8 bytes for each row and expectation; the caller makes the folder
    private and removes it.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._runs: dict[MetricRequest, list[Path]] = {}

    def relieve(self, partial: Partial) -> Partial:
        """Write hashes that are too many for memory to disk: Partial → lighter Partial."""
        tallies = dict(partial.tallies)
        for request, tally in partial.tallies.items():
            if tally.repeats and len(tally.hashes) // 8 > SPILL_HASHES:
                tallies[request] = self._written(request, tally)
        return replace(partial, tallies=tallies)

    def settle(self, partial: Partial) -> Partial:
        """Leave only the hashes that repeat, two of each, where some were written."""
        tallies = dict(partial.tallies)
        for request, runs in self._runs.items():
            tally = self._written(request, tallies[request])
            repeated, rows = [_NONE], 0
            for part in self._parts(runs):
                repeated.append(_repeated(part))
                rows += rows_repeated(part)
            hashes = np.repeat(np.concatenate(repeated), 2)
            tallies[request] = replace(tally, hashes=hashes.tobytes(), confirmed=rows)
        return replace(partial, tallies=tallies)

    def _written(self, request: MetricRequest, tally: Tally) -> Tally:
        runs = self._runs.setdefault(request, [])
        if tally.hashes:
            number = sum(map(len, self._runs.values()))
            path = self._folder / f"run-{number}"
            path.write_bytes(tally.hashes)
            runs.append(path)
        return replace(tally, hashes=b"")

    def _parts(self, runs: list[Path]) -> Iterator[Hashes]:
        """Give all hashes, sorted, one range of the hash space after another."""
        maps = [np.memmap(path, "<u8", mode="r") for path in runs]
        limits = np.arange(1, _RANGES, dtype=np.uint64) * np.uint64(2**64 // _RANGES)
        edges = [[0, *np.searchsorted(run, limits).tolist(), len(run)] for run in maps]
        for part in range(_RANGES):
            slices = [
                run[edge[part] : edge[part + 1]]
                for run, edge in zip(maps, edges, strict=True)
            ]
            joined = np.concatenate(slices)
            joined.sort()
            yield joined


_NONE: Hashes = np.array([], dtype=np.uint64)


def _repeated(ordered: Hashes) -> Hashes:
    """Give each hash once that occurs more than once."""
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
