"""Texts that are spelled so that patterns with borders do not see what stands there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.loader import _pii
from optin.policies.model import Pii
from optin.transforms.deidentify.residual import find_traces
from optin.transforms.deidentify.spellings import copies_of
from optin.transforms.deidentify.text import TextScanner


def wide(text: str) -> str:
    """Give ASCII in its full-width form, blanks aside."""
    return "".join(sign if sign == " " else chr(ord(sign) + 0xFEE0) for sign in text)


HIDDEN = [
    ("card_4111111111111111", "4111"),
    ("4111111111111111abc", "4111"),
    ("pan4111111111111111", "4111"),
    ("ip_203.0.113.7 was seen", "203.0"),
    ("ip203.0.113.7", "203.0"),
    ("mac_00:1A:2B:3C:4D:5E", "1A:2B"),
    ("uid_9f1c2e1a-7b1d-4c7e-9a53-0d2f6a7b8c9d", "9f1c"),
    ("msisdn_+436601234567", "436601"),
    (wide("JANE@example.com"), wide("JANE")),
    (f"write to jane.doe{wide('@')}example.com", "doe"),
    ("write to jane.d\u200boe@exa\u200bmple.com now", "jane"),
    ("card " + wide("4111 1111 1111 1111"), wide("4111")),
]


@pytest.fixture(scope="module")
def scanner() -> TextScanner:
    return TextScanner(_pii(Pii(profile="strict"), Path()))


@pytest.mark.parametrize(("text", "trace"), HIDDEN, ids=range(len(HIDDEN)))
def test_value_behind_odd_borders_or_letters_is_replaced(
    scanner: TextScanner, text: str, trace: str
) -> None:
    (out,) = scanner.redact(pa.array([text]))[0].to_pylist()
    assert trace not in out
    assert "<" in out


def test_words_with_underscores_and_digits_stay(scanner: TextScanner) -> None:
    texts = ["step_1 of 12", "model_v2_final", "size_128x64", "utf8_general_ci"]
    assert scanner.redact(pa.array(texts))[0].to_pylist() == texts


def test_plain_texts_have_no_copies() -> None:
    texts = ["Jane called +1 202 555 0123.", "café, naïve “quotes” 😀", "a_b", ""]
    assert [copies_of(text) for text in texts] == [[], [], [], []]


@given(
    st.text(st.sampled_from("aB1\uff14\uff20_\u200b\ufb01é.: "), max_size=25), st.data()
)
def test_spans_of_copies_lie_where_their_signs_stand(
    text: str, data: st.DataObject
) -> None:
    for copy in copies_of(text):
        assert len(copy.places) == len(copy.text) + 1
        assert copy.places == sorted(copy.places)
        assert copy.places[-1] == len(text)
        if not copy.text:
            continue
        start = data.draw(st.integers(0, len(copy.text) - 1))
        end = data.draw(st.integers(start + 1, len(copy.text)))
        first, last = copy.back(start, end)
        assert 0 <= first < last <= len(text)
        # Every sign that the copy holds there came from inside of the place.
        assert all(
            first <= place < last or copy.text[at] == " "
            for at, place in enumerate(copy.places[start:end], start)
        )


@pytest.mark.parametrize(("text", "trace"), HIDDEN, ids=range(len(HIDDEN)))
def test_second_detector_sees_it_too(text: str, trace: str) -> None:
    del trace
    assert find_traces(text)
