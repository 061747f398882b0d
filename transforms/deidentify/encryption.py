"""Values that only holders of the key can read again: AES-SIV, a column at a time.

AES-SIV (RFC 5297) is deterministic: the same value under the same key and the same
associated data gives the same token, so tokens join and group like pseudonyms, and a
changed token is noticed. What a token does show is which values are equal, and how long
each is.
"""

from __future__ import annotations

import base64
import binascii

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ...policies.errors import DecryptionError
from .distinct import as_array, map_distinct

__all__ = ["decrypt_tokens", "encrypt_tokens"]

_KEY_BYTES = 32
_SIV_KEY_BYTES = 64  # two AES-256 keys: one authenticates, one encrypts
_LABEL = b"optin aes-siv v1"


def encrypt_tokens(
    array: pa.Array, key: bytes, associated: tuple[bytes, ...] = ()
) -> pa.Array:
    """Encrypt values: any type that casts to string → string.

    A token is unpadded base64url of the AES-256-SIV ciphertext (16 bytes of tag, then
    as many bytes as the value has in UTF-8). Null stays null; the empty text becomes a
    token of its own. The work is done once per distinct value. Values are taken as they
    are: normalise identifiers first.

    Args:
        array: the values.
        key: derived key of the column, 32 bytes (`derive_key`).
        associated: what a token is bound to, in order, at most 125 entries: it decrypts
            only with the same ones. Columns of a release need none: `column_key` binds
            the key itself to purpose, data set and column, or to the join group.

    Raises:
        ValueError: the key is not 32 bytes long.
    """
    cipher, bound = _cipher(key), list(associated)

    def encrypt(texts: pa.Array) -> pa.Array:
        values = texts.cast(pa.binary()).to_pylist()
        made = [
            base64.urlsafe_b64encode(cipher.encrypt(value, bound)).rstrip(b"=")
            for value in values
        ]
        return pa.array(made, pa.binary()).cast(pa.string())

    return map_distinct(_texts(array), encrypt)


def decrypt_tokens(
    array: pa.Array, key: bytes, associated: tuple[bytes, ...] = ()
) -> pa.Array:
    """Undo `encrypt_tokens`: string → string, or an error and nothing.

    Null stays null. The work is done once per distinct token.

    Args:
        array: the tokens.
        key: derived key of the column, 32 bytes.
        associated: what the tokens were bound to.

    Raises:
        DecryptionError: a value is no token, or not one of this key with these bounds.
        ValueError: the key is not 32 bytes long.
    """
    cipher, bound = _cipher(key), list(associated)
    failed = 0

    def decrypt(tokens: pa.Array) -> pa.Array:
        nonlocal failed
        opened: list[bytes | None] = []
        for token in tokens.to_pylist():
            try:
                opened.append(cipher.decrypt(_unpadded(token), bound))
            except (InvalidTag, ValueError):
                opened.append(None)
                failed += 1
        # Authentic, so it was UTF-8 when it went in.
        return pa.array(opened, pa.binary()).cast(pa.string())

    result = map_distinct(_texts(array), decrypt)
    if failed:
        message = (
            f"{failed:,} distinct values were not made by this key for this column; "
            "is it the key (and epoch), purpose, data set and column that they were "
            "encrypted under?"
        )
        raise DecryptionError(message)
    return result


def _cipher(key: bytes) -> AESSIV:
    if len(key) != _KEY_BYTES:
        message = f"the key must have {_KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(message)
    # The key is uniform already (it comes out of HKDF), so expanding it is enough.
    expanded = HKDFExpand(SHA256(), _SIV_KEY_BYTES, _LABEL).derive(key)
    return AESSIV(expanded)


def _texts(array: pa.Array) -> pa.Array:
    array = as_array(array)
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def _unpadded(token: str) -> bytes:
    """Read base64url as we write it; any other spelling of the bytes is refused.

    Raises:
        ValueError: it is none.
    """
    try:
        raw = base64.b64decode(
            token + "=" * (-len(token) % 4), altchars=b"-_", validate=True
        )
    except binascii.Error as error:
        raise ValueError from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise ValueError
    return raw
