"""Other languages, recognisers in Presidio's YAML keys, and models of one's own."""

from __future__ import annotations

import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from optin.policies.entities import LANGUAGES
from optin.policies.errors import ModelMissingError
from optin.policies.pii import Ner, Pii, Recognizer
from optin.transforms.deidentify import verify_models
from optin.transforms.deidentify.recognizers import build_recognizers
from optin.transforms.deidentify.text import TextScanner


def _redacted(pii: Pii, *texts: str) -> list[str]:
    result: list[str] = TextScanner(pii).redact(pa.array(texts))[0].to_pylist()
    return result


def test_languages_when_spacy_is_asked() -> None:
    import spacy.lang

    folders = Path(spacy.lang.__file__).parent.glob("*/__init__.py")
    assert {folder.parent.name for folder in folders} == LANGUAGES


@pytest.mark.parametrize("language", ["de", "fr", "pl", "zh", "xx"])
def test_redact_when_language_has_rules_alone(language: str) -> None:
    pii = Pii(language=language, entities=("EMAIL_ADDRESS", "IBAN_CODE"))
    text = "Grüße an a@b.com, DE89370400440532013000"
    assert _redacted(pii, text) == ["Grüße an <EMAIL_ADDRESS>, <IBAN_CODE>"]


def test_recognizers_when_presidio_has_words_of_the_language() -> None:
    (found,) = [
        gated.recognizer
        for gated in build_recognizers(Pii(language="es", entities=("CREDIT_CARD",)))
    ]
    assert found.supported_language == "es"
    assert "tarjeta" in found.context


def test_scanner_when_words_need_another_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pythainlp", None)
    monkeypatch.setitem(sys.modules, "pythainlp.tokenize", None)
    with pytest.raises(ModelMissingError, match=r"pip install 'spacy\[th\]'"):
        TextScanner(Pii(language="th", entities=("EMAIL_ADDRESS",)))


def test_redact_when_a_french_model_is_installed() -> None:
    pytest.importorskip("fr_core_news_sm")
    pii = Pii(engine="model", language="fr", entities=("PERSON", "EMAIL_ADDRESS"))
    verify_models(pii)
    out = _redacted(pii, "Bonjour, je suis Marie Dupont et j'habite ici, a@b.fr")
    assert out == ["Bonjour, je suis <PERSON> et j'habite ici, <EMAIL_ADDRESS>"]


def test_redact_when_a_model_lies_in_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import spacy

    nlp = spacy.blank("it")
    ner: Any = nlp.add_pipe("ner")
    ner.add_label("PER")
    nlp.initialize()
    package = tmp_path / "it_core_news_sm"
    (package / "it_core_news_sm-3.8.0").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('its code never runs')")
    nlp.to_disk(package / "it_core_news_sm-3.8.0")
    monkeypatch.syspath_prepend(tmp_path)
    pii = Pii(engine="model", language="it", entities=("PERSON", "EMAIL_ADDRESS"))
    assert "<EMAIL_ADDRESS>" in _redacted(pii, "Ciao, a@b.it")[0]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("de", "python -m spacy download de_core_news_sm"),
        ("zh", "python -m spacy download zh_core_web_sm"),
        ("hu", "spaCy has none that finds names"),
    ],
)
def test_verify_models_when_a_language_has_none(language: str, line: str) -> None:
    with pytest.raises(ModelMissingError, match=line):
        verify_models(Pii(engine="model", language=language, entities=("PERSON",)))


def _badge(**more: object) -> Recognizer:
    return Recognizer.model_validate(
        {"name": "badge", "supported_entity": "BADGE", "deny_list": ["K7"], **more}
    )


