"""Value sets as labels: by brute force, and what they lose and tell on Adult."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    AnonymityPlan,
    Ladder,
    build_ladder,
    choose_local,
    histogram_of,
    kanonymize,
)
from optin.transforms.kanonymity.attacks import (
    downcode,
    guess_counts,
    guess_sets,
    report_attacks,
    walk_of,
)
from optin.transforms.kanonymity.ladders.labels import escaped
from optin.transforms.kanonymity.ladders.sets import (
    apart_from_sets,
    set_label,
    set_members,
)
from optin.transforms.kanonymity.local.problem import MOST_MEMBERS
from optin.transforms.kanonymity.recoding.bounds import label_bounds

REGIONS = {"AT": "EU", "DE": "EU", "FR": "EU", "US": "AM", "CA": "AM", "BR": "AM"}
PLACES = ["AT", "DE", "FR", "US", "CA", "elsewhere", None]
KINDS = ["{a, b}", "a", "b", "null", "*", "a, b}", "\\{", None]
QUASI = ("age", "place", "kind")

TEXTS = st.text(st.sampled_from("ab\\{}, *null"), max_size=6)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 12) | st.none(),
        st.sampled_from(PLACES),
        st.sampled_from(KINDS),
        st.integers(0, 20),
    ),
    min_size=3,
    max_size=40,
)


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ladder, ...]:
    path = tmp_path_factory.mktemp("table") / "places.csv"
    path.write_text("".join(f"{leaf};{up};*\n" for leaf, up in REGIONS.items()))
    return (
        ladder("age", "integer", widths=(5,)),
        ladder("place", "string", table=str(path), outside="suppress"),
        ladder("kind", "category"),
    )


def ladder(name: str, kind: str, **levels: Any) -> Ladder:
    return build_ladder(
        Column(
            name=name,
            type=kind,
            action="keep",
            quasi=True,
            hierarchy=Hierarchy(**levels) if levels else None,
        )
    )


def table_of(rows: list[tuple[Any, ...]]) -> pa.Table:
    age, place, kind, who = zip(*rows, strict=True)
    return pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "place": pa.array(place, pa.string()),
            "kind": pa.array(kind, pa.string()),
            SUBJECT: pa.array(who, pa.uint64()),
            "row": pa.array(range(len(rows))),
        }
    )


@given(st.sets(TEXTS, min_size=2, max_size=5), st.booleans())
def test_set_is_read_as_it_was_written(texts: set[str], missing: bool) -> None:
    labels = [escaped(text) for text in texts] + ["null"] * missing
    label = set_label(labels, null="null")
    members = set_members(label)
    assert members is not None
    assert sorted(members) == sorted(labels)
    assert "null" not in members[:-1]


@given(TEXTS, st.sets(TEXTS, min_size=2, max_size=4), TEXTS)
def test_no_value_reads_as_a_set_or_as_another(
    text: str, texts: set[str], other: str
) -> None:
    label = apart_from_sets(escaped(text))
    assert set_members(label) is None
    assert label != set_label(map(escaped, texts), null="null")
    assert label not in ("*", "null")
    assert (label == apart_from_sets(escaped(other))) is (text == other)


@pytest.mark.parametrize("broken", ["{", "{a", "{a,b}", "{a, ", "{a}b", "{a\\}"])
def test_what_only_begins_as_a_set_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="begins as a set"):
        set_members(broken)


@settings(max_examples=80)
@given(ROWS, st.integers(2, 4), st.sampled_from([0.0, 0.3]), st.randoms())
def test_labels_are_the_least_sets_and_lose_what_they_say(
    ladders: tuple[Ladder, ...],
    rows: list[Any],
    k: int,
    share: float,
    random: Any,
) -> None:
    table = table_of(rows)
    if len({row[-1] for row in rows}) < k:
        return
    plan = choose_local(histogram_of(table, QUASI, k), ladders, k, share, sets=True)
    out = plan.apply(table)
    number = plan.classes_of(table)
    members: dict[int, list[Any]] = defaultdict(list)
    for row, class_ in zip(rows, number.tolist(), strict=True):
        if class_ >= 0:
            members[class_].append(row)
    people: dict[Any, set[int]] = defaultdict(set)
    lost = float(len(rows) - out.num_rows)
    ages = [row[0] for row in rows if row[0] is not None]
    for record in out.to_pylist():
        people[tuple(record[name] for name in QUASI)].add(record[SUBJECT])
        held = members[int(number[record["row"]])]
        label, cost = of_ages({row[0] for row in held}, ages)
        assert record["age"] == label
        places = {row[1] for row in held}
        domain = len(REGIONS)
        label, other = of_kinds(places, domain, REGIONS)
        assert record["place"] == label
        domain = len({row[2] for row in rows})
        label, third = of_kinds({row[2] for row in held}, domain, None)
        assert record["kind"] == label
        lost += (cost + other + third) / 3
    assert min(len(held) for held in people.values()) >= k
    assert plan.ncp == pytest.approx(lost / len(rows))
    shuffled = rows[:]
    random.shuffle(shuffled)
    again = choose_local(
        histogram_of(table_of(shuffled), QUASI, 99), ladders, k, share, sets=True
    )
    assert again.apply(table).equals(out)
    for name in QUASI:
        sets = [one for one in out.column(name).to_pylist() if one.startswith("{")]
        told = plan.levels[name]
        assert isinstance(told, dict)
        assert told.get("set", 0) == pytest.approx(len(sets) / out.num_rows, abs=1e-5)


def of_ages(values: set[int | None], ages: list[int]) -> tuple[str, float]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return ("*", 1.0) if known else ("null", 0.0)
    low, high = min(known), max(known)
    if low == high:
        return str(low), 0.0
    return f"[{low}, {high}]", (high - low) / (max(ages) - min(ages))


def of_kinds(
    values: set[str | None], domain: int, table: dict[str, str] | None
) -> tuple[str, float]:
    """Name a class from the definition: level, set or `*`, whichever loses least."""
    if table is not None and not values <= {*table, None}:
        return "*", 1.0
    plain = {
        value: "null" if value is None else apart_from_sets(escaped(value))
        for value in values
    }
    if len(values) == 1:
        return plain[values.pop()], 0.0
    loss = (len(values) - 1) / (domain - 1)
    if loss >= 1:
        return "*", 1.0
    if table is not None and None not in values:
        ups = {table[str(value)] for value in values}
        if len(ups) == 1 and len(values) == list(table.values()).count(*ups):
            return ups.pop(), loss
    inside = ["null" if v is None else escaped(v) for v in values]
    return set_label(inside, null="null"), loss


@pytest.mark.parametrize("more", [0, 1])
def test_too_many_values_are_named_by_their_level(tmp_path: Path, more: int) -> None:
    path = tmp_path / "towns.csv"
    near, far = [f"n{n:02d}" for n in range(40)], [f"f{n}" for n in range(90)]
    up = [f"{town};{town[0]};*\n" for town in (*near, *far)]
    path.write_text("".join(up))
    column = ladder("town", "string", table=str(path))
    held = near[: MOST_MEMBERS + more]
    values = [*held, *["f1"] * 60]
    table = pa.table({"town": values, SUBJECT: np.arange(len(values), dtype="u8")})
    histogram = histogram_of(table, ("town",), len(held))
    plan = choose_local(histogram, [column], len(held), 0.0, sets=True)
    found = plan.apply(table).column("town").to_pylist()
    loss = (len(held) - 1, 39)[more] / 129 * len(held) / len(values)
    assert plan.ncp == pytest.approx(loss)
    assert set(found) == {"n" if more else set_label(held, null="null"), "f1"}


def test_sets_of_a_policy_of_arguments_and_of_buckets_agree(
    ladders: tuple[Ladder, ...],
) -> None:
    random = np.random.default_rng(4)
    rows = [
        (
            int(random.integers(0, 12)),
            PLACES[random.integers(0, 5)],
            KINDS[random.integers(0, 7)],
            n,
        )
        for n in range(400)
    ]
    table = table_of(rows).rename_columns([*QUASI, "who", "row"])
    out, summary = kanonymize(
        table,
        subject="who",
        quasi_identifiers=ladders,
        k=5,
        suppress_max=0.0,
        recoding="local",
        labels="sets",
    )
    plan = AnonymityPlan(
        "who", ladders, 5, 0.0, local=True, ranges=True, sets=True, most_pairs=50
    )
    buckets, of_buckets = kanonymize(table, plan)
    assert summary.k_reached >= 5
    assert of_buckets.k_reached >= 5
    assert summary.ncp <= of_buckets.ncp < 0.5
    for one, told in ((out, summary), (buckets, of_buckets)):
        sets = sum(label.startswith("{") for label in one.column("kind").to_pylist())
        assert sets > 20
        assert told.recoding is not None
        shares = told.recoding.levels["kind"]
        assert isinstance(shares, dict)
        assert shares["set"] == pytest.approx(sets / 400, abs=1e-5)
        found = report_attacks(
            told.recoding, told.recoding, 400, ranges=True, sets=True
        )
        names = ("place", "kind")
        cells, held = 0, 0
        classes = set()
        for row in one.select(QUASI).to_pylist():
            classes.add(tuple(row.values()))
            cells += sum(row[name].startswith("{") for name in names)
        for labels in classes:
            held += sum(len(set_members(label) or ()) for label in labels[1:])
        # Classes that share all labels are one to the reader, two to the plan.
        assert found.set_values >= held / cells - 1e-9
        assert found.set_values == pytest.approx(held / cells, rel=0.2)


def test_ages_and_dates_are_no_sets() -> None:
    table = pa.table(
        {
            "age": [30, 31, 32, 33],
            "day": pa.array([date(2026, 1, d) for d in (1, 2, 3, 9)]),
            "who": range(4),
        }
    )
    out, _ = kanonymize(
        table,
        subject="who",
        quasi_identifiers={"age": "age", "day": {"dates": ["month"]}},
        k=2,
        suppress_max=0.0,
        recoding="local",
        labels="sets",
    )
    labels = out.column("age").to_pylist() + out.column("day").to_pylist()
    assert not any(label.startswith("{") for label in labels)
    assert any(label.startswith("[2026-01") for label in labels)


def test_bounds_of_a_set_of_numbers_hold_for_each() -> None:
    labels = pa.array(["{10, 9}", "{10, 9, null}", r"{[0\, 5), [5\, 8)}", "{7, >=9}"])
    low, high = label_bounds(labels, pa.int64())
    assert low.to_pylist() == [9, None, 0, 7]
    assert high.to_pylist() == [10, None, 7, None]


def test_numbers_of_a_table_are_bounded_by_their_sets(tmp_path: Path) -> None:
    path = tmp_path / "grades.csv"
    path.write_text("".join(f"{n};*\n" for n in range(1, 11)))
    table = pa.table({"grade": [1, 2, 9, 9, 10, 10], "who": range(6)})
    column = ladder("grade", "integer", table=str(path))
    plan = AnonymityPlan(
        "who", (column,), 2, 0.0, local=True, bounds=("grade",), ranges=True, sets=True
    )
    out, _ = kanonymize(table, plan)
    assert out.column("grade").to_pylist() == ["{1, 2}"] * 2 + ["9"] * 2 + ["10"] * 2
    assert out.column("grade_lower").to_pylist() == [1, 1, 9, 9, 10, 10]
    assert out.column("grade_upper").to_pylist() == [2, 2, 9, 9, 10, 10]


@settings(max_examples=60)
@given(st.data())
def test_guess_of_a_set_is_that_of_all_counts(data: st.DataObject) -> None:
    values = data.draw(st.integers(1, 4))
    size = data.draw(st.integers(1, 7))
    most = data.draw(st.integers(1, 7))
    weight = np.array(
        data.draw(st.lists(st.integers(1, 9), min_size=values, max_size=values))
    )
    share = weight / weight.sum()
    drawn = data.draw(st.lists(st.integers(0, 2), min_size=values, max_size=values))
    group = np.unique(drawn, return_inverse=True)[1].reshape(-1)
    found = guess_sets(share, group, most, size)
    total, mean = 0.0, np.zeros(values)
    for draw in itertools.product(range(values), repeat=size):
        count = np.bincount(draw, minlength=values)
        held = np.bincount(group, weights=count)
        if count.min() >= 1 and held.max() <= most:
            chance = float(np.prod(share[list(draw)]))
            total += chance
            mean += chance * count / size
    if total == 0:
        assert found is None
        return
    assert found is not None
    assert found[1] == pytest.approx(total)
    assert found[0] == pytest.approx(mean / total)
    if len(set(drawn)) == values:  # each alone: as with bounds on every value
        same = guess_counts(
            share,
            np.ones(values, dtype=np.int64),
            np.full(values, min(most, size)),
            size,
        )
        assert same is not None
        assert found[0] == pytest.approx(same[0])


def test_levels_that_do_not_nest_stay_below_max_level() -> None:
    # Week 27 holds 30 June and 1 July. Its class shares no month, so 20 July has none
    # with it either, though it has one with its last member.
    column = build_ladder(
        Column(
            name="day",
            type="date",
            action="keep",
            quasi=True,
            max_level=2,
            hierarchy=Hierarchy(dates=("week", "month", "quarter", "year")),
        )
    )
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 20)]
    table = pa.table({"day": days, SUBJECT: np.arange(3, dtype="u8")})
    histogram = histogram_of(table, ("day",), 2)
    with pytest.raises(GateError):
        choose_local(histogram, [column], 2, 0.0, ranges=False)
    plan = choose_local(histogram, [column], 2, 0.4, ranges=False)
    assert plan.apply(table).column("day").to_pylist() == ["2026-W27"] * 2
    # Of the same week, and of the other month: it may join.
    days[2] = date(2026, 6, 29)
    table = pa.table({"day": days, SUBJECT: pa.array([0, 1, 1], pa.uint64())})
    plan = choose_local(
        histogram_of(table, ("day",), 2), [column], 2, 0.0, ranges=False
    )
    assert plan.apply(table).column("day").to_pylist() == ["2026-W27"] * 3


ADULT = (
    "age",
    "sex",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
    "occupation",
)


@pytest.mark.slow
def test_on_adult_sets_lose_less_and_give_more_away(shared_data: Path) -> None:
    folder = shared_data / "adult"
    table = pacsv.read_csv(
        folder / "adult.csv", parse_options=pacsv.ParseOptions(delimiter=";")
    )
    table = table.append_column(SUBJECT, pa.array(range(table.num_rows), pa.uint64()))
    columns = [
        ladder(name, "age_years", widths=(5, 10, 20))
        if name == "age"
        else ladder(name, "string", table=str(folder / f"adult_hierarchy_{name}.csv"))
        for name in ADULT
    ]
    for k, bar in ((5, 0.024), (10, 0.046), (50, 0.118)):
        plan = choose_local(histogram_of(table, ADULT, k), columns, k, 0.0, sets=True)
        assert plan.ncp <= bar
    histogram = histogram_of(table, ADULT, 10)
    found = {}
    for sets in (True, False):
        plan = choose_local(histogram, columns, 10, 0.05, ranges=sets, sets=sets)
        walk = walk_of(histogram, columns, 10, 2000, ranges=sets, sets=sets)
        found[sets] = downcode(histogram, columns, plan, 10, walk)
    assert found[True].attack > found[False].attack + 0.05
    assert found[True].attack > found[True].baseline + 0.01


def test_buckets_name_sets_by_the_losses_of_the_whole(
    ladders: tuple[Ladder, ...],
) -> None:
    rows = [(n % 3, PLACES[n % 5], KINDS[n % 7], n) for n in range(120)]
    table = table_of(rows).drop_columns(["row"])
    plan = AnonymityPlan(
        SUBJECT, ladders, 4, 0.0, local=True, ranges=True, sets=True, most_pairs=20
    )
    with TemporaryDirectory() as folder:
        recoding = plan.choose_from(table.to_batches(), folder)
        out = recoding.apply(table)
    lost = 0.0
    domains = {"place": len(REGIONS), "kind": 7}
    for name, domain in domains.items():
        facts = {one["label"]: one["loss"] for one in recoding.facts[name].to_pylist()}
        for label in out.column(name).to_pylist():
            members = set_members(label)
            if members is not None:
                assert facts[label] == pytest.approx((len(members) - 1) / (domain - 1))
                lost += facts[label]
    assert lost > 0
