"""Numbers that name somebody, told by check digits, ranges and plans, not by context."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher
from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.es import nie, nif
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.se import personnummer
from stdnum.us import ssn

__all__ = ["Trace", "number_traces"]


class Trace(NamedTuple):
    """What a value seems to hold; never the value.

    Attributes:
        entity: one of `policies.residual.RESIDUAL_ENTITIES`.
        certain: its form leaves hardly another meaning: a check digit, a plan.
    """

    entity: str
    certain: bool


_CARD = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){11,18}(?![\w-]|[.,]\d)")
_CARD_FORMS = re.compile(  # ISO/IEC 7812: issuers' prefixes and lengths
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d"
    r"|2720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_MAC = re.compile(
    r"(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"(?![0-9A-Fa-f:-])"
)
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d")
_NO_DIGITS = frozenset("0-")
_NO_MAC = frozenset("0:-")
# An address, with the length of its network if one is written. A version or a part of
# a path is none: "Chrome/120.0.0.0", "v1.2.3.4", "1.2.3.4.5".
_IPV4 = re.compile(
    r"(?<![0-9A-Za-z.-])(?<!\w/)\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2}(?!\d))?"
    r"(?![0-9A-Za-z-]|\.\d)"
)
_NETWORK = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]+)/\d{1,3}(?![\w.])"
)
_VERSION = re.compile(r"(?:version|build|release|ver|v)[\s.:=]{0,3}$", re.IGNORECASE)
_IPV6 = re.compile(
    r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
    r"(?:/\d{1,3}(?!\d))?(?![0-9A-Za-z:])"
)
_REGIONS: Final = ("US", "GB", "DE", "FR", "IN", "BR", "AU", "ES")
_FEWEST_PHONE_DIGITS = 7


def number_traces(text: str) -> Iterator[Trace]:
    """Find numbers that name somebody: text → traces, repeats among them."""
    digits = len(_DIGITS.findall(text))
    if text.count(":") >= 2 and any(map(_is_address, _IPV6.findall(text))):
        yield Trace("IP_ADDRESS", certain=True)
    hyphens = text.count("-")
    if max(hyphens, text.count(":")) >= 5 and any(
        set(m.group()) - _NO_MAC for m in _MAC.finditer(text)
    ):
        yield Trace("MAC_ADDRESS", certain=True)
    if hyphens >= 4 and any(set(m.group()) - _NO_DIGITS for m in _UUID.finditer(text)):
        yield Trace("UUID", certain=False)
    if digits < 4:
        return
    if "." in text and any(_is_ipv4(m) for m in _IPV4.finditer(text)):
        yield Trace("IP_ADDRESS", certain=True)
    if digits >= 12:
        if any(_is_card(m.group()) for m in _CARD.finditer(text)):
            yield Trace("CREDIT_CARD", certain=True)
        if any(_is_iban(m.group()) for m in _IBAN.finditer(text)):
            yield Trace("IBAN_CODE", certain=True)
    for form, valid, certain in _NATIONAL:
        if any(valid(m.group()) for m in form.finditer(text)):
            yield Trace("NATIONAL_ID", certain)
    if digits >= _FEWEST_PHONE_DIGITS:
        yield from _phones(_without_networks(text))


def _is_card(candidate: str) -> bool:
    digits = re.sub(r"[ -]", "", candidate)
    return bool(_CARD_FORMS.fullmatch(digits)) and luhn.is_valid(digits)


def _is_iban(candidate: str) -> bool:
    """Tell whether a right IBAN begins here; words may follow it after a space."""
    words = re.split(r"[ -]", candidate.upper())
    return any(
        iban.is_valid("".join(words[:count]), check_country=False)
        for count in range(1, len(words) + 1)
    )


def _is_ipv4(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 12) : match.start()]
    return _VERSION.search(before) is None and _is_address(match.group())


def _is_address(candidate: str) -> bool:
    """Tell an address of one machine from a network and from what is none."""
    if "/" in candidate:
        try:
            network = ipaddress.ip_network(candidate)
        except ValueError:  # bits behind the network's length, or no address at all
            return _is_address(candidate.partition("/")[0])
        return network.num_addresses == 1
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback or address.is_multicast)


def _without_networks(text: str) -> str:
    """Blank what is written as an IP network: in some plan its digits are a number."""
    if "/" not in text:
        return text
    return _NETWORK.sub(lambda m: " " if _is_network(m.group()) else m.group(), text)


def _is_network(candidate: str) -> bool:
    try:
        ipaddress.ip_network(candidate)
    except ValueError:
        return False
    return True


def _phones(text: str) -> Iterator[Trace]:
    """Find numbers that are valid somewhere; a bare run of digits is only possible.

    Without `+` a number counts in the eight most usual plans.
    """
    if "+" in text and any(
        match.raw_string.startswith(("+", "(+"))
        for match in PhoneNumberMatcher(text, None, leniency=Leniency.VALID)
    ):
        yield Trace("PHONE_NUMBER", certain=True)
        return
    possible = False
    for region in _REGIONS:
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
            raw = match.raw_string
            if raw.isdigit():
                possible = True
                continue
            number: Any = match.number
            if _is_grouped(raw) and phonenumbers.is_valid_number(number):
                yield Trace("PHONE_NUMBER", certain=True)
                return
    if possible:
        yield Trace("PHONE_NUMBER", certain=False)


def _is_grouped(raw: str) -> bool:
    """Tell whether digits stand in two or more groups, as people write numbers."""
    return len(re.findall(r"\d+", raw)) >= 2


_NATIONAL: Final[tuple[tuple[re.Pattern[str], Callable[[str], bool], bool], ...]] = (
    (re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), ssn.is_valid, True),
    (re.compile(r"(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)"), cpf.is_valid, True),
    (
        re.compile(r"\b[A-Za-z]{6}[0-9A-Za-z]{2}[A-Za-z][0-9A-Za-z]{2}[A-Za-z]\w{4}\b"),
        codicefiscale.is_valid,
        True,
    ),
    (re.compile(r"(?<!\w)\d{6}[-+A-FU-Y]\d{3}[0-9A-Y](?!\w)"), hetu.is_valid, True),
    (
        re.compile(r"(?<![\w-])(?:\d\d)?\d{6}[-+]\d{4}(?![\w-])"),
        personnummer.is_valid,
        False,
    ),
    (
        re.compile(r"\b[12] ?\d\d ?\d\d ?\d\w ?\d{3} ?\d{3} ?\d\d\b"),
        nir.is_valid,
        False,
    ),
    (re.compile(r"\b\d{8}-?[A-Z]\b"), nif.is_valid, False),
    (re.compile(r"\b[XYZ]-?\d{7}-?[A-Z]\b"), nie.is_valid, False),
    (
        re.compile(r"(?<![\w-])\d{4}[ -]\d{4}[ -]\d{4}(?![\w-]| \d)"),
        aadhaar.is_valid,
        False,
    ),
)
"""Form, check and whether that is certain. Forms without punctuation or with one check
digit in ten are met by chance."""
