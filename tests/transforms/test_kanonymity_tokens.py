"""Tokens of people, against the same written for one text in plain Python."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.kanonymity.counting.tokens import number_people

WORDS = 2**64 - 1


def _mixed(word: int) -> int:
    word = (word + 0x9E3779B97F4A7C15) & WORDS
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & WORDS
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & WORDS
    return word ^ (word >> 31)


def _token(text: str | None) -> int:
    if text is None:
        return 0
    data = text.encode()
    token = _mixed(len(data) ^ 0x2545F4914F6CDD1D)
    for start in range(0, len(data), 8):
        token = _mixed(token ^ int.from_bytes(data[start : start + 8], "little"))
    return max(token, 1)


@given(st.lists(st.none() | st.text(max_size=40), max_size=30), st.data())
def test_tokens_are_those_of_each_text_alone(
    texts: list[str | None], data: st.DataObject
) -> None:
    array = pa.array(texts, pa.string())
    expected = [_token(text) for text in texts]
    start = data.draw(st.integers(0, len(texts)))
    length = data.draw(st.integers(0, len(texts) - start))
    assert number_people(array).to_pylist() == expected
    part = number_people(array.slice(start, length))
    assert part.to_pylist() == expected[start : start + length]


def test_texts_that_differ_by_what_follows_are_told_apart() -> None:
    texts = ["", "\0", "\0\0", *("a" * n for n in range(1, 60)), "a" * 8 + "\0"]
    assert len(set(number_people(pa.array(texts)).to_pylist())) == len(texts)


def test_a_million_people_share_no_token() -> None:
    many = pa.array(range(1_000_000)).cast(pa.string())
    assert len(number_people(many).unique()) == len(many)
