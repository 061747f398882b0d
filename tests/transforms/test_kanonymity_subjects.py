"""Laws of people with many records, against brute force in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.blocks.names import EVENT_TIME, SUBJECT
from optin.transforms.kanonymity import build_ladder, choose_recoding, histogram_of
from optin.transforms.kanonymity.combine import MergeFn
from optin.transforms.kanonymity.counting.histogram import ROWS
from optin.transforms.kanonymity.counting.storage import write_table
from optin.transforms.kanonymity.subjects import (
    StoredLimits,
    report_links,
    settle_people,
    store_limits,
)
from optin.transforms.kanonymity.subjects.contribution import (
    Limits,
    block_draws,
    draws_of,
    limits_of,
    merge_draws,
)
from optin.transforms.kanonymity.subjects.harmonise import (
    Harmonised,
    choose_tuples,
    histogram_of_choice,
    merge_tuples,
    tuples_of,
)
from optin.transforms.kanonymity.subjects.links import (
    as_one,
    link_groups,
    shared_of,
    united,
)
from optin.transforms.kanonymity.subjects.recount import count_links, links_of
from optin.transforms.kanonymity.subjects.shards import shard_of, shards_of

QUASI = ("code", "year")
KEY = bytes(range(32))
LADDERS = [
    build_ladder(
        Column(
            name="code",
            type="postal_code",
            action="keep",
            hierarchy=Hierarchy(prefix=(2, 1)),
        )
    ),
    build_ladder(
        Column(
            name="year",
            type="birth_year",
            action="keep",
            hierarchy=Hierarchy(widths=(5, 10)),
        )
    ),
]
How = Literal["latest", "most_common"]
Row = tuple[str | None, int | None, int, int]
# Tokens on both sides of int64's sign bit; few times, so that they tie.
rows_of = st.lists(
    st.tuples(
        st.sampled_from(["941", "942", "951", None]),
        st.sampled_from([1980, 1984, 1999, None]),
        st.integers(2**63 - 4, 2**63 + 4),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=60,
)
how_of = st.sampled_from(["latest", "most_common"])


def _table(rows: Sequence[Row]) -> pa.Table:
    codes, years, subjects, times = (list(c) for c in zip(*rows, strict=True))
    return pa.table(
        {
            "code": pa.array(codes, pa.string()),
            "year": pa.array(years, pa.int64()),
            SUBJECT: pa.array(subjects, pa.uint64()),
            EVENT_TIME: pa.array(times, pa.timestamp("us", "UTC")),
        }
    )


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    names = [*QUASI, SUBJECT]
    return list(zip(*(table.column(n).to_pylist() for n in names), strict=True))


def _order(key: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    """Order of values, null last."""
    return [(value is None, "" if value is None else value) for value in key]


def _expected(rows: Sequence[Row], how: How) -> dict[int, tuple[Any, ...]]:
    """Choose each subject's tuple, the long way."""
    counts: dict[int, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    latest: dict[tuple[int, tuple[Any, ...]], int] = {}
    for code, year, subject, time in rows:
        key = (code, year)
        counts[subject][key] += 1
        latest[subject, key] = max(time, latest.get((subject, key), time))
    chosen = {}
    for subject, tuples in counts.items():
        weight = {
            key: latest[subject, key] if how == "latest" else count
            for key, count in tuples.items()
        }
        best = max(weight.values())
        chosen[subject] = min((k for k in weight if weight[k] == best), key=_order)
    return chosen


def _cut(rows: Sequence[Row], pieces: int) -> list[list[Row]]:
    return [part for i in range(pieces) if (part := list(rows[i::pieces]))]


@given(rows_of, how_of, st.integers(1, 5), st.randoms(use_true_random=False))
def test_each_person_gets_the_tuple_of_the_brute_force(
    rows: list[Row], how: How, pieces: int, random: Any
) -> None:
    random.shuffle(rows)
    parts = [tuples_of(_table(part), QUASI) for part in _cut(rows, pieces)]
    chosen = choose_tuples(merge_tuples(parts), how)
    found = {s: (code, year) for code, year, s in _rows(chosen)}
    assert found == _expected(rows, how)
    assert chosen.column(SUBJECT).to_pylist() == sorted(found)
    # The same, byte for byte, from the whole.
    whole = choose_tuples(tuples_of(_table(sorted(rows, key=str)), QUASI), how)
    assert chosen.equals(whole)


@given(rows_of, how_of, st.integers(1, 4))
def test_harmonised_records_have_one_class_a_person_and_k_people_a_class(
    rows: list[Row], how: How, k: int
) -> None:
    table = _table(rows)
    chosen = choose_tuples(tuples_of(table, QUASI), how)
    harmonised = Harmonised.of(chosen).apply(table)
    assert harmonised.column(SUBJECT).equals(table.column(SUBJECT))
    assert harmonised.schema.names == table.schema.names
    histogram = histogram_of_choice(chosen, k)
    assert histogram.equals(histogram_of(harmonised, QUASI, k))
    if len({row[2] for row in rows}) < k or k < 2:
        return
    recoding = choose_recoding(histogram, LADDERS, k, 0.5)
    published = recoding.apply(harmonised)
    people: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    classes: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
    for *key, subject in _rows(published):
        people[tuple(key)].add(subject)
        classes[subject].add(tuple(key))
    assert all(len(found) >= k for found in people.values())
    assert all(len(found) == 1 for found in classes.values())
    # Suppressed is a whole person or nobody.
    rows_by = Counter(row[2] for row in rows)
    assert Counter(s for *_, s in _rows(published)) == {s: rows_by[s] for s in classes}
    report = count_links(links_of(published, QUASI, SUBJECT))
    assert (report.keys, report.several) == (len(classes), 0)


def test_without_harmonising_linked_rows_single_people_out() -> None:
    # Twenty people with the same two codes, and one with another pair: every code has two
    # people or more, so k = 2 holds for classes, and the pair of the one is unique.
    rows: list[Row] = []
    for person in range(20):
        rows += [("941", 1980, person, 0), ("942", 1980, person, 1)]
    rows += [("941", 1980, 99, 0), ("951", 1980, 99, 1), ("951", 1980, 5, 2)]
    table = _table(rows)

    def singled_out(published: pa.Table) -> list[int]:
        """Find people whose set of classes nobody else has: what a pseudonym shows."""
        sets: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
        for *key, subject in _rows(published):
            sets[subject].add(tuple(key))
        shared = Counter(frozenset(found) for found in sets.values())
        return [s for s, found in sets.items() if shared[frozenset(found)] == 1]

    plain = choose_recoding(histogram_of(table, QUASI, 2), LADDERS, 2, 0.0)
    published = plain.apply(table)
    assert sorted(singled_out(published)) == [5, 99]
    assert count_links(links_of(published, QUASI, SUBJECT)).several == 21
    for how in ("latest", "most_common"):
        chosen = choose_tuples(tuples_of(table, QUASI), how)
        recoding = choose_recoding(histogram_of_choice(chosen, 2), LADDERS, 2, 0.1)
        after = recoding.apply(Harmonised.of(chosen).apply(table))
        assert after.num_rows > 0
        assert singled_out(after) == []


def test_record_of_nobody_counted_stops_the_run() -> None:
    chosen = choose_tuples(tuples_of(_table([("941", 1980, 5, 0)]), QUASI), "latest")
    with pytest.raises(GateError, match="did not count"):
        Harmonised.of(chosen).apply(_table([("941", 1980, 6, 0)]))


def test_numbers_that_are_none_are_missing_as_in_the_histogram() -> None:
    table = pa.table(
        {
            "size": pa.array([float("nan"), None, -0.0, 0.0]),
            SUBJECT: pa.array([1, 1, 2, 2], pa.uint64()),
            EVENT_TIME: pa.array([0, 1, 2, 3], pa.timestamp("us", "UTC")),
        }
    )
    pairs = tuples_of(table, ("size",))
    assert pairs.num_rows == 2  # NaN is missing, and -0.0 is 0.0
    assert choose_tuples(pairs, "latest").column("size").to_pylist() == [None, 0.0]


pairs_of = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 12)), min_size=1, max_size=20
)


