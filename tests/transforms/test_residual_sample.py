"""The sample of the output: the same however it is cut, and never of our own making."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.deidentify.residual import (
    ResidualColumn,
    ResidualPlan,
    ResidualSketch,
    merge_sketches,
    sketch_blocks,
)

VALUES = [
    *(f"value {i}" for i in range(30)),
    *(f"user{i}@example.com" for i in range(10)),
    *(f"192.0.2.{i}" for i in range(1, 10)),
    None,
]
PLAN = ResidualPlan((ResidualColumn("a"), ResidualColumn("b.c")), 20, r"<NONE>")


def block(rows: Sequence[tuple[str | None, str | None]]) -> pa.RecordBatch:
    a, b = [row[0] for row in rows], [row[1] for row in rows]
    return pa.record_batch(
        {"a": pa.array(a, pa.string()), "b.c": pa.array(b, pa.string())}
    )


def same(one: ResidualSketch, other: ResidualSketch) -> bool:
    def plain(sketch: ResidualSketch) -> dict[str, tuple[list[int], list[int]]]:
        return {
            name: (hashes.tolist(), bits.tolist())
            for name, (hashes, bits) in sketch.columns.items()
        }

    return plain(one) == plain(other)


rows_of = st.lists(
    st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)),
    min_size=1,
    max_size=120,
)


@given(rows_of, st.randoms(use_true_random=False), st.data())
def test_sample_is_the_same_for_any_order_and_split(
    rows: list[tuple[str | None, str | None]], source: Any, data: st.DataObject
) -> None:
    whole = merge_sketches([sketch_blocks([block(rows)], PLAN)], PLAN.sample)
    shuffled = list(rows)
    source.shuffle(shuffled)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    pieces = [
        shuffled[start:stop]
        for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True)
    ]
    blocks = [block(piece) for piece in pieces]
    middle = len(blocks) // 2
    parts = [
        sketch_blocks(blocks[:middle], PLAN),
        *(sketch_blocks([one], PLAN) for one in blocks[middle:]),
    ]
    source.shuffle(parts)
    merged = merge_sketches(parts[1:], PLAN.sample)
    assert same(merge_sketches([parts[0], merged], PLAN.sample), whole)


@given(rows_of)
def test_counts_are_those_of_plain_python_when_all_values_fit(
    rows: list[tuple[str | None, str | None]],
) -> None:
    plan = replace(PLAN, sample=100)  # 49 values there are
    counts = sketch_blocks([block(rows)], plan).counts(plan)
    for place, name in enumerate(("a", "b.c")):
        values = {row[place] for row in rows} - {None}
        mails = sum("@" in value for value in values if value)
        machines = sum(value.startswith("192") for value in values if value)
        expected = {"EMAIL_ADDRESS": mails, "IP_ADDRESS": machines}
        assert counts[name].values == len(values)
        assert counts[name].certain == {e: n for e, n in expected.items() if n}
        assert counts[name].possible == {}


def test_sample_is_no_larger_than_asked() -> None:
    rows = [(f"v{i}", None) for i in range(500)]
    sketch = sketch_blocks([block(rows[:250]), block(rows[250:])], PLAN)
    assert sketch.counts(PLAN)["a"].values == 20
    assert sketch.counts(PLAN)["b.c"].values == 0


def test_numbers_and_absent_columns_are_passed_over() -> None:
    batch = pa.record_batch({"a": pa.array([4539148803436467])})
    counts = sketch_blocks([batch], PLAN).counts(PLAN)
    assert {name: found.values for name, found in counts.items()} == {"a": 0, "b.c": 0}


def test_a_part_of_a_sketch_pickled_holds_no_value() -> None:
    import pickle

    sketch = sketch_blocks([block([("ada@example.com", "192.0.2.1")])], PLAN)
    assert b"ada" not in pickle.dumps(sketch)
    assert b"192.0.2.1" not in pickle.dumps(sketch)


def test_placeholders_are_ours_and_look_alikes_are_not(
    write_policy: Callable[..., Any],
) -> None:
    policy = write_policy(
        columns="  - {name: note, type: free_text, action: scan}\n",
        more="pii: {entities: [EMAIL_ADDRESS, SECRET]}\n",
    )
    plan = ResidualPlan.of(policy)
    texts = [
        "<EMAIL_ADDRESS>",
        "<EMAIL_ADDRESS_12>",
        "<SECRET_Zq8vT2mLw9XbR4nKc7YdPfGh3Js>",
        "<HOST_192.0.2.9>",
    ]
    batch = pa.record_batch({"note": pa.array(texts)})
    counts = sketch_blocks([batch], plan).counts(plan)["note"]
    assert (counts.certain, counts.possible) == ({"IP_ADDRESS": 1}, {})


def test_columns_of_our_own_making_are_left_out_and_named(
    write_policy: Callable[..., Any],
) -> None:
    policy = write_policy(
        columns=(
            "  - {name: mail, type: email, action: fake}\n"
            "  - {name: id, type: device_id, action: hmac}\n"
            "  - {name: enc, type: username, action: encrypt}\n"
            "  - {name: gone, type: string, action: redact, replacement: a@example.com}\n"
            "  - {name: ip, type: ip_address, action: truncate, bits: 16}\n"
            "  - {name: app, type: category, action: keep}\n"
            "  - {name: pin, type: string, action: keep}\n"
            "  - {name: price, type: number, action: keep}\n"
        ),
        more="residual: {skip: [pin]}\n",
        anonymity="subject: {publish: pseudonym}",
    )
    plan = ResidualPlan.of(policy)
    assert [column.name for column in plan.columns] == ["country", "ip", "app"]
    assert dict(plan.left_out) == {
        "mail": "surrogates of fake",
        "id": "pseudonyms of hmac",
        "enc": "tokens of encrypt",
        "gone": "a constant",
        "pin": "the policy's residual.skip",
    }


def test_model_reads_names_only_where_rules_cleaned_and_the_policy_lets_it(
    write_policy: Callable[..., Any],
) -> None:
    column = "  - {name: note, type: free_text, action: scan}\n"

    def named(more: str, *, has_model: bool = True) -> bool:
        policy = write_policy(columns=column, more=more)
        return ResidualPlan.of(policy, has_model=has_model).asks_model

    rules = "pii: {entities: [EMAIL_ADDRESS]}\n"
    assert named(rules)
    assert not named(rules, has_model=False)
    assert not named(rules + "residual: {model: never}\n")
    assert not named("pii: {engine: model, entities: [PERSON]}\n")


def test_model_finds_names_without_a_cue(write_policy: Callable[..., Any]) -> None:
    from optin.pipelines.residual import load_names

    policy = write_policy(
        columns="  - {name: note, type: free_text, action: scan}\n",
        more="pii: {entities: [EMAIL_ADDRESS]}\n",
    )
    plan = ResidualPlan.of(policy, has_model=True)
    texts = ["Yesterday Barack Obama phoned us.", "The sound is missing."]
    batch = pa.record_batch({"note": pa.array(texts)})
    counts = sketch_blocks([batch], plan, load_names(plan)).counts(plan)["note"]
    assert (counts.named_values, counts.named, counts.certain) == (2, 1, {})


@pytest.mark.parametrize("size", [50, 20_001])
def test_long_values_are_looked_at_up_to_a_limit(size: int) -> None:
    text = "x " * (size // 2) + "192.0.2.1"
    counts = sketch_blocks([block([(text, None)])], PLAN).counts(PLAN)["a"]
    assert bool(counts.certain) is (size == 50)


def test_entities_that_operators_write_are_exempt_and_no_others(
    write_policy: Callable[..., Any],
) -> None:
    policy = write_policy(
        columns="  - {name: note, type: free_text, action: scan}\n",
        more=(
            "pii:\n"
            "  entities: [EMAIL_ADDRESS, PHONE_NUMBER, IP_ADDRESS, IBAN_CODE]\n"
            "  operators: {EMAIL_ADDRESS: fake, PHONE_NUMBER: mask, default: redact}\n"
        ),
    )
    plan = ResidualPlan.of(policy)
    (column,) = (column for column in plan.columns if column.name == "note")
    assert column.exempt == ("EMAIL_ADDRESS",)
    texts = ["a@example.org", "192.0.2.9", "(202) 555-0123", "DE89370400440532013000"]
    batch = pa.record_batch({"note": pa.array(texts)})
    counts = sketch_blocks([batch], plan).counts(plan)["note"]
    assert counts.certain == {"IBAN_CODE": 1, "IP_ADDRESS": 1, "PHONE_NUMBER": 1}


def test_words_that_the_policy_allows_do_not_count(
    write_policy: Callable[..., Any],
) -> None:
    policy = write_policy(
        columns="  - {name: note, type: free_text, action: scan}\n",
        more="pii: {entities: [EMAIL_ADDRESS], allow_list: [help@shop.example]}\n",
    )
    plan = ResidualPlan.of(policy)
    texts = ["write to help@shop.example", "write to nohelp@shop.example"]
    batch = pa.record_batch({"note": pa.array(texts)})
    counts = sketch_blocks([batch], plan).counts(plan)["note"]
    assert counts.certain == {"EMAIL_ADDRESS": 1}
