"""`KAnonymize` in anybody's pipeline: every class covers k people, or nothing comes out."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that
from apache_beam.transforms.window import FixedWindows

import optin.transforms
from optin.policies.anonymity_utility import Utility
from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import InputError
from optin.transforms.kanonymity import AnonymityPlan, build_ladder, kanonymize

LADDERS = (
    build_ladder(
        Column(
            name="age",
            type="integer",
            action="keep",
            quasi=True,
            hierarchy=Hierarchy(widths=(10, 20, 40)),
        )
    ),
    build_ladder(Column(name="place", type="category", action="keep", quasi=True)),
)


def people(count: int = 600) -> pa.Table:
    rng = np.random.default_rng(11)
    who = rng.integers(0, 90, count)
    return pa.table(
        {
            "user": pa.array([f"u{one}" for one in who], pa.string()),
            "age": pa.array(20 + who % 50, pa.int64()),
            "place": pa.array(
                [["de", "fr", None][one % 3] for one in who], pa.string()
            ),
            "amount": pa.array(range(count), pa.int64()),
        }
    )


@pytest.mark.parametrize("local", [False, True])
def test_blocks_come_out_as_a_table_would(local: bool) -> None:
    table = people()
    plan = AnonymityPlan("user", LADDERS, k=4, local=local, ranges=True)
    expected, summary = kanonymize(table, plan)
    assert summary.k_reached >= 4

    def same(blocks: list[pa.RecordBatch]) -> None:
        rows = [row for block in blocks for row in block.to_pylist()]
        assert all("user" not in row and len(row) == 3 for row in rows)
        key = lambda row: row["amount"]  # noqa: E731
        assert sorted(rows, key=key) == sorted(expected.to_pylist(), key=key)
        owner = dict(enumerate(table.column("user").to_pylist()))
        classes: dict[Any, set[str]] = defaultdict(set)
        for row in rows:
            classes[row["age"], row["place"]].add(owner[row["amount"]])
        assert all(len(held) >= 4 for held in classes.values())

    with beam.Pipeline("DirectRunner") as pipeline:
        blocks = pipeline | beam.Create(table.to_batches(max_chunksize=70))
        assert_that(blocks | optin.transforms.KAnonymize(plan), same)


def test_pipeline_fails_where_k_is_out_of_reach() -> None:
    plan = AnonymityPlan("user", LADDERS, k=500)
    with (
        pytest.raises(Exception, match="distinct people"),
        beam.Pipeline("DirectRunner") as pipeline,
    ):
        _ = (
            pipeline
            | beam.Create(people().to_batches())
            | optin.transforms.KAnonymize(plan)
        )


def test_pipeline_fails_where_more_is_lost_than_allowed() -> None:
    plan = AnonymityPlan("user", LADDERS, k=4, utility=Utility(max_ncp=0.01))
    with (
        pytest.raises(Exception, match=r"more than max_ncp 0\.01"),
        beam.Pipeline("DirectRunner") as pipeline,
    ):
        _ = (
            pipeline
            | beam.Create(people().to_batches())
            | optin.transforms.KAnonymize(plan)
        )


def test_windowed_blocks_and_missing_columns_are_refused() -> None:
    plan = AnonymityPlan("nobody", LADDERS, k=2)
    pipeline = beam.Pipeline("DirectRunner")
    blocks = pipeline | beam.Create(people().to_batches())
    with pytest.raises(InputError, match="global window"):
        _ = (
            blocks
            | beam.WindowInto(FixedWindows(60))
            | "Windowed" >> optin.transforms.KAnonymize(plan)
        )
    _ = blocks | optin.transforms.KAnonymize(plan)
    with pytest.raises(Exception, match=r"lacks column\(s\) nobody"):
        pipeline.run()


def test_a_pipeline_says_that_it_heeds_no_target() -> None:
    ladders = (
        build_ladder(Column(name="age", type="integer", action="keep", quasi=True)),
    )
    plan = AnonymityPlan("who", ladders, 2, target="bought")
    with pytest.warns(UserWarning, match="target 'bought' is not heeded"):
        optin.transforms.KAnonymize(plan)
