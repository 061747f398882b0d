"""Loss, levels and gates of what is released, against brute force over the records."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.diversity import Sensitive
from optin.policies.errors import GateError, OptinError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    ClassReport,
    Recoding,
    build_ladder,
    choose_local,
    choose_recoding,
    class_sizes,
    histogram_of,
    kanonymize,
    report_classes,
    withhold_classes,
)
from optin.transforms.kanonymity.recoding.utility import level_shares, measure_ncp
from optin.transforms.kanonymity.sensitive.recount import value_triples

QUASI = ("age", "place")
AGE = Column(
    name="age",
    type="integer",
    action="keep",
    quasi=True,
    hierarchy=Hierarchy(widths=(10, 20)),
)
PLACE = Column(name="place", type="category", action="keep", quasi=True)
LADDERS = [build_ladder(AGE), build_ladder(PLACE)]
ROWS = st.lists(
    st.tuples(
        st.integers(0, 45) | st.none(),
        st.sampled_from(["DE", "FR", "IT", None]),
        st.sampled_from(["flu", "cold"]),
        st.integers(0, 9),
    ),
    min_size=4,
    max_size=60,
)


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    age, place, illness, who = zip(*rows, strict=True)
    return pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "place": pa.array(place, pa.string()),
            "illness": pa.array(illness, pa.string()),
            SUBJECT: pa.array(who, pa.uint64()),
            "row": pa.array(range(len(rows))),
        }
    )


def _loss(label: str, value: Any, values: set[Any]) -> float:
    """Iyengar's loss, straight from the definition, by what the label says."""
    known = {one for one in values if one is not None}
    if label == "*":
        return 1.0
    if value is None or not isinstance(value, int) or "[" not in label:
        return 0.0
    low, high = (int(part) for part in label[1:-1].split(", "))
    closed = label.endswith("]")
    under = [
        one for one in known if low <= one and (one <= high if closed else one < high)
    ]
    return (max(under) - min(under)) / max(max(known) - min(known), 1)


def _measured(rows: list[tuple[Any, ...]], plan: Recoding) -> tuple[float, float, Any]:
    table = _table(rows)
    released = plan.apply(table)
    lost = float(len(rows) - released.num_rows)
    columns = {"age": {row[0] for row in rows}, "place": {row[1] for row in rows}}
    for record in released.to_pylist():
        row = rows[record["row"]]
        lost += _loss(record["age"], row[0], columns["age"]) / 2
        lost += _loss(record["place"], row[1], columns["place"]) / 2
    counted = class_sizes(released, QUASI, 100)
    told = measure_ncp(plan.facts, counted, len(rows))
    return lost / len(rows), told, (released, counted)


@settings(max_examples=60)
@given(ROWS, st.sampled_from(["global", "hierarchy", "ranges"]))
def test_ncp_of_the_recount_is_that_of_the_records(
    rows: list[tuple[Any, ...]], kind: str
) -> None:
    if len({row[-1] for row in rows}) < 2:
        return
    table = _table(rows)
    histogram = histogram_of(table, QUASI, 2)
    plan: Recoding = (
        choose_recoding(histogram, LADDERS, 2, 0.5)
        if kind == "global"
        else choose_local(histogram, LADDERS, 2, 0.5, ranges=kind == "ranges")
    )
    assert plan.records == len(rows)
    right, told, (released, counted) = _measured(rows, plan)
    assert told == pytest.approx(right)
    assert told == pytest.approx(plan.ncp)
    shares = level_shares(plan.facts, counted)
    for column in QUASI:
        assert sum(shares[column].values()) == pytest.approx(
            float(released.num_rows > 0), abs=1e-4
        )
        top = released.column(column).to_pylist().count("*") / max(released.num_rows, 1)
        assert shares[column].get("*", 0.0) == pytest.approx(top, abs=1e-6)
    # And after classes were withheld, which the plan did not know of.
    triples = {"illness": value_triples(table, QUASI, "illness")}
    rules = {"illness": Sensitive(l=2)}
    try:
        kept = withhold_classes(plan, histogram, triples, rules, 0.9)
    except GateError:
        return
    right, told, _ = _measured(rows, kept)
    assert told == pytest.approx(right)
    assert kept.ncp == pytest.approx(right)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5)), min_size=1))
def test_class_metrics_are_those_of_the_papers(rows: list[tuple[str, int]]) -> None:
    table = pa.table(
        {
            "x": [label for label, _ in rows],
            SUBJECT: pa.array([who for _, who in rows], pa.uint64()),
        }
    )
    report = report_classes(class_sizes(table, ("x",), 100), ("x",), 3)
    classes = Counter(label for label, _ in rows)
    assert report.c_avg(3) == pytest.approx(len(rows) / (len(classes) * 3))
    # Every record is charged the size of its class, a suppressed one that of the set.
    charged = sum(classes[label] for label, _ in rows) + 7 * (len(rows) + 7)
    assert report.discernibility_with(7) == charged
    assert ClassReport(0, 0, 0, 0, 0, 0.0, 0).c_avg(3) == 0.0


# Ten of one age, in pairs; one alone, who is suppressed or makes all coarser.
PEOPLE = pa.table(
    {
        "age": [20] * 10 + [90],
        "who": range(11),
    }
)


@pytest.mark.parametrize("recoding", ["global", "local"])
def test_summary_of_a_table_holds_all_figures(recoding: str) -> None:
    kept, told = kanonymize(
        PEOPLE,
        subject="who",
        quasi_identifiers=LADDERS[:1],
        k=2,
        suppress_max=0.2,
        recoding=recoding,
    )
    assert kept.column("age").to_pylist() == ["20"] * 10
    assert told.ncp == told.suppressed_share == pytest.approx(1 / 11)
    assert (told.rows, told.published_rows, told.classes.classes) == (11, 10, 1)
    assert told.k_reached == 8  # the recount keeps four times k people a class
    assert told.c_avg == 10 / (1 * 2)
    assert told.discernibility == 10 * 10 + 1 * 11
    assert told.levels == {"age": {"value": 1.0}}
    assert told.risk.prosecutor == told.risk.marketer == told.risk.journalist == 1 / 8
    assert (told.risk.unique_tuples, told.risk.unique_records) == (1 / 2, 1 / 11)
    assert told.risk.unique_classes == 0.0


def test_gate_of_a_table_names_what_was_measured_and_allowed() -> None:
    def give(**gates: Any) -> Any:
        return kanonymize(
            PEOPLE,
            subject="who",
            quasi_identifiers=LADDERS[:1],
            k=2,
            suppress_max=0.2,
            utility=gates,
        )

    kept, summary = give(max_ncp=1 / 11, max_suppressed=1 / 11)
    assert kept.num_rows == 10
    assert summary.ncp == pytest.approx(1 / 11)
    with pytest.raises(GateError, match=r"NCP 0\.0909 is more than max_ncp 0\.09"):
        give(max_ncp=0.09)
    with pytest.raises(GateError, match=r"9\.09% .* more than max_suppressed 9\.00%"):
        give(max_suppressed=0.09)
    with pytest.raises(GateError, match=r"max_ncp .* and .* max_suppressed"):
        give(max_ncp=0.0, max_suppressed=0.0)
    with pytest.raises(OptinError, match="max_ncp must be at most 1"):
        give(max_ncp=2)
