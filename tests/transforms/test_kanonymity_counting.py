"""What counts people, against dictionaries of Python sets: tables of keys, both counters."""

from __future__ import annotations

import pickle
from collections import defaultdict
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import class_sizes, combine
from optin.transforms.kanonymity.counting import classes, histogram, measure, tally
from optin.transforms.kanonymity.counting.codes import (
    TupleIndex,
    list_values,
    places_in,
)
from optin.transforms.kanonymity.counting.keys import KeyTable

HIGHEST = 2**64 - 1

subjects = st.integers(0, 5) | st.sampled_from([2**63 - 1, 2**63, HIGHEST])
rows_of = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["x", "y", "z", None]),
        subjects,
    ),
    min_size=1,
    max_size=80,
)


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30), max_size=6))
def test_keys_are_numbered_once(batches: list[list[int]]) -> None:
    table = KeyTable()
    known: dict[int, int] = {}
    for batch in batches:
        for key in sorted(set(batch) - set(known)):
            known[key] = len(known)
        numbers = table.intern(np.array(batch, dtype=np.int64))
        assert numbers.tolist() == [known[key] for key in batch]
    assert table.keys.tolist() == list(known)


@pytest.mark.parametrize("places", [1, 3, 1000])
def test_colliding_keys_are_told_apart(places: int) -> None:
    def hashed(_: KeyTable, key: Any) -> Any:
        return (key % places + 1000) % 1024  # around the end of the table

    with mock.patch.object(KeyTable, "_hashed", hashed):
        table = KeyTable(np.arange(0, 400, 2))
        numbers = table.find(np.arange(400))
        assert numbers.tolist() == [n // 2 if n % 2 == 0 else -1 for n in range(400)]
        assert table.intern(np.arange(400)).max() == 399
        again = pickle.loads(pickle.dumps(table))  # noqa: S301
        assert again.find(np.arange(401)).tolist() == [
            *table.find(np.arange(400)).tolist(),
            -1,
        ]


def test_an_index_travels_without_its_tables() -> None:
    codes = np.arange(50_000)
    index = TupleIndex.build([codes], [50_000])
    before = len(pickle.dumps(index))
    index.find([codes])
    assert len(pickle.dumps(index)) == before
    moved = pickle.loads(pickle.dumps(index))  # noqa: S301
    assert moved.find([codes[::-1]]).tolist() == codes[::-1].tolist()


def test_values_are_placed_as_their_canonical_selves() -> None:
    # A null of the dictionary, a null of the rows, a value twice, one without a row.
    column = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, None, 3, 4], pa.int8()),
        pa.array([1.5, -0.0, None, 0.0, float("nan"), 7.0]),
    )
    values, codes = list_values(column)
    assert [values.to_pylist()[c] for c in codes] == [1.5, 0.0, None, None, 0.0, None]
    known = pa.array([0.0, 1.5, None])
    assert places_in(column, known).tolist() == [1, 0, 2, 2, 0, 2]
    assert places_in(column, pa.array([1.5])).tolist() == [0, -1, -1, -1, -1, -1]
    assert places_in(pa.nulls(2), pa.array(["a", None])).tolist() == [1, 1]


def _block(rows: list[tuple[Any, ...]], how: str) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True))
    arrays: list[pa.Array] = [pa.array(c, pa.string()) for c in columns[:-1]]
    if how == "encoded":
        arrays = [array.dictionary_encode() for array in arrays]
    if how == "repeated":  # a dictionary as a recoding may make it: texts occur twice
        arrays = [
            pa.DictionaryArray.from_arrays(
                pa.array([n + len(a) * (n % 2) for n in range(len(a))]),
                pa.concat_arrays([a, a]),
            )
            for a in arrays
        ]
    names = [f"q{number}" for number in range(len(arrays))]
    arrays.append(pa.array(columns[-1], pa.uint64()))
    return pa.RecordBatch.from_arrays(arrays, names=[*names, SUBJECT])


