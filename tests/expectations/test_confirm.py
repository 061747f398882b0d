"""Uniqueness is exact whatever the hash does; LIKE is that of a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optin.expectations import (
    MetricRequest,
    Suite,
    confirm,
    evaluate_suite,
    merge_partials,
    partial_metrics,
)
from optin.expectations.kernels import hashing
from optin.expectations.kernels.texts import like_regex
from optin.policies.errors import PolicyError


class TableSource:
    """A table that counts how often it is read again."""

    def __init__(self, table: pa.Table, rows: int = 7) -> None:
        self.table, self.rows, self.reads = table, rows, 0

    def blocks(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        self.reads += 1
        yield from self.table.select(list(columns)).to_batches(max_chunksize=self.rows)


@pytest.fixture
def weak_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave five hashes, so that nearly every value collides with another."""
    strong = hashing.hash_values

    def weak(values: pa.Array, family: str) -> Any:
        return strong(values, family) % np.uint64(5)

    monkeypatch.setattr(hashing, "hash_values", weak)


def repeated(values: Sequence[object]) -> int:
    counted = Counter(values)
    return sum(count for count in counted.values() if count > 1)


def confirmed(table: pa.Table, request: MetricRequest) -> int:
    source = TableSource(table)
    partial = merge_partials(
        partial_metrics(block, [request]) for block in source.blocks(table.column_names)
    )
    return confirm.confirm_repeats(
        request, partial.tallies[request], source
    ).repeated_rows


TEXTS = st.lists(
    st.one_of(st.none(), st.sampled_from("abcdefgh")), min_size=1, max_size=40
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(TEXTS, st.randoms())
@pytest.mark.usefixtures("weak_hash")
def test_repeated_rows_are_exact_when_hashes_collide(
    words: list[str | None], random: Any
) -> None:
    other = [random.choice([None, 1, 2]) for _ in words]
    table = pa.table(
        {"w": pa.array(words, pa.string()), "n": pa.array(other, pa.int64())}
    )
    single = MetricRequest("unique", "w")
    assert confirmed(table, single) == repeated([w for w in words if w is not None])
    pairs = [p for p in zip(words, other, strict=True) if p != (None, None)]
    names = '{"column_list": ["w", "n"]}'
    compound = MetricRequest("compound", "w", names, ("n",))
    assert confirmed(table, compound) == repeated(pairs)


@pytest.mark.usefixtures("weak_hash")
def test_repeated_rows_are_exact_when_hashes_take_several_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confirm, "CONFIRM_AT_ONCE", 2)
    words = [*"abcdefghijklmnop", "a", "b", "b"]
    assert confirmed(pa.table({"w": words}), MetricRequest("unique", "w")) == 5


@pytest.mark.usefixtures("weak_hash")
def test_collision_never_fails_uniqueness_when_data_can_be_read_again(
    make_suite: Callable[..., Suite],
) -> None:
    suite = make_suite(("expect_column_values_to_be_unique", {"column": "x"}))
    table = pa.table({"x": list(range(100))})
    source = TableSource(table)
    partial = merge_partials(
        partial_metrics(block, suite.requests) for block in table.to_batches()
    )
    # Without a second look a repeated hash is a repeated value: it fails, and never passes.
    assert not evaluate_suite(suite, partial).success
    assert evaluate_suite(suite, partial, source).success
    assert source.reads == 1


def test_data_are_not_read_again_when_no_hash_repeats(
    make_suite: Callable[..., Suite],
) -> None:
    suite = make_suite(("expect_column_values_to_be_unique", {"column": "x"}))
    table = pa.table({"x": list(range(100))})
    source = TableSource(table)
    partial = partial_metrics(table.to_batches()[0], suite.requests)
    assert evaluate_suite(suite, partial, source).success
    assert source.reads == 0


def test_row_hashes_differ_when_columns_swap_or_cells_are_missing() -> None:
    """Compound keys that a careless combination would confuse."""
    rows = [("a", "b"), ("b", "a"), ("a", None), (None, "a"), (None, None), ("ab", "")]
    columns = [
        ("text", pa.array(column, pa.string())) for column in zip(*rows, strict=True)
    ]
    assert len(set(hashing.hash_rows(columns).tolist())) == len(rows)


@settings(max_examples=120, deadline=None)
@given(
    st.text("ab%_\\.*é\n", max_size=5),
    st.lists(st.text("ab%_\\.*é\n", max_size=5), min_size=1, max_size=8),
    st.sampled_from([None, "\\", "a"]),
)
def test_like_is_that_of_duckdb(
    pattern: str, words: list[str], escape: str | None
) -> None:
    query, given = "SELECT w LIKE $p FROM t", {"p": pattern}
    if escape is not None:
        query, given = "SELECT w LIKE $p ESCAPE $e FROM t", {"p": pattern, "e": escape}
    with duckdb.connect() as database:
        database.register("t", pa.table({"w": words}))
        try:
            wanted = [row[0] for row in database.execute(query, given).fetchall()]
        except duckdb.Error:
            wanted = None
    try:
        regex = like_regex(pattern, escape)
    except ValueError:  # duckdb may find the answer before it comes to the end
        assert escape is not None
        assert pattern.endswith(escape)
        return
    assert wanted is not None
    matched = pa.compute.match_substring_regex(pa.array(words), regex)
    assert matched.to_pylist() == wanted


def test_like_is_refused_when_its_escape_character_escapes_nothing(
    make_suite: Callable[..., Suite],
) -> None:
    kind = "expect_column_values_to_match_like_pattern_list"
    kwargs = {"column": "w", "like_pattern_list": ["a", "b!"], "escape": "!"}
    with pytest.raises(PolicyError, match="E313 like_pattern_list: the escape"):
        make_suite((kind, kwargs))


@pytest.mark.parametrize(
    ("kind", "kwargs", "unexpected"),
    [
        ("match_like_pattern", {"like_pattern": "a%"}, 2),
        ("not_match_like_pattern", {"like_pattern": "a%"}, 2),
        ("match_like_pattern", {"like_pattern": "a!%", "escape": "!"}, 3),
        ("match_like_pattern_list", {"like_pattern_list": ["a%", "b_"]}, 1),
        (
            "match_like_pattern_list",
            {"like_pattern_list": ["a%", "%b"], "match_on": "all"},
            3,
        ),
        ("not_match_like_pattern_list", {"like_pattern_list": ["a%", "b_"]}, 3),
    ],
)
def test_like_expectations_are_decided(
    make_suite: Callable[..., Suite],
    kind: str,
    kwargs: dict[str, Any],
    unexpected: int,
) -> None:
    # "a%" and "ab" begin with a; "bé" is b and one character; the null is not tested.
    table = pa.table({"w": ["a%", "ab", "bé", "B", None]})
    suite = make_suite((f"expect_column_values_to_{kind}", {"column": "w", **kwargs}))
    partial = partial_metrics(table.to_batches()[0], suite.requests)
    (_, result) = evaluate_suite(suite, partial).results
    assert result.observed["unexpected_count"] == unexpected
    assert result.observed["missing_count"] == 1
