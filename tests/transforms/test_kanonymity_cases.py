"""Single cases of k-anonymity: ladders, edges of the data, the public data set."""

from __future__ import annotations

import math
import pickle
from datetime import date
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from apache_beam.testing.util import assert_that, equal_to

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    CollectHistogram,
    CountClasses,
    Ladder,
    build_ladder,
    choose_recoding,
    class_sizes,
    histogram_of,
    kanonymize,
    merge_histograms,
    report_classes,
)
from optin.transforms.kanonymity.counting.codes import combine


def _ladder(name: str, kind: str, **levels: object) -> Ladder:
    hierarchy = Hierarchy.model_validate(levels) if levels else None
    return build_ladder(
        Column(name=name, type=kind, action="keep", quasi=True, hierarchy=hierarchy)
    )


def test_interval_labels_when_a_value_lies_on_an_edge() -> None:
    rungs = _ladder("x", "number", widths=(0.1, 0.2)).on([0.6, 0.3, None])
    # 0.6 / 0.2 is 2.9999999999999996 and 3 * 0.1 is 0.30000000000000004 in binary.
    assert rungs.labels[1] == ("[0.6, 0.7)", "[0.3, 0.4)", "null")
    assert rungs.labels[2] == ("[0.6, 0.8)", "[0.2, 0.4)", "null")
    assert rungs.labels[3] == ("*", "*", "*")
    assert rungs.labels[0] == ("0.6", "0.3", "null")


def test_bucket_labels_when_no_hierarchy_is_given() -> None:
    column = Column(name="y", type="birth_year", action="bucket", width=10, quasi=True)
    rungs = build_ladder(column).on([1980, 1990])  # lower edges, as buckets arrive
    assert [labels[0] for labels in rungs.labels] == [
        "[1980, 1990)",
        "[1980, 2000)",
        "[1960, 2000)",
        "[1920, 2000)",
        "*",
    ]


def test_calendar_labels_when_the_iso_year_differs() -> None:
    ladder = _ladder("d", "date", dates=("week", "month", "quarter", "year"))
    # 1 January 2027 is a Friday: it belongs to week 53 of 2026.
    labels = [level[0] for level in ladder.on([date(2027, 1, 1)]).labels]
    assert labels == ["2027-01-01", "2026-W53", "2027-01", "2027-Q1", "2027", "*"]


def test_losses_follow_iyengar_when_categories_share_a_prefix() -> None:
    rungs = _ladder("z", "postal_code", prefix=(2,)).on(["941", "942", "951", "100"])
    # 94* stands for 2 of 4 values: (2 - 1) / (4 - 1); 95* and 10* for one each.
    assert rungs.losses[1] == pytest.approx([1 / 3, 1 / 3, 0, 0])
    assert rungs.losses[0] == pytest.approx([0, 0, 0, 0])
    assert rungs.losses[2] == pytest.approx([1, 1, 1, 1])


def test_table_ladder_when_the_column_holds_numbers(tmp_path: Path) -> None:
    table = tmp_path / "age.csv"
    table.write_text("18;young;*\n19;young;*\n70;old;*\n")
    rungs = _ladder("age", "age_years", table=str(table)).on([18, 70, 44, None])
    assert rungs.labels[0] == ("18", "70", "*", "null")  # 44 is no leaf
    assert rungs.labels[1] == ("young", "old", "*", "null")
    assert rungs.losses[0] == pytest.approx([0, 0, 1, 0])
    assert rungs.losses[1] == pytest.approx([1 / 2, 0, 1, 0])


def test_prefix_ladder_when_the_column_holds_numbers() -> None:
    rungs = _ladder("n", "integer", prefix=(1,)).on([94110])
    assert rungs.labels[1] == ("9****",)


