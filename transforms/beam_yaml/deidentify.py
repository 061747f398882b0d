"""`type: Deidentify` of Beam YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection, Row
from apache_beam.typehints.row_type import RowTypeConstraint

from ..deidentify.stage import Deidentify as DeidentifyRows

__all__ = ["Deidentify"]

_FINDING = RowTypeConstraint.from_fields(
    [("column", str), ("finding", str), ("count", int)]
)


class Deidentify(beam.PTransform[PCollection[Any], Any]):
    """Applies a policy's actions to rows.

    Shape: `PCollection[Row] -> PCollection[Row]`, or with `findings: true` the outputs
    `rows` and `findings` (rows of `column`, `finding`, `count`). Times and dates are ISO
    8601 text.

    Not covered: see `transforms.Deidentify`: no consent gate, no k-anonymity.

    Args:
        policy: path of the policy.
        findings: whether what was found comes out too.
    """

    def __init__(self, policy: str, findings: bool = False) -> None:
        super().__init__()
        self._rows = DeidentifyRows(policy, iso_times=True)
        self._findings = findings

    def expand(self, pcoll: PCollection[Any]) -> Any:
        """Apply it."""
        out = pcoll | "Rows" >> self._rows
        if not self._findings:
            return out.rows
        found = out.findings | "Findings" >> beam.FlatMap(_listed).with_output_types(
            _FINDING
        )
        return {"rows": out.rows, "findings": found}


def _listed(findings: dict[str, dict[str, int]]) -> Iterator[Row]:
    for column, counts in sorted(findings.items()):
        for finding, count in sorted(counts.items()):
            yield Row(column=column, finding=finding, count=count)
