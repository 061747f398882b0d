"""Local recoding on tables: laws by brute force, labels, and the public data set."""

from __future__ import annotations

import pickle
from collections import defaultdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    AnonymityPlan,
    Ladder,
    build_ladder,
    choose_local,
    choose_recoding,
    histogram_of,
    kanonymize,
    merge_histograms,
)

QUASI = ("code", "year", "day")
ADULT = (
    "age",
    "sex",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
    "occupation",
)


def _ladder(name: str, kind: str, **settings_: Any) -> Ladder:
    own = ("weight", "max_level", "action", "width")
    fields: dict[str, Any] = {"action": "keep"}
    fields |= {key: settings_.pop(key) for key in own if key in settings_}
    if settings_:
        fields["hierarchy"] = Hierarchy.model_validate(settings_)
    return build_ladder(Column(name=name, type=kind, quasi=True, **fields))


LADDERS = [
    _ladder("code", "postal_code", prefix=(2, 1)),
    _ladder("year", "birth_year", widths=(5, 10)),
    # Weeks do not nest in months.
    _ladder("day", "date", dates=("week", "month")),
]

rows_of = st.lists(
    st.tuples(
        st.sampled_from(["941", "942", "951", "95", None]),
        st.sampled_from([1980, 1984, 1985, 1999, None]),
        st.sampled_from([20480, 20484, 20485, None]),
        st.integers(2**63 - 9, 2**63 + 9),
    ),
    min_size=1,
    max_size=40,
)


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = [list(column) for column in zip(*rows, strict=True)]
    arrays = [
        pa.array(columns[0], pa.string()),
        pa.array(columns[1], pa.int64()),
        pa.array(columns[2], pa.int32()).cast(pa.date32()),
        pa.array(columns[3], pa.uint64()),
    ]
    return pa.table(arrays, names=[*QUASI, SUBJECT])


