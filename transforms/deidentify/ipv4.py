"""Dotted IPv4 addresses, read and cut by NumPy: no regular expression, no Python."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ipv4_networks"]

_PIECE = 16_384  # rows whose working arrays fit a core's own memory
_DOT, _ZERO = np.uint8(ord(".")), np.uint8(ord("0"))
_OCTETS = 4
_HALF = 16  # bits


def ipv4_networks(array: pa.Array, bits: int) -> pa.Array | None:
    """Cut IPv4 addresses to their network: string → string, `203.0.113.0/24`.

    Null stays null. Null is also the whole answer if any text is not four numbers of 0
    to 255 without leading zeros, with dots between them.

    Args:
        array: addresses as text.
        bits: leading bits kept, 1 to 31.
    """
    texts = array.drop_null()
    made = []
    for start in range(0, len(texts), _PIECE):
        numbers = _numbers(texts.slice(start, _PIECE))
        if numbers is None:
            return None
        made.append(_texts(numbers, bits))
    out = pa.concat_arrays(made) if made else pa.array([], pa.string())
    if array.null_count == 0:
        return out
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return out.take(pa.array(np.cumsum(valid) - 1, mask=~valid))


def _numbers(texts: pa.Array) -> npt.NDArray[np.uint32] | None:
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    if bounds[0] == bounds[-1]:
        return None
    text = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    bounds = bounds - bounds[0]
    dots = np.flatnonzero(text == _DOT).astype(np.int32)
    digits = text - _ZERO  # what is below 0 becomes large
    others = np.count_nonzero(digits > 9)
    if len(dots) != (_OCTETS - 1) * len(texts) or others != len(dots):
        return None
    ends = np.empty((_OCTETS, len(texts)), np.int32)
    ends[:-1], ends[-1] = dots.reshape(-1, _OCTETS - 1).T, bounds[1:]
    starts = np.empty_like(ends)
    starts[0], starts[1:] = bounds[:-1], ends[:-1] + 1
    lengths = ends - starts
    # Lengths above 0 also say that each text has three dots of its own.
    if lengths.min() < 1 or lengths.max() > 3:
        return None
    two, three = lengths > 1, lengths > 2
    # A place before the first byte wraps round: it is multiplied by 0.
    octets = digits.take(ends - 1).astype(np.uint16)
    octets += digits.take(ends - 2, mode="wrap") * (two * np.uint16(10))
    octets += digits.take(ends - 3, mode="wrap") * (three * np.uint16(100))
    leading = two & (digits.take(starts) == 0)
    if octets.max() > 255 or leading.any():
        return None
    numbers: npt.NDArray[np.uint32] = np.zeros(len(texts), np.uint32)
    for octet in octets:
        numbers <<= np.uint32(8)
        numbers |= octet
    return numbers


def _texts(numbers: npt.NDArray[np.uint32], bits: int) -> pa.Array:
    kept = numbers >> np.uint32(32 - bits)
    if bits <= _HALF:
        return _tails(bits).take(pa.array(kept))
    low = kept & np.uint32(2 ** (bits - _HALF) - 1)
    heads = _heads().take(pa.array(numbers >> np.uint32(_HALF)))
    return pc.binary_join_element_wise(heads, _tails(bits).take(pa.array(low)), "")


@cache
def _heads() -> pa.Array:
    """Give the texts of the upper two numbers: `203.0.`."""
    return pa.array([f"{high >> 8}.{high & 255}." for high in range(2**_HALF)])


@cache
def _tails(bits: int) -> pa.Array:
    """Give the texts from the upper half on, or from the lower, as far as bits reach."""
    if bits <= _HALF:
        uppers = (kept << (_HALF - bits) for kept in range(2**bits))
        return pa.array([f"{half >> 8}.{half & 255}.0.0/{bits}" for half in uppers])
    lowers = (kept << (32 - bits) for kept in range(2 ** (bits - _HALF)))
    return pa.array([f"{half >> 8}.{half & 255}/{bits}" for half in lowers])
