"""Presidio's PhoneRecognizer without the attempts that cannot succeed.

It reads a text once per region. Most of what looks like a number there is a date, a
year or an id with fewer digits than any number that can be dialled in the region; to
know that takes no parsing.
"""

from __future__ import annotations

import re
from re import _parser as sre  # type: ignore[attr-defined]  # not in typeshed
from typing import Any

import phonenumbers
from phonenumbers.phonenumbermatcher import PhoneNumberMatcher
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

__all__ = ["PHONE_GATE", "Phones"]

PHONE_GATE = r"[0-9\x{80}-\x{10ffff}](?:[^0-9A-WYZa-wyz]{0,4}[0-9\x{80}-\x{10ffff}]){3}"
"""RE2 pattern of every text with a phone number: the shortest valid one of all regions
has four digits, and phonenumbers puts up to four punctuation marks, `x` among them,
between two digits of a number."""

_SHORTEST_ABROAD = 6  # country code and number, of all countries; a test counts again
_PLUS = frozenset("+\uff0b")


class Phones:
    """The spans of one PhoneRecognizer: text → set of (start, end)."""

    def __init__(self, recognizer: PhoneRecognizer) -> None:
        self._leniency = recognizer.leniency or 0
        self._regions = {
            region: _fewest_digits(region) for region in recognizer.supported_regions
        }

    def find(self, text: str) -> set[tuple[int, int]]:
        """Find every number that is valid in one of the regions."""
        return {
            (match.start, match.end)
            for region, fewest in self._regions.items()
            for match in _Matcher(text, region, self._leniency, fewest)
        }


class _Matcher(PhoneNumberMatcher):
    def __init__(self, text: str, region: str, leniency: int, fewest: int) -> None:
        super().__init__(text, region, leniency=leniency)
        self._fewest = fewest

    def _parse_and_verify(self, candidate: str, offset: int) -> Any:
        digits = sum(map(str.isdigit, candidate))
        if digits < self._fewest and _PLUS.isdisjoint(candidate):
            return None
        return super()._parse_and_verify(candidate, offset)


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
