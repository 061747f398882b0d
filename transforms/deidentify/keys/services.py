"""Key services that unwrap a master key: AWS KMS and Google Cloud KMS.

Their libraries are extras, imported when a policy needs them. Credentials come the way
each library finds them; nothing of them stands in a policy. What a service says in an
error may name accounts and people, so only the error's kind is passed on.
"""

from __future__ import annotations

import importlib
from typing import Any

from ....policies.errors import KeyReferenceError
from ....policies.key_references import EXTRAS, Reference
from .encoding import read_ciphertext

__all__ = ["gcp_client", "library", "refused", "unwrap_with_aws", "unwrap_with_gcp"]

_TIMEOUT_SECONDS = 20.0
_ARN_PARTS = 6  # arn:partition:kms:region:account:key/…


def library(module: str, parsed: Reference, ref: str) -> Any:
    """Import a module of an extra.

    Raises:
        KeyReferenceError: it is not installed; the message says how to.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        message = (
            f"key {ref}: {parsed.scheme}:// needs a library that is not installed. "
            f"Run: pip install 'optin[{EXTRAS[parsed.scheme]}]'"
        )
        raise KeyReferenceError(message) from None


def refused(ref: str, kind: str) -> KeyReferenceError:
    """Say that a service did not give the key, by the kind of its error alone."""
    message = (
        f"key {ref}: the key service did not give it ({kind}). Check the reference, "
        "the credentials of this machine, and their right to use the key."
    )
    return KeyReferenceError(message)


def unwrap_with_aws(parsed: Reference, ref: str) -> bytes:
    """Have AWS KMS decrypt the file of an `awskms://` reference.

    Raises:
        KeyReferenceError: no library, no file, or the service refuses.
    """
    boto3 = library("boto3", parsed, ref)
    config = library("botocore.config", parsed, ref)
    errors = library("botocore.exceptions", parsed, ref)
    blob = read_ciphertext(parsed, ref)
    try:
        client = boto3.client(
            "kms",
            region_name=_aws_region(parsed),
            config=config.Config(
                connect_timeout=_TIMEOUT_SECONDS, read_timeout=_TIMEOUT_SECONDS
            ),
        )
        answer = client.decrypt(CiphertextBlob=blob, KeyId=parsed.target)
    except errors.ClientError as error:
        raise refused(ref, str(error.response["Error"]["Code"])) from None
    except errors.BotoCoreError as error:
        raise refused(ref, type(error).__name__) from None
    return bytes(answer["Plaintext"])


def _aws_region(parsed: Reference) -> str | None:
    """Give the region of the reference or of its ARN; None leaves it to the library."""
    parts = parsed.target.split(":")
    named = parts[3] if len(parts) == _ARN_PARTS else None
    return parsed.options.get("region") or named


def unwrap_with_gcp(parsed: Reference, ref: str) -> bytes:
    """Have Google Cloud KMS decrypt the file of a `gcpkms://` reference.

    Checksums go both ways, as Google advises, so that no changed byte becomes a key.

    Raises:
        KeyReferenceError: no library, no file, the service refuses, or a checksum is
            wrong.
    """
    kms = library("google.cloud.kms", parsed, ref)
    checksums = library("google_crc32c", parsed, ref)
    api = library("google.api_core.exceptions", parsed, ref)
    auth = library("google.auth.exceptions", parsed, ref)
    blob = read_ciphertext(parsed, ref)
    try:
        answer = gcp_client(kms).decrypt(
            request={
                "name": parsed.target,
                "ciphertext": blob,
                "ciphertext_crc32c": checksums.value(blob),
            },
            timeout=_TIMEOUT_SECONDS,
        )
    except (api.GoogleAPIError, auth.GoogleAuthError) as error:
        raise refused(ref, type(error).__name__) from None
    key = bytes(answer.plaintext)
    if checksums.value(key) != answer.plaintext_crc32c:
        raise refused(ref, "checksum of the answer is wrong")
    return key


def gcp_client(kms: Any) -> Any:
    """Make the client, with the credentials that the library finds."""
    return kms.KeyManagementServiceClient()
