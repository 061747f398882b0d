"""Counts people by tuple as records come: every tuple one number, found by hashing.

A record costs a few memory accesses: the numbers of its values, the number of its tuple,
and the highest subject hash that its tuple still takes in. Only what passes that bound is
kept and sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .codes import combine
from .keys import Ints, KeyTable

__all__ = ["CodedRows", "Tally", "TallyRows"]

_ANY = np.iinfo(np.int64).max
_PENDING = 1 << 19
"""Pairs that wait, at least, before they are sorted."""

_KEY_BITS = 62
_NUMBER_BITS = 32  # of the tuple of the columns before, where one key cannot hold all


@dataclass(frozen=True)
class CodedRows:
    """Records of a block, or tuples with their people, in codes.

    Attributes:
        columns: per quasi-identifier, its distinct values and the code of each row.
        subject: subjects, as integers in the order of their hashes.
        rows: records that stand on each row; null: one on each.
        tuple_of: row of `columns` that each subject stands on; null: its own.
    """

    columns: Mapping[str, tuple[pa.Array, npt.NDArray[np.integer[Any]]]]
    subject: Ints
    rows: Ints | None = None
    tuple_of: Ints | None = None

    @property
    def tuples(self) -> int:
        """Rows of `columns`."""
        return len(self.subject) if self.rows is None else len(self.rows)


@dataclass(frozen=True)
class TallyRows:
    """A tally in ascending order of tuples (nulls last), then of subjects.

    Attributes:
        columns: per quasi-identifier, ascending values and the code of each tuple.
        rows: records of each tuple.
        tuple_of: tuple of each (tuple, subject) pair.
        subject: subject of each pair.
        first: first pair of each tuple.
    """

    columns: dict[str, tuple[pa.Array, Ints]]
    rows: Ints
    tuple_of: Ints
    subject: Ints
    first: Ints


class Tally:
    """Distinct tuples with their records and at most k subjects, the smallest hashes.

    Whatever order and split records come in, the tally stands for the same.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._values: dict[str, pa.Array] = {}
        self._bits: list[int] = []
        self._spans: list[int] = []
        self._tables: list[KeyTable] = []
        self._rows = np.zeros(0, dtype=np.int64)
        self._highest = np.zeros(0, dtype=np.int64)  # subject that a tuple still takes
        self._tuple_of = np.zeros(0, dtype=np.int64)
        self._subject = np.zeros(0, dtype=np.int64)
        self._pending: list[tuple[Ints, Ints]] = []

    def __len__(self) -> int:
        """Count the distinct tuples."""
        return len(self._rows)

    @property
    def pairs(self) -> int:
        """Count the (tuple, subject) pairs, those that wait as if they stayed."""
        return len(self._subject) + sum(len(piece) for piece, _ in self._pending)

    @property
    def unused(self) -> bool:
        """Whether nothing was added, not even a block without rows."""
        return not self._values

    def add(self, parts: Sequence[CodedRows]) -> None:
        """Count records, or what other tallies counted."""
        if not self._values:
            self._values = {
                name: values.slice(0, 0)
                for name, (values, _) in parts[0].columns.items()
            }
        parts = [part for part in parts if len(part.subject)]
        if not parts:
            return
        count = sum(part.tuples for part in parts)
        number = self._numbers(self._codes(parts), count)
        subject = np.concatenate([part.subject for part in parts])
        self._count(parts, number)
        self._keep(_by_pair(parts, number), subject)

    def parts(self) -> CodedRows:
        """Give what was counted, for another tally."""
        self.settle()
        codes = self._decoded()
        columns = dict(
            zip(
                self._values,
                zip(self._values.values(), codes, strict=True),
                strict=True,
            )
        )
        return CodedRows(columns, self._subject, self._rows, self._tuple_of)

    def rows(self) -> TallyRows:
        """Give what was counted, in order."""
        self.settle()
        count = len(self)
        columns: dict[str, tuple[pa.Array, Ints]] = {}
        for (name, values), codes in zip(
            self._values.items(), self._decoded(), strict=True
        ):
            order = pc.array_sort_indices(values, null_placement="at_end")
            place = np.empty(len(values), dtype=np.int64)
            place[order.to_numpy(zero_copy_only=False)] = np.arange(len(values))
            columns[name] = (values.take(order), place[codes])
        key, _ = combine(
            [codes for _, codes in columns.values()],
            [len(values) for values, _ in columns.values()],
            count,
        )
        order = np.argsort(key)
        people = np.bincount(self._tuple_of, minlength=count)
        before = np.cumsum(people) - people
        people = people[order]
        first = np.cumsum(people) - people
        tuple_of = np.repeat(np.arange(count), people)
        pair = (before[order] - first)[tuple_of] + np.arange(len(tuple_of))
        return TallyRows(
            columns={
                name: (values, codes[order])
                for name, (values, codes) in columns.items()
            },
            rows=self._rows[order],
            tuple_of=tuple_of,
            subject=self._subject[pair],
            first=first,
        )

    def _codes(self, parts: Sequence[CodedRows]) -> list[Ints]:
        """Give per column the numbers of the values, in the order that they first came."""
        coded = []
        for name in self._values:
            pieces = [part.columns[name] for part in parts]
            places = self._places(name, [values for values, _ in pieces])
            coded.append(
                np.concatenate(
                    [
                        place[codes]
                        for place, (_, codes) in zip(places, pieces, strict=True)
                    ]
                )
            )
        return coded

    def _places(self, name: str, lists: Sequence[pa.Array]) -> Iterator[Ints]:
        known = self._values[name]
        kinds = [one.type for one in (known, *lists) if not pa.types.is_null(one.type)]
        if kinds and pa.types.is_null(known.type):
            known = known.cast(kinds[0])
        asked = pa.concat_arrays([one.cast(known.type) for one in lists])
        if pa.types.is_null(known.type):
            place = np.zeros(len(asked), dtype=np.int64)
            known = asked.slice(0, 1)
        else:
            found = pc.index_in(asked, known)
            if found.null_count:
                new = asked.filter(found.is_null()).unique()
                known = pa.concat_arrays([known, new])
                found = pc.index_in(asked, known)
            place = found.to_numpy(zero_copy_only=False).astype(np.int64)
        self._values[name] = known
        start = 0
        for one in lists:
            yield place[start : start + len(one)]
            start += len(one)

    def _numbers(self, codes: Sequence[Ints], count: int) -> Ints:
        """Number the tuples; those that are new are added."""
        self._widen()
        number = self._looked_up(codes, count)
        new = (len(self._tables[-1]) if self._tables else 1) - len(self._rows)
        if new:
            self._rows = np.append(self._rows, np.zeros(new, dtype=np.int64))
            self._highest = np.append(self._highest, np.full(new, _ANY))
        return number

    def _looked_up(self, codes: Sequence[Ints], count: int) -> Ints:
        number = np.zeros(count, dtype=np.int64)
        at = 0
        for span, table in zip(self._spans, self._tables, strict=True):
            key = number
            for column in range(at, at + span):
                key = (key << self._bits[column]) | codes[column]
            at += span
            number = table.intern(key)
        return number

    def _widen(self) -> None:
        """Make room in the keys for values that came, and keep the tuples' numbers."""
        needed = [
            max(len(values) - 1, 1).bit_length() for values in self._values.values()
        ]
        if self._tables and all(
            need <= bits for need, bits in zip(needed, self._bits, strict=True)
        ):
            return
        codes = self._decoded() if self._tables else None
        # One bit more than needed, so that few arrivals make the keys anew.
        self._bits = [need + 1 for need in needed]
        self._spans = _spans(self._bits)
        self._tables = [KeyTable() for _ in self._spans]
        if codes is None or not len(self):
            return
        number = self._looked_up(codes, len(self))
        if (number == np.arange(len(self))).all():
            return
        back = np.empty(len(number), dtype=np.int64)
        back[number] = np.arange(len(number))
        self._tables[-1] = KeyTable(self._tables[-1].keys[number])

    def _decoded(self) -> list[Ints]:
        """Give per column the code of every tuple."""
        if not self._tables:  # nothing but blocks without rows
            return [np.zeros(0, dtype=np.int64) for _ in self._values]
        codes: list[Ints] = []
        at = len(self._bits)
        number = np.arange(len(self))
        for span, table in zip(self._spans[::-1], self._tables[::-1], strict=True):
            key = table.keys[number]
            for column in range(at - 1, at - span - 1, -1):
                codes.append(key & ((1 << self._bits[column]) - 1))
                key = key >> self._bits[column]
            at -= span
            number = key
        return codes[::-1]

    def _count(self, parts: Sequence[CodedRows], number: Ints) -> None:
        start = 0
        for part in parts:
            count = part.tuples
            here = number[start : start + count]
            start += count
            if part.rows is not None:
                np.add.at(self._rows, here, part.rows)
            elif count * 8 < len(self):
                np.add.at(self._rows, here, 1)
            else:
                self._rows += np.bincount(here, minlength=len(self))

    def _keep(self, number: Ints, subject: Ints) -> None:
        """Keep the pairs that may be among a tuple's k smallest."""
        kept = np.flatnonzero(subject <= self._highest[number])
        self._pending.append((number[kept], subject[kept]))
        waiting = sum(len(piece) for piece, _ in self._pending)
        if waiting >= max(_PENDING, len(self._subject)):
            self.settle()

    def settle(self) -> None:
        """Sort what waits, drop repeated subjects, and cap at k."""
        if not self._pending:
            return
        number = np.concatenate(
            [self._tuple_of, *(piece for piece, _ in self._pending)]
        )
        subject = np.concatenate(
            [self._subject, *(piece for _, piece in self._pending)]
        )
        self._pending = []
        order = _by_subject(number, subject)
        number, subject = number[order], subject[order]
        fresh = np.ones(len(number), dtype=np.bool_)
        fresh[1:] = (number[1:] != number[:-1]) | (subject[1:] != subject[:-1])
        number, subject = number[fresh], subject[fresh]
        people = np.bincount(number, minlength=len(self))
        first = np.cumsum(people) - people
        kept = np.arange(len(number)) - first[number] < self._k
        full = np.flatnonzero(people >= self._k)
        # Below the k-th smallest; the least hash of all is let in again and dropped.
        bound = subject[first[full] + self._k - 1]
        self._highest[full] = bound - (bound > np.iinfo(np.int64).min)
        self._tuple_of, self._subject = number[kept], subject[kept]


