"""De-identification: keyed pseudonyms, coarser values, and text without people in it."""

from __future__ import annotations

from .block import UNREADABLE_IP, Findings, deidentify_block
from .encryption import decrypt_tokens, encrypt_tokens
from .keys import (
    Secret,
    column_key,
    derive_key,
    hmac_tokens,
    join_group,
    key_facts,
    key_id,
    policy_key,
    resolve_key,
    resolve_keys,
    subject_tokens,
)
from .model import MODEL_NAME, verify_model
from .plan import ColumnPlan, DeidentifyPlan
from .stage import Deidentify
from .text import UNREADABLE_TEXT, Span, TextScanner
from .text.custom import verify_models

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
    "column_key",
    "decrypt_tokens",
    "deidentify_block",
    "derive_key",
    "encrypt_tokens",
    "hmac_tokens",
    "join_group",
    "key_facts",
    "key_id",
    "policy_key",
    "resolve_key",
    "resolve_keys",
    "subject_tokens",
    "verify_model",
    "verify_models",
]
