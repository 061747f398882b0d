"""Seeded mobile-ad events with known truth: what a first run works on.

Events are invented, shaped as OpenRTB, and as untidy as a real feed: devices that never
answered, answers that changed, lines cut short, people who wrote their phone number into
a search field. What must become of each line is known, and written beside them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from .events import draw_chunk, reason_matrix
from .people import draw_population
from .records import lines_of
from .truth import TRUTH_SCHEMA, truth_of

__all__ = ["AS_OF", "POLICY_FILES", "DemoFiles", "copy_policy", "generate_demo"]

AS_OF: Final = datetime(2026, 7, 1, tzinfo=UTC)
"""The instant that a demo run speaks about; events from the future lie decades later."""

POLICY_FILES: Final = (
    "policy.yaml",
    "expectations.yaml",
    "hierarchies/country.csv",
    "hierarchies/device_model.csv",
)
"""What `copy_policy` writes, relative to its folder."""

_FIRST_MS: Final = 1_780_272_000_000  # 2026-06-01T00:00Z
_LAST_MS: Final = 1_782_777_600_000  # 2026-06-30T00:00Z
_PART_LINES: Final = 50_000
_FEWEST_EVENTS: Final = 100


@dataclass(frozen=True)
class DemoFiles:
    """What `generate_demo` wrote.

    Attributes:
        events: folder of `part-*.jsonl`.
        truth: Parquet file, one row a line; see `demo.truth.TRUTH_SCHEMA`.
        lines: lines in all parts together, blank ones included.
        as_of: the instant against which the truth is written.
    """

    events: Path
    truth: Path
    lines: int
    as_of: datetime = AS_OF


def generate_demo(folder: Path, events: int, seed: int) -> DemoFiles:
    """Write demo events and their truth below `folder`.

    The same arguments give the same bytes. Memory is bounded by the people (one for
    eight events) and one part of 50,000 lines, not by the events.

    Args:
        folder: made if it is missing; old parts in it are removed.
        events: lines in all, at least 100.
        seed: any whole number ≥ 0.

    Raises:
        ValueError: fewer events than 100.
        OSError: the folder cannot be written.

    Not covered: rates that say anything about real people. Shares of answers are
    chosen so that every reason code has something to show.
    """
    if events < _FEWEST_EVENTS:
        message = (
            f"events is {events}, must be at least {_FEWEST_EVENTS}: fewer cannot hold "
            "every kind of line"
        )
        raise ValueError(message)
    target, truth = folder / "events", folder / "truth" / "truth.parquet"
    for place in (target, truth.parent):
        place.mkdir(parents=True, exist_ok=True)
    for old in target.glob("part-*.jsonl"):
        old.unlink()
    population = draw_population(
        np.random.default_rng([seed, 0]), max(60, events // 8), _FIRST_MS, _LAST_MS
    )
    with pq.ParquetWriter(truth, TRUTH_SCHEMA) as writer:
        for part, (start, end) in enumerate(_parts(events)):
            chunk = draw_chunk(
                np.random.default_rng([seed, 1, part]),
                population,
                end - start,
                _instant(start, events),
                _instant(end, events),
            )
            written = list(lines_of(chunk, population, start))
            file = f"part-{part:05d}.jsonl"
            lines = b"\n".join(line for line, _ in written)
            (target / file).write_bytes(lines + b"\n")
            plants = [found for _, found in written]
            matrix = reason_matrix(chunk, population)
            writer.write_batch(truth_of(chunk, matrix, plants, file, start))
    return DemoFiles(target, truth, events)


def copy_policy(folder: Path) -> Path:
    """Write the demo's policy, suite and hierarchy tables below `folder`.

    The policy reads `events/`, and its secret from `demo.key`, which it leaves to the
    caller to make.

    Returns:
        Path of the policy.
    """
    for name in POLICY_FILES:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with _packaged(name) as source:
            shutil.copyfile(source, target)
    return folder / POLICY_FILES[0]


@contextmanager
def _packaged(name: str) -> Iterator[Path]:
    place: Traversable = resources.files(__package__)
    for step in name.replace("policy.yaml", "mobile_ads.yaml").split("/"):
        place = place / step
    with resources.as_file(place) as path:
        yield path


def _parts(events: int) -> Iterator[tuple[int, int]]:
    """Cut the events into parts; a small rest joins the part before it."""
    start = 0
    while start < events:
        end = start + _PART_LINES
        if events - end < _FEWEST_EVENTS:
            end = events
        yield start, end
        start = end


def _instant(index: int, events: int) -> int:
    return _FIRST_MS + (_LAST_MS - _FIRST_MS) * index // events
