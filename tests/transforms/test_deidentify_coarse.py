"""Coarser values and checks of types, against plain Python."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.columns import Column
from optin.policies.semantic_types import SEMANTIC_TYPES
from optin.transforms.deidentify.coarse import (
    geohash,
    mask,
    period_labels,
    replace,
    time_truncate,
)
from optin.transforms.deidentify.validity import unfit_rows

LATITUDES = st.floats(-90, 90) | st.sampled_from([0.0, -0.0, 45.0, -5e-324, 90.0])
LONGITUDES = st.floats(-180, 180) | st.sampled_from([0.0, 11.25, -45.0, 180.0])


def _bisected(lat: float, lon: float, length: int) -> str:
    """Halve the globe, longitude first: the definition, bit by bit."""
    spans = [[-180.0, 180.0], [-90.0, 90.0]]
    bits = ""
    for place in range(5 * length):
        span, value = spans[place % 2], (lon, lat)[place % 2]
        middle = (span[0] + span[1]) / 2
        upper = value >= middle
        span[0 if upper else 1] = middle
        bits += "1" if upper else "0"
    alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
    return "".join(alphabet[int(bits[i : i + 5], 2)] for i in range(0, len(bits), 5))


@given(st.lists(st.tuples(LATITUDES, LONGITUDES)), st.integers(1, 12))
def test_geohash_bisects_the_globe(
    places: list[tuple[float, float]], length: int
) -> None:
    lat = pa.array([place[0] for place in places], pa.float64())
    lon = pa.array([place[1] for place in places], pa.float64())
    expected = [_bisected(*place, length) for place in places]
    assert geohash(lat, lon, length).to_pylist() == expected


def test_geohash_when_a_place_is_known_or_none() -> None:
    # The example of Wikipedia's article, and places that are not on the globe.
    lat = pa.array([57.64911, 91.0, None, float("nan")])
    lon = pa.array([10.40744, 0.0, 0.0, 0.0])
    assert geohash(lat, lon, 11).to_pylist() == ["u4pruydqqvj", None, None, None]


@given(
    st.lists(st.none() | st.text("aé😀*", max_size=8)),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
)
def test_mask_when_written_out(
    texts: list[str | None], first: int, last: int, strict: bool
) -> None:
    def masked(text: str | None) -> str | None:
        if text is None:
            return None
        kept, size = first + last, len(text)
        hidden = "*" * (size - kept)
        ends = text[:first] + text[size - last :]
        out = text[:first] + hidden + text[size - last :]
        told = sum(sign.isalnum() for sign in ends)
        if kept >= size or (strict and 2 * told > sum(s.isalnum() for s in text)):
            out = "*" * size
        return None if strict and out == text else out

    array = pa.array(texts, pa.string())
    found = mask(array, first=first, last=last, char="*", strict=strict)
    assert found.to_pylist() == [masked(text) for text in texts]


def test_mask_when_only_separators_would_be_hidden() -> None:
    # Three of six characters stay, but they are all that tells: it is masked whole.
    found = mask(
        pa.array(["00:::0", "ab-cdef"]), first=2, last=1, char="*", strict=True
    )
    assert found.to_pylist() == ["******", "ab****f"]


def test_replace_when_values_are_listed_or_not() -> None:
    array = pa.array(["a", "b", "c", None])
    table = {"a": "x", "b": None}
    assert replace(array, table, keep=False).to_pylist() == ["x", None, None, None]
    assert replace(array, table, keep=True).to_pylist() == ["x", None, "c", None]
    truths = replace(pa.array([True, False]), {"true": "yes"}, keep=False)
    assert truths.to_pylist() == ["yes", None]


def test_time_truncate_when_a_time_lies_in_every_period() -> None:
    time = dt.datetime(2026, 8, 13, 17, 42, 31, 5, tzinfo=dt.UTC)  # a Thursday
    array = pa.array([time, None], pa.timestamp("us", "UTC"))
    starts = {
        "minute": (2026, 8, 13, 17, 42),
        "hour": (2026, 8, 13, 17),
        "day": (2026, 8, 13),
        "week": (2026, 8, 10),
        "month": (2026, 8, 1),
        "quarter": (2026, 7, 1),
        "year": (2026, 1, 1),
    }
    for period, start in starts.items():
        at = dt.datetime(*start, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]
        assert time_truncate(array, period).to_pylist() == [at, None]


def test_period_labels_when_a_birthday_is_the_first_of_a_period() -> None:
    days = pa.array([dt.date(1984, 1, 1), dt.date(1984, 5, 31), None])
    labels = {
        "week": ["1983-W52", "1984-W22", None],
        "month": ["1984-01", "1984-05", None],
        "quarter": ["1984-Q1", "1984-Q2", None],
        "year": ["1984", "1984", None],
    }
    for period, expected in labels.items():
        assert period_labels(days, period).to_pylist() == expected
    with pytest.raises(ValueError, match="no label for the period"):
        period_labels(days, "day")


@pytest.mark.parametrize(
    ("semantic_type", "fit", "unfit"),
    [
        ("email", ["a@b.de", " A@B "], ["a.b.de", "a b@c"]),
        ("advertising_id", ["9E13D2BF-e968-4065-b4db-852123b627a9"], ["abc"]),
        ("phone", ["+49 (89) 123-45", "tel:+4989123", "555.0100 x12"], ["jane", "12"]),
        ("ip_address", ["10.0.0.1", "::1", "fe80::1%eth0"], ["10.0.0.256", "x"]),
        ("mac_address", ["00:1B:44:11:3a:b7", "001b.4411.3ab7"], ["00:1B:44"]),
        # The numbers that networks and the IBAN registry print as examples.
        (
            "credit_card",
            ["4111 1111 1111 1111", "378282246310005"],
            ["4111111111111112"],
        ),
        ("iban", ["DE89 3704 0044 0532 0130 00"], ["DE88370400440532013000", "DE89"]),
        ("postal_code", ["80331", "SW1A 1AA"], ["Jane Doe, 5 Elm St", "x@y"]),
        ("latitude", [-90.0, 12.5], [90.5, float("nan")]),
        ("age_years", [0, 130], [-1, 131]),
    ],
)
def test_type_when_a_value_is_none_of_it(
    semantic_type: str, fit: list[Any], unfit: list[Any]
) -> None:
    semantic = SEMANTIC_TYPES[semantic_type]
    array = pa.array([*fit, None, *unfit])
    expected = [False] * (len(fit) + 1) + [True] * len(unfit)
    assert unfit_rows(array, semantic).to_pylist() == expected


def test_column_when_its_action_is_left_out() -> None:
    def action(**entry: Any) -> tuple[str, Any, Any]:
        column = Column.model_validate({"name": "c", **entry})
        return column.action, column.bits, column.width

    assert action(type="ip_address") == ("truncate", 24, None)
    assert action(type="ip_address", bits=16) == ("truncate", 16, None)
    assert action(type="birth_year") == ("bucket", None, 5)
    levels = {"widths": [10, 20]}
    assert action(type="birth_year", hierarchy=levels) == ("generalize", None, None)
    # A hierarchy may leave values as they are: never enough for an identifier.
    assert action(type="email", hierarchy={"prefix": [3]}) == ("hmac", None, None)
    with pytest.raises(ValueError, match="action"):
        action(type="string")
