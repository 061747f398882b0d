"""What is left after a rule covers k people and meets the rule, by brute force."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.diversity import Sensitive
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    GlobalRecoding,
    build_ladder,
    choose_recoding,
    histogram_of,
    withhold_classes,
)
from optin.transforms.kanonymity.sensitive.recount import value_triples

ROWS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(["DE", "FR", None]),
        st.sampled_from(["flu", "cold", "ok", None]),
        st.integers(0, 8),
    ),
    min_size=4,
    max_size=50,
)
RULES = st.sampled_from(
    [
        Sensitive(l=2),
        Sensitive(l=2, diversity="entropy"),
        Sensitive(l=2, diversity="recursive", c=2),
        Sensitive(alpha=0.6),
        Sensitive(t=0.3),
        Sensitive(l=2, t=0.5, alpha=0.8),
    ]
)
AGE = Column(
    name="age",
    type="integer",
    action="keep",
    quasi=True,
    hierarchy=Hierarchy(widths=(10, 20)),
)
PLACE = Column(name="place", type="category", action="keep", quasi=True)


def table_of(rows: list[tuple[Any, Any, Any, int]]) -> pa.Table:
    age, place, illness, subject = zip(*rows, strict=True)
    return pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "place": pa.array(place, pa.string()),
            "illness": pa.array(illness, pa.string()),
            SUBJECT: pa.array(subject, pa.uint64()),
        }
    )


def chosen(table: pa.Table, rule: Sensitive, suppress_max: float) -> GlobalRecoding:
    quasi = ("age", "place")
    ladders = [build_ladder(AGE), build_ladder(PLACE)]
    histogram = histogram_of(table, quasi, 2)
    recoding = choose_recoding(histogram, ladders, 2, suppress_max)
    triples = {"illness": value_triples(table, quasi, "illness")}
    return withhold_classes(
        recoding, histogram, triples, {"illness": rule}, suppress_max
    )


@given(ROWS, RULES)
def test_every_class_that_stays_meets_the_rule(rows: Any, rule: Sensitive) -> None:
    table = table_of(rows)
    try:
        recoding = chosen(table, rule, 0.9)
    except GateError:
        return
    out = recoding.apply(table)
    assert abs(recoding.suppressed_share - (1 - out.num_rows / len(rows))) < 1e-12
    assert 0 <= recoding.ncp <= 1
    classes: dict[Any, dict[Any, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in out.to_pylist():
        classes[row["age"], row["place"]][row["illness"]].add(row[SUBJECT])
    total: dict[Any, int] = defaultdict(int)
    for values in classes.values():
        for value, people in values.items():
            total[value] += len(people)
    for values in classes.values():
        everyone = set().union(*values.values())
        named = {v: len(p) for v, p in values.items() if v is not None}
        assert len(everyone) >= 2
        if rule.l is not None:
            assert len(named) >= 2  # all three ways of counting ask for two values
        if rule.alpha is not None:
            assert max(named.values(), default=0) / len(everyone) <= rule.alpha
        if rule.t is not None:
            here = sum(len(p) for p in values.values())
            apart = sum(
                abs(len(values.get(v, ())) / here - n / sum(total.values()))
                for v, n in total.items()
            )
            assert apart / 2 <= rule.t + 1e-6


@given(ROWS)
def test_rule_that_always_holds_changes_nothing(rows: Any) -> None:
    table = table_of(rows)
    try:
        withheld = chosen(table, Sensitive(alpha=0.999_999_999_9), 0.9)
    except GateError:
        return
    histogram = histogram_of(table, ("age", "place"), 2)
    plain = choose_recoding(histogram, [build_ladder(AGE), build_ladder(PLACE)], 2, 0.9)
    shares = [withheld.suppressed_share, plain.suppressed_share]
    # Alpha of a class is 1 where all of its people share one value: those may go.
    assert shares[0] >= shares[1]
    if shares[0] == shares[1]:
        assert withheld.released.equals(plain.released)
        assert abs(withheld.ncp - plain.ncp) < 1e-12
