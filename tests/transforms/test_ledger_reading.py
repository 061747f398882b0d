"""Reading the ledger: formats, every error with its place, warnings, the digest."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from optin.policies.errors import InputError
from optin.transforms.consent.ledger import (
    Duration,
    LedgerLookup,
    LedgerPlan,
    PreparedLedger,
    ledger_hash_keys,
    prepare_ledger,
)

AS_OF = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
Row = dict[str, Any]
GOOD: Row = {
    "uid": "u1",
    "decision": "grant",
    "purpose": "train",
    "at": "2026-05-01T00:00:00Z",
    "expires": None,
}


def plan_for(path: Path, **changes: Any) -> LedgerPlan:
    settings: dict[str, Any] = {
        "format": "jsonl",
        "path": str(path),
        "keys": (("user", "uid"),),
        "purpose": "train",
        "hash_keys": ledger_hash_keys(b"a master key of the tests", "data"),
        "time_field": "at",
    }
    return LedgerPlan(**(settings | changes))


def prepare(folder: Path, rows: list[Row], **changes: Any) -> PreparedLedger:
    path = folder / "ledger.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return prepare_ledger(plan_for(path, **changes), str(folder / "out"), AS_OF)


def bits_of(prepared: PreparedLedger, user: str, time: str) -> int:
    moment = int(datetime.fromisoformat(time).timestamp()) * 1_000_000
    times = np.array([moment], dtype=np.int64)
    return int(LedgerLookup(prepared).bits({"user": pa.array([user])}, times)[0])


def messages(folder: Path, rows: list[Row], **changes: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        prepare(folder, rows, **changes)
    assert not (folder / "out").exists()  # nothing is written of a ledger with errors
    return str(caught.value).splitlines()


TABLE = [
    GOOD,
    GOOD | {"uid": "u2", "expires": "2026-05-03T00:00:00Z"},
    GOOD | {"uid": "u3", "decision": "ERASE ", "purpose": None},
]


def write_table(path: Path, kind: str) -> None:
    if kind == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(GOOD))
            writer.writeheader()
            writer.writerows(TABLE)
    elif kind == "parquet":
        table = pa.Table.from_pylist(TABLE)
        for name in ("at", "expires"):
            place = table.column_names.index(name)
            instants = table.column(name).cast(pa.timestamp("us", "UTC"))
            table = table.set_column(place, name, instants)
        pq.write_table(table, path)
    else:
        text = "".join(json.dumps(row) + "\n" for row in TABLE).encode()
        path.write_bytes(gzip.compress(text) if kind == "jsonl.gz" else text)


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("jsonl", "iso8601"),
        ("jsonl.gz", "iso8601"),
        ("csv", "iso8601"),
        ("parquet", "iso8601"),
        ("parquet", "ms"),  # typed instants need no unit
    ],
)
def test_every_format_reads_the_same(tmp_path, kind, unit):
    path = tmp_path / f"ledger.{kind}"
    write_table(path, kind)
    form = kind.removesuffix(".gz")
    plan = plan_for(path, format=form, time_unit=unit)
    prepared = prepare_ledger(plan, str(tmp_path / "out"), AS_OF)
    assert prepared.decisions == {"grant": 2, "withdraw": 0, "erase": 1}
    assert prepared.newest_micros == 1_777_593_600_000_000
    assert (prepared.rows, prepared.key_values, prepared.warnings) == (3, 3, ())
    assert bits_of(prepared, "U1", "2026-05-04T00:00:00Z") == 64
    assert bits_of(prepared, "u2", "2026-05-02T23:59:59Z") == 64
    assert bits_of(prepared, "u2", "2026-05-03T00:00:00Z") == 8
    assert bits_of(prepared, "u3", "2026-05-03T00:00:00Z") == 1


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"decision": "allow"}, "must be grant, withdraw or erase"),
        ({"decision": None}, "must be grant, withdraw or erase"),
        ({"at": None}, "(at) is missing or cannot be read"),
        ({"at": "yesterday"}, "(at) is missing or cannot be read"),
        ({"at": "2026-05-01T00:00:00"}, "with an offset such as Z"),
        ({"expires": "later"}, "the end of the grant (expires) cannot be read"),
        ({"expires": "2026-05-01T00:00:00Z"}, "must be after its time"),
        ({"purpose": " "}, "a grant must name a purpose"),
        ({"purpose": None}, "a grant must name a purpose"),
        ({"purpose": ["train", "ads"]}, "no Fides key"),
        ({"decision": "withdraw", "purpose": "train, ads"}, "no Fides key"),
        ({"uid": None}, "no key names anybody (uid)"),
        ({"uid": " "}, "no key names anybody (uid)"),
    ],
)
def test_a_wrong_record_is_named_by_its_line(tmp_path, bad, said):
    found = messages(tmp_path, [GOOD, GOOD | bad, GOOD])
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/ledger.jsonl:2: ")
    assert said in found[0]


def test_no_value_of_the_ledger_is_in_a_message(tmp_path):
    secret = dict.fromkeys(GOOD, "s3cret!") | {"uid": " "}
    assert "s3cret" not in "".join(messages(tmp_path, [secret]))


def test_a_naive_time_is_read_where_the_plan_has_a_zone(tmp_path):
    rows = [GOOD | {"at": "2026-05-01T02:00:00"}]
    prepared = prepare(tmp_path, rows, time_tz="Europe/Berlin")
    assert prepared.newest_micros == 1_777_593_600_000_000  # 2026-05-01T00:00Z


def test_lines_count_blank_ones_and_records_that_break(tmp_path):
    path = tmp_path / "ledger.jsonl"
    good, bad = json.dumps(GOOD), json.dumps(GOOD | {"decision": "?"})
    path.write_text(f"\n{good}\n{{\n\n{bad}\n{good}\n")
    with pytest.raises(InputError) as caught:
        prepare_ledger(plan_for(path), str(tmp_path / "out"), AS_OF)
    first, second = str(caught.value).splitlines()
    assert first == f"{path}:3: the record is not well formed."
    assert second.startswith(f"{path}:5: the decision")


def test_lines_count_on_across_the_splits_of_a_file(tmp_path, monkeypatch):
    from optin.transforms.blocks import listing
    from optin.transforms.consent.ledger import read

    def small_splits(spec, files):
        return listing.list_splits(spec, files, split_bytes=300)

    monkeypatch.setattr(read, "list_splits", small_splits)
    rows = [GOOD] * 20
    rows[16] = GOOD | {"decision": "?"}  # line 17, of about 100 bytes each
    assert [text.split(": ")[0] for text in messages(tmp_path, rows)] == [
        f"{tmp_path}/ledger.jsonl:17"
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_wrong_record_without_lines_is_named_by_its_number(tmp_path, kind):
    path = tmp_path / f"ledger.{kind}"
    table = pa.Table.from_pylist([GOOD, GOOD | {"uid": None}])
    if kind == "csv":
        path.write_text(
            "uid,decision,purpose,at\n"
            "u,grant,train,2026-05-01T00:00:00Z\n,erase,,2026-05-01T00:00:00Z\n"
        )
    else:
        pq.write_table(table, path)
    with pytest.raises(InputError, match=r"record 2: no key names anybody \(uid\)"):
        prepare_ledger(plan_for(path, format=kind), str(tmp_path / "out"), AS_OF)


def test_twenty_problems_are_shown_and_the_others_counted(tmp_path):
    found = messages(tmp_path, [GOOD | {"decision": "?"}] * 1_025 + [GOOD])
    assert len(found) == 21
    assert found[0].split(": ")[0].endswith(":1")
    assert found[-1] == "and 1,005 more"


def test_a_column_that_is_nowhere_is_named_first(tmp_path):
    found = messages(tmp_path, [GOOD], decision_field="decisions")
    assert "no record has a readable decisions" in found[0]
    found = messages(tmp_path, [GOOD], keys=(("user", "user_id"),))
    assert "consent.ledger.key" in found[0]


def test_missing_files_are_an_error_even_where_not_required(tmp_path):
    with pytest.raises(InputError, match=r"consent\.ledger\.path .*no file is there"):
        prepare_ledger(plan_for(tmp_path / "none", required=False), "out", AS_OF)


def test_files_of_another_format_are_an_error(tmp_path):
    (tmp_path / "ledger.csv").write_text("uid\n")
    with pytest.raises(InputError, match=r"policy says consent\.ledger\.format: jsonl"):
        prepare_ledger(plan_for(tmp_path / "ledger.csv"), "out", AS_OF)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_ledger(tmp_path, text):
    path = tmp_path / "ledger.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match="holds no decision"):
        prepare_ledger(plan_for(path), str(tmp_path / "out"), AS_OF)
    plan = plan_for(path, required=False)
    prepared = prepare_ledger(plan, str(tmp_path / "out"), AS_OF)
    assert len(prepared.warnings) == 1
    assert prepared.newest_micros is None
    assert bits_of(prepared, "u1", "2026-05-04T00:00:00Z") == 0


def test_a_stale_ledger(tmp_path):
    # The newest decision is 31 days before the as-of instant: 30 days are too few, and
    # one calendar month, to 2026-05-01T00:00Z itself, is enough.
    found = messages(tmp_path, [GOOD], lateness=Duration(30, "d"))
    assert "is stale; its newest decision is 744 hours before" in found[0]
    prepared = prepare(tmp_path, [GOOD], lateness=Duration(30, "d"), required=False)
    assert "is stale" in prepared.warnings[0]
    assert prepare(tmp_path, [GOOD], lateness=Duration(1, "mo")).warnings == ()


def test_zero_identifiers_are_counted_and_have_no_effect(tmp_path):
    zero = GOOD | {"uid": "00000000-0000-0000-0000-000000000000", "decision": "erase"}
    prepared = prepare(tmp_path, [GOOD, zero])
    assert prepared.nobody == 1
    assert "all-zero identifiers alone have no effect: 1 here" in prepared.warnings[0]
    assert bits_of(prepared, zero["uid"], "2026-05-04T00:00:00Z") == 0


def test_one_key_of_several_is_enough(tmp_path):
    keys = (("user", "uid"), ("device", "ifa"))
    prepared = prepare(tmp_path, [GOOD | {"ifa": "0-0"}], keys=keys)
    assert (prepared.nobody, prepared.key_values) == (0, 1)


def test_decisions_after_the_as_of_instant_are_counted(tmp_path):
    late = GOOD | {"at": "2026-06-01T00:00:00.000001Z", "decision": "erase"}
    prepared = prepare(tmp_path, [GOOD, late])
    assert (prepared.later, prepared.rows) == (1, 2)
    assert bits_of(prepared, "u1", "2026-05-04T00:00:00Z") == 64


def test_the_digest_is_of_names_and_bytes_wherever_they_lie(tmp_path):
    digests = []
    for place in ("here", "there"):
        folder = tmp_path / place / "ledger"
        (folder / "2026").mkdir(parents=True)
        (folder / "b.jsonl").write_text(json.dumps(GOOD))
        (folder / "2026" / "a.jsonl").write_text(json.dumps(GOOD) + "\n")
        plan = plan_for(folder)
        digests.append(prepare_ledger(plan, str(tmp_path / "out"), AS_OF).digest)
    text = json.dumps(GOOD)
    whole = f"2026/a.jsonl\0{text}\nb.jsonl\0{text}".encode()
    assert digests == [f"sha256:{hashlib.sha256(whole).hexdigest()}"] * 2


@pytest.mark.parametrize(
    ("join", "broadcasts"), [("auto", True), ("broadcast", True), ("sharded", False)]
)
def test_a_small_ledger_is_broadcast_unless_the_policy_says_otherwise(
    tmp_path, join, broadcasts
):
    assert prepare(tmp_path, [GOOD], join=join).broadcasts is broadcasts


def test_the_order_of_the_ledger_does_not_matter(tmp_path):
    random = np.random.default_rng(3)
    rows = [
        GOOD
        | {
            "uid": f"u{random.integers(40)}",
            "decision": str(random.choice(["grant", "grant", "withdraw", "erase"])),
            "at": f"2026-05-{random.integers(1, 29):02d}T00:00:00Z",
        }
        for _ in range(500)
    ]
    shards = []
    for _ in range(2):
        prepared = prepare(tmp_path, rows)
        shards.append(Path(prepared.shards[0]).read_bytes())
        random.shuffle(rows)
    assert shards[0] == shards[1]
