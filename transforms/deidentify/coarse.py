"""Coarser values: the start of a period, the cell of a place, a masked or mapped text.

Pure functions from Arrow array to Arrow array, as in `actions`. Null stays null.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .distinct import as_array, count_letters, map_distinct, map_values

__all__ = ["geohash", "mask", "period_labels", "replace", "time_truncate"]

_NO_TEXT = pa.scalar(None, pa.string())
_BASE32 = np.frombuffer(b"0123456789bcdefghjkmnpqrstuvwxyz", dtype=np.uint8)
_MICROS = {"minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}
_BITS = 5  # of a place in one character of a geohash


def time_truncate(array: pa.Array, period: str) -> pa.Array:
    """Put every time at the start of its period, in UTC: the type stays.

    Weeks start on Monday (ISO 8601), quarters in January, April, July and October.

    Args:
        array: date32, or timestamp[us] in UTC.
        period: `minute`, `hour`, `day`, `week`, `month`, `quarter` or `year`.
    """
    step = _MICROS.get(period)
    if step is None or array.null_count or not pa.types.is_timestamp(array.type):
        return pc.floor_temporal(array, unit=period)
    micros = array.cast(pa.int64()).to_numpy()
    if len(micros) and micros.min() < step - 2**63:  # its start would be out of range
        return pc.floor_temporal(array, unit=period)
    return pa.array(micros // step * step).cast(array.type)


def period_labels(array: pa.Array, period: str) -> pa.Array:
    """Name the period of every date: date32 → string.

    `2026`, `2026-Q2`, `2026-05`, `2026-W19`. Other than the start of the period, no
    label is a date, so the birthday of someone born on 1 January does not pass as it is.

    Args:
        array: the dates.
        period: `week` (ISO 8601), `month`, `quarter` or `year`.

    Raises:
        ValueError: the period is another.
    """
    forms = {"week": "%G-W%V", "month": "%Y-%m", "year": "%Y", "quarter": "%Y-Q"}
    if period not in forms:
        message = f"no label for the period {period!r}; use {', '.join(forms)}"
        raise ValueError(message)

    def label(dates: pa.Array) -> pa.Array:
        texts = pc.strftime(dates, format=forms[period])
        if period != "quarter":
            return texts
        quarters = pc.quarter(dates).cast(pa.string())
        return pc.binary_join_element_wise(texts, quarters, "")

    return map_distinct(as_array(array), label)


def mask(
    array: pa.Array, *, first: int, last: int, char: str, strict: bool
) -> pa.Array:
    """Put a character for all of a text but its ends: string → string.

    The length stays. A text not longer than what would stay readable is masked whole.

    Args:
        array: the texts.
        first: leading characters that stay.
        last: trailing characters that stay.
        char: put for each of the others.
        strict: the text names somebody: if more than half of its letters and digits
            would stay readable, it is masked whole, and where even that is what came
            in, it is null.
    """

    def hide(texts: pa.Array) -> pa.Array:
        lengths = pc.utf8_length(texts)
        whole = pc.greater_equal(pa.scalar(first + last, lengths.type), lengths)
        ends = []
        if first:
            ends.append(pc.utf8_slice_codeunits(texts, start=0, stop=first))
        if last:
            ends.append(pc.utf8_slice_codeunits(texts, start=-last))
        if strict and ends:
            told = [count_letters(end) for end in ends]
            twice = pc.multiply(told[0] if len(told) == 1 else pc.add(*told), 2)
            whole = pc.or_(whole, pc.greater(twice, count_letters(texts)))
        hidden = pc.if_else(whole, lengths, pc.subtract(lengths, first + last))
        parts = [pc.binary_repeat(pa.scalar(char), hidden)]
        if first:
            parts.insert(0, pc.if_else(whole, "", ends[0]))
        if last:
            parts.append(pc.if_else(whole, "", ends[-1]))
        masked = pc.binary_join_element_wise(*parts, "")
        if not strict:
            return masked
        return pc.if_else(pc.equal(masked, texts), _NO_TEXT, masked)

    return map_values(as_array(array), hide)


def replace(
    array: pa.Array, mapping: Mapping[str, str | None], *, keep: bool
) -> pa.Array:
    """Replace values by a table: any → string.

    Args:
        array: the values; they are looked up by their text (`true`, `12`).
        mapping: text → what is put for it; null for null.
        keep: a value that the table lacks stays; else it becomes null.
    """
    known = pa.array(list(mapping), pa.string())
    targets = pa.array(list(mapping.values()), pa.string())

    def look_up(texts: pa.Array) -> pa.Array:
        places = pc.index_in(texts, value_set=known)
        found = targets.take(places)
        return pc.if_else(places.is_null(), texts, found) if keep else found

    return map_distinct(as_array(array).cast(pa.string()), look_up)


def geohash(latitudes: pa.Array, longitudes: pa.Array, length: int) -> pa.Array:
    """Name the geohash cell of every place: float64, float64 → string.

    A cell of 5 characters is at most 4.9 km wide and high, one more divides it by 32
    (Niemeyer 2008; https://en.wikipedia.org/wiki/Geohash). A place that is not on the
    globe, or lacks a coordinate, is null.

    Args:
        latitudes: degrees north, -90 to 90.
        longitudes: degrees east, -180 to 180.
        length: characters, 1 to 12.
    """
    lat, lon = _degrees(latitudes), _degrees(longitudes)
    with np.errstate(invalid="ignore"):
        valid = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
    count = _BITS * length
    cells = (
        _cells(np.where(valid, lon, 0.0), 360, (count + 1) // 2),
        _cells(np.where(valid, lat, 0.0), 180, count // 2),
    )
    letters = np.zeros((length, len(lat)), dtype=np.uint8)
    left = [(count + 1) // 2, count // 2]
    for place in range(count):
        axis = place % 2  # longitude first, then by turns
        left[axis] -= 1
        bit = (cells[axis] >> left[axis]).astype(np.uint8) & 1
        letters[place // _BITS] |= bit << (_BITS - 1 - place % _BITS)
    text = np.ascontiguousarray(_BASE32[letters].T)
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(length), len(lat), [None, pa.py_buffer(text)]
    )
    return pc.if_else(pa.array(valid), fixed.cast(pa.binary()).cast(pa.string()), None)


def _degrees(array: pa.Array) -> npt.NDArray[np.float64]:
    floats = as_array(array).cast(pa.float64()).fill_null(float("nan"))
    values: npt.NDArray[np.float64] = floats.to_numpy(zero_copy_only=False)
    return values


def _cells(
    degrees: npt.NDArray[np.float64], span: int, bits: int
) -> npt.NDArray[np.int64]:
    """Number the cells of an axis from its lower end, each closed below."""
    scale = 2.0**bits / span
    numbers = np.floor(degrees * scale)
    # The product may round across an edge; the edges themselves are exact.
    numbers -= numbers * span / 2.0**bits > degrees
    numbers += (numbers + 1) * span / 2.0**bits <= degrees
    half = 2 ** (bits - 1) if bits else 0
    return np.clip(numbers.astype(np.int64) + half, 0, max(2**bits - 1, 0))
