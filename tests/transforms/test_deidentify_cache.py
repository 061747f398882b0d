"""Remembered pseudonyms are those of `hmac`, whatever comes, in any order, from anyone."""

from __future__ import annotations

import datetime as dt
import hmac
import ipaddress
import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.deidentify.actions import (
    shift_dates,
    subject_shifts,
    truncate_ip,
)
from optin.transforms.deidentify.coarse import time_truncate
from optin.transforms.deidentify.distinct import map_values
from optin.transforms.deidentify.ipv4 import ipv4_networks
from optin.transforms.deidentify.keys import ColumnCache, TokenCache, hmac_tokens
from optin.transforms.deidentify.keys.table import RowTable

KEY = bytes(range(32))


def _oracle(values: list[str | None]) -> list[str | None]:
    return [
        None
        if value is None
        else hmac.new(KEY, value.encode(), "sha256").hexdigest()[:32]
        for value in values
    ]


def _tokens(values: pa.Array) -> pa.Array:
    return hmac_tokens(values, KEY)


def _mapped(cache: ColumnCache, values: list[str | None]) -> list[str | None]:
    array = pa.array(values, pa.string())
    out: list[str | None] = cache.map(array, _tokens, pa.string()).to_pylist()
    return out


# Few letters and NUL, so that texts are each other's prefixes and padded forms; lengths
# around the words of 8 bytes and the 64 beyond which nothing is remembered.
_TEXTS = st.one_of(
    st.text("a\0", max_size=18),
    st.text("ab\0é", min_size=60, max_size=70),
    st.none(),
)


@given(
    blocks=st.lists(st.lists(_TEXTS, max_size=20), max_size=6),
    max_rows=st.integers(1, 30),
)
def test_column_cache_when_blocks_follow_each_other(
    blocks: list[list[str | None]], max_rows: int
) -> None:
    cache = ColumnCache(KEY, max_rows)
    for values in blocks * 2:
        assert _mapped(cache, values) == _oracle(values)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 15, 16, 36, 63, 64, 65, 200])
def test_column_cache_when_texts_differ_in_one_byte(length: int) -> None:
    base = "x" * length
    values = [base[:i] + "y" + base[i + 1 :] for i in range(length)] + [
        base,
        base + "x",
    ]
    cache = ColumnCache(KEY)
    for _ in range(2):
        assert _mapped(cache, [*values]) == _oracle([*values])
        assert _mapped(cache, [base]) == _oracle([base])


def test_column_cache_when_values_come_again() -> None:
    seen: list[str] = []

    def counted(values: pa.Array) -> pa.Array:
        seen.extend(values.to_pylist())
        return _tokens(values)

    cache = ColumnCache(KEY)
    first = pa.array([f"user-{i}" for i in range(5000)])
    again = pa.array([f"user-{i}" for i in range(4000, 6000)])
    cache.map(first, counted, pa.string())
    out = cache.map(again, counted, pa.string())
    assert out.to_pylist() == _oracle(again.to_pylist())
    assert sorted(seen) == sorted(f"user-{i}" for i in range(6000))  # each just once


def test_column_cache_when_slices_and_nulls_come() -> None:
    values = [None if i % 3 == 0 else f"id-{i % 50:012d}" for i in range(3000)]
    cache = ColumnCache(KEY)
    for start in (0, 7, 64, 1001):
        array = pa.array(values)[start : start + 900]
        out = cache.map(array, _tokens, pa.string())
        assert out.to_pylist() == _oracle(values[start : start + 900])
        out.validate(full=True)


def test_column_cache_when_a_result_is_null() -> None:
    def known(values: pa.Array) -> pa.Array:
        texts = values.to_pylist()
        return _tokens(pa.array([t if t > "m" else None for t in texts], pa.string()))

    values = ["a", "z", "b", "y", "a"]
    expected = _oracle([None, "z", None, "y", None])
    cache = ColumnCache(KEY)
    for _ in range(3):
        out = cache.map(pa.array(values), known, pa.string())
        assert out.to_pylist() == expected


