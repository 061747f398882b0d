"""What the choice of a recoding is made on: counted over the cleared records.

Without a limit on the records of a person this is part of pass 1. With one, pass 1 can
only draw; a pass of its own then reads the spilled records again and counts those that
stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import PCollection, TaggedOutput

from ..policies import Policy
from ..policies.model import Anonymity
from ..transforms.blocks.names import BLOCK_ROWS
from ..transforms.kanonymity import AnonymityPlan, CollectHistogram, CollectTriples
from ..transforms.kanonymity.recoding.bounds import Bounded, class_columns
from ..transforms.kanonymity.recoding.target import target_counts
from ..transforms.kanonymity.sensitive.recount import VALUE
from ..transforms.kanonymity.stage import CollectTargets
from ..transforms.kanonymity.subjects import (
    CollectDraws,
    CollectShared,
    CollectTuples,
    SettledPeople,
    StoredLimits,
    settle_people,
    store_limits,
)
from ..transforms.staging import SpillFile, plan_parts
from ..transforms.staging.deliver import Deliver, received, received_table
from ..transforms.staging.parts import Part, gather
from .workspace import Workspace, join

__all__ = [
    "Counted",
    "CountingPlan",
    "count_records",
    "draw_records",
    "received_counts",
    "received_limits",
    "run_counting_pass",
]


@dataclass(frozen=True)
class CountingPlan:
    """What is counted.

    Attributes:
        quasi_identifiers: the columns that make a class.
        anonymity: the policy's part.
        identifiers: published columns that link rows, and whose values may be shared.
        draw_key: of the draw of records; not shown.
        bounded: columns whose labels' bounds are published.
    """

    quasi_identifiers: tuple[str, ...]
    anonymity: Anonymity
    identifiers: tuple[str, ...] = ()
    draw_key: bytes = b""
    bounded: tuple[Bounded, ...] = ()

    @property
    def class_columns(self) -> tuple[str, ...]:
        """Columns of the staged set that tell of a class: labels, then their bounds."""
        return class_columns(self.quasi_identifiers, self.bounded)

    @staticmethod
    def from_policy(policy: Policy, draw_key: bytes) -> CountingPlan:
        """Gather what a policy asks for."""
        return CountingPlan(
            quasi_identifiers=policy.quasi_identifiers,
            anonymity=policy.anonymity,
            identifiers=policy.shared_identifiers,
            draw_key=draw_key,
            bounded=AnonymityPlan.from_policy(policy).bounded,
        )

    def __repr__(self) -> str:
        return f"CountingPlan(quasi_identifiers={self.quasi_identifiers}, …)"


@dataclass(frozen=True)
class Counted:
    """What was counted.

    Attributes:
        histogram: distinct quasi-identifier tuples with their subjects; null if there
            was no record, a sample (`thinned_bits`) if there are too many.
        triples: sensitive attribute → distinct (tuple, value, person); an attribute
            with too many is left out.
        people: the one tuple of every person; null unless the policy harmonises.
        capped: records left out because their person has too many.
        targets: records by tuple and value of the training target; of harmonised people,
            people by tuple and value. Null if there is no target.
    """

    histogram: pa.Table | None
    triples: dict[str, pa.Table]
    people: SettledPeople | None = None
    capped: int = 0
    targets: pa.Table | None = None


def count_records(
    blocks: PCollection[pa.RecordBatch], plan: CountingPlan, place: str
) -> None:
    """Add to a pipeline what counts its blocks, for `received_counts`."""
    how = plan.anonymity.subject.harmonise
    if how is None:
        _ = (
            blocks
            | "Histogram"
            >> CollectHistogram(
                plan.quasi_identifiers, plan.anonymity.k, plan.anonymity.most_pairs
            )
            | "Keep histogram" >> Deliver(join(place, "histogram.parquet"), table=True)
        )
    else:
        _ = (
            blocks
            | "Tuples"
            >> CollectTuples(plan.quasi_identifiers, how, join(place, "tuples"))
            | "Keep tuples" >> Deliver(join(place, "tuples.json"))
        )
        for number, name in enumerate(plan.identifiers):
            _ = (
                blocks
                | f"Shared {name}" >> CollectShared(name)
                | f"Keep shared {name}"
                >> Deliver(join(place, f"shared-{number}.parquet"), table=True)
            )
    target = plan.anonymity.target
    if target is not None:
        counted = (
            CollectTargets(plan.quasi_identifiers, target, plan.anonymity.most_pairs)
            if how is None
            else CollectTriples(
                plan.quasi_identifiers, target, plan.anonymity.most_pairs
            )
        )
        _ = (
            blocks
            | "Targets" >> counted
            | "Keep targets" >> Deliver(join(place, "targets.parquet"), table=True)
        )
    for number, name in enumerate(plan.anonymity.sensitive):
        _ = (
            blocks
            | f"Triples {name}"
            >> CollectTriples(plan.quasi_identifiers, name, plan.anonymity.most_pairs)
            | f"Keep triples {name}"
            >> Deliver(join(place, f"triples-{number}.parquet"), table=True)
        )


def received_counts(plan: CountingPlan, place: str) -> Counted:
    """Read what `count_records` left, and settle the tuples of people."""
    triples = {
        name: table
        for number, name in enumerate(plan.anonymity.sensitive)
        if (table := received_table(join(place, f"triples-{number}.parquet")))
        is not None
    }
    how = plan.anonymity.subject.harmonise
    targets = None
    if plan.anonymity.target is not None:
        targets = received_table(join(place, "targets.parquet"))
    if how is None:
        histogram = received_table(join(place, "histogram.parquet"))
        return Counted(histogram, triples, targets=targets)
    shared = [
        table
        for number in range(len(plan.identifiers))
        if (table := received_table(join(place, f"shared-{number}.parquet")))
        is not None
    ]
    paths = received(join(place, "tuples.json"))
    settled = settle_people(paths, shared, how, plan.anonymity.k, join(place, "people"))
    if settled is None:
        return Counted(None, triples)
    people = settled.people
    harmonised = {name: people.apply(table) for name, table in triples.items()}
    if targets is not None:
        own = people.apply(targets)
        targets = target_counts(own, plan.quasi_identifiers, VALUE)
    return Counted(settled.histogram, harmonised, settled, targets=targets)


def draw_records(
    blocks: PCollection[pa.RecordBatch], plan: CountingPlan, most: int, place: str
) -> None:
    """Add to a pipeline what finds the people with too many records."""
    _ = (
        blocks
        | "Draw" >> CollectDraws(most, plan.draw_key, join(place, "draws"))
        | "Keep draws" >> Deliver(join(place, "draws.json"))
    )


def received_limits(plan: CountingPlan, place: str) -> StoredLimits:
    """Read what `draw_records` left."""
    paths = received(join(place, "draws.json"))
    return store_limits(paths, plan.draw_key, join(place, "limits.arrow"))


def run_counting_pass(
    spills: tuple[SpillFile, ...],
    limits: StoredLimits,
    plan: CountingPlan,
    workspace: Workspace,
    flags: Sequence[str],
) -> Counted:
    """Read the spilled records again, part by part, and count those that stay."""
    place = workspace.private
    rows = sum(spill.rows for spill in spills)
    options = PipelineOptions(list(flags), save_main_session=False)
    with beam.Pipeline(options=options) as pipeline:
        kept = (
            pipeline
            | "Parts" >> beam.Create(plan_parts(rows))
            | "Spread" >> beam.Reshuffle()
            | "Limit"
            >> beam.ParDo(_Limit(spills, limits)).with_outputs("capped", main="blocks")
        )
        count_records(kept.blocks, plan, place)
        _ = (
            kept.capped
            | "Capped sum" >> beam.CombineGlobally(sum)
            | "Keep capped" >> Deliver(join(place, "capped.json"))
        )
    counted = received_counts(plan, place)
    (capped,) = received(join(place, "capped.json"))
    return replace(counted, capped=capped)


class _Limit(beam.DoFn):
    """Gives the blocks of a part without the records beyond the limit."""

    def __init__(self, spills: tuple[SpillFile, ...], limits: StoredLimits) -> None:
        self._spills = spills
        self._limits = limits

    def process(self, part: Part) -> Iterator[Any]:
        whole = gather(part, self._spills)
        kept = self._limits.apply(whole)
        yield TaggedOutput("capped", whole.num_rows - kept.num_rows)
        yield from kept.combine_chunks().to_batches(BLOCK_ROWS)
