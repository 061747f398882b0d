"""A recoding that lies on disk, bucket by bucket, and how it is put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa

from ....policies.errors import GateError
from ..counting.histogram import ROWS, total_rows
from ..counting.risk import Alone, alone
from ..local import DEFAULT_EFFORT, TIGHT, LocalRecoding, choose_in_part
from ..recoding.choose import allowed_rows, out_of_reach
from ..recoding.full_domain import same_labels
from ..recoding.utility import LabelFacts, merge_facts
from .buckets import Layout, read_bucket
from .stored import load_classes, load_facts, load_plan, store_plan
from .tree import Router

__all__ = ["BucketFacts", "BucketedRecoding", "solve_bucket", "stitch"]

_PLACE = "optin:place"


@dataclass(frozen=True)
class BucketFacts:
    """What solving a bucket reached; JSON takes it.

    Attributes:
        bucket: its number.
        path: where its recoding lies.
        rows: records.
        suppressed: records that are suppressed.
        ncp: information lost, a suppressed record counting 1.
        tuples: distinct tuples.
        unique_tuples: distinct tuples that one person alone has.
        unique_rows: records in those tuples.
        levels: per column, share of the released records on each level used.
    """

    bucket: int
    path: str
    rows: int
    suppressed: int
    ncp: float
    tuples: int
    unique_tuples: int
    unique_rows: int
    levels: Mapping[str, Mapping[str, float]]

    def to_json(self) -> dict[str, Any]:
        """Give the fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class BucketedRecoding:
    """The recodings of all buckets, each in a file; small to send.

    Attributes:
        router: sends tuples to buckets.
        paths: file of each bucket's recoding.
        quasi_identifiers: column names.
        levels: per column, share of the released records on each level used.
        k: fewest people of a released class.
        ncp: information lost, 0 to 1, a suppressed record counting 1.
        suppressed_share: share of the records that is suppressed.
        records: records that it was chosen for.
        facts: level and loss of every label, by column.
        alone: how many of the tuples and records one person alone has.
        withheld: labels of classes that are released no longer.
        store: what keeps the files, if they are to go with this value.
    """

    router: Router
    paths: tuple[str, ...]
    quasi_identifiers: tuple[str, ...]
    levels: Mapping[str, object]
    k: int
    ncp: float
    suppressed_share: float
    records: int
    facts: LabelFacts
    alone: Alone
    withheld: pa.Table | None = None
    store: object = field(default=None, repr=False, compare=False)

    def apply(self, table: pa.Table, *, encoded: bool = False) -> pa.Table:  # noqa: ARG002  # of many plans
        """Put the labels of its class on each record and remove suppressed records.

        Shape: n records → at most n records, in their order. One bucket's recoding is
        open at a time. A tuple that was not counted is suppressed.
        """
        place = table.append_column(_PLACE, pa.array(np.arange(table.num_rows)))
        pieces = [
            load_plan(self.paths[bucket]).apply(place.take(pa.array(rows)))
            for bucket, rows in self._rows_of(table)
        ]
        if not pieces:
            pieces = [load_plan(self.paths[0]).apply(place)]
        for index, piece in enumerate(pieces):
            pieces[index] = _plain(piece, self.quasi_identifiers)
        whole = pa.concat_tables(pieces)
        order = np.argsort(whole.column(_PLACE).to_numpy(), kind="stable")
        whole = whole.take(pa.array(order)).drop_columns([_PLACE])
        if self.withheld is None:
            return whole
        gone = same_labels(whole, self.withheld, self.quasi_identifiers)
        return whole.filter(pa.array(~gone))

    def _rows_of(self, table: pa.Table) -> Iterable[tuple[int, Any]]:
        bucket = self.router.route(table)
        order = np.argsort(bucket, kind="stable")
        numbers, starts = np.unique(bucket[order], return_index=True)
        yield from zip(numbers.tolist(), np.split(order, starts[1:]), strict=False)

    def plans(self) -> Iterable[LocalRecoding]:
        """Open the recodings of the buckets one by one, as they are released."""
        for path in self.paths:
            plan = load_plan(path)
            if self.withheld is not None:
                labels = _plain(plan.labels, self.quasi_identifiers)
                plan = replace(plan, labels=labels).without(self.withheld)
            yield plan

    def classes(self) -> pa.Table:
        """Give the labels of the released classes, with their `optin:rows`."""
        names = list(self.quasi_identifiers)
        pieces = []
        for path in self.paths:
            counted = load_classes(path)
            if self.withheld is not None:
                gone = same_labels(counted, self.withheld, names)
                counted = counted.filter(pa.array(~gone))
            pieces.append(counted)
        grouped = pa.concat_tables(pieces).group_by(names, use_threads=False)
        return grouped.aggregate([(ROWS, "sum")]).rename_columns([*names, ROWS])

    def without(self, classes: pa.Table) -> Self:
        """Release some classes no longer.

        Args:
            classes: their labels, in columns `quasi_identifiers`.
        """
        gone = classes.select(list(self.quasi_identifiers))
        if self.withheld is not None:
            gone = pa.concat_tables([self.withheld, gone])
        return replace(self, withheld=gone)

    def with_suppressed(self, share: float, ncp: float) -> Self:
        """Note what share of the records is suppressed, and what is lost then."""
        return replace(self, suppressed_share=share, ncp=ncp)