@given(pairs_of, rows_of, how_of)
def test_people_who_share_an_identifier_get_one_tuple(
    owners: list[tuple[str, int]], rows: list[Row], how: How
) -> None:
    # Every owner has records; device → its owners.
    rows = [(c, y, 1 + (s - 2**63 + 4), t) for c, y, s, t in rows]
    rows += [("941", 1980, subject, 0) for _, subject in owners]
    chosen = choose_tuples(tuples_of(_table(rows), QUASI), how)
    pairs = pa.table(
        {
            "optin:value": [device for device, _ in owners],
            SUBJECT: pa.array([subject for _, subject in owners], pa.uint64()),
        }
    )
    pairs = pairs.group_by(pairs.column_names).aggregate([])
    members, representative = link_groups([shared_of(pairs)])
    # The long way: unite sets until nothing overlaps.
    groups: list[set[int]] = []
    for device in {device for device, _ in owners}:
        own = {subject for other, subject in owners if other == device}
        touching = [group for group in groups if group & own]
        groups = [group for group in groups if not group & own]
        groups.append(own.union(*touching))
    groups = [group for group in groups if len(group) > 1]
    expected = {s: min(group) for group in groups for s in group}
    assert dict(zip(members.tolist(), representative.tolist(), strict=True)) == expected
    common, count = united(chosen, (members, representative), how)
    assert count == len(groups)
    before = {s: key for *key, s in _rows(chosen)}
    after = {s: key for *key, s in _rows(common)}
    assert list(after) == sorted(before)
    for group in groups:
        given_ = {tuple(after[s]) for s in group}
        assert len(given_) == 1
        assert given_ <= {tuple(before[s]) for s in group}
    assert all(after[s] == before[s] for s in before if s not in expected)
    # Nobody's records are lost, and who is linked counts as one of the k people.
    assert sum(common.column(ROWS).to_pylist()) == len(rows)
    named = as_one(common, (members, representative))
    people = {tuple(key): set[int]() for *key, _ in _rows(common)}
    for *key, s in _rows(common):
        people[tuple(key)].add(expected.get(s, s))
    histogram = histogram_of_choice(named, 99)
    counted = Counter(tuple(key) for *key, _ in _rows(histogram))
    assert counted == {key: len(found) for key, found in people.items()}
    assert sum(histogram.column(ROWS).to_pylist()) == len(rows)


