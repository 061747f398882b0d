"""A text that reads like the label of a missing value, or of the top, is told apart."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.transforms.kanonymity import AnonymityPlan, Ladder, build_ladder, kanonymize
from optin.transforms.kanonymity.ladders.labels import escaped

ODD = st.text("nul*\\", max_size=6)


def _column(hierarchy: Hierarchy | None = None) -> Column:
    return Column(
        name="x", type="category", action="keep", quasi=True, hierarchy=hierarchy
    )


@given(ODD, ODD)
def test_no_two_texts_share_a_label(one: str, other: str) -> None:
    labels = {escaped(one), escaped(other)}
    assert len(labels) == len({one, other})
    assert not labels & {"null", "*"}


@given(st.lists(ODD, min_size=1, max_size=8, unique=True), st.integers(1, 5))
def test_labels_of_prefixes_nest_and_are_no_missing_value(
    values: list[str], length: int
) -> None:
    ladder = build_ladder(_column(Hierarchy(prefix=(length,))))
    rungs = ladder.on([*values, None])
    assert len(set(rungs.labels[0])) == len(values) + 1
    for level in rungs.labels[:-1]:
        assert level[-1] == "null"
        assert not {"null", "*"} & set(level[:-1])
    # Texts share a prefix label where they share the prefix and the length.
    short = [(value[:length], max(len(value), length)) for value in values]
    assert len(set(rungs.labels[1][:-1])) == len(set(short))


@pytest.mark.parametrize("local", [False, True])
def test_text_null_and_a_missing_value_make_two_classes(local: bool) -> None:
    values = ["null"] * 3 + [None] * 3 + ["*"] * 3 + ["\\null"] * 3
    table = pa.table({"x": values, "who": range(12), "row": range(12)})
    plan = AnonymityPlan("who", (build_ladder(_column()),), 3, 0.0, local)
    kept, summary = kanonymize(table, plan)
    labels = ["\\null"] * 3 + ["null"] * 3 + ["\\*"] * 3 + ["\\\\null"] * 3
    assert kept.column("x").to_pylist() == labels
    assert (summary.classes.classes, summary.ncp) == (4, 0.0)
    # Two people of each cannot hide among each other without a coarser label.
    few = table.filter(pa.array([row % 3 > 0 for row in range(12)]))
    kept, _ = kanonymize(few, plan)
    assert "null" not in kept.column("x").to_pylist()


def test_table_may_have_leaves_and_labels_that_read_so(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"

    def ladder_of(text: str) -> Ladder:
        file.write_text(text)
        return build_ladder(_column(Hierarchy(table=str(file))))

    rungs = ladder_of("null;none;*\nc;none;*\na;some;*\n").on(["null", "a", None])
    assert rungs.labels[0] == ("\\null", "a", "null")
    assert rungs.labels[1] == ("none", "some", "null")
    rungs = ladder_of("a;null;*\nb;null;*\nc;some;*\n").on(["a", "b", "c", None])
    assert rungs.labels[1] == ("\\null", "\\null", "some", "null")
    # The label stands for two of the table's three leaves.
    assert rungs.losses[1].tolist() == pytest.approx([1 / 2, 1 / 2, 0, 0])
