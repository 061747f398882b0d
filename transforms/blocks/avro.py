"""Avro object container files, streamed record by record."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ...policies.errors import InputError
from .assemble import convert
from .columns import scalar_text
from .files import open_bytes
from .spec import BadRecords, SplitStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .spec import ReadSpec, Split

__all__ = ["read_avro", "value_at"]

_BATCH_ROWS = 16_384


def read_avro(
    spec: ReadSpec, split: Split
) -> Iterator[pa.RecordBatch | BadRecords | SplitStats]:
    """Read one file. Memory: one batch of records and one Avro block.

    Raises:
        InputError: the file breaks off or is damaged.
    """
    import fastavro

    partition = dict(split.partition)
    paths = {name: spec.full(name) for name in spec.sources}
    record = good = bad_count = 0
    with open_bytes(split.path, decompress=False) as file:
        try:
            reader = iter(fastavro.reader(file))
            while rows := list(islice(reader, _BATCH_ROWS)):
                sources = {}
                for name, path in paths.items():
                    values = [value_at(row, path) for row in rows]
                    if path in partition and not any(v is not None for v in values):
                        values = [partition[path]] * len(rows)
                    sources[name] = _array(values)
                records = np.arange(record, record + len(rows))
                block, bad = convert(sources, records, spec, split)
                record, good = record + len(rows), good + block.num_rows
                bad_count += len(bad)
                if block.num_rows:
                    yield block
                if bad:
                    yield BadRecords.of(split, bad)
        except (ValueError, EOFError, OSError, IndexError, KeyError) as error:
            msg = (
                f"{split.path}: the Avro file cannot be read beyond record {record} "
                f"({type(error).__name__}); it is cut off or damaged. Write it again."
            )
            raise InputError(msg) from error
    yield SplitStats(split.id, record, good, bad_count)


def value_at(record: Any, path: str) -> Any:
    """Give the value at a dotted path, a field whose plain name has dots first."""
    if isinstance(record, dict) and path in record:
        return record[path]
    value = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _array(values: list[Any]) -> pa.Array:
    """Infer one type; a union of several becomes text, value by value."""
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    # bytes that are not UTF-8 stay recognisably so: U+FFFD
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    # A number that is not finite keeps a spelling that no storage type accepts.
    return repr(value) if isinstance(value, float) else scalar_text(value)