def _plain(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Write dictionaries of labels out: those of buckets differ."""
    for name in names:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, column.cast(pa.string()))
    return table


def solve_bucket(
    layout: Layout,
    bucket: int,
    k: int,
    suppress_max: float,
    path: str,
    *,
    effort: int = DEFAULT_EFFORT,
    ranges: bool = True,
    sets: bool = False,
) -> BucketFacts:
    """Choose the recoding of a bucket and store it.

    At most its share of what may be suppressed is suppressed without need, so that the
    shares add up to no more than the whole's.

    Raises:
        GateError: fewer than k people in all.
    """
    histogram = read_bucket(layout, bucket, k)
    plan = choose_in_part(
        histogram,
        layout.domains,
        k,
        suppress_max,
        effort=effort,
        ranges=ranges,
        sets=sets,
    )
    rows = total_rows(histogram)
    single = alone(histogram)
    return BucketFacts(
        bucket=bucket,
        path=store_plan(plan, histogram, path),
        rows=rows,
        suppressed=round(plan.suppressed_share * rows),
        ncp=plan.ncp,
        tuples=len(plan.index),
        unique_tuples=single.unique_tuples,
        unique_rows=single.unique_rows,
        levels={
            name: dict(share)
            for name, share in plan.levels.items()
            if isinstance(share, Mapping)
        },
    )


def stitch(
    layout: Layout, solved: Iterable[BucketFacts], k: int, suppress_max: float
) -> BucketedRecoding:
    """Put the buckets together to one recoding of the whole.

    Raises:
        GateError: more than `suppress_max` of all records would be suppressed.
    """
    facts = sorted(solved, key=lambda one: one.bucket)
    if [one.bucket for one in facts] != list(range(layout.router.buckets)):
        message = "a bucket was solved twice or not at all. This is a defect; nothing is given"
        raise GateError(message)
    total = sum(one.rows for one in facts)
    suppressed = sum(one.suppressed for one in facts)
    if suppressed > allowed_rows(suppress_max, total):
        raise out_of_reach(k, suppress_max)
    single = Alone(
        tuples=sum(one.tuples for one in facts),
        rows=total,
        unique_tuples=sum(one.unique_tuples for one in facts),
        unique_rows=sum(one.unique_rows for one in facts),
    )
    return BucketedRecoding(
        router=layout.router,
        paths=tuple(one.path for one in facts),
        quasi_identifiers=tuple(one.column for one in layout.router.ladders),
        levels=_levels(layout, facts),
        k=k,
        ncp=sum(one.ncp * one.rows for one in facts) / max(total, 1),
        suppressed_share=suppressed / max(total, 1),
        records=total,
        facts=merge_facts(
            (load_facts(one.path) for one in facts),
            {one.column: (*one.names, *TIGHT) for one in layout.router.ladders},
        ),
        alone=single,
    )


def _levels(
    layout: Layout, facts: Sequence[BucketFacts]
) -> dict[str, dict[str, float]]:
    released = max(sum(one.rows - one.suppressed for one in facts), 1)
    levels: dict[str, dict[str, float]] = {}
    for ladder in layout.router.ladders:
        shares: dict[str, float] = {}
        for name in (*ladder.names, *TIGHT):
            held = sum(
                one.levels[ladder.column].get(name, 0.0) * (one.rows - one.suppressed)
                for one in facts
            )
            if held:
                shares[name] = round(held / released, 6)
        levels[ladder.column] = shares
    return levels
