"""Who disappears when those who did not consent go: consent bias, by group and day.

Blocks become small partial counts, `BiasFn` adds them up in any order, and
`bias_report` turns the sum into numbers that are safe to publish: no group, and no
difference of two groups, shows a count below a floor.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .view import BlockView, Mask

__all__ = [
    "BIAS_DAY",
    "MAX_VALUES",
    "BiasCounts",
    "BiasFn",
    "bias_counts",
    "bias_report",
]

BIAS_DAY = "optin:day"
"""Grouping by UTC day of the event; no input column can have this name."""

MAX_VALUES = 10_000
"""Most distinct values of a grouping that are told apart."""

Groups = dict[str | None, tuple[int, int]]
BiasCounts = dict[str, Groups]
"""Grouping (a column, or `BIAS_DAY`) → value → records decided, records kept of those.

The value null stands for "missing", `(other)` for the values beyond `MAX_VALUES`.
"""

_OTHER = "(other)"
_MISSING = "(missing)"
_DAY_MICROS = 86_400_000_000
_DIGITS = 6

_PSI = {
    "formula": "sum over groups of (after - before) * ln(after / before), where before "
    "is the group's share of the records decided and after its share of those kept",
    "zero_cells": "a group of which nothing was kept counts as half a record kept; the "
    "shares are not scaled again. Without any record kept there is no PSI.",
    "reading": {
        "little": "below 0.1: little or no shift",
        "some": "0.1 to 0.25: some shift, look into it",
        "major": "above 0.25: major shift",
    },
    "source": "E. M. Lewis, An Introduction to Credit Scoring (1994); N. Siddiqi, Credit "
    "Risk Scorecards (2006). The limits are a convention that knows no sample size: "
    "B. Yurdakul and J. Naranjo, Journal of Risk Model Validation 14(4) (2020).",
}


def bias_counts(
    block: pa.RecordBatch,
    kept: Mask,
    decided: Mask,
    event_times: npt.NDArray[np.int64],
    timed: Mask,
    columns: tuple[str, ...],
    *,
    max_values: int = MAX_VALUES,
) -> BiasCounts:
    """Count the records of one block by group, as a part that `BiasFn` adds up.

    Args:
        block: n records with the canonical-text columns `optin:raw:<column>`.
        kept: which records were kept.
        decided: which were kept or dropped; quarantined ones are left out.
        event_times: microseconds since 1970 UTC.
        timed: which records have an event time; a decided one without counts as
            missing.
        columns: grouping columns.
        max_values: distinct values of a grouping that are told apart.

    Returns:
        One grouping per column and `BIAS_DAY`, also when nothing was decided.

    Raises:
        KeyError: the reader gave no such column.
        ValueError: a record is kept without having been decided.
    """
    if bool((kept & ~decided).any()):
        message = "bias_counts: a record is kept but not decided"
        raise ValueError(message)
    view = BlockView(block)
    days = pa.array(event_times // _DAY_MICROS).dictionary_encode()
    names = np.datetime_as_string(days.dictionary.to_numpy().astype("datetime64[D]"))
    which = np.where(timed, days.indices.to_numpy(), -1)
    found = {BIAS_DAY: _tally(which, names.tolist(), decided, kept)}
    for column in columns:
        positions, texts = view.codes(column)
        found[column] = _tally(positions, texts, decided, kept)
    return {name: _bounded(groups, max_values) for name, groups in found.items()}


class BiasFn(beam.CombineFn):
    """Adds up partial counts.

    Shape: `PCollection[BiasCounts] -> BiasCounts`.

    An accumulator holds at most twice `max_values` values a grouping, whatever comes.
    If there are more, those whose hashes are smallest are told apart and all others
    count as `(other)`. Which ones depends on the set of values alone, and each of them
    has its exact count: a value that is among the smallest of all is among the smallest
    of every part and is never given up. So the result is the same for every order,
    split and bundling.

    Not covered: frequent values have no precedence; a column with that many values is
    not a grouping.
    """

    def __init__(self, max_values: int = MAX_VALUES) -> None:
        self._max_values = max_values

    def create_accumulator(self) -> BiasCounts:
        """Give an empty sum."""
        return {}

    def add_input(self, accumulator: BiasCounts, counts: BiasCounts) -> BiasCounts:
        """Add the counts of one block."""
        for name, groups in counts.items():
            total = accumulator.setdefault(name, {})
            for value, (decided, kept) in groups.items():
                before = total.get(value, (0, 0))
                total[value] = (before[0] + decided, before[1] + kept)
            # Pooling costs a hash per value: not with every block that adds one.
            if len(total) > 2 * self._max_values:
                accumulator[name] = _bounded(total, self._max_values)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[BiasCounts]) -> BiasCounts:
        """Add sums to each other, in any order."""
        merged = self.create_accumulator()
        for accumulator in accumulators:
            merged = self.add_input(merged, accumulator)
        return merged

    def extract_output(self, accumulator: BiasCounts) -> BiasCounts:
        """Give the sum, values within bounds and in order."""
        found = {}
        for name in sorted(accumulator):
            groups = _bounded(accumulator[name], self._max_values)
            found[name] = dict(sorted(groups.items(), key=lambda item: item[0] or ""))
        return found


def bias_report(counts: BiasCounts, min_records: int) -> dict[str, Any]:
    """Compare the records kept with those decided, group by group.

    A group is shown where the records decided, kept and dropped of it are each at least
    `min_records`, or none were kept, or none dropped. All others are pooled as `(fewer
    than n)`, and so are the smallest of the rest until the pool is such a group itself
    and holds two groups or more: what is shown, taken from the totals, gives no small
    count away. Where the totals are small themselves, the counts are null.

    The PSI is that of the groups as shown. Pooling can only lower it (it is a symmetric
    Kullback-Leibler divergence; the zero cells aside), so it is a lower bound. It is
    null where all groups are pooled.

    Args:
        counts: sum of all blocks.
        min_records: smallest count that is shown, at least 1.

    Returns:
        A value ready for JSON; the same for the same counts, whatever their order.

    Raises:
        ValueError: `min_records` is below 1, or the groupings do not add up to the
            same records.

    Not covered: `min_records` counts records, not people. Values are shown as the input
    spells them: never group by a personal column. Two columns of which one determines
    the other are pooled apart, and their pools can differ by a small group.
    """
    if min_records < 1:
        message = f"bias_report: min_records is {min_records}, must be at least 1"
        raise ValueError(message)
    sums = {_add(groups.values()) for groups in counts.values()} or {(0, 0)}
    if len(sums) > 1:
        message = "bias_report: the groupings do not add up to the same records"
        raise ValueError(message)
    total = sums.pop()
    shown = _safe(total, min_records)
    # The day last; columns by name.
    names = sorted(counts, key=lambda name: (name == BIAS_DAY, name))
    return {
        "population": "records kept or dropped by the consent gate; quarantined ones "
        "are left out",
        "min_records": min_records,
        "decided": total[0] if shown else None,
        "kept": total[1] if shown else None,
        "share_kept": _share(total[1], total[0]) if shown else None,
        "psi": _PSI,
        "groupings": [
            _grouping(name, counts[name], total, min_records) for name in names
        ],
    }


def _tally(
    positions: npt.NDArray[Any], names: list[str], decided: Mask, kept: Mask
) -> Groups:
    """Count by position; -1 is the missing value. Names may repeat."""
    size = len(names) + 1
    places = positions.astype(np.int64) + 1
    all_counts = np.bincount(places[decided], minlength=size)
    kept_counts = np.bincount(places[kept], minlength=size)
    groups: Groups = {}
    for place in np.flatnonzero(all_counts).tolist():
        value = names[place - 1] if place else None
        before = groups.get(value, (0, 0))
        groups[value] = (
            before[0] + int(all_counts[place]),
            before[1] + int(kept_counts[place]),
        )
    return groups


def _bounded(groups: Groups, max_values: int) -> Groups:
    """Pool all but the `max_values` values of the smallest hashes."""
    values = [value for value in groups if value not in (None, _OTHER)]
    if len(values) <= max_values:
        return groups
    stay = {None, *heapq.nsmallest(max_values, values, key=_rank)}
    bounded = {value: pair for value, pair in groups.items() if value in stay}
    bounded[_OTHER] = _add(pair for v, pair in groups.items() if v not in stay)
    return bounded


def _rank(value: str | None) -> tuple[bytes, str]:
    text = value or ""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), text


def _add(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    decided = kept = 0
    for pair in pairs:
        decided += pair[0]
        kept += pair[1]
    return decided, kept


def _safe(pair: tuple[int, int], floor: int) -> bool:
    """Tell whether a group's counts can be shown: none of them is small."""
    decided, kept = pair
    return all(n == 0 or n >= floor for n in (decided, kept, decided - kept))


