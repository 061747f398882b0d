"""The recoding of one bucket on disk."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..counting.codes import Ints, TupleIndex
from ..counting.histogram import ROWS
from ..local import LocalRecoding
from ..recoding.utility import LabelFacts
from .files import read_arrays, write_arrays

__all__ = ["load_classes", "load_facts", "load_plan", "store_plan"]

_FACTS = ("label", "level", "loss", "rows")


def store_plan(plan: LocalRecoding, histogram: pa.Table, path: str) -> str:
    """Write a recoding, for `load_plan`; what it reached is not kept.

    Args:
        plan: of one bucket.
        histogram: what it was chosen on.
        path: of the file.
    """
    number = plan.classes_of(histogram)
    held = number >= 0
    rows = np.bincount(
        number[held],
        weights=histogram.column(ROWS).to_numpy()[held],
        minlength=plan.labels.num_rows,
    )
    index = plan.index
    arrays: dict[str, pa.Array] = {
        "k": pa.array([plan.k], pa.int64()),
        "sizes": pa.array(index.sizes, pa.int64()),
        "spans": pa.array(index.spans, pa.int64()),
        "class_of": pa.array(plan.class_of),
        "rows": pa.array(rows.astype(np.int64)),
    }
    for place, step in enumerate(index.steps):
        arrays[f"step:{place}"] = pa.array(step)
    for name, values in zip(plan.quasi_identifiers, plan.values, strict=True):
        arrays[f"value:{name}"] = values
        label = plan.labels.column(name).combine_chunks()
        arrays[f"label:{name}"] = label.dictionary_encode()
    for name in plan.bounds.column_names:
        arrays[f"bound:{name}"] = plan.bounds.column(name).combine_chunks()
    for name, known in plan.facts.items():
        for part in known.column_names:
            arrays[f"fact {part}:{name}"] = known.column(part).combine_chunks()
    return write_arrays(arrays, path)


@lru_cache(maxsize=1)
def load_plan(path: str) -> LocalRecoding:
    """Map a recoding that was stored; the last one stays open.

    Its labels are dictionaries of text. Its loss and shares, which are those of the
    bucket alone, are left at 0; `load_facts` gives what it says of its labels.
    """
    arrays = read_arrays(path)
    names = _of(arrays, "value:")
    labels = _of(arrays, "label:")
    steps = tuple(_ints(array) for array in _of(arrays, "step:").values())
    return LocalRecoding(
        quasi_identifiers=tuple(names),
        values=tuple(names.values()),
        index=TupleIndex(
            tuple(arrays["sizes"].to_pylist()),
            tuple(arrays["spans"].to_pylist()),
            steps,
        ),
        class_of=_ints(arrays["class_of"]),
        labels=pa.table(labels),
        levels={},
        k=arrays["k"][0].as_py(),
        ncp=0.0,
        suppressed_share=0.0,
        bounds=pa.table(_of(arrays, "bound:")),
        records=0,
        facts={},
    )


def load_classes(path: str) -> pa.Table:
    """Read the labels of a stored recoding's classes as text, with their `optin:rows`.

    Classes may share all labels.
    """
    arrays = read_arrays(path)
    labels = _of(arrays, "label:")
    columns = {name: label.cast(pa.string()) for name, label in labels.items()}
    counted = pa.table({**columns, ROWS: arrays["rows"]})
    return counted.filter(pc.greater(arrays["rows"], 0))


def load_facts(path: str) -> LabelFacts:
    """Read what a stored recoding says of its labels."""
    arrays = read_arrays(path)
    parts = {part: _of(arrays, f"fact {part}:") for part in _FACTS}
    return {
        name: pa.table({part: parts[part][name] for part in _FACTS})
        for name in parts["label"]
    }


def _of(arrays: dict[str, pa.Array], prefix: str) -> dict[str, pa.Array]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _ints(array: pa.Array) -> Ints:
    numbers: Ints = array.to_numpy(zero_copy_only=True)
    return numbers
