"""GPP and US Privacy strings: vetoes, refusals, and damaged strings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.consent.strings import (
    ConsentStringError,
    GppQuery,
    GppVerdict,
    TcfCanada,
    UspVerdict,
    UsSection,
    decode_gpp,
    decode_gpp_section,
    evaluate_gpp,
    evaluate_usp,
    split_gpp,
)

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


# --- strings of our own -----------------------------------------------------


def pack(bits: str) -> str:
    bits += "0" * (-len(bits) % 24)
    return "".join(ALPHABET[int(bits[n : n + 6], 2)] for n in range(0, len(bits), 6))


def fibonacci(value: int) -> str:
    """Write a number greedily from its largest term, then the closing bit."""
    terms = [1, 2]
    while terms[-1] <= value:
        terms.append(terms[-1] + terms[-2])
    code = ""
    for term in reversed(terms):
        code = ("1" if term <= value else "0") + code
        value -= term if term <= value else 0
    return code.rstrip("0") + "1"


def header(*spans: tuple[int, int]) -> str:
    bits, last = f"{3:06b}{1:06b}{len(spans):012b}", 0
    for first, end in spans:
        bits += f"{int(end > first)}" + fibonacci(first - last)
        bits += fibonacci(end - first) if end > first else ""
        last = end
    return pack(bits)


def california(sale: int = 2, child: int = 0, gpc: int | None = None) -> str:
    """Write a section 8: nobody opted out, unless told."""
    fields = [1, 1, 1, sale, 2] + [0] * 9 + [0, child] + [0] + [1, 0, 0]
    core = f"{1:06b}" + "".join(f"{value:02b}" for value in fields)
    return pack(core) + ("" if gpc is None else "." + pack(f"01{gpc}"))


def ask(text: str, **query: Any) -> GppVerdict:
    return evaluate_gpp(text, GppQuery(**query))


CALIFORNIA = header((8, 8))


def test_header_when_written_by_hand() -> None:
    # Section 2 alone is the specification's example: DBABMA.
    assert header((2, 2)).startswith("DBABMA")
    assert list(split_gpp(header((2, 2), (6, 8)) + "~a~b~c~d")) == [2, 6, 7, 8]


@pytest.mark.parametrize(
    ("values", "query", "verdict"),
    [
        ({}, {}, GppVerdict.CLEAR),
        ({"sale": 0}, {}, GppVerdict.CLEAR),  # not applicable
        ({"sale": 1}, {}, GppVerdict.OPTED_OUT),
        ({"sale": 3}, {}, GppVerdict.OPTED_OUT),  # not defined: never a yes
        ({"sale": 1}, {"opt_outs": ("SharingOptOut",)}, GppVerdict.CLEAR),
        ({"gpc": 0}, {}, GppVerdict.CLEAR),
        ({"gpc": 1}, {}, GppVerdict.OPTED_OUT),
        ({"gpc": 1}, {"gpc": False}, GppVerdict.CLEAR),
        ({"child": 1}, {}, GppVerdict.MINOR),
        ({"child": 2, "sale": 1}, {}, GppVerdict.MINOR),
        ({"child": 2}, {"known_child": False}, GppVerdict.CLEAR),
    ],
)
def test_evaluate_gpp_when_california_says(
    values: dict[str, int], query: dict[str, Any], verdict: GppVerdict
) -> None:
    assert ask(CALIFORNIA + "~" + california(**values), **query) is verdict


@pytest.mark.parametrize(
    ("spans", "sections", "verdict"),
    [
        ([(6, 6)], "1YYN", GppVerdict.OPTED_OUT),
        ([(6, 6)], "1YNN", GppVerdict.CLEAR),
        ([(6, 6)], "1---", GppVerdict.CLEAR),
        ([(6, 6)], "1Y-N", GppVerdict.OPTED_OUT),
        ([(6, 6), (8, 8)], "1YNN~" + california(sale=1), GppVerdict.OPTED_OUT),
        ([(28, 28)], "whatever", GppVerdict.UNREAD),
        ([(6, 6), (28, 28)], "1YYN~whatever", GppVerdict.OPTED_OUT),
        ([(6, 6), (28, 28)], "1YNN~whatever", GppVerdict.UNREAD),
        ([], "", GppVerdict.CLEAR),
    ],
)
def test_evaluate_gpp_when_sections_differ(
    spans: list[tuple[int, int]], sections: str, verdict: GppVerdict
) -> None:
    assert ask(header(*spans) + ("~" + sections if sections else "")) is verdict


GOOD = CALIFORNIA + "~" + california(gpc=0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty_segment"),
        ("C" + GOOD[1:], "header"),
        ("DC" + GOOD[2:], "header"),
        (CALIFORNIA, "section_count"),
        (GOOD + "~1YNN", "section_count"),
        (CALIFORNIA + "~", "empty_segment"),
        (header((28, 28)) + "~", "empty_segment"),
        (header((1, 70_000)) + "~1YNN", "section_count"),
        (header((1, 10**6)) + "~1YNN", "vendor_id"),  # no such id in either table
        ("DBAB", "truncated"),
        (GOOD + ".", "segment_duplicate"),
        (CALIFORNIA + "~" + california() + ".", "empty_segment"),
        (CALIFORNIA + "~" + california() + "." + pack("101"), "segment_type"),
        (CALIFORNIA + "~" + california() + "." + pack("0111"), "trailing_bits"),
        (CALIFORNIA + "~C" + california()[1:], "version"),
        (CALIFORNIA + "~" + california()[:6], "truncated"),
        (CALIFORNIA + "~" + california() + "AAB", "trailing_bits"),
        (header((9, 9)) + "~BAAAABA.QA", "segment_type"),  # Virginia tells no GPC
        (header((25, 25)) + "~BQAA.AAAB", "trailing_bits"),
        (header((6, 6)) + "~1ynn", "characters"),
        (header((6, 6)) + "~2YNN", "version"),
        ("D" * 200_000, "too_long"),
    ],
)
def test_decode_gpp_when_string_is_bent(text: str, reason: str) -> None:
    with pytest.raises(ConsentStringError) as caught:
        decode_gpp(text)
    assert caught.value.reason == reason
    assert ask(text) is GppVerdict.MALFORMED


def test_decode_gpp_section_when_national_layout_is_between_versions() -> None:
    # Version 1 in the long layout with a value in a field that version 1 lacks.
    fields = [0] * 9 + [0] * 12 + [0, 0, 0, 1] + [0] * 3 + [0] + [1, 0, 0]
    text = pack(f"{1:06b}" + "".join(f"{value:02b}" for value in fields))
    with pytest.raises(ConsentStringError) as caught:
        decode_gpp_section(7, text)
    assert caught.value.reason == "trailing_bits"
    # Under the number 2 it is a plain value of that version.
    section = decode_gpp_section(7, "C" + text[1:])
    assert isinstance(section, UsSection)
    assert section.fields["SensitiveDataProcessing"] == (0,) * 12 + (0, 0, 0, 1)


def test_decode_canada_when_range_encodings_agree_or_not() -> None:
    head = "000001" + f"{10:036b}{10:036b}" + f"{1:012b}{1:012b}{0:06b}"
    head += "000100001101" + f"{1:012b}{2:06b}" + "0" + "0" * 12 + "0" * 48
    assert len(head) == 199
    none = f"{0:017b}"
    fixed = f"{9:016b}1{1:012b}1{4:016b}{9:016b}"
    coded = f"{9:016b}1{1:012b}1" + fibonacci(4) + fibonacci(5)
    for vendors in (fixed, coded):
        section = decode_gpp_section(5, pack(head + vendors + none + f"{0:012b}"))
        assert isinstance(section, TcfCanada)
        assert list(section.vendors_express) == [4, 5, 6, 7, 8, 9]
        assert section.restrictions == ()


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("1YNN", UspVerdict.CLEAR),
        ("1---", UspVerdict.CLEAR),
        ("1YYN", UspVerdict.OPTED_OUT),
        ("1NY-", UspVerdict.OPTED_OUT),
        ("1Y-N", UspVerdict.MALFORMED),  # the law applies, the answer is missing
        ("1ynn", UspVerdict.MALFORMED),
        ("1YNN\n", UspVerdict.MALFORMED),
        (" 1YNN", UspVerdict.MALFORMED),
    ],
)
def test_evaluate_usp_when_letters_say(text: str, verdict: UspVerdict) -> None:
    assert evaluate_usp(text) is verdict


# --- laws -------------------------------------------------------------------


def california_oracle(text: str) -> bool:
    """Tell, bit by bit, whether a header for section 8 and its section veto."""
    core, *gpc = text.split("~")[1].split(".")
    bits = "".join(f"{ALPHABET.index(c):06b}" for c in core)
    values = [int(bits[n : n + 2], 2) for n in range(6, 46, 2)]
    assert set(bits[46:]) <= {"0"}
    sale, sharing, child = values[3], values[4], values[14:16]
    told = bool(gpc) and f"{ALPHABET.index(gpc[0][0]):06b}"[2] == "1"
    return sale in (1, 3) or sharing in (1, 3) or any(child) or told


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from([None, 0, 1]), st.data())
def test_evaluate_gpp_when_string_is_damaged(
    sale: int, child: int, gpc: int | None, data: st.DataObject
) -> None:
    """A damaged string is refused, or read exactly as its bits stand."""
    text = CALIFORNIA + "~" + california(sale, child, gpc)
    at = data.draw(st.integers(len(CALIFORNIA), len(text)))
    piece = data.draw(st.text(ALPHABET + ".~", min_size=1, max_size=4))
    damaged = data.draw(
        st.sampled_from(
            [text, text[:at], text[:at] + piece + text[at + len(piece) :], text + piece]
        )
    )
    verdict = ask(damaged)
    if verdict is not GppVerdict.MALFORMED:
        assert (verdict is not GppVerdict.CLEAR) == california_oracle(damaged)


@given(st.one_of(st.text(), st.text(ALPHABET + "~.", max_size=60).map("DB".__add__)))
def test_decode_gpp_when_text_is_arbitrary(text: str) -> None:
    """Whatever comes, there is a verdict or our error, and nothing else."""
    ask(text)
    evaluate_usp(text)
    for section_id in (2, 5, 6, 7, 8, 25):
        try:
            decode_gpp_section(section_id, text)
        except ConsentStringError:
            continue


@pytest.mark.parametrize("unit", ["D", "A", "~", ".", "DBABMA~", "_", "\x00"])
def test_evaluate_gpp_when_string_is_huge(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert ask(text) is GppVerdict.MALFORMED
    assert ask("DBABMA~" + text[:120_000]) is GppVerdict.MALFORMED
    assert evaluate_usp(text) is UspVerdict.MALFORMED