@pytest.mark.parametrize(
    ("more", "text", "wanted"),
    [
        ({}, "card k7", "card <BADGE>"),
        ({"global_regex_flags": 0}, "K7 k7", "<BADGE> k7"),
        ({"deny_list_score": 0.1}, "K7", "K7"),
        ({"enabled": False}, "K7", "K7"),
        ({"supported_language": "en", "version": "1"}, "K7", "<BADGE>"),
        ({"supported_language": "de"}, "K7", "K7"),
        ({"supported_languages": ["de", "en"]}, "K7", "<BADGE>"),
        # A weak word counts where a context word of the language is near.
        (
            {
                "deny_list_score": 0.2,
                "supported_languages": [
                    {"language": "en", "context": ["badge"]},
                    {"language": "de", "context": ["ausweis"]},
                ],
            },
            "badge K7",
            "badge <BADGE>",
        ),
        ({"supported_entity": None, "supported_entities": ["BADGE"]}, "K7", "<BADGE>"),
    ],
)
def test_redact_when_recognizer_has_keys_of_presidio(
    more: dict[str, object], text: str, wanted: str
) -> None:
    one = _badge(**more)
    entities = ["EMAIL_ADDRESS"]
    pii = Pii(entities=tuple(entities), recognizers=(one,))
    if pii.own_recognizers:  # as the loader does
        pii = pii.model_copy(update={"entities": (*entities, one.entity)})
    assert _redacted(pii, text) == [wanted]


class _FakeGliner:
    """Finds "Zed" wherever it is asked for a person; fails on "boom"."""

    asked: dict[str, Any] = {}  # noqa: RUF012

    @classmethod
    def from_pretrained(cls, path: str, **options: Any) -> _FakeGliner:
        cls.asked = {"path": path, **options}
        return cls()

    def predict_entities(self, text: str, labels: list[str], **_: Any) -> list[Any]:
        if "boom" in text:
            raise RuntimeError(text)
        start = text.find("Zed")
        place = {"label": "human", "start": start, "end": start + 3, "score": 0.8}
        return [place] if start >= 0 and "human" in labels else []


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for gliner, transformers and torch, which are not installed."""
    from presidio_analyzer.predefined_recognizers.ner import (
        gliner_recognizer,
        huggingface_ner_recognizer,
    )

    def pipeline(task: str, *, model: str, **_: Any) -> Any:
        def classify(text: str) -> list[dict[str, Any]]:
            if "boom" in text:
                raise RuntimeError(text)
            start = text.find("Zed")
            place = {"start": start, "end": start + 3, "score": 0.9}
            other = {"entity_group": "MISC", "start": 0, "end": 1, "score": 0.9}
            if start < 0:
                return [other]
            return [{"entity_group": "PER", **place}, other]

        assert task == "token-classification"
        assert Path(model).is_dir()
        return classify

    for name in ("gliner", "transformers", "torch"):
        module = types.ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(gliner_recognizer, "GLiNER", _FakeGliner)
    monkeypatch.setattr(huggingface_ner_recognizer, "hf_pipeline", pipeline)
    monkeypatch.setattr(huggingface_ner_recognizer, "torch", object())


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("kind", ["gliner", "transformers"])
def test_redact_when_policy_names_a_model(kind: str, tmp_path: Path) -> None:
    label = "human" if kind == "gliner" else "PER"
    ner = Ner.model_validate(
        {"kind": kind, "path": str(tmp_path), "labels": {label: "PERSON"}}
    )
    pii = Pii(entities=("PERSON", "EMAIL_ADDRESS"), ner=ner)
    verify_models(pii)
    out = _redacted(pii, "Hi Zed, a@b.com", "none here", "boom Zed")
    # A text on which the model fails is not published: Presidio would let it pass.
    assert out == ["Hi <PERSON>, <EMAIL_ADDRESS>", "none here", "<UNREADABLE_TEXT>"]
    if kind == "gliner":
        assert _FakeGliner.asked["path"] == str(tmp_path.resolve())
        assert _FakeGliner.asked["local_files_only"] is True


@pytest.mark.parametrize("kind", ["gliner", "transformers"])
def test_verify_models_when_library_or_folder_is_missing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"kind": kind, "path": str(tmp_path / "no"), "labels": {"a": "PERSON"}}
    pii = Pii(entities=("PERSON",), ner=Ner.model_validate(values))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelMissingError, match=rf"pip install 'optin\[{kind}\]'"):
        verify_models(pii)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    with pytest.raises(ModelMissingError, match="a folder of this machine"):
        verify_models(pii)
