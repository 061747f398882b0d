"""The same records in four formats give the same blocks."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from optin.policies.errors import InputError
from optin.transforms.blocks import (
    RECORD,
    SPLIT_KEY,
    BadRecords,
    ReadColumn,
    ReadSpec,
    SplitStats,
    list_splits,
    raw_name,
    read_split,
)

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (
    ReadColumn("user.id", "string"),
    ReadColumn("user.yob", "int64"),
    ReadColumn("geo.lat", "float64"),
    ReadColumn("clicked", "bool"),
    ReadColumn("seen", "timestamp"),
    ReadColumn("born", "date"),
)
RAW = ("user.id", "user.yob", "att", "seen")
FORMATS = ("jsonl", "csv", "parquet", "parquet_flat", "avro")

RECORDS: list[dict[str, Any]] = [
    {
        "user": {"id": "u1", "yob": 1984},
        "geo": {"lat": 52.5},
        "clicked": True,
        "seen": datetime(2024, 1, 1, 12, 30, tzinfo=UTC),
        "born": date(1984, 2, 29),
        "att": 3,
    },
    {
        "user": {"id": 'ü,"x"\ny', "yob": None},
        "geo": {"lat": -0.125},
        "clicked": False,
        "seen": None,
        "born": None,
        "att": None,
    },
    {
        "user": {"id": "u3", "yob": 2001},
        "geo": {"lat": None},
        "clicked": None,
        "seen": datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        "born": date(2001, 1, 1),
        "att": 0,
    },
]
FLAT = [
    {
        "user.id": r["user"]["id"],
        "user.yob": r["user"]["yob"],
        "geo.lat": r["geo"]["lat"],
        **{name: r[name] for name in ("clicked", "seen", "born", "att")},
    }
    for r in RECORDS
]
ARROW = {"seen": pa.timestamp("us", "UTC"), "born": pa.date32(), "att": pa.int32()}
AVRO_SCHEMA = {
    "type": "record",
    "name": "event",
    "fields": [
        {
            "name": "user",
            "type": {
                "type": "record",
                "name": "user",
                "fields": [
                    {"name": "id", "type": "string"},
                    {"name": "yob", "type": ["null", "int"]},
                ],
            },
        },
        {
            "name": "geo",
            "type": {
                "type": "record",
                "name": "geo",
                "fields": [{"name": "lat", "type": ["null", "double"]}],
            },
        },
        {"name": "clicked", "type": ["null", "boolean"]},
        {
            "name": "seen",
            "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}],
        },
        {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "att", "type": ["null", "int"]},
    ],
}


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if isinstance(value, date) else str(value)
    return '"' + text.replace('"', '""') + '"'


def table_of(records: list[dict[str, Any]]) -> pa.Table:
    table = pa.Table.from_pylist(records)
    for name, kind in ARROW.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(kind))
    return table


def write(folder: Path, format_: str) -> ReadSpec:
    kind: Any
    kind = format_.removesuffix("_flat")
    path = folder / f"events.{kind}"
    if kind == "jsonl":
        lines = [json.dumps(r, default=lambda v: v.isoformat()) for r in RECORDS]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif kind == "csv":
        rows = [",".join(FLAT[0])]
        rows += [",".join(map(cell, row.values())) for row in FLAT]
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    elif kind == "parquet":
        pq.write_table(table_of(FLAT if format_ != kind else RECORDS), path)
    else:
        with path.open("wb") as file:
            fastavro.writer(file, fastavro.parse_schema(AVRO_SCHEMA), RECORDS)
    return ReadSpec(kind, str(folder), columns=COLUMNS, raw=RAW, subject=("user.id",))


def read(spec: ReadSpec) -> tuple[pa.Table, list[dict[str, Any]], list[SplitStats]]:
    blocks, bad, stats = [], [], []
    for split in list_splits(spec):
        for item in read_split(spec, split):
            if isinstance(item, BadRecords):
                bad += item.batch.to_pylist()
            elif isinstance(item, SplitStats):
                stats.append(item)
            else:
                assert item.schema.metadata == {SPLIT_KEY: split.id.encode()}
                blocks.append(item.replace_schema_metadata(None))
    return pa.Table.from_batches(blocks), bad, stats


@pytest.mark.parametrize("format_", FORMATS)
def test_read_split_gives_same_block_when_format_differs(
    tmp_path: Path, format_: str
) -> None:
    spec = write(tmp_path, format_)
    table, bad, stats = read(spec)
    assert bad == []
    assert stats[0].records == stats[0].rows == 3
    table.validate(full=True)
    for name in spec.storage:
        # Both sides are plain Python values: the oracle is the input itself.
        assert table.column(name).to_pylist() == [row[name] for row in FLAT]
    assert table.column(RECORD).to_pylist() == [0, 1, 2]
    assert table.column(raw_name("user.yob")).to_pylist() == ["1984", None, "2001"]
    assert table.column(raw_name("att")).to_pylist() == ["3", None, "0"]
    seen = table.column(raw_name("seen")).to_pylist()
    assert [s and datetime.fromisoformat(s) for s in seen] == [r["seen"] for r in FLAT]


# --- CSV ------------------------------------------------------------------------------


def csv_spec(path: Path, *columns: ReadColumn, raw: tuple[str, ...] = ()) -> ReadSpec:
    return ReadSpec("csv", str(path), columns=columns, raw=raw, subject=("a",))


def test_read_csv_sets_records_aside_when_they_are_ill_formed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"a,b,c\n1,2,x\n1,2\n\n3,\xff,x\n4,5,x,6\nx,7,x\n8,9,x\n10,\xff,\xff\n"
    )
    spec = csv_spec(path, ReadColumn("a", "int64"), ReadColumn("b", "string"))
    table, bad, stats = read(spec)
    assert table.to_pylist() == [
        {RECORD: 0, "a": 1, "b": "2"},
        {RECORD: 5, "a": 8, "b": "9"},
    ]
    assert sorted((row["record"], row["code"]) for row in bad) == [
        (1, "BAD_RECORD"),
        (2, "BAD_ENCODING"),
        (3, "BAD_RECORD"),
        (4, "BAD_TYPE"),
        (6, "BAD_ENCODING"),
    ]
    assert {row["record"]: row["raw"] for row in bad}[1] == b"1,2"
    assert stats == [SplitStats("00000", 7, 2, 5)]


def test_read_csv_numbers_records_when_blocks_are_small(tmp_path: Path) -> None:
    from optin.transforms.blocks.csv import read_csv

    path = tmp_path / "a.csv"
    # Every seventh record has a cell too many.
    lines = [f"{n},{n}" + (",0" if n % 7 == 3 else "") for n in range(5000)]
    path.write_text("a,b\n" + "\n".join(lines))
    spec = csv_spec(path, ReadColumn("a", "int64"))
    rows, odd = [], []
    for item in read_csv(spec, list_splits(spec)[0], block_bytes=1000):
        if isinstance(item, BadRecords):
            odd += item.batch.column("record").to_pylist()
        elif not isinstance(item, SplitStats):
            rows += item.to_pylist()
    assert all(row[RECORD] == row["a"] for row in rows)
    assert odd == [n for n in range(5000) if n % 7 == 3]
    assert len(rows) + len(odd) == 5000


def test_read_csv_reads_no_record_when_there_is_only_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n")
    spec = csv_spec(path, ReadColumn("a", "int64"))
    items = list(read_split(spec, list_splits(spec)[0]))
    assert items == [SplitStats("00000", 0, 0, 0)]


def test_read_csv_sets_all_aside_when_no_record_is_good(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1\n\xff\n1,2,3\n")
    spec = csv_spec(path, ReadColumn("a", "int64"))
    items = list(read_split(spec, list_splits(spec)[0]))
    bad = [
        row for i in items if isinstance(i, BadRecords) for row in i.batch.to_pylist()
    ]
    assert [(row["record"], row["raw"]) for row in bad] == [
        (0, b"1"),
        (1, b"\xff"),
        (2, b"1,2,3"),
    ]
    assert items[-1] == SplitStats("00000", 3, 0, 3)


def test_read_csv_stops_with_file_name_when_quote_is_never_closed(
    tmp_path: Path,
) -> None:
    from optin.transforms.blocks.csv import read_csv

    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\n1,2\n"' + b"x\n" * 5000)
    spec = csv_spec(path, ReadColumn("a", "int64"))
    with pytest.raises(InputError, match="quote"):
        list(read_csv(spec, list_splits(spec)[0], block_bytes=1000))


# --- Parquet --------------------------------------------------------------------------


def test_read_parquet_gives_folder_value_when_hive_partitioned(tmp_path: Path) -> None:
    for day in ("2024-01-02", "2024-01-01"):
        folder = tmp_path / f"dt={day}" / "os=i%2FOS"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"a": [1, 2]}), folder / "x.parquet")
    spec = ReadSpec(
        "parquet",
        str(tmp_path),
        columns=(ReadColumn("a", "int64"), ReadColumn("dt", "date")),
        raw=("os",),
    )
    table, _, _ = read(spec)
    days = [date(2024, 1, 1)] * 2 + [date(2024, 1, 2)] * 2
    assert table.column("dt").to_pylist() == days
    assert table.column(raw_name("os")).to_pylist() == ["i/OS"] * 4


def test_read_parquet_prefers_plain_name_when_it_holds_dots(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [{"b": 1}], "a.b": [2]}), path)
    spec = ReadSpec("parquet", str(path), columns=(ReadColumn("a.b", "int64"),))
    assert read(spec)[0].column("a.b").to_pylist() == [2]


def test_read_parquet_gives_every_row_once_when_split_by_row_groups(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path, row_group_size=70)
    spec = ReadSpec("parquet", str(path), columns=(ReadColumn("a", "int64"),))
    splits = list_splits(spec, split_rows=200)
    # 15 groups of 70 rows (the last of 20), two groups a split.
    assert [(s.start, s.end) for s in splits][:2] == [(0, 2), (2, 4)]
    values = []
    for split in splits:
        for item in read_split(spec, split):
            if isinstance(item, pa.RecordBatch):
                values += item.column("a").to_pylist()
    assert values == list(range(1000))


@pytest.mark.parametrize(
    ("array", "storage", "expected"),
    [
        (pa.array([1, 2], pa.uint8()), "int64", [1, 2]),
        (pa.array([2**63, 2], pa.uint64()), "int64", ["bad", 2]),
        (pa.array([1.0, 1.5]), "int64", [1, "bad"]),
        (pa.array(["1984", "x"]), "int64", [1984, "bad"]),
        (pa.array(["a", "b"]).dictionary_encode(), "string", ["a", "b"]),
        (pa.array([b"a", b"\xff"]), "string", ["a", "bad"]),
        (pa.array([1.5, float("nan")], pa.float32()), "float64", [1.5, "bad"]),
        (pa.array([1, 0], pa.int8()), "bool", [True, False]),
        (pa.array(["1.50", "2"]).cast(pa.decimal128(5, 2)), "float64", [1.5, 2.0]),
        (
            pa.array([0, 86_400_000_000_000], pa.timestamp("ns")),
            "date",
            [date(1970, 1, 1), date(1970, 1, 2)],
        ),
        (pa.array([0, 1], pa.timestamp("s")), "date", [date(1970, 1, 1), "bad"]),
        (
            pa.array([1_999, None], pa.timestamp("ns", "Europe/Berlin")),
            "timestamp",
            [datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), None],
        ),
        (pa.array([0, 1], pa.timestamp("us")), "timestamp", ["bad", "bad"]),
    ],
)
def test_read_parquet_converts_cell_by_cell_when_type_differs(
    tmp_path: Path, array: pa.Array, storage: Any, expected: list[Any]
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": array}), path)
    spec = ReadSpec("parquet", str(path), columns=(ReadColumn("a", storage),))
    items = list(read_split(spec, list_splits(spec)[0]))
    found: dict[int, Any] = {}
    for item in items:
        if isinstance(item, BadRecords):
            found |= dict.fromkeys(item.batch.column("record").to_pylist(), "bad")
        elif not isinstance(item, SplitStats):
            found |= {row[RECORD]: row["a"] for row in item.to_pylist()}
    assert [found[0], found[1]] == expected


def test_read_parquet_gives_canonical_text_when_column_is_raw(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table(
        {
            "f": [3.0, 2.5],
            "l": pa.array([[2, None], None], pa.list_(pa.int32())),
            "ll": pa.array([['a"b', "é"], []], pa.large_list(pa.string())),
            "s": pa.array([{"a": 1}, None]),
            "t": pa.array([0, 1], pa.timestamp("ms")),
            "b": pa.array([True, None]),
            "x": pa.array([b" 3.0 ", b"y"], pa.large_binary()),
        }
    )
    pq.write_table(table, path)
    spec = ReadSpec(
        "parquet", str(path), raw=("f", "l", "ll", "s", "t", "b", "x", "gone")
    )
    result = read(spec)[0]
    texts = {n: result.column(raw_name(n)).to_pylist() for n in spec.raw}
    assert texts == {
        "f": ["3", "2.5"],
        "l": ["[2,null]", None],
        "ll": ['["a\\"b","é"]', "[]"],
        "s": ['{"a":1}', None],
        "t": ["1970-01-01T00:00:00.000000", "1970-01-01T00:00:00.001000"],
        "b": ["true", None],
        "x": ["3", "y"],
        "gone": [None, None],
    }


def test_read_parquet_stops_with_file_name_when_file_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(range(50_000))}), path)
    spec = ReadSpec("parquet", str(path), columns=(ReadColumn("a", "int64"),))
    split = list_splits(spec)[0]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"a\.parquet"):
        list(read_split(spec, split))


# --- Avro -----------------------------------------------------------------------------


def test_read_avro_reads_value_by_value_when_union_has_several_kinds(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.avro"
    schema = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "a", "type": ["null", "long", "string", "double"]}],
    }
    values = [1, "2", "x", None, 2.5, float("nan")]
    with path.open("wb") as file:
        fastavro.writer(file, schema, [{"a": value} for value in values])
    spec = ReadSpec("avro", str(path), columns=(ReadColumn("a", "int64"),), raw=("a",))
    table, bad, _ = read(spec)
    assert table.column("a").to_pylist() == [1, 2, None]
    assert [row["record"] for row in bad] == [2, 4, 5]


def test_read_avro_stops_with_file_name_when_file_is_cut_off(tmp_path: Path) -> None:
    spec = write(tmp_path, "avro")
    path = tmp_path / "events.avro"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"events\.avro"):
        list(read_split(spec, list_splits(spec)[0]))
