"""What comes out of `kanonymize`, held to the words of the promise by brute force."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import optin
from optin.policies.errors import GateError

GROUPS = {"flu": "airway", "cold": "airway", "acne": "skin", "rash": "skin"}
ILLS = tuple(GROUPS)
HOW: list[dict[str, Any]] = [
    {"recoding": "global"},
    {"recoding": "local", "labels": "hierarchy"},
    {"recoding": "local", "labels": "ranges"},
    {"recoding": "local", "labels": "sets"},
]
ROW = st.tuples(
    st.integers(0, 40) | st.none(),
    st.sampled_from(["941", "942", "951", None]),
    st.sampled_from(ILLS),
    st.integers(0, 3),
    st.integers(1, 9),
)
RULES: list[tuple[str, dict[str, Any]]] = [
    ("ill", {"l": 2}),
    ("ill", {"l": 2, "diversity": "entropy"}),
    ("ill", {"l": 2, "diversity": "recursive", "c": 2}),
    ("ill", {"alpha": 0.6}),
    ("ill", {"t": 0.35}),
    ("ill", {"t": 0.35, "distance": "hierarchical", "table": "TABLE"}),
    ("pay", {"t": 0.25, "distance": "ordered"}),
]
QUASI = {"age": {"widths": [5, 10, 20]}, "zip": {"prefix": [2, 1]}}


def table_of(rows: list[Any]) -> pa.Table:
    age, code, ill, pay, who = zip(*rows, strict=True)
    return pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "zip": pa.array(code, pa.string()),
            "ill": pa.array(ill),
            "pay": pa.array(pay, pa.int64()),
            "who": pa.array([f"p{n}" for n in who]),
            "row": pa.array(range(len(rows))),
        }
    )


def classes_of(out: pa.Table, rows: list[Any], at: int) -> list[dict[Any, set[int]]]:
    """Per class: value → the people who have it."""
    found: dict[Any, dict[Any, set[int]]] = defaultdict(lambda: defaultdict(set))
    for one in out.to_pylist():
        row = rows[one["row"]]
        found[one["age"], one["zip"]][row[at]].add(row[4])
    return list(found.values())


def transport(
    here: list[float], there: list[float], far: Callable[[int, int], float]
) -> float:
    """The cheapest way to move one heap to the other, as a linear program."""
    n = len(here)
    cost = [far(a, b) for a in range(n) for b in range(n)]
    moved = np.vstack([np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))])
    solved = linprog(cost, A_eq=moved, b_eq=[*here, *there], method="highs")
    return float(solved.fun)


def distance_of(rule: dict[str, Any], values: list[Any]) -> Callable[[int, int], float]:
    if rule.get("distance") == "ordered":
        steps = max(len(values) - 1, 1)
        return lambda a, b: abs(a - b) / steps
    if rule.get("distance") == "hierarchical":
        group = [GROUPS[value] for value in values]
        return lambda a, b: 0.0 if a == b else 0.5 if group[a] == group[b] else 1.0
    return lambda a, b: float(a != b)


def meets(held: dict[Any, set[int]], rule: dict[str, Any]) -> bool:
    """Ask one class for everything but closeness, from the definitions."""
    everyone = len(set().union(*held.values()))
    falling = sorted((len(people) for people in held.values()), reverse=True)
    if "alpha" in rule:
        return falling[0] / everyone <= rule["alpha"] + 1e-9
    least = rule["l"]
    if rule.get("diversity") == "entropy":
        shares = [n / sum(falling) for n in falling]
        return math.exp(-sum(s * math.log(s) for s in shares)) >= least - 1e-6
    if rule.get("diversity") == "recursive":
        return falling[0] < rule["c"] * sum(falling[least - 1 :]) + 1e-9
    return len(falling) >= least


@pytest.fixture(scope="module")
def illnesses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "ills.csv"
    path.write_text("".join(f"{ill};{group};*\n" for ill, group in GROUPS.items()))
    return path


@pytest.mark.parametrize("how", HOW, ids=["global", "hierarchy", "ranges", "sets"])
@settings(max_examples=60)
@given(rows=st.lists(ROW, min_size=4, max_size=40), k=st.integers(2, 4), data=st.data())
def test_people_are_k_and_rules_hold_whatever_the_recoding(
    illnesses: Path, how: dict[str, Any], rows: list[Any], k: int, data: st.DataObject
) -> None:
    name, rule = data.draw(st.sampled_from(RULES))
    rule = {n: str(illnesses) if v == "TABLE" else v for n, v in rule.items()}
    try:
        out, summary = optin.kanonymize(
            table_of(rows),
            subject="who",
            quasi_identifiers=QUASI,
            k=k,
            suppress_max=0.6,
            sensitive={name: rule},
            **how,
        )
    except GateError:
        return  # a clean failure: nothing came out
    assert len(rows) - out.num_rows <= 0.6 * len(rows)
    assert summary.published_rows == out.num_rows
    at = 2 if name == "ill" else 3
    classes = classes_of(out, rows, at)
    sizes = [len(set().union(*held.values())) for held in classes]
    assert min(sizes) >= k
    assert summary.k_reached == min(min(sizes), 4 * k)
    if "t" not in rule:
        assert all(meets(held, rule) for held in classes)
        return
    # Values are ranked among those of the published set, by person.
    values = sorted({value for held in classes for value in held})
    total = [sum(len(held.get(v, ())) for held in classes) for v in values]
    there = [n / sum(total) for n in total]
    far = distance_of(rule, values)
    for held in classes:
        count = [len(held.get(v, ())) for v in values]
        here = [n / sum(count) for n in count]
        assert transport(here, there, far) <= rule["t"] + 1e-6


def outcome(table: pa.Table, asked: dict[str, Any]) -> tuple[Any, Any]:
    """Give summary and table, or the words of the refusal."""
    try:
        out, summary = optin.kanonymize(table, **asked)
    except GateError as refusal:
        return str(refusal), None
    return summary, out


@pytest.mark.parametrize("how", HOW, ids=["global", "hierarchy", "ranges", "sets"])
@settings(max_examples=40)
@given(rows=st.lists(ROW, min_size=4, max_size=40), data=st.data())
def test_order_and_spelling_of_people_do_not_matter(
    how: dict[str, Any], rows: list[Any], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    asked: dict[str, Any] = {
        "subject": "who",
        "quasi_identifiers": QUASI,
        "k": 2,
        "suppress_max": 0.3,
        "sensitive": {"ill": {"l": 2}},
        **how,
    }
    table = table_of(rows)
    told, other = outcome(table.take(pa.array(order)), asked)
    summary, expected = outcome(table, asked)
    if isinstance(summary, str):  # refused in the same words
        assert told == summary
        return
    assert other.sort_by("row").equals(expected.sort_by("row"))
    assert told.ncp == pytest.approx(summary.ncp)
    assert told.classes == summary.classes
