"""Named entities from a model of the user's own, through Presidio's own recognisers.

The libraries behind them are large and not installed with this package; the model is a
local folder, and nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ....policies.errors import ModelMissingError
from ....policies.pii import Ner, Pii
from ..model import verify_model

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

__all__ = [
    "gliner_recognizer",
    "ner_recognizer",
    "transformers_recognizer",
    "verify_models",
]

_LIBRARIES = {"gliner": ("gliner",), "transformers": ("transformers", "torch")}


def gliner_recognizer(
    folder: str | Path,
    labels: Mapping[str, str],
    *,
    language: str = "en",
    threshold: float = 0.3,
) -> EntityRecognizer:
    """Load a GLiNER model for `TextScanner(..., extra=[...])`.

    Args:
        folder: of the model.
        labels: what GLiNER is asked for, in plain words → entity.
        language: of the texts.
        threshold: lowest score that the model reports.

    Raises:
        ModelMissingError: the library or the folder is missing.
    """
    path = _check("gliner", folder)
    from presidio_analyzer.predefined_recognizers import GLiNERRecognizer

    return GLiNERRecognizer(
        entity_mapping=dict(labels),
        supported_language=language,
        model_name=path,
        threshold=threshold,
        local_files_only=True,
    )


def transformers_recognizer(
    folder: str | Path,
    labels: Mapping[str, str],
    *,
    language: str = "en",
    threshold: float = 0.3,
) -> EntityRecognizer:
    """Load a token classifier for `TextScanner(..., extra=[...])`.

    Args:
        folder: of the model and its tokeniser.
        labels: the model's labels → entity.
        language: of the texts.
        threshold: lowest score that counts.

    Raises:
        ModelMissingError: a library or the folder is missing.
    """
    path = _check("transformers", folder)
    from .transformers_ner import make_recognizer

    return make_recognizer(path, labels, language=language, threshold=threshold)


def ner_recognizer(ner: Ner, language: str) -> EntityRecognizer:
    """Load the model that a policy names.

    Raises:
        ModelMissingError: the library or the folder is missing.
    """
    load = gliner_recognizer if ner.kind == "gliner" else transformers_recognizer
    return load(ner.path, ner.labels, language=language, threshold=ner.threshold)


def verify_models(pii: Pii) -> None:
    """Look for the models and libraries that a policy's texts need; load nothing.

    Raises:
        ModelMissingError: one of them is missing. The message holds the install line.
    """
    if pii.engine == "model":
        verify_model(pii.language)
    if pii.ner is not None:
        _check(pii.ner.kind, pii.ner.path)


def _check(extra: str, folder: str | Path) -> str:
    for library in _LIBRARIES[extra]:
        if importlib.util.find_spec(library) is None:
            message = f"pii.ner: {library} is not installed. Run: pip install 'optin[{extra}]'"
            raise ModelMissingError(message)
    path = Path(folder)
    if not path.is_dir():
        message = (
            "pii.ner: the model must be a folder of this machine; nothing is downloaded"
        )
        raise ModelMissingError(message)
    return str(path.resolve())
