"""Columns of consent strings, the question that is asked of them, and the error."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.consent.strings import (
    NULL_CODE,
    BoundedCache,
    ConsentStringError,
    TcfQuery,
    TcfVerdict,
    decode_tcf,
    evaluate_column,
    evaluate_tcf,
    tcf_code,
    tcf_codes_apart,
    usp_code,
)

CELLS = st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "bb", "ccc"])))


class Counting:
    """Gives the length of a text and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> int:
        """Give the length of `text`."""
        self.asked.append(text)
        return len(text)


@given(CELLS, st.sampled_from(["plain", "large", "dictionary", "chunked", "slice"]))
def test_evaluate_column_agrees_with_a_loop(cells: list[str | None], kind: str) -> None:
    array = pa.array(cells, pa.string())
    if kind == "large":
        array = array.cast(pa.large_string())
    elif kind == "dictionary":
        array = array.dictionary_encode()
    elif kind == "chunked":
        array = pa.chunked_array([array[:2], array[2:]])
    elif kind == "slice":
        array = pa.array(["x" * 9, *cells, "y" * 9]).dictionary_encode()[1:-1]
    counting = Counting()
    codes = evaluate_column(array, counting)
    assert codes.dtype == np.int64
    assert codes.tolist() == [NULL_CODE if c is None else len(c) for c in cells]
    # Once per distinct text, and never for what lies outside the slice.
    assert sorted(counting.asked) == sorted({c for c in cells if c is not None})


def test_evaluate_column_when_dictionary_holds_a_null() -> None:
    indices = pa.array([0, 1, None], pa.int32())
    array = pa.DictionaryArray.from_arrays(indices, pa.array(["abc", None]))
    assert evaluate_column(array, len).tolist() == [3, NULL_CODE, NULL_CODE]


def test_evaluate_column_when_strings_are_us_privacy() -> None:
    array = pa.array(["1YNN", "1YYN", None, "1YNN", "nonsense"])
    # 0 is clear, 1 opted out, 2 malformed.
    assert evaluate_column(array, usp_code).tolist() == [0, 1, NULL_CODE, 0, 2]


def test_tcf_codes_apart_when_column_is_mixed() -> None:
    query = TcfQuery((1,), min_policy_version=2)
    text = "CPTtLAAPTtLAAAKAAAENAAFgALwAAEAAAAAAAOgAgABgAAAA"  # 2022-02-01
    array = pa.array([text, "broken", None])
    codes = evaluate_column(array, lambda value: tcf_code(value, query))
    verdicts, days = tcf_codes_apart(codes)
    assert verdicts.tolist() == [TcfVerdict.GRANT, TcfVerdict.MALFORMED, NULL_CODE]
    assert [str(day) for day in days] == ["2022-02-01", "NaT", "NaT"]


def test_bounded_cache_when_asked_again() -> None:
    counting = Counting()
    cache = BoundedCache(counting)
    assert [cache("a"), cache("bb"), cache("a")] == [1, 2, 1]
    assert counting.asked == ["a", "bb"]


@given(st.lists(st.text(max_size=20)))
def test_bounded_cache_when_it_overflows(texts: list[str]) -> None:
    # Room for two texts at most: each counts as 128 characters more than it has.
    cache = BoundedCache(len, max_characters=300)
    assert [cache(text) for text in texts] == [len(text) for text in texts]
    assert len(cache) <= 2


def test_bounded_cache_when_text_is_larger_than_all_room() -> None:
    cache = BoundedCache(len, max_characters=300)
    assert cache("a") == 1
    assert cache("b" * 1000) == 1000
    assert len(cache) == 0  # forgot, and did not keep what cannot fit


def test_bounded_cache_when_pickled() -> None:
    cache = BoundedCache(len, max_characters=300)
    cache("a")
    copy = pickle.loads(pickle.dumps(cache))  # noqa: S301 (our own bytes)
    assert (len(copy), copy.max_characters, copy("bb")) == (0, 300, 2)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"purposes": ()}, "purposes"),
        ({"purposes": (0,)}, "purposes"),
        ({"purposes": (25,)}, "purposes"),
        ({"purposes": (1,), "vendor": 0}, "vendor"),
        ({"purposes": (1,), "legal_basis": "legitimate_interest"}, "legal_basis"),
        (
            {"purposes": (1,), "require_disclosed_vendor": "maybe"},
            "require_disclosed_vendor",
        ),
    ],
)
def test_tcf_query_when_value_is_outside(values: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"TcfQuery: .*{name}"):
        TcfQuery(**values)


def test_consent_string_error_when_shown_or_pickled() -> None:
    text = "CPSG_8APSG_8AAAAAAENAAFgAAAAAAAAAAAAAAAAAAAA"  # CMP id 0
    with pytest.raises(ConsentStringError) as caught:
        decode_tcf(text)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (our own bytes)
    assert isinstance(copy, ConsentStringError)
    assert (copy.reason, str(copy)) == ("cmp_id", str(caught.value))
    assert text not in str(copy)
    assert text not in repr(copy)


@pytest.mark.parametrize("unit", ["C", "A", "_", "CO4VGs.", ".", "\x00", "É"])
def test_evaluate_tcf_when_string_is_huge(unit: str) -> None:
    assert (
        evaluate_tcf(unit * (1_000_000 // len(unit)), TcfQuery((1,))).verdict
        is TcfVerdict.MALFORMED
    )


@given(st.text())
def test_decode_tcf_when_text_is_arbitrary(text: str) -> None:
    with pytest.raises(ConsentStringError):
        decode_tcf(text)
