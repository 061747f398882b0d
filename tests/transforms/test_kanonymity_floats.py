"""Floating-point numbers that are no value, and zeros with a sign: in every way in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import polars as pl
import pyarrow as pa
import pytest
from apache_beam.pvalue import Row
from hypothesis import given
from hypothesis import strategies as st

import optin
from optin.policies.diversity import Sensitive
from optin.policies.errors import GateError
from optin.transforms import KAnonymize
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import report_sensitive
from optin.transforms.kanonymity.sensitive.recount import value_people, value_triples

NAN, INF = float("nan"), float("inf")
WHO = [f"w{i}" for i in range(20)]
ONE_VALUE = [[NAN, 1.0], [0.0, -0.0], [NAN, NAN], [None, NAN]]
ASKED: dict[str, Any] = {
    "subject": "who",
    "quasi_identifiers": ["a"],
    "k": 2,
    "sensitive": {"s": {"l": 2}},
}
KINDS = [
    pa.float64(),
    pa.float32(),
    pa.float16(),
    pa.dictionary(pa.int32(), pa.float64()),
]


def table_of(values: Sequence[float | None], kind: pa.DataType) -> pa.Table:
    secrets = pa.array([*values] * (20 // len(values)), pa.float64())
    if pa.types.is_dictionary(kind):
        secrets = secrets.dictionary_encode()
    elif kind != secrets.type:
        secrets = secrets.cast(kind)
    return pa.table({"who": WHO, "a": [1] * 20, "s": secrets})


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("values", ONE_VALUE, ids=str)
def test_nan_is_no_value_of_a_table_and_zero_is_one(
    values: list[float], kind: pa.DataType
) -> None:
    with pytest.raises(GateError, match="below k or against a rule"):
        optin.kanonymize(table_of(values, kind), **ASKED)


def test_nan_is_no_value_of_a_polars_frame() -> None:
    frame = pl.DataFrame({"who": WHO, "a": [1] * 20, "s": [NAN, 1.0] * 10})
    with pytest.raises(GateError, match="below k or against a rule"):
        optin.kanonymize(frame, **ASKED)


def run_pipeline(table: pa.Table, asked: dict[str, Any], *, rows: bool) -> None:
    with beam.Pipeline("DirectRunner") as pipeline:
        given: list[Any] = table.to_batches(max_chunksize=7)
        if rows:
            given = [Row(**row) for row in table.to_pylist()]
        _ = pipeline | beam.Create(given) | KAnonymize(**asked)


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("values", ONE_VALUE[:2], ids=str)
def test_nan_is_no_value_in_a_pipeline(values: list[float], *, rows: bool) -> None:
    table = table_of(values, pa.float64())
    with pytest.raises(Exception, match="below k or against a rule"):
        run_pipeline(table, ASKED, rows=rows)


@pytest.mark.parametrize("rows", [False, True])
def test_infinity_is_a_value_that_all_may_share(*, rows: bool) -> None:
    asked = ASKED | {"sensitive": {"s": {"alpha": 0.9}}}
    table = table_of([INF, INF], pa.float64())
    with pytest.raises(GateError, match="below k or against a rule"):
        optin.kanonymize(table, **asked)
    with pytest.raises(Exception, match="below k or against a rule"):
        run_pipeline(table, asked, rows=rows)


@given(
    st.lists(st.sampled_from([NAN, None, 0.0, -0.0, 1.0, INF, -INF]), min_size=1),
    st.booleans(),
)
def test_recount_knows_the_values_that_equality_knows(
    values: list[float | None], single: bool
) -> None:
    kind = pa.float32() if single else pa.float64()
    table = pa.table(
        {
            "a": ["*"] * len(values),
            "s": pa.array(values, kind),
            SUBJECT: pa.array(range(len(values)), pa.uint64()),
        }
    )
    counted = value_people(value_triples(table, ["a"], "s"))
    told = [v for v in values if v is not None and not math.isnan(v)]
    report = report_sensitive(counted, "s", Sensitive(l=2, alpha=0.5))
    assert report.diversity == len(set(told))
    most = max((told.count(one) for one in told), default=0)
    assert report.share == most / len(values)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_quasi_identifier_without_a_number_is_a_missing_one(
    kind: pa.DataType,
) -> None:
    table = table_of([NAN, -0.0, 0.0, None], kind)
    table = pa.table({"who": WHO, "a": table.column("s")})
    whole, summary = optin.kanonymize(
        table, subject="who", quasi_identifiers=["a"], k=10
    )
    assert summary.classes.classes == 2
    assert len(set(whole.column("a").to_pylist())) == 2


def test_a_subject_that_is_no_number_names_nobody() -> None:
    table = pa.table({"who": [NAN, -0.0, 0.0, None] * 5, "a": [1] * 20})
    with pytest.raises(GateError, match="people"):
        optin.kanonymize(table, subject="who", quasi_identifiers=["a"], k=2)
