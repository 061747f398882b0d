"""More tuples than fit: buckets on disk, each solved alone, every class of k people."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import (
    AnonymityPlan,
    build_ladder,
    choose_local,
    histogram_of,
    kanonymize,
)
from optin.transforms.kanonymity.counting.codes import canonical
from optin.transforms.kanonymity.counting.histogram import ROWS
from optin.transforms.kanonymity.ladders.domains import Domain
from optin.transforms.kanonymity.ladders.ladder import Ladder
from optin.transforms.kanonymity.routing import (
    BucketedRecoding,
    Limited,
    Router,
    estimated_pairs,
    lay_out,
    learn_router,
    solve_bucket,
    sort_part,
    stitch,
    thinned_bits,
)


def ladder(name: str, kind: str, **settings_: Any) -> Ladder:
    hierarchy = Hierarchy(**settings_) if settings_ else None
    return build_ladder(
        Column(name=name, type=kind, action="keep", quasi=True, hierarchy=hierarchy)
    )


LADDERS = (
    ladder("age", "integer", widths=(5, 10), anchor=2.0),
    ladder("zip", "postal_code", prefix=(2, 1)),
    ladder("country", "country", builtin="country", outside="suppress"),
)
NAMES = [one.column for one in LADDERS]

Row = tuple[int | None, str | None, str | None, int]
ROW = st.tuples(
    st.one_of(st.none(), st.integers(0, 30)),
    st.sampled_from(["101", "102", "110", "200", "210", None]),
    st.sampled_from(["DE", "FR", "US", "Germany", "nowhere", None]),
    st.integers(0, 25),
)


def table_of(rows: list[Row]) -> pa.Table:
    age, zip_, country, user = zip(*rows, strict=True)
    mixed = np.array(user, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "zip": pa.array(zip_, pa.string()),
            "country": pa.array(country, pa.string()),
            SUBJECT: pa.array(mixed),
        }
    )


def plan_of(k: int, most: int, **more: Any) -> AnonymityPlan:
    return AnonymityPlan(SUBJECT, LADDERS, k, local=True, most_pairs=most, **more)


def people_by_class(table: pa.Table) -> dict[tuple[Any, ...], set[int]]:
    people: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for row in table.to_pylist():
        people[tuple(row[name] for name in NAMES)].add(row[SUBJECT])
    return people


@settings(max_examples=150)
@given(
    st.lists(ROW, min_size=4, max_size=120),
    st.integers(2, 4),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
)
def test_every_class_of_buckets_covers_k_people(
    rows: list[Row], k: int, most: int, ranges: bool, sets: bool
) -> None:
    table = table_of(rows)
    assume(len(set(table.column(SUBJECT).to_pylist())) >= k)
    assume(all(table.column(name).null_count < len(rows) for name in NAMES))
    plan = plan_of(k, most, ranges=ranges, sets=sets, suppress_max=0.2)
    with TemporaryDirectory() as folder:
        # Without max_level everything can join a class: k people are enough.
        recoding = plan.choose_from(table.to_batches(), folder)
        published = recoding.apply(table)
    assert all(len(people) >= k for people in people_by_class(published).values())
    gone = table.num_rows - published.num_rows
    assert gone <= math.floor(Fraction(1, 5) * table.num_rows)
    assert gone == round(recoding.suppressed_share * table.num_rows)
    pairs = {(*row[:3], row[3]) for row in rows}
    capped: dict[Any, int] = defaultdict(int)
    for pair in pairs:
        capped[pair[:3]] += 1
    many = sum(min(count, k) for count in capped.values()) > most
    assert isinstance(recoding, BucketedRecoding) == many


@settings(max_examples=60)
@given(st.lists(ROW, min_size=20, max_size=120), st.integers(0, 99), st.integers(0, 60))
def test_order_and_blocks_of_the_records_do_not_matter(
    rows: list[Row], seed: int, cut: int
) -> None:
    table = table_of(rows)
    assume(len(set(table.column(SUBJECT).to_pylist())) >= 2)
    assume(all(table.column(name).null_count < len(rows) for name in NAMES))
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    other = table_of(shuffled)
    blocks = [*other.slice(0, cut).to_batches(), *other.slice(cut).to_batches()]
    plan = plan_of(2, 6)
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        first = plan.choose_from(table.to_batches(), one)
        second = plan.choose_from(blocks, two)
        assert first.apply(table).equals(second.apply(table))
        assert first.ncp == pytest.approx(second.ncp)
        if isinstance(first, BucketedRecoding) and isinstance(second, BucketedRecoding):
            for path, same in zip(first.paths, second.paths, strict=True):
                assert Path(path).read_bytes() == Path(same).read_bytes()


@settings(max_examples=60)
@given(st.lists(ROW, min_size=4, max_size=80), st.integers(2, 5))
def test_buckets_have_k_people_and_share_no_tuple(rows: list[Row], k: int) -> None:
    table = table_of(rows)
    assume(len(set(table.column(SUBJECT).to_pylist())) >= k)
    router = learn_router(table, LADDERS, 12, least=1)
    with TemporaryDirectory() as folder:
        parts = [
            sort_part(piece, router, k, f"{folder}/{number}")
            for number, piece in enumerate([table.slice(0, 3), table.slice(3)])
        ]
        layout = lay_out(parts, router, k)
    new = layout.router.route(table)
    people: dict[int, set[int]] = defaultdict(set)
    for bucket, token in zip(
        new.tolist(), table.column(SUBJECT).to_pylist(), strict=True
    ):
        people[bucket].add(token)
    assert sorted(people) == list(range(layout.router.buckets))
    assert all(len(tokens) >= k for tokens in people.values())
    # Merged buckets are runs of old ones: the slices of a bucket lie side by side.
    old = router.route(table)
    for before, after in zip(old.tolist(), new.tolist(), strict=True):
        first, stop = layout.range_of(after)
        assert first <= before < stop
    tuples: dict[Any, set[int]] = defaultdict(set)
    for row, bucket in zip(rows, new.tolist(), strict=True):
        tuples[row[:3]].add(bucket)
    assert all(len(buckets) == 1 for buckets in tuples.values())


@settings(max_examples=60)
@given(st.lists(ROW, min_size=4, max_size=80), st.booleans(), st.booleans())
def test_one_bucket_is_solved_as_without_buckets(
    rows: list[Row], ranges: bool, sets: bool
) -> None:
    table = table_of(rows)
    how = {"ranges": ranges, "sets": sets}
    assume(len(set(table.column(SUBJECT).to_pylist())) >= 3)
    plain = choose_local(histogram_of(table, NAMES, 3), LADDERS, 3, 0.1, **how)
    with TemporaryDirectory() as folder:
        parts = [sort_part(table, Router(LADDERS, (), 1), 3, f"{folder}/p")]
        layout = lay_out(parts, Router(LADDERS, (), 1), 3)
        path = f"{folder}/plan"
        facts = solve_bucket(layout, 0, 3, 0.1, path, **how)
        stitched = stitch(layout, [facts], 3, 0.1)
        assert stitched.apply(table).equals(plain.apply(table))
    assert stitched.ncp == pytest.approx(plain.ncp)
    assert stitched.suppressed_share == plain.suppressed_share
    assert stitched.levels == plain.levels
    assert stitched.records == plain.records
    for name, known in plain.facts.items():
        found = stitched.facts[name]
        assert found.drop_columns(["loss"]).equals(known.drop_columns(["loss"]))
        losses = known.column("loss").to_pylist()
        assert found.column("loss").to_pylist() == pytest.approx(losses)


KINDS: list[tuple[Ladder, list[Any]]] = [
    (LADDERS[0], [1, 2, 3, 7, 12, 29, None]),
    (ladder("x", "number", logarithmic=(10, 100)), [-5.5, 0.0, 0.5, 20.0, 3e7, None]),
    (LADDERS[1], ["1", "101", "102", "110", "null", "200", None]),
    (LADDERS[2], ["DE", "Germany", "DEU", "FR", "US", "nowhere", None]),
    (
        ladder("i", "ip_address", ip=(24, 16)),
        ["10.0.0.1", "10.0.0.9", "10.1.0.0/16", None],
    ),
    (ladder("c", "category"), ["a", "b", "c", None]),
]


@pytest.mark.parametrize(("one", "values"), KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_losses_of_a_part_are_those_of_the_whole(
    one: Ladder, values: list[Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    part = [value for value in values if rng.random() < 0.5]
    array = canonical(pa.array(values))
    domain = Domain.of(one, array.take(pa.array(rng.permutation(len(values)))))
    whole, found = one.on(values), domain.rungs(part)
    for level, labels in enumerate(whole.labels):
        pairs = zip(labels, whole.losses[level], strict=True)
        of_value = dict(zip(values, pairs, strict=True))
        for value, label, loss in zip(
            part, found.labels[level], found.losses[level], strict=True
        ):
            assert (label, loss) == of_value[value]


def test_domain_is_the_same_however_many_values_are_labelled_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for one, values in KINDS:
        domain = Domain.of(one, canonical(pa.array(values)))
        monkeypatch.setattr("optin.transforms.kanonymity.ladders.domains._AT_ONCE", 2)
        halves = Domain.of(one, canonical(pa.array(values)))
        monkeypatch.undo()
        assert (halves.leaves, halves.extent) == (domain.leaves, domain.extent)
        for mine, other in zip(halves.levels, domain.levels, strict=True):
            key = [("label", "ascending")] if mine.num_columns else []
            assert not key or mine.sort_by(key).equals(other.sort_by(key))


def test_histogram_within_the_limit_is_whole() -> None:
    table = table_of([(number % 7, "101", "DE", number) for number in range(200)])
    limited = Limited(tuple(NAMES), 3, 21)
    found = limited.finish(limited.add(limited.start(), table))
    assert found is not None
    assert thinned_bits(found) == 0  # seven tuples of three people
    assert found.equals(histogram_of(table, NAMES, 3))


@pytest.mark.parametrize("seed", range(5))
def test_sample_is_of_whole_tuples_and_the_same_in_any_split(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ages, users = rng.integers(0, 4_000, 6_000), rng.integers(0, 900, 6_000)
    rows: list[Row] = [
        (int(age), "101", "DE", int(user))
        for age, user in zip(ages, users, strict=True)
    ]
    table = table_of(rows)
    whole = histogram_of(table, NAMES, 2)
    limited = Limited(tuple(NAMES), 2, 500)
    alone = limited.finish(limited.add(limited.start(), table))
    cut = sorted(rng.integers(0, 6_000, 3).tolist())
    states = []
    for start, stop in zip([0, *cut], [*cut, 6_000], strict=True):
        piece = table.slice(start, stop - start)
        states.append(limited.compact(limited.add(limited.start(), piece)))
    united = limited.finish(limited.unite(states[::-1]))
    assert alone is not None
    assert united is not None
    assert alone.equals(united)
    assert thinned_bits(alone) == thinned_bits(united) > 0
    assert alone.num_rows <= 500
    # Some 250 to 500 pairs are sampled: the estimate errs by 6 % or so.
    assert estimated_pairs(alone) == pytest.approx(whole.num_rows, rel=0.25)
    held = {(r["age"], r[SUBJECT]): r[ROWS] for r in whole.to_pylist()}
    kept = {r["age"] for r in alone.to_pylist()}
    expected = {pair: n for pair, n in held.items() if pair[0] in kept}
    assert {(r["age"], r[SUBJECT]): r[ROWS] for r in alone.to_pylist()} == expected


def test_global_recoding_refuses_more_tuples_than_its_limit(tmp_path: Path) -> None:
    table = table_of([(number % 31, "101", "DE", number) for number in range(200)])
    plan = AnonymityPlan(SUBJECT, LADDERS, 3, most_pairs=30)
    with pytest.raises(GateError, match="more than 30 distinct pairs"):
        plan.choose_from(table.to_batches(), str(tmp_path))


def test_sample_is_never_taken_for_the_whole() -> None:
    table = table_of([(number % 31, "101", "DE", number) for number in range(200)])
    limited = Limited(tuple(NAMES), 3, 30)
    sample = limited.finish(limited.add(limited.start(), table))
    for local in (True, False):
        plan = AnonymityPlan(SUBJECT, LADDERS, 3, local=local, most_pairs=30)
        with pytest.raises(GateError, match="more than 30"):
            plan.choose(sample)


def test_values_outside_stop_the_choice_and_are_counted_over_all_buckets(
    tmp_path: Path,
) -> None:
    country = ladder("country", "country", builtin="country")
    rows: list[Row] = [(n % 31, "101", "DE", n) for n in range(200)]
    rows += [(3, "101", "nowhere", 1), (30, "101", "nowhere", 2), (30, "1", "x", 2)]
    plan = AnonymityPlan(SUBJECT, (LADDERS[0], country), 3, local=True, most_pairs=30)
    message = "3 records hold 2 distinct values outside"
    with pytest.raises(GateError, match=message) as caught:
        plan.choose_from(table_of(rows).to_batches(), str(tmp_path))
    assert "nowhere" not in str(caught.value)


def test_what_cannot_be_suppressed_within_the_share_is_refused(tmp_path: Path) -> None:
    # No two people share a country, and max_level forbids to leave it.
    country = build_ladder(
        Column(name="country", type="country", action="keep", quasi=True, max_level=0)
    )
    rows: list[Row] = [(n % 31, "101", f"{n:03d}", n) for n in range(60)]
    plan = AnonymityPlan(SUBJECT, (LADDERS[0], country), 3, local=True, most_pairs=20)
    with pytest.raises(GateError, match="out of reach"):
        plan.choose_from(table_of(rows).to_batches(), str(tmp_path))


def test_kanonymize_makes_buckets_by_itself_and_leaves_no_file() -> None:
    rng = np.random.default_rng(3)
    rows: list[Row] = [
        (int(a), z, "DE", int(u))
        for a, z, u in zip(
            rng.integers(0, 30, 500),
            rng.choice(["101", "102", "200"], 500).tolist(),
            rng.integers(0, 200, 500),
            strict=True,
        )
    ]
    table = table_of(rows).rename_columns([*NAMES, "user"])
    plan = AnonymityPlan("user", tuple(LADDERS), 4, local=True, most_pairs=100)
    result, summary = kanonymize(table, plan)
    recoding = summary.recoding
    assert isinstance(recoding, BucketedRecoding)
    assert summary.k_reached >= 4
    assert result.num_rows == summary.published_rows
    folder = Path(recoding.paths[0]).parent
    assert folder.is_dir()
    del recoding, summary
    assert not folder.exists()
