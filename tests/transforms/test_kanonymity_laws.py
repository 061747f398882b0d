"""Laws of k-anonymity of people, against brute force in plain Python and DuckDB."""

from __future__ import annotations

import itertools
from collections import defaultdict
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    build_ladder,
    choose_recoding,
    class_sizes,
    histogram_of,
    merge_histograms,
    report_classes,
)
from optin.transforms.kanonymity.counting.histogram import ROWS
from optin.transforms.kanonymity.counting.measure import merge_class_sizes

QUASI = ("code", "year", "day")
TYPES = {"code": pa.string(), "year": pa.int64(), "day": pa.date32()}
LADDERS = [
    build_ladder(
        Column(
            name="code",
            type="postal_code",
            action="keep",
            hierarchy=Hierarchy(prefix=(2, 1)),
        )
    ),
    build_ladder(
        Column(
            name="year",
            type="birth_year",
            action="keep",
            hierarchy=Hierarchy(widths=(5, 10)),
        )
    ),
    # Weeks do not nest in months: the search must not assume that levels nest.
    build_ladder(
        Column(
            name="day",
            type="date",
            action="keep",
            hierarchy=Hierarchy(dates=("week", "month")),
        )
    ),
]

rows_of = st.lists(
    st.tuples(
        st.sampled_from(["941", "942", "951", "95", None]),
        st.sampled_from([1980, 1984, 1985, 1999, None]),
        # 20,480 is 2026-01-27; the 31st and 1 February share an ISO week.
        st.sampled_from([20480, 20484, 20485, None]),
        st.integers(2**63 - 6, 2**63 + 6),  # on both sides of int64's sign bit
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


def _people(rows: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], set[int]]:
    people: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for *key, subject in rows:
        people[tuple(key)].add(subject)
    return people


def _as_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    names = [*QUASI, SUBJECT]
    return list(zip(*(table.column(n).to_pylist() for n in names), strict=True))


@given(rows_of, st.integers(1, 5))
def test_histogram_holds_the_smallest_hashes_and_all_rows(
    rows: list[tuple[Any, ...]], k: int
) -> None:
    histogram = histogram_of(_table(rows), QUASI, k)
    days = [*map(tuple, _as_rows(_table(rows)))]
    expected = {key: sorted(people)[:k] for key, people in _people(days).items()}
    found: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    counted: dict[tuple[Any, ...], int] = defaultdict(int)
    for row, count in zip(
        _as_rows(histogram), histogram.column(ROWS).to_pylist(), strict=True
    ):
        found[row[:-1]].append(row[-1])
        counted[row[:-1]] += count
    assert found == expected
    totals: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in days:
        totals[row[:-1]] += 1
    assert counted == totals


@given(rows_of, st.integers(1, 4), st.randoms(use_true_random=False), st.data())
def test_merging_is_the_same_in_any_order_and_split(
    rows: list[tuple[Any, ...]], k: int, random: Any, data: st.DataObject
) -> None:
    whole = histogram_of(_table(rows), QUASI, k)
    recount = class_sizes(_table(rows), QUASI, k)
    shuffled = rows[:]
    random.shuffle(shuffled)
    cut = data.draw(st.integers(0, len(rows)))
    parts = [part for part in (shuffled[:cut], shuffled[cut:]) if part]
    merged = merge_histograms([histogram_of(_table(p), QUASI, k) for p in parts], k)
    assert merged.equals(whole)
    assert merge_histograms([merged], k).equals(whole)
    again = merge_class_sizes([class_sizes(_table(p), QUASI, k) for p in parts], k)
    assert again.equals(recount)


@given(rows_of, st.integers(2, 4), st.sampled_from([0.0, 0.05, 0.2, 0.5]))
def test_every_published_class_covers_k_people(
    rows: list[tuple[Any, ...]], k: int, suppress_max: float
) -> None:
    table = _table(rows)
    people = {row[-1] for row in rows}
    histogram = histogram_of(table, QUASI, k)
    if len(people) < k:
        with pytest.raises(GateError, match=f"fewer than {k} distinct people"):
            choose_recoding(histogram, LADDERS, k, suppress_max)
        return
    recoding = choose_recoding(histogram, LADDERS, k, suppress_max)
    published = recoding.apply(table)
    for subjects in _people(_as_rows(published)).values():
        assert len(subjects) >= k
    suppressed = table.num_rows - published.num_rows
    assert suppressed <= Fraction(str(suppress_max)) * table.num_rows
    assert recoding.suppressed_share == pytest.approx(suppressed / table.num_rows)
    # The full sets, uncapped, lead to the same plan.
    full = choose_recoding(histogram_of(table, QUASI, 1000), LADDERS, k, suppress_max)
    assert full.levels == recoding.levels
    assert full.released.equals(recoding.released)


def _brute_force(rows: list[tuple[Any, ...]], k: int, allowed: int) -> float:
    """Least loss of all nodes, straight from the definition."""
    named: list[tuple[list[Any], Any]] = []
    for position, ladder in enumerate(LADDERS):
        values = list(dict.fromkeys(row[position] for row in rows))
        named.append((values, ladder.on(values)))
    best = 2.0
    for levels in itertools.product(*(range(len(r.labels)) for _, r in named)):
        classes: dict[tuple[str, ...], list[tuple[int, float]]] = defaultdict(list)
        for row in rows:
            at = [values.index(row[c]) for c, (values, _) in enumerate(named)]
            label = tuple(
                rungs.labels[level][i]
                for i, level, (_, rungs) in zip(at, levels, named, strict=True)
            )
            loss = sum(
                float(rungs.losses[level][i])
                for i, level, (_, rungs) in zip(at, levels, named, strict=True)
            )
            classes[label].append((row[-1], loss / len(named)))
        short = [c for c in classes.values() if len({s for s, _ in c}) < k]
        kept = [c for c in classes.values() if len({s for s, _ in c}) >= k]
        suppressed = sum(map(len, short))
        if suppressed <= allowed:
            lost = sum(loss for c in kept for _, loss in c) + suppressed
            best = min(best, lost / len(rows))
    return best


@settings(max_examples=40)
@given(rows_of, st.integers(2, 3), st.sampled_from([0, 10, 30]))
def test_the_chosen_node_is_the_best_of_all(
    rows: list[tuple[Any, ...]], k: int, percent: int
) -> None:
    if len({row[-1] for row in rows}) < k:
        return
    table = _table(rows)
    chosen = choose_recoding(histogram_of(table, QUASI, k), LADDERS, k, percent / 100)
    allowed = percent * len(rows) // 100
    assert chosen.ncp == pytest.approx(_brute_force(_as_rows(table), k, allowed))


def test_recount_agrees_with_duckdb_on_random_classes() -> None:
    rng = np.random.default_rng(7)
    size = 20_000
    staged = pa.table(
        {
            "a": rng.choice(["x", "y", "*"], size),
            "b": rng.choice([f"[{n}, {n + 5})" for n in range(0, 100, 5)], size),
            SUBJECT: rng.integers(0, 700, size, dtype=np.uint64),
        }
    )
    blocks = [staged.slice(start, 3000) for start in range(0, size, 3000)]
    counted = merge_class_sizes(
        [class_sizes(b, ("a", "b"), 1000) for b in blocks], 1000
    )
    report = report_classes(counted, ("a", "b"), 250)
    classes = (
        duckdb.connect()
        .execute(
            f'select count(distinct "{SUBJECT}") people, count(*) n from staged group by a, b'
        )
        .fetchall()
    )
    assert report.classes == len(classes) == 60
    assert report.rows == size
    assert report.k_reached == min(people for people, _ in classes)
    assert report.violating_classes == sum(people < 250 for people, _ in classes)
    assert report.violating_rows == sum(n for people, n in classes if people < 250)
    assert report.discernibility == sum(n * n for _, n in classes)
