"""What came of a set: numbers for people, and whether it may be given at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from ....policies.errors import GateError
from ..counting.measure import ClassReport, report_classes
from ..counting.risk import Alone, RiskReport, report_risk
from ..recoding.full_domain import Recoding
from ..recoding.utility import LabelFacts, level_shares, measure_ncp, refuse_loss
from ..sensitive.diverse import SensitiveReport, report_sensitive
from .request import Request

__all__ = ["Chosen", "Summary", "summarise"]


@dataclass(frozen=True)
class Chosen:
    """What is told of a recoding; small beside it.

    Attributes:
        records: records that it was chosen for.
        facts: level and loss of every label, by column.
        tag: of a pipeline: tells the recoding from those of other runs.
    """

    records: int
    facts: LabelFacts
    tag: str = ""

    @staticmethod
    def of(recoding: Recoding, tag: str = "") -> Chosen:
        """Take it from a recoding."""
        return Chosen(recoding.records, recoding.facts, tag)


@dataclass(frozen=True)
class Summary:
    """What was done and what is left; no value of a record.

    Attributes:
        rows: records that were given.
        published_rows: records that came out.
        suppressed_share: share of the records that did not.
        ncp: information lost, 0 to 1, a suppressed record counting 1.
        levels: column → level → share of the published records on it.
        k: fewest people of a class that were asked for.
        k_reached: people of the smallest class; at least `k`, at most four times it.
        classes: the independent recount.
        sensitive: attribute → what its worst class reaches.
        risk: what three attackers could do, before and after.
        recoding: what was chosen; holds values of records. Null in a pipeline.
    """

    rows: int
    published_rows: int
    suppressed_share: float
    ncp: float
    levels: Mapping[str, Mapping[str, float]]
    k: int
    k_reached: int
    classes: ClassReport
    sensitive: Mapping[str, SensitiveReport]
    risk: RiskReport
    recoding: Recoding | None = field(default=None, repr=False, compare=False)

    @property
    def c_avg(self) -> float:
        """Rows per class, in k; at best 1 (`ClassReport.c_avg`)."""
        return self.classes.c_avg(self.k)

    @property
    def discernibility(self) -> int:
        """Σ rows of a class² + suppressed · all (`ClassReport.discernibility_with`)."""
        return self.classes.discernibility_with(self.rows - self.published_rows)


def summarise(
    request: Request,
    chosen: Chosen,
    histogram: pa.Table | Alone,
    counted: pa.Table | None,
    values: Mapping[str, pa.Table | None],
) -> Summary:
    """Judge the recount of a recoded set.

    Args:
        request: what was asked for.
        chosen: what is known of the recoding that was applied.
        histogram: what that was chosen on, or what `alone` tells of it.
        counted: people of every class of the result.
        values: sensitive attribute → people of every class by value.

    Raises:
        GateError: a class is below k or breaks a rule: a defect, since the choice
            counted enough. Or more is lost than allowed.
    """
    report = report_classes(counted, request.plan.class_columns, request.plan.k)
    sensitive = {
        name: report_sensitive(values[name], name, rule)
        for name, rule in request.sensitive.items()
    }
    broken = sum(one.violating_classes for one in sensitive.values())
    if report.violating_classes or broken:
        message = (
            f"the recount found {report.violating_classes} class(es) below k and "
            f"{broken} against a rule, where the plan counted enough people. This is a "
            "defect; nothing is given"
        )
        raise GateError(message)
    total = chosen.records
    suppressed = (total - report.rows) / max(total, 1)
    ncp = measure_ncp(chosen.facts, counted, total)
    plan = request.plan
    refuse_loss(plan.utility, ncp, suppressed, "the result", local=plan.local)
    return Summary(
        rows=total,
        published_rows=report.rows,
        suppressed_share=suppressed,
        ncp=ncp,
        levels=level_shares(chosen.facts, counted),
        k=request.plan.k,
        k_reached=report.k_reached,
        classes=report,
        sensitive=sensitive,
        risk=report_risk(histogram, counted),
    )
