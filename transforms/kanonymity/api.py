"""k-anonymity of people on one Arrow table, without Beam."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Sequence
from dataclasses import replace
from tempfile import mkdtemp

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...policies.anonymity_utility import Utility
from ...policies.errors import GateError
from ..blocks.names import SUBJECT
from .bounds import recode
from .histogram import histogram_of
from .ladders import Ladder
from .local import DEFAULT_EFFORT
from .measure import RECOUNT_CAP, ClassReport, class_sizes, report_classes
from .plan import AnonymityPlan
from .recoding import Recoding
from .routing import MOST_PAIRS, BucketedRecoding
from .utility import measure_ncp, refuse_loss

__all__ = ["kanonymize"]

_BLOCK_ROWS = 1 << 16


def kanonymize(
    table: pa.Table,
    *,
    subject: str,
    ladders: Sequence[Ladder],
    k: int,
    suppress_max: float = 0.05,
    local: bool = False,
    effort: int = DEFAULT_EFFORT,
    ranges: bool = False,
    max_ncp: float | None = None,
    max_suppressed: float | None = None,
    most_pairs: int = MOST_PAIRS,
    bounds: Sequence[str] = (),
) -> tuple[pa.Table, Recoding, ClassReport]:
    """Generalise a table until every class covers at least k distinct people.

    Args:
        table: records with one column that names the data subject.
        subject: that column; it is removed from the result.
        ladders: one per quasi-identifier.
        k: fewest distinct data subjects of a class, at least 2.
        suppress_max: largest share of records that may be suppressed.
        local: every class has labels of its own; else one level holds for a column.
        effort: of local recoding: most combinations of levels that are tried.
        ranges: of local recoding: numbers and dates as tight ranges of their classes,
            else with labels of their hierarchies alone. Ranges lose less; their ends are
            values of members, and they tell more to someone who knows the algorithm.
        max_ncp: largest loss of the result, 0 to 1, a suppressed record counting 1.
        max_suppressed: largest share of records that is suppressed in the end.
        most_pairs: distinct pairs of tuple and person, k a tuple at most, that are
            chosen on at once. More of them are cut into buckets on disk by local
            recoding, in a temporary folder that goes with the recoding; global
            recoding refuses them.
        bounds: quasi-identifiers of numbers, times or dates whose labels' bounds are
            given as values too, in `NAME_lower` and `NAME_upper`.

    Returns:
        The generalised table without suppressed records, the recoding, and the
        independent recount of the result.

    Raises:
        GateError: k is out of reach, the recount of the result finds a class below it,
            or more is lost than allowed.
    """
    plan = AnonymityPlan(
        subject,
        tuple(ladders),
        k,
        suppress_max,
        local,
        effort,
        ranges,
        _gates(max_ncp=max_ncp, max_suppressed=max_suppressed),
        most_pairs,
        tuple(bounds),
    )
    people = table.column(subject).combine_chunks().dictionary_encode()
    # A record without a subject is nobody: all of them together count as one person.
    codes = people.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    numbers = codes.astype(np.uint64) + np.uint64(1)
    if any(ladder.quantiles for ladder in ladders):
        numbers = _hashes(people.dictionary)[codes]
    stamped = table.drop_columns([subject]).append_column(SUBJECT, pa.array(numbers))
    recoding = _choose(plan, stamped)
    recoded = recode(recoding, stamped, plan.bounded)
    counted = class_sizes(recoded, plan.class_columns, k * RECOUNT_CAP)
    report = report_classes(counted, plan.class_columns, k)
    if report.violating_classes:
        message = (
            f"{report.violating_classes} class(es) of the result cover fewer than {k} "
            "people where the plan counted enough. This is a defect; nothing is given"
        )
        raise GateError(message)
    refuse_loss(
        plan.utility,
        measure_ncp(recoding.facts, counted, table.num_rows),
        1 - report.rows / max(table.num_rows, 1),
        "the result",
    )
    return recoded.drop_columns([SUBJECT]), recoding, report


def _gates(**gates: float | None) -> Utility:
    for name, allowed in gates.items():
        if allowed is not None and not 0 <= allowed <= 1:
            message = f"{name} is {allowed:g}, must be 0 to 1: it is a share"
            raise GateError(message)
    return Utility(**gates)


def _hashes(people: pa.Array) -> npt.NDArray[np.uint64]:
    """Give hashes of people, and last that of nobody; quantiles take samples by them."""
    from ..deidentify.keys import subject_tokens

    tokens = subject_tokens(people.cast(pa.string()), b"optin: people of a table")
    return np.append(tokens.to_numpy(zero_copy_only=False), np.uint64(0))


def _choose(plan: AnonymityPlan, stamped: pa.Table) -> Recoding:
    needed = stamped.select([*plan.quasi_identifiers, SUBJECT])
    blocks = needed.to_batches(_BLOCK_ROWS)
    if not blocks:
        return plan.choose(histogram_of(needed, plan.quasi_identifiers, plan.k))
    store = _Store()
    return _kept(plan.choose_from(blocks, store.path), store)


def _kept(recoding: Recoding, store: _Store) -> Recoding:
    """Let the files live as long as the recoding that needs them."""
    if isinstance(recoding, BucketedRecoding):
        return replace(recoding, store=store)
    return recoding


class _Store:
    """A temporary folder that goes with this value."""

    def __init__(self) -> None:
        self.path = mkdtemp(prefix="optin-")
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
