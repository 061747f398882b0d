"""Presidio's PhoneRecognizer without the attempts that cannot succeed.

It reads a text once per region. Most of what looks like a number there is a date, a
year or an id with fewer digits than any number that can be dialled in the region; to
know that takes no parsing.
"""

from __future__ import annotations

import functools
import re
from re import _parser as sre  # type: ignore[attr-defined]  # not in typeshed
from typing import Any, NamedTuple

import phonenumbers
import re2
from phonenumbers import Leniency
from phonenumbers.phonenumbermatcher import _PATTERN, PhoneNumberMatcher
from phonenumbers.phonenumberutil import _SECOND_NUMBER_START_PATTERN
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

__all__ = ["PHONE_GATE", "Phones"]

PHONE_GATE = r"[0-9\x{80}-\x{10ffff}](?:[^0-9A-WYZa-wyz]{0,4}[0-9\x{80}-\x{10ffff}]){3}"
"""RE2 pattern of every text with a phone number: the shortest valid one of all regions
has four digits, and phonenumbers puts up to four punctuation marks, `x` among them,
between two digits of a number."""

_SHORTEST_ABROAD = 6  # country code and number, of all countries; a test counts again
_PLUS = frozenset("+\uff0b")
_PLAIN = re.compile(r"[0-9 ()./-]*")
_NO_DIGIT = re.compile(r"[^0-9]")
_KINDS = (
    "fixed_line",
    "mobile",
    "pager",
    "personal_number",
    "premium_rate",
    "shared_cost",
    "toll_free",
    "uan",
    "voicemail",
    "voip",
)


class Phones:
    """The spans of one PhoneRecognizer: text → set of (start, end)."""

    def __init__(self, recognizer: PhoneRecognizer) -> None:
        self._leniency = recognizer.leniency or 0
        valid = self._leniency >= Leniency.VALID
        self._plans = {
            region: _Plan(_fewest_digits(region), _possible(region) if valid else None)
            for region in recognizer.supported_regions
        }

    def find(self, text: str) -> set[tuple[int, int]]:
        """Find every number that is valid in one of the regions."""
        candidates = _candidates(text)
        return {
            (match.start, match.end)
            for region, plan in self._plans.items()
            if any(plan.may_hold(*candidate) for candidate in candidates)
            for match in _Matcher(text, region, self._leniency, plan)
        }


class _Plan(NamedTuple):
    """What a number of a region must have that is written without `+`.

    Attributes:
        fewest: digits.
        possible: RE2 pattern of all digits of it; null: any.
    """

    fewest: int
    possible: Any

    def may_hold(self, candidate: str, digits: int) -> bool:
        """Tell whether a candidate can be a number, or a part of it can."""
        if digits < self.fewest:
            return not _PLUS.isdisjoint(candidate)
        # Digits without a mark between them are never taken apart.
        return not (candidate.isascii() and candidate.isdigit()) or self.may_be(
            candidate
        )

    def may_be(self, candidate: str) -> bool:
        """Tell whether the whole of a candidate can be a number.

        One with a letter or a mark that can begin an extension is not looked into.
        """
        if self.possible is None or not _PLAIN.fullmatch(candidate):
            return True
        return self.possible.fullmatch(_NO_DIGIT.sub("", candidate)) is not None


def _candidates(text: str) -> list[tuple[str, int]]:
    """Give what PhoneNumberMatcher tries where nothing is valid, and its digits."""
    found = []
    match = _PATTERN.search(text)
    while match is not None:
        candidate = _SECOND_NUMBER_START_PATTERN.split(match.group(), 1)[0]
        found.append((candidate, sum(map(str.isdigit, candidate))))
        match = _PATTERN.search(text, match.start() + len(candidate))
    return found


class _Matcher(PhoneNumberMatcher):
    def __init__(self, text: str, region: str, leniency: int, plan: _Plan) -> None:
        super().__init__(text, region, leniency=leniency)
        self._plan = plan

    def _parse_and_verify(self, candidate: str, offset: int) -> Any:
        digits = sum(map(str.isdigit, candidate))
        if digits < self._plan.fewest and _PLUS.isdisjoint(candidate):
            return None
        if not self._plan.may_be(candidate):
            return None
        return super()._parse_and_verify(candidate, offset)


@functools.cache
def _possible(region: str) -> Any:
    """Compile what all digits of a valid number are that has no `+`.

    Left out are what phonenumbers takes away before it looks at the number itself: the
    country code once, the national prefix before and after that look. Whatever begins
    as an international call does is possible.
    """
    own: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if own is None or own.national_prefix_transform_rule:
        return None
    numbers = {
        kind.national_number_pattern
        for sharing in phonenumbers.region_codes_for_country_code(own.country_code)
        for data in [phonenumbers.PhoneMetadata.metadata_for_region(sharing)]
        for name in _KINDS
        for kind in [getattr(data, name, None)]
        if kind is not None and kind.national_number_pattern
    }
    prefix = own.national_prefix_for_parsing
    number = "|".join(sorted(numbers))
    before = f"(?:{own.country_code})?"
    before += f"(?:{prefix}){{0,2}}" if prefix else ""
    abroad = f"|(?:{own.international_prefix}).*" if own.international_prefix else ""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(f"(?:{before}(?:{number})){abroad}", options)
    except re2.error:
        return None


def _fewest_digits(region: str) -> int:
    """Count the digits of the shortest number without `+` that is valid in a region."""
    own: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if own is None:
        return 0
    rule = own.national_prefix_transform_rule or ""
    if not re.fullmatch(r"(?:\\\d)*", rule):  # it may make a number longer
        return 0
    lengths = [
        length
        for sharing in phonenumbers.region_codes_for_country_code(own.country_code)
        for length in _lengths(sharing)
    ]
    abroad = _SHORTEST_ABROAD
    if own.international_prefix:
        abroad += sre.parse(own.international_prefix).getwidth()[0]
    return min([*lengths, abroad])


def _lengths(region: str) -> tuple[int, ...]:
    data: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return tuple(data.general_desc.possible_length) if data is not None else ()
