"""Secrets and what is made of them: references, derived keys, keyed hashes.

A master key is named by reference, never written in a policy. From it one key is
derived per purpose, data set and field (HKDF-SHA256), so that two published sets cannot
be joined on their pseudonyms. A pseudonym is an HMAC-SHA256 under such a key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...policies.errors import KeyReferenceError
from ...policies.model import Policy

__all__ = [
    "MIN_KEY_BYTES",
    "Secret",
    "derive_key",
    "hmac_digests",
    "hmac_tokens",
    "key_id",
    "resolve_key",
    "resolve_keys",
    "subject_tokens",
]

MIN_KEY_BYTES = 16
"""Fewest bytes of a master key: 128 bits."""

_LABEL = "optin key v1"
_BLOCK_BYTES = 64  # SHA-256's block, which HMAC pads its key to
_DIGEST_BYTES = 32
_TOKEN_BYTES = 16  # 128 bits: no collision to expect below 10^18 people
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,}")
_Maker = Callable[[list[bytes], bytes], pa.Array]
_HINT = (
    "Give at least 16 random bytes, for example the output of `openssl rand -hex 32`."
)


class Secret:
    """Key bytes that do not show in a repr, a log line or a traceback.

    Picklable, so that workers get it; equal if the bytes are.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """Give the bytes; call it only where they are used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __getstate__(self) -> bytes:
        return self._value

    def __setstate__(self, state: bytes) -> None:
        self._value = state


def resolve_key(ref: str) -> bytes:
    """Read the master key that a policy's `key:` names.

    `env://NAME` reads an environment variable. Its value is taken as hexadecimal if it
    is 32 or more hexadecimal digits; else as base64 (either alphabet) if it is that and
    decodes to 16 bytes or more; else its UTF-8 bytes are the key.
    `file://path` reads a file's bytes; one newline at the end does not count.

    Args:
        ref: the reference; `file:///abs/path` and `file://relative/path` both work.

    Raises:
        KeyReferenceError: the reference's form is unknown, nothing is there, or it is
            shorter than 16 bytes. The message names the reference, never the value.
    """
    scheme, _, target = ref.partition("://")
    if scheme == "env" and target:
        text = os.environ.get(target)
        if text is None:
            message = f"key {ref}: the environment variable is not set. {_HINT}"
            raise KeyReferenceError(message)
        key = _decode(text.strip())
    elif scheme == "file" and target:
        try:
            key = Path(target).read_bytes()
        except OSError as error:
            message = f"key {ref}: the file cannot be read ({error.strerror}). {_HINT}"
            raise KeyReferenceError(message) from None
        key = key.removesuffix(b"\n").removesuffix(b"\r")
    else:
        message = f"key {ref}: not a reference. Write env://NAME or file://path."
        raise KeyReferenceError(message)
    if len(key) < MIN_KEY_BYTES:
        message = f"key {ref}: shorter than {MIN_KEY_BYTES} bytes. {_HINT}"
        raise KeyReferenceError(message)
    return key


def resolve_keys(policy: Policy) -> dict[str, Secret]:
    """Resolve every key that a policy names: reference → secret.

    Raises:
        KeyReferenceError: one of them does not resolve.
    """
    refs = [policy.key, *(column.key for column in policy.columns)]
    return {ref: Secret(resolve_key(ref)) for ref in dict.fromkeys(refs) if ref}


def derive_key(
    master: bytes | Secret, purpose: str, data_set: str, field: str
) -> bytes:
    """Derive the 32-byte key of one field of one data set for one purpose.

    HKDF-SHA256 (RFC 5869) without salt; `info` is the label and the three names, each
    with its length in front, so that ("a", "bc") and ("ab", "c") differ.
    """
    secret = master.reveal() if isinstance(master, Secret) else master
    parts = [part.encode() for part in (_LABEL, purpose, data_set, field)]
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def key_id(master: bytes | Secret) -> str:
    """Give 16 hexadecimal digits that name a key without revealing it.

    It tells rotations apart in a manifest. It is derived, so it helps to guess the key
    only as much as any pseudonym does: not at all if the key is random.
    """
    return derive_key(master, "optin:key-id", "", "")[:8].hex()


def hmac_digests(values: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """Give HMAC-SHA256 (RFC 2104) of each value.

    The padded key is hashed once and the hash state copied per value: three times the
    speed of a one-shot HMAC call on short values.
    """
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)).copy
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded)).copy
    for value in values:
        first = inner()
        first.update(value)
        second = outer()
        second.update(first.digest())
        yield second.digest()


def hmac_tokens(array: pa.Array, key: bytes) -> pa.Array:
    """Turn values into pseudonyms: string → string of 32 hexadecimal digits.

    A pseudonym is the first 16 bytes of HMAC-SHA256 of the value's UTF-8 text. Null
    stays null. The work is done once per distinct value. Values are taken as they are:
    normalise identifiers first.
    """
    return _map_distinct(array, key, _hex_tokens)


def subject_tokens(array: pa.Array, key: bytes) -> pa.Array:
    """Turn subject identities into numbers: string → uint64.

    A token is the first 8 bytes of HMAC-SHA256, big-endian. Null stays null and no
    identity gives 0, so that 0 can mean "nobody". Of 10^8 people, two share a token
    with probability 0.00027 in all.
    """
    return _map_distinct(array, key, _number_tokens)


def _decode(text: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        standard = text.replace("-", "+").replace("_", "/")
        decoded = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()
    return decoded if len(decoded) >= MIN_KEY_BYTES else text.encode()


def _map_distinct(array: pa.Array, key: bytes, make: _Maker) -> pa.Array:
    if not pa.types.is_string(array.type):
        array = array.cast(pa.string())
    encoded = array.dictionary_encode()
    distinct = encoded.dictionary.cast(pa.binary()).to_numpy(zero_copy_only=False)
    return make(distinct.tolist(), key).take(encoded.indices)


def _digest_matrix(values: list[bytes], key: bytes) -> npt.NDArray[np.uint8]:
    joined = b"".join(hmac_digests(values, key))
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, _DIGEST_BYTES)


def _hex_tokens(values: list[bytes], key: bytes) -> pa.Array:
    starts = _digest_matrix(values, key)[:, :_TOKEN_BYTES].tobytes()
    width = 2 * _TOKEN_BYTES
    offsets = np.arange(0, width * (len(values) + 1), width, dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(values), pa.py_buffer(offsets), pa.py_buffer(starts.hex().encode())
    )


def _number_tokens(values: list[bytes], key: bytes) -> pa.Array:
    starts = np.ascontiguousarray(_digest_matrix(values, key)[:, :8])
    numbers = starts.view(">u8").reshape(-1).astype(np.uint64)
    return pa.array(np.maximum(numbers, np.uint64(1)))
