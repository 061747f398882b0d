"""`type: KAnonymize` of Beam YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection, Row
from apache_beam.typehints.row_type import RowTypeConstraint

from ..kanonymity.alone.transform import KAnonymize as KAnonymizeRows

__all__ = ["KAnonymize"]

_NUMBERS = RowTypeConstraint.from_fields(
    [
        ("k", int),
        ("k_reached", int),
        ("rows", int),
        ("published_rows", int),
        ("suppressed_share", float),
        ("ncp", float),
        ("classes", int),
        ("prosecutor_risk", float),
        ("marketer_risk", float),
    ]
)


class KAnonymize(beam.PTransform[PCollection[Any], Any]):
    """Generalises rows until every class covers at least k distinct people.

    Shape: `PCollection[Row] -> PCollection[Row]`, or with `summary: true` the outputs
    `rows` and `summary` (one row of numbers).

    Not covered: see `transforms.KAnonymize`.

    Args:
        policy: path of a policy, in place of all that follows.
        subject: field that says who a row is about; of several, the first that does.
        quasi_identifiers: field → its hierarchy in a policy's words, or a list of
            fields.
        k: fewest distinct people of a class.
        suppress_max: largest share of rows that may be suppressed.
        recoding: `global` or `local`.
        sensitive: field → what every class must meet.
        summary: whether the numbers come out too.
    """

    def __init__(
        self,
        policy: str | None = None,
        subject: str | Sequence[str] | None = None,
        quasi_identifiers: Mapping[str, Any] | Sequence[str] | None = None,
        k: int | None = None,
        suppress_max: float = 0.05,
        recoding: str = "global",
        sensitive: Mapping[str, Any] | None = None,
        summary: bool = False,
    ) -> None:
        super().__init__()
        self._summary = summary
        self._rows = KAnonymizeRows(
            policy,
            subject=subject,
            quasi_identifiers=quasi_identifiers,
            k=k,
            suppress_max=suppress_max,
            recoding=recoding,
            sensitive=sensitive,
            summary=True,
        )

    def expand(self, pcoll: PCollection[Any]) -> Any:
        """Apply it."""
        out = pcoll | "Rows" >> self._rows
        if not self._summary:
            return out["rows"]
        numbers = out["summary"] | "Numbers" >> beam.Map(_row).with_output_types(
            _NUMBERS
        )
        return {"rows": out["rows"], "summary": numbers}


def _row(summary: Mapping[str, Any]) -> Row:
    return Row(
        k=summary["k"],
        k_reached=summary["k_reached"],
        rows=summary["rows"],
        published_rows=summary["published_rows"],
        suppressed_share=summary["suppressed_share"],
        ncp=summary["ncp"],
        classes=summary["classes"]["classes"],
        prosecutor_risk=summary["risk"]["prosecutor"],
        marketer_risk=summary["risk"]["marketer"],
    )
