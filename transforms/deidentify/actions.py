"""What is done to a column's values: pure functions from Arrow array to Arrow array.

Null stays null in all of them but `redact`. None works row by row in Python; what needs
Python at all (IPv6) sees each distinct value once.
"""

from __future__ import annotations

import ipaddress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.signals import Scalar
from .distinct import as_array, count_letters, map_distinct, row_weights
from .identifiers import IPV4, parse_ip
from .ipv4 import ipv4_networks
from .keys import ColumnCache, hmac_digests

__all__ = [
    "bucket",
    "bucket_type",
    "keep_prefix",
    "redact",
    "redacted_type",
    "round_digits",
    "shift_dates",
    "subject_shifts",
    "truncate_ip",
]

_NO_TEXT = pa.scalar(None, pa.string())
_DAY_MICROS = 86_400_000_000
_PIECE = 16_384  # rows whose working arrays fit a core's own memory


def truncate_ip(array: pa.Array, bits: int, bits_v6: int) -> tuple[pa.Array, int]:
    """Cut IP addresses to their network: string → (string, rows that were unreadable).

    The result reads `203.0.113.0/24`. IPv4 carried inside IPv6 is cut as IPv4. What is
    no address becomes null, never itself, and is counted.

    Args:
        array: addresses as text.
        bits: leading bits kept of an IPv4 address, 1 to 31.
        bits_v6: leading bits kept of an IPv6 address, 1 to 127.
    """
    networks = ipv4_networks(array, bits)
    if networks is not None:
        return networks, 0
    encoded = array.dictionary_encode()
    texts = encoded.dictionary
    plain = pc.match_substring_regex(texts, IPV4)
    mask = plain.to_numpy(zero_copy_only=False)
    slow = [
        _cut_other(text, bits, bits_v6)
        for text in texts.filter(pc.invert(plain)).to_pylist()
    ]
    cut = pc.replace_with_mask(
        pc.replace_with_mask(
            pa.nulls(len(texts), pa.string()),
            plain,
            ipv4_networks(texts.filter(plain), bits),
        ),
        pa.array(~mask),
        pa.array(slow, pa.string()),
    )
    unread = cut.is_null().to_numpy(zero_copy_only=False)
    return cut.take(encoded.indices), int(row_weights(encoded)[unread].sum())


def _cut_other(text: str, bits: int, bits_v6: int) -> str | None:
    address = parse_ip(text)
    if address is None:
        return None
    kept = bits if address.version == 4 else bits_v6
    network = ipaddress.ip_network((int(address), kept), strict=False)
    if network.version != address.version:  # a small IPv6 number reads as IPv4
        network = ipaddress.IPv6Network((int(address), kept), strict=False)
    return network.compressed


