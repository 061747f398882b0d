"""A sample of the output that depends on nothing but its content, and what it holds.

Of each column those distinct values are looked at whose keyed hash is smallest. The
smallest of the whole are among the smallest of every part that holds them (a bottom-k
sketch), so parts are read alone and merged in any order. Hashes and findings leave a
worker, values never do.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....policies.residual import RESIDUAL_ENTITIES
from .detect import MAX_CHARS, NAMED, POSSIBLE, bits_of, find_traces, without_marks
from .plan import ResidualColumn, ResidualPlan

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["ResidualCounts", "ResidualSketch", "merge_sketches", "sketch_blocks"]

Hashes = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class ResidualCounts:
    """What the sample of one column holds, in distinct values.

    Attributes:
        values: values looked at.
        certain: entity → values with it for certain.
        possible: entity → values that may hold it.
        named_values: values that the language model read.
        named: of these, the values in which it found a person.
    """

    values: int
    certain: dict[str, int] = field(default_factory=dict)
    possible: dict[str, int] = field(default_factory=dict)
    named_values: int = 0
    named: int = 0


@dataclass(frozen=True)
class ResidualSketch:
    """Findings in the sampled values of a part; picklable, and holds no value.

    Attributes:
        columns: column → (hashes in rising order, findings of each as bits).
    """

    columns: Mapping[str, tuple[Hashes, Bits]] = field(default_factory=dict)

    def counts(self, plan: ResidualPlan) -> dict[str, ResidualCounts]:
        """Count by column and entity, in policy order."""
        counted = {}
        for column in plan.columns:
            _, bits = self.columns.get(column.name, _NOTHING)
            counted[column.name] = _count(bits, column, plan)
        return counted


_NOTHING: tuple[Hashes, Bits] = (np.empty(0, np.uint64), np.empty(0, np.uint32))


def sketch_blocks(
    blocks: Iterable[pa.RecordBatch], plan: ResidualPlan, nlp: Language | None = None
) -> ResidualSketch:
    """Sample the blocks of one part and look at the sample: blocks → sketch.

    Columns of the plan that hold no text, or are not there, are passed over.

    Args:
        blocks: published columns.
        plan: what is looked at.
        nlp: the language model, if the plan asks for it.
    """
    samples = {
        column.name: _Sample(column.name, plan.sample) for column in plan.columns
    }
    for block in blocks:
        for name, sample in samples.items():
            if name in block.schema.names:
                sample.add(block.column(name))
    marks = plan.marks
    return ResidualSketch(
        {
            column.name: _findings(samples[column.name], column, plan, marks, nlp)
            for column in plan.columns
        }
    )


def merge_sketches(sketches: Iterable[ResidualSketch], sample: int) -> ResidualSketch:
    """Merge the sketches of disjoint parts; associative and commutative."""
    collected: dict[str, list[tuple[Hashes, Bits]]] = {}
    for sketch in sketches:
        for name, pair in sketch.columns.items():
            collected.setdefault(name, []).append(pair)
    return ResidualSketch(
        {name: _merge(collected[name], sample) for name in sorted(collected)}
    )


def _merge(pairs: Sequence[tuple[Hashes, Bits]], sample: int) -> tuple[Hashes, Bits]:
    hashes, inverse = np.unique(
        np.concatenate([pair[0] for pair in pairs]), return_inverse=True
    )
    bits = np.zeros(len(hashes), np.uint32)
    np.bitwise_or.at(bits, inverse, np.concatenate([pair[1] for pair in pairs]))
    return hashes[:sample], bits[:sample]


class _Sample:
    """The distinct values of a column with the smallest hashes, so far."""

    def __init__(self, name: str, most: int) -> None:
        self._key = hashlib.sha256(f"optin residual {name}".encode()).hexdigest()[:16]
        self._most = most
        self.hashes: Hashes = np.empty(0, np.uint64)
        self.values: pa.Array = pa.array([], pa.string())

    def add(self, column: pa.Array) -> None:
        """Take the values of one block."""
        from pandas.util import hash_array  # half a second to import

        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.dictionary_decode()
            kind = column.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            return
        values = pc.drop_null(pc.unique(column)).cast(pa.string())
        raw: Any = values.cast(pa.binary()).to_numpy(zero_copy_only=False)
        hashes = hash_array(raw, hash_key=self._key, categorize=False)
        if len(self.hashes) == self._most:  # most blocks bring little that counts
            near = hashes <= self.hashes[-1]
            hashes, values = hashes[near], values.filter(pa.array(near))
        values = pc.utf8_slice_codeunits(values, 0, MAX_CHARS)
        joined, first = np.unique(
            np.concatenate([self.hashes, hashes]), return_index=True
        )
        self.hashes = joined[: self._most]
        self.values = pa.concat_arrays([self.values, values]).take(
            pa.array(first[: self._most])
        )


def _findings(
    sample: _Sample,
    column: ResidualColumn,
    plan: ResidualPlan,
    marks: re.Pattern[str],
    nlp: Language | None,
) -> tuple[Hashes, Bits]:
    texts = [without_marks(text, marks) for text in sample.values.to_pylist()]
    bits = np.fromiter(
        (bits_of(find_traces(text)) for text in texts), np.uint32, len(texts)
    )
    if column.named and nlp is not None:
        few = texts[: plan.named_values]  # hashes rise, so these are a sample as well
        for place, doc in enumerate(nlp.pipe(few, batch_size=128)):
            if any(_is_name(ent) for ent in doc.ents):
                bits[place] |= NAMED
    return sample.hashes, bits


def _is_name(ent: Any) -> bool:
    """Tell whether the model's finding can be a name: two capitalised words of letters.

    Alone, a small model takes any capitalised word for one.
    """
    words = ent.text.split()
    return (
        ent.label_ == "PERSON"
        and len(words) >= 2
        and all(word[0].isupper() and not any(map(str.isdigit, word)) for word in words)
    )


def _count(bits: Bits, column: ResidualColumn, plan: ResidualPlan) -> ResidualCounts:
    certain: Counter[str] = Counter()
    possible: Counter[str] = Counter()
    for place, entity in enumerate(RESIDUAL_ENTITIES):
        if entity in column.exempt:
            continue
        certain[entity] = int(np.count_nonzero(bits & np.uint32(1 << place)))
        possible[entity] = int(
            np.count_nonzero(bits & np.uint32(1 << place + POSSIBLE))
        )
    read = min(len(bits), plan.named_values) if column.named else 0
    exempt = "PERSON" in column.exempt
    named = int(np.count_nonzero(bits[:read] & np.uint32(NAMED)))
    return ResidualCounts(
        len(bits), dict(+certain), dict(+possible), read, 0 if exempt else named
    )
