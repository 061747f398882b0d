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
_ID = r"(?=[\w./-]{0,24}\d)[^\W_][\w./-]{2,31}(?<![./-])"
_LETTERED = r"(?=[^\s\"']{0,63}[\d!@#$%^&*()+=?~|{}\[\]])"
_CAP = r"(?-i:\p{Lu}[\p{L}'\u2019.-]{0,30})"
_CAPS = _CAP + r"(?:[ ]" + _CAP + r"){0,3}"

_KIND = (
    r"(?:street|st|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct"
    r"|place|pl|square|sq|terrace|ter|way|highway|hwy|parkway|pkwy|circle|cir|trail"
    r"|trl|crescent|cres|close|mews|row|alley|walk|grove|gardens|gdns|plaza|loop|pike"
    r"|turnpike|crossing|xing|heights|hts|path|run|ridge|hill|hills|park|view|green"
    r"|rise|quay|wharf|track|camp|pass|bypass|causeway|expressway|freeway|motorway"
    r"|extension|extensions|field|fields|ford|fork|forks|forest|glen|glens|harbor"
    r"|haven|hollow|island|islands|isle|junction|key|knoll|knolls|lake|lakes|land"
    r"|landing|light|loaf|lock|lodge|mall|manor|meadow|meadows|mill|mills|mission"
    r"|mount|mountain|neck|orchard|oval|overpass|passage|pine|pines|plain|plains"
    r"|point|points|port|ports|prairie|radial|ramp|ranch|rapid|rapids|rest|river"
    r"|route|shoal|shoals|shore|shores|spring|springs|spur|squares|station|stravenue"
    r"|stream|summit|throughway|trace|trafficway|tunnel|underpass|union|unions"
    r"|valley|valleys|via|viaduct|village|ville|vista|well|wells|bend|bluff|bluffs"
    r"|bottom|branch|bridge|brook|brooks|burg|cape|center|centers|cliff|cliffs|club"
    r"|common|corner|corners|course|cove|coves|creek|crest|curve|dale|dam|divide"
    r"|estate|estates|falls|ferry|flat|flats|garden|gateway|greens|groves|inlet)"
)
_PLAIN_KIND = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|parkway|pkwy"
    r"|highway|hwy|crescent)"
)
_UNIT = (
    r"(?:apartment|apt|suite|ste|unit|flat|floor|room|rm|building|bldg|no)\b\.?"
    r"[ ]{0,2}\#?[ ]?\d{0,5}[a-z]?\b"
)
_ZIP = r"(?-i:[A-Z]{2})\.?,?[ ]{1,2}\d{5}(?:-\d{4})?\b"
_POSTCODE = r"(?-i:[A-Z]{1,2}\d[A-Z\d]?)[ ]?(?-i:\d[ABD-HJLNP-UW-Z]{2})\b"
_REST = (
    r"(?:,?\s{1,2}" + _UNIT + r")?"
    r"(?:(?:,[ ]?|[ ]?\n[ ]?|[ ])" + _CAPS + r"){0,2}?"
    r"(?:,?\s{1,2}(?:" + _ZIP + r"|" + _POSTCODE + r"))"
)
_HOUSE = r"(?<![\w.,$€£/-])\d{1,6}(?:[-/]\d{1,4})?[a-z]?"
_ROAD_FIRST = (
    r"(?:rue|avenue|boulevard|chemin|impasse|all[ée]e|quai|cours|via|viale|vicolo"
    r"|corso|piazza|piazzale|strada|largo|calle|c/|avenida|avda\.?|paseo|plaza"
    r"|carrer|camino|ronda|glorieta|cuesta|pasaje|rua|travessa|pra[çc]a|alameda"
    r"|ul\.?|ulica|al\.|aleja|os\.|plac|calea|str\.?|strada|n[áa]m\.?|via)"
)
_ROAD_TAIL = (
    r"(?:stra(?:ss|ß)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|chaussee|straat"
    r"|laan|plein|gracht|kade|dijk|gade|vej|vejen|all[ée]|stræde|torv|gatan|gata"
    r"|v[äa]gen|gr[äa]nd|veien|vegen|gaten|katu|tie|kuja|polku|utca)"
)
_ROAD_WORD = r"(?:utca|u\.|\u00fat|t[ée]r|k[öo]z|street|sokak|cadde|caddesi|sk\.|cad\.)"
_LIVES = (
    r"\b(?:address(?:es)?|addr|liv(?:e|es|ed|ing)\s+(?:at|on)|resid(?:e|es|ed|ing)"
    r"\s+(?:at|on)|located\s+at|ship(?:ped|ping)?(?:\s+\w{1,8}){0,2}\s+to"
    r"|deliver(?:ed|y|ies)?(?:\s+\w{1,8}){0,2}\s+(?:to|at)|(?:sent?|mail(?:ed)?)"
    r"\s+(?:it\s+)?to|moved\s+to|home\s+is)"
)

