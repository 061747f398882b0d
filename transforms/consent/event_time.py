"""Event time of each record, in microseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.model import EventTime
from .view import BlockView, Mask

__all__ = ["event_times", "to_micros"]

Micros = npt.NDArray[np.int64]

_PER_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}
_MOST_DIGITS = 18  # what a 64-bit number surely holds
_WHOLE = r"^-?[0-9]{1,18}$"
_DECIMAL = r"^-?[0-9]{1,12}\.[0-9]{1,9}$"
_ISO_WITH_ZONE = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)$"
_ODD_OFFSET = re.compile(r"T.*[+-]\d{2}:?[6-9]\d")
# Years 1 and 9999: what a timestamp of the release can still be printed as.
_EARLIEST = -62_135_596_800_000_000
_LATEST = 253_402_300_799_999_999


def event_times(view: BlockView, spec: EventTime) -> tuple[Micros, Mask]:
    """Read the event time of every row.

    Returns:
        Microseconds since 1970 UTC (0 where unknown), and which rows have a time that
        reads as the policy says. A naive ISO time without `tz` has none.
    """
    if spec.fixed is not None:
        instant = to_micros(spec.fixed)
        return np.full(view.rows, instant), np.ones(view.rows, dtype=np.bool_)
    if spec.field is None:  # the loader refuses such a policy
        return np.zeros(view.rows, dtype=np.int64), np.zeros(view.rows, dtype=np.bool_)
    texts = view.array(spec.field)
    if pa.types.is_timestamp(texts.type):  # the input's own type says it all
        times = texts.cast(pa.int64())
    elif spec.unit == "iso8601":
        times = _from_iso(texts, spec.tz)
    else:
        times = _from_number(texts, _PER_UNIT[spec.unit])
    if not times.null_count and view.rows:
        bounds = pc.min_max(times).as_py()
        if bounds["min"] >= _EARLIEST and bounds["max"] <= _LATEST:
            return times.to_numpy(), np.ones(view.rows, dtype=np.bool_)
    micros = times.fill_null(0).to_numpy(zero_copy_only=False)
    known = times.is_valid().to_numpy(zero_copy_only=False)
    known &= (micros >= _EARLIEST) & (micros <= _LATEST)
    return np.where(known, micros, 0), known


def _from_number(texts: pa.Array, per_unit: int) -> pa.Array:
    """Read numbers since 1970; anything that is no number becomes null."""
    if pc.all(pc.ascii_is_decimal(texts)).as_py() is not False:
        longest = pc.max(pc.binary_length(texts)).as_py() or 0
        if longest + len(str(per_unit)) - 1 <= _MOST_DIGITS:  # no sum leaves 64 bits
            return pc.multiply(texts.cast(pa.int64()), per_unit)
    trimmed = pc.utf8_trim_whitespace(texts)
    whole = _where(trimmed, pc.match_substring_regex(trimmed, _WHOLE))
    micros = _scaled(whole.cast(pa.int64()), per_unit)
    if micros.null_count > texts.null_count:
        decimal = _where(trimmed, pc.match_substring_regex(trimmed, _DECIMAL))
        scaled = pc.multiply(decimal.cast(pa.float64()), float(per_unit))
        micros = pc.coalesce(micros, pc.round(scaled).cast(pa.int64(), safe=False))
    return micros


def _scaled(numbers: pa.Array, per_unit: int) -> pa.Array:
    """Give whole numbers of a unit as microseconds; null where 64 bits do not do."""
    limit = (2**63 - 1) // per_unit
    fits = pc.and_(pc.less(numbers, limit), pc.greater(numbers, -limit))
    return pc.multiply(_where(numbers, fits), per_unit)


def _from_iso(texts: pa.Array, tz: str | None) -> pa.Array:
    """Read ISO 8601 texts, by Arrow's kernel where it can, else by distinct value."""
    trimmed = pc.utf8_trim_whitespace(texts)
    zoned = pc.match_substring_regex(trimmed, _ISO_WITH_ZONE)
    if pc.all(zoned.fill_null(True)).as_py():
        try:
            return trimmed.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        except pa.ArrowInvalid:
            pass  # 2026-02-30 and the like: told apart value by value below
    encoded = pc.dictionary_encode(trimmed)
    zone = ZoneInfo(tz) if tz else None
    micros = pa.array(
        [_parse_iso(text, zone) for text in encoded.dictionary.to_pylist()], pa.int64()
    )
    return micros.take(encoded.indices)


def _parse_iso(text: str, zone: ZoneInfo | None) -> int | None:
    """Read one ISO 8601 text.

    A naive time is read in `zone`. A local time that a clock change skips or repeats
    names no single instant; it counts as unknown.
    """
    # Python takes an hour of more than 60 minutes in an offset, and a NUL at the end.
    if not text.isprintable() or _ODD_OFFSET.search(text):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    if parsed.tzinfo is not None:
        return to_micros(parsed)
    if zone is None:
        return None
    first = parsed.replace(tzinfo=zone, fold=0)
    second = parsed.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        return None
    return to_micros(first)


def to_micros(instant: datetime) -> int:
    """Give whole microseconds since 1970 UTC, without going through a float."""
    delta = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _where(values: pa.Array, mask: pa.Array) -> pa.Array:
    """Keep values where the mask is true; null elsewhere."""
    return pc.if_else(mask.fill_null(False), values, pa.scalar(None, values.type))
