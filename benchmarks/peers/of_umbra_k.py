"""umbra-k: Mondrian as a scikit-learn transformer."""

from __future__ import annotations

from typing import Any

from .adapter import PERSON, ROWS, Adapter, Request
from .frames import release_of, to_pandas
from .labels import read_dashes_and_lists

__all__ = ["UMBRA_K"]


def _prepare(table: Any, _: Request) -> Any:
    return to_pandas(table.drop_columns(["row"]), ())


def _anonymise(prepared: Any, request: Request) -> Any:
    from umbra_k import MondrianAnonymizer

    anonymizer = MondrianAnonymizer(k=request.k, quasi_id=list(request.quasi))
    return anonymizer.fit_transform(prepared)


def _publish(result: Any, request: Request) -> Any:
    return release_of(
        result.assign(**{ROWS: 1})[[*request.quasi, PERSON, ROWS]], request
    )


UMBRA_K = Adapter(
    name="umbra-k",
    distribution="umbra-k",
    module="umbra_k",
    setting="Mondrian",
    counts="rows",
    encoding="pandas, text as objects",
    prepare=_prepare,
    anonymise=_anonymise,
    publish=_publish,
    reader=read_dashes_and_lists,
)
