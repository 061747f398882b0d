"""Values that only holders of the key can read again: AES-SIV, a column at a time.

AES-SIV (RFC 5297) is deterministic: the same value under the same key and the same
associated data gives the same token, so tokens join and group like pseudonyms, and a
changed token is noticed. What a token does show is which values are equal, how long each
is, and which key (its id, its epoch) made it: `optin1.KEYID.EPOCH.CIPHERTEXT`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from ...policies.errors import DecryptionError
from .distinct import as_array, map_distinct

__all__ = ["TokenLabel", "decrypt_tokens", "encrypt_tokens"]

_KEY_BYTES = 32
_SIV_KEY_BYTES = 64  # two AES-256 keys: one authenticates, one encrypts
_LABEL = b"optin aes-siv v1"
_VERSION = "optin1"
_TOKEN = re.compile(
    rf"{_VERSION}\.([0-9a-f]{{16}})\.([A-Za-z0-9._-]{{0,32}})\.([A-Za-z0-9_-]+)"
)


@dataclass(frozen=True)
class TokenLabel:
    """What tokens say of themselves, and what they are bound to without saying it.

    Attributes:
        key_id: names the master key (`key_id`), 16 hexadecimal digits.
        epoch: of the key, or null.
        bound: purpose, data set and column, or join group and type: a token decrypts
            only with the same ones. At most 120 entries.
    """

    key_id: str
    epoch: str | None = None
    bound: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """How every token starts."""
        return f"{_VERSION}.{self.key_id}.{self.epoch or ''}."

    @property
    def associated(self) -> list[bytes]:
        """What is authenticated with every value: all of the label."""
        return [part.encode() for part in (self.prefix, *self.bound)]

    def __str__(self) -> str:
        return f"key id {self.key_id}, {_epoch(self.epoch)}"


def encrypt_tokens(array: pa.Array, key: bytes, label: TokenLabel) -> pa.Array:
    """Encrypt values: any type that casts to string → string.

    A token is the label's prefix, then unpadded base64url of the AES-256-SIV ciphertext
    (16 bytes of tag, then as many bytes as the value has in UTF-8). Null stays null; the
    empty text becomes a token of its own. The work is done once per distinct value.
    Values are taken as they are: normalise identifiers first.

    Args:
        array: the values.
        key: derived key of the column, 32 bytes (`column_key`).
        label: which key that is, and what tokens are bound to (`column_label`).

    Raises:
        ValueError: the key is not 32 bytes long.
    """
    cipher, bound = _cipher(key), label.associated
    prefix = label.prefix.encode()

    def encrypt(texts: pa.Array) -> pa.Array:
        values = texts.cast(pa.binary()).to_pylist()
        made = [
            prefix + base64.urlsafe_b64encode(cipher.encrypt(value, bound)).rstrip(b"=")
            for value in values
        ]
        return pa.array(made, pa.binary()).cast(pa.string())

    return map_distinct(_texts(array), encrypt)


def decrypt_tokens(array: pa.Array, key: bytes, label: TokenLabel) -> pa.Array:
    """Undo `encrypt_tokens`: string → string, or an error and nothing.

    Null stays null. The work is done once per distinct token.

    Args:
        array: the tokens.
        key: derived key of the column, 32 bytes.
        label: which key that is, and what the tokens are bound to.

    Raises:
        DecryptionError: a value is no token, was made with another key or epoch (the
            message says which), or is bound to something else.
        ValueError: the key is not 32 bytes long.
    """
    cipher, bound = _cipher(key), label.associated
    others: dict[str, int] = {}
    failed = strange = 0

    def decrypt(tokens: pa.Array) -> pa.Array:
        nonlocal failed, strange
        opened: list[bytes | None] = []
        for token in tokens.to_pylist():
            opened.append(None)
            match = _TOKEN.fullmatch(token)
            if match is None:
                strange += 1
            elif not token.startswith(label.prefix) or match[2] != (label.epoch or ""):
                made = str(TokenLabel(match[1], match[2] or None))
                others[made] = others.get(made, 0) + 1
            else:
                try:
                    opened[-1] = cipher.decrypt(_unpadded(match[3]), bound)
                except (InvalidTag, ValueError):
                    failed += 1
        # Authentic, so it was UTF-8 when it went in.
        return pa.array(opened, pa.binary()).cast(pa.string())

    result = map_distinct(_texts(array), decrypt)
    faults = [
        f"{count:,} distinct values: token was made with {made}, and this is {label}."
        for made, count in sorted(others.items())
    ]
    if strange:
        faults.append(f"{strange:,} distinct values are no tokens of encrypt.")
    if failed:
        faults.append(
            f"{failed:,} distinct values were not made by this key for this column; is "
            "it the purpose, data set and column that they were encrypted under?"
        )
    if faults:
        raise DecryptionError(" ".join(faults))
    return result


def _epoch(epoch: str | None) -> str:
    return "no epoch" if epoch is None else f"epoch {epoch}"


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
