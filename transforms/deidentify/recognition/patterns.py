r"""Own recognisers that are regular expressions: by structure, and by the words before.

Presidio's default set has nothing for handles, passwords, addresses, coordinates,
record numbers and device ids, and it drops a card, an IBAN or a social security number
whose checksum is wrong: a mistyped number is personal all the same. A pattern after
words that say what follows ("passport no") uses `\K`: only the value is the span. The
score says how sure a pattern is: `SURE` ones stand alone, `LIKELY` ones are for the
`balanced` profile too, `WEAK` ones for `strict` alone.
"""

from __future__ import annotations

from typing import Final

from .logins import LOGIN_FORMS, SITE_GATE
from .scores import LIKELY, SURE, WEAK, PatternGroup

__all__ = ["LIKELY", "PATTERN_GROUPS", "SURE", "WEAK", "PatternGroup"]


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
        + r"[\[(]{0,2}\K[-+]?\d{1,3}\.\d+(?:\s{0,2}[,;/]\s{0,2}[-+]?\d{1,3}\.\d+)?",
        SURE,
    ),
    ("degrees", _DEGREES + r"[NS]\b(?:[\s,;/]{0,3}" + _DEGREES + r"[EWO]\b)?", SURE),
    ("compass", r"\b[NS]\s?" + _DEGREES + r"[\s,;/]{0,3}[EWO]\s?" + _DEGREES, SURE),
    (
        "longitude first",
        r"(?:\bpoint\s?z?\s?\(\s?|[\[(])\K[-+]?\d{1,3}\.\d{3,},?\s{0,2}" + _LAT,
        LIKELY,
    ),
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
_NOBODY = (
    r"(?!(?:root|admin|administrator|null|none|nil|true|false|guest|nobody|system|user"
    r"|unknown|anonymous|undefined|required|optional|string|str|int)\b(?![.@-]\w))"
)
_USERNAME = (
    ("handle", r"(?<![\w@./%+=-])@\w[\w.-]{0,62}(?<![.-])(?!@)", LIKELY),
    ("handle on a host", r"(?<![\w@./%+-])@[\w.-]{1,64}@[\w-]+(?:\.[\w-]+)+", SURE),
    (
        "after a word",
        r"(?<![a-z])" + _USER_WORD + r"[\"']?\s{0,3}(?::=|[:=])\s{0,3}"
        r"[\"']?\K" + _NOBODY + r"(?![\w.]{1,63}\()[\w][\w.@+-]{1,62}(?<![.@+-])",
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
            r"\s+[\"'`]?\K(?=\w{0,31}(?:[\d_]|\.[a-z]))(?=[\d_]{0,31}[a-z])"
            r"[a-z_][\w.-]{2,31}(?<![.-])(?![\w(/])"
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
    *LOGIN_FORMS,
    ("reddit", r"(?<![\w/])/?u/\K[\w-]{3,20}\b", LIKELY),
    (
        "user of a host",
        (
            r"(?:\b(?:ssh|scp|sftp|rsync)\s+(?:-\S+\s+){0,3}|(?<=://))"
            r"\K[\w.-]{2,32}(?=(?::[^\s@/]{1,64})?@[\w.-])"
        ),
        LIKELY,
    ),
    ("home folder", r"(?-i:/home/|/Users/|\\Users\\)\K[\w][\w.-]{1,31}", LIKELY),
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
        r"\s{0,3}\K(?!(?:os\.|process\.|env\b|getenv\b|\$[{(]|\{\{|[~.]?/))"
        r"[^\s\"',;<>&]{4,64}",
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
        "next, mixed",
        r"(?<![a-z])" + _BEFORE_IT + r"\s+[\"']?\K(?-i:(?=[A-Za-z]{0,63}[a-z][A-Z])"
        r"(?=[A-Za-z]{0,63}[A-Z][A-Za-z]{0,9}[A-Z]))[A-Za-z]{8,64}\b",
        LIKELY,
    ),
    (
        "quoted before",
        (
            r"[\"'`]\K(?=[^\s\"'`]{0,63}\d)[^\s\"'`]{6,64}(?=[\"'`]\s+as\s+(?:\w+\s+)?"
            r"pass)"
        ),
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
        (
            r"\s--?p(?:ass(?:word)?)?(?:=|\s)[\"']?\K(?!\d{2,5}(?::\d{2,5})?(?:/\w+)?(?!\S))"
            r"(?=\S{0,63}\d)[^\s\"']{4,64}"
        ),
        LIKELY,
    ),
    (
        "option of a client",
        (
            r"\b(?:mysql\w*|mariadb|mongo\w*|sshpass|(?:docker|podman|helm|npm|az)\s+"
            r"(?:registry\s+)?login)\b[^\n|]{0,80}?\s(?:(?-i:-p)\s?|--password[=\s])[\"']?"
            r"\K[^\s\"'=-][^\s\"']{3,63}"
        ),
        LIKELY,
    ),
    (
        "user and password of a client",
        (
            r"\b(?:curl|wget|http|https)\b[^\n|]{0,120}?\s(?:-u|--user|-a)[\s=][\"']?"
            r"[^\s:\"']{1,64}:\K[^\s\"']{1,64}"
        ),
        SURE,
    ),
    (
        "user, slash, password",
        (
            r"\b(?:admin|root|user|guest|test|login|demo)\s?/\s?\K(?=[^\s/]{0,63}[\d!@#$%^&*])"
            r"[^\s/]{5,64}(?!\S)"
        ),
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
        r"@|/|\\|\s-|\[\p{Nd}|(?i:user|log|handle|nick|alias|name|tag|uid|owner|author"
        r"|account|member|player|\bby\b|from|sudo|pass|pw|follow|comment|like|photo"
        r"|react|share|repl|join|left|post|" + SITE_GATE + r")",
        _USERNAME,
    ),
    "OptinPassword": PatternGroup(
        "PASSWORD",
        r"://|\s-|/|(?i:pass|pwd|psw|pw|kennwort|contrase|senha|wachtwoord|lozinka|has"
        r"|pin|code|access|otp|fa|sms|verif|secur|one.time|ident)",
        _PASSWORD,
    ),
    "OptinDevice": PatternGroup("DEVICE_ID", r"\p{Nd}|-", _DEVICE),
}
"""By the recogniser's name."""
