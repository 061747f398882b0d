"""Splits → blocks: the one reader of all formats, as a function and as a transform."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import apache_beam as beam
import pyarrow as pa
from apache_beam import pvalue

from . import coder as _coder  # registers the coder of blocks
from .avro import read_avro
from .csv import read_csv
from .jsonl import read_jsonl
from .parquet import read_parquet
from .spec import BadRecords, ReadSpec, Split, SplitStats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BAD", "BLOCKS", "STATS", "ReadBlocks", "read_ahead", "read_split"]

Item: TypeAlias = pa.RecordBatch | BadRecords | SplitStats

BLOCKS, BAD, STATS = "blocks", "bad", "stats"
_READERS = {
    "avro": read_avro,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}


def read_split(spec: ReadSpec, split: Split) -> Iterator[Item]:
    """Read one split: blocks and ill-formed records as they come, then the count.

    Blocks stand in input order with strictly rising `optin:record`. Every record met is
    in exactly one block or in one `BadRecords`; the last value is a `SplitStats` that
    says so. Memory is bounded by a few chunks, whatever the size of the file.

    Raises:
        InputError: the file breaks off or is damaged as a whole.
    """
    return _READERS[spec.format](spec, split)


class ReadBlocks(beam.PTransform[pvalue.PBegin, Any]):
    """Read the input.

    PBegin → `blocks` (PCollection[RecordBatch]), `bad` (PCollection[RecordBatch] with
    `BAD_SCHEMA`), `stats` (PCollection[dict]: split, records, rows, bad, lines).

    Guaranteed: within each split, records = rows + bad. An ill-formed record never
    costs another one.

    Not covered: the order of splits among each other; use the split id and the record
    ordinal where order matters.
    """

    def __init__(self, spec: ReadSpec, splits: Iterable[Split] | None = None) -> None:
        """Take what to read; without `splits` they are listed when it is applied."""
        super().__init__()
        self._spec = spec
        self._splits = None if splits is None else tuple(splits)

    def expand(self, pbegin: pvalue.PBegin) -> pvalue.DoOutputsTuple:
        """Build the steps."""
        from .listing import list_splits

        splits = list_splits(self._spec) if self._splits is None else self._splits
        outputs: pvalue.DoOutputsTuple = (
            pbegin
            | "Splits" >> beam.Create(splits, reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(_ReadFn(self._spec))
            .with_output_types(pa.RecordBatch, bad=pa.RecordBatch, stats=dict[str, Any])
            .with_outputs(BAD, STATS, main=BLOCKS)
        )
        return outputs


def read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Prepare the next item in a thread while the last one is worked on.

    Decoding happens in Arrow, outside the interpreter's lock; one item ahead keeps a
    second core busy and memory bounded. Errors come up where their item would have.
    """
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead = reader.submit(next, items, None)
        while (item := ahead.result()) is not None:
            ahead = reader.submit(next, items, None)
            yield item


class _ReadFn(beam.DoFn):
    def __init__(self, spec: ReadSpec) -> None:
        self._spec = spec

    def process(self, split: Split) -> Iterator[Any]:
        for item in read_ahead(read_split(self._spec, split)):
            if isinstance(item, BadRecords):
                yield pvalue.TaggedOutput(BAD, item.batch)
            elif isinstance(item, SplitStats):
                yield pvalue.TaggedOutput(STATS, dict(item))
            else:
                yield item


ArrowBlockCoder = _coder.ArrowBlockCoder
