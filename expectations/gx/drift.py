"""How far a column has drifted from aggregates of its source: PSI, or KS on bins.

PSI: Σ (p - q) ln(p / q) over bins, with q of the source (Yurdakul, "Statistical
Properties of Population Stability Index", 2018). KS: largest distance of the cumulated
shares at the edges. Only counts of the source are kept, no row of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .measure import ArgumentError, Facts, Outcome, UnfitError
from .tables import as_texts, label_columns

__all__ = ["Baseline", "BinState", "Drift", "drift_baseline"]

_LEAST_SHARE: Final = 1e-4
"""An empty bin counts as this share: the logarithm of nothing says nothing."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Baseline:
    """Counts of the source by bin.

    Attributes:
        edges: upper ends (inclusive) of all bins of numbers but the last; rising.
        values: of a column of categories; what is none of them is one more bin.
        counts: rows in each bin.
        missing: rows without a value.
    """

    edges: tuple[float, ...]
    values: tuple[str, ...]
    counts: tuple[int, ...]
    missing: int

    @classmethod
    def read(cls, given: object) -> Self:
        """Read aggregates: the form that `drift_baseline` gives.

        Raises:
            ValueError: they are of another form; the message holds none of them.
        """
        if not isinstance(given, Mapping):
            message = "must be a mapping, or the path of a JSON file with one"
            raise ValueError(message)  # noqa: TRY004  # of a file, not of a caller
        kind, missing = given.get("kind"), given.get("missing", 0)
        if kind == "number" and set(given) <= {"kind", "edges", "counts", "missing"}:
            edges: Any = given.get("edges")
            counts: Any = given.get("counts")
            good = (
                isinstance(edges, Sequence)
                and bool(edges)
                and all(_is_number(edge) for edge in edges)
                and all(a < b for a, b in pairwise(edges))
                and isinstance(counts, Sequence)
                and len(counts) == len(edges) + 1
            )
            if not good:
                message = "needs rising 'edges' and one more of 'counts'"
                raise ValueError(message)
            return cls(
                tuple(map(float, edges)), (), _whole([*counts], missing), missing
            )
        if kind == "category" and set(given) <= {"kind", "counts", "other", "missing"}:
            counts = given.get("counts")
            if not isinstance(counts, Mapping) or not counts:
                message = "needs 'counts' by category"
                raise ValueError(message)
            if not all(isinstance(value, str) for value in counts):
                message = "names categories by text"
                raise ValueError(message)
            every = [*counts.values(), given.get("other", 0)]
            return cls((), tuple(counts), _whole(every, missing), missing)
        message = (
            "needs kind: number with edges, counts and missing, or kind: category with "
            "counts, other and missing"
        )
        raise ValueError(message)

    @property
    def bins(self) -> int:
        """Bins, without that of missing values."""
        return len(self.counts)


def _is_number(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)  # type: ignore[arg-type]  # a number


def _whole(counts: Sequence[Any], missing: object) -> tuple[int, ...]:
    for count in (*counts, missing):
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            message = "counts must be whole numbers, 0 or more"
            raise ValueError(message)
    if sum(counts) == 0:
        message = "counts no row of the source that has a value"
        raise ValueError(message)
    return tuple(counts)


def drift_baseline(
    column: pa.Array | pa.ChunkedArray, *, bins: int = 10, least: int = 20
) -> dict[str, Any]:
    """Aggregate a column of the source: column → a mapping that JSON can hold.

    Numbers are counted between their quantiles, rounded to three digits so that no edge
    is a value of one row; text and booleans by category, those of fewer than `least`
    rows together as `other`.

    Args:
        column: numbers, text or booleans.
        bins: of numbers, at most.
        least: fewest rows of a category that is named.

    Raises:
        ValueError: there are no values, or they are of another type.
    """
    whole = column if isinstance(column, pa.Array) else column.combine_chunks()
    (array,) = label_columns(pa.record_batch([whole], names=["column"]), ["column"])
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = array.drop_null().to_numpy(zero_copy_only=False).astype(np.float64)
        if not len(numbers):
            message = "the column has no values"
            raise ValueError(message)
        inner = np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1], method="lower")
        edges = sorted({float(f"{edge:.3g}") for edge in inner if np.isfinite(edge)})
        counts = _binned(numbers, np.array(edges))
        return {
            "kind": "number",
            "edges": edges,
            "counts": counts.tolist(),
            "missing": array.null_count,
        }
    if not (pa.types.is_string(kind) or pa.types.is_boolean(kind)):
        message = f"a column of {kind} has no drift; use numbers, text or booleans"
        raise ValueError(message)
    counted = pc.value_counts(array.cast(pa.string()).drop_null()).to_pylist()
    named = {one["values"]: one["counts"] for one in counted if one["counts"] >= least}
    if not named:
        message = f"no category has {least} rows"
        raise ValueError(message)
    return {
        "kind": "category",
        "counts": dict(sorted(named.items())),
        "other": sum(one["counts"] for one in counted) - sum(named.values()),
        "missing": array.null_count,
    }


