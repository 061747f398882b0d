"""Searches the staged parts for what the cleaning left, beside the other measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pyarrow.parquet as pq
from apache_beam.pvalue import PCollection, PDone
from apache_beam.utils.shared import Shared

from ..expectations import residual_facts, residual_warnings
from ..policies import Policy
from ..policies.errors import ModelMissingError
from ..transforms.blocks.names import BLOCK_ROWS
from ..transforms.deidentify.model import load_model, verify_model
from ..transforms.deidentify.residual import (
    ResidualCounts,
    ResidualPlan,
    ResidualSketch,
    merge_sketches,
    sketch_blocks,
)
from ..transforms.staging.deliver import Deliver, received
from ..transforms.staging.parts import PartFile
from ..transforms.staging.readback import open_part
from .result import RunResult

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = [
    "MeasureResidual",
    "load_names",
    "note_residual",
    "received_residual",
    "residual_plan",
]


def residual_plan(policy: Policy) -> ResidualPlan:
    """Work out what is searched; the language model is asked where it is installed."""
    language = policy.pii.language if policy.pii is not None else "en"
    try:
        verify_model(language)
    except ModelMissingError:
        return ResidualPlan.of(policy)
    return ResidualPlan.of(policy, has_model=True)


def load_names(plan: ResidualPlan) -> Language | None:
    """Load what the plan needs of the language model: its names alone."""
    if not plan.asks_model:
        return None
    nlp = load_model(plan.language)
    keep = {"ner", "tok2vec", "transformer"}
    for pipe in [name for name in nlp.pipe_names if name not in keep]:
        nlp.disable_pipe(pipe)
    return nlp


class MeasureResidual(beam.PTransform[Any, Any]):
    """Searches a sample of each part, and counts over all of them.

    Shape: `PCollection[PartFile] -> PDone`; one small private file of counts. Of a part
    of half a million rows, at most `sample` values of a column are looked at.

    Not covered: numbers, dates and booleans; columns whose values optin made itself.
    """

    def __init__(self, plan: ResidualPlan, path: str) -> None:
        super().__init__()
        self._plan = plan
        self._path = path

    def expand(self, parts: PCollection[PartFile]) -> PDone:
        """Sketch, merge, count, deliver."""
        plan = self._plan
        return (
            parts
            | "Sketch" >> beam.ParDo(_SketchPart(plan))
            | "Merge" >> beam.CombineGlobally(merge_sketches, plan.sample)
            | "Count" >> beam.Map(_counts, plan)
            | "Deliver" >> Deliver(self._path)
        )


class _SketchPart(beam.DoFn):
    def __init__(self, plan: ResidualPlan) -> None:
        self._plan = plan
        self._shared = Shared()  # one model per process, not per thread
        self._nlp: Any = None

    def process(self, part: PartFile) -> Iterator[ResidualSketch]:
        if self._nlp is None and self._plan.asks_model:
            self._nlp = self._shared.acquire(lambda: load_names(self._plan))
        wanted = [column.name for column in self._plan.columns]
        with open_part(part.path) as stream:
            file = pq.ParquetFile(stream)
            there = [name for name in file.schema_arrow.names if name in wanted]
            blocks = file.iter_batches(BLOCK_ROWS, columns=there)
            yield sketch_blocks(blocks, self._plan, self._nlp)


def _counts(sketch: ResidualSketch, plan: ResidualPlan) -> dict[str, Any]:
    return {name: asdict(found) for name, found in sketch.counts(plan).items()}


def received_residual(path: str, plan: ResidualPlan) -> dict[str, ResidualCounts]:
    """Read what `MeasureResidual` left; columns in policy order."""
    values = received(path)
    if not values:
        return {}
    return {c.name: ResidualCounts(**values[0][c.name]) for c in plan.columns}


def note_residual(
    policy: Policy,
    result: RunResult,
    plan: ResidualPlan,
    found: Mapping[str, ResidualCounts],
) -> None:
    """Write down what the second detector found, and what it did not look at."""
    result.residual = residual_facts(plan, found, policy.anonymity.k)
    result.warnings += residual_warnings(policy, found)
    skipped = [name for name in plan.left_out if name in policy.residual.skip]
    if skipped:
        result.not_checked.append(
            f"what is left in {', '.join(skipped)} (residual.skip)"
        )
    result.not_checked += [
        f"{', '.join(column.exempt)} left in {column.name}: operators of the "
        "policy write surrogates"
        for column in plan.columns
        if column.exempt
    ]
