"""How key bytes are written as text, and how a file holds a wrapped key."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from ....policies.errors import KeyReferenceError
from ....policies.key_references import Reference

__all__ = ["MIN_KEY_BYTES", "decode_text", "read_ciphertext"]

MIN_KEY_BYTES = 16
"""Fewest bytes of a master key: 128 bits."""

_MAX_CIPHERTEXT_BYTES = 65_536  # both services take far less
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,}")


def decode_text(text: str) -> bytes:
    """Read a key written as text: hexadecimal, else base64, else its UTF-8 bytes.

    Hexadecimal and base64 (either alphabet) count only if they give 16 bytes or more;
    blanks around the text do not count.
    """
    text = text.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        standard = text.replace("-", "+").replace("_", "/")
        decoded = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()
    return decoded if len(decoded) >= MIN_KEY_BYTES else text.encode()


def read_ciphertext(parsed: Reference, ref: str) -> bytes:
    """Read the file of a wrapped key: raw bytes, or base64 as command lines print it.

    Raises:
        KeyReferenceError: the file cannot be read, is empty, or is too large.
    """
    try:
        with Path(parsed.options["ciphertext"]).open("rb") as stream:
            raw = stream.read(_MAX_CIPHERTEXT_BYTES + 1)
    except OSError as error:
        message = f"key {ref}: the wrapped key cannot be read ({error.strerror})."
        raise KeyReferenceError(message) from None
    if not raw.strip() or len(raw) > _MAX_CIPHERTEXT_BYTES:
        message = f"key {ref}: the file is empty or too large to be a wrapped key."
        raise KeyReferenceError(message)
    try:
        return base64.b64decode(b"".join(raw.split()), validate=True)
    except binascii.Error:
        return raw
