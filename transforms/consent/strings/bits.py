"""Bits of one base64url segment, read where they are asked for.

A field of w bits costs the same wherever it stands: only the bytes it touches are
turned into a number, so reading stays linear however long a string is.
"""

from __future__ import annotations

import binascii
import string

from .errors import ConsentStringError, Malformed

__all__ = ["MAX_CHARACTERS", "Bits", "flags", "letters"]

MAX_CHARACTERS = 131_072
"""Longest string that is read. Three full vendor bitfields of 65,535 ids, the most that
a TC string can need without restrictions, take 32,768 characters."""

_ALPHABET = (string.ascii_letters + string.digits + "-_").encode()
# To the alphabet of `binascii`; every other character to one that it refuses.
_STANDARD = bytes(
    {45: 43, 95: 47}.get(n, n) if n in _ALPHABET else 33 for n in range(256)
)
_FILL = (b"", b"", b"AA", b"A")  # by length modulo 4; "A" is six zero bits
_SLACK = bytes(8)  # a window of five bytes may start at the last byte

# Encoders in use fill up to whole bytes, then to whole groups of four characters, and
# some count a field twice: anything beyond is not padding.
_MAX_PADDING = 63


class Bits:
    """One segment as bits, most significant first.

    Attributes:
        data: the bytes, followed by eight zero bytes that are not part of it.
        size: number of bits of the segment, six a character.
    """

    __slots__ = ("data", "size")

    def __init__(self, segment: str) -> None:
        """Decode base64url without padding.

        Raises:
            ConsentStringError: `empty_segment`, `too_long`, `characters` or `length`.
        """
        if not segment:
            raise ConsentStringError(Malformed.EMPTY_SEGMENT)
        characters = len(segment)
        if characters > MAX_CHARACTERS:
            raise ConsentStringError(Malformed.TOO_LONG)
        try:
            # Bits left over of the last byte are kept, to be checked as padding.
            filled = (
                segment.encode("ascii").translate(_STANDARD) + _FILL[characters & 3]
            )
            self.data = binascii.a2b_base64(filled, strict_mode=True) + _SLACK
        except ValueError:  # of both
            raise ConsentStringError(_fault(segment)) from None
        self.size = characters * 6

    def uint(self, start: int, width: int) -> int:
        """Read `width` bits from bit `start` as an unsigned number.

        Raises:
            ConsentStringError: `truncated`, if the segment ends before.
        """
        end = start + width
        if end > self.size:
            raise ConsentStringError(Malformed.TRUNCATED)
        last = (end + 7) >> 3
        window = int.from_bytes(self.data[start >> 3 : last], "big")
        return (window >> ((last << 3) - end)) & ((1 << width) - 1)

    def flag(self, position: int) -> bool:
        """Tell whether the bit at `position`, known to be inside, is set."""
        return bool(self.data[position >> 3] & (0x80 >> (position & 7)))

    def finish(self, position: int) -> None:
        """Check that nothing but padding follows `position`, the end of all fields.

        Raises:
            ConsentStringError: `truncated` or `trailing_bits`.
        """
        left = self.size - position
        if left < 0:
            raise ConsentStringError(Malformed.TRUNCATED)
        if left > _MAX_PADDING:
            raise ConsentStringError(Malformed.TRAILING_BITS)
        if not left:
            return
        # What is left of this byte, then 64 bits: up to the last of 63 and into the
        # slack, whose bits are zero.
        byte = position >> 3
        rest = self.data[byte + 1 : byte + 9]
        if self.data[byte] & (0xFF >> (position & 7)) or rest != _SLACK:
            raise ConsentStringError(Malformed.TRAILING_BITS)


def _fault(segment: str) -> Malformed:
    """Tell why a segment is not base64url."""
    if segment.isascii() and not segment.encode().translate(None, _ALPHABET):
        return Malformed.LENGTH
    return Malformed.CHARACTERS


def flags(value: int, width: int) -> frozenset[int]:
    """Give the 1-based positions, from the left, of the bits set in `value`."""
    return frozenset(n for n in range(1, width + 1) if value >> (width - n) & 1)


def letters(value: int) -> str | None:
    """Read a two-letter code of six bits a letter; null if one is beyond Z."""
    first, second = value >> 6, value & 63
    if first > 25 or second > 25:
        return None
    return chr(65 + first) + chr(65 + second)