def round_digits(array: pa.Array, digits: int) -> pa.Array:
    """Round to `digits` decimals, half to even: int64 → int64, float64 → float64.

    Negative digits round to tens, hundreds and so on. A float is scaled first, so where
    it lies within its own precision of a tie, the last digit may differ from decimal
    rounding. An integer whose rounding int64 cannot hold goes the other way.
    """
    if pa.types.is_floating(array.type):
        return _round_floats(array, digits)
    if digits >= 0:
        return array
    if digits < -18:
        return pc.if_else(array.is_valid(), 0, array)
    step = 10**-digits
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    lower = values // step
    rest = values - lower * step
    up = (rest > step // 2) | ((rest == step // 2) & (lower % 2 == 1))
    lower += up & (lower < (2**63 - 1) // step)
    lower += lower < -(2**63 // step)
    return _like(lower * step, array)


def _round_floats(array: pa.Array, digits: int) -> pa.Array:
    # Not pc.round: it gives a value back unchanged where scaling it underflows.
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(values, digits)
    # Past 2^53 / 10^digits a float has no decimals left to lose.
    finite = np.isfinite(rounded)
    out = rounded if finite.all() else np.where(finite, rounded, values)
    if array.null_count == 0:
        return pa.array(out, array.type)
    return pa.array(
        out, array.type, mask=~array.is_valid().to_numpy(zero_copy_only=False)
    )


def bucket(array: pa.Array, width: float) -> pa.Array:
    """Give the lower edge of each value's bucket `[n * width, (n + 1) * width)`.

    int64 stays int64 under an integral width below 2^53; all else is float64, where a
    value within its own precision of an edge may fall on either side. The label is the
    edge alone: 1984 in buckets of 10 is 1980. An edge that int64 cannot hold is null.
    """
    if pa.types.is_integer(bucket_type(array.type, width)):
        step = int(width)
        values = array.fill_null(0).to_numpy(zero_copy_only=False)
        lower = values // step
        return _like(lower * step, array, lower >= -(2**63 // step))
    floats = array.cast(pa.float64(), safe=False)
    return pc.multiply(pc.floor(pc.divide(floats, width)), width)


def bucket_type(kind: pa.DataType, width: float) -> pa.DataType:
    """Give the type of a bucketed column whose type was `kind`."""
    integral = float(width).is_integer() and width < 2**53
    return pa.int64() if pa.types.is_integer(kind) and integral else pa.float64()


def subject_shifts(
    subjects: pa.Array, key: bytes, max_days: int, cache: ColumnCache | None = None
) -> pa.Array:
    """Give each data subject's own shift in days: uint64 → int64.

    Uniform over -max_days … max_days without 0, fixed by the key and the subject, and
    computed once per distinct subject.

    Args:
        subjects: tokens of people.
        key: derived key of the column.
        max_days: the longest shift.
        cache: remembers the shifts of blocks before, under this key and `max_days`.
    """

    def shifts(distinct: pa.Array) -> pa.Array:
        data = distinct.to_numpy(zero_copy_only=False).astype("<u8").tobytes()
        texts = (data[at : at + 8] for at in range(0, len(data), 8))
        starts = b"".join(digest[:8] for digest in hmac_digests(texts, key))
        drawn = np.frombuffer(starts, dtype=">u8").astype(np.uint64)
        days = (drawn % np.uint64(2 * max_days)).astype(np.int64) - max_days
        return pa.array(days + (days >= 0))

    if cache is None:
        return map_distinct(subjects, shifts)
    return cache.map(subjects, shifts, pa.int64())


def shift_dates(
    array: pa.Array, days: pa.Array, max_days: int | None = None
) -> pa.Array:
    """Move dates or times by whole days: date32 or timestamp[us] → the same type.

    All dates of a subject move together, so their order and distances stay; the time of
    day stays too. A null shift or a result out of range is null.

    Args:
        array: the dates or times.
        days: by how many days each is moved.
        max_days: no shift is larger either way, if that is known (as of
            `subject_shifts`); it saves a look at all of them.
    """
    if pa.types.is_date(array.type):
        plain, unit, lowest, highest = pa.int32(), 1, -(2**31), 2**31 - 1
    else:
        plain, unit, lowest, highest = pa.int64(), _DAY_MICROS, -(2**63), 2**63 - 1
    numbers = array.cast(plain).cast(pa.int64())
    if numbers.null_count == days.null_count == 0:
        most = _largest(days) if max_days is None else max_days
        sums = _added(numbers, days, unit, most, lowest, highest)
        if sums is not None:
            return sums.cast(plain).cast(array.type)
    try:
        offsets = pc.multiply_checked(days, unit)
        return pc.add_checked(numbers, offsets).cast(plain).cast(array.type)
    except pa.ArrowInvalid:  # something is out of range: it alone becomes null
        pass
    values = numbers.fill_null(0)
    moved = values.to_numpy(zero_copy_only=False).copy()
    offset = days.fill_null(0).to_numpy(zero_copy_only=False) * unit
    fits = (moved <= highest - np.maximum(offset, 0)) & (
        moved >= lowest - np.minimum(offset, 0)
    )
    valid = fits & pc.and_(array.is_valid(), days.is_valid()).to_numpy(
        zero_copy_only=False
    )
    out = pa.array(moved + np.where(fits, offset, 0), pa.int64(), mask=~valid)
    return out.cast(plain).cast(array.type)


def _largest(days: pa.Array) -> int:
    ends = pc.min_max(days).as_py()
    return max(abs(ends["min"] or 0), abs(ends["max"] or 0))


def _added(
    numbers: pa.Array, days: pa.Array, unit: int, most: int, lowest: int, highest: int
) -> pa.Array | None:
    """Add so many days to every number, or give nothing if any sum may be out of range."""
    if len(numbers) == 0:
        return numbers
    ends = pc.min_max(numbers).as_py()
    reach = most * unit
    if reach >= 2**63 or ends["min"] - reach < lowest or ends["max"] + reach > highest:
        return None
    start, shift = numbers.to_numpy(), days.to_numpy()
    buffer = pa.allocate_buffer(8 * len(start))
    out = np.frombuffer(buffer, np.int64)
    for at in range(0, len(start), _PIECE):
        old, by = start[at : at + _PIECE], shift[at : at + _PIECE]
        new = out[at : at + _PIECE]
        np.multiply(by, unit, out=new)
        np.add(old, new, out=new)
    return pa.Array.from_buffers(pa.int64(), len(start), [None, buffer])


def redact(array: pa.Array, replacement: Scalar) -> pa.Array:
    """Put one constant in every row, null rows too: the column says nothing any more.

    The type follows the replacement; without one it is the column's, all null.
    """
    kind = redacted_type(array.type, replacement)
    if replacement is None:
        return pa.nulls(len(array), kind)
    return pa.repeat(pa.scalar(replacement, kind), len(array))


def redacted_type(kind: pa.DataType, replacement: Scalar) -> pa.DataType:
    """Give the type of a redacted column whose type was `kind`."""
    if replacement is None:
        return kind
    return pa.scalar(replacement).type


def keep_prefix(array: pa.Array, characters: int, *, strict: bool) -> pa.Array:
    """Keep the leading characters of each value's text: any → string.

    Dates read as ISO 8601, so 4 characters of a date are its year.

    Args:
        array: the column.
        characters: how many are kept.
        strict: the value names somebody: if more than half of its letters and digits
            would stay, it is null.
    """

    def cut(values: pa.Array) -> pa.Array:
        texts = pc.utf8_trim_whitespace(values)
        kept = pc.utf8_slice_codeunits(texts, start=0, stop=characters)
        if not strict:
            return kept
        twice = pc.multiply(count_letters(kept), 2)
        same = pc.or_(pc.equal(kept, texts), pc.greater(twice, count_letters(texts)))
        return pc.if_else(same, _NO_TEXT, kept)

    # A dictionary would cost more than cutting every row does.
    return cut(as_array(array).cast(pa.string()))


def _like(
    values: npt.NDArray[np.int64],
    array: pa.Array,
    fits: npt.NDArray[np.bool_] | None = None,
) -> pa.Array:
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    if fits is not None:
        valid = valid & fits
    return pa.array(values, array.type, mask=~valid)
