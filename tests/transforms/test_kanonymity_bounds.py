"""Bounds hold for every value, say nothing that the label does not, and split no class."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

import optin.transforms
from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.kanonymity import AnonymityPlan, Ladder, build_ladder, kanonymize
from optin.transforms.kanonymity.recoding.bounds import label_bounds

UTC_TIME = pa.timestamp("us", tz="UTC")


def _ladder(kind: str, action: str = "keep", **settings: Any) -> Ladder:
    width = settings.pop("width", None)
    hierarchy = Hierarchy(**settings) if settings else None
    return build_ladder(
        Column(
            name="x",
            type=kind,
            action=action,  # type: ignore[arg-type]
            width=width,
            quasi=True,
            hierarchy=hierarchy,
        )
    )


INTEGERS = st.integers(-3000, 3000)
FLOATS = st.integers(-4000, 4000).map(lambda n: n / 8)
DAYS = st.dates(date(1900, 1, 1), date(2150, 12, 31))
# 1900 to 2150, to the microsecond.
TIMES = st.integers(-2_208_988_800 * 10**6, 5_680_281_600 * 10**6).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
KINDS: list[tuple[Ladder, Any, Any, bool]] = [
    (_ladder("integer"), INTEGERS, pa.int64(), False),
    (_ladder("integer", widths=(10, 50)), INTEGERS, pa.int64(), False),
    (_ladder("integer", widths=(2.5, 5)), INTEGERS, pa.int64(), False),
    (_ladder("integer", widths=(10,), anchor=3), INTEGERS, pa.int32(), False),
    (_ladder("integer", logarithmic=(10, 1000)), INTEGERS, pa.int64(), False),
    (_ladder("number", widths=(0.5, 10)), FLOATS, pa.float64(), False),
    (_ladder("number", logarithmic=(2, 16)), FLOATS, pa.float64(), False),
    (_ladder("age_years", builtin="age"), st.integers(0, 130), pa.int64(), False),
    (
        _ladder("number", builtin="age"),
        st.integers(0, 1040).map(lambda n: n / 8),
        pa.float64(),
        True,
    ),
    (
        _ladder("date", dates=("week",)),
        DAYS,
        pa.date32(),
        False,
    ),
    (
        _ladder("date", dates=("day", "month", "quarter", "year")),
        DAYS,
        pa.date32(),
        False,
    ),
    (
        _ladder("timestamp", dates=("day", "month", "quarter", "year")),
        TIMES,
        UTC_TIME,
        False,
    ),
    (
        replace(_ladder("integer", quantiles=(4, 2)), edges=((-50, 0, 700), (0,))),
        INTEGERS,
        pa.int64(),
        False,
    ),
    (
        replace(_ladder("number", quantiles=(3,)), edges=((-0.5, 12.25),)),
        FLOATS,
        pa.float64(),
        False,
    ),
    (
        replace(
            _ladder("date", quantiles=(3,)),
            edges=((date(1950, 1, 1), date(2000, 7, 1)),),
        ),
        DAYS,
        pa.date32(),
        False,
    ),
    (
        replace(
            _ladder("timestamp", quantiles=(3,)),
            edges=(
                (datetime(1950, 1, 1, tzinfo=UTC), datetime(2000, 7, 1, tzinfo=UTC)),
            ),
        ),
        TIMES,
        UTC_TIME,
        False,
    ),
    (_ladder("timestamp", dates=("week",)), TIMES, pa.timestamp("ms", tz="UTC"), False),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0].names}{kind[2]}")
@settings(max_examples=40)
@given(st.data())
def test_every_value_lies_within_the_bounds_of_its_labels(
    kind: tuple[Ladder, Any, Any, bool], data: st.DataObject
) -> None:
    ladder, values, type_, floored = kind
    column = pa.array(data.draw(st.lists(values, min_size=1, max_size=12)), type_)
    if pa.types.is_timestamp(type_) and type_.unit == "ms":
        column = column.cast(type_, safe=False)
    held = column.to_pylist()
    for labels in ladder.on(held).labels:
        low, high = label_bounds(pa.array(labels), type_, floored=floored)
        assert (low.type, high.type) == (type_, type_)
        for text, value, first, last in zip(
            labels, held, low.to_pylist(), high.to_pylist(), strict=True
        ):
            assert (first is None) == (text == "*" or text.startswith("<"))
            assert first is None or first <= value
            assert last is None or value <= last
            open_ = text.endswith("+") or text.startswith(">=")
            assert (last is None) == (text == "*" or open_)
            # Ends of whole numbers and days are values that the label stands for.
            if text != "*" and not isinstance(value, float | datetime):
                level = ladder.on([value]).labels.index((text,))
                ends = [end for end in (first, last) if end is not None]
                assert set(ladder.on(ends).labels[level]) == {text}


def test_bounds_of_whole_numbers_floats_and_times() -> None:
    def of(text: str, kind: pa.DataType) -> tuple[Any, Any]:
        low, high = label_bounds(pa.array([text]), kind)
        return low[0].as_py(), high[0].as_py()

    whole, real = pa.int64(), pa.float64()
    assert of("[1980, 1990)", whole) == (1980, 1989)
    assert of("[30, 34]", whole) == (30, 34)
    assert of("(-1000, -100]", whole) == (-999, -100)
    assert of("[100, 1000)", real) == (100.0, 1000.0)
    assert of("90+", whole) == (90, None)
    assert of("<20000", whole) == (None, 19_999)
    assert of(">=20000", whole) == (20_000, None)
    assert of("<2024-03-01", pa.date32()) == (None, date(2024, 2, 29))
    assert of("<2024-03-01", pa.date64()) == (None, date(2024, 2, 29))
    assert of("null", whole) == of("*", whole) == (None, None)
    # The last value of the type, where the edge lies beyond it.
    assert of(f"[{10**18}, {10**19})", whole) == (10**18, 2**63 - 1)
    assert of("2024-Q1", pa.date32()) == (date(2024, 1, 1), date(2024, 3, 31))
    assert of("2020-W53", pa.date32()) == (date(2020, 12, 28), date(2021, 1, 3))
    end = datetime(2024, 3, 1, tzinfo=UTC) - timedelta(microseconds=1)
    assert of("2024-02", UTC_TIME) == (datetime(2024, 2, 1, tzinfo=UTC), end)
    second = pa.timestamp("s", "UTC")
    last = datetime(2024, 2, 3, 23, 59, 59, tzinfo=UTC)
    assert of("2024-02-03", second)[1] == last
    assert of("9999", pa.date32())[1] == date.max
    with pytest.raises(GateError, match="defect") as caught:
        of("Vienna", whole)
    assert "Vienna" not in str(caught.value)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 60) | st.none(),
        st.sampled_from(["DE", "FR", None]),
        st.integers(0, 9),
    ),
    min_size=3,
    max_size=50,
)
LADDERS = (
    build_ladder(
        Column(
            name="age",
            type="integer",
            action="keep",
            quasi=True,
            hierarchy=Hierarchy(widths=(10, 20)),
        )
    ),
    build_ladder(Column(name="place", type="category", action="keep", quasi=True)),
)


def _people(rows: list[tuple[Any, ...]]) -> pa.Table:
    age, place, who = zip(*rows, strict=True)
    return pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "place": pa.array(place, pa.string()),
            "who": pa.array(who, pa.int64()),
            "row": pa.array(range(len(rows))),
        }
    )


@settings(max_examples=60)
@given(ROWS, st.sampled_from(["global", "hierarchy", "ranges"]))
def test_bounds_make_no_class_finer_and_hold(
    rows: list[tuple[Any, ...]], how: str
) -> None:
    if len({row[-1] for row in rows}) < 2:
        return
    given_: dict[str, Any] = {
        "subject": "who",
        "ladders": LADDERS,
        "k": 2,
        "suppress_max": 0.9,
        "local": how != "global",
        "ranges": how == "ranges",
    }
    plan = AnonymityPlan(**given_)
    if any(all(row[at] is None for row in rows) for at in (0, 1)):
        return  # refused: such a column tells nobody apart
    plain, before = kanonymize(_people(rows), plan)
    table, summary = kanonymize(_people(rows), replace(plan, bounds=("age",)))
    assert table.column_names == ["age", "age_lower", "age_upper", "place", "row"]
    assert table.drop_columns(["age_lower", "age_upper"]).equals(plain)
    assert summary == before
    of_label: dict[str, tuple[Any, Any]] = {}
    for row in table.to_pylist():
        bounds = row["age_lower"], row["age_upper"]
        assert of_label.setdefault(row["age"], bounds) == bounds
        value = rows[row["row"]][0]
        assert (bounds[0] is None) == (row["age"] in ("*", "null"))
        assert bounds[0] is None or bounds[0] <= value <= bounds[1]
        # Labels of a hierarchy: its edges, never those of the members.
        if how != "ranges" and row["age"].endswith(")"):
            assert bounds[0] % 10 == 0
            assert bounds[1] % 10 == 9


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"age_upper": pa.array([1, 2])}, "'age_upper' is there already"),
        ({"age": pa.array(["1", "2"])}, "not string"),
    ],
)
def test_bounds_that_cannot_be_are_refused(column: dict[str, Any], says: str) -> None:
    table = pa.table({"age": [1, 2], "who": [1, 2], **column})
    ladders = (Ladder("age", ("value", "*")),)
    with pytest.raises(GateError, match=says):
        kanonymize(table, AnonymityPlan("who", ladders, 2, bounds=("age",)))
    with pytest.raises(GateError, match="no quasi-identifier"):
        kanonymize(table, AnonymityPlan("who", ladders, 2, bounds=("height",)))


def test_bounds_of_times_with_a_zone_are_in_utc() -> None:
    when = pa.array([1, 2], pa.timestamp("us", tz="Europe/Vienna"))
    ladders = (Ladder("at", ("value", "*"), kind="interval"),)
    plan = AnonymityPlan("who", ladders, 2, bounds=("at",))
    given, _ = kanonymize(pa.table({"at": when, "who": [1, 2]}), plan)
    assert given.schema.field("at_lower").type == pa.timestamp("us", tz="UTC")


def test_pipeline_gives_the_bounds_of_a_table() -> None:
    rows = [(20 + n % 7, "DE", n % 40) for n in range(200)]
    table = _people(rows)
    plan = AnonymityPlan("who", LADDERS, 3, bounds=("age",))
    expected, _ = kanonymize(table, plan)

    def same(blocks: list[pa.RecordBatch]) -> None:
        found = [row for block in blocks for row in block.to_pylist()]
        key = lambda row: row["row"]  # noqa: E731
        assert sorted(found, key=key) == sorted(expected.to_pylist(), key=key)

    with beam.Pipeline("DirectRunner") as pipeline:
        blocks = pipeline | beam.Create(table.to_batches(max_chunksize=70))
        assert_that(blocks | optin.transforms.KAnonymize(plan), same)
