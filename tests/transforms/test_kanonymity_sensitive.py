"""The recount of sensitive attributes, against loops over the rows."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.diversity import Sensitive
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import CountValues, report_sensitive
from optin.transforms.kanonymity.sensitive.recount import value_people, value_triples

ROW = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.sampled_from(["x", "*"]),
    st.sampled_from(["flu", "cold", "ok", None]),
    st.integers(0, 5),
)
ROWS = st.lists(ROW, min_size=1, max_size=40)
QUASI = ("place", "age")


def rows_table(rows: list[tuple[Any, Any, Any, int]]) -> pa.Table:
    place, age, value, subject = zip(*rows, strict=True)
    return pa.table(
        {
            "place": pa.array(place, pa.string()),
            "age": pa.array(age, pa.string()),
            "illness": pa.array(value, pa.string()),
            SUBJECT: pa.array(subject, pa.uint64()),
        }
    )


def people_of(rows: list[tuple[Any, Any, Any, int]]) -> dict[Any, dict[Any, set[int]]]:
    held: dict[Any, dict[Any, set[int]]] = defaultdict(lambda: defaultdict(set))
    for place, age, value, subject in rows:
        held[place, age][value].add(subject)
    return held


def counted(rows: list[tuple[Any, Any, Any, int]]) -> pa.Table:
    return value_people(value_triples(rows_table(rows), QUASI, "illness"))


@given(ROWS)
def test_people_are_counted_once_a_value_and_once_a_class(rows: Any) -> None:
    found = {
        (r["place"], r["age"], r["optin:value"]): (
            r["optin:people"],
            r["optin:population"],
        )
        for r in counted(rows).to_pylist()
    }
    expected = {
        (*group, value): (len(people), len(set().union(*values.values())))
        for group, values in people_of(rows).items()
        for value, people in values.items()
    }
    assert found == expected


@given(ROWS)
def test_distinct_diversity_is_that_of_the_poorest_class(rows: Any) -> None:
    report = report_sensitive(counted(rows), "illness", Sensitive(l=2))
    lowest = [len(values.keys() - {None}) for values in people_of(rows).values()]
    assert report.reached == {"l_reached": min(lowest)}
    assert report.violating_classes == sum(n < 2 for n in lowest)


@given(ROWS)
def test_alpha_is_a_share_of_people(rows: Any) -> None:
    report = report_sensitive(counted(rows), "illness", Sensitive(alpha=0.5))
    shares = [
        max((len(p) for v, p in values.items() if v is not None), default=0)
        / len(set().union(*values.values()))
        for values in people_of(rows).values()
    ]
    assert report.reached["alpha_reached"] == pytest.approx(max(shares), abs=1e-6)
    assert report.violating_classes == sum(share > 0.5 for share in shares)


def test_talkative_person_is_one_of_the_class() -> None:
    # 8 rows say "flu", but one person says it; by rows alpha would be 0.8.
    rows = [("a", "x", "flu", 1)] * 8 + [("a", "x", "cold", 2), ("a", "x", "ok", 3)]
    report = report_sensitive(counted(rows), "illness", Sensitive(alpha=0.4, l=3))
    assert report.violating_classes == 0
    assert report.reached == {"l_reached": 3, "alpha_reached": 0.333334}


def test_order_decides_how_far_values_are_apart() -> None:
    # Everybody of class a has the lowest value, of class b the highest: each is half
    # the scale away from all.
    rows = [("a", "x", "ok", n) for n in range(3)]
    rows += [("b", "x", "flu", n) for n in range(3)]
    rule = Sensitive(t=0.6, distance="ordered", order=("ok", "cold", "flu"))
    report = report_sensitive(counted(rows), "illness", rule)
    assert report.reached == {"t_reached": 0.5}
    assert report.violating_classes == 0


def test_hierarchy_decides_how_far_values_are_apart(tmp_path: Path) -> None:
    table = tmp_path / "illness.csv"
    table.write_text("flu;lung;*\ncold;lung;*\nok;none;*\n")
    rows = [("a", "x", "flu", n) for n in range(2)]
    rows += [("b", "x", "cold", n) for n in range(2)]
    rule = Sensitive(t=0.3, distance="hierarchical", table=str(table))
    # Half of each class moves to a sister value, one of two levels up: 0.5 * 1/2.
    assert report_sensitive(counted(rows), "illness", rule).reached == {
        "t_reached": 0.25
    }


def test_unknown_value_stops_the_recount_without_being_shown() -> None:
    rule = Sensitive(t=0.3, distance="ordered", order=("ok", "cold"))
    with pytest.raises(GateError, match="1 value") as refused:
        report_sensitive(counted([("a", "x", "flu", 1)]), "illness", rule)
    assert "flu" not in str(refused.value)


def test_row_without_subject_stops_the_recount() -> None:
    table = rows_table([("a", "x", "flu", 1)])
    table = table.set_column(3, SUBJECT, pa.array([None], pa.uint64()))
    with pytest.raises(GateError, match="no data subject"):
        value_triples(table, QUASI, "illness")


def test_beam_counts_what_one_table_gives_however_blocks_are_cut() -> None:
    rng = np.random.default_rng(7)
    rows = [
        (
            str(rng.integers(200)),
            "x",
            [None, "flu", "ok"][rng.integers(3)],
            int(rng.integers(50)),
        )
        for _ in range(3000)
    ]
    whole = rows_table(rows)
    blocks = [b for size in (7, 911) for b in whole.to_batches(max_chunksize=size)]
    expected = {tuple(r.values()) for r in counted(rows).to_pylist()}

    def same(tables: list[pa.Table]) -> None:
        found = [tuple(r.values()) for t in tables for r in t.to_pylist()]
        assert len(tables) > 1  # several shards
        assert len(found) == len(expected)
        assert set(found) == expected

    with beam.Pipeline("DirectRunner") as pipeline:
        result = pipeline | beam.Create(blocks) | CountValues(QUASI, "illness")
        assert_that(result, same)
