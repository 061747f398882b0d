"""What is generalised, how far, and by which recoding: settings in one frozen value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ...policies.anonymity_utility import Utility
from ...policies.errors import GateError, OptinError
from ...policies.model import Policy
from ..blocks.names import SUBJECT
from .counting.histogram import total_rows
from .counting.threads import fold_blocks
from .ladders.ladder import Ladder, build_ladder
from .local import DEFAULT_EFFORT, choose_local
from .recoding.bounds import Bounded, class_columns, plan_bounds
from .recoding.choose import choose_recoding
from .recoding.full_domain import Recoding
from .routing import (
    MOST_PAIRS,
    BucketFacts,
    Layout,
    Limited,
    Router,
    choose_local_bucketed,
    learn_buckets,
    solve_bucket,
    thinned_bits,
)

__all__ = ["AnonymityPlan", "refuse_empty"]


@dataclass(frozen=True)
class AnonymityPlan:
    """What a table or a pipeline is generalised by; picklable.

    Attributes:
        subject: column that names the data subject.
        ladders: one per quasi-identifier (`build_ladder`).
        k: fewest distinct data subjects of a class, at least 2.
        suppress_max: largest share of records that may be suppressed.
        local: every class has labels of its own; else one level holds for a column.
        effort: of local recoding: most combinations of levels that are tried.
        ranges: of local recoding: numbers and dates as tight ranges of their classes,
            else with labels of their hierarchies alone.
        sets: of local recoding: categories as the sets of values of their classes, else
            with labels of their hierarchies alone.
        utility: what the result must still be worth.
        most_pairs: distinct pairs of tuple and person, k a tuple at most, that are
            chosen on at once. More are cut into buckets by local recoding, and refused
            by global recoding.
        bounds: quasi-identifiers of numbers, times or dates whose labels' bounds come
            out as values too, in `NAME_lower` and `NAME_upper`.
        target: column that models will be trained to predict, which the choice spares
            what predicts; or None.

    Raises:
        OptinError: a setting that no policy could have, or names that do not go together.
    """

    subject: str
    ladders: tuple[Ladder, ...]
    k: int
    suppress_max: float = 0.05
    local: bool = False
    effort: int = DEFAULT_EFFORT
    ranges: bool = False
    utility: Utility = field(default_factory=Utility)
    most_pairs: int = MOST_PAIRS
    bounds: tuple[str, ...] = ()
    target: str | None = None
    sets: bool = False

    def __post_init__(self) -> None:
        """Refuse what no policy could ask for."""
        names = self.quasi_identifiers
        twice = [name for name in names if names.count(name) > 1]
        fault = None
        if self.k < 2 or not names:
            fault = "k must be 2 or more, with at least one quasi-identifier"
        elif twice:
            fault = f"quasi-identifier {twice[0]!r} has two ladders; give one"
        elif not 0 <= self.suppress_max < 1:
            fault = (
                "suppress_max is the share of records that may be suppressed: from 0 to "
                f"below 1, not {self.suppress_max:g}"
            )
        elif self.effort < 1 or self.most_pairs < 1:
            fault = "effort and most_pairs must be 1 or more"
        elif self.target is not None and self.target in (*names, self.subject):
            fault = (
                f"target {self.target!r} is the subject or a quasi-identifier; give a "
                "column that comes out as it is"
            )
        if fault is not None:
            raise OptinError(fault)

    @staticmethod
    def from_policy(policy: Policy) -> AnonymityPlan:
        """Gather what a policy asks for, of blocks that carry `optin:subject`.

        Raises:
            PolicyError: a hierarchy table cannot be read.
        """
        anonymity = policy.anonymity
        columns = (policy.column(name) for name in policy.quasi_identifiers)
        return AnonymityPlan(
            subject=SUBJECT,
            ladders=tuple(build_ladder(column) for column in columns),
            k=anonymity.k,
            suppress_max=anonymity.suppress_max,
            local=anonymity.recoding == "local",
            effort=anonymity.effort,
            ranges=anonymity.labels in {"ranges", "sets"},
            sets=anonymity.labels == "sets",
            utility=anonymity.utility,
            most_pairs=anonymity.most_pairs,
            bounds=policy.bounded_columns,
            target=anonymity.target,
        )

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Names of the columns that are generalised."""
        return tuple(ladder.column for ladder in self.ladders)

    @property
    def bounded(self) -> tuple[Bounded, ...]:
        """Columns whose labels' bounds come out too.

        Raises:
            GateError: one is no quasi-identifier.
        """
        return plan_bounds(self.bounds, self.ladders)

    @property
    def class_columns(self) -> tuple[str, ...]:
        """Names of all columns that tell of a class: labels, then their bounds."""
        return class_columns(self.quasi_identifiers, self.bounded)

    def choose(self, histogram: pa.Table, targets: pa.Table | None = None) -> Recoding:
        """Choose the recoding on a histogram.

        Args:
            histogram: k-capped histogram of the records.
            targets: of `target`: records by tuple and value (`target_counts`).

        Raises:
            GateError: k is out of reach, or a quasi-identifier has no value at all; or
                this is but a sample of a histogram.

        Not covered: `utility`, which is held against what is released.
        """
        if thinned_bits(histogram):
            raise self.too_many()
        refuse_empty(histogram, self.quasi_identifiers)
        if not self.local:
            return choose_recoding(
                histogram, self.ladders, self.k, self.suppress_max, targets
            )
        return choose_local(
            histogram,
            self.ladders,
            self.k,
            self.suppress_max,
            effort=self.effort,
            ranges=self.ranges,
            sets=self.sets,
            targets=targets,
        )

    def count(self, blocks: Iterable[pa.RecordBatch]) -> pa.Table | None:
        """Give the histogram of records, or a sample of it; None where there is none."""
        limited = Limited(self.quasi_identifiers, self.k, self.most_pairs)
        state = fold_blocks(blocks, limited.start, limited.add, limited.unite)
        return limited.finish(state)

    def choose_from(
        self,
        blocks: Iterable[pa.RecordBatch],
        folder: str,
        targets: pa.Table | None = None,
    ) -> Recoding:
        """Choose the recoding of records: on one histogram, or on buckets in a folder.

        Args:
            blocks: with `optin:subject`; they can be read twice.
            folder: for the buckets, if there are any; the recoding then needs it.
            targets: of `target`: records by tuple and value. Buckets do not heed it.

        Raises:
            GateError: k is out of reach, or there are too many tuples.
        """
        counted = self.count(blocks)
        if counted is None:
            message = "there is no record to choose a recoding on"
            raise GateError(message)
        if not thinned_bits(counted):
            return self.choose(counted, targets)
        return self.choose_buckets(blocks, counted, folder)

    def choose_buckets(
        self, blocks: Iterable[pa.RecordBatch], sample: pa.Table, folder: str
    ) -> Recoding:
        """Choose the recoding of records bucket by bucket.

        Args:
            blocks: with `optin:subject`; they are read again.
            sample: of their histogram, as `Limited` gives it.
            folder: for the buckets; the recoding needs it.

        Raises:
            GateError: k is out of reach, or one level is to hold for all buckets.
        """
        if not self.local:
            raise self.too_many()
        return choose_local_bucketed(
            blocks,
            sample,
            self.ladders,
            self.k,
            self.suppress_max,
            folder=folder,
            most_pairs=self.most_pairs,
            effort=self.effort,
            ranges=self.ranges,
            sets=self.sets,
        )

    def router(self, sample: pa.Table) -> Router:
        """Learn how to cut a set into buckets, from a sample of its histogram."""
        return learn_buckets(sample, self.ladders, self.k, self.most_pairs)

    def solve(self, layout: Layout, bucket: int, path: str) -> BucketFacts:
        """Choose the recoding of one bucket, and store it."""
        return solve_bucket(
            layout,
            bucket,
            self.k,
            self.suppress_max,
            path,
            effort=self.effort,
            ranges=self.ranges,
            sets=self.sets,
        )

    def too_many(self) -> GateError:
        """Say that there are too many tuples for one histogram."""
        message = (
            f"there are more than {self.most_pairs:,} distinct pairs of "
            "quasi-identifier tuple and person (k a tuple at most), which must fit into "
            "memory at once here. Use recoding: local, which cuts them into buckets, "
            "raise most_pairs (about 400 bytes each), or generalise before: wider "
            "buckets, shorter prefixes"
        )
        return GateError(message)


def refuse_empty(histogram: pa.Table, quasi_identifiers: Sequence[str]) -> None:
    """Refuse a quasi-identifier without a value: its name or path is wrong.

    Args:
        histogram: of the whole set; of a part, a column may well be empty.
        quasi_identifiers: names of its columns.

    Raises:
        GateError: names the first such column.
    """
    for name in quasi_identifiers:
        column = histogram.column(name)
        if column.null_count < len(column):
            continue
        if len(column):
            message = (
                f"quasi-identifier {name!r}: none of the {total_rows(histogram):,} "
                "records has a value, so it tells nobody apart. Correct its name or "
                "path, or take it out of the quasi-identifiers"
            )
            raise GateError(message)
