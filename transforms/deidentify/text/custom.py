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

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

__all__ = ["gliner_recognizer", "transformers_recognizer"]


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
    _check("torch", folder)
    from presidio_analyzer.predefined_recognizers import HuggingFaceNerRecognizer

    return HuggingFaceNerRecognizer(
        model_name=path,
        label_mapping=dict(labels),
        supported_entities=sorted(set(labels.values())),
        supported_language=language,
        threshold=threshold,
    )


def _check(library: str, folder: str | Path) -> str:
    if importlib.util.find_spec(library) is None:
        message = f"this recogniser needs {library}. Run: pip install {library}"
        raise ModelMissingError(message)
    path = Path(folder)
    if not path.is_dir():
        message = "the model must be a folder of this machine; nothing is downloaded"
        raise ModelMissingError(message)
    return str(path.resolve())
