"""What a published set shows of every distinct tuple, and what lies behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..counting.codes import Ints
from ..counting.histogram import codes_of
from ..ladders.ladder import Ladder
from ..ladders.quantiles import fit_ladders
from ..ladders.sets import apart_from_sets
from ..recoding.coded import CodedColumn, code_histogram
from ..recoding.full_domain import Recoding

__all__ = ["Bools", "Floats", "Seen", "SeenColumn", "look_at"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_PLACE = "optin:place"


@dataclass(frozen=True)
class SeenColumn:
    """One quasi-identifier of the released pairs of tuple and person.

    Attributes:
        column: values, labels and losses of every level.
        code: value number behind each pair: the truth, unknown to an attacker. Values
            of one bucket, which are never told apart, all have the first one's number.
        label: number of each pair's published label.
        level: per label, the finest level that has it, or holds all values of a set; -1
            for a range.
        low: per label, the smallest value number behind it.
        high: per label, the largest.
        wide: per label, whether it was generalised at all.
        members: label that is a set → numbers of its values.
    """

    column: CodedColumn
    code: Ints
    label: Ints
    level: Ints
    low: Ints
    high: Ints
    wide: Bools
    members: Mapping[int, Ints]

    def listed(self, label: int) -> bool:
        """Tell whether a label is a set of values."""
        return label in self.members

    def under(self, label: int) -> Ints:
        """Give the numbers of the values that a label may stand for."""
        if label in self.members:
            return self.members[label]
        level = int(self.level[label])
        group = self.column.groups[max(level, 0)]
        found = group == group[self.low[label]]
        if level < 0:
            number = np.arange(len(group))
            found = (number >= self.low[label]) & (number <= self.high[label])
        return np.flatnonzero(found & self.occurring)

    @property
    def occurring(self) -> Bools:
        """Tell which values the data holds; a null is listed whether or not it occurs."""
        first = _first(self.column)
        held: Bools = first == np.arange(len(first))
        held[-1] = bool((self.column.codes == len(held) - 1).any())
        return held


@dataclass(frozen=True)
class Seen:
    """The released pairs of tuple and person, by class.

    Attributes:
        columns: one per quasi-identifier.
        class_of: class of each pair: pairs whose labels agree in every column.
        classes: number of classes.
    """

    columns: tuple[SeenColumn, ...]
    class_of: Ints
    classes: int


def look_at(histogram: pa.Table, ladders: Sequence[Ladder], recoding: Recoding) -> Seen:
    """Put a recoding to the histogram that it was chosen on.

    Args:
        histogram: distinct tuples with their people.
        ladders: one per quasi-identifier.
        recoding: what is released.
    """
    # Edges of quantiles are those of the release: they depend on its k.
    ladders = fit_ladders(histogram, ladders, recoding.k)
    coded = code_histogram(histogram, ladders, 1)
    place = pa.array(np.arange(histogram.num_rows))
    published = recoding.apply(histogram.append_column(_PLACE, place))
    at = published.column(_PLACE).to_numpy()
    columns = []
    for column in coded.columns:
        code = _first(column)[column.codes[coded.pair_tuple][at]]
        columns.append(_seen(column, code, published.column(column.ladder.column)))
    class_of, classes = codes_of([published.column(one.column) for one in ladders])
    return Seen(tuple(columns), class_of, classes)


def _seen(column: CodedColumn, code: Ints, texts: pa.ChunkedArray) -> SeenColumn:
    encoded = texts.combine_chunks().dictionary_encode()
    label = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    names = encoded.dictionary.to_pylist()
    low = np.full(len(names), len(column.values), dtype=np.int64)
    high = np.full(len(names), -1, dtype=np.int64)
    np.minimum.at(low, label, code)
    np.maximum.at(high, label, code)
    level = np.full(len(names), -1, dtype=np.int64)
    wide = low < high
    members: dict[int, Ints] = {}
    for number, name in enumerate(names):
        for step, labels in enumerate(column.rungs.labels):
            own = labels[low[number]]
            if own == labels[high[number]] and name in {own, apart_from_sets(own)}:
                level[number] = step
                wide[number] = step > 0
                break
        else:
            if column.ladder.set_valued:
                held = np.unique(code[label == number])
                members[number] = held
                shared = [len(np.unique(group[held])) == 1 for group in column.groups]
                level[number] = shared.index(True)
    return SeenColumn(column, code, label, level, low, high, wide, members)


def _first(column: CodedColumn) -> Ints:
    """Give, per value, the first one that has its finest label."""
    _, first, group = np.unique(
        column.groups[0], return_index=True, return_inverse=True
    )
    result: Ints = first[group.reshape(-1)]
    return result
