"""Own recogniser of street addresses: by the word for a road, the house, the post code.

Forms of English-, German-, French-, Italian-, Spanish-, Portuguese-, Dutch-, Polish-,
Hungarian-speaking and Nordic countries; the words for roads in English are those of
Publication 28 of the US Postal Service, which other English-speaking countries share.
"""

from __future__ import annotations

from typing import Final

from .scores import LIKELY, WEAK, PatternGroup

__all__ = ["ADDRESS_GROUPS"]

# "number is: " between a word and its value; quotes and JSON's `": "` among them.
_IS = r"[\"']?\s{0,3}(?::=|=>|[:=#]|\b(?:is|was|are)\b:?)\s{0,3}[\"'(]?"
_MAYBE_IS = r"(?:" + _IS + r"|\s{1,3})"
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
    r"|estate|estates|falls|ferry|flat|flats|garden|gateway|greens|groves|inlet"
    r"|forge|forges|cross|riviera|riverway|esplanade|parade|concourse|promenade|strand"
    r"|vale|copse|broadway|circus|drove|garth|gate|hurst|nook|orchards|precinct"
    r"|quadrant|reach|rosebowl|wynd|yard|brae|chase|dell|dene|grange|holt|leas?|leys"
    r"|maltings|paddocks?|pastures|spinney|warren|roads|streets|burgs|mountains|tunnels"
    r"|nagar|marg|chowk|ganj|zila|colony|layout|sector|enclave|vihar|bagh|gali|salai)"
)
_PLAIN_KIND = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|parkway|pkwy"
    r"|highway|hwy|crescent)"
)
_NO_STREET = (
    r"(?!(?:of|the|an?|in|on|and|to|at|from|with|for|people|minutes?|hours?|days?|weeks?"
    r"|months?|years?|miles?|km|blocks?|more|other)\b)"
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
# Post code and town, as they follow a street: "3708 DP, Heikant", "12128-305 Araras / SP".
_TOWN = (
    r"(?:[ ]?,[ ]?|[ ]?\n[ ]?|[ ])(?:(?-i:[A-Z]{1,3})-)?(?:\d{4,5}|\d{5}-?\d{3}"
    r"|\d{2}-\d{3}|\d{3}[ ]\d{2}|\d{4}[ ]?(?-i:[A-Z]{2}))\b,?(?:[ ]\p{L}{1,3}['\u2019]?)?"
    r"[ ]" + _CAPS + r"(?:[ ]/[ ](?-i:[A-Z]{2})\b|[ ]\((?-i:[A-Z]{2})\))?"
)
# The same with the town first: "Palencia, 35113", "Sotoburgh, NT, 2366", "Rajkot 115006".
_TOWN_FIRST = (
    r"(?:[ ]?,[ ]?|[ ]?\n[ ]?)" + _CAPS + r"(?:,[ ](?-i:[A-Z]{2,3}))?,?[ -]\d{4,6}\b"
)
_INSIDE = (
    r"(?:,?[ ](?:piso|puerta|pta|esc|interno|appartamento|apto|bloco|etage|bte|b[âa]t"
    r"|planta|bajo|lok|m\.)\.?(?:[ ]\d{1,4}[a-z]?\b)?){1,2}"
)
_AFTER_STREET = r"(?:" + _INSIDE + r")?(?:" + _TOWN + r"|" + _TOWN_FIRST + r")?"
_STATES = r"(?-i:NSW|VIC|QLD|TAS|ACT|NT|WA|SA|ON|QC|BC|AB|MB|SK|NS|NB|NL|PE|YT|NU)"
_CA_CODE = r"(?-i:[ABCEGHJ-NPRSTVXY]\d[A-Z])[ ]?(?-i:\d[A-Z]\d)\b"
_HOUSE = r"(?<![\w.,$€£/-])\d{1,6}(?:[-/]\d{1,4})?[a-z]?"
_ROAD_FIRST = (
    r"(?:rue|avenue|boulevard|chemin|impasse|all[ée]e|quai|cours|via|viale|vicolo"
    r"|corso|piazza|piazzale|strada|largo|calle|c/|avenida|avda\.?|paseo|plaza"
    r"|carrer|camino|ronda|glorieta|cuesta|pasaje|rua|travessa|pra[çc]a|alameda"
    r"|contrada|incrocio|borgo|rotonda|salita|piazzetta|circonvallazione|canale|stretto"
    r"|callej[óo]n|pasadizo|acceso|vial|rambla|ca[ñn]ada|urbanizaci[óo]n|traves[íi]a"
    r"|passeig|avinguda|viaduto|campo|s[íi]tio|distrito|lago|lagoa|esplanada|ladeira"
    r"|esta[çc][ãa]o|residencial|jardim|parque|vila|setor|loteamento|col[ôo]nia"
    r"|ch[áa]cara|fazenda|vereda|trecho|favela|feira|[áa]rea|n[úu]cleo|passarela|praia"
    r"|quadra|recanto|rodovia|morro|condom[íi]nio|conjunto|trevo|vale|viela|sentier"
    r"|faubourg|passage|villa|square"
    r"|ul\.?|ulica|al\.|aleja|os\.|plac|calea|str\.?|strada|n[áa]m\.?|via)"
)
_ROAD_TAIL = (
    r"(?:stra(?:ss|ß)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|chaussee|straat"
    r"|steig|stieg|pfad|graben|promenade|h[öo]he|markt|wall|zeile"
    r"|steeg|dreef|boulevard|singel|baan|hof|pad|hoek"
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
        _HOUSE
        + r"[ ](?:"
        + _NO_STREET
        + r"\p{L}[\p{L}'\u2019.]{1,20}[ ]){1,3}"
        + _PLAIN_KIND
        + r"\b\.?"
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
        r"\b(?:apartment|apt|suite|ste|flat|unit|studio|level)\b\.?[ ]{1,2}\#?\d{1,5}[a-z]?\b"
        r"(?:[ ]\d{1,5}(?=[ ](?-i:\p{Lu}))[ ]" + _CAPS + r")?"
        r"(?:,[ ]" + _CAPS + r"){0,2}(?:,[ ]" + _POSTCODE + r")?",
        LIKELY,
    ),
    (
        "house number said",
        r"\b(?:(?:h|house|plot|door|flat|shop)\.?[ ]?no\.?|haus(?:nummer)?|n[°º])[ ]{0,2}\#?"
        r"\d{1,5}(?:/\d{1,4})?[a-z]?,[ ]"
        + _CAPS
        + r"(?:,[ ]"
        + _CAPS
        + r"[ -]\d{6}\b)?",
        LIKELY,
    ),
    (
        "house, road, town and code",
        _HOUSE + r",?[ ]" + _CAPS + r"(?:,[ ]?|[ ]?\n[ ]?)" + _CAPS + r"[ -]\d{6}\b",
        LIKELY,
    ),
    (
        "town, state and code",
        _CAPS + r",[ ]" + _STATES + r",?[ ](?:\d{4}\b|" + _CA_CODE + r")",
        LIKELY,
    ),
    (
        "house, street, town, state",
        _HOUSE
        + r"[ ]"
        + _CAPS
        + r"(?:,[ ]?|[ ]?\n[ ]?)"
        + _CAPS
        + r",?[ ](?:"
        + _STATES
        + r",?[ ](?:\d{4}\b|"
        + _CA_CODE
        + r")|"
        + _ZIP
        + r"|(?:\n|,[ ]?)?"
        + _POSTCODE
        + r")",
        LIKELY,
    ),
    ("Canadian code", r"(?<!\w)" + _CA_CODE, LIKELY),
    (
        "Dutch code and town",
        r"(?<![\w.,-])\d{4}[ ]?(?-i:[A-Z]{2}),?[ ](?-i:\p{Lu}\p{Ll}{2})[\p{L}-]{0,25}",
        LIKELY,
    ),
    (
        "code, town, state",
        r"(?<![\w.-])\d{5}-?\d{3}[ ]" + _CAPS + r"[ ]/[ ](?-i:[A-Z]{2})\b",
        LIKELY,
    ),
    (
        "road without house",
        r"(?<!\w)(?-i:[Rr]ue|[Cc]hemin|[Ii]mpasse|[Aa]llée|[Cc]alle|[Vv]iale|[Vv]icolo|[Rr]ua"
        r"|[Tt]ravessa|[Cc]arrer)[ ](?:(?:de|du|des|del|della|do|da|dos|la|le|les|los|las)[ ]"
        r"|l'|d'){0,2}" + _CAPS,
        LIKELY,
    ),
    (
        "road and house, lower case",
        (
            r"(?<!\w)(?:rue|chemin|impasse|calle|viale|vicolo|piazza|piazzale|corso|contrada|strada"
            r"|borgo|avenida|alameda|rua|travessa|camino|paseo|carrer|pasaje|esplanada|ladeira"
            r"|calea|ulica|ul\.)[ ](?:\p{L}[\p{L}'\u2019-]{0,20}[ ]?){1,4},?[ ]?(?<=[ ])\d{1,4}\b"
            r"(?:[ ](?:piso|piano|puerta|interno|appartamento)[ ]\d{1,3})?"
        ),
        LIKELY,
    ),
    (
        "street and house, one word",
        r"(?:"
        + _HOUSE
        + r",?[ ])?(?:"
        + _CAP
        + r"[ ]){0,2}(?-i:\p{Lu})[\p{L}-]{1,40}"
        + _ROAD_TAIL
        + r"[ ]\d{1,5}(?:-\d{1,4}\b|[ ]?[a-z]\b)?"
        + _AFTER_STREET,
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
        + r",?[ ]\d{1,5}\b"
        + _AFTER_STREET,
        LIKELY,
    ),
    (
        "house and street, first word",
        _HOUSE
        + r",?[ ](?:bis[ ]|ter[ ])?"
        + _ROAD_FIRST
        + r"[ ](?:(?:de|du|des|del|della|do|da|dos|la|le|les|los|las)[ ]|l'|d'){0,2}"
        + _CAPS
        + _AFTER_STREET,
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
        + r"(?:(?<!addr)(?<!address)(?<!addresses)\s{1,3}|"
        + _IS
        + r")"
        + r"(?:it\s+is\s+)?\K(?!\d{1,4}(?:[:.,]\d{1,3})?\s?(?:am|pm|a\.m|p\.m|%|hours?|days?|weeks?"
        r"|months?|years?|st|nd|rd|th|minutes?|o'clock|percent|people|users?|items?)\b)(?=[^\n|;\"]{0,40}\d)(?:the\s+corner\s+of"
        r"\s+)?[^\W_](?:(?!,?[ ](?:and|but|or|so|please|pls|because|when|since|if|thanks"
        r"|thank|my|i|it|he|she|we|they|is|was|instead|asap|today|tomorrow|attn|attention"
        r"|c/o|care[ ]of|the|near|right|opposite|next)\b)[^\n|;\"<>.]){4,70}",
        LIKELY,
    ),
    (
        "corner",
        r"\bcorner[ ]of[ ]\K" + _CAPS + r"(?:[ ]\d{1,5})?[ ](?:and|&)[ ]" + _CAPS,
        LIKELY,
    ),
)

ADDRESS_GROUPS: Final[dict[str, PatternGroup]] = {
    "OptinStreetAddress": PatternGroup(
        "STREET_ADDRESS",
        r"\p{Nd}|(?i:corner of|(?:rue|chemin|impasse|all.e|calle|viale|vicolo|rua"
        r"|travessa|carrer) )",
        _ADDRESS,
    ),
}
"""By the recogniser's name."""