def test_long_chains_of_links_are_one_group() -> None:
    rng = np.random.default_rng(7)
    names = rng.permutation(5_000).astype(np.uint64)
    chain = pa.table({"optin:one": names[:-1], "optin:other": names[1:]})
    members, representative = link_groups([chain])
    assert len(members) == 5_000
    assert set(representative.tolist()) == {0}


capped_of = st.lists(
    st.tuples(
        st.sampled_from(["941", "942"]),
        st.just(1980),
        st.integers(2**63 - 2, 2**63 + 2),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=80,
)


def _limits(rows: Sequence[Row], pieces: int, most: int) -> pa.Table:
    parts = [block_draws(_table(part), KEY, most) for part in _cut(rows, pieces)]
    return limits_of(merge_draws(parts, most), most)


@given(
    capped_of, st.integers(1, 6), st.integers(1, 5), st.randoms(use_true_random=False)
)
def test_of_each_person_at_most_m_records_stay_in_any_order_and_split(
    rows: list[Row], most: int, pieces: int, random: Any
) -> None:
    first = _table(rows)
    kept = Limits(_limits(rows, 1, most), KEY).apply(first)
    counts = Counter(row[2] for row in rows)
    stay = Counter(kept.column(SUBJECT).to_pylist())
    assert stay == {s: min(n, most) for s, n in counts.items()}
    random.shuffle(rows)
    again = Limits(_limits(rows, pieces, most), KEY).apply(_table(rows))
    names = first.column_names

    def content(table: pa.Table) -> Counter[tuple[Any, ...]]:
        return Counter(zip(*(table.column(n).to_pylist() for n in names), strict=True))

    assert content(kept) == content(again)
    assert not content(kept) - content(first)


def test_another_key_draws_other_records() -> None:
    rows: list[Row] = [("941", 1980, 7, time) for time in range(1_000)]
    table = _table(rows)
    drawn = []
    for key in (KEY, bytes(32)):
        limits = limits_of(block_draws(table, key, 100), 100)
        kept = Limits(limits, key).apply(table)
        drawn.append(set(kept.column(EVENT_TIME).cast(pa.int64()).to_pylist()))
    # 100 of 1,000 by chance share 10, with a standard deviation below 3.
    assert len(drawn[0] & drawn[1]) < 40
    # Neither the earliest nor the latest are preferred: the mean is within 4 of its
    # standard deviations (27) of the middle.
    assert all(390 < np.mean(list(times)) < 610 for times in drawn)


def test_records_of_one_instant_are_drawn_by_content() -> None:
    # A log without times: all records of a person have one draw.
    rows: list[Row] = [("941", 1900 + i % 50, 7, 0) for i in range(200)]
    table = _table(rows)
    assert len(set(draws_of(table, KEY).tolist())) == 1
    kept = Limits(limits_of(block_draws(table, KEY, 9), 9), KEY).apply(table)
    backwards = table.take(pa.array(range(199, -1, -1)))
    again = Limits(limits_of(block_draws(backwards, KEY, 9), 9), KEY).apply(backwards)
    years = sorted(kept.column("year").to_pylist())
    assert years == sorted(again.column("year").to_pylist())
    assert len(years) == 9
    assert years != sorted(1900 + i % 50 for i in range(200))[:9]


@settings(max_examples=25)
@given(rows_of, how_of, st.integers(1, 4))
def test_stored_people_and_limits_are_those_in_memory(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], how: How, most: int
) -> None:
    folder = tmp_path_factory.mktemp("stored")
    table = _table(rows)
    paths = []
    fn = MergeFn(merge_tuples, lambda pairs: choose_tuples(pairs, how))
    for shard, pairs in shards_of(tuples_of(table, QUASI), SUBJECT):
        chosen = fn.extract_output(fn.add_input(fn.create_accumulator(), pairs))
        paths.append(write_table(chosen, str(folder / f"tuples-{shard:02d}.arrow")))
    paths.reverse()
    settled = settle_people(paths, [], how, 2, str(folder / "people"))
    assert settled is not None
    direct = Harmonised.of(choose_tuples(tuples_of(table, QUASI), how))
    assert settled.people.apply(table).equals(direct.apply(table))
    same = sum(
        a == b for a, b in zip(_rows(direct.apply(table)), _rows(table), strict=True)
    )
    assert (settled.rows, settled.moved) == (len(rows), len(rows) - same)
    drawn = []
    for shard, draws in shards_of(block_draws(table, KEY, most), SUBJECT):
        path = str(folder / f"draws-{shard:02d}.arrow")
        drawn.append(write_table(limits_of(draws, most), path))
    limits = store_limits(drawn[::-1], KEY, str(folder / "limits.arrow"))
    expected = Limits(limits_of(block_draws(table, KEY, most), most), KEY)
    assert limits.apply(table).equals(expected.apply(table))
    assert "31" not in repr(StoredLimits(None, KEY))


