"""What values became, kept from block to block, so that each is worked out about once.

In a column of ten values a person, most of the people of a block were in blocks before:
hashing them anew costs several times what looking them up does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..distinct import map_values
from .secret import Secret
from .table import RowTable, Words

__all__ = ["ColumnCache", "TokenCache"]

_MAX_ROWS = 2**19
_MOST_WORDS = 8  # longer values are worked out every time
_WORD = 8
_TOKEN = 32  # hexadecimal digits of a pseudonym
_JUDGED_ROWS = 2**16
_SELDOM = 0.02  # share of values found, below which a column is left alone
_WORTH = 0.25  # the same, of a cache that is full
_PAUSE = 8  # values passed by for each that was looked up in vain


class TokenCache:
    """A cache for each column, shared by the threads of a process.

    It holds values of people in memory as long as it lives. Nothing of it is written.
    """

    def __init__(self, max_rows: int = _MAX_ROWS) -> None:
        """Make it.

        Args:
            max_rows: values remembered of each column, about 130 bytes each.
        """
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._columns: dict[tuple[str, str, Secret], ColumnCache] = {}

    def column(self, name: str, action: str, key: bytes) -> ColumnCache:
        """Give the cache of what one action does to one column under one key."""
        place = (name, action, Secret(key))
        with self._lock:
            if place not in self._columns:
                self._columns[place] = ColumnCache(key, self._max_rows)
            return self._columns[place]


class ColumnCache:
    """Remembers what a function made of a column's values. Safe for threads.

    Exact: a value counts as known only if all of its bytes are the same. Bounded: at
    `max_rows` values it starts anew. A column in which hardly a value comes again is
    left alone for a while.
    """

    def __init__(self, key: bytes, max_rows: int = _MAX_ROWS) -> None:
        """Make it.

        Args:
            key: a secret that scatters the values.
            max_rows: values remembered.
        """
        self._key, self._max_rows = key, max_rows
        self._lock = threading.Lock()
        self._table: RowTable | None = None
        self._looked = self._found = self._pause = 0

    def map(
        self,
        array: pa.Array,
        function: Callable[[pa.Array], pa.Array],
        kind: pa.DataType,
    ) -> pa.Array:
        """Apply `function` to the values that are not remembered.

        Args:
            array: strings, or uint64. Null stays null.
            function: gives one result a value, in order, and always the same one for
                the same value. A null result is not remembered.
            kind: type of the results: string, all of 32 bytes, or int64.
        """
        if array.null_count:
            valid = array.is_valid().to_numpy(zero_copy_only=False)
            places = pa.array(np.cumsum(valid) - 1, mask=~valid)
            return self.map(array.drop_null(), function, kind).take(places)
        if not len(array) or self._passes_by(len(array)):
            return map_values(array, function).cast(kind)
        rows, fits = _rows_of(array, self._width())
        found, made = self._find(rows, 1 if kind == pa.int64() else _TOKEN // _WORD)
        found &= fits
        missing = np.flatnonzero(~found)
        if not len(missing):
            return _column(made, kind)
        asked = array if len(missing) == len(array) else array.take(pa.array(missing))
        fresh = map_values(asked, function).cast(kind)
        known = fresh.is_valid().to_numpy(zero_copy_only=False)
        learnt = missing[known]
        made[learnt] = _words_of(fresh.drop_null()).reshape(-1, made.shape[1])
        kept = learnt[fits[learnt]]
        self._add(rows[kept], made[kept])
        result = _column(made, kind)
        if known.all():
            return result
        none = np.zeros(len(array), np.bool_)
        none[missing[~known]] = True
        return result.take(pa.array(np.arange(len(array)), mask=none))

    def _width(self) -> int:
        with self._lock:
            return 0 if self._table is None else self._table.width

    def _passes_by(self, rows: int) -> bool:
        with self._lock:
            passed = self._pause > 0
            self._pause = max(0, self._pause - rows)
            return passed

    def _find(self, rows: Words, made: int) -> tuple[npt.NDArray[np.bool_], Words]:
        with self._lock:
            if self._table is None or self._table.width < rows.shape[1]:
                self._table = RowTable(rows.shape[1], made, self._key)
            if self._table.width > rows.shape[1]:  # made wider by another thread
                none = np.zeros(len(rows), np.bool_)
                return none, np.empty((len(rows), made), np.uint64)
            found, results = self._table.find(rows)
            self._looked += len(rows)
            self._found += int(np.count_nonzero(found))
            return found, results

    def _add(self, rows: Words, made: Words) -> None:
        with self._lock:
            table = self._table
            if table is None or table.width != rows.shape[1]:
                return
            full = table.count + len(rows) > self._max_rows
            judged = full or table.count >= _JUDGED_ROWS
            worth = _WORTH if full else _SELDOM
            if judged and self._found < worth * self._looked:
                self._pause = _PAUSE * self._looked
            if full or self._pause:
                self._table, self._looked, self._found = None, 0, 0
            elif len(rows):
                table.add(rows, made)


def _rows_of(array: pa.Array, width: int) -> tuple[Words, npt.NDArray[np.bool_]]:
    """Give values as rows of words that no two values share, and which rows do so.

    A text is its length and its words of 8 bytes; the last word overlaps the one before
    and is repeated up to the width, which is at least what the longest text needs.
    """
    if not pa.types.is_string(array.type):
        numbers = array.to_numpy(zero_copy_only=False).astype(np.uint64)
        return numbers.reshape(-1, 1), np.ones(len(array), np.bool_)
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset :][: len(array) + 1]
    first, last = int(ends[0]), int(ends[-1])
    starts = (ends[:-1] - first).astype(np.intp)
    lengths = np.diff(ends).astype(np.intp)
    longest = min(int(lengths.max()), _MOST_WORDS * _WORD)
    words = max(width - 1, -(-longest // _WORD), 1)
    text = np.zeros(last - first + _WORD, np.uint8)
    if last > first:
        text[:-_WORD] = np.frombuffer(data, np.uint8)[first:last]
    rows = np.empty((len(array), words + 1), np.uint64)
    rows[:, words] = lengths
    length = int(lengths[0])
    if length >= _WORD and (lengths == length).all():
        for word in range(words):
            at = min(_WORD * word, length - _WORD)
            rows[:, word] = np.ndarray((len(array),), np.uint64, text, at, (length,))
    else:
        loads = np.ndarray((len(text) - _WORD + 1,), np.uint64, text, 0, (1,))
        tails = np.maximum(lengths - _WORD, 0)
        for word in range(words):
            rows[:, word] = loads[starts + np.minimum(_WORD * word, tails)]
        short = np.flatnonzero(lengths < _WORD)
        # Of a text below 8 bytes the others are its neighbour's.
        bits = (_WORD * lengths[short]).astype(np.uint64)
        rows[short, :words] &= ((np.uint64(1) << bits) - np.uint64(1))[:, None]
    return rows, lengths <= words * _WORD


def _words_of(array: pa.Array) -> Words:
    if array.type == pa.int64():
        return array.to_numpy(zero_copy_only=False).view(np.uint64)
    if not len(array):
        return np.empty(0, np.uint64)
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset :][: len(array) + 1]
    if (np.diff(ends) != _TOKEN).any():
        message = f"results must have {_TOKEN} bytes each, to be remembered"
        raise ValueError(message)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].copy().view(np.uint64)


def _column(made: Words, kind: pa.DataType) -> pa.Array:
    if kind == pa.int64():
        return pa.array(made.reshape(-1).view(np.int64))
    ends = np.arange(0, _TOKEN * (len(made) + 1), _TOKEN, dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(made), pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(made))
    )
