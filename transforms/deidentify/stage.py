"""De-identification as a Beam transform over blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput
from apache_beam.utils.shared import Shared

from .block import deidentify_block
from .keys import TokenCache
from .plan import DeidentifyPlan
from .text import TextScanner

__all__ = ["Deidentify"]


class Deidentify(beam.PTransform[PCollection[pa.RecordBatch], DoOutputsTuple]):
    """Applies the policy's actions to every column.

    Shape: `PCollection[RecordBatch] -> blocks`, with the tag `findings`: one
    `{column: {entity: spans}}` per block in which anything was found.

    Not covered: free text in columns whose action is not `scan`; names and places under
    `engine: rules`; whatever the recognisers miss.
    """

    def __init__(self, plan: DeidentifyPlan) -> None:
        super().__init__()
        self._plan = plan

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> DoOutputsTuple:
        """Apply the plan block by block."""
        outputs: DoOutputsTuple = blocks | beam.ParDo(
            _Deidentify(self._plan)
        ).with_output_types(
            pa.RecordBatch, findings=dict[str, dict[str, int]]
        ).with_outputs("findings", main="blocks")
        return outputs


class _Deidentify(beam.DoFn):
    def __init__(self, plan: DeidentifyPlan) -> None:
        self._plan = plan
        self._shared = Shared()  # one scanner per process, not per thread
        self._scanner: TextScanner | None = None
        self._shared_cache = Shared()
        self._cache: TokenCache | None = None

    def setup(self) -> None:
        self._cache = self._shared_cache.acquire(TokenCache)
        pii, key = self._plan.pii, self._plan.text_key
        if pii is not None:
            self._scanner = self._shared.acquire(lambda: TextScanner(pii, key=key))

    def process(self, block: pa.RecordBatch) -> Iterator[Any]:
        result, findings = deidentify_block(
            block, self._plan, self._scanner, self._cache
        )
        yield result
        if findings:
            counts = {name: dict(found) for name, found in findings.items()}
            yield TaggedOutput("findings", counts)
