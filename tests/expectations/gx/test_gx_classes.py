"""k, l and t of people: brute force on random tables, and the literature's tables."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

Rows = list[tuple[Any, ...]]

# (place, age band, sensitive value, person); few of each, so that classes meet.
ROW = st.tuples(
    st.sampled_from(["n", "s", None]),
    st.sampled_from([1.0, 2.0, float("nan")]),
    st.integers(0, 3),
    st.sampled_from(["ann", "bob", "cy", "dee", "eve", " ANN "]),
)
ROWS = st.lists(ROW, min_size=1, max_size=25)
CUTS = st.lists(st.integers(0, 25), max_size=3)
NAMES = ("place", "band", "secret", "who")
QUASI = ["place", "band"]


def frame_of(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(NAMES)).astype({"secret": "int64"})


def classes_of(rows: Rows, *, alone: bool) -> dict[Any, list[tuple[int, Any]]]:
    """Class → (value, person) of each row; NaN and null are one label."""
    classes = defaultdict(list)
    for number, (place, band, secret, who) in enumerate(rows):
        label = (place, None if math.isnan(band) else band)
        person = number if alone else who.strip().lower()
        classes[label].append((secret, person))
    return classes


def share_of(classes: dict[Any, Any], bad: Callable[[Any], bool]) -> tuple[int, int]:
    short = [members for members in classes.values() if bad(members)]
    return len(short), sum(map(len, short))


WHO = st.sampled_from([{"subject_column": "who"}, {"rows_are_people": True}])


@given(ROWS, CUTS, st.integers(2, 4), st.sampled_from([0.0, 0.3, 1.0]), WHO)
def test_k_is_that_of_brute_force(
    expect: Any,
    measured: Any,
    rows: Rows,
    cuts: list[int],
    k: int,
    most: float,
    who: Any,
) -> None:
    classes = classes_of(rows, alone="rows_are_people" in who)
    sizes = {label: len({p for _, p in held}) for label, held in classes.items()}
    violating, bad_rows = share_of(classes, lambda held: len({p for _, p in held}) < k)
    kind = "expect_table_to_be_k_anonymous"
    kwargs = {
        "quasi_identifiers": QUASI,
        "k": k,
        "max_violating_fraction": most,
        **who,
    }
    result = expect(frame_of(rows), kind, **kwargs)
    assert result.success == (bad_rows / len(rows) <= most)
    details = result.result["details"]
    assert details["rows"] == len(rows)
    assert details["classes"] == len(classes)
    assert details["violating_classes"] == violating
    assert details["violating_rows"] == bad_rows
    assert result.result["observed_value"] == min(min(sizes.values()), 4 * k)
    blocks = measured(
        pa.Table.from_pandas(frame_of(rows), preserve_index=False), cuts, kind, **kwargs
    )
    counts = dict(blocks.counts)
    assert blocks.success == result.success
    assert counts == {key: details[key] for key in counts}


def diversity(held: list[tuple[int, Any]], how: str, c: float) -> float:
    people = Counter(value for value, _ in set(held))
    if how == "distinct":
        return len(people)
    counts = sorted(people.values(), reverse=True)
    if how == "entropy":
        total = sum(counts)
        return math.exp(-sum(n / total * math.log(n / total) for n in counts))
    holds = [
        el for el in range(1, len(counts) + 1) if counts[0] < c * sum(counts[el - 1 :])
    ]
    return max(holds, default=0)


@given(ROWS, CUTS, st.sampled_from(["distinct", "entropy", "recursive"]), WHO)
def test_l_is_that_of_brute_force(
    expect: Any, measured: Any, rows: Rows, cuts: list[int], how: str, who: Any
) -> None:
    classes = classes_of(rows, alone="rows_are_people" in who)
    reached = {label: diversity(held, how, 1.5) for label, held in classes.items()}
    violating, bad_rows = share_of(
        classes, lambda held: diversity(held, how, 1.5) < 2 - 1e-9
    )
    kind = "expect_table_to_be_l_diverse"
    kwargs = {
        "quasi_identifiers": QUASI,
        "sensitive_column": "secret",
        "l": 2,
        "diversity": how,
        "max_violating_fraction": 0.2,
        **({"c": 1.5} if how == "recursive" else {}),
        **who,
    }
    result = expect(frame_of(rows), kind, **kwargs)
    assert result.success == (bad_rows / len(rows) <= 0.2)
    details = result.result["details"]
    assert details["violating_classes"] == violating
    assert details["violating_rows"] == bad_rows
    assert result.result["observed_value"] == pytest.approx(
        min(reached.values()), abs=2e-6
    )
    table = pa.Table.from_pandas(frame_of(rows), preserve_index=False)
    blocks = measured(table, cuts, kind, **kwargs)
    assert (blocks.success, blocks.counts["violating_rows"]) == (
        result.success,
        bad_rows,
    )


def distance(held: Any, everyone: Any, how: str, values: list[int]) -> float:
    here, there = Counter(v for v, _ in held), Counter(v for v, _ in everyone)
    p = [here[v] / len(held) for v in values]
    q = [there[v] / len(everyone) for v in values]
    if how == "equal":  # total variation: the event that tells the two apart best
        places = range(len(values))
        return max(
            abs(sum(p[i] - q[i] for i in event))
            for size in range(len(values) + 1)
            for event in itertools.combinations(places, size)
        )
    if len(values) == 1:
        return 0.0
    ranks = [i / (len(values) - 1) for i in range(len(values))]
    return float(wasserstein_distance(ranks, ranks, p, q))


@given(ROWS, CUTS, st.sampled_from(["equal", "ordered"]), WHO)
def test_t_is_that_of_brute_force(
    expect: Any, measured: Any, rows: Rows, cuts: list[int], how: str, who: Any
) -> None:
    classes = classes_of(rows, alone="rows_are_people" in who)
    people = {label: sorted(set(held)) for label, held in classes.items()}
    everyone = [member for held in people.values() for member in held]
    values = sorted({value for value, _ in everyone})
    found = {
        label: distance(held, everyone, how, values) for label, held in people.items()
    }
    bad_rows = sum(len(classes[one]) for one, t in found.items() if t > 0.25 + 1e-9)
    kind = "expect_table_to_be_t_close"
    kwargs = {
        "quasi_identifiers": QUASI,
        "sensitive_column": "secret",
        "t": 0.25,
        "distance": how,
        **who,
    }
    result = expect(frame_of(rows), kind, **kwargs)
    assert result.success == (bad_rows == 0)
    assert result.result["details"]["violating_rows"] == bad_rows
    assert result.result["observed_value"] == pytest.approx(
        max(found.values()), abs=2e-6
    )
    table = pa.Table.from_pandas(frame_of(rows), preserve_index=False)
    blocks = measured(table, cuts, kind, **kwargs)
    assert blocks.counts["violating_rows"] == bad_rows


# Sweeney 2002, figure 2: k = 2 over race, birth, gender and ZIP.
SWEENEY = pd.DataFrame(
    [
        ("Black", 1965, "m", "0214*", "short breath"),
        ("Black", 1965, "m", "0214*", "chest pain"),
        ("Black", 1965, "f", "0213*", "hypertension"),
        ("Black", 1965, "f", "0213*", "hypertension"),
        ("Black", 1964, "f", "0213*", "obesity"),
        ("Black", 1964, "f", "0213*", "chest pain"),
        ("White", 1964, "m", "0213*", "chest pain"),
        ("White", 1964, "m", "0213*", "obesity"),
        ("White", 1964, "m", "0213*", "short breath"),
        ("White", 1967, "m", "0213*", "chest pain"),
        ("White", 1967, "m", "0213*", "chest pain"),
    ],
    columns=["race", "birth", "gender", "zip", "problem"],
)


def test_k_of_the_table_of_sweeney(expect: Any) -> None:
    kind, quasi = "expect_table_to_be_k_anonymous", list(SWEENEY.columns[:4])
    kwargs = {"quasi_identifiers": quasi, "rows_are_people": True}
    result = expect(SWEENEY, kind, k=2, **kwargs)
    assert result.success
    assert result.result["observed_value"] == 2
    worse = expect(SWEENEY, kind, k=3, **kwargs)
    # Five classes; one alone, of three men born in 1964, has three people.
    assert not worse.success
    assert worse.result["details"]["classes"] == 5
    assert worse.result["details"]["violating_classes"] == 4
    assert worse.result["details"]["violating_rows"] == 8


# Machanavajjhala et al. 2007, figures 2 and 3: inpatients, 4-anonymous and 3-diverse.
HEART, VIRAL, CANCER = "heart disease", "viral infection", "cancer"
FOUR_ANONYMOUS = pd.DataFrame(
    {
        "zip": ["130**"] * 4 + ["1485*"] * 4 + ["130**"] * 4,
        "age": ["<30"] * 4 + [">=40"] * 4 + ["3*"] * 4,
        "condition": [
            HEART,
            HEART,
            VIRAL,
            VIRAL,
            CANCER,
            HEART,
            VIRAL,
            VIRAL,
            *[CANCER] * 4,
        ],
    }
)
THREE_DIVERSE = pd.DataFrame(
    {
        "zip": ["1305*"] * 4 + ["1485*"] * 4 + ["1306*"] * 4,
        "age": ["<=40"] * 4 + [">40"] * 4 + ["<=40"] * 4,
        "condition": [
            *(HEART, VIRAL, CANCER, CANCER),
            *(CANCER, HEART, VIRAL, VIRAL),
            *(HEART, VIRAL, CANCER, CANCER),
        ],
    }
)


def test_l_of_the_tables_of_machanavajjhala(expect: Any) -> None:
    kwargs = {
        "quasi_identifiers": ["zip", "age"],
        "sensitive_column": "condition",
        "rows_are_people": True,
    }
    k = {"quasi_identifiers": ["zip", "age"], "rows_are_people": True}
    assert expect(FOUR_ANONYMOUS, "expect_table_to_be_k_anonymous", k=4, **k).success
    kind = "expect_table_to_be_l_diverse"
    poor = expect(FOUR_ANONYMOUS, kind, l=2, **kwargs)
    assert not poor.success  # everybody in his thirties has cancer
    assert poor.result["observed_value"] == 1
    assert poor.result["details"]["violating_rows"] == 4
    good = expect(THREE_DIVERSE, kind, l=3, **kwargs)
    assert good.success
    assert good.result["observed_value"] == 3
    # By entropy: a class of 1/2, 1/4, 1/4 is as diverse as 2^1.5 equal values.
    entropy = expect(THREE_DIVERSE, kind, l=2, diversity="entropy", **kwargs)
    assert entropy.result["observed_value"] == pytest.approx(2**1.5, abs=1e-5)


# Li et al. 2007, table 3 (original, one row each) and 5 (its classes).
LI = pd.DataFrame(
    [
        ("4767*", "<=40", 3, "gastric ulcer"),
        ("4767*", "<=40", 5, "stomach cancer"),
        ("4767*", "<=40", 9, "pneumonia"),
        ("4790*", ">=40", 6, "gastritis"),
        ("4790*", ">=40", 11, "flu"),
        ("4790*", ">=40", 8, "bronchitis"),
        ("4760*", "<=40", 4, "gastritis"),
        ("4760*", "<=40", 7, "bronchitis"),
        ("4760*", "<=40", 10, "stomach cancer"),
    ],
    columns=["zip", "age", "salary", "disease"],
)
CLASSES = {"quasi_identifiers": ["zip", "age"], "rows_are_people": True}


def test_t_of_salary_in_the_table_of_li(expect: Any) -> None:
    kind = "expect_table_to_be_t_close"
    kwargs = {**CLASSES, "sensitive_column": "salary", "distance": "ordered"}
    result = expect(LI, kind, t=0.167, **kwargs)
    assert result.success  # "0.167-closeness w.r.t. Salary"
    assert result.result["observed_value"] == pytest.approx(1 / 6, abs=2e-6)
    assert not expect(LI, kind, t=0.166, **kwargs).success


def test_t_of_the_first_classes_of_li(expect: Any) -> None:
    # §5.2: {3k, 4k, 5k} of the nine incomes is 0.375 away, {6k, 8k, 11k} 0.167. Table 2
    # makes the classes {3, 4, 5}, {6, 11, 8} and {7, 9, 10}.
    frame = pd.DataFrame(
        {"group": [1] * 3 + [2] * 3 + [3] * 3, "salary": [3, 4, 5, 6, 11, 8, 7, 9, 10]}
    )
    kwargs = {
        "quasi_identifiers": ["group"],
        "rows_are_people": True,
        "sensitive_column": "salary",
        "distance": "ordered",
    }
    kind = "expect_table_to_be_t_close"
    assert expect(frame, kind, t=0.5, **kwargs).result["observed_value"] == 0.375
    between = expect(frame, kind, t=0.2, **kwargs).result["details"]
    assert between["violating_classes"] == 2  # {6, 8, 11} alone is within 0.2


def taxonomy(path: Path, *, levels: int) -> str:
    """Figure 1 of the paper, as far as the table needs it; or with one level more."""
    organs = {
        "respiratory": ("flu", "pneumonia", "bronchitis"),
        "digestive": ("gastric ulcer", "gastritis", "stomach cancer"),
    }
    lines = [
        ";".join([leaf, *(f"{organ} {level}" for level in range(1, levels)), "*"])
        for organ, leaves in organs.items()
        for leaf in leaves
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize(("levels", "reached"), [(4, 5 / 18), (3, 8 / 27)])
def test_t_of_disease_in_the_table_of_li(
    expect: Any, tmp_path: Path, levels: int, reached: float
) -> None:
    # The paper states 0.278 = 5/18 for disease. All distances of a hierarchy of three
    # levels are multiples of 1/27 here, the largest 8/27; with one level more, diseases
    # of one organ are 1/4 apart and the largest is what the paper states.
    result = expect(
        LI,
        "expect_table_to_be_t_close",
        t=0.278,
        sensitive_column="disease",
        distance="hierarchical",
        hierarchy=taxonomy(tmp_path / "disease.csv", levels=levels),
        **CLASSES,
    )
    assert result.result["observed_value"] == pytest.approx(reached, abs=2e-6)
    assert result.success == (levels == 4)
