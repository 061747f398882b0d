"""De-identification: keyed pseudonyms, coarser values, and text without people in it."""

from __future__ import annotations

from .block import UNREADABLE_IP, Findings, deidentify_block
from .keys import (
    Secret,
    derive_key,
    hmac_tokens,
    key_id,
    resolve_key,
    resolve_keys,
    subject_tokens,
)
from .model import MODEL_NAME, verify_model
from .plan import ColumnPlan, DeidentifyPlan
from .stage import Deidentify
from .text import UNREADABLE_TEXT, Span, TextScanner

__all__ = [
    "MODEL_NAME",
    "UNREADABLE_IP",
    "UNREADABLE_TEXT",
    "ColumnPlan",
    "Deidentify",
    "DeidentifyPlan",
    "Findings",
    "Secret",
    "Span",
    "TextScanner",
    "deidentify_block",
    "derive_key",
    "hmac_tokens",
    "key_id",
    "resolve_key",
    "resolve_keys",
    "subject_tokens",
    "verify_model",
]
