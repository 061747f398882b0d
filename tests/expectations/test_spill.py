"""Hashes on disk tell what hashes in memory tell; nothing is left behind."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.expectations import (
    MetricRequest,
    Partial,
    Suite,
    merge_partials,
    partial_metrics,
    spill,
    validate_dataset,
)
from optin.expectations import dataset as dataset_module

REQUEST = MetricRequest("unique", "x")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 9))
def test_repeated_hashes_are_those_of_memory_when_runs_are_written(
    values: list[int], rows: int
) -> None:
    table = pa.table({"x": pa.array(values, pa.int64())})
    partials = [
        Partial(tallies={REQUEST: partial_metrics(EMPTY, [REQUEST]).tallies[REQUEST]})
    ]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "SPILL_HASHES", 4)
        disk = spill.HashSpill(folder)
        for block in table.to_batches(max_chunksize=rows):
            partials.append(partial_metrics(block, [REQUEST]))
            partials = [disk.relieve(merge_partials(partials))]
        settled = disk.settle(partials[0]).tallies[REQUEST]
    counted = Counter(values)
    assert settled.repeated_rows == sum(n for n in counted.values() if n > 1)


EMPTY = pa.RecordBatch.from_pydict({"x": pa.array([], pa.int64())})


@pytest.mark.parametrize("block_rows", [3, 50])
def test_counts_are_exact_when_hashes_are_written_to_disk(
    tmp_path: Path,
    make_suite: Callable[..., Suite],
    monkeypatch: pytest.MonkeyPatch,
    block_rows: int,
) -> None:
    monkeypatch.setattr(spill, "SPILL_HASHES", 5)
    monkeypatch.setattr(dataset_module, "BLOCK_ROWS", block_rows)
    monkeypatch.setattr(dataset_module, "_MERGE_EVERY", 2)
    folders: list[Path] = []

    class Watched(spill.HashSpill):
        def __init__(self, folder: Any) -> None:
            folders.append(Path(folder))
            assert Path(folder).stat().st_mode & 0o077 == 0  # its owner's alone
            super().__init__(folder)

    monkeypatch.setattr(dataset_module, "HashSpill", Watched)
    # 0 to 79 once, then 0 to 9 twice more and a null: 30 rows hold a repeated value.
    rows = [*range(80), *range(10), *range(10), None]
    file = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": rows, "y": [str(row) for row in rows]}), file)
    suite = make_suite(
        ("expect_column_values_to_be_unique", {"column": "x"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["x", "y"]}),
        ("expect_column_values_to_be_unique", {"column": "y"}),
    )
    _, single, compound, text = validate_dataset(file, suite).results
    assert single.observed["unexpected_count"] == 30
    assert compound.observed["unexpected_count"] == 30
    assert text.observed["unexpected_count"] == 30
    assert not any(folder.exists() for folder in folders)
