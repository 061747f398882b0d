"""anonypy: Mondrian; its fork anonypyx stands in `of_anonypyx`."""

from __future__ import annotations

from typing import Any

from .adapter import PERSON, ROWS, Adapter, Request
from .frames import release_of, to_pandas
from .labels import read_dashes_and_lists

__all__ = ["ANONYPY"]


def _prepare(table: Any, request: Request) -> Any:
    return to_pandas(table.drop_columns(["row"]), request.texts)


def _anonymise(prepared: Any, request: Request) -> Any:
    import anonypy

    # The column called sensitive is the only one that it carries through.
    preserver = anonypy.Preserver(prepared, list(request.quasi), PERSON)
    return preserver.anonymize_k_anonymity(request.k)


def _publish(result: Any, request: Request) -> Any:
    import pandas as pd

    frame = pd.DataFrame(result)
    # Each label comes in a list of one.
    labels = {name: frame[name].str[0] for name in request.quasi}
    return release_of(frame.assign(**labels).rename(columns={"count": ROWS}), request)


ANONYPY = Adapter(
    name="anonypy",
    distribution="anonypy",
    module="anonypy",
    setting="Mondrian",
    counts="rows",
    encoding="pandas, text as categories, the person as its sensitive column",
    prepare=_prepare,
    anonymise=_anonymise,
    publish=_publish,
    reader=read_dashes_and_lists,
)
