"""Which files are read, how they are cut, and what the preflight refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from optin.policies.errors import InputError
from optin.transforms.blocks import (
    ReadColumn,
    ReadSpec,
    inspect_input,
    list_files,
    list_splits,
)

if TYPE_CHECKING:
    from pathlib import Path


def spec_of(path: object, format_: Any = "jsonl", **changes: Any) -> ReadSpec:
    settings: dict[str, Any] = {
        "columns": (ReadColumn("age", "int64"),),
        "raw": ("user_id", "ts", "att"),
        "required": ("ts", "age"),
        "required_raw": (("user_id", "device_id"), ("att",)),
        "optional_raw": (("lmt",),),
        "event_time": "ts",
        "event_time_unit": "ms",
        "subject": ("user_id", "device_id"),
    }
    return ReadSpec(format_, str(path), **(settings | changes))


GOOD = {"user_id": "u", "ts": 1, "att": 3, "age": 30, "lmt": 0}


def lines_of(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


# --- files and splits -------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Seven files, of which two are hidden, one lies in a hidden folder, one is empty."""
    for name in (
        "b.jsonl",
        "a.jsonl",
        "sub/dt=1/c.jsonl",
        ".hidden.jsonl",
        "_SUCCESS",
        "_tmp/d.jsonl",
        "empty.jsonl",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "empty.jsonl" else "{}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("", ["a.jsonl", "b.jsonl", "sub/dt=1/c.jsonl"]),
        ("/", ["a.jsonl", "b.jsonl", "sub/dt=1/c.jsonl"]),
        ("/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("/**.jsonl", ["a.jsonl", "b.jsonl", "sub/dt=1/c.jsonl"]),
        ("/sub/dt=*", ["sub/dt=1/c.jsonl"]),
        ("/sub/dt=*/", ["sub/dt=1/c.jsonl"]),
        ("/a.jsonl", ["a.jsonl"]),
        # what the user spells out is never hidden
        ("/.hidden.jsonl", [".hidden.jsonl"]),
        ("/_tmp", ["_tmp/d.jsonl"]),
    ],
)
def test_list_files_finds_files_when_path_is_file_folder_or_glob(
    tree: Path, below: str, expected: list[str]
) -> None:
    files = list_files(spec_of(f"{tree}{below}"))
    assert [file.path.removeprefix(f"{tree}/") for file in files] == expected


