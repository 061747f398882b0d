"""Secrets and what is made of them: references, derived keys, keyed hashes.

A master key is named by reference, never written in a policy. From it one key is
derived per purpose, data set and field (HKDF-SHA256), so that two published sets cannot
be joined on their pseudonyms unless a join group says so. A pseudonym is an HMAC-SHA256
under such a key. `docs/keys.md` has the forms and the derivation.
"""

from __future__ import annotations

from .cache import ColumnCache, TokenCache
from .derive import (
    column_key,
    column_names,
    derive_key,
    join_group,
    key_facts,
    key_id,
    policy_key,
)
from .hashes import hmac_digests, hmac_tokens, subject_tokens
from .references import MIN_KEY_BYTES, resolve_key, resolve_keys
from .secret import Secret

__all__ = [
    "MIN_KEY_BYTES",
    "ColumnCache",
    "Secret",
    "TokenCache",
    "column_key",
    "column_names",
    "derive_key",
    "hmac_digests",
    "hmac_tokens",
    "join_group",
    "key_facts",
    "key_id",
    "policy_key",
    "resolve_key",
    "resolve_keys",
    "subject_tokens",
]
