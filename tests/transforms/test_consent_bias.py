"""Consent bias: counts against a plain oracle, laws of merging, no small count shown."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.transforms.blocks.names import RAW_PREFIX
from optin.transforms.consent.bias import (
    BIAS_DAY,
    BiasCounts,
    BiasFn,
    bias_counts,
    bias_report,
)

DAY = 86_400_000_000

# One record: system, country, day, whether decided, whether kept (of the decided).
Row = tuple[str | None, str | None, int | None, bool, bool]
ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, "iOS", "Android", " ", "3", "3.0"]),
        st.sampled_from([None, "DE", "FR", "IT", "ES", "NL", "PL"]),
        st.one_of(st.none(), st.integers(-3, 3)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=60,
)


def counts_of(rows: list[Row], max_values: int = 10_000) -> BiasCounts:
    block = pa.RecordBatch.from_pydict(
        {
            RAW_PREFIX + "os": pa.array([r[0] for r in rows], pa.string()),
            RAW_PREFIX + "country": pa.array([r[1] for r in rows], pa.string()),
        }
    )
    decided = np.array([r[3] for r in rows], dtype=np.bool_)
    return bias_counts(
        block,
        decided & np.array([r[4] for r in rows], dtype=np.bool_),
        decided,
        # The last microsecond of the day: a day later would be another one.
        np.array([((r[2] or 0) + 1) * DAY - 1 for r in rows], dtype=np.int64),
        np.array([r[2] is not None for r in rows], dtype=np.bool_),
        ("os", "country"),
        max_values=max_values,
    )


def oracle(rows: list[Row]) -> BiasCounts:
    """The counts, one record at a time."""
    seen: Counter[tuple[str, str | None]] = Counter()
    kept: Counter[tuple[str, str | None]] = Counter()
    for system, country, day, was_decided, was_kept in rows:
        if not was_decided:
            continue
        spelled = {" ": None, "3.0": "3"}.get(system or " ", system)
        date = (
            None
            if day is None
            else datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")
        )
        for key in (("os", spelled), ("country", country), (BIAS_DAY, date)):
            seen[key] += 1
            kept[key] += was_kept
    found: BiasCounts = {"os": {}, "country": {}, BIAS_DAY: {}}
    for (name, value), number in seen.items():
        found[name][value] = (number, kept[name, value])
    return found


def combined(fn: BiasFn, parts: list[BiasCounts]) -> BiasCounts:
    return fn.extract_output(
        fn.merge_accumulators([fn.add_input(fn.create_accumulator(), p) for p in parts])
    )


@given(ROWS)
def test_bias_counts_equals_oracle(rows: list[Row]) -> None:
    assert counts_of(rows) == oracle(rows)


def test_bias_counts_when_a_kept_record_was_not_decided() -> None:
    block = pa.RecordBatch.from_pydict({RAW_PREFIX + "os": ["iOS"]})
    yes, no = np.array([True]), np.array([False])
    with pytest.raises(ValueError, match="kept but not decided"):
        bias_counts(block, yes, no, np.zeros(1, np.int64), yes, ("os",))


@given(ROWS, st.data())
def test_bias_fn_when_blocks_come_in_any_order_and_split(
    rows: list[Row], data: st.DataObject
) -> None:
    whole = BiasFn().extract_output(counts_of(rows))
    cut = data.draw(st.integers(0, len(rows)))
    parts = data.draw(
        st.permutations([counts_of(rows[:cut]), counts_of(rows[cut:]), counts_of([])])
    )
    merged = combined(BiasFn(), parts)
    assert merged == whole
    assert json.dumps(bias_report(merged, 3)) == json.dumps(bias_report(whole, 3))


@given(
    st.lists(
        st.dictionaries(
            st.text("abcdefgh", max_size=2).map(lambda v: v or None),
            st.integers(1, 9).flatmap(
                lambda n: st.tuples(st.just(n), st.integers(0, n))
            ),
            max_size=12,
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_bias_fn_when_values_exceed_the_bound(
    parts: list[dict[str | None, tuple[int, int]]], rng: Any
) -> None:
    """The same values stay, each with its exact count, and nothing is lost."""
    exact: Counter[str | None] = Counter()
    for part in parts:
        exact.update({value: pair[0] for value, pair in part.items()})
    first = combined(BiasFn(4), [{"c": dict(part)} for part in parts])
    rng.shuffle(parts)
    # Another bundling: every other part joins the same accumulator.
    fn = BiasFn(4)
    left, right = fn.create_accumulator(), fn.create_accumulator()
    for number, part in enumerate(parts):
        fn.add_input(left if number % 2 else right, {"c": dict(part)})
        assert all(len(a.get("c", {})) <= 10 for a in (left, right))  # 2 * 4 + 2
    again = fn.extract_output(fn.merge_accumulators([left, right]))
    assert first == again
    groups = first.get("c", {})
    assert sum(pair[0] for pair in groups.values()) == exact.total()
    named = groups.keys() - {"(other)", None}
    assert len(named) == min(4, len(exact.keys() - {None}))
    assert all(groups[value][0] == exact[value] for value in named)


def test_bias_counts_when_a_column_has_more_values_than_the_bound() -> None:
    rows: list[Row] = [(None, f"c{n}", 0, True, n % 2 == 0) for n in range(30)]
    parts = [counts_of(rows[:17], 5), counts_of(rows[17:], 5)]
    counts = combined(BiasFn(5), parts)
    assert counts == combined(BiasFn(5), [counts_of(rows[::-1], 5)])
    assert len(counts["country"]) == 6
    assert counts["country"]["(other)"][0] == 25
    countries = bias_report(counts, 1)["groupings"][0]
    assert countries["by"] == "country"
    assert countries["all_values"] is False


def test_bias_fn_runs_in_a_pipeline() -> None:
    rows: list[Row] = [("iOS", "DE", 1, True, n < 3) for n in range(8)]
    with TestPipeline() as pipeline:
        result = (
            pipeline
            | beam.Create([counts_of(rows[:5]), counts_of(rows[5:])])
            | beam.CombineGlobally(BiasFn())
        )
        assert_that(result, equal_to([BiasFn().extract_output(counts_of(rows))]))


def report_of(
    groups: dict[str | None, tuple[int, int]], floor: int = 10
) -> dict[str, Any]:
    grouping: dict[str, Any] = bias_report({"os": groups}, floor)["groupings"][0]
    return grouping


def test_bias_report_shows_groups_and_shares() -> None:
    groups = report_of({"iOS": (100, 20), "Android": (200, 160), None: (100, 20)})
    assert [tuple(row.values()) for row in groups["groups"]] == [
        ("Android", 200, 160, 0.8, 0.5, 0.8),
        ("(missing)", 100, 20, 0.2, 0.25, 0.1),
        ("iOS", 100, 20, 0.2, 0.25, 0.1),
    ]
    # (0.8 - 0.5) ln(1.6) + 2 (0.1 - 0.25) ln(0.4) = 0.1410 + 0.2749
    assert groups["psi"] == pytest.approx(0.415888, abs=1e-6)
    assert groups["reading"] == "major"
    assert groups["all_values"] is True


@pytest.mark.parametrize(
    ("groups", "shown"),
    [
        # No group is small: all are shown, even where all or none were kept.
        ({"a": (90, 50), "b": (50, 0), "c": (40, 40)}, {"a", "b", "c"}),
        # Two small groups hide each other; together they have 12 kept, 10 dropped.
        ({"a": (90, 50), "b": (13, 6), "c": (9, 6)}, {"a"}),
        # One alone would be total minus the others: the smallest other one joins.
        ({"a": (90, 50), "b": (60, 30), "c": (9, 0)}, {"a"}),
        # 3 kept of 90 is a small count too, and so is 3 dropped.
        ({"a": (90, 50), "b": (90, 3), "c": (80, 40), "d": (70, 30)}, {"a", "c"}),
        ({"a": (90, 50), "b": (90, 87), "c": (80, 40), "d": (70, 30)}, {"a", "c"}),
        # Two small groups that stay small together need a third.
        ({"a": (90, 50), "b": (70, 30), "c": (2, 1), "d": (2, 1)}, {"a"}),
        # A value spelt like the pool is pooled: the two could not be told apart.
        ({"a": (90, 50), "b": (70, 30), "(fewer than 10)": (60, 30)}, {"a"}),
    ],
)
def test_bias_report_pools_what_would_show_a_small_count(
    groups: dict[str | None, tuple[int, int]], shown: set[str]
) -> None:
    rows = {row["value"]: row for row in report_of(groups)["groups"]}
    assert rows.keys() - {"(fewer than 10)"} == shown
    assert ("(fewer than 10)" in rows) == (len(shown) < len(groups))
    assert sum(row["decided"] for row in rows.values()) == sum(
        pair[0] for pair in groups.values()
    )


def test_bias_report_when_the_totals_are_small() -> None:
    report = bias_report({"os": {"iOS": (400, 398), "Android": (300, 299)}}, 10)
    # 3 of 700 were dropped: neither that nor how many were kept is shown.
    assert [report[name] for name in ("decided", "kept", "share_kept")] == [None] * 3
    (grouping,) = report["groupings"]
    assert grouping["psi"] is grouping["reading"] is None
    assert grouping["groups"] == [
        {
            "value": "(fewer than 10)",
            "decided": None,
            "kept": None,
            "share_kept": None,
            "share_before": None,
            "share_after": None,
        }
    ]


def test_bias_report_when_nobody_was_kept_or_nothing_decided() -> None:
    grouping = report_of({"iOS": (100, 0), "Android": (50, 0)})
    assert grouping["psi"] is None
    assert [row["share_after"] for row in grouping["groups"]] == [None, None]
    empty = bias_report(counts_of([]), 10)
    assert empty["decided"] == 0
    assert [g["groups"] for g in empty["groupings"]] == [[], [], []]
    assert bias_report({}, 10)["groupings"] == []


def test_bias_report_when_a_group_disappears() -> None:
    # Half a record stands for none: after = 0.5 / 100.
    expected = (1 - 0.5) * math.log(2) + (0.005 - 0.5) * math.log(0.01)
    grouping = report_of({"iOS": (100, 0), "Android": (100, 100)})
    assert grouping["psi"] == pytest.approx(expected, abs=1e-6)


def test_bias_report_orders_days_by_date_and_names_them_last() -> None:
    rows: list[Row] = [("iOS", "DE", n % 3, True, n % 2 == 0) for n in range(60)]
    report = bias_report(counts_of(rows), 2)
    assert [g["by"] for g in report["groupings"]] == ["country", "os", "day (UTC)"]
    days = report["groupings"][2]
    assert days["kind"] == "day"
    assert [row["value"] for row in days["groups"]] == [
        "1970-01-01",
        "1970-01-02",
        "1970-01-03",
    ]


@pytest.mark.parametrize(
    ("counts", "floor", "problem"),
    [
        ({"os": {"iOS": (1, 1)}}, 0, "min_records is 0"),
        ({"os": {"iOS": (2, 1)}, "country": {"DE": (3, 1)}}, 5, "do not add up"),
    ],
)
def test_bias_report_refuses(counts: BiasCounts, floor: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        bias_report(counts, floor)


PAIRS = st.integers(0, 200).flatmap(
    lambda n: st.tuples(st.just(n + 1), st.integers(0, n + 1))
)
GROUPS = st.dictionaries(
    st.one_of(st.none(), st.text("abcde", min_size=1, max_size=2)), PAIRS, max_size=9
)


@settings(max_examples=300)
@given(GROUPS, st.integers(1, 30))
def test_bias_report_never_shows_a_small_count(
    groups: dict[str | None, tuple[int, int]], floor: int
) -> None:
    report = bias_report({"os": groups}, floor)
    rows = report["groupings"][0]["groups"]
    small = range(1, floor)
    for row in rows:
        if row["decided"] is None:
            assert rows == [row]  # then nothing at all is shown
            assert report["decided"] is None
            continue
        dropped = row["decided"] - row["kept"]
        assert not {row["decided"], row["kept"], dropped} & set(small)
    # What is shown adds up, and a pool never stands for one of several groups alone.
    if report["decided"] is not None:
        for name in ("decided", "kept"):
            assert sum(row[name] for row in rows) == report[name]
    named = {row["value"] for row in rows if not row["value"].startswith("(fewer")}
    hidden = len(groups) - len(named)
    assert hidden != 1 or len(groups) == 1
    assert json.loads(json.dumps(report)) == report


@given(
    st.dictionaries(st.text("abcd", max_size=2), st.integers(1, 50), min_size=1),
    st.integers(1, 9),
    st.integers(0, 9),
)
def test_psi_is_zero_when_every_group_keeps_the_same_share(
    sizes: dict[str, int], kept: int, dropped: int
) -> None:
    groups: dict[str | None, tuple[int, int]] = {
        value: (n * (kept + dropped), n * kept) for value, n in sizes.items()
    }
    assert report_of(groups, 1)["psi"] == 0


@given(GROUPS)
def test_psi_is_positive_and_lower_when_groups_are_pooled(
    groups: dict[str | None, tuple[int, int]],
) -> None:
    full = {value: (n + 1, kept + 1) for value, (n, kept) in groups.items()}
    fine, coarse = report_of(full, 1)["psi"], report_of(full, 20)["psi"]
    if fine is not None:
        assert fine >= 0
        # Rounded to six digits each.
        assert coarse is None or coarse <= fine + 2e-6
        total = [sum(pair[i] for pair in full.values()) for i in (0, 1)]
        assert fine == pytest.approx(
            sum(
                (k / total[1] - n / total[0])
                * math.log((k / total[1]) / (n / total[0]))
                for n, k in full.values()
            ),
            abs=1e-6,
        )
