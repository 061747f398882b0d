"""What is generalised, how far, and by which recoding: settings in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from ...policies.anonymity_utility import Utility
from ...policies.model import Policy
from ..blocks.names import SUBJECT
from .choose import choose_recoding
from .ladders import Ladder, build_ladder
from .local import DEFAULT_EFFORT, choose_local
from .recoding import Recoding

__all__ = ["AnonymityPlan"]


@dataclass(frozen=True)
class AnonymityPlan:
    """What a table or a pipeline is generalised by; picklable.

    Attributes:
        subject: column that names the data subject.
        ladders: one per quasi-identifier (`build_ladder`).
        k: fewest distinct data subjects of a class, at least 2.
        suppress_max: largest share of records that may be suppressed.
        local: every class has labels of its own; else one level holds for a column.
        effort: of local recoding: most combinations of levels that are tried.
        ranges: of local recoding: numbers and dates as tight ranges of their classes,
            else with labels of their hierarchies alone.
        utility: what the result must still be worth.
    """

    subject: str
    ladders: tuple[Ladder, ...]
    k: int
    suppress_max: float = 0.05
    local: bool = False
    effort: int = DEFAULT_EFFORT
    ranges: bool = False
    utility: Utility = field(default_factory=Utility)

    @staticmethod
    def from_policy(policy: Policy) -> AnonymityPlan:
        """Gather what a policy asks for, of blocks that carry `optin:subject`.

        Raises:
            PolicyError: a hierarchy table cannot be read.
        """
        anonymity = policy.anonymity
        columns = (policy.column(name) for name in policy.quasi_identifiers)
        return AnonymityPlan(
            subject=SUBJECT,
            ladders=tuple(build_ladder(column) for column in columns),
            k=anonymity.k,
            suppress_max=anonymity.suppress_max,
            local=anonymity.recoding == "local",
            effort=anonymity.effort,
            ranges=anonymity.labels == "ranges",
            utility=anonymity.utility,
        )

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Names of the columns that are generalised."""
        return tuple(ladder.column for ladder in self.ladders)

    def choose(self, histogram: pa.Table) -> Recoding:
        """Choose the recoding on a histogram.

        Raises:
            GateError: k is out of reach.

        Not covered: `utility`, which is held against what is released.
        """
        if not self.local:
            return choose_recoding(histogram, self.ladders, self.k, self.suppress_max)
        return choose_local(
            histogram,
            self.ladders,
            self.k,
            self.suppress_max,
            effort=self.effort,
            ranges=self.ranges,
        )
