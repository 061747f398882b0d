"""A chosen recoding, and how it is applied to blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .codes import canonical
from .histogram import codes_of

__all__ = ["Recoding"]


@dataclass(frozen=True)
class Recoding:
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
    """

    quasi_identifiers: tuple[str, ...]
    labels: tuple[pa.Table, ...]
    released: pa.Table
    levels: dict[str, int]
    k: int
    ncp: float
    suppressed_share: float

    def apply(self, table: pa.Table) -> pa.Table:
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

    def without(self, classes: pa.Table) -> Recoding:
        """Release some classes no longer.

        Args:
            classes: their labels, in columns `quasi_identifiers`.
        """
        names = list(self.quasi_identifiers)
        both = pa.concat_tables([classes.select(names), self.released.select(names)])
        codes, _ = codes_of(both.columns)
        stays = ~np.isin(codes[classes.num_rows :], codes[: classes.num_rows])
        return replace(self, released=self.released.filter(pa.array(stays)))

    def with_suppressed(self, share: float) -> Recoding:
        """Note what share of the records is suppressed; each record more loses all."""
        more = share - self.suppressed_share
        kept = 1 - self.suppressed_share
        inside = (self.ncp - self.suppressed_share) / kept if kept > 0 else 0.0
        return replace(self, suppressed_share=share, ncp=self.ncp + more * (1 - inside))

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