def _grouping(
    name: str, groups: Groups, total: tuple[int, int], floor: int
) -> dict[str, Any]:
    pool = f"(fewer than {floor})"
    labelled: dict[str, tuple[int, int]] = {}
    for value, pair in groups.items():
        label = _MISSING if value is None else value
        labelled[label] = _add([labelled.get(label, (0, 0)), pair])
    shown, pooled = _pooled(labelled, pool, floor)
    psi = _psi([*shown.values(), pooled] if pooled else list(shown.values()), total)
    if not shown and len(labelled) > 1:
        psi = None
    by_day = name == BIAS_DAY
    order = sorted(
        shown.items(), key=lambda item: (0 if by_day else -item[1][0], item[0])
    )
    rows = [_row(label, pair, total) for label, pair in order]
    if pooled is not None:
        rows.append(_row(pool, pooled if _safe(pooled, floor) else None, total))
    return {
        "by": "day (UTC)" if by_day else name,
        "kind": "day" if by_day else "column",
        "psi": None if psi is None else round(psi, _DIGITS),
        "reading": _reading(psi),
        "all_values": _OTHER not in groups,
        "groups": rows,
    }


def _pooled(
    groups: dict[str, tuple[int, int]], pool: str, floor: int
) -> tuple[dict[str, tuple[int, int]], tuple[int, int] | None]:
    """Give the groups to show and the sum of the others, null if there are none."""
    # A value that is spelt like the pool could not be told from it.
    hidden = [
        label for label in groups if label == pool or not _safe(groups[label], floor)
    ]
    rest = sorted(groups.keys() - set(hidden), key=lambda v: (groups[v][0], v))
    if not hidden:
        return {label: groups[label] for label in rest}, None
    taken = _add(groups[label] for label in hidden)
    count = len(hidden)
    while rest and (count < 2 or not _safe(taken, floor)):
        taken = _add([taken, groups[rest.pop(0)]])
        count += 1
    return {label: groups[label] for label in rest}, taken


