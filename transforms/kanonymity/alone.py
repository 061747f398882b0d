"""k-anonymity of people in anybody's Beam pipeline over Arrow blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, PCollection
from apache_beam.transforms.window import GlobalWindows

from ...policies.errors import GateError, InputError
from ..blocks import coder  # noqa: F401  # registers how blocks travel
from ..blocks.names import SUBJECT
from ..deidentify.keys import subject_tokens
from .bounds import recode
from .measure import ClassReport, report_classes
from .plan import AnonymityPlan
from .recoding import Recoding
from .stage import CollectHistogram, CountClasses
from .utility import measure_ncp, refuse_loss

__all__ = ["KAnonymize"]

_COUNTING = b"optin: people are counted by these tokens, which leave no worker"
_NOBODY = pa.scalar(0, pa.uint64())


class KAnonymize(beam.PTransform[PCollection[pa.RecordBatch], Any]):
    """Generalises blocks until every class covers at least k distinct people.

    Shape: `PCollection[RecordBatch] -> PCollection[RecordBatch]`; the quasi-identifiers
    become text (with their bounds behind them, where the plan asks for these), the
    subject's column and suppressed records are gone, all other columns stay. No block comes out before people were counted again on all of them: where a
    class is below k, or k is out of reach, the pipeline fails with `GateError`.

    People are counted by 64-bit hashes of the subject's text. Two who share one count as
    one person, which can only raise what is suppressed. Records without a subject count
    as one person together.

    Not covered: rows with a schema; windows other than the global one; l-diversity and
    t-closeness; people whose rows can be linked by what else stands in them.
    """

    def __init__(self, plan: AnonymityPlan) -> None:
        super().__init__()
        if plan.k < 2 or not plan.ladders:
            message = (
                "KAnonymize: k must be 2 or more, with at least one quasi-identifier"
            )
            raise GateError(message)
        self._plan = plan

    def expand(
        self, blocks: PCollection[pa.RecordBatch]
    ) -> PCollection[pa.RecordBatch]:
        """Count, choose, apply, count again, and only then give."""
        plan = self._plan
        if not isinstance(blocks.windowing.windowfn, GlobalWindows):
            message = (
                "KAnonymize: people are counted over the whole set; put the blocks into "
                "the global window first"
            )
            raise InputError(message)
        stamped = blocks | "Stamp" >> beam.Map(_stamp, plan).with_output_types(
            pa.RecordBatch
        )
        recoding = (
            stamped
            | "Histogram" >> CollectHistogram(plan.quasi_identifiers, plan.k)
            | "Choose" >> beam.Map(plan.choose)
        )
        recoded = stamped | "Apply" >> beam.FlatMap(
            _apply, AsIter(recoding), plan
        ).with_output_types(pa.RecordBatch)
        report = (
            recoded
            | "Recount" >> CountClasses(plan.class_columns, plan.k)
            | "Judge" >> beam.Map(_judge, AsIter(recoding), plan)
        )
        return recoded | "Give" >> beam.Map(_give, AsIter(report)).with_output_types(
            pa.RecordBatch
        )


def _stamp(block: pa.RecordBatch, plan: AnonymityPlan) -> pa.RecordBatch:
    """Put a token of the data subject in place of the column that names it."""
    names = block.schema.names
    lacking = {plan.subject, *plan.quasi_identifiers} - set(names)
    if lacking:
        message = f"KAnonymize: the blocks lack column(s) {', '.join(sorted(lacking))}"
        raise InputError(message)
    people = block.column(plan.subject).cast(pa.string())
    tokens = pc.coalesce(subject_tokens(people, _COUNTING), _NOBODY)
    columns = {name: block.column(name) for name in names if name != plan.subject}
    return pa.RecordBatch.from_pydict({**columns, SUBJECT: tokens})


def _apply(
    block: pa.RecordBatch, recodings: Iterable[Recoding], plan: AnonymityPlan
) -> Iterator[pa.RecordBatch]:
    for recoding in recodings:  # one, since there is a block
        recoded = recode(recoding, pa.Table.from_batches([block]), plan.bounded)
        yield from recoded.combine_chunks().to_batches()


def _judge(
    counted: pa.Table, recodings: Iterable[Recoding], plan: AnonymityPlan
) -> ClassReport:
    """Hold the recount against k and against what may be lost."""
    report = report_classes(counted, plan.class_columns, plan.k)
    for recoding in recodings:
        total = recoding.records
        ncp = measure_ncp(recoding.facts, counted, total)
        suppressed = (total - report.rows) / total
        refuse_loss(plan.utility, ncp, suppressed, "the recounted blocks")
    return report


def _give(block: pa.RecordBatch, reports: Iterable[ClassReport]) -> pa.RecordBatch:
    """Let a block go once the recount is known to be good."""
    counted = list(reports)
    if len(counted) != 1 or counted[0].violating_classes:
        message = (
            "KAnonymize: the recount found a class below k where the plan counted "
            "enough people. This is a defect; nothing is given"
        )
        raise GateError(message)
    return block.drop_columns([SUBJECT])
