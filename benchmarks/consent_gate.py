"""The consent gate against the same mask by hand, and TC strings decoded a second.

    python benchmarks/consent_gate.py [--rows 5000000] [--strings PATH]

**Gate.** Blocks of 65,536 events, 0.128 people a row: an event time, a user id (six in
ten), a device id of 36 characters (one in ten all zeros), ATT, LMT and three columns that
nobody reads. Both sides get the same block in memory and end with the kept rows and their
event time in microseconds. By hand, in pyarrow:

- event time: cast to int64 and scaled; present, and not after the as-of;
- subject: user id or device id is present and not empty;
- ATT is `3`, LMT is not `1`, the device id is not the all-zero UUID;
- the block filtered by that mask, the event time filtered and appended.

The gate does that from a policy, and in addition: it refuses times that are no numbers,
reads ids of zeros in any spelling, trims and lower-cases identities, tells values that
nobody listed, gives every record all the reasons that apply to it, and names the subject
of each kept record by a keyed hash. The hash is pseudonymisation, not gate: the ratio is
printed with and without it. The reasons, counts and audit lines that follow are in no side.

**TC strings.** A million rows, 5 % of them distinct: the valid strings of the reference
vectors, each with other purposes and, where they are a bitfield, other vendors.

All times are CPU seconds of this process (`time.process_time`) on one thread.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from optin.policies.consent import Consent, Requirement
from optin.policies.model import EventTime
from optin.policies.signals import SignalSpec
from optin.transforms.blocks.names import BLOCK_ROWS, EVENT_TIME, RAW_PREFIX, RECORD
from optin.transforms.consent import Gate, GatePlan, reasons_of
from optin.transforms.consent.strings import (
    BoundedCache,
    TcfCodes,
    TcfQuery,
    TcfVerdict,
    decode_tcf,
    evaluate_column,
    tcf_code,
)
from optin.transforms.consent.strings_reader import TcfReader
from optin.transforms.consent.view import BlockView

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parents[1] / "shared" / "data" / "consent" / "consent_strings.json"
AS_OF = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1_000_000)
SKEW = 5 * 60 * 1_000_000
MONTH = 30 * 86_400 * 1_000_000
ZERO = "00000000-0000-0000-0000-000000000000"
PEOPLE_A_ROW = 0.128
SIGNALS = {
    "att": SignalSpec(
        name="att",
        paths=("att",),
        values={"3": "grant", "0": "deny", "1": "deny", "2": "deny"},
    ),
    "lmt": SignalSpec(
        name="lmt",
        paths=("lmt",),
        values={"0": "unknown", "1": "deny"},
        veto_only=True,
    ),
    "zero": SignalSpec(name="zero", paths=("ifa",), detect="zero_uuid", veto_only=True),
}
HASH = "optin.transforms.consent.evaluate.subject_tokens"

STRING_ROWS = 1_000_000
DISTINCT = 50_000
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
QUERY = TcfQuery(purposes=(1,), vendor=12, min_policy_version=2)


def plan_of(unit: Any) -> GatePlan:
    """Give the gate's plan: ATT must grant, LMT and an id of zeros veto."""
    consent = Consent(
        require=(Requirement(signal="att"),), veto=("lmt", "zero"), resolved=SIGNALS
    )
    return GatePlan(
        event_time=EventTime(field="ts", unit=unit),
        subject=("user", "ifa"),
        event_id=None,
        consent=consent,
        as_of_micros=AS_OF,
        subject_key=b"s" * 32,
        record_key=b"r" * 32,
        reasons=reasons_of(consent),
    )


def by_hand(block: pa.RecordBatch) -> pa.RecordBatch:
    """Filter a block as one would by hand; see the top of this file."""
    times = block.column(RAW_PREFIX + "ts")
    if pa.types.is_timestamp(times.type):
        micros = times.cast(pa.int64())
    else:
        micros = pc.multiply(times.cast(pa.int64()), 1000)
    user, ifa = block.column(RAW_PREFIX + "user"), block.column(RAW_PREFIX + "ifa")
    subject = pc.coalesce(user, ifa)
    conditions = (
        pc.less_equal(micros, AS_OF + SKEW),
        pc.not_equal(subject, ""),
        pc.equal(block.column(RAW_PREFIX + "att"), "3"),
        pc.fill_null(pc.not_equal(block.column(RAW_PREFIX + "lmt"), "1"), True),
        pc.fill_null(pc.not_equal(ifa, ZERO), True),
    )
    mask = conditions[0]
    for condition in conditions[1:]:
        mask = pc.and_(mask, condition)
    times = micros.filter(mask).cast(pa.timestamp("us", "UTC"))
    return block.filter(mask).append_column(EVENT_TIME, times)


