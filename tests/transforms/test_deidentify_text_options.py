"""What a scanner can be told: operators, thresholds, allowed values, own recognisers."""

from __future__ import annotations

import multiprocessing
from functools import partial

import pyarrow as pa
import pytest

from optin.policies.errors import ModelMissingError, OptinError
from optin.policies.model import Pii
from optin.policies.pii import Operator
from optin.transforms.deidentify.text import TextScanner
from optin.transforms.deidentify.text.custom import gliner_recognizer
from optin.transforms.deidentify.text.workers import Workers

PII = Pii(entities=("EMAIL_ADDRESS", "PHONE_NUMBER"))
TEXTS = ["a@b.com to c@d.com, a@b.com", None, "c@d.com, 212-555-5555"]


def test_redact_when_placeholders_are_numbered() -> None:
    number = Operator(type="placeholder", scope="text")
    scanner = TextScanner(PII, operators={"EMAIL_ADDRESS": number})
    first = "<EMAIL_ADDRESS_1> to <EMAIL_ADDRESS_2>, <EMAIL_ADDRESS_1>"
    out, findings = scanner.redact(pa.array(TEXTS))
    assert out.to_pylist() == [first, None, "<EMAIL_ADDRESS_1>, <PHONE_NUMBER>"]
    assert findings == {"EMAIL_ADDRESS": 4, "PHONE_NUMBER": 1}
    assert not scanner.has_pii(out.drop_null().to_pylist()).any()


def test_redact_when_surrogates_are_written() -> None:
    def surrogate(entity: str, value: str) -> str:
        return f"{entity[0]}{len(value)}@example.org"

    scanner = TextScanner(PII, operators={"default": surrogate})
    out, _ = scanner.redact(pa.array(TEXTS[2:]))
    assert out.to_pylist() == ["E7@example.org, P12@example.org"]


def test_find_spans_when_thresholds_or_values_are_allowed() -> None:
    text = "a@b.com 212-555-5555"
    high = TextScanner(PII, thresholds={"PHONE_NUMBER": 0.9})
    assert [span.entity for span in high.find_spans([text])[0]] == ["EMAIL_ADDRESS"]
    allowing = TextScanner(PII, allow_list=["a@b.com"])
    assert [span.entity for span in allowing.find_spans([text])[0]] == ["PHONE_NUMBER"]
    with pytest.raises(OptinError, match="IBAN_CODE is not among"):
        TextScanner(PII, thresholds={"IBAN_CODE": 0.9})


def test_redact_when_extra_recognizers_are_given() -> None:
    from presidio_analyzer import PatternRecognizer

    extra = PatternRecognizer("PERSON", deny_list=["Anna"])
    scanner = TextScanner(Pii(entities=("PERSON",)), extra=[extra])
    assert scanner.redact(pa.array(["Anna?"]))[0].to_pylist() == ["<PERSON>?"]


def test_gliner_when_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelMissingError, match=r"pip install 'optin\[gliner\]'"):
        gliner_recognizer("model", {"person": "PERSON"})


@pytest.mark.slow
def test_redact_when_workers_read() -> None:
    texts = pa.array([f"mail user{i}@corp.com today, friend" for i in range(3_000)])
    scanner = TextScanner(PII, workers=2)
    try:
        out, findings = scanner.redact(texts)
    finally:
        scanner.close()
    assert out.equals(TextScanner(PII).redact(texts)[0])
    assert findings == {"EMAIL_ADDRESS": 3_000}


@pytest.mark.slow
def test_redact_when_a_worker_is_killed() -> None:
    texts = pa.array([f"mail user{i}@corp.com today, friend" for i in range(3_000)])
    scanner = TextScanner(PII, workers=1)
    try:
        scanner.redact(texts)
        (child,) = multiprocessing.active_children()
        child.kill()
        child.join()
        again = pa.array([f"{text} again" for text in texts.to_pylist()])
        assert scanner.redact(again)[1] == {"EMAIL_ADDRESS": 3_000}
        assert multiprocessing.active_children() == []
    finally:
        scanner.close()


def test_workers_when_little_was_read() -> None:
    workers = Workers(1, partial(TextScanner, PII), after_chars=60_000)
    assert not workers.worth(["x" * 60_000])  # not yet, and none is started
    assert not workers.worth(["x" * 49_999])  # too little to share out
    assert workers.worth(["x" * 50_000])