@given(rows_of, st.integers(1, 4), st.integers(1, 20), st.data())
def test_recounts_give_the_same_whatever_the_bundling(
    rows: list[tuple[Any, ...]], cap: int, pending: int, data: st.DataObject
) -> None:
    people: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    count: dict[tuple[Any, ...], int] = defaultdict(int)
    for *label, subject in rows:
        people[tuple(label)].add(subject)
        count[tuple(label)] += 1
    expected = [
        (*label, sorted(people[label])[:cap], count[label])
        for label in sorted(people, key=lambda one: [(t is None, t or "") for t in one])
    ]
    fn = combine.ClassesFn(("q0", "q1"), cap)
    held = [fn.create_accumulator() for _ in range(3)]
    waiting = data.draw(st.permutations(rows))
    with (
        mock.patch.object(measure, "_PENDING_ROWS", pending),
        mock.patch.object(classes, "_PENDING", pending),
    ):
        while waiting:
            size = data.draw(st.integers(1, len(waiting)))
            how = data.draw(st.sampled_from(["plain", "encoded", "repeated"]))
            at = data.draw(st.integers(0, 2))
            held[at] = fn.add_input(held[at], _block(waiting[:size], how))
            if data.draw(st.booleans()):
                held[at] = fn.compact(held[at])
            waiting = waiting[size:]
        moved = [pickle.loads(pickle.dumps(one)) for one in held]  # noqa: S301
        found = fn.extract_output(fn.merge_accumulators(moved))
    assert found is not None
    assert [tuple(row.values()) for row in found.to_pylist()] == expected
    assert found.equals(class_sizes(_block(rows, "plain"), ("q0", "q1"), cap))


@pytest.mark.parametrize("columns", [1, 4, 20])
def test_wide_tuples_that_grow_are_counted_exactly(columns: int) -> None:
    # Values keep coming, so that keys are widened and, of 20 columns, split.
    draw = np.random.default_rng(3)
    fn = combine.HistogramFn([f"q{number}" for number in range(columns)], 3)
    recount = combine.ClassesFn([f"q{number}" for number in range(columns)], 3)
    held, other, counted = (
        fn.create_accumulator(),
        fn.create_accumulator(),
        recount.create_accumulator(),
    )
    people: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    count: dict[tuple[Any, ...], int] = defaultdict(int)
    with (
        mock.patch.object(measure, "_PENDING_ROWS", 500),
        mock.patch.object(histogram, "_PENDING_ROWS", 500),
        mock.patch.object(tally, "_PENDING", 100),
    ):
        for size in (1, 2, 40, 3, 3000, 30):
            base = draw.integers(0, size, (400, 1)) + np.zeros((1, columns), np.int64)
            away = draw.integers(0, size, base.shape)
            texts = np.where(draw.random(base.shape) < 0.02, away, base).astype(str)
            who = draw.integers(0, 9, len(texts))
            rows = [(*t, w) for t, w in zip(texts.tolist(), who.tolist(), strict=True)]
            for *texts_of, subject in rows:
                people[tuple(texts_of)].add(subject)
                count[tuple(texts_of)] += 1
            held = fn.add_input(held, _block(rows[:250], "plain"))
            other = fn.add_input(other, _block(rows[250:], "encoded"))
            counted = recount.add_input(counted, _block(rows, "plain"))
    found = fn.extract_output(fn.merge_accumulators([other, held]))
    expected = []
    for label in sorted(people):
        for place, subject in enumerate(sorted(people[label])[:3]):
            expected.append((*label, subject, 0 if place else count[label]))
    assert found is not None
    assert [tuple(row.values()) for row in found.to_pylist()] == expected
    again = recount.extract_output(counted)
    assert again is not None
    assert [tuple(row.values()) for row in again.to_pylist()] == [
        (*label, sorted(people[label])[:3], count[label]) for label in sorted(people)
    ]
