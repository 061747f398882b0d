"""One piece of JSON lines → columns by Arrow's reader, where it can be trusted.

The answer is accepted only where it provably equals that of `json_exact`; in any doubt
this gives up and the exact way decides. So speed depends on the input, results never.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from .columns import bad_cells, to_storage, to_text
from .json_kinds import BLANK, Kinds, Piece
from .names import raw_name

if TYPE_CHECKING:
    from .spec import ReadSpec

__all__ = ["NotFastError", "fast_sources", "parse_fast"]

_NEWLINE, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
# Arrow also reads Inf, -Inf and -NaN, which Python does not; NaN and Infinity, which
# Python reads too, are caught where they matter (a column that is read).
_NON_JSON = re.compile(rb"[:\[,\s-](?:Inf|NaN)")
# From here on a double no longer tells neighbouring integers apart.
_EXACT = float(2**53)


class NotFastError(Exception):
    """The fast way cannot vouch for this piece."""


def parse_fast(data: bytes, spec: ReadSpec, kinds: Kinds) -> Piece | None:
    """Parse a run of whole lines with Arrow; null if the exact way must decide.

    bytes → `Piece` without bad records, in line order.
    """
    try:
        sources, records = fast_sources(data, kinds)
        columns = _fast_columns(sources, spec)
    except (NotFastError, pa.ArrowException, UnicodeDecodeError):
        return None
    return Piece(columns, np.arange(records), records=records)


def fast_sources(data: bytes, kinds: Kinds) -> tuple[dict[str, pa.Array], int]:
    """Give the columns as they are written in the JSON, and the number of records.

    Raises:
        NotFastError: the exact way must decide; also any `pa.ArrowException`.
    """
    if not kinds.possible:
        raise NotFastError
    data, records = _one_object_a_line(data)
    if records == 0:
        return {name: pa.array([], pa.string()) for name in kinds.paths}, 0
    _check_text(data)
    options = pj.ReadOptions(use_threads=False, block_size=len(data) + 1)
    table = pj.read_json(
        pa.BufferReader(data), read_options=options, parse_options=kinds.options()
    )
    if table.num_rows != records:
        raise NotFastError
    tops = {name: _one_array(table.column(name)) for name in table.column_names}

    def at(path: tuple[str, ...]) -> pa.Array:
        array = tops[path[0]]
        for part in path[1:]:
            array = pc.struct_field(array, part)
        return array

    if kinds.root and at(kinds.root).null_count:
        raise NotFastError
    sources = {name: at(path) for name, path in kinds.paths.items()}
    for array in sources.values():
        if pa.types.is_floating(array.type):
            _check_floats(array)
    return sources, records


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return (
        column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    )


def _one_object_a_line(data: bytes) -> tuple[bytes, int]:
    """Make sure that no object spans lines; give the data and its number of records.

    If every line starts with `{` and ends with `}`, a line end can only stand between
    two top-level objects, because `}` followed by `{` occurs nowhere inside one. Then
    as many rows as lines means one object on each. (It also keeps a leading `null`
    from Arrow, which crashes on it.)
    """
    if not data.endswith(b"\n"):
        data += b"\n"
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(codes == _NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    last = ends - 1
    last = np.where((codes[last] == _RETURN) & (last > starts), last - 1, last)
    if (codes[starts] == _OPEN).all() and (codes[last] == _CLOSE).all():
        return data, len(ends)
    lines = [line.strip(BLANK) for line in data.split(b"\n")]
    lines = [line for line in lines if line]
    if not all(line[0] == _OPEN and line[-1] == _CLOSE for line in lines):
        raise NotFastError
    return b"\n".join(lines) + b"\n", len(lines)


def _check_text(data: bytes) -> None:
    """Make sure that all of it is UTF-8, unread fields included, and plain JSON."""
    if not data.isascii():
        offsets = pa.py_buffer(np.array([0, len(data)], np.int32))
        whole = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data))
        whole.validate(full=True)
    if (b"Inf" in data or b"NaN" in data) and _NON_JSON.search(data):
        raise NotFastError


def _fast_columns(sources: dict[str, pa.Array], spec: ReadSpec) -> dict[str, pa.Array]:
    columns = {}
    for column in spec.columns:
        array = sources[column.name]
        columns[column.name] = to_storage(array, column)
        if bad_cells(array, columns[column.name]) is not None:
            raise NotFastError
    for name in spec.raw:
        columns[raw_name(name)] = to_text(sources[name])
        if bad_cells(sources[name], columns[raw_name(name)]) is not None:
            raise NotFastError
    return columns


def _check_floats(array: pa.Array) -> None:
    """Refuse doubles that may hide what was written: huge, not finite, minus zero."""
    values = array.fill_null(1.0).to_numpy(zero_copy_only=False)
    if (
        not (np.abs(values) < _EXACT).all()
        or (np.signbit(values) & (values == 0)).any()
    ):
        raise NotFastError