def _binned(numbers: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> Ints:
    return np.bincount(
        np.searchsorted(edges, numbers, side="left"), minlength=len(edges) + 1
    )


@dataclass(frozen=True)
class BinState:
    """Rows of a part by bin, and those without a value."""

    counts: tuple[int, ...] = ()
    missing: int = 0

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Add up."""
        counts = np.sum([state.counts for state in states], axis=0)
        return cls(tuple(counts.tolist()), sum(state.missing for state in states))


@dataclass(frozen=True)
class Drift:
    """A column's distribution is near that of its source.

    Attributes:
        column: numbers, or categories.
        baseline: aggregates of the source, or the path of a JSON file with them.
        method: `psi` or `ks`.
        threshold: the drift must be below it.
    """

    column: str
    baseline: str
    method: str
    threshold: float

    @classmethod
    def of(cls, kwargs: Mapping[str, Any]) -> Self:
        """Read arguments.

        Raises:
            ArgumentError: they do not go together.
        """
        method = kwargs.get("method") or "psi"
        if method not in ("psi", "ks"):
            raise ArgumentError(key="method", problem="must be psi or ks")
        if kwargs["threshold"] <= 0:
            raise ArgumentError(key="threshold", problem="must be above 0")
        given = kwargs["baseline"]
        if isinstance(given, str):
            return cls(kwargs["column"], given, method, float(kwargs["threshold"]))
        try:
            read = Baseline.read(given)
        except ValueError as error:
            raise ArgumentError(key="baseline", problem=str(error)) from None
        if method == "ks" and not read.edges:
            raise ArgumentError(
                key="method", problem="ks needs numbers; categories have no order"
            )
        text = json.dumps(given, sort_keys=True)
        return cls(kwargs["column"], text, method, float(kwargs["threshold"]))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        return (self.column,)

    def state_of(self, block: pa.RecordBatch) -> BinState:
        """Count the block's rows by bin."""
        baseline = self._baseline()
        (array,) = label_columns(block, [self.column])
        present = array.drop_null()
        if baseline.edges:
            if not (_is_numeric(array.type)):
                message = (
                    f"column {self.column!r} is {array.type}; its source is numbers"
                )
                raise UnfitError(message)
            numbers = present.cast(pa.float64(), safe=False).to_numpy(
                zero_copy_only=False
            )
            counts = _binned(numbers, np.array(baseline.edges))
        else:
            texts = as_texts(present, self.column)
            place = pc.index_in(texts, value_set=pa.array(baseline.values, pa.string()))
            places = place.fill_null(len(baseline.values))
            counts = np.bincount(
                places.to_numpy(zero_copy_only=False), minlength=baseline.bins
            )
        return BinState(tuple(counts.tolist()), array.null_count)

    def facts(self, state: BinState) -> Facts:
        """Measure the drift."""
        baseline = self._baseline()
        rows = sum(state.counts) + state.missing
        if rows == 0:
            return {"rows": 0}
        if self.method == "ks":
            if not sum(state.counts):
                message = f"column {self.column!r} has no values"
                raise UnfitError(message)
            here = np.cumsum(state.counts) / sum(state.counts)
            there = np.cumsum(baseline.counts) / sum(baseline.counts)
            drift = float(np.abs(here - there).max())
        else:
            here = _shares((*state.counts, state.missing))
            there = _shares((*baseline.counts, baseline.missing))
            both = (here > 0) | (there > 0)
            p = np.maximum(here[both], _LEAST_SHARE)
            q = np.maximum(there[both], _LEAST_SHARE)
            drift = float(((p - q) * np.log(p / q)).sum())
        return {
            "rows": rows,
            "missing": state.missing,
            "bins": baseline.bins,
            "source_rows": sum(baseline.counts) + baseline.missing,
            "drift": drift,
        }

    def decide(self, facts: Facts) -> Outcome:
        """Hold the drift against the threshold."""
        good = facts["drift"] < self.threshold
        detail = (
            ""
            if good
            else f"the {self.method} of column {self.column!r} is not below its threshold"
        )
        return Outcome(good, facts["drift"], facts, detail)

    def _baseline(self) -> Baseline:
        try:
            baseline = _loaded(self.baseline)
        except ValueError as error:
            message = f"the baseline {error}"
            raise UnfitError(message) from None
        except OSError as error:
            message = f"the baseline cannot be read ({type(error).__name__})"
            raise UnfitError(message) from None
        if self.method == "ks" and not baseline.edges:
            message = "the baseline is of categories, which have no order for ks"
            raise UnfitError(message)
        return baseline


def _is_numeric(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    )


def _shares(counts: Sequence[int]) -> npt.NDArray[np.float64]:
    return np.array(counts, dtype=np.float64) / sum(counts)


def _loaded(text: str) -> Baseline:
    """Read aggregates that stand in the text, or in the file that it names."""
    if text.startswith("{"):
        return _parsed(text)
    try:
        return _parsed(Path(text).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        message = "is not UTF-8"
        raise ValueError(message) from None


@lru_cache(maxsize=16)
def _parsed(text: str) -> Baseline:
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        message = "is not JSON"
        raise ValueError(message) from None
    return Baseline.read(given)
