r"""Own recognisers of numbers that name a person: records, documents, cards, phones."""

from __future__ import annotations

from typing import Final

from .scores import LIKELY, SURE, WEAK, PatternGroup

__all__ = ["NUMBER_GROUPS"]

_IS = r"[\"'\u00bb]?\s{0,3}(?::=|=>|[:=#]|\b(?:is|was|are)\b:?)\s{0,3}[\"'(#]?"
_MAYBE_IS = r"(?:" + _IS + r"|\s{1,3}\#?)"
_TAG_IS = r"(?:" + _MAYBE_IS + r"|[\"']?>\s{0,2})"
_NO = r"(?:[\s_-]{0,2}(?:numbers?|num|no|nr|id|code|card|\#)\b\.?)?"
_LONG_NO = r"(?:[\s_-]{0,2}(?:numbers?|num|no|nr|id|code|\#)\b\.?)"
_ID = r"(?=[\w./-]{0,24}\d)[^\W_][\w./-]{3,31}(?<![./-])"
_DATE = r"(?!\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b)"
_SPACED = r"(?=[^\n]{0,8}\d)[0-9A-Z](?:[ ./-]?[0-9A-Z]){3,22}"

_MEDICAL = (
    r"(?:mrn|medical[\s_-]record|med[\s_-]rec|patient|chart|hospital|case[\s_-]file"
    r"|health[\s_-]?(?:card|id|record|plan|insurance)?|nhs|medicare|medicaid|hicn|mbi"
    r"|national[\s_-]health|encounter|visit|specimen|accession)"
)
_ACCOUNT = (
    r"(?:account|acct|a/c|bank|iban|sort\s?code|checking|savings|konto(?:nummer)?"
    r"|cuenta|compte|customer|client|member(?:ship)?|loyalty|subscriber"
    r"|policy|insurance|conto|conta|rekening(?:nummer)?|rachun(?:ek|ku))"
)
_BUSINESS = (  # numbers of papers: they lead to a person only by other records
    r"(?:claim|invoice|order|booking|reservation|pnr|ticket|contract|meter|routing)"
)
_WORK = (
    r"(?:employee|emp|staff|personnel|worker|badge|payroll|student|matriculation"
    r"|matrikel(?:nummer)?|teacher|officer|faculty|library[\s_-]card)"
)
_DOCUMENT = (
    r"(?:passport|passeport|pasaporte|reisepass|national[\s_-]id(?:entity|entification)?"
    r"|identity[\s_-]card|id[\s_-]card|personal[\s_-](?:id|number)|personalausweis"
    r"|dni|nie|nif|cpf|curp|aadhaar|aadhar|pesel|bsn|nino|national[\s_-]insurance"
    r"|tax(?:payer)?[\s_-]?(?:id|identification)|tin|itin|ssn|sin|social[\s_-]security"
    r"|social[\s_-]insurance|voter|visa|residence[\s_-]permit|green[\s_-]card|nid"
    r"|government[\s_-]id|citizen(?:ship)?)"
)
_LICENCE = (
    r"(?:driv(?:er|ing|er['\u2019]?s|ers['\u2019]?)[\s_'\u2019-]{0,2}s?[\s_-]?(?:licen[cs]e|permit)"
    r"|licen[cs]e|f[üu]hrerschein|permis\s+de\s+conduire|dl|license[\s_-]plate|vin)"
)


def _after(words: str, score: float = LIKELY) -> tuple[tuple[str, str, float], ...]:
    """Write the patterns of a value that follows one of some words."""
    lead = r"(?<![a-z])" + words
    return (
        ("after words", lead + _NO + _IS + r"\K" + _DATE + _ID, score),
        (
            "after a number word",
            lead + _LONG_NO + _TAG_IS + r"\K" + _DATE + _ID,
            score,
        ),
        (
            "digits after words",
            lead
            + _TAG_IS
            + r"(?:of\s|ending(?:\sin)?\s)?\K"
            + _DATE
            + r"(?=\w{0,4}\d)[\w-]{0,6}\d{4,}[\w-]{0,10}\b",
            score,
        ),
    )


