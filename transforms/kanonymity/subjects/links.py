"""People who share a published identifier count as one when tuples are chosen.

Two users of one device have two subject tokens; a published pseudonym of the device links
their rows all the same. They get one tuple, so that no identifier shows two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import PCollection

from ...blocks.names import SUBJECT
from ..combine import MergeFn
from ..counting.codes import canonical
from ..counting.histogram import ROWS
from ..counting.merging import distinct_rows
from ..sensitive.recount import numbered
from .harmonise import LATEST, OWN, Harmonise, choose_tuples, merge_tuples, quasi_of
from .shards import shards_of, subjects_of

__all__ = ["CollectShared", "as_one", "link_groups", "shared_of", "united"]

_VALUE = "optin:value"
_ONE, _OTHER = "optin:one", "optin:other"


class CollectShared(beam.PTransform[Any, Any]):
    """Finds the subjects that share a value of an identifier.

    Shape: `PCollection[RecordBatch] -> PCollection[Table]` of pairs of subjects, as
    `shared_of` gives them; nobody without a neighbour is in them. Memory: the distinct
    (value, subject) pairs of one of 64 shards.
    """

    def __init__(self, column: str) -> None:
        super().__init__()
        self._column = column

    def expand(self, blocks: PCollection[pa.RecordBatch]) -> PCollection[pa.Table]:
        """Spread values over shards, and pair the subjects of each value."""
        return (
            blocks
            | "Spread" >> beam.FlatMap(_spread, self._column)
            | "Gather" >> beam.CombinePerKey(MergeFn(distinct_rows, shared_of))
            | "Pairs" >> beam.Values()
            | "Any" >> beam.Filter(lambda table: table.num_rows > 0)
        )


def _spread(block: pa.RecordBatch, column: str) -> Iterator[tuple[int, pa.Table]]:
    pairs = pa.table(
        {_VALUE: canonical(block.column(column)), SUBJECT: block.column(SUBJECT)}
    )
    yield from shards_of(distinct_rows([pairs.drop_null()]), _VALUE)


def shared_of(pairs: pa.Table) -> pa.Table:
    """Pair the first subject of every shared value with each of the others.

    Args:
        pairs: distinct (`optin:value`, `optin:subject`), no nulls.

    Returns:
        Columns `optin:one` and `optin:other`, uint64.
    """
    grouped = pairs.group_by(_VALUE, use_threads=False).aggregate([(SUBJECT, "min")])
    first = pairs.select([_VALUE, SUBJECT]).join(grouped, _VALUE, use_threads=False)
    one = np.asarray(first.column(f"{SUBJECT}_min").to_numpy(), dtype=np.uint64)
    other = subjects_of(first)
    apart = one != other
    return pa.table({_ONE: pa.array(one[apart]), _OTHER: pa.array(other[apart])})


def link_groups(shared: Sequence[pa.Table]) -> tuple[Any, Any]:
    """Find who is linked with whom, directly or through others.

    Returns:
        The linked subjects, ascending, and for each the smallest subject of its group.
    """
    if not shared:
        nobody = np.empty(0, dtype=np.uint64)
        return nobody, nobody
    whole = pa.concat_tables(shared)
    ends = [np.asarray(whole.column(n).to_numpy(), np.uint64) for n in (_ONE, _OTHER)]
    members, index = np.unique(np.concatenate(ends), return_inverse=True)
    one, other = np.split(index.reshape(-1).astype(np.int64), 2)
    label = np.arange(len(members))
    # Labels only fall, and only to labels of the same group: hook roots, then jump.
    while True:
        low, high = label[one], label[other]
        if (low == high).all():
            return members, members[label]
        np.minimum.at(label, low, high)
        np.minimum.at(label, high, low)
        np.minimum.at(label, one, label[low])
        np.minimum.at(label, other, label[high])
        label = label[label]


def united(
    chosen: pa.Table, groups: tuple[Any, Any], how: Harmonise
) -> tuple[pa.Table, int]:
    """Give linked subjects one tuple among those chosen for them.

    Args:
        chosen: one row per subject, sorted (`choose_tuples`).
        groups: result of `link_groups`.
        how: as for one subject; a subject's rows count for its own choice.

    Returns:
        The choice with the tuples of groups, and how many groups there are.
    """
    members, representative = groups
    subject = subjects_of(chosen)
    place = np.searchsorted(subject, members)
    there = place < len(subject)
    there[there] = subject[place[there]] == members[there]
    place, representative = place[there], representative[there]
    if not len(place):
        return chosen, 0
    linked = chosen.take(pa.array(place))
    pairs = linked.drop_columns([OWN])
    pairs = pairs.set_column(0, SUBJECT, pa.array(representative))
    common = choose_tuples(merge_tuples([pairs]), how)
    row = np.searchsorted(subjects_of(common), representative)
    given = common.take(pa.array(row))
    quasi = quasi_of(chosen)
    same = _same_tuple(linked.select(quasi), given.select(quasi))
    own = np.where(same, linked.column(OWN).to_numpy(), 0)
    columns = {SUBJECT: linked.column(SUBJECT)}
    columns |= {name: given.column(name) for name in quasi}
    columns |= {ROWS: linked.column(ROWS), LATEST: linked.column(LATEST)}
    columns[OWN] = pa.array(own)
    alone = np.ones(len(subject), dtype=np.bool_)
    alone[place] = False
    whole = pa.concat_tables([chosen.filter(pa.array(alone)), pa.table(columns)])
    return whole.sort_by(SUBJECT), common.num_rows


def as_one(chosen: pa.Table, groups: tuple[Any, Any]) -> pa.Table:
    """Name every linked subject by the first of its group, as one person."""
    members, representative = groups
    if not len(members):
        return chosen
    subject = subjects_of(chosen)
    place = np.minimum(np.searchsorted(members, subject), len(members) - 1)
    named = np.where(members[place] == subject, representative[place], subject)
    return chosen.set_column(0, SUBJECT, pa.array(named))


def _same_tuple(one: pa.Table, other: pa.Table) -> Any:
    number, _ = numbered(pa.concat_tables([one, other]))
    return number[: one.num_rows] == number[one.num_rows :]
