"""Numbers and ranges in Fibonacci coding, as GPP writes them.

A number is a sum of Fibonacci numbers 1, 2, 3, 5, …, smallest first, one bit each; no
two neighbours are used, so `11` ends it.
"""

from __future__ import annotations

from .bits import Bits
from .errors import ConsentStringError, Malformed
from .vendors import VendorSet

__all__ = ["read_fibonacci", "read_fibonacci_ranges", "read_fibonacci_spans"]

_MAX_BITS = 24  # codes up to 75,024: all vendor ids, and more sections than exist


def read_fibonacci(bits: Bits, position: int) -> tuple[int, int]:
    """Read one number, at least 1; give it and the position after it.

    Raises:
        ConsentStringError: `truncated`, or `vendor_id` if it is larger than any id.
    """
    value, previous = 0, False
    weight, following = 1, 2
    for _ in range(_MAX_BITS):
        if position >= bits.size:
            raise ConsentStringError(Malformed.TRUNCATED)
        current = bits.flag(position)
        position += 1
        if current and previous:
            return value, position
        if current:
            value += weight
        previous = current
        weight, following = following, weight + following
    raise ConsentStringError(Malformed.VENDOR_ID)


def read_fibonacci_spans(
    bits: Bits, position: int
) -> tuple[tuple[tuple[int, int], ...], int]:
    """Read a count and as many closed ranges, each told by its distance to the last.

    Raises:
        ConsentStringError: what `read_fibonacci` raises.
    """
    count = bits.uint(position, 12)
    position += 12
    last, spans = 0, []
    for _ in range(count):
        grouped = bits.uint(position, 1)
        distance, position = read_fibonacci(bits, position + 1)
        first = last = last + distance
        if grouped:
            distance, position = read_fibonacci(bits, position)
            last = first + distance
        spans.append((first, last))
    return tuple(spans), position


def read_fibonacci_ranges(
    bits: Bits, position: int, max_id: int
) -> tuple[VendorSet, int]:
    """Read ranges of vendors, none above `max_id`.

    Raises:
        ConsentStringError: `vendor_id`, or what `read_fibonacci` raises.
    """
    spans, position = read_fibonacci_spans(bits, position)
    if spans and spans[-1][1] > max_id:
        raise ConsentStringError(Malformed.VENDOR_ID)
    return VendorSet(max_id, spans), position