def test_list_splits_numbers_byte_ranges_when_files_are_large(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(b"x" * 25)
    (tmp_path / "a.jsonl").write_bytes(b"x" * 10)
    splits = list_splits(spec_of(tmp_path), split_bytes=10)
    assert [(s.id, s.path[-7:], s.start, s.end) for s in splits] == [
        ("00000", "a.jsonl", 0, 10),
        ("00001", "b.jsonl", 0, 10),
        ("00002", "b.jsonl", 10, 20),
        ("00003", "b.jsonl", 20, 25),
    ]


# --- preflight: refusals ------------------------------------------------------------


def refuse(spec: ReadSpec, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        inspect_input(spec)
    for word in words:
        assert word in str(caught.value)


def test_inspect_input_refuses_when_nothing_is_there(tmp_path: Path) -> None:
    refuse(spec_of(tmp_path / "gone" / "*.jsonl"), "gone", "no file")
    refuse(spec_of(tmp_path / "gone"), "gone", "no file")


def test_inspect_input_refuses_when_all_files_are_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    refuse(spec_of(tmp_path), "empty")


def test_inspect_input_refuses_when_formats_are_mixed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines_of(GOOD))
    (tmp_path / "b.csv.gz").write_text("x")
    refuse(spec_of(tmp_path), "b.csv.gz", "csv", "jsonl")


@pytest.mark.parametrize("format_", ["parquet", "avro"])
def test_inspect_input_refuses_when_file_is_of_no_such_format(
    tmp_path: Path, format_: str
) -> None:
    (tmp_path / "data").write_bytes(b"hello, world, this is text")
    refuse(spec_of(tmp_path, format_), "data", "is not a")


def write(path: Path, format_: str, record: dict[str, Any]) -> None:
    if format_ == "csv":
        path.write_text(",".join(record) + "\n" + ",".join(map(str, record.values())))
    elif format_ == "parquet":
        pq.write_table(pa.Table.from_pylist([record]), path)
    else:
        kinds = {int: "long", str: "string", list: {"type": "array", "items": "int"}}
        fields = [{"name": n, "type": kinds[type(v)]} for n, v in record.items()]
        schema = {"type": "record", "name": "r", "fields": fields}
        with path.open("wb") as file:
            fastavro.writer(file, schema, [record])


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {name: v for name, v in GOOD.items() if name not in names} | more


@pytest.mark.parametrize("format_", ["csv", "parquet", "avro"])
def test_inspect_input_names_all_missing_columns_when_file_lacks_them(
    tmp_path: Path, format_: str
) -> None:
    write(tmp_path / f"a.{format_}", format_, GOOD)
    record = without("age", "att", "user_id", Age_=3)
    write(tmp_path / f"b.{format_}", format_, record)
    refuse(
        spec_of(tmp_path, format_),
        f"b.{format_}",
        "'age' (did you mean 'Age_'?)",
        "'att'",
        "'user_id' or 'device_id'",
    )


@pytest.mark.parametrize("format_", ["csv", "parquet", "avro"])
def test_inspect_input_reports_when_input_fits(tmp_path: Path, format_: str) -> None:
    write(tmp_path / f"a.{format_}", format_, without("user_id", "lmt", device_id="d"))
    report = inspect_input(spec_of(tmp_path, format_))
    assert report.files == len(report.splits) == 1
    assert report.size_bytes > 0
    assert report.absent_groups == ()
    # `lmt` is a veto whose column the input lacks.
    assert [w for w in report.warnings if "'lmt'" in w] == list(report.warnings)
    assert len(report.warnings) == 1


def test_inspect_input_refuses_when_two_parquet_files_disagree(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "parquet", GOOD)
    write(tmp_path / "b.parquet", "parquet", GOOD | {"age": "30"})
    refuse(spec_of(tmp_path, "parquet"), "'age'", "a.parquet", "b.parquet", "string")


def test_inspect_input_accepts_when_parquet_files_differ_in_width(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.parquet", "parquet", GOOD)
    table = pa.Table.from_pylist([GOOD])
    narrow = table.set_column(3, "age", table.column("age").cast(pa.int16()))
    pq.write_table(narrow, tmp_path / "b.parquet")
    assert inspect_input(spec_of(tmp_path, "parquet")).files == 2


@pytest.mark.parametrize(
    ("values", "storage", "word"),
    [
        (pa.array([[1]]), "int64", "list"),
        (pa.array([{"x": 1}]), "string", "struct"),
        (pa.array([True]), "int64", "bool"),
        (pa.array([1], pa.timestamp("us")), "timestamp", "without zone"),
        (pa.array([1]), "timestamp", "unit: s, ms or us"),
    ],
)
def test_inspect_input_refuses_when_type_can_never_fit(
    tmp_path: Path, values: pa.Array, storage: Any, word: str
) -> None:
    table = pa.Table.from_pylist([without("age")]).append_column("age", values)
    pq.write_table(table, tmp_path / "a.parquet")
    spec = spec_of(tmp_path, "parquet", columns=(ReadColumn("age", storage),))
    refuse(spec, "a.parquet", "'age'", word)


def test_inspect_input_refuses_when_event_time_is_of_another_unit(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.parquet", "parquet", GOOD)
    spec = spec_of(tmp_path, "parquet", event_time_unit="iso8601")
    refuse(spec, "'ts'", "input.event_time")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"a,b,a\n1,2,3\n", "twice"),
        ("user_id,ts\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"\xff,ts\n1,2\n", "header"),
    ],
)
def test_inspect_input_refuses_when_csv_header_is_unusable(
    tmp_path: Path, data: bytes, word: str
) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    refuse(spec_of(tmp_path, "csv"), "a.csv", word)


def test_inspect_input_counts_folder_as_column_when_hive_partitioned(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "att=3"
    folder.mkdir()
    write(folder / "a.parquet", "parquet", without("att"))
    assert inspect_input(spec_of(tmp_path, "parquet")).files == 1


# --- preflight of JSON lines ----------------------------------------------------------


def test_inspect_input_warns_when_sample_lacks_listed_column(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines_of(without("att", "lmt")))
    spec = spec_of(
        tmp_path, columns=(ReadColumn("age", "int64"), ReadColumn("user_idd", "string"))
    )
    report = inspect_input(spec)
    assert report.absent_groups == (("att",),)
    text = "\n".join(report.warnings)
    assert "'user_idd'" in text
    assert "did you mean 'user_id'?" in text
    assert "'lmt'" in text


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (without("user_id", userid="u"), ("subject key", "did you mean 'userid'?")),
        (without("ts", tz=1), ("event time", "'ts'")),
        (without("age"), ("listed column", "'age'")),
        (without("age", age=None), ("listed column", "'age'")),
    ],
)
def test_inspect_input_refuses_when_policy_is_for_other_columns(
    tmp_path: Path, record: dict[str, Any], words: tuple[str, ...]
) -> None:
    (tmp_path / "a.jsonl").write_text(lines_of(*[record] * 3))
    refuse(spec_of(tmp_path), *words)


def test_inspect_input_refuses_when_root_is_in_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines_of({"payload": GOOD}))
    refuse(spec_of(tmp_path, root="payloads"), "input.root", "did you mean 'payload'?")
    assert inspect_input(spec_of(tmp_path, root="payload")).files == 1


def test_inspect_input_suggests_root_when_columns_lie_deeper(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines_of({"payload": GOOD}))
    refuse(spec_of(tmp_path), "input.root: payload")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (json.dumps(GOOD).encode("utf-16"), "UTF-16"),
        (b"a,b\n1,2\n", "none of the first 2 lines"),
        (b"[1]\n", "none of the first 1 lines"),
    ],
)
def test_inspect_input_refuses_when_nothing_is_json(
    tmp_path: Path, data: bytes, word: str
) -> None:
    (tmp_path / "a.jsonl").write_bytes(data)
    refuse(spec_of(tmp_path), "a.jsonl", word)


def test_inspect_input_refuses_when_gz_is_not_gzipped(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_text(lines_of(GOOD))
    refuse(spec_of(tmp_path), "a.jsonl.gz")


def test_inspect_input_shows_no_value_when_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines_of({"user": "secret-person"}))
    with pytest.raises(InputError) as caught:
        inspect_input(spec_of(tmp_path))
    assert "secret-person" not in str(caught.value)
