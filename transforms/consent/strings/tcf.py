"""Strict decoder of IAB TCF strings, version 2.0 to 2.3.

A TC string is a core segment and up to three optional ones, joined by dots. It is
checked whole before anything is read from it: a string that is cut, bent or followed by
anything but padding is refused, because a lenient reader takes missing bits for a yes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .bits import MAX_CHARACTERS, Bits, flags, letters
from .errors import ConsentStringError, Malformed
from .vendors import (
    NOBODY,
    VendorSet,
    read_ranges,
    read_vendors,
    read_vendors_after,
)

__all__ = [
    "Option",
    "PublisherRestriction",
    "PublisherTc",
    "TcfSegments",
    "TcfString",
    "decode_tcf",
    "instant",
    "read_option",
    "read_publisher",
    "read_restrictions",
    "read_segments",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD_BITS = 213  # all fields of fixed place, up to the first vendor list
_MIN_BITS = _HEAD_BITS + 17 + 17 + 12  # two empty vendor lists, no restrictions
_MAX_PURPOSE = 24
_LETTERS = frozenset(first << 6 | second for first in range(26) for second in range(26))
_MAX_SEGMENTS = 4


class PublisherRestriction(NamedTuple):
    """What a publisher forbids to vendors for one purpose.

    Attributes:
        purpose: purpose id, 1 to 24.
        kind: 0 not allowed, 1 consent required, 2 legitimate interest required.
        vendors: the vendors it holds for.
    """

    purpose: int
    kind: int
    vendors: VendorSet


@dataclass(frozen=True, slots=True)
class PublisherTc:
    """The publisher's own purposes; they say nothing about vendors.

    Attributes:
        purposes_consent: standard purposes consented to.
        purposes_li: standard purposes under legitimate interest.
        custom_purposes: number of the publisher's own purposes.
        custom_consent: own purposes consented to.
        custom_li: own purposes under legitimate interest.
    """

    purposes_consent: frozenset[int] = frozenset()
    purposes_li: frozenset[int] = frozenset()
    custom_purposes: int = 0
    custom_consent: frozenset[int] = frozenset()
    custom_li: frozenset[int] = frozenset()


class TcfSegments(NamedTuple):
    """A string checked whole, its fixed fields still packed in one number.

    Attributes:
        head: the first 213 bits of the core segment.
        vendors_consent: vendors consented to.
        vendors_li: vendors under legitimate interest, not objected to.
        restrictions: of the publisher, in the order of the string.
        vendors_disclosed: vendors shown; null without that segment.
        vendors_allowed: obsolete segment; null where it is absent.
        publisher: segment of the publisher's own purposes; null where it is absent.
    """

    head: int
    vendors_consent: VendorSet
    vendors_li: VendorSet
    restrictions: tuple[PublisherRestriction, ...]
    vendors_disclosed: VendorSet | None = None
    vendors_allowed: VendorSet | None = None
    publisher: Bits | None = None

    def field(self, start: int, width: int) -> int:
        """Read one of the fixed fields by its first bit and width."""
        return self.head >> (_HEAD_BITS - start - width) & ((1 << width) - 1)


@dataclass(frozen=True, slots=True)
class TcfString:
    """A TC string in the words of its specification. Ids are 1-based.

    Attributes:
        version: 2.
        created: when the string was first made, UTC.
        last_updated: when its choices last changed, UTC; whole days since TCF 2.2.
        cmp_id: consent platform that wrote it, 1 or more.
        cmp_version: its version.
        consent_screen: screen of the platform on which the choice was made.
        consent_language: two letters, upper case.
        vendor_list_version: Global Vendor List in force.
        policy_version: TCF policy in force.
        service_specific: the choice holds for this publisher alone.
        non_standard_texts: the platform used texts of its own.
        purpose_one_treatment: purpose 1 was not shown to the user.
        publisher_country: two letters, upper case.
        special_features: special features opted in to.
        purposes_consent: purposes consented to.
        purposes_li: purposes under legitimate interest, not objected to.
        vendors_consent: vendors consented to.
        vendors_li: vendors under legitimate interest, not objected to.
        restrictions: of the publisher, in the order of the string.
        vendors_disclosed: vendors shown to the user; null without that segment.
        vendors_allowed: obsolete segment; null where it is absent.
        publisher: publisher's own purposes; null without that segment.
    """

    version: int
    created: datetime
    last_updated: datetime
    cmp_id: int
    cmp_version: int
    consent_screen: int
    consent_language: str
    vendor_list_version: int
    policy_version: int
    service_specific: bool
    non_standard_texts: bool
    purpose_one_treatment: bool
    publisher_country: str
    special_features: frozenset[int]
    purposes_consent: frozenset[int]
    purposes_li: frozenset[int]
    vendors_consent: VendorSet
    vendors_li: VendorSet
    restrictions: tuple[PublisherRestriction, ...]
    vendors_disclosed: VendorSet | None
    vendors_allowed: VendorSet | None
    publisher: PublisherTc | None


def decode_tcf(text: str, *, cmp_zero: bool = False) -> TcfString:
    """Decode a TC string, or refuse it.

    Args:
        text: the string alone, without white space.
        cmp_zero: accept CMP id 0, as GPP's reference decoder does. Consent that no
            platform collected is worth nothing; use it for reading only.

    Returns:
        Every field of every segment.

    Raises:
        ConsentStringError: the string is not well formed; `reason` says why.

    Not covered: the format carries no checksum, so a string whose bits were altered, or
    that lost a whole optional segment, may still be well formed. The Global Vendor List
    is not consulted: a vendor that left it is still found. TCF 1 is refused as
    `version`.
    """
    core = read_segments(text, cmp_zero=cmp_zero)
    language, country = letters(core.field(108, 12)), letters(core.field(201, 12))
    return TcfString(
        version=core.field(0, 6),
        created=instant(core.field(6, 36)),
        last_updated=instant(core.field(42, 36)),
        cmp_id=core.field(78, 12),
        cmp_version=core.field(90, 12),
        consent_screen=core.field(102, 6),
        consent_language=language or "",
        vendor_list_version=core.field(120, 12),
        policy_version=core.field(132, 6),
        service_specific=bool(core.field(138, 1)),
        non_standard_texts=bool(core.field(139, 1)),
        special_features=flags(core.field(140, 12), 12),
        purposes_consent=flags(core.field(152, 24), 24),
        purposes_li=flags(core.field(176, 24), 24),
        purpose_one_treatment=bool(core.field(200, 1)),
        publisher_country=country or "",
        vendors_consent=core.vendors_consent,
        vendors_li=core.vendors_li,
        restrictions=core.restrictions,
        vendors_disclosed=core.vendors_disclosed,
        vendors_allowed=core.vendors_allowed,
        publisher=read_publisher(core.publisher) if core.publisher else None,
    )


def instant(deciseconds: int) -> datetime:
    """Turn tenths of a second since 1970 into a UTC time."""
    return _EPOCH + timedelta(milliseconds=100 * deciseconds)


Option = tuple[int, VendorSet | None, Bits | None]
"""An optional segment: its type, its vendors, or the bits of a publisher's purposes."""