_ADDRESS = (
    (
        "house and street",
        _HOUSE
        + r"[ ](?:[NSEW]\.?[ ]|(?:north|south|east|west)[ ])?"
        + _CAPS
        + r"[ ](?=(?-i:\p{Lu}))"
        + _KIND
        + r"\b\.?(?:[ ](?-i:[NSEW]{1,2})\b)?"
        r"(?:" + _REST + r"|,?\s{1,2}" + _UNIT + r")?",
        LIKELY,
    ),
    (
        "house and street, lower case",
        _HOUSE + r"[ ](?:\p{L}[\p{L}'\u2019.]{1,20}[ ]){1,3}" + _PLAIN_KIND + r"\b\.?"
        r"(?:,?\s{1,2}" + _UNIT + r")?",
        LIKELY,
    ),
    (
        "numbered street",
        _HOUSE + r"[ ](?:[NSEW]\.?[ ])?\d{1,3}(?:st|nd|rd|th)[ ]" + _PLAIN_KIND + r"\b",
        LIKELY,
    ),
    (
        "place and code",
        r"(?:" + _CAPS + r"(?:,[ ]?|[ ]?\n[ ]?|[ ]))?(?:" + _ZIP + r")",
        LIKELY,
    ),
    (
        "place and post code",
        r"(?:" + _CAPS + r"(?:,[ ]?|[ ]?\n[ ]?))?(?<!\w)(?:" + _POSTCODE + r")",
        LIKELY,
    ),
    (
        "unit",
        r"\b(?:apartment|apt|suite|ste|flat|unit)\b\.?[ ]{1,2}\#?\d{1,5}[a-z]?\b"
        r"(?:,[ ]" + _CAPS + r"){0,2}(?:,[ ]" + _POSTCODE + r")?",
        LIKELY,
    ),
    (
        "street and house, one word",
        r"(?:"
        + _HOUSE
        + r",?[ ])?(?:"
        + _CAP
        + r"[ ]){0,2}(?-i:\p{Lu})\p{L}{1,25}"
        + _ROAD_TAIL
        + r"[ ]\d{1,5}[ ]?(?:[a-z]\b)?",
        LIKELY,
    ),
    (
        "street and house, tail word",
        r"(?:" + _HOUSE + r",?[ ])?" + _CAPS + r"[ ]" + _ROAD_WORD + r"[ ]\d{1,5}\b\.?",
        LIKELY,
    ),
    (
        "street and house, first word",
        r"(?:"
        + _HOUSE
        + r",?[ ])?\b"
        + _ROAD_FIRST
        + r"[ ](?:(?:de|du|des|del|della|dei|do|da|dos|la|le|les|los|las|l')[ ]?){0,2}"
        + _CAPS
        + r",?[ ]\d{1,5}\b",
        LIKELY,
    ),
    (
        "house and street, first word",
        _HOUSE
        + r",?[ ](?:bis[ ]|ter[ ])?"
        + _ROAD_FIRST
        + r"[ ](?:(?:de|du|des|del|della|do|da|dos|la|le|les|los|las)[ ]|l'|d'){0,2}"
        + _CAPS,
        LIKELY,
    ),
    (
        "number, street, number",
        _HOUSE + r"[ ]" + _CAPS + r"[ ]\d{1,5}\b(?![:/%.]\d)",
        LIKELY,
    ),
    (
        "code and street line",
        r"^\s{0,2}\d{3,6}[ ]" + _CAPS + r"(?:[ ]\d{1,5})?[ ]?$",
        WEAK,
    ),
    ("post box", r"\bp\.?\s?o\.?\s?box\s{0,2}\#?\d{1,7}\b", LIKELY),
    (
        "military post",
        (
            r"\b(?:[APDF]PO|PSC|CMR|unit)[ ](?:(?:\d{1,5},?[ ])?box[ ]\d{1,5}"
            r"|(?-i:A[AEP])[ ]\d{5})\b(?:\s{1,2}[APDF]PO[ ](?-i:A[AEP])[ ]\d{5})?"
        ),
        LIKELY,
    ),
    (
        "after words",
        _LIVES
        + _MAYBE_IS
        + r"(?:it\s+is\s+)?\K(?=[^\n|;\"]{0,40}\d)(?:the\s+corner\s+of"
        r"\s+)?[^\W_](?:(?!,?[ ](?:and|but|or|so|please|pls|because|when|since|if|thanks"
        r"|thank|my|i|it|he|she|we|they|is|was)\b)[^\n|;\"<>.]){4,70}",
        LIKELY,
    ),
    (
        "corner",
        r"\bcorner[ ]of[ ]\K" + _CAPS + r"(?:[ ]\d{1,5})?[ ](?:and|&)[ ]" + _CAPS,
        LIKELY,
    ),
)

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
    "OptinStreetAddress": PatternGroup(
        "STREET_ADDRESS", r"\p{Nd}|(?i:corner of)", _ADDRESS
    ),
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
