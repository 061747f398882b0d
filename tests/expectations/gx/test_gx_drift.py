"""PSI and KS against counts of a source: formulas in plain Python, and by hand."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.expectations.gx import drift_baseline

KIND = "expect_column_drift_to_be_below"

NUMBERS = st.lists(
    st.one_of(st.floats(-3, 3), st.sampled_from([float("nan"), -math.inf, math.inf])),
    min_size=1,
    max_size=30,
)
WORDS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=30)
CUTS = st.lists(st.integers(0, 30), max_size=3)


def psi(here: list[int], there: list[int]) -> float:
    total = 0.0
    for one, two in zip(here, there, strict=True):
        p, q = one / sum(here), two / sum(there)
        if p or q:
            p, q = max(p, 1e-4), max(q, 1e-4)
            total += (p - q) * math.log(p / q)
    return total


@given(NUMBERS, CUTS, st.lists(st.integers(0, 9), min_size=5, max_size=5))
def test_psi_of_numbers_is_the_formula(
    expect: Any, measured: Any, numbers: list[float], cuts: list[int], counts: Any
) -> None:
    counts[0] += 1
    edges = [-1.0, 0.0, 1.0]
    baseline = {"kind": "number", "edges": edges, "counts": counts[:4]}
    baseline["missing"] = counts[4]
    held = Counter(4 if math.isnan(x) else bisect_left(edges, x) for x in numbers)
    wanted = psi([held[place] for place in range(5)], counts)
    frame = pd.DataFrame({"x": numbers})
    kwargs = {"column": "x", "baseline": baseline, "threshold": 0.2}
    result = expect(frame, KIND, **kwargs)
    assert result.result["observed_value"] == pytest.approx(wanted)
    assert result.success == (wanted < 0.2)
    table = pa.table({"x": pa.array(numbers, pa.float64())})
    assert measured(table, cuts, KIND, **kwargs).observed == pytest.approx(wanted)


@given(WORDS, CUTS)
def test_psi_of_categories_is_the_formula(
    expect: Any, measured: Any, words: Any, cuts: list[int]
) -> None:
    baseline = {"kind": "category", "counts": {"a": 6, "b": 3}, "other": 1}
    held = Counter(words)
    wanted = psi([held["a"], held["b"], held["c"], held[None]], [6, 3, 1, 0])
    kwargs = {"column": "w", "baseline": baseline, "threshold": 0.2}
    frame = pd.DataFrame({"w": pd.Series(words, dtype=object)})
    assert expect(frame, KIND, **kwargs).result["observed_value"] == pytest.approx(
        wanted
    )
    table = pa.table({"w": pa.array(words, pa.string())})
    assert measured(table, cuts, KIND, **kwargs).observed == pytest.approx(wanted)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=30),
    st.lists(st.integers(0, 5), min_size=1, max_size=30),
)
def test_ks_is_that_of_the_values_where_bins_are_values(
    expect: Any, here: list[int], there: list[int]
) -> None:
    held = Counter(there)
    baseline = {"kind": "number", "edges": [0, 1, 2, 3, 4]}
    baseline["counts"] = [held[value] for value in range(6)]
    result = expect(
        pd.DataFrame({"x": here}),
        KIND,
        column="x",
        baseline=baseline,
        threshold=0.5,
        method="ks",
    )
    wanted = max(
        abs(
            sum(x <= value for x in here) / len(here)
            - sum(x <= value for x in there) / len(there)
        )
        for value in range(6)
    )
    assert result.result["observed_value"] == pytest.approx(wanted)
    assert result.success == (result.result["observed_value"] < 0.5)


def test_an_example_by_hand(expect: Any) -> None:
    # Source 50/30/20 %, now 40/30/30 %: 0.1 ln(5/4) + 0 + 0.1 ln(3/2) = 0.0629; the
    # cumulated shares are 0.5, 0.8 and 0.4, 0.7: KS is 0.1.
    frame = pd.DataFrame({"x": [1] * 4 + [2] * 3 + [3] * 3})
    baseline = {"kind": "number", "edges": [1, 2], "counts": [50, 30, 20]}
    kwargs = {"column": "x", "baseline": baseline, "threshold": 0.1}
    found = expect(frame, KIND, **kwargs)
    assert found.success
    assert found.result["observed_value"] == pytest.approx(0.0629, abs=5e-5)
    ks = expect(frame, KIND, method="ks", **kwargs)
    assert ks.result["observed_value"] == pytest.approx(0.1)


def test_a_source_has_no_drift_from_its_own_aggregates(
    expect: Any, tmp_path: Path
) -> None:
    random = np.random.default_rng(7)
    source = pd.DataFrame(
        {"x": random.normal(size=1_000), "w": random.choice(["a", "b"], 1_000)}
    )
    for column in source:
        path = tmp_path / f"{column}.json"
        aggregates = drift_baseline(pa.array(source[column]))
        path.write_text(json.dumps(aggregates))
        kwargs = {"column": column, "baseline": str(path), "threshold": 0.05}
        same = expect(source, KIND, **kwargs)
        assert (same.success, same.result["observed_value"]) == (True, 0.0)
    moved = expect(
        source.assign(x=source["x"] + 1),
        KIND,
        column="x",
        threshold=0.25,
        baseline=str(tmp_path / "x.json"),
    )
    assert not moved.success


def test_a_baseline_names_no_rare_value() -> None:
    words = ["common"] * 50 + ["rare one", "rare two"]
    aggregates = drift_baseline(pa.array(words))
    assert aggregates["counts"] == {"common": 50}
    assert aggregates["other"] == 2
    numbers = drift_baseline(pa.array([12_345.678] * 30 + [98_765.432]))
    assert numbers["edges"] == [12_300.0]  # three digits, and no extreme
    with pytest.raises(ValueError, match="no category has 20 rows"):
        drift_baseline(pa.array(["alone"]))
    with pytest.raises(ValueError, match="no values"):
        drift_baseline(pa.array([None], pa.int64()))


@pytest.mark.parametrize(
    "baseline",
    [
        {"kind": "number", "edges": [2, 1], "counts": [1, 1, 1]},
        {"kind": "number", "edges": [1], "counts": [1]},
        {"kind": "number", "edges": [1], "counts": [1, -1]},
        {"kind": "number", "edges": [1], "counts": [0, 0]},
        {"kind": "number", "edges": [1], "counts": [1, 1], "rows": [3]},
        {"kind": "category", "counts": {}},
        {"kind": "category", "counts": {"a": 0.5}},
        {"kind": "histogram"},
        {},
    ],
)
def test_malformed_aggregates_are_refused(
    expect: Any, tmp_path: Path, baseline: Any
) -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    with pytest.raises(ValueError, match="baseline"):
        expect(frame, KIND, column="x", baseline=baseline, threshold=9.0)
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(baseline))
    kwargs = {"column": "x", "baseline": str(path), "threshold": 9.0}
    result = expect(frame, KIND, **kwargs)
    assert not result.success
    assert "baseline" in result.result["details"]["problem"]