def _row(
    label: str, pair: tuple[int, int] | None, total: tuple[int, int]
) -> dict[str, Any]:
    if pair is None:
        names = ("decided", "kept", "share_kept", "share_before", "share_after")
        return {"value": label, **dict.fromkeys(names)}
    decided, kept = pair
    return {
        "value": label,
        "decided": decided,
        "kept": kept,
        "share_kept": _share(kept, decided),
        "share_before": _share(decided, total[0]),
        "share_after": _share(kept, total[1]),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DIGITS) if whole else None


def _psi(pairs: list[tuple[int, int]], total: tuple[int, int]) -> float | None:
    """Compute the index from whole numbers, so that equal shares give exactly 0."""
    all_decided, all_kept = total
    if not all_kept:
        return None
    terms = []
    for decided, kept in pairs:
        # Doubled, so that half a record is a whole number.
        after = max(2 * kept, 1) * all_decided
        before = 2 * decided * all_kept
        scale = 2 * all_decided * all_kept
        terms.append((after - before) / scale * math.log(after / before))
    return math.fsum(terms)


def _reading(psi: float | None) -> str | None:
    """Name the usual reading of a PSI."""
    if psi is None:
        return None
    if psi < 0.1:
        return "little"
    return "some" if psi <= 0.25 else "major"
