"""polarfrost: Mondrian on Polars."""

from __future__ import annotations

from typing import Any

from .adapter import PERSON, ROWS, Adapter, Request
from .labels import read_dashes_and_lists

__all__ = ["POLARFROST"]


def _prepare(table: Any, request: Request) -> Any:
    import polars as pl
    import pyarrow as pa

    table = table.drop_columns(["row"])
    plain = {
        name: table.column(name).cast(pa.string())
        if name in request.texts
        else table.column(name)
        for name in table.column_names
    }
    return pl.from_arrow(pa.table(plain))


def _anonymise(prepared: Any, request: Request) -> Any:
    import polarfrost

    return polarfrost.mondrian_k_anonymity(
        prepared, list(request.quasi), PERSON, request.k, list(request.texts)
    )


def _publish(result: Any, request: Request) -> Any:
    import polars as pl

    # A row is a class: its people are listed in one text, its rows are counted once.
    people = (
        result.with_row_index("class")
        .with_columns(pl.col(PERSON).str.split(","))
        .explode(PERSON)
    )
    first = pl.col("class").is_first_distinct()
    return people.select(
        *request.quasi,
        pl.col(PERSON).cast(pl.Int64),
        pl.when(first).then(pl.col("count")).otherwise(0).cast(pl.Int64).alias(ROWS),
    ).to_arrow()


POLARFROST = Adapter(
    name="polarfrost",
    distribution="polarfrost",
    module="polarfrost",
    setting="Mondrian on Polars",
    counts="rows",
    encoding="Polars, text columns named as categorical, the person as its sensitive column",
    prepare=_prepare,
    anonymise=_anonymise,
    publish=_publish,
    reader=read_dashes_and_lists,
)
