"""What stands in a text where an entity stood: laws, and one example of each."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.errors import KeyReferenceError, OptinError
from optin.policies.pii import Operator, Pii, Recognizer
from optin.transforms.deidentify.keys import Secret
from optin.transforms.deidentify.text import TextScanner
from optin.transforms.deidentify.text.replace import Mark, Replaced
from optin.transforms.deidentify.text.writing import Writer, normal_value

KEY = Secret(b"0123456789abcdef0123456789abcdef")
PEOPLE = Recognizer.model_validate(
    {
        "name": "people",
        "supported_entity": "PERSON",
        "patterns": [
            {"name": "p", "regex": r"(jane|ann|bo)\s+(doe|lee)", "score": 0.9}
        ],
    }
)
OPERATORS = {
    "redact": Operator(type="redact"),
    "remove": Operator(type="remove"),
    "mask": Operator(type="mask"),
    "mask_end": Operator(type="mask", keep_last=4, mask_char="#"),
    "numbered": Operator(type="placeholder", scope="text"),
    "of_subject": Operator(type="placeholder"),
    "of_set": Operator(type="placeholder", scope="set"),
    "fake": Operator(type="fake", kind="name"),
    "fake_of_set": Operator(type="fake", kind="email", scope="set"),
    "hmac": Operator(type="hmac"),
}


def _scanner(operator: Operator | None = None, key: Secret = KEY) -> TextScanner:
    pii = Pii(
        entities=("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER"),
        recognizers=(PEOPLE,),
        operators={} if operator is None else {"default": operator},
    )
    return TextScanner(pii, key=key)


def _out(
    scanner: TextScanner, texts: list[str], people: Sequence[int | None]
) -> list[str]:
    out, _ = scanner.redact(pa.array(texts), subjects=pa.array(people, pa.uint64()))
    result: list[str] = out.to_pylist()
    return result


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("redact", "I, <PERSON>, wrote <PERSON> and <PERSON>."),
        ("remove", "I, , wrote  and ."),
        ("mask", "I, ********, wrote ********* and *******."),
        ("mask_end", "I, #### Doe, wrote ##### DOE and <PERSON>."),
        ("numbered", "I, <PERSON_1>, wrote <PERSON_1> and <PERSON_2>."),
    ],
)
def test_redact_when_operator_has_no_key(name: str, wanted: str) -> None:
    text = "I, Jane Doe, wrote JANE  DOE and Ann Lee."
    scanner = TextScanner(
        Pii(
            entities=("PERSON",),
            recognizers=(PEOPLE,),
            operators={"PERSON": OPERATORS[name]},
        )
    )
    if name == "mask_end":  # of 7 characters, 4 would be more than half
        wanted = wanted.replace("<PERSON>", "#######")
    assert scanner.redact(pa.array([text]), subjects=pa.array([1]))[0].to_pylist() == [
        wanted
    ]


@pytest.mark.parametrize(
    ("name", "whose", "length"), [("of_subject", b"7", 8), ("of_set", b"", 12)]
)
def test_redact_when_placeholder_is_keyed(name: str, whose: bytes, length: int) -> None:
    # The token, worked out again by the standard library.
    scope = b"subject" if whose else b"set"
    parts = [b"placeholder", scope, b"PERSON", whose, b"jane doe"]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    digits = hmac.new(KEY.reveal(), message, hashlib.sha256).hexdigest()[:length]
    letters = digits.translate(str.maketrans("0123456789abcdef", "BCDFGHJKLMNPQRST"))
    scanner = _scanner(OPERATORS[name])
    out = _out(scanner, ["Hi Jane Doe", "JANE\tDOE!"], [7, 7])
    assert out == [f"Hi <PERSON_{letters}>", f"<PERSON_{letters}>!"]


@pytest.mark.parametrize("name", ["of_subject", "fake"])
def test_redact_when_scope_is_the_subject(name: str) -> None:
    one, two, nobody = _out(_scanner(OPERATORS[name]), ["Jane Doe"] * 3, [1, 2, None])
    assert one != two
    assert nobody == "<PERSON>"


@pytest.mark.parametrize("name", ["of_set", "fake_of_set", "hmac"])
def test_redact_when_scope_is_the_set(name: str) -> None:
    texts = ["Jane Doe", "jane  doe", "Jane Doe"]
    assert len(set(_out(_scanner(OPERATORS[name]), texts, [1, 2, 3]))) == 1
    other = _scanner(OPERATORS[name], Secret(b"another key of 32 bytes, no less"))
    assert _out(other, texts, [1, 2, 3]) != _out(
        _scanner(OPERATORS[name]), texts, [1, 2, 3]
    )


def test_redact_when_columns_share_a_subject() -> None:
    scanner = _scanner(OPERATORS["of_subject"])
    question, answer = "I am Ann Lee", "Hello Ann Lee"
    first, second = _out(scanner, [question], [4])[0], _out(scanner, [answer], [4])[0]
    assert first.removeprefix("I am ") == second.removeprefix("Hello ")


def test_redact_when_key_or_subjects_are_missing() -> None:
    pii = Pii(entities=("EMAIL_ADDRESS",), operators={"default": OPERATORS["hmac"]})
    with pytest.raises(KeyReferenceError, match="needs the policy's key"):
        TextScanner(pii).redact(pa.array(["a@b.com"]))
    with pytest.raises(OptinError, match="needs the subject"):
        _scanner(OPERATORS["fake"]).redact(pa.array(["a@b.com"]))


def test_scanner_when_an_identifier_is_kept() -> None:
    keep = Operator(type="keep")
    with pytest.raises(OptinError, match="PERSON may name a person"):
        TextScanner(Pii(entities=("PERSON",), operators={"PERSON": keep}))
    dates = Pii(entities=("DATE_TIME", "EMAIL_ADDRESS"), operators={"DATE_TIME": keep})
    out, found = TextScanner(dates).redact(pa.array(["2024-05-06 a@b.com"]))
    assert out.to_pylist() == ["2024-05-06 <EMAIL_ADDRESS>"]
    assert found == {"EMAIL_ADDRESS": 1}


def test_redact_when_removal_makes_a_new_entity() -> None:
    # Without what stood between them, two halves are a mailbox: it must not be left.
    odd = Recognizer.model_validate(
        {
            "name": "odd",
            "supported_entity": "ODD",
            "patterns": [{"name": "odd", "regex": r" XX+ ?", "score": 1.0}],
        }
    )
    pii = Pii(
        entities=("ODD", "EMAIL_ADDRESS"),
        recognizers=(odd,),
        operators={"ODD": Operator(type="remove")},
    )
    scanner = TextScanner(pii)
    out = scanner.redact(pa.array(["jane XX @corp.com", "a XXX b"]))[0].to_pylist()
    assert out == ["jane<ODD>@corp.com", "ab"]
    assert not scanner.has_pii(out).any()


def test_count_findings_when_surrogates_were_written() -> None:
    texts = pa.array(
        [f"Jane Doe, a{i}@corp.com, 212-555-{1000 + i}" for i in range(50)]
    )
    subjects = pa.array(range(50))
    pii = Pii(
        entities=("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER"),
        recognizers=(PEOPLE,),
        operators={
            "PERSON": Operator(type="fake"),
            "EMAIL_ADDRESS": Operator(type="fake", locale="de_DE"),
        },
    )
    scanner = TextScanner(pii, key=KEY)
    out, found = scanner.redact(texts, subjects=subjects)
    assert found == {"PERSON": 50, "EMAIL_ADDRESS": 50, "PHONE_NUMBER": 50}
    assert all("@example." in text for text in out.to_pylist())
    assert not any(re.search(r"(?i)\b(jane|doe)\b", text) for text in out.to_pylist())
    gate = TextScanner(pii)  # which knows no key
    assert not gate.count_findings(out)
    assert gate.count_findings(texts) == {"PHONE_NUMBER": 50}


WORDS = st.sampled_from(
    [
        "Jane Doe",
        "JANE  DOE",
        "ann lee",
        "bo lee",
        "a@b.com",
        "x.y@corp.org",
        "+1 212-555-5555",
        "hello",
        "my",
        "called",
        "\n",
        "<PERSON>",
        "<PERSON_1>",
    ]
)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join)
VALUES = re.compile(r"(?i)(jane|ann|bo)\s+(doe|lee)|@b\.com|@corp\.org|555")


@settings(max_examples=40)
@given(st.sampled_from(sorted(OPERATORS)), st.lists(TEXTS, min_size=1, max_size=6))
def test_redact_never_leaves_a_value(name: str, texts: list[str]) -> None:
    scanner = _scanner(OPERATORS[name])
    out = _out(scanner, texts, list(range(len(texts))))
    left = [VALUES.search(text) for text in out]
    if name == "mask_end":  # which shows four characters
        left = [m for m in left if m and m.group() not in ("555", "@b.com")]
    assert not any(left)
    assert not scanner.count_findings(pa.array(out))


@settings(max_examples=100)
@given(
    st.sampled_from(sorted(OPERATORS)),
    st.one_of(st.text(min_size=1), st.sampled_from(["***", "<PERSON>", "<PERSON_1>"])),
)
def test_write_never_gives_the_value_back(name: str, value: str) -> None:
    writer = Writer({"PERSON": OPERATORS[name]}, KEY)
    mark = Mark(0, len("<PERSON>"), "PERSON", value)
    written = writer.write(Replaced("<PERSON>", (mark,)), b"1").text
    if value != "<PERSON>":  # a placeholder stands for a placeholder
        assert normal_value(written) != normal_value(value) or not value.strip()


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(OPERATORS)),
    st.lists(st.tuples(TEXTS, st.integers(0, 3)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_redact_is_the_same_in_any_blocks_and_order(name, rows, random, size) -> None:
    whole = _out(_scanner(OPERATORS[name]), *map(list, zip(*rows, strict=True)))
    wanted = dict(zip(rows, whole, strict=True))
    shuffled = random.sample(rows, len(rows))
    for start in range(0, len(shuffled), size):
        block = shuffled[start : start + size]
        texts, people = map(list, zip(*block, strict=True))
        got = _out(_scanner(OPERATORS[name]), texts, people)
        assert got == [wanted[row] for row in block]