def test_shards_follow_the_order_of_tokens_and_the_text_of_values() -> None:
    tokens = np.sort(
        np.random.default_rng(1).integers(0, 2**64, 1_000, dtype=np.uint64)
    )
    shards = shard_of(pa.array(tokens))
    assert (np.diff(shards) >= 0).all()
    assert set(shards.tolist()) == set(range(64))
    texts = pa.array(["x", None, "y", "x"])
    spread = shard_of(texts)
    assert spread[0] == spread[3]
    # However the values are held.
    assert spread.tolist() == shard_of(texts.dictionary_encode()).tolist()


@given(rows_of)
def test_recount_finds_every_key_in_several_classes(rows: list[Row]) -> None:
    table = _table(rows)
    classes: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
    for code, year, subject, _ in rows:
        classes[subject].add((code, year))
    report = count_links(links_of(table, QUASI, SUBJECT))
    assert report.keys == len(classes)
    assert report.several == sum(len(found) > 1 for found in classes.values())
    assert report.most_rows == max(Counter(row[2] for row in rows).values())
    added = report_links([[SUBJECT, 2, 1, 3], [SUBJECT, 4, 0, 9]], [SUBJECT, "x"])
    assert added[SUBJECT].keys == 6
    assert (added[SUBJECT].several, added[SUBJECT].most_rows) == (1, 9)
    assert added["x"].keys == 0


def test_recount_does_not_link_by_missing_identifiers(tmp_path: Path) -> None:
    table = pa.table({"code": ["a", "b"], "id": pa.nulls(2, pa.string())})
    assert count_links(links_of(table, ("code",), "id")).keys == 0
    nobody = table.append_column(SUBJECT, pa.nulls(2, pa.uint64()))
    with pytest.raises(GateError, match="no data subject"):
        links_of(nobody, ("code",), SUBJECT)
