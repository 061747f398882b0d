"""TCF strings: verdicts, refusals, and an oracle that reads bit by bit."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.transforms.consent.strings import (
    ConsentStringError,
    TcfCodes,
    TcfQuery,
    TcfVerdict,
    decode_tcf,
    evaluate_tcf,
    tcf_code,
)

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# Fields of fixed place: name, width in bits. The version, 2, stands before them.
HEAD = (
    ("created", 36),
    ("last_updated", 36),
    ("cmp_id", 12),
    ("cmp_version", 12),
    ("screen", 6),
    ("language", 12),
    ("list_version", 12),
    ("policy_version", 6),
    ("service_specific", 1),
    ("own_texts", 1),
    ("special_features", 12),
    ("purposes", 24),
    ("purposes_li", 24),
    ("purpose_one", 1),
    ("country", 12),
)


def pack(bits: str) -> str:
    """Write bits as base64url, filled up to whole bytes and then whole characters."""
    bits += "0" * (-len(bits) % 8)
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[n : n + 6], 2)] for n in range(0, len(bits), 6))


def bitfield(ids: set[int], max_id: int) -> str:
    ones = "".join("1" if n in ids else "0" for n in range(1, max_id + 1))
    return f"{max_id:016b}0" + ones


def ranges(*spans: tuple[int, int]) -> str:
    entries = "".join(
        f"0{a:016b}" if a == b else f"1{a:016b}{b:016b}" for a, b in spans
    )
    return f"{len(spans):012b}" + entries


def core_bits(
    vendors: str = "", vendors_li: str = "", restrictions: str = "", **fields: int
) -> str:
    """Write a core segment; by default purposes 1 and 3 and vendor 12 have consent."""
    day = 864_000 * 20_000  # 2024-10-04, in tenths of a second
    values = {
        "created": day,
        "last_updated": day,
        "cmp_id": 7,
        "language": 4 << 6 | 13,  # EN
        "policy_version": 4,
        "purposes": 0b101 << 21,
        "country": 3 << 6 | 4,  # DE
    } | fields
    head = "000010" + "".join(f"{values.get(n, 0):0{w}b}" for n, w in HEAD)
    return (
        head
        + (vendors or bitfield({12}, 20))
        + (vendors_li or bitfield(set(), 0))
        + (restrictions or f"{0:012b}")
    )


def tc_string(*segments: str, **core: Any) -> str:
    return ".".join([pack(core_bits(**core)), *(pack(s) for s in segments)])


QUERY = TcfQuery(purposes=(1, 3), vendor=12)


def ask(text: str, query: TcfQuery = QUERY) -> TcfVerdict:
    return evaluate_tcf(text, query).verdict


def reason(text: str) -> str:
    with pytest.raises(ConsentStringError) as caught:
        decode_tcf(text)
    assert ask(text) is TcfVerdict.MALFORMED
    return caught.value.reason


def test_evaluate_tcf_when_purposes_and_vendor_have_consent() -> None:
    answer = evaluate_tcf(tc_string(), QUERY)
    assert answer == (TcfVerdict.GRANT, date(2024, 10, 4))


def test_evaluate_tcf_when_one_purpose_is_missing() -> None:
    assert ask(tc_string(purposes=0b1 << 23)) is TcfVerdict.PURPOSE_DENIED


def test_evaluate_tcf_when_purpose_has_legitimate_interest_only() -> None:
    text = tc_string(purposes=0, purposes_li=0b101 << 21)
    assert ask(text) is TcfVerdict.PURPOSE_DENIED


@pytest.mark.parametrize(
    "vendors", [bitfield({11, 13}, 20), bitfield({1}, 1), "0" * 17]
)
def test_evaluate_tcf_when_vendor_is_missing(vendors: str) -> None:
    assert ask(tc_string(vendors=vendors)) is TcfVerdict.VENDOR_DENIED


def test_evaluate_tcf_when_vendor_stands_in_a_range() -> None:
    vendors = f"{20:016b}1" + ranges((2, 2), (10, 14))
    assert ask(tc_string(vendors=vendors)) is TcfVerdict.GRANT


def restriction(purpose: int, kind: int, *spans: tuple[int, int]) -> str:
    return f"{1:012b}{purpose:06b}{kind:02b}" + ranges(*spans)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (restriction(3, 0, (12, 12)), TcfVerdict.PURPOSE_DENIED),  # not allowed
        (restriction(3, 2, (1, 99)), TcfVerdict.PURPOSE_DENIED),  # needs LI
        (restriction(3, 1, (12, 12)), TcfVerdict.GRANT),  # needs consent
        (restriction(3, 0, (13, 99)), TcfVerdict.GRANT),  # another vendor
        (restriction(2, 0, (12, 12)), TcfVerdict.GRANT),  # another purpose
    ],
)
def test_evaluate_tcf_when_publisher_restricts(text: str, verdict: TcfVerdict) -> None:
    assert ask(tc_string(restrictions=text)) is verdict


def test_evaluate_tcf_when_policy_is_old() -> None:
    text = tc_string(policy_version=3)
    assert ask(text) is TcfVerdict.OLD_POLICY
    relaxed = TcfQuery((1,), 12, min_policy_version=2)
    assert ask(text, relaxed) is TcfVerdict.GRANT


SHOWN = "001" + bitfield({12, 14}, 20)
OTHERS_SHOWN = "001" + bitfield({14}, 20)
NONE_SHOWN = "001" + bitfield(set(), 0)
# 20,512 days after 1970 is 2026-02-28, when the segment became part of every string.
THAT_DAY = {"created": 0, "last_updated": 864_000 * 20_512}
DAY_BEFORE = {"created": 0, "last_updated": 864_000 * 20_512 - 1}


@pytest.mark.parametrize(
    ("segments", "core", "granted"),
    [
        ([], {"policy_version": 4}, True),
        ([NONE_SHOWN], {"policy_version": 4}, True),
        ([OTHERS_SHOWN], {"policy_version": 4}, False),
        ([SHOWN], {"policy_version": 4}, True),
        ([], {"policy_version": 5}, False),
        ([NONE_SHOWN], {"policy_version": 5}, False),
        ([OTHERS_SHOWN], {"policy_version": 5}, False),
        ([SHOWN], {"policy_version": 5}, True),
        ([], DAY_BEFORE, True),
        ([], THAT_DAY, False),
        ([SHOWN], THAT_DAY, True),
    ],
)
def test_evaluate_tcf_when_vendors_were_shown(
    segments: list[str], core: dict[str, int], granted: bool
) -> None:
    expected = TcfVerdict.GRANT if granted else TcfVerdict.VENDOR_NOT_DISCLOSED
    text = tc_string(*segments, **core)
    assert ask(text) is expected
    never = TcfQuery((1,), 12, require_disclosed_vendor=False)
    assert ask(text, never) is TcfVerdict.GRANT
    always = TcfQuery((1,), 12, require_disclosed_vendor=True)
    assert (ask(text, always) is TcfVerdict.GRANT) == (segments == [SHOWN])


GOOD = tc_string(SHOWN)
PUBLISHER = "011" + "0" * 48 + "000010" + "10" + "01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty_segment"),
        (".", "empty_segment"),
        (GOOD + ".", "empty_segment"),
        ("." + GOOD, "empty_segment"),
        (" " + GOOD, "characters"),
        (GOOD + "\n", "characters"),
        (GOOD + "=", "characters"),
        (GOOD.replace("A", "+", 1), "characters"),
        ("\uff23" + GOOD[1:], "characters"),
        ("C\udc80" + GOOD[2:], "characters"),
        ("A" + GOOD[1:], "version"),
        ("B" + GOOD[1:], "version"),
        ("D" + GOOD[1:], "version"),
        (GOOD[:5], "length"),
        ("CQ", "truncated"),
        (tc_string(cmp_id=0), "cmp_id"),
        (tc_string(language=26 << 6), "language"),
        (tc_string(country=63), "country"),
        (tc_string(created=2, last_updated=1), "dates"),
        (tc_string("000" + "0" * 21), "segment_type"),
        (tc_string("100" + "0" * 21), "segment_type"),
        (tc_string(SHOWN, SHOWN), "segment_duplicate"),
        (tc_string(PUBLISHER, PUBLISHER), "segment_duplicate"),
        (tc_string(SHOWN, "010" + "0" * 17, PUBLISHER, SHOWN), "segment_duplicate"),
        (tc_string("001" + f"{99:016b}0" + "1" * 80), "truncated"),
        (tc_string(PUBLISHER[:40]), "truncated"),
        (tc_string(SHOWN + "1"), "trailing_bits"),
        (tc_string(SHOWN + "0" * 80), "trailing_bits"),
        (tc_string(vendors=f"{20:016b}1" + ranges((5, 21))), "vendor_id"),
        (tc_string(vendors=f"{20:016b}1" + ranges((21, 21))), "vendor_id"),
        (tc_string(vendors=f"{20:016b}1" + ranges((0, 0))), "vendor_id"),
        (tc_string(vendors=f"{20:016b}1" + ranges((0, 5))), "vendor_id"),
        (tc_string(vendors=f"{20:016b}1" + ranges((9, 5))), "range_order"),
        (tc_string(restrictions=restriction(0, 0, (1, 1))), "purpose_id"),
        (tc_string(restrictions=restriction(25, 0, (1, 1))), "purpose_id"),
        (tc_string(restrictions=restriction(1, 3, (1, 1))), "restriction_type"),
        (tc_string(restrictions=f"{4095:012b}"), "truncated"),
        ("C" * 200_000, "too_long"),
        ("C" + "." * 100_000, "length"),
    ],
)
def test_decode_tcf_when_string_is_bent(text: str, expected: str) -> None:
    assert reason(text) == expected


def test_decode_tcf_when_every_segment_is_there() -> None:
    text = tc_string(PUBLISHER, "010" + bitfield({2}, 2), SHOWN)
    string = decode_tcf(text)
    assert set(string.vendors_disclosed or ()) == {12, 14}
    assert set(string.vendors_allowed or ()) == {2}
    assert string.publisher is not None
    assert string.publisher.custom_purposes == 2
    assert string.publisher.custom_consent == {1}
    assert string.publisher.custom_li == {2}


def test_decode_tcf_when_cmp_zero_is_let_through() -> None:
    assert decode_tcf(tc_string(cmp_id=0), cmp_zero=True).cmp_id == 0


class Oracle:
    """Reads a TC string one bit at a time, by its specification alone."""

    def __init__(self, text: str) -> None:
        self.segments = text.split(".")
        self.start(0)

    def start(self, segment: int) -> None:
        """Turn to one segment."""
        numbers = [ALPHABET.index(c) for c in self.segments[segment]]
        self.bits = [n >> s & 1 for n in numbers for s in range(5, -1, -1)]
        self.at = 0

    def number(self, width: int) -> int:
        """Take the next bits as a number."""
        value = 0
        for _ in range(width):
            value = 2 * value + self.bits[self.at]
            self.at += 1
        return value

    def entries(self) -> set[int]:
        """Take a list of ids and ranges."""
        ids: set[int] = set()
        for _ in range(self.number(12)):
            grouped, first = self.number(1), self.number(16)
            last = self.number(16) if grouped else first
            ids |= set(range(first, last + 1))
        return ids

    def vendors(self) -> set[int]:
        """Take a vendor field."""
        highest = self.number(16)
        if self.number(1):
            return self.entries()
        return {n for n in range(1, highest + 1) if self.number(1)}

    def grants(self, purposes: set[int], vendor: int) -> bool:
        """Tell whether purposes and vendor have consent, restrictions included."""
        self.number(6 + 36 + 36 + 12 + 12 + 6 + 12 + 12)
        new_policy = self.number(6) >= 4
        self.number(1 + 1 + 12)
        given = {n for n in range(1, 25) if self.number(1)}
        self.number(24 + 1 + 12)
        listed = vendor in self.vendors()
        self.vendors()
        for _ in range(self.number(12)):
            purpose, kind = self.number(6), self.number(2)
            if vendor in self.entries() and kind != 1:
                given.discard(purpose)
        return new_policy and listed and purposes <= given


@st.composite
def tc_strings(draw: st.DrawFn) -> str:
    """Strings of every shape: bitfields, ranges, restrictions, optional segments."""
    id_ = st.integers(1, 40)
    span = st.tuples(id_, id_).map(lambda pair: (min(pair), max(pair)))
    field = st.one_of(
        st.sets(id_).map(lambda ids: bitfield(ids, 40)),
        st.lists(span, max_size=4).map(lambda s: f"{40:016b}1" + ranges(*s)),
    )
    rule = st.tuples(st.integers(1, 11), st.integers(0, 2), st.lists(span, max_size=2))
    rules = draw(st.lists(rule, max_size=3))
    restrictions = f"{len(rules):012b}" + "".join(
        f"{purpose:06b}{kind:02b}" + ranges(*spans) for purpose, kind, spans in rules
    )
    segments = draw(
        st.lists(st.sampled_from([SHOWN, OTHERS_SHOWN, PUBLISHER]), max_size=1)
    )
    return tc_string(
        *segments,
        vendors=draw(field),
        vendors_li=draw(field),
        restrictions=restrictions,
        purposes=draw(st.integers(0, 2**24 - 1)),
        policy_version=draw(st.integers(2, 5)),
    )


ANY_SHOWN = TcfQuery((1, 3), 12, require_disclosed_vendor=False)


@given(tc_strings())
def test_evaluate_tcf_agrees_with_the_oracle(text: str) -> None:
    granted = Oracle(text).grants({1, 3}, 12)
    assert (ask(text, ANY_SHOWN) is TcfVerdict.GRANT) == granted


@given(st.lists(st.one_of(tc_strings(), st.text(ALPHABET + ".")), max_size=4))
def test_tcf_codes_agrees_with_tcf_code(texts: list[str]) -> None:
    codes = TcfCodes(QUERY)
    asked = [*texts, *texts]  # the second time, segments are remembered
    assert [codes(t) for t in asked] == [tcf_code(t, QUERY) for t in asked]


@given(tc_strings(), st.data())
def test_evaluate_tcf_when_string_is_damaged(text: str, data: st.DataObject) -> None:
    """A damaged string is refused, or read exactly as its bits stand."""
    at = data.draw(st.integers(0, len(text)))
    kind = data.draw(st.sampled_from(["cut", "swap", "insert", "append", "garbage"]))
    piece = data.draw(st.text(ALPHABET + ".", min_size=1, max_size=6))
    damaged = {
        "cut": text[:at],
        "swap": text[:at] + piece[0] + text[at + 1 :],
        "insert": text[:at] + piece + text[at:],
        "append": text + piece,
        "garbage": data.draw(st.text(max_size=30)) + text[at:],
    }[kind]
    try:
        decode_tcf(damaged)
    except ConsentStringError:
        assert ask(damaged, ANY_SHOWN) is TcfVerdict.MALFORMED
        return
    # Well formed again: then a plain reader must come to the same answer without
    # running out of bits (an IndexError here would be a truncated string accepted).
    granted = Oracle(damaged).grants({1, 3}, 12)
    assert (ask(damaged, ANY_SHOWN) is TcfVerdict.GRANT) == granted


@given(tc_strings(), st.data())
def test_evaluate_tcf_when_string_is_cut(text: str, data: st.DataObject) -> None:
    """Cutting never turns a no into a yes."""
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    if ask(cut, ANY_SHOWN) is TcfVerdict.GRANT:
        assert ask(text, ANY_SHOWN) is TcfVerdict.GRANT


def test_evaluate_tcf_when_longest_string_is_all_ranges() -> None:
    """The worst string that is read at all takes time in proportion to its length."""
    entries = ranges(*[(1, 65535)] * 4095)
    rules = f"{5:012b}" + (f"{1:06b}01" + entries) * 5
    text = tc_string(restrictions=rules)
    assert 112_000 < len(text) < 131_072  # 5 rules of 4,095 entries of 33 bits
    started = time.process_time()
    assert ask(text) is TcfVerdict.GRANT
    assert len(decode_tcf(text).restrictions) == 5
    # 20,475 entries read twice: tens of milliseconds; quadratic reading takes seconds.
    assert time.process_time() - started < 2
