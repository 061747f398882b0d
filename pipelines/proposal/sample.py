"""The first records of an input, every column as text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.column_names import words_of_name
from ...policies.errors import InputError
from ...transforms.blocks import ReadSpec, list_files, list_splits, raw_name, read_split
from ...transforms.blocks.schemas import (
    avro_schema,
    csv_schema,
    parquet_schema,
    sample_json,
)
from ...transforms.blocks.unlisted import leaves

__all__ = ["Look", "Sample", "look_at"]

Kind = Literal["empty", "boolean", "integer", "number", "date", "time", "list", "text"]

_RECORDS = 20_000
_DISTINCT = 2_000
_SPLITS = 8
_MOST = 0.99
_NAME = re.compile(r"[\w.$ -]{1,80}", re.ASCII)
_VALUE_IN_NAME = re.compile(r"[0-9]{5}|[0-9a-f]{8}-[0-9a-f]{4}", re.IGNORECASE)
_BOOLEANS = {"true", "false"}
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[+-]?(0|[1-9][0-9]*)?\.?[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*")


@dataclass(frozen=True)
class Look:
    """One column of the sample.

    Attributes:
        name: dotted path.
        records: of the sample.
        values: texts of the records that have one.
    """

    name: str
    records: int
    values: pa.Array

    @property
    def filled(self) -> float:
        """Share of the records that have a value."""
        return len(self.values) / max(self.records, 1)

    @cached_property
    def distinct(self) -> tuple[str, ...]:
        """Distinct values, at most 2,000."""
        return tuple(self.values.unique().slice(0, _DISTINCT).to_pylist())

    @cached_property
    def variety(self) -> int:
        """How many distinct values there are."""
        return len(self.values.unique())

    @property
    def uniqueness(self) -> float:
        """Distinct values per value; 1 where none comes twice."""
        return self.variety / max(len(self.values), 1)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words of the whole path, in lower case."""
        return words_of_name(self.name)

    @cached_property
    def kind(self) -> Kind:
        """What the values of the sample are; a few ill-formed ones change nothing."""
        if not self.distinct:
            return "empty"
        if any(value[:1] in "[{" for value in self.distinct):
            return "list"
        if {value.lower() for value in self.distinct} <= _BOOLEANS:
            return "boolean"
        for kind, pattern in (
            ("integer", _INTEGER),
            ("number", _NUMBER),
            ("date", _DATE),
            ("time", _TIME),
        ):
            if self.share(pattern.fullmatch) >= _MOST:
                return kind  # type: ignore[return-value]  # the four words above
        return "text"

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """The values as numbers; none of a column of another kind."""
        if self.kind not in ("integer", "number"):
            return np.zeros(0)
        told = pc.match_substring_regex(
            self.values, f"^({_NUMBER.pattern})$", ignore_case=True
        )
        found = pc.cast(self.values.filter(told), pa.float64())
        numbers = found.to_numpy(zero_copy_only=False)
        return np.asarray(numbers[np.isfinite(numbers)], dtype=np.float64)

    def share(self, holds: Callable[[str], object]) -> float:
        """Give the share of the distinct values of which something holds."""
        met = sum(1 for value in self.distinct if holds(value))
        return met / max(len(self.distinct), 1)

    def called(self, pattern: str) -> bool:
        """Tell whether the path's words, joined by `_`, end as a pattern says."""
        return re.search(rf"(^|_)({pattern})$", "_".join(self.words)) is not None


@dataclass(frozen=True)
class Sample:
    """What was looked at.

    Attributes:
        columns: those that hold single values.
        lists: names of those that hold lists or empty objects.
        hidden: how many names were left out since they may be values themselves.
        records: looked at.
    """

    columns: tuple[Look, ...]
    lists: tuple[str, ...]
    hidden: int
    records: int


def look_at(spec: ReadSpec) -> Sample:
    """Read the first records of an input, from some of its files.

    Raises:
        InputError: nothing can be read.
    """
    names = _names(spec)
    plain = [
        name
        for name in names
        if _NAME.fullmatch(name) and not _VALUE_IN_NAME.search(name)
    ]
    if not plain:
        message = f"{spec.path}: no column with a plain name is in the first records"
        raise InputError(message)
    wanted = ReadSpec(spec.format, spec.path, spec.root, raw=tuple(plain))
    splits = list_splits(wanted)
    step = max(1, math.ceil(len(splits) / _SPLITS))
    blocks: list[pa.RecordBatch] = []
    for split in splits[::step]:
        left = _RECORDS // len(splits[::step])
        for item in read_split(wanted, split):
            if isinstance(item, pa.RecordBatch):
                blocks.append(item.slice(0, left))
                left -= blocks[-1].num_rows
                if left <= 0:
                    break
    records = sum(block.num_rows for block in blocks)
    if not records:
        message = f"{spec.path}: no record can be read"
        raise InputError(message)
    columns = []
    for name in plain:
        parts = [block.column(raw_name(name)).cast(pa.string()) for block in blocks]
        values = pa.chunked_array(parts).combine_chunks().drop_null()
        columns.append(Look(name, records, values))
    return Sample(
        columns=tuple(one for one in columns if one.kind not in ("list", "empty")),
        lists=tuple(one.name for one in columns if one.kind in ("list", "empty")),
        hidden=len(names) - len(plain),
        records=records,
    )


def _names(spec: ReadSpec) -> list[str]:
    """Give the dotted paths below the root, in the order in which they stand."""
    files = list_files(spec)
    if spec.format == "jsonl":
        seen = sample_json(spec, files).seen
        parents = {path[:at] for path in seen for at, c in enumerate(path) if c == "."}
        found = sorted(seen - parents)
    else:
        read = {"csv": csv_schema, "parquet": parquet_schema, "avro": avro_schema}
        found = leaves(read[spec.format](files[0].path))
    if spec.root is None:
        return found
    below = f"{spec.root}."
    return [name.removeprefix(below) for name in found if name.startswith(below)]
