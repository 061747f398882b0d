"""Own recognisers of keys and tokens: known shapes, what follows a word, and entropy.

The shapes of vendors are those of detect-secrets' single plugins (its default set
flags clean prose: its entropy plugins are not used). Nothing is verified online.
"""

from __future__ import annotations

import importlib
import math
import re
from collections import Counter
from typing import Any, Final

from presidio_analyzer import Pattern, PatternRecognizer

from .scores import LIKELY, SURE, PatternGroup

__all__ = ["SECRET_GROUPS", "EntropyRecognizer", "vendor_patterns"]

_PLUGINS = (
    ("artifactory", "ArtifactoryDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)

_WORD = (
    r"(?:secret|token|api[\s_-]?key|apikey|access[\s_-]?key(?:[\s_-]?id)?|auth(?:orization)?"
    r"|credentials?|client[\s_-]?secret|private[\s_-]?key|signing[\s_-]?key"
    r"|encryption[\s_-]?key|license[\s_-]?key|webhook|bearer|session[\s_-]?id|sessid"
    r"|jsessionid|cookie|csrf|xsrf|signature|sig|hmac|seed|mnemonic|refresh[\s_-]?token)"
)
_VALUE = r"(?=[\w+/=.~:-]{0,99}\d)[\w+/=.~:-]{8,500}"

_SECRET = (
    (
        "known prefix",
        (
            r"\b(?-i:sk|pk|rk|key|tok|ghp|gho|ghu|ghs|ghr|hf|npm|dop|shpat|whsec"
            r"|xox[a-z]|glpat|ya29|pat|rpa|sq0[a-z]{3})[-_.](?=[\w-]{0,60}\d)[\w-]{16,255}"
        ),
        SURE,
    ),
    (
        "after a word",
        r"(?<![a-z])" + _WORD + r"[\"']?\s{0,3}(?::=|=>|[:=]|\bis\b)\s{0,3}"
        r"(?:(?:bearer|basic|token)\s+)?(?:[\w-]{1,30}=(?=[\w.%-]))?[\"']?\K" + _VALUE,
        LIKELY,
    ),
    (
        "camel case",
        r"(?-i:[a-z](?:Key|Token|Secret|Signature))[\"']?\s{0,3}(?::=|[:=])"
        r"\s{0,3}[\"']?\K" + _VALUE,
        LIKELY,
    ),
    ("bearer", r"\b(?:bearer|basic)\s+\K(?=\S{0,60}[\dA-Z=])[\w+/=.~-]{12,}", LIKELY),
    (
        "private key",
        (
            r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
            r"[\s\w+/=:,.\\-]{0,8000}?(?:-----END [A-Z0-9 ]{0,30}-----|\z)"
        ),
        SURE,
    ),
    (
        "query",
        (
            r"[?&](?:key|token|sig|signature|code|auth|access_token|sid|session)=\K"
            r"[^&\s\"'<>#]{8,}"
        ),
        LIKELY,
    ),
)

SECRET_GROUPS: Final[dict[str, PatternGroup]] = {
    "OptinSecret": PatternGroup(
        "SECRET",
        r"[-_.:=]|(?i:bearer|basic|\bis\b)",
        _SECRET,
    ),
}
"""By the recogniser's name; Presidio has none for them."""

ENTROPY_GATE: Final = r"[\w+/=-]{20}"
_MIN_BITS = 3.5  # per character: English words joined by hyphens stay below
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_PLAIN_HEX = (
    32,
    40,
    56,
    64,
    96,
    128,
)  # MD5, SHA-1 … SHA-512; and keys of 128 to 256 bits


class EntropyRecognizer(PatternRecognizer):
    """Finds long tokens that look random: no word, no number, no path, no UUID.

    A token has ≥ 20 characters; both cases and a digit, or the length of a usual key in
    hexadecimal; and ≥ 3.5 bits of entropy a character (3.0 if hexadecimal).
    """

    def __init__(self, supported_language: str = "en") -> None:
        super().__init__(
            "SECRET",
            name="OptinRandomToken",
            supported_language=supported_language,
            patterns=[
                Pattern(
                    "token",
                    r"(?<![\w+/=.@-])(?<!\bsha\d{1,3}[:-])(?<!\bcommit[ ])[\w+/-]{20,512}={0,2}(?![\w@-])",
                    LIKELY,
                )
            ],
        )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Tell whether a token looks random; null leaves the pattern's score."""
        token = pattern_text.rstrip("=")
        bits = _bits_per_char(token)
        if _HEX.fullmatch(token):
            keyed = len(token) in _PLAIN_HEX and not token.isdigit()
            return None if keyed and bits >= 3.0 else False
        mixed = (
            any(c.isdigit() for c in token)
            and any(c.isupper() for c in token)
            and any(c.islower() for c in token)
        )
        words = max((len(part) for part in re.split(r"[-_/+]", token)), default=0)
        return None if mixed and words >= 12 and bits >= _MIN_BITS else False


def vendor_patterns() -> list[tuple[str, str, float]]:
    """Give detect-secrets' patterns, with their own handling of case."""
    found = []
    for module, name in _PLUGINS:
        plugin: Any = getattr(
            importlib.import_module(f"detect_secrets.plugins.{module}"), name
        )
        for compiled in plugin.denylist:
            flags = "i" if compiled.flags & re.IGNORECASE else "-i"
            verbose = "x" if compiled.flags & re.VERBOSE else ""
            flags = verbose + flags
            found.append((name, f"(?{flags}:{compiled.pattern})", SURE))
    return found


def _bits_per_char(token: str) -> float:
    counts = Counter(token)
    total = len(token)
    return (
        -sum(n / total * math.log2(n / total) for n in counts.values())
        if total
        else 0.0
    )