class Events:
    """Makes blocks of events, one at a time, so that memory stays small."""

    def __init__(self, rows: int, seed: int = 7) -> None:
        self._rng = np.random.default_rng(seed)
        self._rows = rows
        self._people = max(int(rows * PEOPLE_A_ROW), 1)
        digits = np.frombuffer(
            self._rng.bytes(16 * self._people).hex().encode(), dtype=np.uint8
        ).reshape(-1, 32)
        dash = np.full((self._people, 1), ord("-"), dtype=np.uint8)
        parts = np.split(digits, [8, 12, 16, 20], axis=1)
        pieces = [piece for part in parts for piece in (dash, part)][1:]
        self._ids: npt.NDArray[np.uint8] = np.concatenate(pieces, axis=1)

    def blocks(self, time_type: str) -> Iterator[pa.RecordBatch]:
        """Give blocks with event times of the type `ms` (text) or `timestamp`."""
        for start in range(0, self._rows, BLOCK_ROWS):
            yield self._block(start, min(BLOCK_ROWS, self._rows - start), time_type)

    def _block(self, start: int, size: int, time_type: str) -> pa.RecordBatch:
        rng = self._rng
        people = rng.integers(0, self._people, size)
        offsets = np.arange(0, 36 * (size + 1), 36, dtype=np.int32)
        ids = self._ids[people]
        ids[rng.random(size) < 0.1] = np.frombuffer(ZERO.encode(), dtype=np.uint8)
        micros = AS_OF - rng.integers(1, MONTH // 1000, size) * 1000
        if time_type == "timestamp":
            times = pa.array(micros).cast(pa.timestamp("us", "UTC"))
        else:
            times = pa.array(micros // 1000).cast(pa.string())
        user = pc.binary_join_element_wise("u", pa.array(people).cast(pa.string()), "")
        columns = {
            "ts": times,
            "user": pc.if_else(pa.array(rng.random(size) < 0.6), user, None),
            "ifa": pa.StringArray.from_buffers(
                size, pa.py_buffer(offsets), pa.py_buffer(ids.tobytes())
            ),
            "att": pa.array(rng.choice(["0", "1", "2", "3", "3", "3"], size)),
            "lmt": pa.array(rng.choice(["0", "0", "0", "1"], size)),
        }
        batch = {RAW_PREFIX + name: column for name, column in columns.items()}
        batch[RECORD] = pa.array(np.arange(start, start + size))
        batch["country"] = pa.array(rng.choice(["DE", "FR", "US"], size))
        batch["lat"] = pa.array(rng.random(size))
        batch["clicked"] = pa.array(rng.random(size) < 0.1)
        return pa.RecordBatch.from_pydict(batch)


def seconds(work: Callable[[], object]) -> float:
    """Give the CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def no_tokens(identities: pa.Array, _: bytes) -> pa.Array:
    """Stand in for the keyed hash of subjects."""
    return pa.nulls(len(identities), pa.uint64())


def measure_gate(rows: int, time_type: str) -> None:
    """Print the gate's ratio to the mask by hand, block by block in one run."""
    gate = Gate(plan_of("ms"))
    spent = {"by hand": 0.0, "gate": 0.0, "gate and hash": 0.0}
    kept = 0
    gc.collect()
    for number, block in enumerate(Events(rows).blocks(time_type)):
        if not number:  # what is set up once is not the price of a row
            by_hand(block)
            gate.evaluate(block)
        spent["by hand"] += seconds(partial(by_hand, block))
        spent["gate and hash"] += seconds(partial(gate.evaluate, block))
        with mock.patch(HASH, no_tokens):
            spent["gate"] += seconds(partial(gate.evaluate, block))
            found = gate.evaluate(block).kept.num_rows
        assert found == by_hand(block).num_rows  # noqa: S101 (the same mask)
        kept += found
    print(f"gate, {rows:,} rows, event time as {time_type}, {kept / rows:.0%} kept")
    for name, total in spent.items():
        print(
            f"  {name:<14} {total:6.2f} s {rows / total:>12,.0f} rows/s"
            f" {total / spent['by hand']:6.2f} x"
        )


def variants(texts: list[str], count: int, rng: random.Random) -> list[str]:
    """Give `count` distinct valid strings: other purposes, and other vendors."""
    made: dict[str, None] = {}
    while len(made) < count:
        text = rng.choice(texts)
        core, dot, rest = text.partition(".")
        bits = "".join(f"{ALPHABET.index(c):06b}" for c in core[:40])
        characters = list(core)
        # Characters 26 to 32 hold purposes alone; from 39 on, vendors of a bitfield.
        places = [*range(26, 33)]
        if bits[229] == "0":
            places += range(39, (230 + int(bits[213:229], 2)) // 6)
        for place in places:
            characters[place] = rng.choice(ALPHABET)
        made["".join(characters) + dot + rest] = None
    return list(made)


def measure_strings(path: Path) -> None:
    """Print rows a second of columns of TC strings, and of single strings."""
    rng = random.Random(7)  # noqa: S311 (test data)
    vectors = json.loads(path.read_text(encoding="utf-8"))["tcf"]
    texts = variants([vector["string"] for vector in vectors], DISTINCT, rng)
    codes = [tcf_code(text, QUERY) & 7 for text in texts]
    assert TcfVerdict.MALFORMED not in codes  # noqa: S101 (variants are sound)
    chosen = np.random.default_rng(7).integers(0, DISTINCT, STRING_ROWS)
    rows = pa.array(texts).take(pa.array(chosen))
    blocks = [
        rows[start : start + BLOCK_ROWS] for start in range(0, STRING_ROWS, BLOCK_ROWS)
    ]
    print(
        f"TC strings, {STRING_ROWS:,} rows, {DISTINCT:,} distinct, "
        f"{rows.nbytes / STRING_ROWS:.0f} bytes a row, "
        f"{codes.count(TcfVerdict.GRANT) / DISTINCT:.0%} grant"
    )

    def by_block() -> None:
        cache = BoundedCache(TcfCodes(QUERY))
        for block in blocks:
            evaluate_column(block, cache)

    def in_gate() -> None:
        reader = TcfReader(QUERY)
        spec = SignalSpec(name="tcf", paths=("tc",), decoder="tcf_v2")
        for block in blocks:
            batch = pa.RecordBatch.from_pydict({RAW_PREFIX + "tc": block})
            reader.read(BlockView(batch), spec)

    some = texts[:10_000]
    rate(
        "decode_tcf, every field of each row", len(some), lambda: each(decode_tcf, some)
    )
    rate("tcf_code, each row", len(some), lambda: [tcf_code(t, QUERY) for t in some])
    rate(
        "dictionary_encode alone",
        STRING_ROWS,
        lambda: each(pc.dictionary_encode, blocks),
    )
    rate(
        "column, one array", STRING_ROWS, lambda: evaluate_column(rows, TcfCodes(QUERY))
    )
    rate(f"column, blocks of {BLOCK_ROWS:,}, cache", STRING_ROWS, by_block)
    rate("the gate's reader, the same blocks", STRING_ROWS, in_gate)


def each(work: Callable[[Any], object], values: list[Any]) -> None:
    """Do something with each value."""
    for value in values:
        work(value)


def rate(name: str, rows: int, work: Callable[[], object]) -> None:
    """Print rows a CPU second: the median of five runs, and the slowest and fastest."""
    rates = sorted(rows / seconds(work) for _ in range(5))
    print(
        f"  {name:<38} {rates[2]:>12,.0f} rows/s ({rates[0]:,.0f} to {rates[-1]:,.0f})"
    )


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(
        description="The consent gate against the same mask by hand; TC strings."
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--strings", type=Path, default=VECTORS)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    for time_type in ("ms", "timestamp"):
        measure_gate(options.rows, time_type)
    if options.strings.is_file():
        measure_strings(options.strings)
    else:
        print("TC strings: no vectors there; name them by --strings")


if __name__ == "__main__":
    main()
