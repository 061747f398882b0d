"""De-identification: keyed pseudonyms, coarser values, and text without people in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .block import UNREADABLE_IP, Findings, deidentify_block
from .encryption import TokenLabel, decrypt_tokens, encrypt_tokens
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
from .text import UNREADABLE_TEXT, Span, TextScanner
from .text.custom import verify_models

if TYPE_CHECKING:
    from .api import deidentify
    from .stage import Deidentify

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
    "TokenLabel",
    "column_key",
    "decrypt_tokens",
    "deidentify",
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


def __getattr__(name: str) -> Any:
    """Import what needs Apache Beam, or stands above us, when it is asked for."""
    if name == "Deidentify":
        from .stage import Deidentify

        return Deidentify
    if name == "deidentify":
        from .api import deidentify

        return deidentify
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
