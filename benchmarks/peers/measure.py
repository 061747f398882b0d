"""Measures a release from what was published alone: loss, and people of every class.

Nothing of any tool, nor of optin, is used here. DuckDB counts classes, rows and distinct
people; `labels` tells what a label loses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from .adapter import PERSON, ROWS
from .labels import Domain, Reader, loss_of, spell, widen

__all__ = ["Measured", "measure_release"]


@dataclass(frozen=True)
class Measured:
    """What a release is worth.

    Attributes:
        ncp: mean loss over rows of the input and quasi-identifiers; a suppressed row
            counts 1.
        ncp_as_levels: the same, with each list of categories widened to the least label
            of the hierarchy that holds it.
        suppressed_share: of the rows of the input.
        classes: combinations of labels.
        least_rows: rows of the smallest class.
        least_people: distinct people of the smallest class.
        classes_below: share of classes with fewer than k distinct people.
        rows_below: share of published rows in those classes.
    """

    ncp: float
    ncp_as_levels: float
    suppressed_share: float
    classes: int
    least_rows: int
    least_people: int
    classes_below: float
    rows_below: float


def measure_release(
    release: Path | pa.Table,
    domains: Mapping[str, Domain],
    reader: Reader,
    input_rows: int,
    k: int,
) -> Measured:
    """Measure a release.

    Args:
        release: Parquet file or table: text column of each of `domains`, `person`,
            `rows` (how many rows of the input each stands for).
        domains: quasi-identifier to its domain.
        reader: of the labels.
        input_rows: rows that went in; what is lacking is suppressed.
        k: what `classes_below` is held against.

    Raises:
        ValueError: a label stands for no value, rows came out that never went in, or
            nothing was published.
    """
    names = list(domains)
    quoted = ", ".join(f'"{name}"' for name in names)
    with duckdb.connect() as database:
        database.execute("SET threads = 2")
        if isinstance(release, Path):
            source = database.read_parquet(str(release))
        else:
            source = database.from_arrow(release)
        source.create_view("release")
        seen = database.sql(f"SELECT DISTINCT {quoted} FROM release")  # noqa: S608 - names of ours
        labels = seen.to_arrow_table()
        if not labels.num_rows:
            message = "nothing was published"
            raise ValueError(message)
        database.register("labels", _classes(labels, domains, reader))
        same = " AND ".join(f'r."{name}" = l."{name}"' for name in names)
        # `rows` is spread over people before distinct people are counted.
        query = f"""
            WITH pairs AS (
                SELECT l.class, any_value(l.loss) AS loss,
                    any_value(l.wide) AS wide, sum(r."{ROWS}") AS n
                FROM release r JOIN labels l ON {same}
                GROUP BY l.class, r."{PERSON}"
            ), classes AS (
                SELECT any_value(loss) AS loss, any_value(wide) AS wide, sum(n) AS n, count(*) AS people
                FROM pairs GROUP BY class
            )
            SELECT sum(n * loss), sum(n * wide), sum(n), count(*), min(n), min(people),
                count(*) FILTER (people < $k), sum(n) FILTER (people < $k)
            FROM classes
        """  # noqa: S608 - names of ours
        found = database.execute(query, {"k": k}).fetchone()
        held = database.execute(f'SELECT sum("{ROWS}") FROM release').fetchone()  # noqa: S608 - a name of ours
    lost, wide, rows, classes, least_rows, people, below, rows_below = found
    if rows != held[0] or rows > input_rows:
        message = f"{rows} rows in classes, {held[0]} published, {input_rows} went in"
        raise ValueError(message)
    suppressed = input_rows - int(rows)
    return Measured(
        ncp=(float(lost) + suppressed) / input_rows,
        ncp_as_levels=(float(wide) + suppressed) / input_rows,
        suppressed_share=suppressed / input_rows,
        classes=int(classes),
        least_rows=int(least_rows),
        least_people=int(people),
        classes_below=below / classes,
        rows_below=int(rows_below or 0) / int(rows),
    )


def _classes(
    labels: pa.Table, domains: Mapping[str, Domain], reader: Reader
) -> pa.Table:
    """Give each combination of labels the number of its class, and its losses."""
    spelled: list[list[str]] = []
    loss, wide = np.zeros(labels.num_rows), np.zeros(labels.num_rows)
    for name, domain in domains.items():
        column = labels.column(name).to_pylist()
        values = {label: reader(label, domain) for label in set(column)}
        exact = {label: loss_of(under, domain) for label, under in values.items()}
        least = {
            label: loss_of(widen(under, domain), domain)
            for label, under in values.items()
        }
        loss += np.array([exact[label] for label in column]) / len(domains)
        wide += np.array([least[label] for label in column]) / len(domains)
        spellings = {label: spell(label) for label in values}
        spelled.append([spellings[label] for label in column])
    numbers: dict[tuple[str, ...], int] = {}
    classes = [
        numbers.setdefault(key, len(numbers)) for key in zip(*spelled, strict=True)
    ]
    numbered = labels.append_column("class", pa.array(classes, pa.int64()))
    return numbered.append_column("loss", pa.array(loss)).append_column(
        "wide", pa.array(wide)
    )
