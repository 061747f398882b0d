"""Durations: their text, and calendar arithmetic against Python's own calendar."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.consent.ledger.durations import Duration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


def micros(text: str) -> np.ndarray:
    return np.array([(datetime.fromisoformat(text) - EPOCH) // MICRO], dtype=np.int64)


@pytest.mark.parametrize(
    ("text", "span", "end"),
    [
        ("2026-01-31T10:00:00Z", "1mo", "2026-02-28T10:00:00Z"),
        ("2024-01-31T10:00:00Z", "1mo", "2024-02-29T10:00:00Z"),
        ("2024-02-29T23:59:59.999999Z", "1y", "2025-02-28T23:59:59.999999Z"),
        ("2024-02-29T00:00:00Z", "4y", "2028-02-29T00:00:00Z"),
        ("2025-12-15T00:00:00Z", "13mo", "2027-01-15T00:00:00Z"),
        ("1969-12-31T23:00:00Z", "2mo", "1970-02-28T23:00:00Z"),
        ("2026-01-31T10:00:00Z", "90d", "2026-05-01T10:00:00Z"),
        ("2026-01-31T10:00:00Z", "2w", "2026-02-14T10:00:00Z"),
        ("2026-01-31T10:00:00Z", "12h", "2026-01-31T22:00:00Z"),
        ("2026-01-31T10:00:00Z", "90min", "2026-01-31T11:30:00Z"),
    ],
)
def test_after_on_the_calendar(text, span, end):
    assert Duration.parse(span).after(micros(text)) == micros(end)


@pytest.mark.parametrize(
    ("text", "span", "start"),
    [
        ("2026-03-31T10:00:00Z", "1mo", "2026-02-28T10:00:00Z"),
        ("2024-02-29T10:00:00Z", "1y", "2023-02-28T10:00:00Z"),
        ("2026-01-01T00:00:00Z", "1h", "2025-12-31T23:00:00Z"),
    ],
)
def test_before_on_the_calendar(text, span, start):
    assert Duration.parse(span).before(micros(text)) == micros(start)


@given(
    st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1)), max_size=5),  # noqa: DTZ001 # Hypothesis wants naive bounds
    st.integers(1, 600),
    st.booleans(),
)
def test_months_agree_with_the_calendar_module(instants, months, later):
    def moved(start: datetime) -> datetime:
        month = start.year * 12 + start.month - 1 + (months if later else -months)
        year, month = month // 12, month % 12 + 1
        day = min(start.day, calendar.monthrange(year, month)[1])
        return start.replace(year=year, month=month, day=day)

    given_times = [t.replace(tzinfo=UTC) for t in instants]
    times = np.array([(t - EPOCH) // MICRO for t in given_times], dtype=np.int64)
    span = Duration(months, "mo")
    result = span.after(times) if later else span.before(times)
    assert result.tolist() == [(moved(t) - EPOCH) // MICRO for t in given_times]


@pytest.mark.parametrize(
    "text", ["", "13", "mo", "13 mo", "-1d", "1.5h", "0d", "1s", "10001y", "120001mo"]
)
def test_parse_when_it_is_no_duration(text):
    with pytest.raises(ValueError, match="duration"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["90min", "12h", "90d", "2w", "13mo", "1y", "9999y"])
def test_a_duration_prints_as_it_was_written(text):
    assert str(Duration.parse(text)) == text