def test_table_of_all_kinds_when_values_are_not_finite() -> None:
    rows = 12
    values = [math.nan, math.inf, -0.0, 0.0] * (rows // 4)
    table = pa.table({"x": values, "who": list(range(rows))})
    ladders = [_ladder("x", "number", widths=(10,))]
    result, summary = kanonymize(
        table, subject="who", quasi_identifiers=ladders, k=6, suppress_max=0.0
    )
    # NaN and infinity are missing values; -0.0 and 0.0 are one: two classes of six.
    assert result.num_rows == rows
    assert sorted(set(result.column("x").to_pylist())) == ["0", "null"]
    assert (summary.classes.classes, summary.k_reached, summary.ncp) == (2, 6, 0.0)


def test_an_all_null_column_of_a_part_is_one_value() -> None:
    # Of a whole set it is refused (`AnonymityPlan.choose`); a bucket may well have one.
    table = pa.table(
        {"x": pa.array([None] * 5, pa.int64()), SUBJECT: np.arange(5, dtype="u8")}
    )
    ladders = [_ladder("x", "integer", widths=(2,))]
    plan = choose_recoding(histogram_of(table, ("x",), 5), ladders, 5, 0.0)
    assert plan.apply(table).column("x").to_pylist() == ["null"] * 5


def test_one_talkative_subject_is_refused_however_many_rows() -> None:
    table = pa.table({"x": ["a"] * 1000, "who": ["only"] * 1000})
    with pytest.raises(GateError, match="fewer than 2 distinct people remain"):
        kanonymize(table, subject="who", quasi_identifiers=["x"], k=2)


def test_suppression_when_the_allowed_share_is_exactly_met() -> None:
    # 29 of 100 rows: 0.29 * 100 is 28.999999999999996 in binary.
    table = pa.table({"x": ["a"] * 71 + ["b"] * 29, "who": list(range(100))})
    kept, summary = kanonymize(
        table, subject="who", quasi_identifiers=["x"], k=30, suppress_max=0.29
    )
    assert (kept.num_rows, summary.suppressed_share) == (71, 0.29)
    kept, summary = kanonymize(
        table, subject="who", quasi_identifiers=["x"], k=30, suppress_max=0.28
    )
    assert (kept.num_rows, summary.levels) == (100, {"x": {"*": 1.0}})


def test_rows_that_the_plan_does_not_know_are_not_released() -> None:
    known = pa.table({"x": ["a", "a", "b", "b"], SUBJECT: np.arange(4, dtype="u8")})
    plan = choose_recoding(
        histogram_of(known, ("x",), 2), [_ladder("x", "string")], 2, 0.0
    )
    later = pa.table(
        {"x": ["a", "new", None], SUBJECT: np.arange(3, dtype="u8"), "y": [1, 2, 3]}
    )
    recoded = pickle.loads(pickle.dumps(plan)).apply(later)  # noqa: S301 - our own
    assert recoded.to_pydict() == {"x": ["a"], SUBJECT: [0], "y": [1]}


def test_a_row_without_subject_stops_plan_and_recount() -> None:
    table = pa.table({"x": ["a"], SUBJECT: pa.array([None], pa.uint64())})
    with pytest.raises(GateError, match="no data subject"):
        histogram_of(table, ("x",), 2)
    with pytest.raises(GateError, match="no data subject"):
        class_sizes(table, ("x",), 2)


def test_a_recount_of_other_columns_is_refused() -> None:
    table = pa.table({"x": ["a"], "y": ["b"], SUBJECT: pa.array([1], pa.uint64())})
    with pytest.raises(GateError, match="other columns"):
        report_classes(class_sizes(table, ("x",), 2), ("x", "y"), 2)


def test_keys_sort_as_tuples_when_sizes_exceed_int64() -> None:
    codes = [np.array([5, 1, 5, 1]), np.array([0, 3, 0, 2]), np.array([7, 7, 6, 7])]
    key, _ = combine(codes, [2**31] * 3, 4)  # 2 ** 93 tuples in all
    tuples = [tuple(int(c[i]) for c in codes) for i in range(4)]
    assert list(np.argsort(key)) == sorted(range(4), key=tuples.__getitem__)


def test_transforms_give_what_the_functions_give() -> None:
    blocks = [
        pa.record_batch({"x": ["a", "b"], SUBJECT: np.array([i, 9], dtype="u8")})
        for i in range(5)
    ]
    one = pa.Table.from_batches(blocks)
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        given = pipeline | beam.Create(blocks)
        histogram = given | CollectHistogram(("x",), 3) | beam.Map(pa.Table.to_pylist)
        classes = given | CountClasses(("x",), 3) | "L" >> beam.Map(pa.Table.to_pylist)
        expected = histogram_of(one, ("x",), 3).to_pylist()
        assert_that(histogram, equal_to([expected]))
        counted = class_sizes(one, ("x",), 12).to_pylist()
        assert_that(classes, equal_to([counted]), label="classes")


def test_empty_tables_add_nothing_when_merged() -> None:
    table = pa.table({"x": ["a"], SUBJECT: pa.array([1], pa.uint64())})
    histogram = histogram_of(table, ("x",), 2)
    empty = histogram_of(table.slice(0, 0), ("x",), 2)
    assert merge_histograms([empty, histogram], 2).equals(histogram)
    assert merge_histograms([empty], 2).num_rows == 0


ADULT = (
    "age", "sex", "race", "marital-status",
    "education", "native-country", "workclass", "occupation",
)  # fmt: skip


def test_adult_is_recoded_at_the_known_optimum(shared_data: Path) -> None:
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
        adult, subject="row", quasi_identifiers=ladders, k=10, suppress_max=0.05
    )
    # Pinned as measured. The reference figure for the full-domain optimum is 0.344; it
    # was computed with other age levels and ranges, so only "no worse" is comparable.
    assert summary.ncp == pytest.approx(0.337311, abs=1e-6)
    assert summary.suppressed_share <= 0.05
    assert (summary.classes.violating_classes, summary.k_reached >= 10) == (0, True)
    assert result.num_rows == summary.published_rows
