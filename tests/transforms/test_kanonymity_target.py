"""A training target steers the choice: counts, model and losses; k holds all the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError, InputError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    AnonymityPlan,
    build_ladder,
    histogram_of,
    kanonymize,
)
from optin.transforms.kanonymity.recoding.coded import code_histogram
from optin.transforms.kanonymity.recoding.guide import _RIDGE, _fit, guides_of
from optin.transforms.kanonymity.recoding.target import (
    counts_by_tuple,
    merge_targets,
    target_counts,
)

QUASI = ("age", "place")
AGE = Column(
    name="age",
    type="integer",
    action="keep",
    quasi=True,
    hierarchy=Hierarchy(widths=(10, 20)),
)
PLACE = Column(name="place", type="category", action="keep", quasi=True)
LADDERS = (build_ladder(AGE), build_ladder(PLACE))

ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 30)),
        st.sampled_from(["DE", "FR", None]),
        st.sampled_from(["yes", "no", "perhaps", None]),
        st.integers(0, 8),
    ),
    min_size=4,
    max_size=50,
)


def table_of(rows: list[tuple[Any, Any, Any, int]]) -> pa.Table:
    age, place, bought, subject = zip(*rows, strict=True)
    return pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "place": pa.array(place, pa.string()),
            "bought": pa.array(bought, pa.string()),
            SUBJECT: pa.array(subject, pa.uint64()),
        }
    )


def as_counter(counted: pa.Table) -> Counter[Any]:
    names = ["age", "place", "optin:value", "optin:rows"]
    found: Counter[Any] = Counter()
    for *key, rows in zip(*(counted.column(n).to_pylist() for n in names), strict=True):
        assert tuple(key) not in found
        found[tuple(key)] = rows
    return found


@given(ROWS, st.integers(0, 50))
def test_counts_are_those_of_records_however_they_are_split(
    rows: Any, cut: int
) -> None:
    table = table_of(rows)
    parts = [table.slice(0, cut), table.slice(cut)]
    merged = merge_targets([target_counts(part, QUASI, "bought") for part in parts])
    assert as_counter(merged) == Counter(row[:3] for row in rows)
    assert merged.column_names == ["age", "place", "optin:value", "optin:rows"]


@given(ROWS)
def test_counts_stand_beside_their_tuples(rows: Any) -> None:
    table = table_of(rows)
    coded = code_histogram(histogram_of(table, QUASI, 1), LADDERS, 1)
    counts = counts_by_tuple(coded, target_counts(table, QUASI, "bought"))
    kinds = sorted({r[2] for r in rows if r[2]}) + [None] * any(
        r[2] is None for r in rows
    )
    assert counts.shape == (len(coded.rows), len(kinds))
    wanted = Counter(row[:3] for row in rows)
    for place in range(len(coded.rows)):
        key = tuple(
            column.values[int(column.codes[place])].as_py() for column in coded.columns
        )
        assert counts[place].tolist() == [wanted[*key, kind] for kind in kinds]


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        # Ten tenths of a hundred numbers, and one kind for what is missing.
        ([*range(100), None], [10.0] * 10 + [1.0]),
        # Nine commonest words of twelve, then the three that are left.
        ([w for n, w in enumerate("abcdefghijkl") for _ in range(20 - n)],
         [*range(20, 11, -1), 11 + 10 + 9]),
    ],
)  # fmt: skip
def test_many_values_become_few_kinds(values: list[Any], kinds: list[float]) -> None:
    size = len(values)
    table = pa.table(
        {
            "age": pa.array([1] * size),
            "place": pa.array(["DE"] * size),
            "bought": pa.array(values),
            SUBJECT: pa.array(range(size), pa.uint64()),
        }
    )
    coded = code_histogram(histogram_of(table, QUASI, 1), LADDERS, 1)
    counts = counts_by_tuple(coded, target_counts(table, QUASI, "bought"))
    assert counts.sum(axis=0).tolist() == kinds


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([2, 3, 5]))
def test_scores_are_where_the_gradient_is_flat(seed: int, kinds: int) -> None:
    # Optimum of the ridge: what a value's records show beyond the model's expectation
    # equals the ridge's pull. The steps must have come near it.
    draw = np.random.default_rng(seed)
    tuples = 60
    cells = [draw.integers(0, 4, tuples), draw.integers(0, 3, tuples)]
    counts = draw.integers(0, 6, (tuples, kinds)).astype(float)
    scores = _fit(cells, counts)
    share = (counts.sum(axis=0) + 0.5) / (counts.sum() + 0.5 * kinds)
    total = np.log(share) + sum(s[c] for s, c in zip(scores, cells, strict=True))
    chance = np.exp(total) / np.exp(total).sum(axis=1, keepdims=True)
    beyond = counts - counts.sum(axis=1, keepdims=True) * chance
    for score, cell in zip(scores, cells, strict=True):
        for value in range(len(score)):
            pull = beyond[cell == value].sum(axis=0) - _RIDGE * score[value]
            # Of some 40 records a value; a start at nothing pulls by up to ten.
            assert np.abs(pull).max() < 1.0


def skewed() -> pa.Table:
    # 400 people: the age (0 to 39) tells whether they buy, the place does not.
    rows = []
    for number in range(400):
        place = ("DE", "FR", "AT", "IT")[number % 4]
        yes = number // 4 % 40 < 20 or number % 50 == 2
        rows.append((number // 4 % 40, place, "yes" if yes else "no", number))
    return table_of(rows)


def test_what_predicts_the_target_weighs_most() -> None:
    table = skewed()
    coded = code_histogram(histogram_of(table, QUASI, 5), LADDERS, 5)
    age, place = guides_of(coded, target_counts(table, QUASI, "bought"))
    assert age.weight > 5 * place.weight
    for column, guide in zip(coded.columns, (age, place), strict=True):
        for group, loss in zip(column.groups, guide.losses, strict=True):
            for label in range(int(group.max()) + 1):
                assert len(set(loss[group == label])) <= 1
        # What cannot be told apart at all costs the whole of the column's weight.
        assert guide.losses[-1][:-1] == pytest.approx(1.0)  # without null
        assert np.all(guide.losses[0][:-1] == pytest.approx(0.0))


@pytest.mark.parametrize("local", [False, True])
def test_choice_keeps_what_predicts_the_target(local: bool) -> None:
    # A place, or ten years of age anywhere, hold 100 people. By loss alone the place is
    # kept, of which * would lose all; with the target it is the age.
    table = skewed()
    hidden: dict[str | None, int] = {}
    for target in (None, "bought"):
        published, summary = kanonymize(
            table.rename_columns(["age", "place", "bought", "who"]),
            subject="who",
            quasi_identifiers=LADDERS,
            k=100,
            suppress_max=0.0,
            recoding="local" if local else "global",
            target=target,
        )
        assert summary.k_reached >= 100
        assert published.num_rows == 400
        hidden[target] = published.column("place").to_pylist().count("*")
    assert hidden == {None: 0, "bought": 400}


@given(ROWS, st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_every_class_covers_k_people_in_any_order_with_a_target(
    rows: Any, local: bool, ranges: bool, seed: int
) -> None:
    table = table_of(rows)
    plan = AnonymityPlan(
        SUBJECT, LADDERS, 2, 0.5, local, ranges=ranges, target="bought"
    )
    released: list[pa.Table | None] = []
    order = np.random.default_rng(seed).permutation(len(rows))
    for given_ in (table, table.take(pa.array(order))):
        try:
            recoding = plan.choose(
                histogram_of(given_, QUASI, 2), target_counts(given_, QUASI, "bought")
            )
        except GateError:
            released.append(None)
            continue
        released.append(recoding.apply(table))
    assert released[0] == released[1]
    if released[0] is None:
        return
    people = defaultdict(set)
    for row in released[0].to_pylist():
        people[row["age"], row["place"]].add(row[SUBJECT])
    assert all(len(held) >= 2 for held in people.values())
    assert 1 - released[0].num_rows / len(rows) <= 0.5


def test_target_without_any_difference_chooses_by_loss_alone() -> None:
    table = skewed()
    same = table.set_column(2, "bought", pa.array(["yes"] * table.num_rows))
    histogram = histogram_of(same, QUASI, 60)
    plan = AnonymityPlan(SUBJECT, LADDERS, 60)
    guided = plan.choose(histogram, target_counts(same, QUASI, "bought"))
    assert guided.levels == plan.choose(histogram).levels


@pytest.mark.parametrize("target", ["age", "nothing"])
def test_target_that_is_no_column_of_its_own_is_refused(target: str) -> None:
    table = skewed().rename_columns(["age", "place", "bought", "who"])
    with pytest.raises(InputError, match="no quasi-identifier"):
        kanonymize(table, subject="who", quasi_identifiers=LADDERS, k=5, target=target)
