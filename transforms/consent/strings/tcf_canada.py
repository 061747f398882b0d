"""Strict decoder of the Canadian TCF section of a GPP string, version 1.0 and 1.1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from .bits import Bits, flags, letters
from .errors import ConsentStringError, Malformed
from .fibonacci import read_fibonacci_ranges
from .tcf import (
    PublisherRestriction,
    PublisherTc,
    instant,
    read_publisher,
    read_restrictions,
)
from .vendors import VendorSet, read_ranges, read_vendors

__all__ = ["TcfCanada", "decode_tcf_canada"]

_HEAD_BITS = 199  # all fields of fixed place, up to the first vendor list
_MAX_SEGMENTS = 3

_T = TypeVar("_T")
_Ranges = Callable[[Bits, int, int], tuple[VendorSet, int]]
_Lists = tuple[VendorSet, VendorSet, tuple[PublisherRestriction, ...]]


@dataclass(frozen=True, slots=True)
class TcfCanada:
    """A Canadian TCF section. Fields are named as in `TcfString`.

    Attributes:
        version: 1.
        created: when the string was first made, UTC.
        last_updated: when its choices last changed, UTC.
        cmp_id: consent platform that wrote it; 0 is let through.
        cmp_version: its version.
        consent_screen: screen of the platform on which the choice was made.
        consent_language: two letters, upper case.
        vendor_list_version: Global Vendor List in force.
        policy_version: TCF Canada policy in force.
        non_standard_stacks: the platform used stacks of its own.
        special_features_express: special features expressly consented to.
        purposes_express: purposes expressly consented to.
        purposes_implied: purposes under implied consent.
        vendors_express: vendors expressly consented to.
        vendors_implied: vendors under implied consent.
        restrictions: of the publisher; none before version 1.1.
        vendors_disclosed: vendors shown to the user; null without that segment.
        publisher: the publisher's purposes, express consents first, implied ones where
            `PublisherTc` says legitimate interest; null without that segment.
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
    non_standard_stacks: bool
    special_features_express: frozenset[int]
    purposes_express: frozenset[int]
    purposes_implied: frozenset[int]
    vendors_express: VendorSet
    vendors_implied: VendorSet
    restrictions: tuple[PublisherRestriction, ...]
    vendors_disclosed: VendorSet | None
    publisher: PublisherTc | None


def decode_tcf_canada(text: str) -> TcfCanada:
    """Decode a Canadian TCF section, or refuse it.

    The specification asks for ranges in Fibonacci coding, the reference encoder wrote
    them with fixed width: the one that fits to the last bit counts, and a string that
    both fit, with another meaning, is refused.

    Raises:
        ConsentStringError: the section is not well formed.

    Not covered: publisher restrictions beside ranges in Fibonacci coding are refused.
    """
    first, *others = text.split(".", _MAX_SEGMENTS)
    bits = Bits(first)
    if bits.uint(0, 6) != 1:
        raise ConsentStringError(Malformed.VERSION)
    language = letters(bits.uint(108, 12))
    if language is None:
        raise ConsentStringError(Malformed.LANGUAGE)
    created, last_updated = bits.uint(6, 36), bits.uint(42, 36)
    if last_updated < created:
        raise ConsentStringError(Malformed.DATES)
    express, implied, restrictions = _fitting(partial(_read_lists, bits))
    disclosed, publisher = _read_options(others)
    return TcfCanada(
        version=1,
        created=instant(created),
        last_updated=instant(last_updated),
        cmp_id=bits.uint(78, 12),
        cmp_version=bits.uint(90, 12),
        consent_screen=bits.uint(102, 6),
        consent_language=language,
        vendor_list_version=bits.uint(120, 12),
        policy_version=bits.uint(132, 6),
        non_standard_stacks=bits.flag(138),
        special_features_express=flags(bits.uint(139, 12), 12),
        purposes_express=flags(bits.uint(151, 24), 24),
        purposes_implied=flags(bits.uint(175, 24), 24),
        vendors_express=express,
        vendors_implied=implied,
        restrictions=restrictions,
        vendors_disclosed=disclosed,
        publisher=publisher,
    )


def _fitting(read_as: Callable[[_Ranges], _T]) -> _T:
    """Read under both range encodings; give what fits, if there is one meaning."""
    found: list[_T] = []
    failure = ConsentStringError(Malformed.TRUNCATED)
    for ranges in (read_fibonacci_ranges, read_ranges):
        try:
            found.append(read_as(ranges))
        except ConsentStringError as error:
            failure = error
    if not found:
        raise failure
    if found[0] != found[-1]:
        raise ConsentStringError(Malformed.AMBIGUOUS)
    return found[0]


def _read_lists(bits: Bits, read: _Ranges) -> _Lists:
    express, position = _read_vendors_as(bits, _HEAD_BITS, read)
    implied, position = _read_vendors_as(bits, position, read)
    restrictions: tuple[PublisherRestriction, ...] = ()
    if bits.size - position >= 12:  # version 1.0 has no restrictions
        restrictions, position = read_restrictions(bits, position)
    if restrictions and read is read_fibonacci_ranges:
        raise ConsentStringError(Malformed.AMBIGUOUS)
    bits.finish(position)
    return express, implied, restrictions


def _read_vendors_as(bits: Bits, position: int, read: _Ranges) -> tuple[VendorSet, int]:
    if bits.uint(position, 17) & 1:
        return read(bits, position + 17, bits.uint(position, 16))
    return read_vendors(bits, position)


def _read_options(texts: list[str]) -> tuple[VendorSet | None, PublisherTc | None]:
    """Read the optional segments: disclosed vendors and publisher's purposes."""
    disclosed: VendorSet | None = None
    publisher: PublisherTc | None = None
    for text in texts:
        bits = Bits(text)
        kind = bits.uint(0, 3)
        if (kind == 1 and disclosed is not None) or (kind == 3 and publisher):
            raise ConsentStringError(Malformed.SEGMENT_DUPLICATE)
        if kind == 1:
            disclosed = _fitting(partial(_read_disclosed, bits))
        elif kind == 3:
            publisher = read_publisher(bits)
            bits.finish(57 + 2 * publisher.custom_purposes)
        else:
            raise ConsentStringError(Malformed.SEGMENT_TYPE)
    return disclosed, publisher


def _read_disclosed(bits: Bits, read: _Ranges) -> VendorSet:
    vendors, end = _read_vendors_as(bits, 3, read)
    bits.finish(end)
    return vendors
