"""The Beam pipelines of a run.

Pass 1 reads, decides consent, de-identifies, spills, and collapses to the histogram of
quasi-identifiers; where records of a person are limited, a pass of its own counts them
(`counting`). Pass 2 recodes, writes the staged parts, and measures what it wrote.
Between them the driver chooses the recoding (`docs/decisions/0001-two-passes.md`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import PCollection

from ..transforms.blocks import ReadBlocks, ReadSpec, Split
from ..transforms.blocks.names import SUBJECT
from ..transforms.consent import GatePlan
from ..transforms.consent.bias import BiasCounts, BiasFn
from ..transforms.consent.stage import ConsentGate
from ..transforms.deidentify import Deidentify, DeidentifyPlan
from ..transforms.deidentify.residual import ResidualCounts, ResidualPlan
from ..transforms.kanonymity import CountClasses, CountValues, Recoding
from ..transforms.kanonymity.recount import CountClassesOnDisk
from ..transforms.kanonymity.routing import BucketedRecoding
from ..transforms.kanonymity.subjects import (
    CountLinks,
    LinkReport,
    SettledPeople,
    StoredLimits,
    report_links,
)
from ..transforms.staging import SpillBlocks, SpillFile, WriteParts, plan_parts
from ..transforms.staging.deliver import (
    Deliver,
    WriteTables,
    received,
    received_table,
)
from ..transforms.staging.parts import PartFile
from ..transforms.staging.readback import ReadBack
from .counting import (
    CountingPlan,
    count_records,
    draw_records,
    received_counts,
    received_limits,
    run_counting_pass,
)
from .measure import MeasureStaged, StagedMeasures
from .recode import Recode, store_recoding
from .residual import MeasureResidual, received_residual
from .workspace import Workspace, join

__all__ = [
    "Cleared",
    "ClearingPlan",
    "Staged",
    "limit_records",
    "run_clearing_pass",
    "run_staging_pass",
]


@dataclass(frozen=True)
class Cleared:
    """What pass 1 leaves behind.

    Attributes:
        read: records read, per split id: `{"records": …, "lines": …}`.
        decided: records that reached the gate, by primary code (`KEEP` among them).
        ill_formed: records that a reader could not read, by code.
        bias: records decided and kept, by group.
        findings: column → entity → spans found in scanned text.
        spills: where the cleared records are.
        histogram: distinct quasi-identifier tuples with their subjects; null if no
            record was kept, a sample (`thinned_bits`) if there are too many.
        triples: sensitive attribute → distinct (tuple, value, person); an attribute
            with too many is left out.
        targets: tuples by value of the training target, counted; null if there is none.
        people: the one tuple of every person, where the policy harmonises.
        limits: which records of whom stay, where the policy limits them.
        capped: records left out because their person has too many.
    """

    read: dict[str, dict[str, int]]
    decided: Counter[str]
    ill_formed: Counter[str]
    bias: BiasCounts
    findings: dict[str, dict[str, int]]
    spills: tuple[SpillFile, ...]
    histogram: pa.Table | None
    triples: dict[str, pa.Table]
    targets: pa.Table | None = None
    people: SettledPeople | None = None
    limits: StoredLimits | None = None
    capped: int = 0


@dataclass(frozen=True)
class Staged:
    """What pass 2 leaves behind.

    Attributes:
        parts: the staged files.
        classes: people of every class; null where nothing was staged.
        values: sensitive attribute → people of every class by value.
        measures: of the expectations, and what the first detector still finds.
        residual: what the second detector found, by column.
        links: subject token or published identifier → classes and rows of its values,
            where the policy promises something of them.
    """

    parts: tuple[PartFile, ...]
    classes: pa.Table | None
    values: dict[str, pa.Table | None]
    measures: StagedMeasures
    residual: dict[str, ResidualCounts]
    links: dict[str, LinkReport] = field(default_factory=dict)


@dataclass(frozen=True)
class ClearingPlan:
    """Settings of pass 1.

    Attributes:
        text_workers: processes that help this one to read text.
    """

    read: ReadSpec
    splits: tuple[Split, ...]
    gate: GatePlan
    deidentify: DeidentifyPlan
    counting: CountingPlan
    text_workers: int = 0


def run_clearing_pass(
    plan: ClearingPlan, workspace: Workspace, flags: Sequence[str]
) -> Cleared:
    """Run pass 1 and read its results.

    Where the policy limits the records of a person, nothing is counted yet:
    `limit_records` does so.
    """
    place = workspace.private
    most = plan.counting.anonymity.contribution_cap
    options = PipelineOptions(list(flags), save_main_session=False)
    with beam.Pipeline(options=options) as pipeline:
        read = pipeline | "Read" >> ReadBlocks(plan.read, plan.splits)
        gate = read.blocks | "Gate" >> ConsentGate(plan.gate)
        clean = gate.kept | "De-identify" >> Deidentify(
            plan.deidentify, text_workers=plan.text_workers
        )
        spills = clean.blocks | "Spill" >> SpillBlocks(workspace.spill)
        if most is None:
            count_records(clean.blocks, plan.counting, place)
        else:
            draw_records(clean.blocks, plan.counting, most, place)
        _deliver_counts("Decided", gate.counts, join(place, "decided.json"))
        _deliver_counts(
            "IllFormed",
            read.bad | "Codes" >> beam.Map(_count_codes),
            join(place, "ill_formed.json"),
        )
        _deliver_counts(
            "Findings",
            clean.findings | "Flatten findings" >> beam.Map(_flatten_findings),
            join(place, "findings.json"),
        )
        _ = (
            gate.bias
            | "Bias sum" >> beam.CombineGlobally(BiasFn())
            | "Bias rows" >> beam.Map(_bias_rows)
            | "Bias deliver" >> Deliver(join(place, "bias.json"))
        )
        _ = read.stats | "Stats" >> Deliver(join(place, "read.json"))
        _ = (
            spills
            | "Spill index" >> beam.Map(asdict)
            | "Spills" >> Deliver(join(place, "spills.json"))
        )
        _ = read.bad | "Bad" >> WriteTables(join(place, "bad"))
        _ = gate.audit | "Audit" >> WriteTables(join(place, "audit"))
    cleared = Cleared(
        read={entry["split"]: entry for entry in received(join(place, "read.json"))},
        decided=Counter(_only(received(join(place, "decided.json")))),
        ill_formed=Counter(_only(received(join(place, "ill_formed.json")))),
        bias=_bias_counts(received(join(place, "bias.json"))),
        findings=_nested(_only(received(join(place, "findings.json")))),
        spills=tuple(
            SpillFile(entry["path"], tuple(entry["offsets"]))
            for entry in received(join(place, "spills.json"))
        ),
        histogram=None,
        triples={},
    )
    if most is not None:
        return replace(cleared, limits=received_limits(plan.counting, place))
    counted = received_counts(plan.counting, place)
    return replace(
        cleared,
        histogram=counted.histogram,
        triples=counted.triples,
        targets=counted.targets,
        people=counted.people,
    )


def limit_records(
    cleared: Cleared, plan: ClearingPlan, workspace: Workspace, flags: Sequence[str]
) -> Cleared:
    """Count the records that stay of each person, if the policy limits them."""
    if cleared.limits is None:
        return cleared
    counted = run_counting_pass(
        cleared.spills, cleared.limits, plan.counting, workspace, flags
    )
    return replace(
        cleared,
        histogram=counted.histogram,
        triples=counted.triples,
        targets=counted.targets,
        people=counted.people,
        capped=counted.capped,
    )


def run_staging_pass(
    cleared: Cleared,
    recoding: Recoding,
    measure: MeasureStaged,
    residual: ResidualPlan,
    plan: CountingPlan,
    workspace: Workspace,
    flags: Sequence[str],
) -> Staged:
    """Run pass 2 and read its results."""
    place = workspace.private
    class_columns, anonymity = plan.class_columns, plan.anonymity
    people = cleared.people.people if cleared.people is not None else None
    limit = cleared.limits.apply if cleared.limits is not None else None
    stored = store_recoding(recoding, join(place, "recoding"))
    keys = _linking_keys(plan)
    rows = sum(spill.rows for spill in cleared.spills)
    options = PipelineOptions(list(flags), save_main_session=False)
    with beam.Pipeline(options=options) as pipeline:
        parts = (
            pipeline
            | "Parts" >> beam.Create(plan_parts(rows))
            | "Spread" >> beam.Reshuffle()
            | "Write"
            >> WriteParts(
                cleared.spills,
                Recode(people, stored, plan.bounded),
                workspace.data,
                workspace.private,
                limit,
            )
        )
        blocks = parts | "Read back" >> ReadBack()
        if isinstance(recoding, BucketedRecoding):
            classes = parts | "Recount" >> CountClassesOnDisk(
                class_columns,
                anonymity.k,
                len(plan_parts(rows)),
                join(place, "recount"),
            )
        else:
            classes = blocks | "Recount" >> CountClasses(class_columns, anonymity.k)
        _ = (
            parts
            | "Part index" >> beam.Map(asdict)
            | "List parts" >> Deliver(join(place, "parts.json"))
        )
        _ = classes | "Keep classes" >> Deliver(
            join(place, "classes.parquet"), table=True
        )
        for number, name in enumerate(anonymity.sensitive):
            _ = (
                blocks
                | f"Values {name}" >> CountValues(class_columns, name)
                | f"Keep values {name}"
                >> Deliver(join(place, f"values-{number}.parquet"), table=True)
            )
        for number, name in enumerate(keys):
            _ = (
                blocks
                | f"Links {name}" >> CountLinks(class_columns, name)
                | f"Keep links {name}" >> Deliver(join(place, f"links-{number}.json"))
            )
        _ = parts | "Residual" >> MeasureResidual(
            residual, join(place, "residual.json")
        )
        _ = blocks | "Measure" >> measure.into(join(place, "measures"))
    return Staged(
        parts=tuple(PartFile(**entry) for entry in received(join(place, "parts.json"))),
        classes=received_table(join(place, "classes.parquet")),
        values={
            name: received_table(join(place, f"values-{number}.parquet"))
            for number, name in enumerate(anonymity.sensitive)
        },
        measures=measure.received(join(place, "measures")),
        residual=received_residual(join(place, "residual.json"), residual),
        links=report_links(
            (
                count
                for number in range(len(keys))
                for count in received(join(place, f"links-{number}.json"))
            ),
            keys,
        ),
    )


def _linking_keys(plan: CountingPlan) -> tuple[str, ...]:
    """Name the keys by which a reader, or we, could link the rows of a person."""
    if plan.anonymity.subject.harmonise is not None:
        return (SUBJECT, *plan.identifiers)
    return (SUBJECT,) if plan.anonymity.contribution_cap is not None else ()


def _deliver_counts(
    label: str, counters: PCollection[dict[str, int]], path: str
) -> None:
    """Add counters up and deliver the sum."""
    _ = (
        counters
        | f"{label} sum" >> beam.CombineGlobally(_add_up)
        | f"{label} deliver" >> Deliver(path)
    )


def _add_up(counters: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return dict(total)


def _count_codes(bad: pa.RecordBatch) -> dict[str, int]:
    counts = bad.column("code").value_counts()
    return {entry["values"]: entry["counts"] for entry in counts.to_pylist()}


def _bias_rows(counts: BiasCounts) -> list[list[Any]]:
    """Give counts as rows: in JSON a key cannot be null."""
    return [
        [name, value, *pair]
        for name, groups in counts.items()
        for value, pair in groups.items()
    ]


def _bias_counts(delivered: list[Any]) -> BiasCounts:
    counts: BiasCounts = {}
    for rows in delivered:
        for name, value, decided, kept in rows:
            counts.setdefault(name, {})[value] = (decided, kept)
    return counts


def _flatten_findings(findings: dict[str, dict[str, int]]) -> dict[str, int]:
    return {
        f"{column}\t{entity}": spans
        for column, entities in findings.items()
        for entity, spans in entities.items()
    }


def _nested(flat: dict[str, int]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for name, spans in sorted(flat.items()):
        column, entity = name.split("\t")
        nested.setdefault(column, {})[entity] = spans
    return nested


def _only(values: list[Any]) -> dict[str, int]:
    """Unwrap a delivery of one counter; no element at all means nothing counted."""
    merged: dict[str, int] = values[0] if values else {}
    return merged
