"""E-mail addresses, secrets and names in text, without the recognisers that clean it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from email.errors import MessageError
from email.headerregistry import Address
from functools import cache
from typing import Any, Final

from detect_secrets.plugins.high_entropy_strings import (
    Base64HighEntropyString,
    HexHighEntropyString,
)

from .numbers import Trace

__all__ = ["word_traces"]

_VENDORS: Final = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("basic_auth", "BasicAuthDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("jwt", "JwtTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("private_key", "PrivateKeyDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("twilio", "TwilioKeyDetector"),
)
_BASE64 = Base64HighEntropyString(limit=4.3)
_HEX = HexHighEntropyString(limit=3.0)
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{20,}")
_HEX_TOKEN = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_SHORTEST_TOKEN = 15

# What cannot stand on either side of an e-mail address that is written in a text.
_LOCAL_STOPS = re.compile(r"[\s<>()\[\],;:\"'=&?/\\|@]")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}(?![\w@])")

_NAME = r"[^\W\d_a-z][^\W\d_A-Z]+"
_CUED = re.compile(
    r"(?:\b(?i:my name is|name is|name:|i am|i'm|this is|it's|called|named|signed by"
    r"|regards,?|sincerely,?|cheers,?|thanks,|best,|dear|hello|hi|from|contact|ask for"
    r"|mr\.?|mrs\.?|ms\.?|miss|dr\.?|prof\.?|herr|frau|mme\.?|señora?|attn:?)"
    r"[\s:]{1,3})"
    rf"{_NAME}(?:[ ](?:[A-Z]\.[ ])?(?:van |von |de |da |bin |al-)?{_NAME})"
)


def word_traces(text: str) -> Iterator[Trace]:
    """Find addresses, secrets and cued names: text → traces, repeats among them."""
    if "@" in text and _has_email(text):
        yield Trace("EMAIL_ADDRESS", certain=True)
    if _has_vendor_secret(text):
        yield Trace("SECRET", certain=True)
    elif any(map(_is_random, _TOKEN.findall(text))):
        yield Trace("SECRET", certain=False)
    if _CUED.search(text):
        yield Trace("PERSON", certain=False)


def _has_email(text: str) -> bool:
    at = text.find("@")
    while at >= 0:
        local = _LOCAL_STOPS.split(text[max(0, at - 64) : at])[-1].strip(".")
        domain = _DOMAIN.match(text, at + 1)
        if local and domain and _parses(f"{local}@{domain.group()}"):
            return True
        at = text.find("@", at + 1)
    return False


def _parses(address: str) -> bool:
    # The parser knows ASCII alone; letters of other scripts are letters (RFC 6531).
    plain = "".join("x" if c > "\x7f" and c.isalnum() else c for c in address)
    try:
        Address(addr_spec=plain)
    except (MessageError, ValueError, IndexError):
        return False
    return True


def _has_vendor_secret(text: str) -> bool:
    """Ask detect-secrets' plugins of vendors' forms; nothing is verified online."""
    if "PRIVATE KEY" not in text and not any(
        len(word) >= _SHORTEST_TOKEN for word in text.split()
    ):
        return False
    return any(found for plugin in _plugins() for found in plugin.analyze_string(text))


@cache
def _plugins() -> tuple[Any, ...]:
    return tuple(
        getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)()
        for module, name in _VENDORS
    )


def _is_random(token: str) -> bool:
    """Tell whether a long token looks drawn: mixed, and of high entropy."""
    if _HEX_TOKEN.fullmatch(token):
        return float(_HEX.calculate_shannon_entropy(token)) > _HEX.entropy_limit
    mixed = (
        any(map(str.isdigit, token))
        and any(map(str.isupper, token))
        and any(map(str.islower, token))
    )
    entropy = _BASE64.calculate_shannon_entropy(token) if mixed else 0
    return float(entropy) > _BASE64.entropy_limit
