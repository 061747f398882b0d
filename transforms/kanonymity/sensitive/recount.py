"""The recount of sensitive attributes on what was really written.

Per class and value the distinct data subjects are counted exactly: nothing is capped,
because a share cannot be told from a cap. What travels between workers is distinct
(class, value, person) triples, spread over shards by class, so that memory is that of the
largest shard; what comes out holds no person.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...blocks.names import SUBJECT
from ..counting.codes import Ints
from ..counting.merging import distinct_rows, refuse_nobody

__all__ = [
    "PEOPLE",
    "POPULATION",
    "VALUE",
    "numbered",
    "told_values",
    "value_people",
    "value_triples",
]

VALUE = "optin:value"
"""Column of a count: a value of the sensitive attribute, in its own type; or null."""

PEOPLE = "optin:people"
"""int64 column of a count: distinct data subjects of the class with that value."""

POPULATION = "optin:population"
"""int64 column of a count: distinct data subjects of the class."""


def value_triples(
    data: pa.Table | pa.RecordBatch, quasi: Sequence[str], sensitive: str
) -> pa.Table:
    """Give the distinct (class, value, person) triples of published rows.

    Args:
        data: rows with the label columns `quasi`, `sensitive` and `optin:subject`.
        quasi: the columns that make a class; null is a label of its own.
        sensitive: the sensitive attribute.

    Returns:
        Columns `quasi`, `optin:value` (see `told_values`), `optin:subject`.

    Raises:
        GateError: a row has no subject.
    """
    columns = {name: data.column(name) for name in quasi}
    columns[VALUE] = told_values(data.column(sensitive))
    columns[SUBJECT] = data.column(SUBJECT)
    refuse_nobody(columns[SUBJECT])
    return distinct_rows([pa.table(columns)])


def told_values(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Give values in a form in which each that tells something is told apart once.

    NaN says nothing, so it is a missing value; `-0.0` is `0.0`. Infinity is a value: who
    is known to have it is known.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not pa.types.is_floating(kind):
        return column
    # Arrow neither groups half floats nor, in a dictionary, sees that two values are one.
    column = column.cast(pa.float32() if pa.types.is_float16(kind) else kind)
    known = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return pc.add(known, pa.scalar(0.0, column.type))


def value_people(triples: pa.Table) -> pa.Table:
    """Count people: distinct triples of whole classes → one row per class and value.

    Returns:
        Columns of the class, `optin:value`, `optin:people`, `optin:population`, sorted.
    """
    quasi = [n for n in triples.column_names if n not in (VALUE, SUBJECT)]
    by_value = triples.group_by([*quasi, VALUE], use_threads=False).aggregate(
        [([], "count_all")]
    )
    persons = triples.select([*quasi, SUBJECT])
    persons = persons.group_by([*quasi, SUBJECT], use_threads=False).aggregate([])
    whole = persons.group_by(quasi, use_threads=False).aggregate([([], "count_all")])
    # Arrow's join takes null for unequal to null, and a class may have a null label.
    position = _positions(by_value.select(quasi), whole.select(quasi))
    population = whole.column("count_all").take(pa.array(position))
    counted = by_value.rename_columns([*quasi, VALUE, PEOPLE])
    counted = counted.append_column(POPULATION, population)
    return counted.sort_by([(name, "ascending") for name in [*quasi, VALUE]])


def numbered(table: pa.Table) -> tuple[Ints, Ints]:
    """Number the distinct rows of a table, null being a value of its own.

    Returns:
        Per row its number, and per number the first row that has it.
    """
    number = np.zeros(table.num_rows, dtype=np.int64)
    first = np.zeros(min(1, table.num_rows), dtype=np.int64)
    for column in table.columns:
        coded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        codes = coded.indices.to_numpy(zero_copy_only=False)
        key = number * (len(coded.dictionary) + 1) + codes
        _, found, inverse = np.unique(key, return_index=True, return_inverse=True)
        number, first = inverse.reshape(-1).astype(np.int64), found.astype(np.int64)
    return number, first


def _positions(wanted: pa.Table, keys: pa.Table) -> Ints:
    """Find each row of a table among the distinct rows of another."""
    number, first = numbered(pa.concat_tables([keys, wanted]))
    return first[number[keys.num_rows :]]
