"""k-anonymity as Beam transforms over blocks."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from .histogram import HistogramFn
from .measure import RECOUNT_CAP, ClassesFn

__all__ = ["CollectHistogram", "CountClasses"]


class CollectHistogram(beam.PTransform[Any, Any]):
    """Collapses blocks to the k-capped histogram of their quasi-identifiers.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]` of at most one table (none
    where there was no record). What travels between workers is distinct tuples with at
    most k subject tokens each, never records.
    """

    def __init__(self, quasi_identifiers: tuple[str, ...], k: int) -> None:
        super().__init__()
        self._fn = HistogramFn(quasi_identifiers, k)

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Combine all blocks into one histogram."""
        return (
            blocks
            | beam.CombineGlobally(self._fn)
            | beam.Filter(lambda table: table is not None)
        )


class CountClasses(beam.PTransform[Any, Any]):
    """Counts the people of every class of a staged set.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]` of at most one table, for
    `report_classes`.
    """

    def __init__(self, quasi_identifiers: tuple[str, ...], k: int) -> None:
        super().__init__()
        self._fn = ClassesFn(quasi_identifiers, k * RECOUNT_CAP)

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Count the published label tuples."""
        return (
            blocks
            | beam.CombineGlobally(self._fn)
            | beam.Filter(lambda table: table is not None)
        )
