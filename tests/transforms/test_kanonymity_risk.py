"""Risk shares against loops over the rows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import class_sizes, histogram_of
from optin.transforms.kanonymity.counting.risk import report_risk

ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 6)),
    min_size=1,
    max_size=30,
)


def table_of(rows: list[tuple[Any, int]]) -> pa.Table:
    return pa.table(
        {
            "place": pa.array([place for place, _ in rows], pa.string()),
            SUBJECT: pa.array([subject for _, subject in rows], pa.uint64()),
        }
    )


def people_by_place(rows: list[tuple[Any, int]]) -> dict[Any, set[int]]:
    people: dict[Any, set[int]] = defaultdict(set)
    for place, subject in rows:
        people[place].add(subject)
    return people


@given(ROWS)
def test_shares_are_those_of_people(rows: Any) -> None:
    table = table_of(rows)
    histogram = histogram_of(table, ("place",), 2)
    report = report_risk(histogram, class_sizes(table, ("place",), 100))
    people = people_by_place(rows)
    sizes = [len(held) for held in people.values()]
    alone = {place for place, held in people.items() if len(held) == 1}
    assert report.prosecutor == pytest.approx(1 / min(sizes))
    assert report.journalist == report.prosecutor
    assert report.marketer == pytest.approx(len(sizes) / sum(sizes))
    assert report.unique_tuples == pytest.approx(len(alone) / len(sizes))
    hit = sum(place in alone for place, _ in rows)
    assert report.unique_records == pytest.approx(hit / len(rows))
    assert report.unique_classes == report.unique_tuples


@given(ROWS, ROWS)
def test_register_that_holds_the_set_never_raises_the_risk(
    rows: Any, others: Any
) -> None:
    register = [*rows, *((place, 100 + subject) for place, subject in others)]
    table = table_of(rows)
    report = report_risk(
        histogram_of(table, ("place",), 2),
        class_sizes(table, ("place",), 100),
        class_sizes(table_of(register), ("place",), 100),
    )
    everybody = people_by_place(register)
    smallest = min(len(everybody[place]) for place in {p for p, _ in rows})
    assert report.journalist == pytest.approx(1 / smallest)
    assert report.journalist <= report.prosecutor


def test_empty_set_has_no_risk() -> None:
    table = table_of([("a", 1)])
    report = report_risk(histogram_of(table, ("place",), 2), None)
    assert (report.prosecutor, report.marketer) == (0, 0)
    assert report.unique_tuples == 1
