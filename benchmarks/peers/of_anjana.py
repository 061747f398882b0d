"""anjana: one level per column, over the hierarchies of Adult."""

from __future__ import annotations

import csv
from typing import Any

from .adapter import PERSON, ROWS, Adapter, Request
from .frames import release_of, to_pandas
from .labels import read_levels

__all__ = ["ANJANA"]


def _prepare(table: Any, request: Request) -> Any:
    levels: dict[str, dict[int, list[Any]]] = {}
    for name in request.quasi:
        path = request.data / f"adult_hierarchy_{name}.csv"
        with path.open(newline="", encoding="utf-8") as file:
            columns = list(zip(*csv.reader(file, delimiter=";"), strict=True))
        levels[name] = {level: list(labels) for level, labels in enumerate(columns)}
        if name in request.numbers:
            levels[name][0] = [int(value) for value in columns[0]]
    return to_pandas(table.drop_columns(["row"]), ()), levels


def _anonymise(prepared: Any, request: Request) -> Any:
    from anjana.anonymity import k_anonymity

    frame, levels = prepared
    return k_anonymity(frame, [], list(request.quasi), request.k, 5, levels)


def _publish(result: Any, request: Request) -> Any:
    return release_of(
        result.assign(**{ROWS: 1})[[*request.quasi, PERSON, ROWS]], request
    )


ANJANA = Adapter(
    name="anjana",
    distribution="anjana",
    module="anjana.anonymity",
    setting="global, at most 5 % suppressed, hierarchies of Adult",
    counts="rows",
    encoding="pandas, text as objects, every level of every hierarchy as a list",
    prepare=_prepare,
    anonymise=_anonymise,
    publish=_publish,
    reader=read_levels,
)
