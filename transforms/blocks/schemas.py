"""What a file says about its columns, without reading its data."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...policies.errors import InputError
from .files import open_bytes
from .jsonl import read_chunks
from .parquet import open_parquet, utc_columns

if TYPE_CHECKING:
    from .listing import InputFile
    from .spec import ReadSpec

__all__ = ["JsonSample", "avro_schema", "csv_schema", "parquet_schema", "sample_json"]

SAMPLE_RECORDS = 1_000
SAMPLE_BYTES = 8 << 20
_HEADER_BYTES = 1 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def parquet_schema(path: str) -> pa.Schema:
    """Read the columns from a footer; INT96 times are given as the UTC they are.

    Raises:
        InputError: it is not a Parquet file.
    """
    with open_bytes(path, decompress=False) as file:
        try:
            parquet = open_parquet(file)
            schema = parquet.schema_arrow
            utc = utc_columns(parquet)
        except (pa.ArrowException, OSError):
            msg = f"{path}: is not a Parquet file, or its end is cut off."
            raise InputError(msg) from None
    fields = [
        pa.field(item.name, pa.timestamp(item.type.unit, "UTC"))
        if item.name in utc and pa.types.is_timestamp(item.type)
        else item
        for item in schema
    ]
    return pa.schema(fields)


def csv_schema(path: str) -> pa.Schema:
    """Read the header; every column counts as text.

    Raises:
        InputError: the header is empty, not UTF-8, or names one column twice.
    """
    with open_bytes(path) as file:
        head = file.read(_HEADER_BYTES)
    if head.startswith(_UTF16) or b"\0" in head:
        msg = f"{path}: looks like UTF-16 or a binary file. Write it as UTF-8 text."
        raise InputError(msg)
    try:
        text = head.rsplit(b"\n", 1)[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        # A cell further down may be ill-formed; only the header must be readable.
        text = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    lines = (line for line in text.splitlines(keepends=True) if line.strip())
    header = next(csv.reader(lines), [])
    twice = sorted({name for name in header if header.count(name) > 1})
    if not header or "\ufffd" in "".join(header):
        msg = f"{path}: has no readable header. The first line must name the columns."
        raise InputError(msg)
    if twice:
        msg = f"{path}: the header names {twice[0]!r} twice. Rename one of them."
        raise InputError(msg)
    return pa.schema([(name, pa.string()) for name in header])


def avro_schema(path: str) -> pa.Schema:
    """Read the writer's schema, given as the nearest Arrow types.

    Raises:
        InputError: it is not an Avro container file of records.
    """
    import fastavro

    with open_bytes(path, decompress=False) as file:
        try:
            written = fastavro.reader(file).writer_schema
        except (ValueError, EOFError, OSError, KeyError, IndexError):
            msg = f"{path}: is not an Avro container file, or is cut off."
            raise InputError(msg) from None
    kind = _avro_type(written, {}, ())
    if not pa.types.is_struct(kind):
        msg = f"{path}: the Avro file does not hold records but {kind}."
        raise InputError(msg)
    return pa.schema([kind.field(index) for index in range(kind.num_fields)])


_AVRO = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int64(),
    "long": pa.int64(),
    "float": pa.float64(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
    "fixed": pa.binary(),
    "array": pa.list_(pa.null()),
    "map": pa.map_(pa.string(), pa.null()),
}
_AVRO_LOGICAL = {
    "date": pa.date32(),
    "decimal": pa.decimal128(38),
    "timestamp-millis": pa.timestamp("us", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "timestamp-nanos": pa.timestamp("us", "UTC"),
    "local-timestamp-millis": pa.timestamp("us"),
    "local-timestamp-micros": pa.timestamp("us"),
    "time-millis": pa.time64("us"),
    "time-micros": pa.time64("us"),
    "uuid": pa.string(),
}


def _avro_type(
    schema: Any, named: dict[str, Any], inside: tuple[str, ...]
) -> pa.DataType:
    if isinstance(schema, list):
        kinds = [_avro_type(item, named, inside) for item in schema if item != "null"]
        # A union of several kinds is read value by value, as text is.
        return kinds[0] if len(kinds) == 1 else pa.string() if kinds else pa.null()
    if isinstance(schema, str):
        if schema in _AVRO:
            return _AVRO[schema]
        return (
            _avro_type(named[schema], named, inside) if schema in named else pa.string()
        )
    kind, name = schema.get("type"), schema.get("name")
    if name:
        named[name] = schema
    logical = _AVRO_LOGICAL.get(schema.get("logicalType"))
    if logical is not None:
        return logical
    if kind in ("record", "error"):
        if name in inside:  # a type that holds itself ends here
            return pa.struct([])
        return pa.struct(
            [
                (item["name"], _avro_type(item["type"], named, (*inside, name)))
                for item in schema["fields"]
            ]
        )
    return _avro_type(kind, named, inside)


@dataclass(frozen=True)
class JsonSample:
    """What the first records of JSON lines look like.

    Attributes:
        records: lines looked at, blank ones left out.
        objects: how many of them are JSON objects.
        rooted: how many of those have the root object.
        seen: dotted paths that occur with a value.
        path: file that was looked at first.
        problem: why nothing is an object, if nothing is.
    """

    records: int
    objects: int
    rooted: int
    seen: frozenset[str]
    path: str
    problem: str = ""


def sample_json(spec: ReadSpec, files: tuple[InputFile, ...]) -> JsonSample:
    """Look at the first records, a few of each of the first files.

    Raises:
        InputError: a compressed file is not compressed that way.
    """
    records = objects = rooted = 0
    seen: set[str] = set()
    encoded = False
    share = max(SAMPLE_RECORDS // min(len(files), 4), 1)
    for file in files[:4]:
        lines = _first_lines(file.path, share)
        encoded |= any(line.startswith(_UTF16) or b"\0" in line for line in lines)
        for line in lines:
            records += 1
            try:
                record = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                objects += 1
                rooted += _note(record, "", seen, spec.root)
    problem = (
        "the records look like UTF-16 or a binary format."
        if encoded
        else f"none of the first {records} lines is a JSON object."
    )
    return JsonSample(records, objects, rooted, frozenset(seen), files[0].path, problem)


def _first_lines(path: str, count: int) -> list[bytes]:
    with open_bytes(path) as file:
        for data, whole in read_chunks(file, 0, None, 1 << 20):
            lines = [line for line in data.split(b"\n") if line.strip()]
            return lines[:count] if whole else [data]
    return []


def _note(value: dict[str, Any], prefix: str, seen: set[str], root: str | None) -> bool:
    """Collect the dotted paths below `value`; tell whether the root object is there."""
    rooted = root is None
    for key, child in value.items():
        path = prefix + key
        if child is not None:
            seen.add(path)
        if isinstance(child, dict):
            rooted |= path == root
            rooted |= _note(child, path + ".", seen, root) and root is not None
    return rooted
