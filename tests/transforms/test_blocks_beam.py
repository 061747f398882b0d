"""Blocks through Beam: the coder, a real shuffle, the transform, memory, and policies."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.coders.typecoders import registry
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from optin.policies.model import Policy
from optin.policies.signals import SignalSpec
from optin.transforms.blocks import (
    SPLIT_KEY,
    ArrowBlockCoder,
    ArrowTableCoder,
    ReadBlocks,
    ReadColumn,
    ReadSpec,
    list_splits,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def block(rows: int, split: str = "00000") -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"n": list(range(rows)), "s": [f"text {n}" for n in range(rows)]}
    ).replace_schema_metadata({SPLIT_KEY: split.encode()})


# --- coder ---------------------------------------------------------------------------


def test_coder_gives_equal_block_when_decoded() -> None:
    original = block(1000, "00007")
    coder = ArrowBlockCoder()
    decoded = coder.decode(coder.encode(original))
    assert decoded.equals(original, check_metadata=True)
    assert coder.encode(decoded) == coder.encode(original)
    assert coder.is_deterministic()


def test_coder_costs_own_size_when_block_is_a_slice() -> None:
    big = block(64_000)
    coder = ArrowBlockCoder()
    whole = len(coder.encode(big))
    part = len(coder.encode(big.slice(32_000, 640)))
    # 640 of 64,000 rows are 1 %; schema and padding may double it, never more.
    assert part < whole * 0.02


def test_coder_gives_equal_block_when_it_has_no_rows() -> None:
    coder = ArrowBlockCoder()
    assert coder.decode(coder.encode(block(0))).equals(block(0), check_metadata=True)


def test_coder_is_the_registered_one_when_type_is_named() -> None:
    table = pa.Table.from_batches([block(10), block(20)])
    assert registry.get_coder(pa.RecordBatch) == ArrowBlockCoder()
    coder = registry.get_coder(pa.Table)
    assert coder == ArrowTableCoder()
    assert coder.decode(coder.encode(table)).equals(table, check_metadata=True)


def _keyed(batch: pa.RecordBatch) -> Iterable[tuple[int, pa.RecordBatch]]:
    for key in range(64):
        yield key, batch.slice(key * 1000, 1000)


def _check(group: tuple[int, Iterable[pa.RecordBatch]]) -> tuple[int, int, int, bool]:
    key, batches = group
    parts = sorted(batches, key=lambda b: b.schema.metadata[SPLIT_KEY])
    right = all(b.column("n")[0].as_py() == key * 1000 for b in parts)
    return key, len(parts), sum(b.nbytes for b in parts), right


def test_blocks_keep_their_size_when_grouped_by_key() -> None:
    blocks = [block(64_000, f"{n:05d}") for n in range(3)]
    part = blocks[0].slice(0, 1000).nbytes
    with beam.Pipeline(FnApiRunner()) as pipeline:
        groups = (
            pipeline
            | beam.Create(blocks, reshuffle=False).with_output_types(pa.RecordBatch)
            | beam.FlatMap(_keyed).with_output_types(tuple[int, pa.RecordBatch])
            | beam.GroupByKey()
            | beam.Map(_check)
        )

        def verify(found: list[tuple[int, int, int, bool]]) -> None:
            assert sorted(key for key, *_ in found) == list(range(64))
            for _, parts, size, right in found:
                assert parts == 3
                assert right
                # A pickled slice would weigh as much as its parent, 64 times this.
                assert size < 3 * part * 1.5

        assert_that(groups, verify)


# --- transform -----------------------------------------------------------------------


def test_read_blocks_gives_blocks_bad_and_stats_when_run(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"n": {n}}}\n' for n in range(100)) + "oops\n")
    spec = ReadSpec("jsonl", str(path), columns=(ReadColumn("n", "int64"),), raw=("n",))
    splits = list_splits(spec, split_bytes=300)
    with beam.Pipeline(FnApiRunner()) as pipeline:
        read = pipeline | ReadBlocks(spec, splits)
        assert read.blocks.element_type == pa.RecordBatch
        assert read.bad.element_type == pa.RecordBatch
        numbers = read.blocks | beam.FlatMap(lambda b: b.column("n").to_pylist())
        assert_that(numbers, equal_to(list(range(100))), label="blocks")
        raws = read.bad | beam.FlatMap(lambda b: b.column("raw").to_pylist())
        assert_that(raws, equal_to([b"oops"]), label="bad")
        records = read.stats | beam.Map(lambda s: (s["split"], s["records"]))

        def verify(found: list[tuple[str, int]]) -> None:
            assert sorted(split for split, _ in found) == [s.id for s in splits]
            assert sum(count for _, count in found) == 101

        assert_that(records, verify, label="stats")


def test_importing_the_package_leaves_beam_alone_when_only_looking() -> None:
    code = (
        "import sys, optin.transforms.blocks; "
        "sys.exit(any(name.startswith('apache_beam') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)  # our own code
    assert done.returncode == 0


# --- policy → what is read -----------------------------------------------------------


def policy(**changes: Any) -> Policy:
    parts: dict[str, Any] = {
        "version": 1,
        "name": "ads",
        "purpose": "train_ai_system",
        "input": {
            "format": "jsonl",
            "path": "in/*.jsonl",
            "event_time": {"field": "ts", "unit": "ms"},
            "event_id": "id",
            "subject": ["user.id", "ifa"],
        },
        "consent": {
            "require": [{"signal": "att", "when": {"os": ["iOS"]}}],
            "veto": ["lmt"],
            "minors": {"field": "user.yob", "kind": "birth_year", "min_age": 16},
            "resolved": {
                "att": SignalSpec(
                    name="att",
                    paths=("att", "ext.att"),
                    applies_when={"region": ("x",)},
                ),
                "lmt": SignalSpec(name="lmt", paths=("lmt",), section_paths=("sid",)),
            },
        },
        "columns": [
            {"name": "user.yob", "type": "birth_year", "action": "bucket", "width": 10},
            {"name": "email", "type": "email", "action": "drop"},
            {"name": "seen", "type": "timestamp", "action": "keep", "unit": "s"},
        ],
        "anonymity": {"k": 5},
        "output": {"path": "out"},
        "audit": {"path": "audit"},
    }
    return Policy.model_validate(parts | changes)


def test_spec_reads_what_policy_needs_when_derived() -> None:
    spec = ReadSpec.from_policy(policy())
    assert spec.storage == {"user.yob": "int64", "seen": "timestamp"}
    assert spec.columns[1] == ReadColumn("seen", "timestamp", "s")
    names = ["user.id", "ifa", "ts", "id", "user.yob", "os", "att", "ext.att"]
    assert list(spec.raw) == [*names, "region", "lmt", "sid"]
    assert spec.required == ("ts", "id", "user.yob", "os", "seen")
    assert spec.required_raw == (("user.id", "ifa"), ("att", "ext.att"), ("region",))
    assert spec.optional_raw == (("lmt",),)
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 # our own bytes


# --- memory --------------------------------------------------------------------------

_MEASURE = """
import sys, threading, time, psutil
from optin.transforms.blocks import ReadColumn, ReadSpec, list_splits, read_split
spec = ReadSpec("jsonl", sys.argv[1], columns=(ReadColumn("n", "int64"),
    ReadColumn("s", "string")), raw=("n", "d.x"))
me = psutil.Process()
before, rows, peak = me.memory_info().rss, 0, 0
for split in list_splits(spec, split_bytes=1 << 40):
    for item in read_split(spec, split):
        rows += getattr(item, "num_rows", 0)
        peak = max(peak, me.memory_info().rss)
print(rows, (peak - before) >> 20)
"""


@pytest.mark.slow
def test_read_split_keeps_memory_flat_when_file_is_large(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    record = {"n": 1, "s": "x" * 100, "d": {"x": 3, "y": "y" * 150}}
    chunk = (json.dumps(record) + "\n").encode() * 10_000
    count = 300_000_000 // len(chunk)
    with path.open("wb") as file:
        for _ in range(count):
            file.write(chunk)
    result = subprocess.run(  # our own code
        [sys.executable, "-c", _MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, grown_mib = map(int, result.stdout.split())
    assert rows == count * 10_000
    assert grown_mib < 300
