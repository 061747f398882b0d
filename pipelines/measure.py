"""Measures the staged set in one read: expectation metrics and what is left in text."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PCollection, PDone
from apache_beam.utils.shared import Shared

from ..expectations import (
    MetricRequest,
    Partial,
    Suite,
    derive_checks,
    merge_partials,
    partial_metrics,
)
from ..policies import Policy
from ..policies.model import Pii
from ..transforms.blocks import is_system
from ..transforms.deidentify import TextScanner
from ..transforms.staging.readback import open_part

__all__ = ["MeasureStaged", "StagedMeasures", "StagedSource"]

_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class StagedMeasures:
    """What was measured on the staged set.

    Attributes:
        metrics: expectation metrics, ready for Great Expectations to decide on.
        text_findings: spans still found in scanned columns, by entity.
    """

    metrics: Partial
    text_findings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StagedSource:
    """The staged set, to be read again where merged metrics cannot decide.

    Attributes:
        paths: its Parquet files.
    """

    paths: tuple[str, ...]

    def blocks(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the blocks of the staged files, with `columns` alone."""
        import pyarrow.parquet as pq

        for path in self.paths:
            with open_part(path) as stream:
                file = pq.ParquetFile(stream)
                yield from file.iter_batches(_BLOCK_ROWS, columns=list(columns))


@dataclass(frozen=True)
class MeasureStaged:
    """What to measure; a frozen, picklable value.

    Attributes:
        requests: metrics that the suite and the privacy checks ask for.
        scanned: published columns whose text is searched again.
        pii: how.
    """

    requests: tuple[MetricRequest, ...]
    scanned: tuple[str, ...]
    pii: Pii | None

    @classmethod
    def of(cls, policy: Policy, suite: Suite | None) -> MeasureStaged:
        """Gather what the checks of a policy and its suite need."""
        requests = [check.request for check in derive_checks(policy)]
        asked = [request for request in requests if request is not None]
        if suite is not None:
            asked += suite.requests
        scanned = tuple(c.name for c in policy.columns if c.action == "scan")
        return cls(
            tuple(dict.fromkeys(asked)), scanned, policy.pii if scanned else None
        )

    def into(self, path: str) -> beam.PTransform[Any, Any]:
        """Give the transform that measures blocks and leaves the result at `path`."""
        return _Measure(self, path)

    def received(self, path: str) -> StagedMeasures:
        """Read what the transform left."""
        with FileSystems.open(
            path, compression_type=CompressionTypes.UNCOMPRESSED
        ) as source:
            # Written a moment ago by our own workers into owner-only staging.
            measures: StagedMeasures = pickle.loads(source.read())  # noqa: S301  # ours
        return measures


class _Measure(beam.PTransform[Any, Any]):
    """Shape: `PCollection[RecordBatch] -> PDone`, one small private file."""

    def __init__(self, settings: MeasureStaged, path: str) -> None:
        super().__init__()
        self._settings = settings
        self._path = path

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PDone:
        return (
            blocks
            | "Block" >> beam.ParDo(_MeasureBlock(self._settings))
            | "Merge" >> beam.CombineGlobally(_merge_measures)
            | "Leave" >> beam.Map(_leave, self._path)
        )


class _MeasureBlock(beam.DoFn):
    def __init__(self, settings: MeasureStaged) -> None:
        self._settings = settings
        self._shared = Shared()  # one scanner per process, not per thread
        self._scanner: TextScanner | None = None

    def setup(self) -> None:
        pii = self._settings.pii
        if pii is not None:
            self._scanner = self._shared.acquire(lambda: TextScanner(pii))

    def process(self, block: pa.RecordBatch) -> Iterator[StagedMeasures]:
        found: Counter[str] = Counter()
        if self._scanner is not None:
            for name in self._settings.scanned:
                found += self._scanner.count_findings(block.column(name))
        published = [name for name in block.schema.names if not is_system(name)]
        metrics = partial_metrics(block.select(published), self._settings.requests)
        yield StagedMeasures(metrics, dict(found))


def _merge_measures(measures: Iterable[StagedMeasures]) -> StagedMeasures:
    partials: list[Partial] = []
    found: Counter[str] = Counter()
    for measure in measures:
        partials.append(measure.metrics)
        found.update(measure.text_findings)
    return StagedMeasures(merge_partials(partials), dict(found))


def _leave(measures: StagedMeasures, path: str) -> None:
    with FileSystems.create(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as sink:
        sink.write(pickle.dumps(measures))
