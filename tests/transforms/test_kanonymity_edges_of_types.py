"""Values at the edge of their types: times without a zone, far years, decimals, lists."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from optin import kanonymize
from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import InputError, OptinError
from optin.transforms.kanonymity import AnonymityPlan
from optin.transforms.kanonymity.alone.request import ask
from optin.transforms.kanonymity.alone.rows import RowForm
from optin.transforms.kanonymity.ladders.ladder import Ladder, build_ladder
from optin.transforms.kanonymity.ladders.losses import number_of

SPRING = datetime(2026, 3, 29)  # noqa: DTZ001 - a column without a zone


@pytest.fixture(params=["UTC", "Europe/Vienna", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: Any) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_a_time_without_a_zone_is_read_as_utc(zone: str) -> None:
    hours = [number_of(SPRING + timedelta(hours=n)) for n in range(30)]
    assert [b - a for a, b in itertools.pairwise(hours)] == [3600.0] * 29
    assert number_of(datetime(1970, 1, 1)) == 0.0  # noqa: DTZ001


def test_the_machines_zone_changes_no_release(zone: str) -> None:
    minutes = [0, 20, 70, 118, 121, 150, 175, 179, 185, 240, 300, 301]
    when = [SPRING + timedelta(minutes=n) for n in minutes]
    table = pa.table({"who": [str(n) for n in range(len(when))], "at": when})
    out, summary = kanonymize(
        table,
        subject="who",
        quasi_identifiers={"at": {"dates": ["day", "month"]}},
        k=3,
        recoding="local",
        labels="ranges",
    )
    tight = [[0, 70], [118, 150], [175, 185], [240, 301]]
    assert sorted(set(out.column("at").to_pylist())) == [
        f"[{(SPRING + timedelta(minutes=low)).isoformat()}, "
        f"{(SPRING + timedelta(minutes=high)).isoformat()}]"
        for low, high in tight
    ]
    spans = sum(high - low for low, high in tight) / len(tight)
    assert summary.ncp == pytest.approx(spans / minutes[-1])


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize(
    "hierarchy", [{"dates": ["week", "month", "year"]}, {"quantiles": [4, 2]}, None]
)
def test_the_first_and_the_last_year_are_generalised(hierarchy: Any, unit: str) -> None:
    ends = [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)]  # noqa: DTZ001
    table = pa.table(
        {
            "who": [str(n) for n in range(20)],
            "at": pa.array(ends * 10, pa.timestamp(unit)),
        }
    )
    choices: tuple[dict[str, Any], ...] = (
        {},
        {"recoding": "local", "labels": "ranges"},
    )
    for settings in choices:
        out, _ = kanonymize(
            table, subject="who", quasi_identifiers={"at": hierarchy}, k=3, **settings
        )
        assert out.num_rows == 20


@pytest.mark.parametrize(
    "values",
    [
        pa.array([2**55, -(2**55)] * 5, pa.timestamp("s")),
        pa.array([2**55, 0] * 5, pa.timestamp("ms")),
        pa.array([-(2**62), 0] * 5, pa.timestamp("us", "UTC")),
        pa.array([-62_135_596_801, 0] * 5, pa.timestamp("s", "America/New_York")),
        pa.array([-62_135_596_801, 0] * 5, pa.timestamp("s")),
        pa.array([253_402_300_800, 0] * 5, pa.timestamp("s")),
        pa.array([2**30, 0] * 5, pa.date32()),
        pa.array([2**55 // 86_400_000 * 86_400_000, 0] * 5, pa.date64()),
        pa.array([2**55, 0] * 5, pa.timestamp("s")).dictionary_encode(),
    ],
)
def test_a_year_that_no_calendar_has_is_refused(values: pa.Array) -> None:
    table = pa.table({"who": [str(n) for n in range(10)], "at": values})
    with pytest.raises(InputError, match="'at' holds dates or times outside the years"):
        kanonymize(table, subject="who", quasi_identifiers=["at"], k=2)


def _people(**columns: Any) -> pa.Table:
    return pa.table({"who": [str(n) for n in range(10)], "age": range(10), **columns})


NESTED = [
    pa.array([[1], [2]] * 5),
    pa.array([{"a": 1}, {"a": 2}] * 5),
]


@pytest.mark.parametrize("values", NESTED)
@pytest.mark.parametrize("recoding", ["global", "local"])
def test_lists_are_no_secret_and_no_target(values: pa.Array, recoding: str) -> None:
    table = _people(s=values)
    asked: dict[str, Any] = {
        "subject": "who",
        "quasi_identifiers": ["age"],
        "k": 2,
        "recoding": recoding,
    }
    with pytest.raises(InputError, match="sensitive attribute 's' holds"):
        kanonymize(table, sensitive={"s": {"l": 2}}, **asked)
    with pytest.raises(InputError, match="target 's' holds"):
        kanonymize(table, target="s", **asked)
    plan = AnonymityPlan("who", (AGE,), 2, target="s")
    with pytest.raises(InputError, match="target 's' holds"):
        kanonymize(table, plan)


def _ladder(name: str, **hierarchy: Any) -> Ladder:
    return build_ladder(
        Column(
            name=name,
            type="number",
            action="keep",
            hierarchy=Hierarchy(**hierarchy) if hierarchy else None,
        )
    )


AGE = _ladder("age", widths=(5,))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"k": 1}, "k must be 2 or more"),
        ({"ladders": ()}, "at least one quasi-identifier"),
        ({"ladders": (AGE, AGE)}, "'age' has two ladders"),
        ({"suppress_max": 1.0}, "suppress_max"),
        ({"suppress_max": -0.1}, "suppress_max"),
        ({"suppress_max": float("nan")}, "suppress_max"),
        ({"effort": 0}, "effort"),
        ({"most_pairs": 0}, "most_pairs"),
        ({"target": "age"}, "target 'age'"),
        ({"target": "who"}, "target 'who'"),
    ],
)
def test_a_plan_is_held_to_what_a_policy_is(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptinError, match=words):
        AnonymityPlan(**{"subject": "who", "ladders": (AGE,), "k": 2, **settings})


def test_the_subject_of_a_plan_is_no_quasi_identifier() -> None:
    plan = AnonymityPlan("age", (AGE,), 2)
    with pytest.raises(OptinError, match="'age' is the plan's subject and a quasi"):
        kanonymize(_people(), plan)


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("scale", [1, 2, 9])
def test_decimals_keep_their_own_text(scale: int, encoded: bool) -> None:
    tenths = [Decimal(n) / 10 for n in range(10)]
    values = pa.array(tenths * 3, pa.decimal128(28, scale))
    table = pa.table(
        {
            "who": [str(n) for n in range(30)],
            "x": values.dictionary_encode() if encoded else values,
        }
    )
    out, _ = kanonymize(table, subject="who", quasi_identifiers=["x"], k=3)
    assert out.column("x").to_pylist() == [f"{n / 10:g}" for n in range(10)] * 3
    out, _ = kanonymize(  # without a hierarchy, an axis: ranges, not "*"
        table,
        subject="who",
        quasi_identifiers=["x"],
        k=6,
        recoding="local",
        labels="ranges",
    )
    assert set(out.column("x").to_pylist()) == {
        "[0, 0.1]",
        "[0.2, 0.3]",
        "[0.4, 0.5]",
        "[0.6, 0.7]",
        "[0.8, 0.9]",
    }


def test_decimals_that_would_be_rounded_are_refused() -> None:
    near = [Decimal("1234567890123456.71"), Decimal("1234567890123456.72")]
    table = _people(x=near * 5)
    with pytest.raises(InputError, match="'x' holds decimals of more digits") as caught:
        kanonymize(table, subject="who", quasi_identifiers=["x"], k=2)
    assert "1234567" not in str(caught.value)
    many = _people(x=pa.array([Decimal("2.5"), None] * 5, pa.decimal256(60, 30)))
    out, _ = kanonymize(many, subject="who", quasi_identifiers=["x"], k=2)
    assert set(out.column("x").to_pylist()) == {"2.5", "null"}


@pytest.mark.parametrize("encoded", [False, True])
def test_bounds_of_decimals_are_refused(encoded: bool) -> None:
    values = pa.array([Decimal("2.5"), Decimal("3.5")] * 5)
    table = _people(x=values.dictionary_encode() if encoded else values)
    asked = {"x": {"hierarchy": {"widths": [1, 2]}, "bounds": True}}
    with pytest.raises(InputError, match="bounds of 'x': they are not given for decim"):
        kanonymize(table, subject="who", quasi_identifiers=asked, k=2)


class Paid(NamedTuple):
    """A row of a pipeline."""

    who: str
    x: Decimal


def test_decimals_in_rows_are_exact_or_refused() -> None:
    form = RowForm(Paid, ask(None, subject="who", quasi_identifiers=["x"], k=2))
    batch = form.batch_of([Paid("a", Decimal("0.3")), Paid("b", Decimal("0.30"))])
    assert batch.column("x").to_pylist() == [0.3, 0.3]
    with pytest.raises(InputError, match="'x'"):
        form.batch_of([Paid("a", Decimal("1234567890123456.71"))])


def test_days_of_times_with_a_zone_are_those_of_utc() -> None:
    late = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    times = pa.array([late] * 4, pa.timestamp("us", "UTC"))
    told = set()
    for zone in ("UTC", "Europe/Vienna", "Pacific/Auckland"):
        table = pa.table(
            {"who": list("abcd"), "at": times.cast(pa.timestamp("us", zone))}
        )
        given, _ = kanonymize(
            table,
            subject="who",
            quasi_identifiers={"at": {"dates": ["day"]}},
            k=4,
        )
        told.update(given.column("at").to_pylist())
    assert len(told) == 1
    assert told.pop().startswith("2026-01-01")
