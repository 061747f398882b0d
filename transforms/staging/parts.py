"""Release parts: one bucket range each, recoded, in canonical order, as Parquet."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection

from ..blocks.names import SUBJECT, is_system
from .spill import BUCKETS, SpillFile, read_slice, record_keys

__all__ = [
    "PART_ROWS",
    "Part",
    "PartFile",
    "WriteParts",
    "gather",
    "plan_parts",
    "write_part",
]

PART_ROWS = 524_288
"""Rows a part aims at. Their number follows from the data alone, never from splits."""

Recode = Callable[[pa.Table], pa.Table]
"""Generalises the quasi-identifiers of a table and removes its suppressed records."""


@dataclass(frozen=True)
class Part:
    """Buckets `first` to `last` (exclusive) become part number `number`."""

    number: int
    first: int
    last: int


@dataclass(frozen=True)
class PartFile:
    """One staged part.

    Attributes:
        path: the Parquet file.
        subjects: its private companion: one subject token per row, never published.
        rows: rows of the file.
        suppressed: consented records of its buckets that were suppressed.
        sha256: digest of the Parquet file.
        capped: consented records of its buckets left out because their person has too
            many.
    """

    path: str
    subjects: str
    rows: int
    suppressed: int
    sha256: str
    capped: int = 0


def plan_parts(rows: int) -> tuple[Part, ...]:
    """Divide the buckets among as many parts as `rows` records fill."""
    count = min(BUCKETS, max(1, -(-rows // PART_ROWS)))
    edges = [BUCKETS * number // count for number in range(count + 1)]
    return tuple(Part(i, edges[i], edges[i + 1]) for i in range(count))


class WriteParts(beam.PTransform[Any, Any]):
    """Writes the parts of the staged set.

    Shape: `PCollection[Part] -> PCollection[PartFile]`. The same part always gets the
    same bytes: records stand in the order of their record keys, ties by content.

    Args:
        spills: the cleared records.
        recode: generalises and suppresses.
        data: folder of the parts.
        private: folder of their companions.
        limit: leaves out, before that, what is too much of one person.
    """

    def __init__(
        self,
        spills: tuple[SpillFile, ...],
        recode: Recode,
        data: str,
        private: str,
        limit: Recode | None = None,
    ) -> None:
        super().__init__()
        self._arguments = (spills, recode, data, private, limit)

    def expand(self, parts: PCollection[Part]) -> PCollection[PartFile]:
        """Write one file per part."""
        return parts | beam.ParDo(_WritePart(*self._arguments))


class _WritePart(beam.DoFn):
    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def process(self, part: Part) -> Iterator[PartFile]:
        yield write_part(part, *self._arguments)


def gather(part: Part, spills: tuple[SpillFile, ...]) -> pa.Table:
    """Read all records of a part; those of one subject and instant lie in one part."""
    return pa.concat_tables(
        [read_slice(spill, part.first, part.last) for spill in spills]
    )


def write_part(
    part: Part,
    spills: tuple[SpillFile, ...],
    recode: Recode,
    data: str,
    private: str,
    limit: Recode | None = None,
) -> PartFile:
    """Gather, limit, recode, order and write one part and its private companion."""
    gathered = gather(part, spills)
    limited = gathered if limit is None else limit(gathered)
    table = in_canonical_order(recode(limited))
    name = f"part-{part.number:05d}"
    published = table.select([n for n in table.column_names if not is_system(n)])
    path = posixpath.join(data, f"{name}.parquet")
    subjects = posixpath.join(private, f"{name}.subjects.parquet")
    _write_parquet(published, path)
    _write_parquet(table.select([SUBJECT]), subjects)
    return PartFile(
        path=path,
        subjects=subjects,
        rows=table.num_rows,
        suppressed=limited.num_rows - table.num_rows,
        sha256=_digest(path),
        capped=gathered.num_rows - limited.num_rows,
    )


def in_canonical_order(table: pa.Table) -> pa.Table:
    """Sort by record key; records that share a key are ordered by their content."""
    keys = record_keys(table)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    if same.any():
        tied = np.zeros(len(keys), dtype=np.bool_)
        tied[1:] |= same
        tied[:-1] |= same
        places = np.flatnonzero(tied)
        few = table.take(pa.array(order[places]))
        columns = [name for name in few.column_names if not is_system(name)]
        few = few.select([*columns, SUBJECT]).append_column(
            "optin:key", pa.array(ordered[places])
        )
        by = [("optin:key", "ascending")] + [
            (name, "ascending") for name in [*columns, SUBJECT]
        ]
        order[places] = order[places][pc.sort_indices(few, sort_keys=by).to_numpy()]
    return table.take(pa.array(order))


def _digest(path: str) -> str:
    """Hash a file as it was written, in bounded memory."""
    with FileSystems.open(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as source:
        reader: Any = source  # typed as plain BinaryIO, reads into buffers as well
        return hashlib.file_digest(reader, "sha256").hexdigest()


def _write_parquet(table: pa.Table, path: str) -> None:
    """Write one Parquet file with settings that give the same bytes every time."""
    with FileSystems.create(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as sink:
        pq.write_table(
            table.replace_schema_metadata(None).combine_chunks(),
            sink,
            compression="zstd",
            compression_level=1,
            row_group_size=131_072,
            use_dictionary=True,
            write_statistics=True,
        )
