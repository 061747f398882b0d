"""Actions on columns, against oracles in plain Python."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optin.transforms.deidentify.actions import (
    bucket,
    keep_prefix,
    redact,
    round_digits,
    shift_dates,
    subject_shifts,
    truncate_ip,
)
from optin.transforms.deidentify.identifiers import normalize_identifier, null_zero_ids

KEY = b"k" * 32
INT64 = st.integers(-(2**63), 2**63 - 1)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6)
IDENTIFIER_TYPES = st.sampled_from(
    ["advertising_id", "email", "iban", "ip_address", "mac_address", "phone", "user_id"]
)


def _normal(value: str, semantic_type: str) -> str | None:
    array = normalize_identifier(pa.array([value]), semantic_type, zero_is_null=True)
    out: str | None = array[0].as_py()
    return out


@given(st.lists(st.none() | IPV4, max_size=20), st.integers(1, 31))
def test_truncate_ip_when_ipv4(addresses: list[str | None], bits: int) -> None:
    out, unread = truncate_ip(pa.array(addresses, pa.string()), bits, 48)
    expected = [
        address and str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
        for address in addresses
    ]
    assert out.to_pylist() == expected
    assert unread == 0


@given(st.lists(IPV6.map(str) | IPV4, max_size=20), st.integers(1, 127))
def test_truncate_ip_when_families_are_mixed(addresses: list[str], bits: int) -> None:
    out, _ = truncate_ip(pa.array(addresses, pa.string()), 16, bits)
    for address, cut in zip(addresses, out.to_pylist(), strict=True):
        plain = ipaddress.ip_address(address)
        carries = plain.version == 6 and (
            plain.ipv4_mapped or plain.sixtofour or plain.teredo
        )
        if not carries and plain not in ipaddress.ip_network("64:ff9b::/96"):
            kept = 16 if plain.version == 4 else bits
            assert cut == str(ipaddress.ip_network(f"{address}/{kept}", strict=False))


@pytest.mark.parametrize(
    "address",
    [
        "203.0.113.9",
        " 203.0.113.9 ",
        "::ffff:203.0.113.9",  # IPv4-mapped
        "2002:cb00:7109::1",  # 6to4: cb00:7109 is 203.0.113.9
        "64:ff9b::cb00:7109",  # NAT64
        "2001:0:c000:201:0:0:34ff:8ef6",  # Teredo: the client's bits inverted
    ],
)
def test_truncate_ip_when_ipv4_travels_in_ipv6(address: str) -> None:
    # 48 bits of the 6to4 address would be the whole IPv4 address.
    out, _ = truncate_ip(pa.array([address]), 24, 48)
    assert out.to_pylist() == ["203.0.113.0/24"]


def test_truncate_ip_when_it_is_no_address() -> None:
    bad = ["", "x", "1.2.3", "1.2.3.4.5", "256.1.1.1", "010.1.1.1", "1.2.3.0/24", "x"]
    out, unread = truncate_ip(pa.array([*bad, None, "1.2.3.4"]), 8, 48)
    assert out.to_pylist() == [None] * 9 + ["1.0.0.0/8"]
    assert unread == 8  # "x" twice; null is not unreadable


@given(st.lists(st.none() | INT64, max_size=20), st.integers(-20, 3))
@example([2**63 - 1, -(2**63), 5, 15, -5, None], -1)
@example([2**63 - 1, -(2**63)], -18)
def test_round_digits_when_integer(values: list[int | None], digits: int) -> None:
    out = round_digits(pa.array(values, pa.int64()), digits)
    assert out.type == pa.int64()
    for value, rounded in zip(values, out.to_pylist(), strict=True):
        expected = None if value is None else round(value, digits)
        if expected is None or -(2**63) <= expected < 2**63:
            assert rounded == expected
        else:  # what int64 cannot hold goes the other way
            assert abs(rounded - value) < 10**-digits


@given(st.floats(-1e9, 1e9), st.integers(-3, 4))
def test_round_digits_when_float(value: float, digits: int) -> None:
    (out,) = round_digits(pa.array([value]), digits).to_pylist()
    # Half a unit, and a little for the float's own precision.
    assert abs(out - value) <= 0.5 * 10.0**-digits * (1 + 1e-6)
    assert math.isclose(out, round(out, digits), rel_tol=1e-12)


def test_round_digits_when_float_is_not_a_number() -> None:
    array = pa.array([math.nan, math.inf, None, 1e308, -0.04])
    out = round_digits(array, 1).to_pylist()
    assert math.isnan(out[0])
    assert out[1:] == [math.inf, None, 1e308, 0.0]


@given(st.lists(st.none() | INT64, max_size=20), st.integers(1, 10**6))
@example([-(2**63), 2**63 - 1], 10)
def test_bucket_when_integer(values: list[int | None], width: int) -> None:
    out = bucket(pa.array(values, pa.int64()), float(width))
    expected = [None if v is None else v // width * width for v in values]
    assert out.type == pa.int64()
    assert out.to_pylist() == [
        e if e is not None and e >= -(2**63) else None for e in expected
    ]


@given(st.floats(-1e6, 1e6), st.sampled_from([0.25, 0.5, 1.5, 10.0]))
def test_bucket_when_float(value: float, width: float) -> None:
    (edge,) = bucket(pa.array([value]), width).to_pylist()
    assert edge <= value + 1e-9
    assert value <= edge + width + 1e-9


def test_bucket_when_integers_have_a_fractional_width() -> None:
    out = bucket(pa.array([4, None], pa.int64()), 2.5)
    assert (out.type, out.to_pylist()) == (pa.float64(), [2.5, None])


@given(
    st.lists(st.tuples(st.integers(0, 5), st.dates()), min_size=1, max_size=20),
    st.integers(1, 400),
)
def test_shift_dates_when_dates_of_a_subject_are_compared(
    rows: list[tuple[int, dt.date]], max_days: int
) -> None:
    subjects = pa.array([subject for subject, _ in rows], pa.uint64())
    days = subject_shifts(subjects, KEY, max_days)
    # As numbers: shifted out of Python's years 1 to 9999, a date is still a date32.
    dates = pa.array([date for _, date in rows], pa.date32())
    moved = shift_dates(dates, days).cast(pa.int32()).to_pylist()
    shifts: dict[int, int] = {}
    for (subject, date), after in zip(rows, moved, strict=True):
        shift = after - (date - dt.date(1970, 1, 1)).days
        assert 1 <= abs(shift) <= max_days
        # One shift per subject: order and distances stay.
        assert shifts.setdefault(subject, shift) == shift


def test_shift_dates_when_timestamp() -> None:
    time = dt.datetime(2026, 2, 28, 23, 59, 59, 7, tzinfo=dt.UTC)
    array = pa.array([time, None, time], pa.timestamp("us", "UTC"))
    out = shift_dates(array, pa.array([1, 1, None], pa.int64()))
    assert out.to_pylist() == [time + dt.timedelta(days=1), None, None]


def test_shift_dates_when_out_of_range() -> None:
    edge = pa.array([2**63 - 1, -(2**63)], pa.int64()).cast(pa.timestamp("us", "UTC"))
    out = shift_dates(edge, pa.array([1, -1], pa.int64()))
    assert out.null_count == 2


def test_subject_shifts_when_there_are_many_subjects() -> None:
    days = subject_shifts(pa.array(range(30_000), pa.uint64()), KEY, 3).to_pylist()
    counts = {day: days.count(day) for day in set(days)}
    # Six shifts, 5,000 each; the standard deviation is 65, five of them 325.
    assert set(counts) == {-3, -2, -1, 1, 2, 3}
    assert all(abs(count - 5_000) < 325 for count in counts.values())


def test_redact_when_there_is_a_replacement() -> None:
    array = pa.array([1.5, None])
    assert redact(array, None).to_pylist() == [None, None]
    assert redact(array, None).type == pa.float64()
    assert redact(array, "gone").to_pylist() == ["gone", "gone"]
    assert redact(array, 0).type == pa.int64()


def test_keep_prefix_when_strict() -> None:
    array = pa.array(["München", "Ulm", None, " Ulm "])
    assert keep_prefix(array, 3, strict=False).to_pylist() == [
        "Mün",
        "Ulm",
        None,
        "Ulm",
    ]
    assert keep_prefix(array, 3, strict=True).to_pylist() == ["Mün", None, None, None]
    dates = pa.array([dt.date(1984, 2, 1)])
    assert keep_prefix(dates, 4, strict=True).to_pylist() == ["1984"]


@pytest.mark.parametrize(
    "zero", ["0", "00000000-0000-0000-0000-000000000000", "00:00", "{0-0}", "0.0"]
)
def test_null_zero_ids_when_all_zero(zero: str) -> None:
    assert null_zero_ids(pa.array([zero, "0a", "-", None])).to_pylist() == [
        None,
        "0a",
        "-",
        None,
    ]


@pytest.mark.parametrize(
    ("semantic_type", "spellings", "normal"),
    [
        ("advertising_id", ["AB-1", " ab-1\n"], "ab-1"),
        ("email", ["Jane@X.org", "jane@x.org "], "jane@x.org"),
        ("ip_address", ["2001:DB8:0::1", "2001:db8::1"], "2001:db8::1"),
        ("ip_address", ["::ffff:192.0.2.1", "192.0.2.1"], "192.0.2.1"),
        ("mac_address", ["00:1A:2B", "001a.2b", "00-1a-2b"], "001a2b"),
        ("iban", ["DE89 3704", "de893704"], "de893704"),
        ("phone", ["+49 (0) 30 123456", "0049 30 123456"], "+4930123456"),
        ("phone", ["(212) 555-5555", "212 555 5555"], "2125555555"),
        ("phone", ["+", "+ "], "+"),
        ("person_name", ["Jane  Doe", "jane doe"], "jane doe"),
    ],
)
def test_normalize_identifier_when_spelled_differently(
    semantic_type: str, spellings: list[str], normal: str
) -> None:
    assert {_normal(spelling, semantic_type) for spelling in spellings} == {normal}


def test_normalize_identifier_when_blank_or_zero() -> None:
    array = pa.array(["", "  ", "0000-0000", None])
    out = normalize_identifier(array, "user_id", zero_is_null=True)
    assert out.null_count == 4
    kept = normalize_identifier(array, "session_id", zero_is_null=False)
    assert kept.to_pylist() == [None, None, "0000-0000", None]


@given(st.text(max_size=30), IDENTIFIER_TYPES)
def test_normalize_identifier_when_done_twice(text: str, semantic_type: str) -> None:
    once = _normal(text, semantic_type)
    assert once is None or _normal(once, semantic_type) == once


def test_keep_prefix_when_a_name_would_hardly_change() -> None:
    # 15 of a card's 16 digits give the last one away; 8 of them are half, and stay.
    card = pa.array(["4111111111111111"])
    assert keep_prefix(card, 15, strict=True).to_pylist() == [None]
    assert keep_prefix(card, 8, strict=True).to_pylist() == ["41111111"]
    assert keep_prefix(card, 15, strict=False).to_pylist() == ["411111111111111"]
