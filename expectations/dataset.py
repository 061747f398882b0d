"""Validate any Parquet, CSV or JSON Lines data set against a suite, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pyarrow as pa

from ..policies.errors import InputError
from .decide import evaluate_suite
from .gx.engine import EVERY_COLUMN
from .metrics import MetricRequest, Partial, merge_partials, partial_metrics
from .results import CheckResult, ValidationReport
from .spill import HashSpill
from .suite import Suite, load_suite

__all__ = [
    "BLOCK_ROWS",
    "DataSource",
    "map_dataset",
    "measure_dataset",
    "validate_dataset",
]

T = TypeVar("T")

BLOCK_ROWS = 65_536
_FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_MANIFEST = "release.json"
_MERGE_EVERY = 32  # partials held before they are merged


def validate_dataset(path: str | Path, suite: Suite | str | Path) -> ValidationReport:
    """Check the data at `path` (file or folder) against `suite`.

    Only the columns that the suite names are read, one block at a time. In a folder that
    holds a `release.json`, the number of rows is compared with the manifest's `rows`.

    Raises:
        InputError: there is no data, files of more than one format, or data that cannot
            be read.
        PolicyError: the suite is not usable.

    Not covered: signatures and digests of a release (`load_release` verifies those), and
    columns that differ in type between files, which fail.
    """
    loaded = suite if isinstance(suite, Suite) else load_suite(suite)
    root = Path(path)
    files, kind = _files(root)
    partial = _measure(files, kind, loaded.requests, root)
    source = DataSource(root, tuple(files), kind)
    report = evaluate_suite(loaded, partial, source)
    declared = _declared_rows(root)
    if declared is None:
        return report
    check = CheckResult(
        "optin_rows_as_in_manifest",
        declared == partial.rows,
        {"value": declared},
        {"observed_value": partial.rows},
        ""
        if declared == partial.rows
        else f"{_MANIFEST} states another number of rows",
    )
    return ValidationReport(report.suite_name, (*report.results, check))


def map_dataset(
    path: str | Path, wanted: set[str], use: Callable[[Iterator[pa.RecordBatch]], T]
) -> list[T]:
    """Give `use` the `wanted` columns of every file at `path`, block by block.

    Returns:
        What it made of each file.

    Raises:
        InputError: there is no data, files of more than one format, or data that cannot
            be read.
    """
    root = Path(path)
    files, kind = _files(root)
    with _plain_errors(root, kind):
        return [use(_open(file, kind, wanted)[1]) for file in files]


def measure_dataset(path: str | Path, requests: tuple[MetricRequest, ...]) -> Partial:
    """Compute metrics of the data at `path`, in bounded memory.

    Raises:
        InputError: there is no data, files of more than one format, or data that cannot
            be read.
    """
    root = Path(path)
    files, kind = _files(root)
    return _measure(files, kind, requests, root)


@dataclass(frozen=True)
class DataSource:
    """A data set that can be read again, in the same order.

    Attributes:
        root: file or folder, for messages.
        files: its files, in order.
        kind: their format.
    """

    root: Path
    files: tuple[Path, ...]
    kind: str

    def blocks(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the blocks of the data set, with `columns` alone.

        Raises:
            InputError: a file cannot be read any more.
        """
        with _plain_errors(self.root, self.kind):
            for file in self.files:
                schema, blocks = _open(file, self.kind, set(columns))
                yield pa.RecordBatch.from_pylist(
                    [], schema=pa.schema([f for f in schema if f.name in columns])
                )
                yield from blocks


@contextmanager
def _plain_errors(root: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        # Arrow's own message may quote the data.
        message = (
            f"{root} cannot be read as {kind} ({type(error).__name__}); "
            "check the format and that each column holds one type"
        )
        raise InputError(message) from None


def _files(root: Path) -> tuple[list[Path], str]:
    if root.is_file():
        found = [root]
    elif root.is_dir():
        found = sorted(_visible(root))
    else:
        message = f"{root} does not exist"
        raise InputError(message)
    data = [item for item in found if item.suffix.lower() in _FORMATS]
    if root.is_dir():  # a manifest or a card beside Parquet parts is not data
        tables = [item for item in data if item.suffix.lower() != ".json"]
        data = tables or [item for item in data if item.name != _MANIFEST]
    kinds = sorted({_FORMATS[item.suffix.lower()] for item in data})
    if not data:
        message = f"{root} holds no .parquet, .csv or .jsonl file"
        raise InputError(message)
    if len(kinds) > 1:
        message = f"{root} mixes {' and '.join(kinds)} files; name one format"
        raise InputError(message)
    return data, kinds[0]


def _visible(root: Path) -> Iterator[Path]:
    for item in root.rglob("*"):
        parts = item.relative_to(root).parts
        if item.is_file() and not any(part.startswith((".", "_")) for part in parts):
            yield item


def _measure(
    files: list[Path], kind: str, requests: tuple[MetricRequest, ...], root: Path
) -> Partial:
    # Hashes tell of values: the folder is its owner's alone, and goes with the work.
    with _plain_errors(root, kind), TemporaryDirectory(prefix="optin-") as folder:
        spill = HashSpill(folder)
        partials: list[Partial] = []
        place = count()
        for file in files:
            for partial in _file_partials(file, kind, requests, place):
                partials.append(partial)
                if len(partials) >= _MERGE_EVERY:
                    partials = [spill.relieve(merge_partials(partials))]
        return spill.settle(merge_partials(partials))


def _file_partials(
    file: Path, kind: str, requests: tuple[MetricRequest, ...], place: Iterator[int]
) -> Iterator[Partial]:
    wanted = {name for request in requests for name in request.needed}
    schema, blocks = _open(file, kind, wanted)
    if len(set(schema.names)) != len(schema.names):
        message = f"{file} names a column twice"
        raise InputError(message)
    empty = pa.RecordBatch.from_pylist([], schema=schema)
    yield partial_metrics(
        empty, requests, next(place)
    )  # a file without rows has a schema too
    full = tuple((item.name, item.type) for item in schema)
    for batch in blocks:
        measured = partial_metrics(batch, requests, next(place))
        yield Partial(measured.rows, (full,), measured.tallies)


def _open(
    file: Path, kind: str, wanted: set[str]
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Give the schema of a file and its blocks, with the `wanted` columns alone."""
    if kind == "parquet":
        import pyarrow.parquet as pq

        # Not through a data set: that reads row groups ahead, which costs memory.
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        names = _chosen(schema, wanted)
        return schema, parquet.iter_batches(BLOCK_ROWS, columns=names)
    import pyarrow.dataset as ds  # brings pandas along: seconds that a run need not pay

    dataset = ds.dataset(str(file), format=kind)
    schema = dataset.schema
    names = _chosen(schema, wanted)
    blocks = dataset.to_batches(columns=names, batch_size=BLOCK_ROWS, batch_readahead=2)
    return schema, blocks


def _chosen(schema: pa.Schema, wanted: set[str]) -> list[str]:
    every = EVERY_COLUMN in wanted
    return [name for name in schema.names if every or name in wanted]


def _declared_rows(root: Path) -> int | None:
    manifest = root / _MANIFEST
    if not manifest.is_file():
        return None
    try:
        rows = json.loads(manifest.read_text(encoding="utf-8")).get("rows")
    except (ValueError, AttributeError):
        message = f"{manifest} is not a release manifest"
        raise InputError(message) from None
    return rows if isinstance(rows, int) else None
