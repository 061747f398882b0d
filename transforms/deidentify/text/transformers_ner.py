"""Presidio's recogniser of transformers' token classifiers, made to fail closed.

It imports torch: import this module only where such a model is asked for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from presidio_analyzer import RecognizerResult
from presidio_analyzer.predefined_recognizers import HuggingFaceNerRecognizer

__all__ = ["make_recognizer"]


class _Classifier(HuggingFaceNerRecognizer):
    """Raises where the model fails on a text, and finds what it is asked for alone.

    Presidio logs such a failure, with the text's trace, and goes on as if nothing had
    been found.
    """

    def load(self) -> None:
        """Load the model, and stand between it and Presidio."""
        super().load()
        if not isinstance(self.ner_pipeline, _Watched):
            self._watched = _Watched(self.ner_pipeline)
            me: Any = self  # Presidio's attribute begins as None
            me.ner_pipeline = self._watched

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Find the entities of one text."""
        failed = self._watched.failed
        failed.here = False
        results = super().analyze(text, entities, nlp_artifacts)
        if failed.here:
            message = "the model failed on a text"
            raise ValueError(message)
        return [result for result in results if result.entity_type in entities]


class _Watched:
    """A pipeline that keeps in mind that it failed, thread by thread."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self.failed = threading.local()

    @property
    def tokenizer(self) -> Any:
        """The model's tokeniser."""
        return self._pipeline.tokenizer

    def __call__(self, text: str) -> Any:
        """Classify the tokens of a text; of none if the model fails."""
        try:
            return self._pipeline(text)
        except Exception:  # noqa: BLE001  # its message may hold the text
            self.failed.here = True
            return []


def make_recognizer(
    path: str, labels: Mapping[str, str], *, language: str, threshold: float
) -> HuggingFaceNerRecognizer:
    """Load the classifier of a local folder; see `custom.transformers_recognizer`."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return _Classifier(
        name="HuggingFaceNerRecognizer",
        model_name=path,
        label_mapping=dict(labels),
        supported_entities=sorted(set(labels.values())),
        supported_language=language,
        threshold=threshold,
    )
