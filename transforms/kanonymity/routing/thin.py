"""A histogram that never outgrows its limit: whole, or a uniform sample of its tuples.

Once there are more (tuple, person) pairs than the limit, only tuples whose hash starts
with enough zero bits are kept, as in adaptive sampling (Wegman; P. Flajolet, "On adaptive
sampling", Computing 43, 1990). A tuple is kept with all its people and rows or not at all,
the same in any order, split and bundling; the sample says how many pairs there are, and
teaches a router where to cut.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..counting.codes import encode_column
from ..counting.histogram import Counting, code_histogram_rows, code_rows

__all__ = ["Limited", "State", "estimated_pairs", "thinned_bits"]

_BITS = b"optin:thinned_bits"
_SAMPLED_PAIRS = 65_536

Hashes = npt.NDArray[np.uint64]
State = tuple[int, Counting]


def thinned_bits(histogram: pa.Table) -> int:
    """Tell how often a histogram was halved; 0: it is whole."""
    return int((histogram.schema.metadata or {}).get(_BITS, b"0"))


def estimated_pairs(histogram: pa.Table) -> int:
    """Estimate the (tuple, person) pairs of the whole, at most k a tuple."""
    return int(histogram.num_rows << thinned_bits(histogram))


@dataclass(frozen=True)
class Limited:
    """Unites blocks into one histogram, or into a sample of one.

    A state is how often tuples were halved, and the counts of those that are kept.

    Attributes:
        quasi: names of the quasi-identifiers.
        k: most subjects kept per tuple.
        most: pairs of a whole histogram at most, ≥ 1.
    """

    quasi: tuple[str, ...]
    k: int
    most: int

    def start(self) -> State:
        """Start with nothing."""
        return 0, Counting(self.k)

    def add(self, state: State, block: pa.Table | pa.RecordBatch) -> State:
        """Add a block, or what is sampled of it."""
        bits, held = state
        if bits:
            block = _thin(block, self.quasi, bits)
            if not block.num_rows and not held.empty:
                return state
        if held.add(code_rows(block, self.quasi)) and held.tally.pairs > self._most(
            bits
        ):
            return self.compact(state)
        return state

    def unite(self, states: Iterable[State]) -> State:
        """Unite states; the one that was halved most often decides how often."""
        bits, held = self.start()
        for more_bits, more in states:
            most = max(bits, more_bits)
            first = self._thinned(held, most, bits)
            second = self._thinned(more, most, more_bits)
            if first.empty:
                first, second = second, first
            first.unite(second)
            bits, held = self.compact((most, first))
        return bits, held

    def compact(self, state: State) -> State:
        """Count what waits, and sample more while that is too much."""
        bits, held = state
        held.settle()
        while held.tally.pairs > self._most(bits):
            bits += 1
            held = self._thinned(held, bits, 0)
        return bits, held

    def finish(self, state: State) -> pa.Table | None:
        """Give the histogram or its sample; None where there was no block."""
        bits, held = self.compact(state)
        if held.empty:
            return None
        table = held.table()
        return table.replace_schema_metadata({_BITS: str(bits)}) if bits else table

    def _most(self, bits: int) -> int:
        return min(self.most, _SAMPLED_PAIRS) if bits else self.most

    def _thinned(self, held: Counting, bits: int, before: int) -> Counting:
        if bits == before or held.empty:
            return held
        left = Counting(self.k)
        left.add(code_histogram_rows(_thin(held.table(), self.quasi, bits)))
        left.settle()
        return left


def _thin(data: Any, quasi: Sequence[str], bits: int) -> Any:
    hashes = _tuple_hashes(data, quasi)
    return data.filter(pa.array(hashes >> np.uint64(64 - bits) == 0))


def _tuple_hashes(data: pa.Table | pa.RecordBatch, quasi: Sequence[str]) -> Hashes:
    """Hash each row's tuple, by its values alone."""
    mixed = np.zeros(data.num_rows, dtype=np.uint64)
    for name in quasi:
        values, codes = encode_column(data.column(name))
        mixed = _mix(mixed ^ _mix(_hashes(values))[codes])
    return mixed


def _hashes(values: pa.Array) -> Hashes:
    """Hash distinct values: numbers by their bits, all else by a checksum of its text."""
    if pa.types.is_null(values.type):
        return np.zeros(len(values), dtype=np.uint64)
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        kind = pa.float64() if pa.types.is_floating(values.type) else values.type
        plain = values.fill_null(0).cast(kind).to_numpy(zero_copy_only=False)
        bits: Hashes = (
            plain.view(np.uint64)
            if pa.types.is_floating(kind)
            else plain.astype(np.int64).view(np.uint64)
        )
        null = values.is_null().to_numpy(zero_copy_only=False)
        return np.where(null, np.uint64(0x5BD1E995), bits + np.uint64(1))
    texts = values.cast(pa.string()).to_pylist()
    # Nulls get a number that no checksum of 32 bits is.
    return np.array(
        [1 << 33 if t is None else zlib.crc32(t.encode()) for t in texts] or [0],
        dtype=np.uint64,
    )[: len(values)]


def _mix(numbers: Hashes) -> Hashes:
    """Spread the bits of numbers (splitmix64: Steele, Lea, Flood, OOPSLA 2014, §5)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
