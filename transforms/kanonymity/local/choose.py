"""Chooses a local recoding on the histogram, and applies it to blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..counting.codes import Ints, TupleIndex, dictionary_of, places_in
from ..ladders.domains import Domain
from ..ladders.ladder import Ladder
from ..recoding.choose import allowed_rows, out_of_reach
from ..recoding.coded import Coded, CodedColumn, code_histogram
from ..recoding.full_domain import same_labels
from ..recoding.guide import guides_of
from ..recoding.utility import LabelFacts, label_facts
from .naming import TIGHT, bounds_of, leaf_numbers, level_shares, levels_of, texts_of
from .problem import LocalColumn, LocalProblem, Pairs
from .release import DEFAULT_EFFORT, LocalRelease, release_locally, released

__all__ = [
    "LocalRecoding",
    "choose_in_part",
    "choose_local",
    "local_problem",
    "recode",
]


@dataclass(frozen=True)
class LocalRecoding:
    """Every distinct tuple's class, and the labels of the classes.

    Attributes:
        quasi_identifiers: column names.
        values: per column, the distinct values, null last.
        index: finds a tuple among those that were counted.
        class_of: class of each tuple of the index, -1 if it is suppressed.
        labels: one row per class, one text column per quasi-identifier. Classes may
            share all labels; they are one class then.
        levels: per column, share of the released records on each level used.
        k: fewest people of a released class.
        ncp: information lost, 0 to 1, a suppressed record counting 1.
        suppressed_share: share of the records that is suppressed.
        bounds: of tight ranges: one row per class, `lower:NAME` and `upper:NAME` for
            each column of numbers or dates, in its type: the smallest and the largest
            value among the members; null where a member has none. No column where
            labels are those of hierarchies, which do not tell these values.
        records: that it was chosen for.
        facts: level and loss of every label, by column.
        united_share: share of the records whose class was united with another because
            of a rule on a sensitive attribute.
    """

    quasi_identifiers: tuple[str, ...]
    values: tuple[pa.Array, ...]
    index: TupleIndex
    class_of: Ints
    labels: pa.Table
    levels: Mapping[str, object]
    k: int
    ncp: float
    suppressed_share: float
    bounds: pa.Table
    records: int
    facts: LabelFacts
    united_share: float = 0.0

    def __getstate__(self) -> dict[str, object]:
        """Travel without what is made again from the labels."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def apply(self, table: pa.Table, *, encoded: bool = False) -> pa.Table:
        """Put the labels of its class on each record and remove suppressed records.

        Shape: n records → at most n records; the quasi-identifiers become text, all
        other columns stay. A tuple that the plan does not know is suppressed: only what
        was counted is released.

        Args:
            table: records.
            encoded: labels as dictionaries of text: a tenth of the time and memory.
        """
        number = self.classes_of(table)
        kept = np.flatnonzero(number >= 0)
        if len(kept) < len(number):
            number = number[kept]
            table = table.take(pa.array(kept))
        for name, (codes, texts) in zip(
            self.quasi_identifiers, self._written, strict=True
        ):
            position = table.schema.get_field_index(name)
            label = dictionary_of(codes[number], texts)
            if not encoded:
                label = label.dictionary_decode()
            table = table.set_column(position, name, label)
        return table

    def classes_of(self, table: pa.Table) -> Ints:
        """Give the class number of every record, -1 for what is suppressed."""
        known = np.ones(table.num_rows, dtype=np.bool_)
        columns = []
        for name, values in zip(self.quasi_identifiers, self.values, strict=True):
            codes = places_in(table.column(name), values)
            known &= codes >= 0
            columns.append(codes)
        found = self.index.find(columns)
        known &= found >= 0
        return np.where(known, self.class_of[found], -1)

    @cached_property
    def _written(self) -> tuple[tuple[npt.NDArray[np.int32], pa.Array], ...]:
        """Give per column the code of every class's label, and the distinct labels."""
        written = []
        for name in self.quasi_identifiers:
            listed = self.labels.column(name).combine_chunks().dictionary_encode()
            codes = listed.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            written.append((codes, listed.dictionary))
        return tuple(written)

    def without(self, classes: pa.Table) -> Self:
        """Release some classes no longer.

        Args:
            classes: their labels, in columns `quasi_identifiers`.
        """
        gone = np.append(
            same_labels(self.labels, classes, self.quasi_identifiers), False
        )
        return replace(self, class_of=np.where(gone[self.class_of], -1, self.class_of))

    def with_suppressed(self, share: float, ncp: float) -> Self:
        """Note what share of the records is suppressed, and what is lost then."""
        return replace(self, suppressed_share=share, ncp=ncp)


