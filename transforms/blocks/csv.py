"""CSV, streamed; every cell arrives as bytes and is then read as its storage type."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pacsv

from ...policies.errors import InputError
from .assemble import BadRow, blocks_of, convert
from .files import open_bytes
from .spec import BadRecords, SplitStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .spec import ReadSpec, Split

__all__ = ["BLOCK_BYTES", "read_csv"]

BLOCK_BYTES = 4 << 20
"""Size of one read; a single record must be smaller."""

# Arrow gives up on a whole file when a record of the wrong width is not UTF-8. So such
# bytes travel through it as a mark (a code point that is reserved for internal use) and
# a letter, and are put back in the cell they came from.
_MARK = "\ufdd0"
_MARKED = re.compile(_MARK + "([\u0180-\u01ff])")
_ESCAPED = re.compile("[\udc80-\udcff]")


def read_csv(
    spec: ReadSpec, split: Split, *, block_bytes: int = BLOCK_BYTES
) -> Iterator[pa.RecordBatch | BadRecords | SplitStats]:
    """Read one file: comma, double quotes, first record is the header (RFC 4180).

    An empty cell is null, quoted or not. A record with another number of cells than
    the header is `BAD_RECORD`; blank lines are skipped.

    Raises:
        InputError: one record is larger than `block_bytes`, often an unclosed quote.

    Not covered: an unclosed quote swallows what follows up to the next quote; CSV
    gives no way to tell where the record was meant to end.
    """
    odd: list[tuple[int, bytes]] = []
    partition = dict(split.partition)
    numbers = _Numbers()
    good = bad_count = 0
    with open_bytes(split.path) as file:
        text = _Utf8(file)
        try:
            for batch in _batches(text, spec, odd, block_bytes):
                bad: list[BadRow] = [
                    (record, None, "BAD_RECORD", raw) for record, raw in odd
                ]
                numbers.skip([record for record, _ in odd])
                odd.clear()
                if batch is not None:
                    sources = {
                        name: _cell_column(
                            batch, spec.full(name), partition, marked=text.marked
                        )
                        for name in spec.sources
                    }
                    records = numbers.take(batch.num_rows)
                    block, more = convert(sources, records, spec, split)
                    bad += more
                    good += block.num_rows
                    yield from blocks_of(pa.Table.from_batches([block]))
                bad_count += len(bad)
                if bad:
                    yield BadRecords.of(split, bad)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            msg = (
                f"{split.path}: a record is larger than {block_bytes:,} bytes; most "
                'often a quote (") is opened and never closed. Repair the file.'
            )
            raise InputError(msg) from None
    yield SplitStats(split.id, good + bad_count, good, bad_count)


def _batches(
    file: _Utf8, spec: ReadSpec, odd: list[tuple[int, bytes]], block_bytes: int
) -> Iterator[pa.RecordBatch | None]:
    """Batches of the wanted columns; a last null after which `odd` is complete."""

    def keep(row: Any) -> str:
        # The header is row 1, so the first record is row 2. One thread: with several
        # Arrow does not know row numbers.
        odd.append((row.number - 2, _restored(row.text)))
        return "skip"

    names = [spec.full(name) for name in spec.sources]
    try:
        reader = pacsv.open_csv(
            pa.PythonFile(file, mode="r"),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=block_bytes),
            parse_options=pacsv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=keep
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=names,
                include_missing_columns=True,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return
        raise
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            break
        if batch.num_rows:
            yield batch
    yield None


def _cell_column(
    batch: pa.RecordBatch, name: str, partition: dict[str, str], *, marked: bool
) -> pa.Array:
    array = batch.column(name)
    if name in partition and array.null_count == len(array):
        return pa.repeat(pa.scalar(partition[name], pa.string()), len(array))
    if not marked:
        return array
    mask = pc.match_substring(array, _MARK).fill_null(False)
    cells = [_restored(cell) for cell in array.filter(mask).to_pylist()]
    return pc.replace_with_mask(
        array.cast(pa.binary()), mask, pa.array(cells, pa.binary())
    )


def _restored(text: str) -> bytes:
    """Give back the bytes of a text that `_Utf8` may have marked."""
    escaped = _MARKED.sub(lambda found: chr(ord(found[1]) - 0x100 + 0xDC00), text)
    return escaped.encode("utf-8", "surrogateescape")


class _Utf8:
    """A file that always reads as UTF-8; `marked` tells whether that took marks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ready = b""
        self._tail = b""
        self.marked = False
        self.closed = False

    def read(self, size: int) -> bytes:
        # Never short but at the end: Arrow takes one read for one block, and a block
        # that holds no whole record for a record that is too large.
        ended = False
        while len(self._ready) < size and not ended:
            data = self._file.read(size)
            ended, data = not data, self._tail + data
            # A character may lie across the border: its start waits for the rest.
            cut = len(data) if ended else _whole_characters(data)
            self._ready += self._checked(data[:cut])
            self._tail = data[cut:]
        given, self._ready = self._ready[:size], self._ready[size:]
        return given

    def close(self) -> None:
        self.closed = True

    def _checked(self, data: bytes) -> bytes:
        if data.isascii():
            return data
        text = data.decode("utf-8", "surrogateescape")
        self.marked |= _MARK in text
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self.marked = True
            return _ESCAPED.sub(
                lambda found: _MARK + chr(ord(found[0]) - 0xDC00 + 0x100), text
            ).encode("utf-8")
        return data


def _whole_characters(data: bytes) -> int:
    """Length of `data` without a character that begins in its last three bytes."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if need > back else len(data)
        if byte < 0x80:
            break
    return len(data)


class _Numbers:
    """Ordinals of the good records, given which ordinals are not."""

    def __init__(self) -> None:
        self._next = 0
        self._skipped: list[int] = []

    def skip(self, records: list[int]) -> None:
        self._skipped += records

    def take(self, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Give the next `count` ordinals that are not skipped.

        Arrow parses a block before it hands it out, so every odd record that precedes
        a good one of the block is known by now.
        """
        ahead = np.arange(self._next, self._next + count + len(self._skipped))
        taken = ahead[~np.isin(ahead, self._skipped)][:count]
        if count:
            self._next = int(taken[-1]) + 1
        self._skipped = [number for number in self._skipped if number >= self._next]
        return taken
