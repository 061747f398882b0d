"""To pandas and back, for the tools that work on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .adapter import PERSON, ROWS, Request

__all__ = ["release_of", "to_pandas"]


def to_pandas(table: Any, categories: Sequence[str]) -> Any:
    """Give a data frame: text as objects, but of `categories` as pandas categories."""
    import pyarrow as pa

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        text = not pa.types.is_integer(column.type)
        columns[name] = column.cast(pa.string()) if text else column
    frame = pa.table(columns).to_pandas()
    for name in columns:
        if not str(frame[name].dtype).startswith("int"):
            kind = "category" if name in categories else object
            frame[name] = frame[name].astype(kind)
    return frame


def release_of(frame: Any, request: Request) -> Any:
    """Give a release as an Arrow table, labels as text."""
    import pyarrow as pa

    columns = {
        name: pa.array(frame[name].astype(str).to_numpy(dtype=object), pa.string())
        for name in request.quasi
    }
    for name in (PERSON, ROWS):
        columns[name] = pa.array(frame[name].to_numpy(), pa.int64())
    return pa.table(columns)
