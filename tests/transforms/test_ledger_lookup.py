"""What the ledger says about a record, against a plain oracle of the semantics."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.transforms.blocks.names import RAW_PREFIX
from optin.transforms.consent.ledger import (
    Duration,
    LedgerLookup,
    LedgerPlan,
    ledger_hash_keys,
    prepare_ledger,
)
from optin.transforms.consent.ledger.keys import normalised, prefixed, siphash
from optin.transforms.consent.ledger.shards import ShardTable, build_shard
from optin.transforms.consent.people import Identities
from optin.transforms.consent.view import BlockView

ERASED, WITHDRAWN, THEN, EXPIRED, AFTER, OTHER, GRANTED = (1 << n for n in range(7))
PURPOSE = "train.ads"
KEYS = {"user": "uid", "device": "ifa"}
DAY = 86_400_000_000
AS_OF = 20 * DAY
HASH_KEYS = ledger_hash_keys(b"a master key of the tests", "data")

Row = dict[str, Any]


def oracle(rows: list[Row], record: Row, time: int, max_age_days: int | None) -> int:
    """Decide one record, as the specification says it, one value at a time."""
    bits = 0
    for column, ledger_column in KEYS.items():
        value = (record[column] or "").strip().lower()
        if not value.strip("0-: "):
            continue
        mine = [
            row
            for row in rows
            if (row.get(ledger_column) or "").strip().lower() == value
            and row["ts"] <= AS_OF
        ]
        kinds = {row["decision"] for row in mine}
        bits |= ERASED if "erase" in kinds else 0
        withdrawn = [r["ts"] for r in mine if r["decision"] == "withdraw" and near(r)]
        after = max(withdrawn, default=-1)
        grants = [row for row in mine if row["decision"] == "grant"]
        valid = [row for row in grants if above(row) and row["ts"] > after]
        if withdrawn:
            if not valid:
                bits |= WITHDRAWN
            elif time < min(row["ts"] for row in valid):
                bits |= THEN
        current = [row for row in valid if row["ts"] <= time]
        if current:
            latest = max(row["ts"] for row in current)
            ends = [r["expires"] for r in current if r["ts"] == latest and r["expires"]]
            old = max_age_days is not None and time > latest + max_age_days * DAY
            ended = bool(ends) and time >= min(ends)
            bits |= EXPIRED if ended or old else GRANTED
            bits |= WITHDRAWN if withdrawn and (ended or old) else 0
        elif valid:
            bits |= AFTER
        elif any(not above(row) for row in grants):
            bits |= OTHER
    return bits


def above(row: Row) -> bool:
    """Tell whether a grant covers the purpose: it, its parent, or everything."""
    return row["purpose"] in ("*", "train", "train.ads")


def near(row: Row) -> bool:
    """Tell whether a withdrawal touches the purpose; a child of it does too."""
    return (row["purpose"] or "") in ("", "*", "train", "train.ads", "train.ads.video")


def write(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def plan_for(path: Path, **changes: Any) -> LedgerPlan:
    settings_: dict[str, Any] = {
        "format": "jsonl",
        "path": str(path),
        "keys": tuple(KEYS.items()),
        "purpose": PURPOSE,
        "hash_keys": HASH_KEYS,
        "time_field": "ts",
        "time_unit": "us",
        "required": False,
    }
    return LedgerPlan(**(settings_ | changes))


def look_up(
    rows: list[Row],
    records: list[tuple[Row, int]],
    max_age: Duration | None = None,
    shard_bits: int = 0,
) -> list[int]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        write(path, rows)
        prepared = prepare_ledger(plan_for(path), folder, AS_OF, shard_bits=shard_bits)
        columns = {
            name: pa.array([record[name] for record, _ in records], pa.string())
            for name in KEYS
        }
        times = np.array([time for _, time in records], dtype=np.int64)
        return LedgerLookup(prepared, max_age).bits(columns, times).tolist()


# Days 1 to 6 make ties and borders frequent; day 25 is after the as-of instant.
DAYS = st.sampled_from([1, 2, 3, 4, 5, 6, 20, 25]).map(lambda day: day * DAY)
VALUES = st.sampled_from(["1", "a", " A", "é", "É", "0-0", "", None])


@st.composite
def decisions(draw) -> Row:
    word = draw(st.sampled_from(["grant", "grant", "grant", "withdraw", "erase"]))
    purposes: list[str | None] = [
        "*",
        "train",
        "train.ads",
        "train.ads.video",
        "train.adsx",
        "tr",
    ]
    if word != "grant":
        purposes += ["", None]
    time = draw(DAYS)
    later = st.sampled_from([1, 2, 4]).map(lambda days: time + days * DAY)
    row = {
        "decision": word,
        "purpose": draw(st.sampled_from(purposes)),
        "ts": time,
        "expires": draw(st.none() | later),
        "uid": draw(VALUES),
        "ifa": draw(VALUES),
    }
    if not (row["uid"] or "").strip() and not (row["ifa"] or "").strip():
        row["uid"] = "1"
    return row


RECORDS = st.lists(
    st.tuples(st.fixed_dictionaries({"user": VALUES, "device": VALUES}), DAYS),
    min_size=1,
    max_size=12,
)


@settings(max_examples=300)
@given(
    st.lists(decisions(), max_size=8),
    RECORDS,
    st.none() | st.integers(1, 4),
    st.sampled_from([0, 1, 4]),
)
def test_bits_agree_with_the_oracle(rows, records, max_age_days, shard_bits):
    max_age = None if max_age_days is None else Duration(max_age_days, "d")
    expected = [oracle(rows, r, time, max_age_days) for r, time in records]
    assert look_up(rows, records, max_age, shard_bits) == expected


@settings(max_examples=100)
@given(
    st.lists(decisions(), max_size=8),
    decisions(),
    st.sampled_from(["withdraw", "erase"]),
    RECORDS,
)
def test_a_further_no_never_makes_a_record_more_allowed(rows, extra, word, records):
    # Allowed: a grant is current, and nothing was erased or withdrawn. A further no may
    # take GRANTED away, or turn WITHDRAWN_THEN into WITHDRAWN; it never lifts a refusal.
    def allowed(bits: int) -> bool:
        return bits & GRANTED > 0 and bits & (ERASED | WITHDRAWN | THEN) == 0

    before = look_up(rows, records)
    after = look_up([*rows, {**extra, "decision": word}], records)
    for old, new in zip(before, after, strict=True):
        assert old & ERASED <= new & ERASED
        assert old & GRANTED >= new & GRANTED
        assert not (allowed(new) and not allowed(old))
        if old & (WITHDRAWN | THEN):
            assert new & (WITHDRAWN | THEN)


def row(word: str, day: int, purpose: str = "train", **more: Any) -> Row:
    return {"uid": "u", "decision": word, "purpose": purpose, "ts": day * DAY, **more}


@pytest.mark.parametrize(
    ("rows", "day", "expected"),
    [
        ([], 3, 0),
        ([row("grant", 3)], 3, GRANTED),  # the grant's own instant is in
        ([row("grant", 4)], 3, AFTER),
        ([row("grant", 3), row("withdraw", 3)], 4, WITHDRAWN),  # a tie does not grant
        ([row("grant", 5), row("withdraw", 3)], 4, THEN | AFTER),
        ([row("grant", 5), row("withdraw", 3)], 5, GRANTED),
        (
            [row("withdraw", 1), row("grant", 2, expires=4 * DAY)],
            4,
            EXPIRED | WITHDRAWN,
        ),
        ([row("withdraw", 1), row("grant", 2, expires=4 * DAY)], 3, GRANTED),
        ([row("grant", 21)], 22, 0),  # after the as-of instant: not known yet
        ([row("erase", 20), row("grant", 1)], 3, ERASED | GRANTED),
        ([row("grant", 2, expires=4 * DAY)], 4, EXPIRED),
        ([row("grant", 2, expires=4 * DAY), row("grant", 2)], 4, EXPIRED),
        ([row("grant", 2, expires=4 * DAY), row("grant", 3)], 4, GRANTED),
        ([row("grant", 2, "play")], 3, OTHER),
        ([row("grant", 2, "train.ads.video")], 3, OTHER),  # a part is not the whole
        ([row("withdraw", 2, "train.ads.video")], 3, WITHDRAWN),  # but it taints it
        ([row("withdraw", 2, "TRAIN")], 3, WITHDRAWN),
        ([row("grant", 2, "TRAIN")], 3, OTHER),
        ([row("grant", 1), row("withdraw", 2, "play")], 3, GRANTED),
    ],
)
def test_bits_by_hand(rows, day, expected):
    assert look_up(rows, [({"user": "u", "device": None}, day * DAY)]) == [expected]


def test_max_age_counts_to_the_very_instant():
    # 13 calendar months after 1970-01-11 is 1971-02-11, to the microsecond.
    end = int(datetime(1971, 2, 11, tzinfo=UTC).timestamp()) * 1_000_000
    who = {"user": "u", "device": None}
    found = look_up(
        [row("grant", 10)], [(who, end), (who, end + 1)], Duration(13, "mo")
    )
    assert found == [GRANTED, EXPIRED]


def test_the_same_value_in_another_column_is_another_key():
    records = [({"user": None, "device": "u"}, 3 * DAY)]
    assert look_up([row("grant", 1)], records) == [0]


def test_a_key_of_a_megabyte():
    long = "x" * (1 << 20)
    rows = [row("grant", 1) | {"uid": long}]
    records = [
        ({"user": long, "device": None}, DAY),
        ({"user": long + "x", "device": None}, DAY),
    ]
    assert look_up(rows, records) == [GRANTED, 0]


@given(st.lists(st.none() | st.text(alphabet=" 0-:aA\u00a0\u0130\t\n\x0b", max_size=4)))
def test_identities_are_the_gates_own(texts):
    array = pa.array(texts, pa.string())
    view = BlockView(pa.record_batch({RAW_PREFIX + "user": array}))
    named = Identities(view, ("user",))
    assert normalised(array).equals(named.take(np.arange(view.rows)))
    assert named.named.tolist() == normalised(array).is_valid().to_pylist()


def test_keys_are_told_apart_where_their_first_hashes_collide():
    from optin.transforms.consent.ledger.read import DECISION_DTYPE, ERASE, GRANT

    decided = np.array(
        [(7, 1, DAY, 2**62, GRANT), (7, 3, DAY, 2**62, ERASE)], DECISION_DTYPE
    )
    table = ShardTable.of(build_shard(decided), None)
    h1 = np.array([7, 7, 7, 7, 8], dtype=np.uint64)
    h2 = np.array([1, 2, 3, 4, 1], dtype=np.uint64)
    places = table.confirm(table.find(h1), h1, h2)
    assert places.tolist() == [0, -1, 1, -1, -1]


def test_hash_keys_differ_by_master_and_data_set():
    keys = [
        ledger_hash_keys(b"one" * 8, "a"),
        ledger_hash_keys(b"two" * 8, "a"),
        ledger_hash_keys(b"one" * 8, "b"),
    ]
    spelled = [key for pair in keys for key in pair]
    assert len(set(spelled)) == 6
    assert {len(key) for key in spelled} == {16}
    value = prefixed("user", pa.array(["u"]))
    assert len({int(siphash(value, key)[0]) for key in spelled}) == 6
