r"""Own recognisers that are regular expressions: by structure, and by the words before.

Presidio's default set has nothing for handles, passwords, addresses, coordinates,
record numbers and device ids, and it drops a card, an IBAN or a social security number
whose checksum is wrong: a mistyped number is personal all the same. A pattern after
words that say what follows ("passport no") uses `\K`: only the value is the span. The
score says how sure a pattern is: `SURE` ones stand alone, `LIKELY` ones are for the
`balanced` profile too, `WEAK` ones for `strict` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LIKELY", "PATTERN_GROUPS", "SURE", "WEAK", "PatternGroup"]

SURE: Final = 0.95
LIKELY: Final = 0.7
WEAK: Final = 0.4


@dataclass(frozen=True)
class PatternGroup:
    """The patterns of one recogniser.

    Attributes:
        entity: what it finds.
        gate: RE2 pattern that every text with a match matches.
        patterns: name, regular expression of the `regex` package (case is ignored
            unless it says otherwise) and score.
    """

    entity: str
    gate: str
    patterns: tuple[tuple[str, str, float], ...]


# "number is: " between a word and its value; quotes and JSON's `": "` among them.
_IS = r"[\"']?\s{0,3}(?::=|=>|[:=#]|\b(?:is|was|are)\b:?)\s{0,3}[\"'(]?"
_MAYBE_IS = r"(?:" + _IS + r"|\s{1,3})"
_NO = r"(?:[\s_-]{0,2}(?:number|numbers|num|no|nr|id|code|key|\#)\b\.?)?"
_LETTERED = r"(?=[^\s\"']{0,63}[\d!@#$%^&*()+=?~|{}\[\]])"
_LAT = r"[-+]?(?:[0-8]?\d|90)\.\d{3,}"
_LON = r"[-+]?(?:1[0-7]\d|180|\d?\d)\.\d{3,}"
_DEGREES = (
    r"\d{1,3}(?:\.\d+)?\s?°\s?(?:\d{1,2}(?:\.\d+)?\s?['\u2032]\s?)?"
    r"(?:\d{1,2}(?:\.\d+)?\s?(?:\"|\u2033|'')\s?)?"
)
_GEO = (
    (
        "pair",
        r"(?<![\w.])" + _LAT + r"\s{0,2}[,;/ ]\s{0,2}" + _LON + r"(?![\w.]\d)",
        LIKELY,
    ),
    (
        "labelled",
        r"\b(?:lat|lon|lng|long|latitude|longitude|geo|gps|coords?"
        r"|coordinates|position)\b"
        + _MAYBE_IS
        + r"\K[-+]?\d{1,3}\.\d+(?:\s{0,2}[,;/]\s{0,2}[-+]?\d{1,3}\.\d+)?",
        SURE,
    ),
    ("degrees", _DEGREES + r"[NS]\b(?:[\s,;/]{0,3}" + _DEGREES + r"[EWO]\b)?", SURE),
    ("compass", r"\b[NS]\s?" + _DEGREES + r"[\s,;/]{0,3}[EWO]\s?" + _DEGREES, SURE),
    ("geo link", r"\bgeo:\K-?\d{1,2}\.\d+,-?\d{1,3}\.\d+", SURE),
)

_USER_WORD = (
    r"(?:user[\s_-]?(?:name|id)?|login|log[\s_-]?in|handle|nick(?:name)?|alias"
    r"|screen[\s_-]?name|gamer[\s_-]?tag|display[\s_-]?name|uid|owner|author"
    r"|[a-z]{1,12}_user(?:name)?|(?-i:[a-z]{1,12}User(?:[Nn]ame)?))"
)
_SITES = (
    r"(?:twitter|x|instagram|github|gitlab|facebook|fb|tiktok|reddit|linkedin|twitch"
    r"|medium|pinterest|snapchat|youtube|telegram|t|threads|soundcloud|flickr|vk)"
)
_USERNAME = (
    ("handle", r"(?<![\w@./%+=-])@\w[\w.-]{0,62}(?<![.-])(?!@)", LIKELY),
    ("handle on a host", r"(?<![\w@./%+-])@[\w.-]{1,64}@[\w-]+(?:\.[\w-]+)+", SURE),
    (
        "after a word",
        r"(?<![a-z])" + _USER_WORD + r"[\"']?\s{0,3}(?::=|[:=])\s{0,3}"
        r"[\"']?\K[\w][\w.@+-]{1,62}(?<![.@+-])",
        LIKELY,
    ),
    (
        "after a word, said",
        (
            r"(?<![a-z])(?:user[\s_-]?name|user[\s_-]id|login|handle"
            r"|nick(?:name)?|gamer[\s_-]?tag|screen[\s_-]?name)(?:\s+on\s+\w+)?\s+(?:is|was)"
            r"\s+[\"']?\K[\w][\w.@+-]{2,62}(?<![.@+-])"
        ),
        LIKELY,
    ),
    (
        "user and mark",
        (
            r"\b(?:user|account|member|player|login|logged\s+in\s+as|by)"
            r"\s+[\"'`]?\K(?=\w{0,31}[\d_])(?=[\d_]{0,31}[a-z])[a-z_][\w.-]{2,31}(?<![.-])"
        ),
        LIKELY,
    ),
    (
        "database user",
        (
            r"\b(?:user|to|for|definer\s?=)\s{0,2}[\"'`]\K[^\"'`\s]{2,64}"
            r"(?=[\"'`]\s?@)"
        ),
        SURE,
    ),
    (
        "profile",
        r"\b" + _SITES + r"\.(?:com|me|tv|net)/(?:in/|u/|user/|@)?\K"
        r"[\w][\w.-]{2,38}(?<![.-])(?![\w/])",
        LIKELY,
    ),
    ("reddit", r"(?<![\w/])/?u/\K[\w-]{3,20}\b", LIKELY),
    (
        "user of a host",
        (
            r"(?:\b(?:ssh|scp|sftp|rsync)\s+(?:-\S+\s+){0,3}|(?<=://))"
            r"\K[\w.-]{2,32}(?=(?::[^\s@/]{1,64})?@[\w.-])"
        ),
        LIKELY,
    ),
    ("home folder", r"(?:/home/|/Users/|\\Users\\)\K[\w][\w.-]{1,31}", LIKELY),
)

_BEFORE_IT = (
    r"(?:pass(?:[\s_-]?(?:word|wd|phrase|code|key)s?)?|pwd|psw|pw|passwort|kennwort"
    r"|contrase[nñ]a|senha|mot\s+de\s+passe|wachtwoord|lozinka|has[lł]o|pin)"
)
_PASSWORD = (
    (
        "assigned",
        r"(?<![a-z])" + _BEFORE_IT + r"[\"']?\s{0,3}(?::=|=>|[:=])"
        r"\s{0,3}[\"']\K[^\"'\n]{3,64}(?=[\"'])",
        LIKELY,
    ),
    (
        "assigned, bare",
        r"(?<![a-z])" + _BEFORE_IT + r"\s{0,3}(?::=|=>|[:=])"
        r"\s{0,3}\K[^\s\"',;<>&]{4,64}",
        LIKELY,
    ),
    (
        "camel case",
        (
            r"(?-i:[a-z]Pass(?:word|wd|phrase|code)?)[\"']?\s{0,3}(?::=|=>|[:=])"
            r"\s{0,3}[\"']?\K[^\s\"',;<>&]{4,64}"
        ),
        LIKELY,
    ),
    (
        "said",
        r"(?<![a-z])" + _BEFORE_IT + r"\s+(?:(?:for\s+\S+|now|again|then)\s+)?"
        r"(?:is|was|will\s+be|to|set\s+to)\s*:?\s*[\"']?\K"
        + _LETTERED
        + r"[^\s\"'<>]{4,64}",
        LIKELY,
    ),
    (
        "next",
        r"(?<![a-z])" + _BEFORE_IT + r"\s+[\"']?\K(?=[^\s\"']{0,63}\d)(?=[^\s\"']{0,63}"
        r"[a-z])" + r"[^\s\"',;<>()]{6,64}",
        LIKELY,
    ),
    (
        "said of a code",
        r"\b(?:one[\s-]time|verification|security|access|otp|2fa|mfa|sms)"
        r"(?:\s+(?:pass)?(?:code|pin|password))?" + _MAYBE_IS + r"\K\d{4,8}\b",
        LIKELY,
    ),
    (
        "identified by",
        r"\bidentified\s+by\s+(?:password\s+)?[\"']\K[^\"']{1,64}(?=[\"'])",
        SURE,
    ),
    ("in a URL", r"://[^\s:/@]{1,64}:\K[^\s@/]{1,64}(?=@)", SURE),
    (
        "option",
        r"\s--?p(?:ass(?:word)?)?(?:=|\s)[\"']?\K(?=\S{0,63}\d)[^\s\"']{4,64}",
        LIKELY,
    ),
)

_DEVICE = (
    (
        "universal id",
        r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])",
        LIKELY,
    ),
    (
        "after a word",
        r"\b(?:device|idfa|idfv|gaid|aaid|adid|udid|imei|meid|imsi|iccid"
        r"|android[\s_-]?id|serial|s/n|sn|advertising[\s_-]?id|hardware[\s_-]?id)"
        + _NO
        + _MAYBE_IS
        + r"\K(?=[\w:-]{0,40}\d)[^\W_][\w:-]{7,40}",
        LIKELY,
    ),
    (
        "device of hex",
        r"\b(?:device|client|install(?:ation)?|machine|cookie|visitor"
        r"|session)[\s_-]?(?:id|uuid|token)"
        + _MAYBE_IS
        + r"\K(?=[\w-]{0,63}\d)[\w-]{8,64}",
        LIKELY,
    ),
)

PATTERN_GROUPS: Final[dict[str, PatternGroup]] = {
    "OptinCoordinates": PatternGroup("GEO_COORDINATES", r"\p{Nd}\.\p{Nd}|°", _GEO),
    "OptinUsername": PatternGroup(
        "USERNAME",
        r"@|/|\\|(?i:user|log|handle|nick|alias|name|tag|uid|owner|author|account"
        r"|member|player|\bby\b)",
        _USERNAME,
    ),
    "OptinPassword": PatternGroup(
        "PASSWORD",
        r"://|\s-|(?i:pass|pwd|psw|pw|kennwort|contrase|senha|wachtwoord|lozinka|has"
        r"|pin|code|access|otp|fa|sms|verif|secur|one.time|ident)",
        _PASSWORD,
    ),
    "OptinDevice": PatternGroup("DEVICE_ID", r"\p{Nd}|-", _DEVICE),
}
"""By the recogniser's name."""
