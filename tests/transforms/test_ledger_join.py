"""The sharded join in a pipeline: the same bits as a look-up, and nothing left out."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.pvalue import TaggedOutput
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.errors import InputError
from optin.policies.model import EventTime
from optin.transforms.blocks.names import RAW_PREFIX, RECORD, SPLIT_KEY
from optin.transforms.consent.ledger import (
    Duration,
    LedgerLookup,
    LedgerPlan,
    PreparedLedger,
    ledger_hash_keys,
    prepare_ledger,
    shards,
    verdict_files,
)
from optin.transforms.consent.ledger.join import JoinLedger, _LookUp, _Probe, _Write
from optin.transforms.consent.ledger.verdict_files import VerdictFiles, write_verdicts

DAY = 86_400_000_000
TIME = EventTime(field="ts", unit="us")


def prepared_ledger(folder: Path, shard_bits: int) -> PreparedLedger:
    """Prepare 400 random decisions about 60 people with two kinds of key."""
    random = np.random.default_rng(7)
    with (folder / "ledger.jsonl").open("w") as file:
        for _ in range(400):
            time = int(random.integers(1, 30)) * DAY
            word = ["grant", "grant", "grant", "withdraw", "erase"][
                random.choice(5, p=[0.4, 0.3, 0.2, 0.08, 0.02])
            ]
            row = {
                "decision": word,
                "purpose": str(random.choice(["train", "*", "play"])),
                "ts": time,
                "expires": time + 9 * DAY if random.random() < 0.3 else None,
                "uid": f"person-{random.integers(60)}",
                "ifa": f"d{random.integers(60)}" if random.random() < 0.5 else "0-0",
            }
            file.write(json.dumps(row) + "\n")
    plan = LedgerPlan(
        format="jsonl",
        path=str(folder / "ledger.jsonl"),
        keys=(("user", "uid"), ("device", "ifa")),
        purpose="train",
        hash_keys=ledger_hash_keys(b"a master key of the tests", "data"),
        time_field="ts",
        time_unit="us",
    )
    return prepare_ledger(plan, str(folder), 28 * DAY, shard_bits=shard_bits)


def blocks() -> list[pa.RecordBatch]:
    """Give 3 splits of 1 to 4 blocks; every third ordinal was set aside as unreadable."""
    random = np.random.default_rng(8)
    found = []
    for split, count in enumerate([4, 1, 2]):
        for number in range(count):
            ordinals = np.arange(number * 300, number * 300 + 300)
            ordinals = ordinals[ordinals % 3 > 0]
            rows = len(ordinals)
            columns: dict[str, Any] = {
                RECORD: ordinals,
                RAW_PREFIX + "user": [
                    f" Person-{n}" for n in random.integers(0, 90, rows)
                ],
                RAW_PREFIX + "device": [
                    f"d{n}" if n < 70 else None for n in random.integers(0, 90, rows)
                ],
                RAW_PREFIX + "ts": [str(n * DAY) for n in random.integers(1, 40, rows)],
            }
            batch = pa.record_batch(columns)
            marked = {SPLIT_KEY: f"{split:05d}".encode()}
            found.append(batch.replace_schema_metadata(marked))
    return found


@pytest.mark.parametrize("shard_bits", [0, 3])
@pytest.mark.parametrize("max_age", [None, Duration(5, "d")])
def test_both_joins_give_the_same_bits(tmp_path, shard_bits, max_age):
    prepared = prepared_ledger(tmp_path, shard_bits)
    target = str(tmp_path / "verdicts")
    with TestPipeline("FnApiRunner") as pipeline:
        splits = (
            pipeline
            | beam.Create(blocks(), reshuffle=False)
            | JoinLedger(prepared, TIME, target, max_age)
        )
        assert_that(splits, equal_to(["00000", "00001", "00002"]))
    lookup, files = LedgerLookup(prepared, max_age), VerdictFiles(target)
    seen = 0
    for block in blocks():
        columns = {c: block.column(RAW_PREFIX + c) for c in ("user", "device")}
        times = np.array(block.column(RAW_PREFIX + "ts").to_pylist(), dtype=np.int64)
        split = block.schema.metadata[SPLIT_KEY].decode()
        found = files.bits(split, block.column(RECORD).to_numpy())
        assert found.tolist() == lookup.bits(columns, times).tolist()
        seen |= int(np.bitwise_or.reduce(found))
    # All seven verdicts occur; but without an age limit, some grants expire anyway.
    assert seen == 127


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["person-1", "PERSON-2 ", "person-3", "x", "0", None]),
            st.sampled_from(["d1", "d2", "d3", "0-0", None]),
            st.integers(0, 40),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sets(st.integers(1, 29), max_size=4),
    st.sampled_from([0, 1, 3]),
    st.randoms(use_true_random=False),
)
def test_the_steps_give_the_bits_of_a_look_up(rows, cuts, shard_bits, random):
    # The same steps without a runner: blocks of any size, groups in any order.
    with TemporaryDirectory() as name:
        prepared = prepared_ledger(Path(name), shard_bits)
        users, devices, days = zip(*rows, strict=True)
        times = np.array(days, dtype=np.int64) * DAY
        whole = pa.record_batch(
            {
                RECORD: pa.array(np.arange(len(rows))),
                RAW_PREFIX + "user": pa.array(users, pa.string()),
                RAW_PREFIX + "device": pa.array(devices, pa.string()),
                RAW_PREFIX + "ts": pa.array(times).cast(pa.string()),
            }
        ).replace_schema_metadata({SPLIT_KEY: b"00000"})
        edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
        lookup = LedgerLookup(prepared)
        by_shard: dict[int, list[pa.RecordBatch]] = {}
        answers = []
        for start, stop in pairwise(edges):
            block = whole.slice(start, stop - start)
            for item in _Probe(prepared, TIME).process(block):
                if isinstance(item, TaggedOutput):
                    answers.append(item.value[1])
                else:
                    by_shard.setdefault(item[0], []).append(item[1])
        for group in by_shard.items():
            answers += [batch for _, batch in _LookUp(lookup).process(group)]
        random.shuffle(answers)
        assert list(_Write(name).process(("00000", answers))) == ["00000"]
        found = VerdictFiles(name).bits("00000", np.arange(len(rows)))
        columns = {"user": pa.array(users, pa.string())}
        columns["device"] = pa.array(devices, pa.string())
        assert found.tolist() == lookup.bits(columns, times).tolist()


def test_shards_and_verdicts_on_a_file_system_that_cannot_be_mapped(
    tmp_path, monkeypatch
):
    prepared = prepared_ledger(tmp_path, 1)
    columns = {"user": pa.array(["person-1"]), "device": pa.nulls(1, pa.string())}
    times = np.array([20 * DAY])
    mapped = LedgerLookup(prepared).bits(columns, times)
    write_verdicts(str(tmp_path), "00000", np.array([128 + 64], np.uint8))
    for module in (shards, verdict_files):
        monkeypatch.setattr(module, "is_local", lambda path: False)
    assert LedgerLookup(prepared).bits(columns, times) == mapped
    assert VerdictFiles(str(tmp_path)).bits("00000", np.array([0])) == 64


def test_a_split_that_no_decision_names_has_a_file(tmp_path):
    prepared = prepared_ledger(tmp_path, 0)
    block = blocks()[0]
    strangers = pa.array(["x"] * block.num_rows)
    for name in (RAW_PREFIX + "user", RAW_PREFIX + "device"):
        place = block.schema.get_field_index(name)
        block = block.set_column(place, name, strangers)
    with TestPipeline("FnApiRunner") as pipeline:
        pipeline | beam.Create([block]) | JoinLedger(prepared, TIME, str(tmp_path))
    found = VerdictFiles(str(tmp_path)).bits("00000", block.column(RECORD).to_numpy())
    assert not found.any()


def test_verdicts_when_a_split_has_no_file(tmp_path):
    with pytest.raises(InputError, match="split 00009"):
        VerdictFiles(str(tmp_path)).bits("00009", np.array([0]))


@pytest.mark.parametrize("record", [-1, 1, 3])
def test_verdicts_when_a_record_took_no_part(tmp_path, record):
    # Ordinals 0 and 2 took part (bit 128); 1 was unreadable then, 3 not there.
    write_verdicts(str(tmp_path), "00000", np.array([128, 0, 128 + 64], np.uint8))
    files = VerdictFiles(str(tmp_path))
    assert files.bits("00000", np.array([2, 0])).tolist() == [64, 0]
    with pytest.raises(InputError, match="changed between"):
        files.bits("00000", np.array([0, record]))


def test_look_ups_and_verdicts_travel_without_their_open_files(tmp_path):
    prepared = prepared_ledger(tmp_path, 1)
    lookup = LedgerLookup(prepared)
    columns = {"user": pa.array(["person-1"]), "device": pa.array([None], pa.string())}
    before = lookup.bits(columns, np.array([20 * DAY]))
    again = pickle.loads(pickle.dumps(lookup))  # noqa: S301 # our own bytes
    assert again.bits(columns, np.array([20 * DAY])) == before
    write_verdicts(str(tmp_path), "00000", np.array([128], np.uint8))
    files = VerdictFiles(str(tmp_path))
    files.bits("00000", np.array([0]))
    assert len(pickle.dumps(files)) < 1_000


def test_nothing_at_rest_holds_an_identifier(tmp_path):
    prepared = prepared_ledger(tmp_path, 2)
    with TestPipeline("FnApiRunner") as pipeline:
        pipeline | beam.Create(blocks()) | JoinLedger(prepared, TIME, str(tmp_path))
    (tmp_path / "ledger.jsonl").unlink()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"person-" not in written.lower()
    for secret in prepared.hash_keys:
        assert secret.encode() not in written
        assert secret not in repr(prepared)