_SSN = (
    ("shape", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", LIKELY),
    ("shape with other marks", r"(?<![\w.-])\d{3}([ .])\d{2}\1\d{4}(?![\w-])", WEAK),
    (
        "after words",
        r"\b(?:ssn|social(?:\s+security)?|soc\s+sec|sin|itin)"
        + _NO
        + _TAG_IS
        + r"\K\d{3}[ .-]?\d{2}[ .-]?\d{4}\b",
        SURE,
    ),
    (
        "last four",
        (
            r"\b(?:ssn|social)\b[^\n.\d]{0,20}\b(?:ending|last\s+(?:four|4))\b"
            r"[^\n.\d]{0,12}\K\d{4}\b"
        ),
        LIKELY,
    ),
)

_GROUP = r"[ .\u00a0-]"
_CARD = (
    (
        "four groups",
        r"(?<![\w.-])[2-6]\d{3}(" + _GROUP + r")\d{4}\1\d{4}\1\d{1,7}(?![\w-])",
        LIKELY,
    ),
    (
        "four, six, five",
        r"(?<![\w.-])3[0-9]\d{2}(" + _GROUP + r")\d{6}\1\d{4,5}(?![\w-])",
        LIKELY,
    ),
    (
        "issuer and length",
        (
            r"(?<![\w.-])(?:4\d{12}(?:\d{3}){0,2}|5[0-9]\d{14}|2[2-7]\d{14}"
            r"|3[47]\d{13}|3[0689]\d{12}|35\d{14}|6(?:011|5\d\d)\d{12})(?![\w-])"
        ),
        WEAK,
    ),
    (
        "rare length",
        r"(?<![\w.-])(?:(?:2131|1800)\d{11}|4\d{18}|6(?:011|5\d\d)\d{15})(?![\w-])",
        LIKELY,
    ),
    (
        "after words",
        (
            r"\b(?:card|visa|master\s?card|amex|american\s+express|discover"
            r"|maestro|diners|jcb|credit|debit|cc|pan)\b[^\n\d]{0,28}?\K"
            r"\d(?:[ .-]?\d){11,18}\b"
        ),
        LIKELY,
    ),
)

_IBAN = (
    (
        "shape",
        (
            r"(?-i:(?<![A-Za-z0-9])[A-Z]{2})\d{2}(?=(?:[ ]?[0-9A-Z]){0,30})(?:[ ]?"
            r"(?-i:[0-9A-Z]){4}){2,7}(?:[ ]?(?-i:[0-9A-Z]){1,3})?(?![A-Za-z0-9])"
        ),
        LIKELY,
    ),
    (
        "after words",
        (
            r"\biban\b[^\n\d]{0,16}?\K[a-z]{2}\d{2}(?:[ -]?[0-9a-z]{4}){2,7}"
            r"(?:[ -]?[0-9a-z]{1,3})?(?![a-z0-9])"
        ),
        SURE,
    ),
)

_PREFIXES = (
    r"(?:EMP|STAFF|STU|BADGE|MRN|MR|PT|PAT|PATIENT|ACC|ACCT|ACT|CUST|CUS|CLT|MEM|MBR"
    r"|NH|NID|NHI|INS|POL|DL|PP|SSN|TIN|UID|USR|USER|ID|HIN|HIC|RX|REF|CLM|CASE)"
)
_PREFIXED = (
    (
        "known prefix",
        r"(?<![\w-])(?-i:" + _PREFIXES + r")[-_:#]?(?=[A-Z0-9-]{0,16}\d{3})"
        r"(?-i:[A-Z0-9][A-Z0-9-]{3,20})(?<!-)(?![\w-])",
        LIKELY,
    ),
    (
        "letters and digits",
        (
            r"(?<![\w-])"
            r"(?!(?:SKU|ISBN|EAN|UPC|GTIN|ISO|RFC|CVE|CWE|INV|ORD|PO|SO|TKT|REV|VER|PART|LOT"
            r"|BUG|PR|JIRA)[-_])(?-i:[A-Z]{2,5})[-_]\d{5,12}(?![\w-])"
        ),
        LIKELY,
    ),
    ("joined", r"(?<![\w-])(?-i:[A-Z]{1,2})\d{6,9}(?-i:[A-Z]{0,2})(?![\w-])", WEAK),
    (
        "mixed",
        r"(?<![\w-])(?-i:[A-Z])\d{1,3}-\d{3,4}-\d{4}(?:-\d{1,4})?(?![\w-])",
        LIKELY,
    ),
    ("letter, digit, letter", r"(?<![\w-])(?-i:[A-Z]\d[A-Z])\d{5,7}(?![\w-])", LIKELY),
    (
        "long number",
        r"(?<![\w./=+$€£-])(?<!\d[,:])\d{8,19}(?![\w.,:/-]?\d|[\w%])",
        WEAK,
    ),
    ("national number", r"(?<![\w.-])\d{4}[ -]\d{4}[ -]\d{4}(?![\w-])", LIKELY),
)

_PHONE_WORD = (
    r"(?:phone|t[ée]l(?:[ée]phone|efon[eo]?|[ée]fono)?|mobile?|mob|m[óo]vil|cell(?:phone)?"
    r"|cellulare|celular|fax|call(?:ed|ing)?|(?:handy|ruf|telefon)nummer|gsm|num[ée]ro"
    r"|n[úu]mero|nummer|kom[óo]rka"
    r"|text(?:ed)?|sms|whats\s?app|desk|office|home|work|contact|handy|portable|dial"
    r"|reach(?:ed)?(?:\s+(?:me|us|him|her|them))?|ring|ph|number|num|no|signal|viber)"
)
_NO_PART = (  # a number of a thing
    r"(?<!\b(?:part|item|serial|model|invoice|order|article|lot|batch|tracking|ticket|case"
    r"|version|page|line|room|flight|build|job|step|issue)[ .-])"
)
_PHONE = (
    ("in a URL", r"%2B\K[1-9]\d{7,14}(?!\w)", SURE),
    (
        "said at",
        (
            r"\b(?:call|reach|ring|text|phone|contact|whatsapp|message)\w{0,4}\b[^\n\d+()]{0,40}?"
            r"\b(?:at|on|under)\s\K\+?\(?\d(?:[\s./()-]{0,2}\d){6,13}(?![\w%]|[.:/-]\d)"
        ),
        LIKELY,
    ),
    (
        "north american, international",
        (
            r"(?<![\w+])\+1[ .-]?\(?\d{3}\)?[ .-]{0,2}\d{3}"
            r"[ .-]?\d{4}(?:\s{0,2}(?:x|ext\.?)\s?\d{1,6})?(?!\d)"
        ),
        SURE,
    ),
    (
        "international",
        (
            r"(?<![\w+])\+(?!1[^\d]?\(?\d{3})\(?\d{1,3}\)?(?:[\s./()\u2010-\u2015\u00a0-]{0,3}"
            r"\d){6,13}(?:\s{0,2}(?:x|ext\.?)\s?\d{1,6})?(?!\d)"
        ),
        SURE,
    ),
    (
        "double zero",
        r"(?<![\w.+-])00[1-9]\d{0,2}(?:[\s./()-]{0,2}\d){7,12}(?!\w)",
        LIKELY,
    ),
    (
        "north american",
        (
            r"(?<![\w.+-])(?:1[ .-])?\(?[2-9]\d{2}\)?[ .-]{0,2}\d{3}[ .-]\d{4}"
            r"(?:\s{0,2}(?:x|ext\.?)\s?\d{1,6})?(?![\w-])"
        ),
        LIKELY,
    ),
    (
        "area code in brackets",
        (
            r"(?<![\w.])\(\+?\d{1,5}\)[ .-]?\d(?:[ .-]?\d){4,10}"
            r"(?![\w-])"
        ),
        LIKELY,
    ),
    (
        "trunk zero",
        r"(?<![\w.,:/+-])0[1-9]\d{0,4}(?:[ ./-]\d{2,8}){1,5}(?![\w:/-]|\.\d)",
        LIKELY,
    ),
    ("trunk zero, joined", r"(?<![\w.,:/+-])0[1-9]\d{8,9}(?![\w.:/-])", LIKELY),
    (
        "after words",
        _NO_PART + r"\b" + _PHONE_WORD + r"\b[^\n\d+()]{0,14}?\K(?<![\d-])\+?\(?\d"
        r"(?:[\s./()-]{0,2}\d){6,13}(?:\s{0,2}(?:x|ext\.?)\s?\d{1,6})?(?![\w%]|[.:/-]\d)",
        LIKELY,
    ),
    (
        "grouped",
        (
            r"(?<![\w.,:/$€£+-])\d{2,4}([ -])\d{2,4}\1\d{2,4}(?:\1\d{2,4}){0,2}"
            r"(?![\w.,:/-])"
        ),
        WEAK,
    ),
)

_IP = (
    (
        "after words",
        r"\bip(?:v[46])?(?:[\s_-]?(?:address|addr))?" + _IS + r"\K[0-9a-f.:]{7,45}\b",
        LIKELY,
    ),
    (
        "eight groups",
        r"(?<![0-9a-f:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![0-9a-f]|:[0-9a-f])",
        SURE,
    ),
)

NUMBER_GROUPS: Final[dict[str, PatternGroup]] = {
    "OptinMedicalNumber": PatternGroup("MEDICAL_RECORD", r"\p{Nd}", _after(_MEDICAL)),
    "OptinAccountNumber": PatternGroup(
        "ACCOUNT_NUMBER",
        r"\p{Nd}",
        (
            *_after(_ACCOUNT),
            *_after(_BUSINESS, WEAK),
            (
                "groups after words",
                r"(?<![a-z])(?:account|acct|a/c|konto|kontonummer|cuenta|compte|conto"
                r"|conta|rekening)"
                + _NO
                + _TAG_IS
                + r"\K\d{2,5}(?:[ -]\d{2,5}){1,6}\b",
                LIKELY,
            ),
        ),
    ),
    "OptinEmployeeNumber": PatternGroup("EMPLOYEE_ID", r"\p{Nd}", _after(_WORK)),
    "OptinDocumentNumber": PatternGroup(
        "IDENTITY_DOCUMENT",
        r"\p{Nd}",
        (
            *_after(_DOCUMENT),
            *_after(_LICENCE),
            (
                "spaced",
                r"\b" + _DOCUMENT + _LONG_NO + _TAG_IS + r"\K" + _SPACED,
                LIKELY,
            ),
        ),
    ),
    "OptinPrefixedNumber": PatternGroup("ID_NUMBER", r"\p{Nd}{3}", _PREFIXED),
    "OptinSocialSecurity": PatternGroup("US_SSN", r"\p{Nd}", _SSN),
    "OptinCard": PatternGroup("CREDIT_CARD", r"\p{Nd}{4}|\p{Nd}[ .-]", _CARD),
    "OptinIban": PatternGroup("IBAN_CODE", r"\p{Nd}{2}", _IBAN),
    "OptinPhone": PatternGroup("PHONE_NUMBER", r"\p{Nd}", _PHONE),
    "OptinAddressAfterWords": PatternGroup(
        "IP_ADDRESS", r"(?i:ip)|:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:", _IP
    ),
}
"""By the recogniser's name."""
