"""Hold a data set against its policy, later and without the run that made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ..policies.model import Policy
from ..transforms.deidentify.residual import (
    ResidualPlan,
    ResidualSketch,
    merge_sketches,
    sketch_blocks,
)
from .dataset import map_dataset, measure_dataset
from .privacy import Evidence, derive_checks, evaluate_checks
from .results import ValidationReport

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["validate_release"]


def validate_release(
    path: str | Path, policy: Policy, plan: ResidualPlan, nlp: Language | None = None
) -> ValidationReport:
    """Check the data at `path` (file or folder) against what its policy promises.

    The second detector reads the same sample as the run did. What only a run can know
    (records, people per class, the first detector) is not checked, and said to be so.

    Args:
        path: the data.
        policy: of the data set.
        plan: what the second detector looks at.
        nlp: the language model, if the plan asks for it.

    Raises:
        InputError: there is no data, or it cannot be read.
    """
    checks = derive_checks(policy)
    requests = [check.request for check in checks if check.request is not None]
    partial = measure_dataset(path, tuple(dict.fromkeys(requests)))

    def sketch(blocks: Iterator[pa.RecordBatch]) -> ResidualSketch:
        return sketch_blocks(blocks, plan, nlp)

    wanted = {column.name for column in plan.columns}
    sketches = map_dataset(path, wanted, sketch)
    counts = merge_sketches(sketches, plan.sample).counts(plan)
    evidence = Evidence(partial=partial, residual=counts)
    return ValidationReport(policy.name, evaluate_checks(checks, evidence))
