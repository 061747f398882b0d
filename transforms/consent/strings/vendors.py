"""Vendor lists inside a consent string: bitfield or ranges, checked whole, read lazily.

`read_vendors` reads the field of TC strings (maximum id, kind bit, then either one bit
a vendor or fixed-width ranges), `read_ranges` the bare ranges of a restriction. Both
check every entry at once, because a string that is wrong anywhere must not grant, but
neither lists ids before somebody asks for them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from .bits import Bits
from .errors import ConsentStringError, Malformed

__all__ = ["NOBODY", "VendorSet", "read_ranges", "read_vendors", "read_vendors_after"]

_MAX_ID = 0xFFFF
_EIGHT_BYTES = struct.Struct(">Q").unpack_from


class VendorSet(Set[int]):
    """Vendor ids, held as they were encoded; a set like any other.

    Attributes:
        max_id: largest id that the encoding could hold.
        spans: closed ranges of ids in the order of the string; null for a bitfield.
    """

    __slots__ = ("_field", "_offset", "max_id", "spans")

    def __init__(
        self,
        max_id: int = 0,
        spans: tuple[tuple[int, int], ...] | None = (),
        field: bytes = b"",
        offset: int = 0,
    ) -> None:
        self.max_id = max_id
        self.spans = spans
        self._field = field  # bytes that cover the bitfield; unused for ranges
        self._offset = offset  # bits of `field` before the bit of vendor 1

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> Set[Any]:
        """Build the result of a set operation."""
        ids = sorted(set(it))
        return cls(ids[-1] if ids else 0, tuple((n, n) for n in ids))

    def __contains__(self, vendor: object) -> bool:
        """Tell whether the id is listed, without listing the others."""
        if not isinstance(vendor, int) or not 1 <= vendor <= self.max_id:
            return False
        if self.spans is None:
            position = self._offset + vendor - 1
            return bool(self._field[position >> 3] & (0x80 >> (position & 7)))
        for start, end in self.spans:  # noqa: SIM110 (`any` takes twice the time)
            if start <= vendor <= end:
                return True
        return False

    def __iter__(self) -> Iterator[int]:
        """Give the ids in rising order."""
        return iter(self._ids().tolist())

    def __len__(self) -> int:
        """Count distinct ids."""
        return int(self._ids().size)

    def __hash__(self) -> int:
        """Hash as any set of the same ids does."""
        return self._hash()

    def __repr__(self) -> str:
        """Show the size only: the list can be long and singles people out."""
        return f"VendorSet(<= {self.max_id})"

    def _ids(self) -> npt.NDArray[np.int64]:
        if self.spans is None:
            bits = np.unpackbits(np.frombuffer(self._field, dtype=np.uint8))
            mask = bits[self._offset : self._offset + self.max_id]
            return np.flatnonzero(mask) + 1
        mask = np.zeros(self.max_id + 1, dtype=np.uint8)
        for start, end in self.spans:
            mask[start : end + 1] = 1
        return np.flatnonzero(mask)


NOBODY = VendorSet()
"""No vendor at all."""


def read_vendors(bits: Bits, position: int) -> tuple[VendorSet, int]:
    """Read a vendor field at `position`; give it and the position after it.

    Raises:
        ConsentStringError: `truncated`, `vendor_id` or `range_order`.
    """
    # 17 bits, whatever their offset, lie in three bytes. Reading past the end gives
    # zeros, and the check of the end catches it.
    byte = position >> 3
    window = int.from_bytes(bits.data[byte : byte + 3], "big")
    head = window >> (7 - (position & 7)) & 0x1FFFF
    return read_vendors_after(bits, position + 17, head)


def read_vendors_after(bits: Bits, position: int, head: int) -> tuple[VendorSet, int]:
    """Read what follows the first 17 bits of a vendor field, `head`, at `position`.

    Raises:
        ConsentStringError: what `read_vendors` raises.
    """
    max_id = head >> 1
    if head & 1:
        return read_ranges(bits, position, max_id)
    end = position + max_id
    if end > bits.size:
        raise ConsentStringError(Malformed.TRUNCATED)
    if not max_id:
        return NOBODY, end
    field = bits.data[position >> 3 : (end + 7) >> 3]
    return VendorSet(max_id, None, field, position & 7), end


def read_ranges(
    bits: Bits, position: int, max_id: int = _MAX_ID
) -> tuple[VendorSet, int]:
    """Read a count and as many ids or ranges, none above `max_id`.

    Raises:
        ConsentStringError: `truncated`, `vendor_id` or `range_order`.
    """
    count = bits.uint(position, 12)
    position += 12
    if position + 17 * count > bits.size:  # the shortest entry has 17 bits
        raise ConsentStringError(Malformed.TRUNCATED)
    data, size = bits.data, bits.size
    spans: list[tuple[int, int]] = []
    add = spans.append
    try:
        for _ in range(count):
            # 40 bits from `position` on, which hold the 33 of the longest entry.
            window = _EIGHT_BYTES(data, position >> 3)[0] >> (24 - (position & 7))
            start = end = window >> 23 & 0xFFFF
            if window & 0x8000000000:
                end = window >> 7 & 0xFFFF
                position += 33
            else:
                position += 17
            if not 0 < start <= end <= max_id:
                raise ConsentStringError(
                    _range_fault(position > size, start, end, max_id)
                )
            add((start, end))
    except struct.error:  # beyond even the slack
        raise ConsentStringError(Malformed.TRUNCATED) from None
    if position > size:  # into the slack, whose bits are zero
        raise ConsentStringError(Malformed.TRUNCATED)
    return VendorSet(max_id, tuple(spans)), position


def _range_fault(beyond: bool, start: int, end: int, max_id: int) -> Malformed:
    """Tell what is wrong with a range, of several faults the first."""
    if beyond:
        return Malformed.TRUNCATED
    if start == 0 or end > max_id:
        return Malformed.VENDOR_ID
    return Malformed.RANGE_ORDER