def _spans(bits: Sequence[int]) -> list[int]:
    """Put as many columns into a key as it has room for; give the columns of each key."""
    spans: list[int] = []
    room = 0
    for need in bits:
        if not spans or need > room:
            room = _KEY_BITS - (_NUMBER_BITS if spans else 0)
            spans.append(0)
        spans[-1] += 1
        room -= need
    return spans


def _by_pair(parts: Sequence[CodedRows], number: Ints) -> Ints:
    """Give each subject the number of its tuple."""
    if all(part.tuple_of is None for part in parts):
        return number
    pieces = []
    start = 0
    for part in parts:
        count = part.tuples
        here = number[start : start + count]
        start += count
        pieces.append(here if part.tuple_of is None else here[part.tuple_of])
    return np.concatenate(pieces)


def _by_subject(group: Ints, subject: Ints) -> Ints:
    """Give the order by group, then subject.

    The group and the leading bits of the subject are sorted as one number; hashes hardly
    ever share those. Where they do, both are sorted in full.
    """
    bits = 63 - max(int(group.max()) if len(group) else 0, 1).bit_length()
    leading = (subject >> (64 - bits)) + (1 << (bits - 1))
    packed = (group << bits) | leading
    order = np.argsort(packed)
    ordered, within = packed[order], subject[order]
    tied = ordered[1:] == ordered[:-1]
    if not (within[1:][tied] < within[:-1][tied]).any():
        return order
    by_subject = np.argsort(subject)  # ties are equal rows: their order is irrelevant
    return by_subject[np.argsort(group[by_subject], kind="stable")]
