"""Reads a master key from HashiCorp Vault's key-value store (versions 1 and 2).

The library finds address and token as Vault's own command line does: `VAULT_ADDR`,
`VAULT_TOKEN` or `~/.vault-token`, `VAULT_CACERT`. `VAULT_NAMESPACE` counts too.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote

from ....policies.errors import KeyReferenceError
from ....policies.key_references import Reference
from .encoding import decode_text
from .services import library, refused

__all__ = ["read_vault"]

_TIMEOUT_SECONDS = 20


def read_vault(parsed: Reference, ref: str) -> bytes:
    """Read the field of a `vault://` reference.

    Raises:
        KeyReferenceError: no library, the service refuses, or the secret has no such
            field of text.
    """
    hvac = library("hvac", parsed, ref)
    requests = library("requests", parsed, ref)
    client = hvac.Client(
        timeout=_TIMEOUT_SECONDS, namespace=os.environ.get("VAULT_NAMESPACE")
    )
    try:
        secret = _secret(client, parsed)
    except (hvac.exceptions.VaultError, requests.RequestException) as error:
        raise refused(ref, type(error).__name__) from None
    value = secret.get(unquote(parsed.entry or "")) if secret else None
    if not isinstance(value, str):
        message = f"key {ref}: the secret there has no text in this field."
        raise KeyReferenceError(message)
    return decode_text(value)


def _secret(client: Any, parsed: Reference) -> dict[str, Any] | None:
    mount, _, path = parsed.target.partition("/")
    place = {"path": unquote(path), "mount_point": unquote(mount)}
    if parsed.options.get("kv") == "1":
        return client.secrets.kv.v1.read_secret(**place)["data"]
    version = parsed.options.get("version")
    answer = client.secrets.kv.v2.read_secret_version(
        **place,
        version=None if version is None else int(version),
        raise_on_deleted_version=True,
    )
    return answer["data"]["data"]
