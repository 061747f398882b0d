"""What a set is still worth: loss and levels of what was really released, and the gates.

The plan says what each label loses; how many records bear it is counted on the released
rows. So figures hold for the set as it is, whatever was withheld after the choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....policies.anonymity_utility import Utility
from ....policies.errors import GateError
from ..counting.histogram import ROWS

__all__ = [
    "LabelFacts",
    "gate_facts",
    "label_facts",
    "level_shares",
    "measure_ncp",
    "merge_facts",
    "refuse_loss",
]

LabelFacts = Mapping[str, pa.Table]
"""Column → `label` string, `level` string, `loss` float64, `rows` int64: what a plan says
of every label that it releases, one row per (label, level), finest level first, and how
many records it counted there."""

_ROUNDING = 1e-9


def label_facts(
    labels: pa.Array,
    levels: npt.NDArray[Any],
    names: Sequence[str],
    losses: npt.NDArray[np.float64],
    rows: npt.NDArray[Any],
) -> pa.Table:
    """Put together what is known of one column's labels.

    Args:
        labels: of classes or values, repeated or not.
        levels: number of the level of each.
        names: of the levels, finest first.
        losses: of each, 0 to 1.
        rows: records of each.

    Returns:
        One row per distinct (label, level); the loss is the mean over records.
    """
    table = pa.table(
        {
            "label": labels,
            "level": pa.array(levels),
            "lost": pa.array(losses * rows),
            "rows": pa.array(rows.astype(np.int64)),
        }
    )
    table = table.filter(pc.greater(table.column("rows"), 0))
    grouped = (
        table.group_by(["label", "level"], use_threads=False)
        .aggregate([("lost", "sum"), ("rows", "sum")])
        .sort_by([("level", "ascending"), ("label", "ascending")])
    )
    count = grouped.column("rows_sum")
    return pa.table(
        {
            "label": grouped.column("label"),
            "level": pa.array(names).take(grouped.column("level")),
            "loss": pc.divide(grouped.column("lost_sum"), count),
            "rows": count,
        }
    )


def merge_facts(
    parts: Iterable[LabelFacts], levels: Mapping[str, Sequence[str]]
) -> LabelFacts:
    """Unite what plans of parts of a set say of their labels.

    Args:
        parts: of the same columns; losses are those of the whole set.
        levels: per column, the names of its levels, finest first.
    """
    merged: dict[str, pa.Table] = {}
    for part in parts:
        for name, known in part.items():
            both = [merged[name], known] if name in merged else [known]
            merged[name] = _united(pa.concat_tables(both))
    return {name: _sorted(known, levels[name]) for name, known in merged.items()}


def _united(known: pa.Table) -> pa.Table:
    lost = pc.multiply(known.column("loss"), known.column("rows"))
    grouped = (
        known.append_column("lost", lost)
        .group_by(["label", "level"], use_threads=False)
        .aggregate([("lost", "sum"), ("rows", "sum")])
    )
    count = grouped.column("rows_sum")
    return pa.table(
        {
            "label": grouped.column("label"),
            "level": grouped.column("level"),
            "loss": pc.divide(grouped.column("lost_sum"), count),
            "rows": count,
        }
    )


def _sorted(known: pa.Table, levels: Sequence[str]) -> pa.Table:
    place = pc.index_in(known.column("level"), pa.array(levels, pa.string()))
    by = [("place", "ascending"), ("label", "ascending")]
    return known.append_column("place", place).sort_by(by).drop_columns(["place"])


def measure_ncp(facts: LabelFacts, released: pa.Table | None, total: int) -> float:
    """Measure the normalised certainty penalty of released records.

    Iyengar's loss, mean over columns, which count alike, and over all records; one that
    is not released counts 1.

    Args:
        facts: what the plan says of its labels.
        released: labels of classes or records, with `optin:rows`; null if none.
        total: records, the suppressed ones among them.

    Raises:
        GateError: a label is none of the plan's.

    Not covered: after classes were withheld, one label of two levels with different
    losses; it counts with the mean that it had at the choice.
    """
    if released is None or not released.num_rows or not total:
        return 1.0 if total else 0.0
    rows = released.column(ROWS).to_numpy()
    kept = int(rows.sum())
    lost = float(total - kept)
    for name, known in facts.items():
        lost += float(_of_label(known, released.column(name)) @ rows) / len(facts)
    return lost / total


def level_shares(
    facts: LabelFacts, released: pa.Table | None
) -> dict[str, dict[str, float]]:
    """Measure which share of the released records has which level of each column.

    Args:
        facts: what the plan says of its labels.
        released: labels of classes or records, with `optin:rows`; null if none.

    Returns:
        Column → level, finest first → share of the released records; levels that none
        has are left out. 1 in sum.
    """
    if released is None or not released.num_rows:
        return {name: {} for name in facts}
    total = float(pc.sum(released.column(ROWS)).as_py())
    found = {}
    for name, known in facts.items():
        counted = released.group_by(name, use_threads=False).aggregate([(ROWS, "sum")])
        rows = dict(
            zip(
                counted.column(name).to_pylist(),
                counted.column(f"{ROWS}_sum").to_pylist(),
                strict=True,
            )
        )
        planned = known.group_by("label", use_threads=False).aggregate(
            [("rows", "sum")]
        )
        whole = dict(
            zip(*(planned.column(i).to_pylist() for i in range(2)), strict=True)
        )
        held: dict[str, float] = {}
        for fact in known.to_pylist():
            share = rows.get(fact["label"], 0) * fact["rows"] / whole[fact["label"]]
            held[fact["level"]] = held.get(fact["level"], 0.0) + share / total
        found[name] = {level: round(share, 6) for level, share in held.items() if share}
    return found


def gate_facts(gates: Utility, ncp: float, suppressed: float) -> dict[str, object]:
    """Put every gate beside what was measured, for reports."""
    return {
        name: {
            "allowed": allowed,
            "measured": round(measured, 6),
            "met": measured <= allowed + _ROUNDING,
        }
        for name, allowed, measured in (
            ("max_ncp", gates.max_ncp, ncp),
            ("max_suppressed", gates.max_suppressed, suppressed),
        )
        if allowed is not None
    }


def refuse_loss(
    gates: Utility, ncp: float, suppressed: float, of: str, *, local: bool
) -> None:
    """Refuse a set that lost more than its policy allows.

    Args:
        gates: what is allowed.
        ncp: of the set, 0 to 1.
        suppressed: share of the records that is suppressed.
        of: what was measured, in words.
        local: whether it was recoded locally, so that it cannot be advised.

    Raises:
        GateError: one for all gates that are not met.
    """
    faults = []
    if gates.max_ncp is not None and ncp > gates.max_ncp + _ROUNDING:
        advice = "add levels to the hierarchies, name fewer quasi-identifiers, or " + (
            "raise suppress_max" if local else "use recoding 'local'"
        )
        faults.append(
            f"NCP {ncp:.4f} is more than max_ncp {gates.max_ncp:g}; lower k, {advice}"
        )
    allowed = gates.max_suppressed
    if allowed is not None and suppressed > allowed + _ROUNDING:
        faults.append(
            f"{suppressed:.2%} of the records are suppressed, more than max_suppressed "
            f"{allowed:.2%}; lower suppress_max or k, add coarser levels, or weaken the "
            "rules for sensitive attributes"
        )
    if faults:
        message = f"utility: of {of}, {'; and '.join(faults)}"
        raise GateError(message)


def _of_label(known: pa.Table, labels: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Give the loss of each label: the mean over the plan's records that have it."""
    weighed = known.append_column(
        "lost", pc.multiply(known.column("loss"), known.column("rows"))
    )
    whole = weighed.group_by("label", use_threads=False).aggregate(
        [("lost", "sum"), ("rows", "sum")]
    )
    loss = pc.divide(whole.column("lost_sum"), whole.column("rows_sum"))
    place = pc.index_in(labels, whole.column("label").combine_chunks())
    if place.null_count:
        message = (
            "a released label is none of the plan's. This is a defect; nothing is given"
        )
        raise GateError(message)
    found: npt.NDArray[np.float64] = loss.to_numpy()[place.to_numpy()]
    return found
