"""The one error that the decoders raise, with reasons that never change their name."""

from __future__ import annotations

from enum import StrEnum

from ....policies.errors import OptinError

__all__ = ["ConsentStringError", "Malformed"]


class Malformed(StrEnum):
    """Why a string is refused; the words are stable."""

    AMBIGUOUS = "ambiguous"
    CHARACTERS = "characters"
    CMP_ID = "cmp_id"
    COUNTRY = "country"
    DATES = "dates"
    EMPTY_SEGMENT = "empty_segment"
    HEADER = "header"
    LANGUAGE = "language"
    LENGTH = "length"
    PURPOSE_ID = "purpose_id"
    RANGE_ORDER = "range_order"
    RESTRICTION_TYPE = "restriction_type"
    SECTION_COUNT = "section_count"
    SEGMENT_DUPLICATE = "segment_duplicate"
    SEGMENT_TYPE = "segment_type"
    TOO_LONG = "too_long"
    TRAILING_BITS = "trailing_bits"
    TRUNCATED = "truncated"
    VENDOR_ID = "vendor_id"
    VERSION = "version"


_MEANINGS: dict[Malformed, str] = {
    Malformed.AMBIGUOUS: "it reads differently under the two range encodings in use",
    Malformed.CHARACTERS: "it holds a character outside its alphabet",
    Malformed.CMP_ID: "its CMP id is 0, which no platform has",
    Malformed.COUNTRY: "its publisher country is not two letters",
    Malformed.DATES: "it was last updated before it was created",
    Malformed.EMPTY_SEGMENT: "one of its parts is empty",
    Malformed.HEADER: "its header is not that of a GPP string of version 1",
    Malformed.LANGUAGE: "its consent language is not two letters",
    Malformed.LENGTH: "no encoder gives a part of that many characters",
    Malformed.PURPOSE_ID: "a restriction names a purpose outside 1 to 24",
    Malformed.RANGE_ORDER: "a range ends before it starts",
    Malformed.RESTRICTION_TYPE: "a restriction has a type that is not defined",
    Malformed.SECTION_COUNT: "it has more or fewer sections than its header lists",
    Malformed.SEGMENT_DUPLICATE: "one of its parts stands in it twice",
    Malformed.SEGMENT_TYPE: "one of its parts has a type that is not defined there",
    Malformed.TOO_LONG: "it is longer than any string of its format",
    Malformed.TRAILING_BITS: "more than padding follows its last field",
    Malformed.TRUNCATED: "it ends before its last field",
    Malformed.VENDOR_ID: "a range names a vendor that its own maximum excludes",
    Malformed.VERSION: "its version is not one that this decoder reads",
}


class ConsentStringError(OptinError, ValueError):
    """A consent string that is not well formed; it is never read in part.

    Attributes:
        reason: stable word for the cause, fit for counting.

    The text of the string is not kept: a consent string singles people out.
    """

    def __init__(self, reason: Malformed) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Say what is wrong and what to do, without any part of the string."""
        return (
            f"consent string: {self.reason}: {_MEANINGS[self.reason]}; "
            "ask for the string again where it was collected"
        )
