"""Draws the rows that all tools get: resampled Adult, many rows a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .adapter import PERSON, ROW
from .labels import Domain, number_domain, text_domain

__all__ = ["Rows", "write_rows"]

_MOVED: Final = 0.09


@dataclass(frozen=True)
class Rows:
    """The input of one size: a Parquet file, its rows, the domain of every column."""

    path: Path
    count: int
    domains: Mapping[str, Domain]


def write_rows(
    adult: pa.Table,
    quasi: Sequence[str],
    data: Path,
    count: int,
    rows_a_person: int,
    path: Path,
) -> Rows:
    """Draw rows and write them.

    A person is a row of Adult. Each column of each of her rows is, with a chance of 9 %,
    taken from another row of Adult, so that distinct tuples grow with the rows. With ten
    rows a person, most have five to ten and some have hundreds.

    Args:
        adult: the data set.
        quasi: its columns to draw; `age` is the number among them.
        data: folder of the hierarchies.
        count: rows to draw.
        rows_a_person: on average; with 1, every row is a person of her own.
        path: Parquet file to write: `quasi`, `person`, `row`.
    """
    draw = np.random.default_rng(7)
    people = count // rows_a_person
    base = draw.integers(0, adult.num_rows, people)
    person = np.arange(count, dtype=np.int64)
    if rows_a_person > 1:
        person = (people * draw.random(count) ** 2).astype(np.int64)
    columns = {}
    for name in quasi:
        column = adult.column(name).combine_chunks()
        if pa.types.is_string(column.type):
            column = column.dictionary_encode()
        other = draw.integers(0, adult.num_rows, count)
        at = np.where(draw.random(count) < _MOVED, other, base[person])
        columns[name] = column.take(pa.array(at))
    columns[PERSON] = pa.array(person)
    columns[ROW] = pa.array(np.arange(count, dtype=np.int64))
    table = pa.table(columns)
    pq.write_table(table, path)
    domains = {}
    for name in quasi:
        hierarchy = data / f"adult_hierarchy_{name}.csv"
        if pa.types.is_integer(table.schema.field(name).type):
            values = table.column(name).unique().to_pylist()
            domains[name] = number_domain(name, values, hierarchy)
        else:
            domains[name] = text_domain(name, hierarchy)
    return Rows(path, count, domains)
