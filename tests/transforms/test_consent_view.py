"""Raw columns by distinct value: fast ways through the bytes against the plain one."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.signals import canonical_text
from optin.transforms.blocks.identity import bare_identifiers
from optin.transforms.blocks.names import RAW_PREFIX
from optin.transforms.consent.people import Identities
from optin.transforms.consent.view import BlockView

LETTERS = st.none() | st.sampled_from(["", " ", "0", "1", "3", "\t", "\x00", "ü", "-"])
TEXTS = LETTERS | st.sampled_from(
    [
        "3.0",
        " 1 ",
        "00-0",
        "yes",
        "\u00a0",
        "0\x0b",
        "İ",
        "NULL",
        "nu",
        "n/a",
        "[1]",
        "[x",
        "{}",
        "{a}",
        "0\uff10",
        "\ufb01",
        "\ufeffa",
    ]
)
COLUMNS = st.lists(LETTERS, max_size=12) | st.lists(TEXTS, max_size=12)


BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x00\x85\xa0"
NOBODY = ("null", "(null)", "none", "nan", "n/a", "undefined", "unknown")


def named(text: str) -> str | None:
    """Give the identity of one text, as one would by hand."""
    plain = unicodedata.normalize("NFKC", text)
    for letter in "\ufeff\u200b\u200c\u200d\u2060":
        plain = plain.replace(letter, "")
    plain = unicodedata.normalize("NFKC", plain.casefold()).strip(BLANKS)
    try:
        container = isinstance(json.loads(plain), (list, dict))
    except ValueError:
        container = False
    nobody = plain in NOBODY or not plain.strip("0-:_{}\"'" + BLANKS)
    return None if nobody or container else plain


def view_of(texts: list[str | None], skip: int = 0) -> BlockView:
    array = pa.array(["x"] * skip + texts + ["x"], pa.string())
    columns = {RAW_PREFIX + "c": array.slice(skip, len(texts))}
    return BlockView(pa.RecordBatch.from_pydict(columns))


@given(COLUMNS, st.integers(0, 3))
def test_codes_give_the_canonical_text_of_every_row(texts, skip):
    positions, distinct = view_of(texts, skip).codes("c")
    found = [None if p < 0 else distinct[p] for p in positions.tolist()]
    assert found == [canonical_text(text) or None for text in texts]


@given(COLUMNS, st.integers(0, 3))
def test_bare_identifiers_are_blank_or_zeros_and_separators(texts, skip):
    array = view_of(texts, skip).array("c")
    expected = [None if text is None else not named(text) for text in texts]
    assert bare_identifiers(array).to_pylist() == expected


@given(COLUMNS, COLUMNS, st.data())
def test_identities_take_the_first_key_that_names_somebody(one, other, data):
    size = min(len(one), len(other))
    columns = {
        RAW_PREFIX + "a": pa.array(one[:size], pa.string()),
        RAW_PREFIX + "b": pa.array(other[:size], pa.string()),
    }
    view = BlockView(pa.RecordBatch.from_pydict(columns))
    rows = data.draw(st.lists(st.integers(0, size - 1), max_size=8)) if size else []
    identities = Identities(view, ("a", "b"))

    def plain(row: int) -> str | None:
        return named(one[row] or "") or named(other[row] or "")

    expected = [plain(row) for row in range(size)]
    assert identities.named.tolist() == [name is not None for name in expected]
    taken = identities.take(np.array(rows, dtype=np.int64)).to_pylist()
    assert taken == [expected[row] for row in rows]
