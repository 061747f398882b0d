"""optin, by the function for Arrow tables, in the settings that a user chooses between."""

from __future__ import annotations

from typing import Any

from .adapter import PERSON, ROW, ROWS, Adapter, Request
from .labels import read_brackets_and_levels

__all__ = ["OPTIN"]

_SUBJECT = "subject"


def _adapter(name: str, setting: str, counted: str = PERSON, **options: Any) -> Adapter:
    def prepare(table: Any, request: Request) -> Any:
        from adult import ladders_of

        # The person stays, to be counted in the release; optin takes the subject away.
        stamped = table.append_column(_SUBJECT, table.column(counted))
        return stamped.drop_columns([ROW]), ladders_of(request.data)

    def anonymise(prepared: Any, request: Request) -> Any:
        from optin.transforms.kanonymity import AnonymityPlan, kanonymize

        table, ladders = prepared
        plan = AnonymityPlan(_SUBJECT, tuple(ladders), request.k, **options)
        released, _ = kanonymize(table, plan)
        return released

    return Adapter(
        name=name,
        distribution="",
        module="optin.transforms.kanonymity",
        setting=setting,
        counts="people" if counted == PERSON else "rows",
        encoding="Arrow",
        prepare=prepare,
        anonymise=anonymise,
        publish=_publish,
        reader=read_brackets_and_levels,
    )


def _publish(result: Any, request: Request) -> Any:
    import numpy as np
    import pyarrow as pa

    labels = result.select([*request.quasi, PERSON])
    ones = pa.array(np.ones(labels.num_rows, dtype=np.int64))
    return labels.append_column(ROWS, ones)


_LOCAL = {"local": True, "suppress_max": 0.0}

OPTIN = (
    _adapter("optin local", "hierarchy labels, nothing suppressed", **_LOCAL),
    _adapter("optin local", "ranges, nothing suppressed", ranges=True, **_LOCAL),
    _adapter(
        "optin local", "sets, nothing suppressed", ranges=True, sets=True, **_LOCAL
    ),
    _adapter("optin local", "ranges, effort 100", ranges=True, effort=100, **_LOCAL),
    _adapter("optin global", "at most 5 % suppressed", suppress_max=0.05),
    _adapter("optin local", "hierarchy labels, rows as people", ROW, **_LOCAL),
    _adapter("optin local", "ranges, rows as people", ROW, ranges=True, **_LOCAL),
    _adapter(
        "optin local", "sets, rows as people", ROW, ranges=True, sets=True, **_LOCAL
    ),
    _adapter(
        "optin global",
        "at most 5 % suppressed, rows as people",
        ROW,
        suppress_max=0.05,
    ),
)
