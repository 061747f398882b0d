"""Bent strings: every reference vector cut, lengthened, flipped and filled with garbage.

The law. No evaluation raises. A string that grants is well formed as it stands and its
own decoded fields say so: all purposes asked for, the vendor, no restriction against
it, the vendor shown where that counts. In particular:

- a character outside the alphabet, an empty string, a string of a megabyte: malformed;
- a proper start of a TC string is refused, or decodes to the same choices: what went
  was padding, or optional segments as a whole (the format cannot tell that they were
  there). So only a vendor that was not shown can gain by a cut, never one that was
  denied, and not even that one where the policy asks for the segment;
- a TC string with more characters is refused, or decodes to the same fields: what came
  was padding of zeros;
- a GPP string never grants. Cut or lengthened it is refused, or vetoes no less; what can
  be lost with its own segment is the browser's GPC signal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.transforms.consent.strings import (
    ConsentStringError,
    GppQuery,
    GppVerdict,
    TcfCodes,
    TcfQuery,
    TcfString,
    TcfVerdict,
    UsPrivacy,
    UspVerdict,
    UsSection,
    decode_gpp,
    decode_gpp_section,
    decode_tcf,
    evaluate_gpp,
    evaluate_tcf,
    evaluate_usp,
    tcf_code,
)

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MEGABYTE = 1_000_000
OUTSIDE = "+/= \n\t\0!,~é\uff21\udc80\U0001f4a3"
GPP_QUERY = GppQuery()
OPTIONAL = ("vendors_disclosed", "vendors_allowed", "publisher")


@pytest.fixture(scope="session")
def vectors(shared_data: Path) -> dict[str, Any]:
    path = shared_data / "consent" / "consent_strings.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def questions(vector: dict[str, Any]) -> list[TcfQuery]:
    """Ask for what the string gives, for a purpose it denies, and for other vendors."""
    expected = vector.get("expected", {})
    given = expected.get("purposeConsents") or [1]
    denied = [n for n in range(1, 12) if n not in given] or [24]
    vendors = expected.get("vendorConsents") or [1]
    stranger = max(vendors) + 1
    asked = [
        TcfQuery(tuple(given), vendors[-1], min_policy_version=2),
        TcfQuery((given[0], denied[0]), vendors[0], min_policy_version=2),
        TcfQuery((given[0],), stranger, min_policy_version=2),
        TcfQuery((given[0],), min_policy_version=2),
    ]
    return asked + [replace(q, require_disclosed_vendor=True) for q in asked[:1]]


def says_so(text: str, query: TcfQuery) -> bool:
    """Tell from the plain decoded fields whether a string answers `query` with yes."""
    try:
        string = decode_tcf(text)
    except ConsentStringError:
        return False
    if not set(query.purposes) <= string.purposes_consent:
        return False
    if string.policy_version < query.min_policy_version:
        return False
    if query.vendor is None:
        return True
    shown = string.vendors_disclosed
    required = query.require_disclosed_vendor
    if required == "auto":
        required = (
            string.policy_version >= 5
            or string.last_updated >= datetime(2026, 2, 28, tzinfo=UTC)
            or (shown is not None and shown.max_id > 0)
        )
    forbidden = any(
        rule.kind in (0, 2)
        and rule.purpose in query.purposes
        and query.vendor in list(rule.vendors)
        for rule in string.restrictions
    )
    return (
        query.vendor in list(string.vendors_consent)
        and not forbidden
        and (not required or query.vendor in list(shown or ()))
    )


def grants(text: str, query: TcfQuery) -> bool:
    return evaluate_tcf(text, query).verdict is TcfVerdict.GRANT


def test_some_vector_grants_some_question(vectors: dict[str, Any]) -> None:
    # The laws below would hold of a reader that refuses everything.
    granted = [
        any(grants(v["string"], q) for q in questions(v)) for v in vectors["tcf"]
    ]
    assert sum(granted) > 20


def test_tcf_when_cut_anywhere(vectors: dict[str, Any]) -> None:
    for vector in vectors["tcf"]:
        text = vector["string"]
        whole = decode_tcf(text)
        for end in range(len(text)):
            cut = text[:end]
            try:
                rest = decode_tcf(cut)
            except ConsentStringError:
                assert not any(grants(cut, q) for q in questions(vector))
                continue
            lost: dict[str, Any]
            lost = {name: None for name in OPTIONAL if getattr(rest, name) is None}
            assert rest == replace(whole, **lost)
            for query in questions(vector):
                if not grants(cut, query):
                    continue
                before = evaluate_tcf(text, query).verdict
                assert before is TcfVerdict.GRANT or (
                    before is TcfVerdict.VENDOR_NOT_DISCLOSED
                    and rest.vendors_disclosed is None
                    and query.require_disclosed_vendor == "auto"
                )


def flips(text: str, all_of: int) -> Iterator[str]:
    """Flip every bit of the first `all_of` characters and one bit of every other."""
    for at, character in enumerate(text):
        if character not in ALPHABET:
            continue
        for bit in range(6) if at < all_of else [at % 6]:
            flipped = ALPHABET[ALPHABET.index(character) ^ 1 << bit]
            yield text[:at] + flipped + text[at + 1 :]


def test_tcf_when_a_bit_is_flipped(vectors: dict[str, Any]) -> None:
    for vector in vectors["tcf"] + vectors["tcf_invalid"]:
        query = questions(vector)[0]
        # 45 characters: the fields of fixed place, and how the vendors are encoded.
        for bent in flips(vector["string"], 45):
            if grants(bent, query):
                assert says_so(bent, query)


@pytest.mark.parametrize("piece", OUTSIDE)
def test_tcf_when_a_character_is_outside_the_alphabet(
    vectors: dict[str, Any], piece: str
) -> None:
    for vector in vectors["tcf"]:
        text = vector["string"]
        for at in {0, 1, len(text) // 2, len(text) - 1, len(text)}:
            for bent in (text[:at] + piece + text[at:], text[:at] + piece):
                for query in questions(vector)[:2]:
                    assert evaluate_tcf(bent, query) == (TcfVerdict.MALFORMED, None)


def told(text: str) -> tuple[TcfString, str]:
    """All that a string tells, the largest ids of its lists among it."""
    string = decode_tcf(text)
    return string, repr(string)


def test_tcf_when_padding_holds_a_bit(vectors: dict[str, Any]) -> None:
    """No bit is passed over: a flipped one is refused or changes what is decoded."""
    for vector in vectors["tcf"]:
        whole = told(vector["string"])
        for segment in vector["string"].split("."):
            for bent in flips(segment[-3:], 3):
                text = vector["string"].replace(segment, segment[:-3] + bent)
                try:
                    assert told(text) != whole
                except ConsentStringError:
                    assert not grants(text, TcfQuery((1,), min_policy_version=0))


@settings(max_examples=300)
@given(st.data(), st.text(ALPHABET, min_size=1, max_size=24), st.integers(0, 24))
def test_tcf_when_lengthened(
    vectors: dict[str, Any], data: st.DataObject, some: str, zeros: int
) -> None:
    vector = data.draw(st.sampled_from(vectors["tcf"]))
    text, tail = vector["string"], "A" * zeros or some
    try:
        assert decode_tcf(text + tail) == decode_tcf(text)
    except ConsentStringError:
        assert not any(grants(text + tail, q) for q in questions(vector))
    else:
        assert set(tail) == {"A"}
        assert len(tail) <= 10  # 63 bits
        for query in questions(vector):
            assert evaluate_tcf(text + tail, query) == evaluate_tcf(text, query)


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "drop", "flip", "insert", "double", "append"]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.text(ALPHABET + ".", min_size=1, max_size=9),
            st.text(min_size=1, max_size=9),
        ),
    ),
    min_size=1,
    max_size=3,
)


def mutated(text: str, steps: list[tuple[str, float, str]]) -> str:
    """Bend a string in several places, one after the other."""
    for kind, place, piece in steps:
        at = int(place * len(text))
        text = {
            "cut": text[:at],
            "drop": text[:at] + text[at + len(piece) :],
            "flip": text[:at] + piece[0] + text[at + 1 :],
            "insert": text[:at] + piece + text[at:],
            "double": text[:at] + text[at:] * 2,
            "append": text + piece,
        }[kind]
    return text


@settings(max_examples=600)
@given(st.data(), MUTATIONS)
def test_tcf_when_bent_in_several_places(
    vectors: dict[str, Any], data: st.DataObject, steps: list[tuple[str, float, str]]
) -> None:
    vector = data.draw(st.sampled_from(vectors["tcf"] + vectors["tcf_invalid"]))
    bent = mutated(vector["string"], steps)
    for query in questions(vector):
        assert grants(bent, query) == says_so(bent, query)
        # What `TcfCodes` remembers of the whole string must not help the bent one.
        codes = TcfCodes(query)
        codes(vector["string"])
        assert codes(bent) == tcf_code(bent, query)


@settings(max_examples=300)
@given(st.text(), st.text(ALPHABET + ".~", max_size=120))
def test_garbage_never_grants_and_never_raises(text: str, near: str) -> None:
    for garbage in (text, near, "C" + near, "DBA" + near, "1" + text):
        query = TcfQuery((1,), min_policy_version=0)
        assert grants(garbage, query) == says_so(garbage, query)
        assert (evaluate_gpp(garbage, GPP_QUERY) is GppVerdict.CLEAR) == clear(garbage)
        assert evaluate_usp(garbage) is UspVerdict.MALFORMED or len(garbage) == 4


def huge_strings(vectors: dict[str, Any]) -> list[str]:
    tc = vectors["tcf"][0]["string"]
    gpp = vectors["gpp"][0]["string"]
    fill = ("A", "_", ".", "~", "=", "\0", "é", "1YNN", tc + ".", gpp + "~")
    starts = ("", tc, tc + ".", gpp, gpp + "~", "DBABMA~", "1YNN")
    return [""] + [s + f * (MEGABYTE // len(f)) for s in starts for f in fill]


def test_string_of_nothing_or_a_megabyte_is_malformed_and_cheap(
    vectors: dict[str, Any],
) -> None:
    texts = huge_strings(vectors)
    started = time.process_time()
    for text in texts:
        assert evaluate_tcf(text, TcfQuery((1,))).verdict is TcfVerdict.MALFORMED
        assert evaluate_gpp(text, GPP_QUERY) is GppVerdict.MALFORMED
        assert evaluate_usp(text) is UspVerdict.MALFORMED
        for section_id in (2, 5, 6, 7, 8):
            with pytest.raises(ConsentStringError):
                decode_gpp_section(section_id, text)
    # 71 strings, each refused for its length or at once: far below a second. Reading
    # one of them in quadratic time would take minutes.
    assert time.process_time() - started < 20


def fibonacci(number: int) -> str:
    """Write one number in Fibonacci coding, bit by bit."""
    weights = [1, 2]
    while weights[-1] <= number:
        weights.append(weights[-1] + weights[-2])
    bits = ""
    for weight in reversed(weights):
        if weight <= number:
            number -= weight
            bits += "1"
        elif bits:
            bits += "0"
    return bits[::-1] + "1"


def gpp_of(section_id: int, section: str) -> str:
    """Write a GPP string of one section."""
    bits = f"{3:06b}{1:06b}{1:012b}0" + fibonacci(section_id)
    bits += "0" * (-len(bits) % 24)
    header = "".join(ALPHABET[int(bits[n : n + 6], 2)] for n in range(0, len(bits), 6))
    return header + "~" + section


def gpp_strings(vectors: dict[str, Any]) -> list[str]:
    """All well-formed GPP strings, and every section in one of its own."""
    sections = vectors["gpp_section"]
    return [v["string"] for v in vectors["gpp"]] + [
        gpp_of(v["section_id"], v["string"]) for v in sections
    ]


def clear(text: str) -> bool:
    """Tell from the plain decoded fields whether nothing in a string is a veto."""
    try:
        string = decode_gpp(text)
    except ConsentStringError:
        return False
    if set(string.section_ids) != set(string.sections):
        return False
    for section in string.sections.values():
        if isinstance(section, UsPrivacy) and tuple(section) != (1, "-", "-", "-"):
            if section.opt_out_sale != "N":
                return False
        elif isinstance(section, UsSection):
            fields = section.fields
            child = fields.get("KnownChildSensitiveDataConsents", 0)
            if section.gpc or child not in (0, (0,), (0,) * 2, (0,) * 3, (0,) * 5):
                return False
            if any(fields.get(name, 0) in (1, 3) for name in GPP_QUERY.opt_outs):
                return False
    return True


def test_sections_of_their_own_decode(vectors: dict[str, Any]) -> None:
    texts = gpp_strings(vectors)
    verdicts = {evaluate_gpp(text, GPP_QUERY) for text in texts}
    assert verdicts >= {GppVerdict.CLEAR, GppVerdict.OPTED_OUT}
    assert GppVerdict.MALFORMED not in verdicts


@settings(max_examples=100)
@given(st.data(), st.text(ALPHABET, min_size=1, max_size=24) | st.just("A" * 9))
def test_gpp_when_lengthened(
    vectors: dict[str, Any], data: st.DataObject, tail: str
) -> None:
    text = data.draw(st.sampled_from(gpp_strings(vectors)))
    if evaluate_gpp(text + tail, GPP_QUERY) is GppVerdict.CLEAR:
        assert evaluate_gpp(text, GPP_QUERY) is GppVerdict.CLEAR


def test_gpp_when_cut_anywhere(vectors: dict[str, Any]) -> None:
    for text in gpp_strings(vectors):
        before = evaluate_gpp(text, GPP_QUERY)
        without_gpc = evaluate_gpp(text, GppQuery(gpc=False))
        for end in range(len(text)):
            after = evaluate_gpp(text[:end], GPP_QUERY)
            assert (after is GppVerdict.CLEAR) == clear(text[:end])
            if after is GppVerdict.MALFORMED:
                continue
            # Still whole: the sections are the same, and the verdict, GPC aside.
            assert decode_gpp(text[:end]).section_ids == decode_gpp(text).section_ids
            assert after is before or after is without_gpc


def test_gpp_when_a_bit_is_flipped(vectors: dict[str, Any]) -> None:
    invalid = [v["string"] for v in vectors["gpp_invalid"]]
    for text in gpp_strings(vectors) + invalid:
        for bent in flips(text, 60):
            assert (evaluate_gpp(bent, GPP_QUERY) is GppVerdict.CLEAR) == clear(bent)


@settings(max_examples=300)
@given(st.data(), MUTATIONS)
def test_gpp_when_bent_in_several_places(
    vectors: dict[str, Any], data: st.DataObject, steps: list[tuple[str, float, str]]
) -> None:
    invalid = [v["string"] for v in vectors["gpp_invalid"]]
    bent = mutated(data.draw(st.sampled_from(gpp_strings(vectors) + invalid)), steps)
    assert (evaluate_gpp(bent, GPP_QUERY) is GppVerdict.CLEAR) == clear(bent)
