"""What is read: the columns, their storage types, and the pieces the input is cut into.

Importing this module does not import Apache Beam.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from .names import RECORD, SPLIT_KEY, raw_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...policies.model import Policy
    from ...policies.semantic_types import Storage

__all__ = [
    "BAD_SCHEMA",
    "STORAGE_TYPES",
    "BadRecords",
    "ReadColumn",
    "ReadSpec",
    "Split",
    "SplitStats",
]

Unit = Literal["s", "ms", "us", "iso8601"]

STORAGE_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}
"""Storage word of a semantic type → Arrow type of the column in a block."""

BAD_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("record", pa.int64()),
        ("line", pa.int64()),
        ("code", pa.string()),
        ("raw", pa.binary()),
    ]
)
"""Schema of ill-formed records: source split, 0-based ordinal in it, 0-based line in it
(JSONL alone, else null), reason code, and the bytes as they came."""


@dataclass(frozen=True)
class ReadColumn:
    """One column that is read into its storage type.

    Attributes:
        name: the policy's name of the column.
        storage: word of `STORAGE_TYPES`.
        unit: how a timestamp or date is written in the input.
    """

    name: str
    storage: Storage
    unit: Unit = "iso8601"


@dataclass(frozen=True)
class ReadSpec:
    """Everything a reader must know; picklable, and equal for equal policies.

    Attributes:
        format: of every file.
        path: file, folder (searched to any depth) or glob, local or of a file system
            that Beam knows.
        root: object that all columns are relative to, or null.
        columns: columns read into their storage type, in policy order.
        raw: columns read as canonical text (`optin:raw:<name>`), in a fixed order.
        required: columns that must exist, each by itself.
        required_raw: groups of columns; at least one column of each group must exist.
        optional_raw: groups as above whose absence is worth a warning only.
        event_time: column of the event time, or null if the policy fixes it.
        event_time_unit: how the event time is written.
        subject: columns that may name the data subject.
        listed: full paths that the input may have; null if it may have any.
    """

    format: Literal["jsonl", "csv", "parquet", "avro"]
    path: str
    root: str | None = None
    columns: tuple[ReadColumn, ...] = ()
    raw: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    required_raw: tuple[tuple[str, ...], ...] = ()
    optional_raw: tuple[tuple[str, ...], ...] = ()
    event_time: str | None = None
    event_time_unit: Unit = "iso8601"
    subject: tuple[str, ...] = ()
    listed: frozenset[str] | None = None

    @property
    def storage(self) -> dict[str, Storage]:
        """Column name → storage word, in policy order."""
        return {column.name: column.storage for column in self.columns}

    @property
    def sources(self) -> tuple[str, ...]:
        """Every column of the input that is read, each once, in a fixed order."""
        return tuple(dict.fromkeys([*self.storage, *self.raw]))

    def full(self, name: str) -> str:
        """Give the dotted path of column `name` from the top of a record."""
        return name if self.root is None else f"{self.root}.{name}"

    def schema(self, split_id: str) -> pa.Schema:
        """Give the schema of every block that split `split_id` gives."""
        fields = [pa.field(RECORD, pa.int64())]
        fields += [
            pa.field(column.name, STORAGE_TYPES[column.storage])
            for column in self.columns
        ]
        fields += [pa.field(raw_name(name), pa.string()) for name in self.raw]
        return pa.schema(fields, metadata={SPLIT_KEY: split_id.encode()})

    @classmethod
    def from_policy(cls, policy: Policy) -> ReadSpec:
        """Derive what must be read from a loaded policy.

        Published columns are read in their storage type; subject keys, event time,
        event id, age and everything a consent signal looks at are read as canonical
        text. A `drop` column is read only if one of the latter needs it, or if a
        published one is made of both (`pair`).
        """
        source, consent = policy.input, policy.consent
        pairs = {column.pair for column in policy.published_columns}
        columns = tuple(
            ReadColumn(column.name, column.semantic.storage, column.unit)
            for column in policy.columns
            if column.published or column.name in pairs
        )
        time = source.event_time.field
        minors = consent.minors.field if consent.minors else None
        alone = [time, source.event_id, minors, *consent.bias.by]
        conditions = consent.condition_columns()
        raw: list[str] = [*source.subject, *(name for name in alone if name)]
        raw += [path for name in conditions for path in consent.positions(name)]
        raw += consent.signal_columns()
        required_raw = [source.subject]
        if consent.ledger is not None:
            # One that is not there would turn its withdrawals off without a word.
            required_raw += [(name,) for name in consent.ledger.keys]
        moved = [name for name in conditions if len(consent.positions(name)) > 1]
        required_raw += [consent.positions(name) for name in moved]
        alone += [name for name in conditions if name not in moved]
        optional_raw = []
        demanded = set()
        for entry in consent.requirements():
            signal = consent.resolved.get(entry.signal)  # none for the ledger
            if signal is None:
                continue
            demanded.add(signal.name)
            required_raw += signal.carrier_groups(entry.categories)
            required_raw += [(key,) for key in signal.applies_when]
        for name, signal in consent.resolved.items():
            if name not in demanded:
                optional_raw.append(signal.paths)
        required = [*(name for name in alone if name), *(c.name for c in columns)]
        spec = cls(
            format=source.format,
            path=source.path,
            root=source.root,
            columns=columns,
            raw=tuple(dict.fromkeys(raw)),
            required=tuple(dict.fromkeys(required)),
            required_raw=tuple(dict.fromkeys(required_raw)),
            optional_raw=tuple(dict.fromkeys(optional_raw)),
            event_time=time,
            event_time_unit=source.event_time.unit,
            subject=source.subject,
        )
        if policy.unlisted_columns != "error":
            return spec
        names = [*spec.sources, *(column.name for column in policy.columns)]
        return replace(spec, listed=frozenset(spec.full(name) for name in names))


@dataclass(frozen=True)
class Split:
    """One piece of the input that one worker reads from start to end.

    Attributes:
        id: five or more digits; the order of ids is the order of the input.
        path: file.
        start: first byte (JSONL) or row group (Parquet) of the piece.
        end: byte or row group after the last; null means to the end of the file. A
            JSONL line belongs to the piece in which its first byte lies.
        size_bytes: of the file on disk, or of the piece where it is known.
        partition: hive-style folder keys and values, as text.
    """

    id: str
    path: str
    start: int = 0
    end: int | None = None
    size_bytes: int = 0
    partition: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class BadRecords:
    """Ill-formed records of one split: `batch` has `BAD_SCHEMA`."""

    batch: pa.RecordBatch

    @classmethod
    def of(
        cls, split: Split, rows: list[tuple[int, int | None, str, bytes]]
    ) -> BadRecords:
        """Build from `(record, line, code, raw)` rows."""
        columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
        arrays = [
            pa.array([split.id] * len(rows), pa.string()),
            pa.array(columns[0], pa.int64()),
            pa.array(columns[1], pa.int64()),
            pa.array(columns[2], pa.string()),
            pa.array(columns[3], pa.binary()),
        ]
        return cls(pa.RecordBatch.from_arrays(arrays, schema=BAD_SCHEMA))


@dataclass(frozen=True)
class SplitStats:
    """What reading one split came to; `records == rows + bad`, always.

    Attributes:
        split: id of the split.
        records: records met.
        rows: records that stand in blocks.
        bad: records that stand in `BadRecords`.
        lines: lines met, blank ones included (JSONL alone, else null).
    """

    split: str
    records: int
    rows: int
    bad: int
    lines: int | None = None

    def __iter__(self) -> Iterator[tuple[str, str | int | None]]:
        """Give the pairs, so that `dict(stats)` works."""
        yield "split", self.split
        yield "records", self.records
        yield "rows", self.rows
        yield "bad", self.bad
        yield "lines", self.lines