@given(
    rows_of,
    st.integers(2, 5),
    st.sampled_from([0.0, 0.2]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_every_published_class_covers_k_people(
    rows: list[tuple[Any, ...]], k: int, share: float, ranges: bool, random: Any
) -> None:
    table = _table(rows)
    histogram = histogram_of(table, QUASI, k)
    if len({row[-1] for row in rows}) < k:
        with pytest.raises(GateError, match=f"fewer than {k} distinct people"):
            choose_local(histogram, LADDERS, k, share, ranges=ranges)
        return
    plan = choose_local(histogram, LADDERS, k, share, ranges=ranges)
    published = plan.apply(table)
    people: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for *labels, subject in zip(*published.to_pydict().values(), strict=True):
        people[tuple(labels)].add(subject)
    assert min(len(subjects) for subjects in people.values()) >= k
    gone = table.num_rows - published.num_rows
    assert gone <= Fraction(str(share)) * table.num_rows
    assert plan.suppressed_share == pytest.approx(gone / table.num_rows)
    # The full sets, and the rows in another order and split, lead to the same bytes.
    full = choose_local(
        histogram_of(table, QUASI, 1000), LADDERS, k, share, ranges=ranges
    )
    shuffled = rows[:]
    random.shuffle(shuffled)
    cut = len(rows) // 2
    parts = [_table(part) for part in (shuffled[:cut], shuffled[cut:]) if part]
    merged = merge_histograms([histogram_of(p, QUASI, k) for p in parts], k)
    split = choose_local(merged, LADDERS, k, share, ranges=ranges)
    for other in (full, split):
        assert other.apply(table).equals(published)
        assert other.ncp == plan.ncp


@given(rows_of, st.booleans())
def test_labels_hold_for_the_record_that_they_stand_on(
    rows: list[tuple[Any, ...]], ranges: bool
) -> None:
    table = _table(rows).append_column("row", pa.array(range(len(rows))))
    if len({row[-1] for row in rows}) < 2:
        return
    plan = choose_local(histogram_of(table, QUASI, 2), LADDERS, 2, 0.5, ranges=ranges)
    published, number = plan.apply(table), plan.classes_of(table)
    # With labels of hierarchies the plan does not even hold the members' own ends.
    assert bool(plan.bounds.num_columns) is ranges
    ends = plan.bounds.to_pylist() or [{}] * plan.labels.num_rows
    bounds = [ends[class_] for class_ in number[number >= 0]]
    before = table.to_pylist()
    for record, bound in zip(published.to_pylist(), bounds, strict=True):
        old = before[record["row"]]
        for ladder in LADDERS:
            name = ladder.column
            allowed = {level[0] for level in ladder.on([old[name]]).labels}
            low, high = bound.get(f"lower:{name}"), bound.get(f"upper:{name}")
            if low is not None:
                assert low <= old[name] <= high
                if ranges:
                    allowed = {ladder.range_label(low, high)}
            assert record[name] in allowed


def _one(values: list[Any], kind: pa.DataType, ladder: Ladder, k: int) -> list[str]:
    table = pa.table({"x": pa.array(values, kind), "who": range(len(values))})
    plan = AnonymityPlan("who", (ladder,), k, 0.0, local=True, ranges=True)
    result, summary = kanonymize(table, plan)
    assert summary.classes.violating_classes == 0
    labels: list[str] = result.column("x").to_pylist()
    return labels


def test_range_labels_of_numbers_dates_and_buckets() -> None:
    years = _ladder("x", "integer", widths=(10,))
    found = _one([19, 21, 21, 88], pa.int64(), years, 2)
    assert found == ["[19, 88]", "21", "21", "[19, 88]"]
    days = _ladder("x", "date", dates=("month",))
    found = _one([date(2026, 1, 30), date(2026, 2, 2)], pa.date32(), days, 2)
    assert found == ["[2026-01-30, 2026-02-02]"] * 2
    bucket = _ladder("x", "integer", action="bucket", width=10)
    assert _one([1980, 1990], pa.int64(), bucket, 2) == ["[1980, 2000)"] * 2
    assert _one([1980, 1980], pa.int64(), bucket, 2) == ["[1980, 1990)"] * 2


def test_a_missing_number_is_never_inside_a_range() -> None:
    years = _ladder("x", "integer", widths=(10,))
    assert _one([1, None, None, 2], pa.int64(), years, 2) == [
        "[1, 2]",
        "null",
        "null",
        "[1, 2]",
    ]
    assert _one([1, None], pa.int64(), years, 2) == ["*", "*"]


def test_max_level_holds_in_both_recodings() -> None:
    table = pa.table(
        {
            "code": ["941", "942", "951", "952", "100"],
            SUBJECT: np.arange(5, dtype="u8"),
        }
    )
    ladders = [_ladder("code", "postal_code", prefix=(2, 1), max_level=1)]
    histogram = histogram_of(table, ("code",), 2)
    expected = ["94*", "94*", "95*", "95*"]
    for plan in (
        choose_local(histogram, ladders, 2, 0.2),
        choose_recoding(histogram, ladders, 2, 0.2),
    ):
        assert plan.apply(table).column("code").to_pylist() == expected
        assert plan.suppressed_share == pytest.approx(0.2)
    for choose in (choose_local, choose_recoding):
        with pytest.raises(GateError, match="max_level"):
            choose(histogram, ladders, 2, 0.1)


def test_a_heavier_column_is_generalised_less() -> None:
    # Four people, two binary columns: one of them has to go to `*`.
    table = pa.table(
        {
            "a": ["0", "0", "1", "1"],
            "b": ["0", "1", "0", "1"],
            SUBJECT: np.arange(4, dtype="u8"),
        }
    )
    histogram = histogram_of(table, ("a", "b"), 2)
    for heavy, light in (("a", "b"), ("b", "a")):
        ladders = [
            _ladder(name, "string", weight=5.0 if name == heavy else 1.0)
            for name in ("a", "b")
        ]
        for plan in (
            choose_local(histogram, ladders, 2, 0.0),
            choose_recoding(histogram, ladders, 2, 0.0),
        ):
            published = plan.apply(table)
            assert published.column(light).to_pylist() == ["*"] * 4
            assert published.column(heavy).equals(table.column(heavy))
            # Told without weights: one of two columns is lost.
            assert plan.ncp == pytest.approx(0.5)


def test_tuples_that_the_plan_does_not_know_are_not_released() -> None:
    known = pa.table(
        {
            "x": ["a", "a", "b", "b"],
            "y": [1, 1, 2, 2],
            SUBJECT: np.arange(4, dtype="u8"),
        }
    )
    ladders = [_ladder("x", "string"), _ladder("y", "integer")]
    plan = choose_local(histogram_of(known, ("x", "y"), 2), ladders, 2, 0.0)
    later = pa.table(
        {
            "x": ["a", "b", "new", None, "b"],
            "y": [1, 1, 1, 2, None],
            SUBJECT: np.arange(5, dtype="u8"),
            "z": range(5),
        }
    )
    recoded = pickle.loads(pickle.dumps(plan)).apply(later)  # noqa: S301 - our own
    assert recoded.to_pydict() == {"x": ["a"], "y": ["1"], SUBJECT: [0], "z": [0]}
    assert plan.apply(later.slice(2)).num_rows == 0
    empty = later.set_column(0, "x", pa.nulls(5))
    assert plan.apply(empty).num_rows == 0


def test_withheld_classes_are_not_released() -> None:
    table = pa.table({"x": ["a", "a", "b", "b"], SUBJECT: np.arange(4, dtype="u8")})
    ladders = [_ladder("x", "string")]
    plan = choose_local(histogram_of(table, ("x",), 2), ladders, 2, 0.0)
    less = plan.without(pa.table({"x": ["b", "none"]})).with_suppressed(0.5, 0.5)
    assert less.apply(table).column("x").to_pylist() == ["a", "a"]
    assert (less.ncp, less.suppressed_share) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("k", "ranges", "effort", "bar"),
    [
        (5, True, 2000, 0.050),
        (10, True, 2000, 0.075),
        (50, True, 2000, 0.150),
        (10, False, 6480, 0.079),
        (10, True, 100, 0.085),
    ],
)
def test_adult_loses_less_than_the_bar(
    shared_data: Path, k: int, ranges: bool, effort: int, bar: float
) -> None:
    folder = shared_data / "adult"
    adult = pacsv.read_csv(
        folder / "adult.csv", parse_options=pacsv.ParseOptions(delimiter=";")
    ).select(ADULT)
    adult = adult.append_column("row", pa.array(range(adult.num_rows)))
    ladders = [
        _ladder(name, "age_years", widths=(5, 10, 20))
        if name == "age"
        else _ladder(name, "string", table=str(folder / f"adult_hierarchy_{name}.csv"))
        for name in ADULT
    ]
    result, summary = kanonymize(
        adult,
        subject="row",
        quasi_identifiers=ladders,
        k=k,
        suppress_max=0.0,
        recoding="local",
        effort=effort,
        labels="ranges" if ranges else "hierarchy",
    )
    assert summary.ncp <= bar
    assert summary.k_reached >= k
    assert result.num_rows == adult.num_rows
