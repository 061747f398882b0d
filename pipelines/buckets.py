"""More tuples than fit into one histogram: counted and solved bucket by bucket.

Pass 1 leaves a sample of the histogram in its place. It teaches a router; the spilled
records are read again and leave their counts by bucket on disk; every bucket is then
solved alone, on whichever worker (`docs/decisions/0010-buckets.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from ..policies.diversity import Sensitive
from ..policies.errors import GateError
from ..transforms.blocks.names import BLOCK_ROWS, SUBJECT
from ..transforms.kanonymity import (
    AnonymityPlan,
    CountValues,
    Recoding,
    withhold_classes,
    withhold_counted,
    within_share,
)
from ..transforms.kanonymity.counting.histogram import ROWS
from ..transforms.kanonymity.plan import refuse_empty
from ..transforms.kanonymity.routing import (
    BucketedRecoding,
    BucketFacts,
    BucketPart,
    Layout,
    Router,
    Sliced,
    estimated_pairs,
    lay_out,
    sort_histogram,
    sort_part,
    stitch,
    thinned_bits,
)
from ..transforms.kanonymity.subjects import StoredPeople
from ..transforms.staging import SpillFile, plan_parts
from ..transforms.staging.deliver import Deliver, received, received_table
from ..transforms.staging.parts import Part, gather
from .passes import Cleared
from .workspace import Workspace, join

__all__ = ["choose_for", "withhold_for"]

_Change = Callable[[pa.Table], pa.Table]


def choose_for(
    cleared: Cleared, plan: AnonymityPlan, workspace: Workspace, flags: Sequence[str]
) -> Recoding:
    """Choose the recoding of the cleared records, in buckets if there is need.

    Raises:
        GateError: k is out of reach, or there are too many tuples.
    """
    histogram = cleared.histogram
    if histogram is None:  # the account saw kept records
        message = "kept records left no histogram. This is a defect"
        raise GateError(message)
    many = thinned_bits(histogram) or estimated_pairs(histogram) > plan.most_pairs
    if not (plan.local and many):
        return plan.choose(histogram, cleared.targets)
    router = plan.router(histogram)
    place = workspace.private
    if thinned_bits(histogram):
        parts = _count(cleared, router, plan, place, flags)
    else:  # of harmonised people: it was put together whole
        path = join(place, "bucket-whole")
        parts = [sort_histogram(histogram, router, plan.k, path)]
    layout = lay_out(parts, router, plan.k)
    for domain in layout.domains:
        if domain.empty:
            records = _rows(cleared) - cleared.capped
            none = {domain.ladder.column: pa.nulls(1), ROWS: pa.array([records])}
            refuse_empty(pa.table(none), [domain.ladder.column])
    return _solve(layout, plan, place, flags)


def _count(
    cleared: Cleared,
    router: Router,
    plan: AnonymityPlan,
    place: str,
    flags: Sequence[str],
) -> list[BucketPart]:
    limit = cleared.limits.apply if cleared.limits is not None else None
    read = _Read(cleared.spills, (*plan.quasi_identifiers, SUBJECT), limit)
    with _pipeline(flags) as pipeline:
        _ = (
            pipeline
            | "Parts" >> beam.Create(plan_parts(_rows(cleared)))
            | "Spread" >> beam.Reshuffle()
            | "By bucket" >> beam.ParDo(_SortPart(read, router, plan.k, place))
            | "Bucket index" >> beam.Map(asdict)
            | "Keep buckets" >> Deliver(join(place, "buckets.json"))
        )
    return [
        BucketPart(
            Sliced(entry["counted"]["path"], tuple(entry["counted"]["offsets"])),
            entry["facts"],
        )
        for entry in received(join(place, "buckets.json"))
    ]


def _solve(
    layout: Layout, plan: AnonymityPlan, place: str, flags: Sequence[str]
) -> BucketedRecoding:
    with _pipeline(flags) as pipeline:
        _ = (
            pipeline
            | "Buckets" >> beam.Create(range(layout.router.buckets))
            | "Apart" >> beam.Reshuffle()
            | "Solve" >> beam.ParDo(_Solve(layout, plan, place))
            | "Facts" >> beam.Map(BucketFacts.to_json)
            | "Keep facts" >> Deliver(join(place, "solved.json"))
        )
    solved = [BucketFacts(**entry) for entry in received(join(place, "solved.json"))]
    return stitch(layout, solved, plan.k, plan.suppress_max)


def withhold_for(
    recoding: Recoding,
    cleared: Cleared,
    rules: Mapping[str, Sensitive],
    suppress_max: float,
    plan: AnonymityPlan,
    workspace: Workspace,
    flags: Sequence[str],
) -> Recoding:
    """Take the classes that break a rule on a sensitive attribute out of a recoding.

    Where (tuple, value, person) were too many to be collected, the spilled records are
    read again and counted by class and value; no classes are united then.

    Raises:
        GateError: too much would be suppressed, or nothing would be left.
    """
    histogram = cleared.histogram
    whole = histogram is not None and not thinned_bits(histogram)
    if whole and not rules.keys() - cleared.triples.keys():
        assert histogram is not None  # noqa: S101 - it is whole
        return withhold_classes(
            recoding, histogram, cleared.triples, rules, suppress_max, plan
        )
    counted = _values(recoding, cleared, tuple(rules), workspace.private, flags)
    kept = withhold_counted(recoding, counted, rules)
    if isinstance(kept, BucketedRecoding):
        return within_share(kept, kept.classes(), suppress_max)
    if histogram is None or not whole:
        message = "the records of a sample cannot be counted. This is a defect"
        raise GateError(message)
    return within_share(kept, kept.apply(histogram), suppress_max)


def _values(
    recoding: Recoding,
    cleared: Cleared,
    names: tuple[str, ...],
    place: str,
    flags: Sequence[str],
) -> dict[str, pa.Table]:
    quasi = recoding.quasi_identifiers
    limit = cleared.limits.apply if cleared.limits is not None else None
    people = cleared.people.people if cleared.people is not None else None
    read = _Read(cleared.spills, (*quasi, *names, SUBJECT), limit, people)
    with _pipeline(flags) as pipeline:
        blocks = (
            pipeline
            | "Parts" >> beam.Create(plan_parts(_rows(cleared)))
            | "Spread" >> beam.Reshuffle()
            | "Classes" >> beam.ParDo(_Recoded(read, recoding))
        )
        for number, name in enumerate(names):
            _ = (
                blocks
                | f"Values {name}" >> CountValues(quasi, name)
                | f"Keep values {name}"
                >> Deliver(join(place, f"planned-{number}.parquet"), table=True)
            )
    counted = {}
    for number, name in enumerate(names):
        table = received_table(join(place, f"planned-{number}.parquet"))
        if table is None:
            message = "no class can be released: all records would be suppressed"
            raise GateError(message)
        counted[name] = table
    return counted


def _rows(cleared: Cleared) -> int:
    return sum(spill.rows for spill in cleared.spills)


def _pipeline(flags: Sequence[str]) -> beam.Pipeline:
    return beam.Pipeline(options=PipelineOptions(list(flags), save_main_session=False))


class _Read:
    """Reads the records of a part that stay, and gives them their person's tuple."""

    def __init__(
        self,
        spills: tuple[SpillFile, ...],
        columns: tuple[str, ...],
        limit: _Change | None,
        people: StoredPeople | None = None,
    ) -> None:
        self._spills = spills
        self._columns = columns
        self._limit = limit
        self._people = people

    def __call__(self, part: Part) -> pa.Table:
        table = gather(part, self._spills)
        if self._limit is not None:
            table = self._limit(table)
        table = table.select(list(dict.fromkeys(self._columns)))
        return table if self._people is None else self._people.apply(table)


class _SortPart(beam.DoFn):
    def __init__(self, read: _Read, router: Router, k: int, place: str) -> None:
        self._read = read
        self._router = router
        self._k = k
        self._place = place

    def process(self, part: Part) -> Iterator[BucketPart]:
        path = join(self._place, f"bucket-{part.number:05d}")
        yield sort_part(self._read(part), self._router, self._k, path)


class _Solve(beam.DoFn):
    def __init__(self, layout: Layout, plan: AnonymityPlan, place: str) -> None:
        self._layout = layout
        self._plan = plan
        self._place = place

    def process(self, bucket: int) -> Iterator[BucketFacts]:
        path = join(self._place, f"plan-{bucket:05d}.arrow")
        yield self._plan.solve(self._layout, bucket, path)


class _Recoded(beam.DoFn):
    def __init__(self, read: _Read, recoding: Recoding) -> None:
        self._read = read
        self._recoding = recoding

    def process(self, part: Part) -> Iterator[Any]:
        recoded = self._recoding.apply(self._read(part))
        yield from recoded.combine_chunks().to_batches(BLOCK_ROWS)
