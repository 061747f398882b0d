"""The histogram's CombineFn: any split, order and bundling gives the same bytes."""

from __future__ import annotations

import pickle
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import combine as combining
from optin.transforms.kanonymity import histogram_of
from optin.transforms.kanonymity.counting import histogram, tally
from optin.transforms.kanonymity.counting.codes import TupleIndex

rows_of = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([1.5, -0.0, 0.0, float("nan"), None]),
        # On both sides of int64's sign bit, and hashes that share their leading bits.
        st.integers(2**63 - 6, 2**63 + 6) | st.integers(0, 2**64 - 1),
    ),
    min_size=1,
    max_size=60,
)


def _block(rows: list[tuple[Any, ...]], encoded: bool) -> pa.RecordBatch:
    text, number, subject = (list(column) for column in zip(*rows, strict=True))
    first = pa.array(text, pa.string())
    if encoded:
        # A dictionary with a value that no row has, and with a null of its own.
        first = pa.DictionaryArray.from_arrays(
            pa.array([3 if t is None else "cab".index(t) for t in text], pa.int8()),
            pa.array(["c", "a", "b", None, "unused"]),
        )
    arrays = [first, pa.array(number, pa.float64()), pa.array(subject, pa.uint64())]
    return pa.RecordBatch.from_arrays(arrays, names=["x", "y", SUBJECT])


@given(rows_of, st.integers(1, 4), st.integers(1, 9), st.data())
def test_accumulators_give_the_same_bytes_however_they_are_merged(
    rows: list[tuple[Any, ...]], k: int, pending: int, data: st.DataObject
) -> None:
    whole = histogram_of(_block(rows, encoded=False), ("x", "y"), k)
    shuffled = data.draw(st.permutations(rows))
    combine = combining.HistogramFn(("x", "y"), k)
    accumulators = [combine.create_accumulator() for _ in range(3)]
    with (
        mock.patch.object(histogram, "_PENDING_ROWS", pending),
        mock.patch.object(tally, "_PENDING", pending),
    ):
        while shuffled:
            size = data.draw(st.integers(1, len(shuffled)))
            at = data.draw(st.integers(0, 2))
            block = _block(shuffled[:size], data.draw(st.booleans()))
            accumulators[at] = combine.add_input(accumulators[at], block)
            if data.draw(st.booleans()):
                accumulators[at] = combine.compact(accumulators[at])
            shuffled = shuffled[size:]
        moved = [pickle.loads(pickle.dumps(one)) for one in accumulators]  # noqa: S301
        merged = combine.merge_accumulators(moved)
        found = combine.extract_output(merged)
    assert found is not None
    assert found.equals(whole)


def test_largest_hash_is_not_lost_beside_a_full_tuple() -> None:
    # The first tuple has its one subject, the second comes with the largest hash.
    first, last = ("a", 1.5, 0), ("a", 0.0, 2**64 - 1)
    combine = combining.HistogramFn(("x", "y"), 1)
    merged = combine.create_accumulator()
    merged = combine.add_input(merged, _block([first], encoded=False))
    merged = combine.compact(merged)
    merged = combine.add_input(merged, _block([first, last], encoded=False))
    found = combine.extract_output(merged)
    whole = histogram_of(_block([first, first, last], encoded=False), ("x", "y"), 1)
    assert found is not None
    assert found.equals(whole)


def test_no_block_gives_no_histogram() -> None:
    combine = combining.HistogramFn(("x",), 2)
    assert combine.extract_output(combine.create_accumulator()) is None
    unused = combine.compact(combine.create_accumulator())
    assert combine.extract_output(combine.merge_accumulators([unused, unused])) is None


def test_tuples_are_sorted_when_keys_exceed_64_bits() -> None:
    draw = np.random.default_rng(5)
    names = [f"q{number}" for number in range(16)]
    columns = {name: draw.integers(0, 50, 200) for name in names}
    columns[SUBJECT] = draw.integers(0, 2**63, 200).astype(np.uint64)
    table = pa.table(columns)
    combine = combining.HistogramFn(names, 2)
    held = combine.create_accumulator()
    for block in table.to_batches(max_chunksize=30):
        held = combine.add_input(held, block)
    found = combine.extract_output(held)
    assert found is not None
    expected = table.sort_by([(name, "ascending") for name in names])
    assert found.select(names).equals(expected.select(names))


@given(st.integers(1, 20), st.integers(1, 12), st.integers(0, 2**32), st.data())
def test_index_finds_tuples_in_their_order_and_no_others(
    columns: int, tuples: int, seed: int, data: st.DataObject
) -> None:
    # Up to 20 columns of up to 5,000 codes: keys of more than 64 bits take steps.
    draw = np.random.default_rng(seed)
    size = data.draw(st.sampled_from([2, 5000]))
    codes = [draw.integers(0, size, tuples) for _ in range(columns)]
    known = sorted(set(zip(*(c.tolist() for c in codes), strict=True)))
    index = TupleIndex.build(codes, [size] * columns)
    assert len(index) == len(known)
    asked = [*known, *[tuple(draw.integers(0, size, columns)) for _ in range(5)]]
    found = index.find([np.array(c) for c in zip(*asked, strict=True)])
    expected = [known.index(a) if a in known else -1 for a in asked]
    assert found.tolist() == expected
