"""One piece of JSON lines → columns, line by line: says what is wrong with which line.

Duplicate keys: `{"att": 3, "att": 2}` would be decided by which of the two a parser
keeps. A record with a repeated key on the path of any column that is read is
ill-formed here and in `json_fast` (Arrow refuses it: "was specified twice").
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .columns import bad_cells, scalar_text, to_storage, to_text, verbatim_text
from .json_fast import NotFastError, fast_sources
from .json_kinds import BLANK, Kinds, Piece, RepeatedKeys, load_json
from .names import raw_name

if TYPE_CHECKING:
    from .spec import ReadSpec

__all__ = ["parse_exact"]

_BAD_ENCODING, _BAD_RECORD, _BAD_TYPE = "BAD_ENCODING", "BAD_RECORD", "BAD_TYPE"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class _RecordError(Exception):
    """The record is ill-formed; the argument is the reason code."""


def parse_exact(lines: list[bytes], spec: ReadSpec, kinds: Kinds) -> Piece:
    """Parse line by line. Lines without their ends → `Piece`; blank ones are skipped."""
    piece = Piece({}, np.empty(0, np.int64))
    listed = set(spec.storage)
    cells: list[list[str | None]] = []
    kept: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        stripped = line.strip(BLANK)
        if not stripped:
            continue
        position, piece.records = piece.records, piece.records + 1
        try:
            cells.append(_cells(stripped, kinds, listed))
            kept.append((position, number))
        except _RecordError as error:
            piece.bad.append((position, number, str(error), line))
    texts = list(zip(*cells, strict=True)) or [()] * len(kinds.paths)
    sources = {
        name: pa.array(column, pa.string())
        for name, column in zip(kinds.paths, texts, strict=True)
    }
    bad = np.zeros(len(kept), bool)
    for column in spec.columns:
        piece.columns[column.name] = to_storage(sources[column.name], column)
        mask = bad_cells(sources[column.name], piece.columns[column.name])
        if mask is not None:
            bad |= mask.to_numpy(zero_copy_only=False)
    for name in spec.raw:
        piece.columns[raw_name(name)] = to_text(sources[name])
    for index in np.flatnonzero(bad):
        position, number = kept[index]
        piece.bad.append((position, number, _BAD_TYPE, lines[number]))
    piece.bad.sort()
    good = np.flatnonzero(~bad)
    piece.good = np.array([position for position, _ in kept], np.int64)[good]
    piece.columns = {
        n: array.take(pa.array(good)) for n, array in piece.columns.items()
    }
    return piece


def _cells(line: bytes, kinds: Kinds, listed: set[str]) -> list[str | None]:
    """Text of every column of one record, in the order of `kinds.paths`."""
    try:
        record = load_json(line)
        if _SURROGATE.search(line):
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise _RecordError(_BAD_ENCODING) from None
    except ValueError:
        raise _RecordError(_BAD_RECORD) from None
    except RecursionError:
        return _deep_cells(line, kinds)
    if not isinstance(record, dict):
        raise _RecordError(_BAD_RECORD)
    root = _walk(record, kinds.root, _BAD_RECORD)
    if not isinstance(root, dict):
        raise _RecordError(_BAD_RECORD)
    cells = []
    below = len(kinds.root)
    for name, path in kinds.paths.items():
        value = _walk(root, path[below:], _BAD_TYPE)
        if isinstance(value, (dict, list)):
            if name in listed:
                raise _RecordError(_BAD_TYPE)
            _check_repeated(value)
        try:
            cells.append(scalar_text(value))
        except ValueError:
            raise _RecordError(_BAD_TYPE) from None
    return cells


def _deep_cells(line: bytes, kinds: Kinds) -> list[str | None]:
    """Cells of a record nested too deeply for Python; Arrow has no such limit."""
    try:
        sources, _ = fast_sources(line, kinds)
    except (NotFastError, pa.ArrowException, UnicodeDecodeError):
        raise _RecordError(_BAD_RECORD) from None
    return [verbatim_text(array)[0].as_py() for array in sources.values()]


def _walk(value: Any, path: tuple[str, ...], code: str) -> Any:
    for part in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _RecordError(code)
        if isinstance(value, RepeatedKeys) and part in value.repeated:
            raise _RecordError(_BAD_RECORD)
        value = value.get(part)
    return value


def _check_repeated(value: Any) -> None:
    if isinstance(value, RepeatedKeys):
        raise _RecordError(_BAD_RECORD)
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, (dict, list)):
            _check_repeated(child)
