"""JSON lines, read in byte ranges and in chunks of a few megabytes."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import pyarrow as pa

from .assemble import BadRow, blocks_of
from .files import open_bytes
from .json_exact import parse_exact
from .json_fast import parse_fast
from .json_kinds import Kinds, Piece
from .names import RECORD
from .spec import BadRecords, SplitStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .spec import ReadSpec, Split

__all__ = ["CHUNK_BYTES", "MAX_LINE_BYTES", "read_chunks", "read_jsonl"]

CHUNK_BYTES = 8 << 20
MAX_LINE_BYTES = 16 << 20
"""A longer line is an ill-formed record; `KEPT_BYTES` of it are kept."""
KEPT_BYTES = 1 << 20
_EXACT_LINES = 64
_LEARN_LINES = 64
_TAIL_BYTES = 64 << 10
_BOM = b"\xef\xbb\xbf"


def read_jsonl(
    spec: ReadSpec, split: Split, *, chunk_bytes: int = CHUNK_BYTES, fast: bool = True
) -> Iterator[pa.RecordBatch | BadRecords | SplitStats]:
    """Read one byte range. Memory: a few chunks, whatever the size of the file.

    Args:
        spec: what is read.
        split: byte range; a line belongs to the range its first byte lies in.
        chunk_bytes: size of one read.
        fast: false sends every line through the exact way; the result is the same.
    """
    kinds = Kinds(spec)
    schema = spec.schema(split.id)
    records = lines = good = 0
    with open_bytes(split.path) as file:
        for data, whole in read_chunks(file, split.start, split.end, chunk_bytes):
            if not whole:
                row = (records, lines, "BAD_RECORD", data)
                yield BadRecords.of(split, [row])
                records, lines = records + 1, lines + 1
                continue
            tables, bad = [], list[BadRow]()
            for piece, count in _pieces(data, spec, kinds, fast=fast):
                columns = {RECORD: pa.array(piece.good + records), **piece.columns}
                tables.append(pa.table(columns, schema=schema))
                bad += [
                    (records + at, lines + no, code, raw)
                    for at, no, code, raw in piece.bad
                ]
                records, lines = records + piece.records, lines + count
            table = pa.concat_tables(tables)
            good += table.num_rows
            yield from blocks_of(table)
            if bad:
                yield BadRecords.of(split, bad)
    yield SplitStats(split.id, records, good, records - good, lines)


def read_chunks(
    file: IO[bytes], start: int, end: int | None, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[tuple[bytes, bool]]:
    """Give the lines whose first byte lies in `[start, end)`, in runs of whole lines.

    Yields `(lines, True)`, or `(start of the line, False)` for one line longer than
    `MAX_LINE_BYTES`. A byte-order mark at the start of the file is left out.
    """
    position, held = start, b""
    if start:
        # The line that began before `start` is the previous range's. Reading from one
        # byte earlier keeps a line that begins exactly at `start`.
        file.seek(start - 1)
        position = start - 1
        while True:
            data = file.read(_TAIL_BYTES)
            if not data:
                return
            cut = data.find(b"\n") + 1
            position += cut or len(data)
            if cut:
                held = data[cut:]
                break
    first, skipping, done = position == 0, False, False
    while not done:
        # `position` is the offset of held[0].
        if end is not None and position >= end:
            return
        missing = chunk_bytes if end is None else end - position - len(held)
        data = file.read(max(min(chunk_bytes, missing), _TAIL_BYTES))
        done = not data
        if first:
            first = False
            if data.startswith(_BOM):
                data, position = data[len(_BOM) :], len(_BOM)
        held += data
        if skipping:
            cut = held.find(b"\n") + 1
            position += cut or len(held)
            held = held[cut:] if cut else b""
            skipping = not cut
            if skipping:
                continue
        unfinished = held.rfind(b"\n") + 1
        too_long = not done and len(held) - unfinished > MAX_LINE_BYTES
        stop = len(held) if done else unfinished
        if end is not None and len(held) >= end - position:
            # The last line of the range is the one that holds byte `end - 1`; until
            # its end is here it is waited for, so that it joins this run.
            last = held.find(b"\n", max(end - position - 1, 0)) + 1
            if last:
                stop, done = last, True
            elif not done and not too_long:
                stop = 0
        if stop:
            yield held[:stop], True
            position, held = position + stop, held[stop:]
        if too_long and not done:
            yield held[:KEPT_BYTES], False
            position, held, skipping = position + len(held), b"", True


def _pieces(
    data: bytes, spec: ReadSpec, kinds: Kinds, *, fast: bool
) -> Iterator[tuple[Piece, int]]:
    """Parse a run of lines, each part in the fastest way that works, in order.

    Yields pieces with their number of lines. Where Arrow fails, the run is halved at a
    line end, so one ill-formed record costs a few small parses and not its chunk.
    """
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if not fast or lines <= _EXACT_LINES:
        piece = parse_fast(data, spec, kinds) if fast else None
        if piece is None:
            piece = parse_exact(_lines(data), spec, kinds)
        yield piece, lines
        return
    piece = parse_fast(data, spec, kinds)
    if piece is None and lines > 8 * _LEARN_LINES and kinds.learn(_sample(data)):
        piece = parse_fast(data, spec, kinds)
    if piece is not None:
        yield piece, lines
        return
    cut = data.find(b"\n", len(data) // 2) + 1
    if cut in (0, len(data)):
        cut = data.rfind(b"\n", 0, len(data) // 2) + 1
    if cut in (0, len(data)):
        # One line outweighs all the others: nothing to gain from halving.
        yield parse_exact(_lines(data), spec, kinds), lines
        return
    yield from _pieces(data[:cut], spec, kinds, fast=fast)
    yield from _pieces(data[cut:], spec, kinds, fast=fast)


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def _sample(data: bytes) -> list[bytes]:
    """Lines from all over the run, evenly spaced, without looking at the others."""
    found = []
    for step in range(_LEARN_LINES):
        begin = data.rfind(b"\n", 0, len(data) * step // _LEARN_LINES) + 1
        end = data.find(b"\n", begin)
        found.append(data[begin : end if end >= 0 else len(data)].strip())
    return [line for line in found if line]
