"""A chosen recoding, and how it is applied to blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..counting.codes import canonical
from ..counting.histogram import codes_of
from .utility import LabelFacts

__all__ = ["GlobalRecoding", "Recoding", "same_labels"]


class Recoding(Protocol):
    """What is known of a chosen recoding, global or local."""

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Column names."""

    @property
    def levels(self) -> Mapping[str, object]:
        """Level per column, or the share of records on each; for reports."""

    @property
    def k(self) -> int:
        """Fewest people of a released class."""

    @property
    def ncp(self) -> float:
        """Information lost, 0 to 1, a suppressed record counting 1."""

    @property
    def suppressed_share(self) -> float:
        """Share of the records that is suppressed."""

    @property
    def records(self) -> int:
        """Records that it was chosen for."""

    @property
    def facts(self) -> LabelFacts:
        """Level and loss of every label, by column."""

    def apply(self, table: pa.Table, *, encoded: bool = False) -> pa.Table:
        """Generalise the quasi-identifiers and remove suppressed records.

        Args:
            table: records.
            encoded: labels may be dictionaries of text, which saves time and memory.
        """

    def without(self, classes: pa.Table) -> Self:
        """Release the classes with these labels no longer."""

    def with_suppressed(self, share: float, ncp: float) -> Self:
        """Note what share of the records is suppressed, and what is lost then."""


def same_labels(
    table: pa.Table, other: pa.Table, names: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """Tell which rows of a table have the labels of any row of another."""
    both = pa.concat_tables([other.select(list(names)), table.select(list(names))])
    codes, _ = codes_of(both.columns)
    return np.isin(codes[other.num_rows :], codes[: other.num_rows])


@dataclass(frozen=True)
class GlobalRecoding:
    """Labels of every quasi-identifier value, and the classes that are released.

    Attributes:
        quasi_identifiers: column names.
        labels: per column, a table `value → label`.
        released: label tuples of the classes that cover k people; every other class is
            suppressed.
        levels: level chosen per column, 0 the value itself.
        k: fewest people of a released class.
        ncp: information lost, 0 to 1, a suppressed record counting 1.
        suppressed_share: share of the records that is suppressed.
        records: that it was chosen for.
        facts: level and loss of every label, by column.
    """

    quasi_identifiers: tuple[str, ...]
    labels: tuple[pa.Table, ...]
    released: pa.Table
    levels: dict[str, int]
    k: int
    ncp: float
    suppressed_share: float
    records: int
    facts: LabelFacts

    def apply(self, table: pa.Table, *, encoded: bool = False) -> pa.Table:  # noqa: ARG002  # text is at hand
        """Generalise the quasi-identifiers and remove suppressed records.

        Shape: n records → at most n records; the quasi-identifiers become text, all
        other columns stay. A value or class that the plan does not know is suppressed:
        only what was counted is released.
        """
        for name, labels in zip(self.quasi_identifiers, self.labels, strict=True):
            position = table.schema.get_field_index(name)
            recoded = _labelled(table.column(name), labels)
            table = table.set_column(position, name, recoded)
        return table.filter(self._released(table))

    def without(self, classes: pa.Table) -> Self:
        """Release some classes no longer.

        Args:
            classes: their labels, in columns `quasi_identifiers`.
        """
        gone = same_labels(self.released, classes, self.quasi_identifiers)
        return replace(self, released=self.released.filter(pa.array(~gone)))

    def with_suppressed(self, share: float, ncp: float) -> Self:
        """Note what share of the records is suppressed, and what is lost then."""
        return replace(self, suppressed_share=share, ncp=ncp)

    def _released(self, table: pa.Table) -> pa.Array:
        """Tell which labelled records stand in a released class."""
        rows = table.num_rows
        columns = [
            pa.chunked_array(
                [
                    *table.column(name).chunks,
                    *self.released.column(name).chunks,
                ],
                pa.string(),
            )
            for name in self.quasi_identifiers
        ]
        codes, count = codes_of(columns)
        wanted = np.zeros(count, dtype=np.bool_)
        wanted[codes[rows:]] = True
        complete = wanted[codes[:rows]]
        for name in self.quasi_identifiers:
            complete &= table.column(name).is_valid().to_numpy()
        return pa.array(complete)


def _labelled(column: pa.ChunkedArray, labels: pa.Table) -> pa.Array:
    """Replace values by labels, once per distinct value; unknown becomes null."""
    column = canonical(column)  # as the histogram saw it: NaN is null, -0.0 is 0.0
    encoded = column.dictionary_encode()
    known = labels.column("value").combine_chunks()
    position = pc.index_in(encoded.dictionary, known)
    label = labels.column("label").combine_chunks().take(position)
    null_label = labels.column("label")[-1]
    recoded = label.take(encoded.indices)
    missing = column.is_null()
    return pc.if_else(missing, null_label, recoded)
