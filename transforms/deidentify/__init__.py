"""De-identification: keyed pseudonyms, coarser values, and text without people in it."""

from __future__ import annotations

from .keys import (
    Secret,
    derive_key,
    hmac_tokens,
    key_id,
    resolve_key,
    resolve_keys,
    subject_tokens,
)

__all__ = [
    "Secret",
    "derive_key",
    "hmac_tokens",
    "key_id",
    "resolve_key",
    "resolve_keys",
    "subject_tokens",
]
