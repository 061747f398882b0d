"""Reads the master keys that a policy names: on the driver, once, before any record."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ....policies.errors import KeyReferenceError
from ....policies.key_references import Reference, parse_reference
from ....policies.model import Policy
from .encoding import MIN_KEY_BYTES, decode_text
from .secret import Secret
from .services import unwrap_with_aws, unwrap_with_gcp
from .vault import read_vault

__all__ = ["MIN_KEY_BYTES", "resolve_key", "resolve_keys"]

_HINT = (
    "Give at least 16 random bytes, for example the output of `openssl rand -hex 32`."
)


def resolve_key(ref: str) -> bytes:
    """Read the master key that a policy's `key:` names.

    `env://NAME` reads an environment variable. Its value is taken as hexadecimal if it
    is 32 or more hexadecimal digits; else as base64 (either alphabet) if it is that and
    decodes to 16 bytes or more; else its UTF-8 bytes are the key.
    `file://path` reads a file's bytes; one newline at the end does not count.
    `awskms://KEY?ciphertext=path` and `gcpkms://KEY?ciphertext=path` have the key
    service unwrap the file; what comes out are the bytes of the key.
    `vault://MOUNT/PATH#FIELD` reads a field of a secret, whose text is taken as that of
    an environment variable.

    Args:
        ref: the reference; `file:///abs/path` and `file://relative/path` both work.

    Raises:
        KeyReferenceError: the reference's form is unknown, nothing is there, the
            service refuses or its library is not installed, or the key is shorter than
            16 bytes. The message names the reference, never the value.
    """
    try:
        parsed = parse_reference(ref)
    except ValueError as error:
        message = f"key {ref}: not a reference; {error}."
        raise KeyReferenceError(message) from None
    key = _READERS[parsed.scheme](parsed, ref)
    if len(key) < MIN_KEY_BYTES:
        message = f"key {ref}: shorter than {MIN_KEY_BYTES} bytes. {_HINT}"
        raise KeyReferenceError(message)
    return key


def resolve_keys(policy: Policy) -> dict[str, Secret]:
    """Resolve every key that a policy names: reference → secret.

    Raises:
        KeyReferenceError: one of them does not resolve.
    """
    keys = [policy.key, *(column.key for column in policy.columns)]
    refs = dict.fromkeys(key.ref for key in keys if key is not None)
    return {ref: Secret(resolve_key(ref)) for ref in refs}


def _read_env(parsed: Reference, ref: str) -> bytes:
    text = os.environ.get(parsed.target)
    if text is None:
        message = f"key {ref}: the environment variable is not set. {_HINT}"
        raise KeyReferenceError(message)
    return decode_text(text)


def _read_file(parsed: Reference, ref: str) -> bytes:
    try:
        key = Path(parsed.target).read_bytes()
    except OSError as error:
        message = f"key {ref}: the file cannot be read ({error.strerror}). {_HINT}"
        raise KeyReferenceError(message) from None
    return key.removesuffix(b"\n").removesuffix(b"\r")


_READERS: Mapping[str, Callable[[Reference, str], bytes]] = {
    "env": _read_env,
    "file": _read_file,
    "awskms": unwrap_with_aws,
    "gcpkms": unwrap_with_gcp,
    "vault": read_vault,
}