def choose_local(
    histogram: pa.Table,
    ladders: Sequence[Ladder],
    k: int,
    suppress_max: float,
    *,
    effort: int = DEFAULT_EFFORT,
    ranges: bool = True,
    sets: bool = False,
    targets: pa.Table | None = None,
) -> LocalRecoding:
    """Choose classes of distinct tuples, each with the tightest labels that hold.

    Args:
        histogram: k-capped histogram of the consented records.
        ladders: one per quasi-identifier; `weight` and `max_level` are heeded.
        k: fewest distinct data subjects of a class.
        suppress_max: largest share of records that may be suppressed.
        effort: most nodes of the lattice that are visited, at least 1.
        ranges: numbers and dates are published as tight ranges; False publishes labels
            of the hierarchies alone.
        sets: categories are published as the sets of their classes' values, where that
            loses less than a label of the hierarchy and they are not too many.
        targets: records by tuple and value of a training target (`target_counts`):
            what predicts it is generalised less; sets do not steer the choice then.

    Returns:
        The recoding. Every class it releases covers at least k distinct subjects of
        the histogram. Byte for byte the same for the same histogram.

    Raises:
        GateError: more than `suppress_max` of the records would be suppressed.

    Not covered: the least possible loss; attackers who know the algorithm.
    """
    coded = code_histogram(histogram, ladders, k)
    allowed = allowed_rows(suppress_max, coded.total)
    problem = local_problem(coded, k, ranges=ranges, sets=sets)
    guide = None
    if targets is not None:
        columns = zip(problem.columns, guides_of(coded, targets), strict=True)
        guided = tuple(
            # What a set would tell a model is not reckoned: labels stand for it.
            replace(column, losses=one.losses, weight=one.weight, leaves=None)
            for column, one in columns
        )
        guide = replace(problem, columns=guided)
    found = release_locally(problem, effort, allowed, guide)
    if found.suppressed_rows > allowed:
        raise out_of_reach(k, suppress_max)
    return _recoding(coded, found, k, ranges=ranges, sets=sets)


def choose_in_part(
    histogram: pa.Table,
    domains: Sequence[Domain],
    k: int,
    suppress_max: float,
    *,
    effort: int = DEFAULT_EFFORT,
    ranges: bool = True,
    sets: bool = False,
) -> LocalRecoding:
    """Choose classes of a part of the tuples, with the losses of the whole set.

    As `choose_local`; but where more than the part's share must be suppressed, it is:
    the share is a promise of the whole, which the caller has to hold.
    """
    coded = code_histogram(histogram, [one.ladder for one in domains], k, domains)
    extents = [domain.extent for domain in domains]
    problem = local_problem(coded, k, ranges=ranges, sets=sets, extents=extents)
    allowed = allowed_rows(suppress_max, coded.total)
    found = release_locally(problem, effort, allowed)
    return _recoding(coded, found, k, ranges=ranges, sets=sets)


def recode(
    coded: Coded,
    problem: LocalProblem,
    class_of: Ints,
    *,
    ranges: bool,
    sets: bool = False,
) -> LocalRecoding:
    """Write down classes that were found by other means.

    Args:
        coded: the histogram.
        problem: the same in the words of a walk.
        class_of: class of each distinct tuple, without gaps; -1 if it is suppressed.
            That each covers k people is the caller's to see to.
        ranges: whether numbers and dates are published as tight ranges.
        sets: whether categories are published as sets of values.
    """
    count = int(class_of.max(initial=-1)) + 1
    found = released(problem, class_of, count)
    return _recoding(coded, found, problem.k, ranges=ranges, sets=sets)


def local_problem(
    coded: Coded,
    k: int,
    *,
    ranges: bool,
    sets: bool = False,
    extents: Sequence[tuple[float, float] | None] | None = None,
) -> LocalProblem:
    """Put the histogram in the words of a walk."""
    ends = extents or [None] * len(coded.columns)
    return LocalProblem(
        columns=tuple(
            _local(column, ranges, sets, extent)
            for column, extent in zip(coded.columns, ends, strict=True)
        ),
        rows=coded.rows,
        pairs=Pairs(coded.pair_tuple, coded.pair_subject),
        k=k,
    )


def _local(
    column: CodedColumn,
    ranges: bool,
    sets: bool,
    extent: tuple[float, float] | None,
) -> LocalColumn:
    ladder = column.ladder
    positions = ladder.positions(column.values.to_pylist()) if ranges else None
    return LocalColumn(
        codes=column.codes,
        groups=column.groups,
        losses=column.rungs.losses,
        positions=positions,
        base=ladder.base,
        weight=ladder.weight,
        max_level=column.levels - 1,
        extent=extent,
        leaves=leaf_numbers(column) if sets else None,
        domain=column.leaves,
    )


def _recoding(
    coded: Coded, found: LocalRelease, k: int, *, ranges: bool, sets: bool
) -> LocalRecoding:
    names = tuple(column.ladder.column for column in coded.columns)
    codes = [column.codes for column in coded.columns]
    index = TupleIndex.build(codes, [len(column.values) for column in coded.columns])
    class_of = np.full(len(index), -1, dtype=np.int64)
    class_of[index.find(codes)] = found.class_of
    held = found.class_of >= 0
    rows = np.bincount(
        found.class_of[held], weights=coded.rows[held], minlength=found.classes
    )
    labels: dict[str, pa.Array] = {}
    levels: dict[str, dict[str, float]] = {}
    bounds: dict[str, pa.Array] = {}
    facts: dict[str, pa.Table] = {}
    for name, column, label in zip(names, coded.columns, found.labels, strict=True):
        labels[name] = texts_of(column, label, sets=sets)
        steps = [*column.ladder.names, *TIGHT]
        level = levels_of(column, label)
        levels[name] = level_shares(steps, level, rows.astype(np.float64))
        facts[name] = label_facts(labels[name], level, steps, label.loss, rows)
        if ranges and column.ladder.kind == "interval":
            bounds |= bounds_of(name, column, label)
    return LocalRecoding(
        quasi_identifiers=names,
        values=tuple(column.values for column in coded.columns),
        index=index,
        class_of=class_of,
        labels=pa.table(labels),
        levels=levels,
        k=k,
        ncp=found.loss,
        suppressed_share=found.suppressed_rows / max(coded.total, 1),
        bounds=pa.table(bounds),
        records=coded.total,
        facts=facts,
    )
