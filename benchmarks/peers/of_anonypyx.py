"""anonypyx: a fork of anonypy, Mondrian and MDAV."""

from __future__ import annotations

from typing import Any

from .adapter import PERSON, ROWS, Adapter, Request
from .frames import release_of, to_pandas
from .labels import read_dashes_and_lists

__all__ = ["ANONYPYX"]


def _prepare(table: Any, request: Request) -> Any:
    return to_pandas(table.drop_columns(["row"]), request.texts)


def _anonymise(prepared: Any, request: Request) -> Any:
    import anonypyx

    anonymiser = anonypyx.Anonymiser(
        prepared,
        k=request.k,
        algorithm="Mondrian",
        feature_columns=list(request.quasi),
        sensitive_column=PERSON,
        generalisation_strategy="human-readable",
    )
    return anonymiser.anonymise()


def _publish(result: Any, request: Request) -> Any:
    return release_of(result.rename(columns={"count": ROWS}), request)


ANONYPYX = Adapter(
    name="anonypyx",
    distribution="anonypyx",
    module="anonypyx",
    setting="Mondrian, human-readable labels",
    counts="rows",
    encoding="pandas, text as categories",
    prepare=_prepare,
    anonymise=_anonymise,
    publish=_publish,
    reader=read_dashes_and_lists,
)