def read_option(segment: str) -> Option:
    """Check an optional segment whole.

    Raises:
        ConsentStringError: the segment is not well formed.
    """
    bits = Bits(segment)
    kind = bits.data[0] >> 5
    if kind == 3:
        bits.finish(57 + 2 * bits.uint(51, 6))
        return kind, None, bits
    if kind not in (1, 2):
        raise ConsentStringError(Malformed.SEGMENT_TYPE)
    vendors, end = read_vendors(bits, 3)
    bits.finish(end)
    return kind, vendors, None


def read_segments(
    text: str,
    *,
    cmp_zero: bool = False,
    option: Callable[[str], Option] = read_option,
) -> TcfSegments:
    """Check a whole TC string and give its segments, vendor lists still encoded.

    Args:
        text: the string.
        cmp_zero: accept CMP id 0.
        option: `read_option`, or a function that remembers what it gave.

    Raises:
        ConsentStringError: the string is not well formed.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConsentStringError(Malformed.TOO_LONG)
    first, *others = text.split(".", _MAX_SEGMENTS)
    head, consent, interest, restrictions = _read_core(Bits(first), cmp_zero)
    disclosed: VendorSet | None = None
    allowed: VendorSet | None = None
    publisher: Bits | None = None
    seen = 0
    for segment in others:
        kind, listed, bits = option(segment)
        if seen >> kind & 1:
            raise ConsentStringError(Malformed.SEGMENT_DUPLICATE)
        seen |= 1 << kind
        if kind == 1:
            disclosed = listed
        elif kind == 2:
            allowed = listed
        else:
            publisher = bits
    return TcfSegments(
        head, consent, interest, restrictions, disclosed, allowed, publisher
    )


_Core = tuple[int, VendorSet, VendorSet, tuple[PublisherRestriction, ...]]


def _read_core(bits: Bits, cmp_zero: bool) -> _Core:
    data, number = bits.data, int.from_bytes
    if data[0] >> 2 != 2:
        raise ConsentStringError(Malformed.VERSION)
    if bits.size < _MIN_BITS:
        raise ConsentStringError(Malformed.TRUNCATED)
    window = number(
        data[:29], "big"
    )  # the head, 17 bits of the vendors' field, two more
    head = window >> 19
    # Bits 78 to 89, 108 to 119 and 201 to 212; small numbers are cheaper to take apart.
    if not (data[9] & 3 or data[10] or data[11] & 0xC0 or cmp_zero):
        raise ConsentStringError(Malformed.CMP_ID)
    if (data[13] & 15) << 8 | data[14] not in _LETTERS:
        raise ConsentStringError(Malformed.LANGUAGE)
    if (data[25] & 0x7F) << 5 | data[26] >> 3 not in _LETTERS:
        raise ConsentStringError(Malformed.COUNTRY)
    if head >> 135 & 0xFFFFFFFFF < head >> 171 & 0xFFFFFFFFF:
        raise ConsentStringError(Malformed.DATES)
    consent, position = read_vendors_after(bits, _HEAD_BITS + 17, window >> 2 & 0x1FFFF)
    # 29 bits, whatever their offset, lie in five bytes. Reading past the end gives
    # zeros, and the check of the end catches it.
    byte = position >> 3
    window = number(data[byte : byte + 5], "big") >> (11 - (position & 7)) & 0x1FFFFFFF
    if not window:  # two lists that are empty
        bits.finish(position + 29)
        return head, consent, NOBODY, ()
    interest, position = read_vendors_after(bits, position + 17, window >> 12)
    byte = position >> 3  # 12 bits, whatever their offset, lie in three bytes
    if number(data[byte : byte + 3], "big") >> (12 - (position & 7)) & 0xFFF:
        restrictions, position = read_restrictions(bits, position)
    else:
        restrictions, position = (), position + 12
    bits.finish(position)
    return head, consent, interest, restrictions


def read_restrictions(
    bits: Bits, position: int
) -> tuple[tuple[PublisherRestriction, ...], int]:
    """Read a publisher's restrictions; give them and the position after them.

    Raises:
        ConsentStringError: `truncated`, `purpose_id`, `restriction_type`, or what
            `read_ranges` raises.
    """
    count = bits.uint(position, 12)
    position += 12
    if not count:
        return (), position
    found = []
    for _ in range(count):
        head = bits.uint(position, 8)
        purpose, kind = head >> 2, head & 3
        if not 1 <= purpose <= _MAX_PURPOSE:
            raise ConsentStringError(Malformed.PURPOSE_ID)
        if kind == 3:
            raise ConsentStringError(Malformed.RESTRICTION_TYPE)
        vendors, position = read_ranges(bits, position + 8)
        found.append(PublisherRestriction(purpose, kind, vendors))
    return tuple(found), position


def read_publisher(bits: Bits) -> PublisherTc:
    """Read a publisher's purposes after a segment type of three bits.

    Raises:
        ConsentStringError: `truncated`.
    """
    custom = bits.uint(51, 6)
    return PublisherTc(
        flags(bits.uint(3, 24), 24),
        flags(bits.uint(27, 24), 24),
        custom,
        flags(bits.uint(57, custom), custom),
        flags(bits.uint(57 + custom, custom), custom),
    )