def test_column_cache_when_hardly_a_value_comes_again() -> None:
    # It judges at 65,536 values, forgets them, and passes by eight times as many.
    cache = ColumnCache(KEY)
    for start in range(0, 200_000, 20_000):
        values: list[str | None] = [f"{n:012d}" for n in range(start, start + 20_000)]
        assert _mapped(cache, values) == _oracle(values)
    assert cache._table is None
    assert cache._pause > 0


def test_column_cache_when_threads_share_it() -> None:
    cache = TokenCache(max_rows=3000)
    values: list[str | None] = [f"user-{n % 4000}" for n in range(12_000)]
    expected, wrong = _oracle(values), []

    def work(shift: int) -> None:
        column = cache.column("id", "hmac", KEY)
        wide: list[str | None] = ["w" * (shift % 60)]  # tables of other widths meet
        for start in range(0, 12_000, 500):
            at = (start + shift) % 11_500
            if (
                _mapped(column, values[at : at + 500] + wide)[:-1]
                != (expected[at : at + 500])
            ):
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(n * 1700,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_token_cache_when_columns_or_keys_differ() -> None:
    cache = TokenCache()
    column = cache.column("id", "hmac", KEY)
    assert cache.column("id", "hmac", KEY) is column
    assert cache.column("id", "hmac", bytes(32)) is not column
    assert cache.column("ifa", "hmac", KEY) is not column
    assert cache.column("id", "date_shift 3", KEY) is not column


def test_row_table_when_hashes_collide() -> None:
    # With one factor for both words, rows (a, b) and (b, a) have one and the same hash.
    table = RowTable(2, 1, KEY)
    table._factors = np.ones(2, np.uint64)
    rows = np.array([[1, 2], [3, 9], [5, 5]], np.uint64)
    table.add(rows, np.array([[7], [8], [9]], np.uint64))
    found, made = table.find(rows)
    assert found.all()
    assert made.ravel().tolist() == [7, 8, 9]
    assert not table.find(rows[:2, ::-1].copy())[0].any()


def test_row_table_when_it_grows() -> None:
    rows = np.random.default_rng(3).integers(0, 2**63, (100_000, 3)).astype(np.uint64)
    table = RowTable(3, 2, KEY)
    for start in range(0, 100_000, 9_999):
        table.add(rows[start : start + 9_999], rows[start : start + 9_999, :2])
    found, made = table.find(rows)
    assert found.mean() > 0.999  # at most half full: next to none is without a slot
    assert (made[found] == rows[found, :2]).all()
    assert not table.find(rows + np.uint64(1))[0].any()


@given(
    st.lists(st.lists(st.integers(1, 2**64 - 1) | st.none(), max_size=9), max_size=5)
)
def test_subject_shifts_when_remembered(blocks: list[list[int | None]]) -> None:
    cache = ColumnCache(KEY, 12)
    for block in blocks * 2:
        subjects = pa.array(block, pa.uint64())
        out = subject_shifts(subjects, KEY, 9, cache).to_pylist()
        for subject, days in zip(block, out, strict=True):
            if subject is None:
                assert days is None
                continue
            mac = hmac.new(KEY, subject.to_bytes(8, "little"), "sha256").digest()
            drawn = int.from_bytes(mac[:8], "big") % 18 - 9
            assert days == drawn + (drawn >= 0)


@given(
    octets=st.lists(st.tuples(*[st.integers(0, 255)] * 4), min_size=1, max_size=30),
    bits=st.integers(1, 31),
)
def test_ipv4_networks_when_given_addresses(
    octets: list[tuple[int, int, int, int]], bits: int
) -> None:
    texts: list[str | None] = [".".join(map(str, four)) for four in octets]
    out = ipv4_networks(pa.array([None, *texts, None])[1:], bits)
    networks = [
        str(ipaddress.ip_network(f"{text}/{bits}", strict=False)) for text in texts
    ]
    assert out is not None
    assert out.to_pylist() == [*networks, None]


@given(
    st.lists(
        st.text("0125.", max_size=9) | st.text("0159.:a ", max_size=16), min_size=1
    )
)
def test_ipv4_networks_when_given_anything(texts: list[str]) -> None:
    def is_ipv4(text: str) -> bool:
        try:
            return str(ipaddress.IPv4Address(text)) == text
        except ValueError:
            return False

    out = ipv4_networks(pa.array(texts), 24)
    assert (out is not None) == all(map(is_ipv4, texts))


@pytest.mark.parametrize(
    "pair",
    [
        ("1.2.3", "4.5.6.7.8"),  # six dots in all
        ("1.2.3.4.", ".5.6.7"),
        ("1.2.3.4", "256.1.1.1"),
        ("1.2.3.4", "01.1.1.1"),
        ("1.2.3.4", "1.1.1.00"),
        ("1.2.3.4", "1.1.1.1234"),
        ("1.2.3.4", "1.1..1"),
        ("", "1.1.1.1"),
        ("1.2.3.4", "1.2.3.٤"),
    ],
)
def test_ipv4_networks_when_one_is_none(pair: tuple[str, str]) -> None:
    assert ipv4_networks(pa.array(pair), 16) is None
    cut, unread = truncate_ip(pa.array(pair), 16, 48)
    assert unread == cut.null_count >= 1


def test_ipv4_networks_when_there_are_several_pieces() -> None:
    numbers = np.random.default_rng(5).integers(0, 2**32, 40_000)
    texts = [str(ipaddress.IPv4Address(int(number))) for number in numbers]
    for bits in (8, 13, 24, 27):
        out = ipv4_networks(pa.array(texts), bits)
        assert out is not None
        mask = (0xFFFF_FFFF << (32 - bits)) & 0xFFFF_FFFF
        assert out.to_pylist() == [
            f"{ipaddress.IPv4Address(int(number) & mask)}/{bits}" for number in numbers
        ]


def test_map_values_when_most_are_distinct_and_some_null() -> None:
    values = [None if i % 7 == 3 else f"v{i}" for i in range(150_000)]
    out = map_values(pa.array(values), _tokens)
    assert isinstance(out, pa.Array)
    assert out.to_pylist() == _oracle(values)


def test_shift_dates_when_there_are_many_times() -> None:
    random = np.random.default_rng(11)
    micros, days = random.integers(0, 2**50, 50_000), random.integers(-9, 10, 50_000)
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    array = pa.array(micros).cast(pa.timestamp("us", "UTC"))
    assert shift_dates(array, pa.array(days)).to_pylist() == [
        start + dt.timedelta(microseconds=int(at), days=int(by))
        for at, by in zip(micros, days, strict=True)
    ]


def test_shift_dates_when_only_a_late_piece_leaves_the_range() -> None:
    micros = np.zeros(40_000, np.int64)
    micros[-1] = 2**63 - 1
    array = pa.array(micros).cast(pa.timestamp("us", "UTC"))
    out = shift_dates(array, pa.array(np.ones(40_000, np.int64)))
    assert out.null_count == 1
    assert not out[-1].is_valid


@pytest.mark.parametrize("period", ["minute", "hour", "day"])
def test_time_truncate_when_times_lie_before_1970_too(period: str) -> None:
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    micros = np.random.default_rng(2).integers(-(2**52), 2**52, 2_000)
    zero: dict[str, Any] = {"second": 0, "microsecond": 0}
    if period != "minute":
        zero["minute"] = 0
    if period == "day":
        zero["hour"] = 0
    array = pa.array(micros).cast(pa.timestamp("us", "UTC"))
    assert time_truncate(array, period).to_pylist() == [
        (start + dt.timedelta(microseconds=int(at))).replace(**zero) for at in micros
    ]
