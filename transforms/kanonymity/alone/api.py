"""k-anonymity of people on one table or data frame, without Beam."""

from __future__ import annotations

import shutil
import warnings
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa

from ....policies.anonymity_utility import Utility
from ....policies.diversity import Sensitive
from ....policies.draft import did_you_mean
from ....policies.errors import InputError
from ....policies.model import Policy
from ...blocks.names import SUBJECT
from ...blocks.tables import as_table, batches_of, find_column, find_type, identities_of
from ..counting.histogram import ROWS, histogram_of
from ..counting.measure import RECOUNT_CAP, Recounting
from ..counting.threads import fold_blocks, map_blocks
from ..counting.tokens import number_people
from ..local import DEFAULT_EFFORT
from ..plan import AnonymityPlan, refuse_empty
from ..recoding.bounds import recode
from ..recoding.full_domain import Recoding
from ..recoding.target import target_counts
from ..routing import MOST_PAIRS, BucketedRecoding
from ..routing.thin import Limited, thinned_bits
from ..sensitive.recount import value_people, value_triples
from .fitting import refuse_nested
from .request import QuasiIdentifiers, Request, ask
from .summary import Chosen, Summary, summarise

__all__ = ["kanonymize"]

_BLOCK_ROWS = 1 << 16


def kanonymize(
    table: Any,
    policy: AnonymityPlan | Policy | str | Path | None = None,
    *,
    subject: str | Sequence[str] | None = None,
    quasi_identifiers: QuasiIdentifiers | None = None,
    k: int | None = None,
    suppress_max: float = 0.05,
    recoding: str = "global",
    effort: int = DEFAULT_EFFORT,
    labels: str = "hierarchy",
    sensitive: Mapping[str, Sensitive | Mapping[str, Any]] | None = None,
    utility: Utility | Mapping[str, Any] | None = None,
    most_pairs: int = MOST_PAIRS,
    target: str | None = None,
) -> tuple[pa.Table, Summary]:
    """Generalise a table until every class covers at least k distinct people.

    Shape: table of n rows → (table of at most n rows in the same order, summary). The
    quasi-identifiers become text, the subject's column and suppressed records are gone.
    Of other columns, all stay as they are; with a policy, those alone that it keeps
    (`action: keep`), since no other action is applied here.

    People are the distinct values of `subject`, compared as a run compares them: case,
    outer blanks and zeros do not tell people apart. Records that name nobody count as
    one person together.

    Args:
        table: a pyarrow Table or RecordBatch, or what gives one through Arrow's
            PyCapsule interface: a pandas or Polars data frame, a DuckDB relation, …
        policy: the path of a policy, a loaded one, or a plan; in place of all that
            follows. Of a policy `anonymity`, the quasi-identifiers, `input.subject` and
            `input.root` count.
        subject: column that says who a record is about; of several, the first that does.
        quasi_identifiers: column → its hierarchy in a policy's words (`{"widths": [5,
            10]}`, `"us_zip"`, or None for the value and `*`), or its settings
            (`{"hierarchy": …, "weight": 2, "max_level": 1}`), or a `Ladder`; or a list of
            names or ladders.
        k: fewest distinct people of a class, at least 2.
        suppress_max: largest share of records that may be suppressed.
        recoding: `"global"`: one level holds for a column; `"local"`: every class has
            labels of its own, which loses less and tells more to someone who knows the
            algorithm.
        effort: of `"local"`: most combinations of levels that are tried.
        labels: of `"local"`: `"hierarchy"`, or `"ranges"`: numbers and dates as tight
            ranges of their classes, or `"sets"`: categories as sets of values besides.
        sensitive: column → what every class must meet, in a policy's words: `{"l": 3}`,
            `{"t": 0.2, "distance": "ordered"}`, …
        utility: most that may be lost: `{"max_ncp": 0.2, "max_suppressed": 0.01}`.
        most_pairs: distinct pairs of tuple and person, k a tuple at most, that are held
            in memory at once; of more, local recoding makes buckets in temporary files.
        target: column that comes out and that models will be trained to predict; what
            predicts it is generalised less. Also beside a policy, in place of its own.
            Buckets do not heed it, and warn.

    Returns:
        The generalised table, and what was done and measured on it.

    Raises:
        OptinError: an argument is wrong; PolicyError: the policy is.
        InputError: the table lacks a column, or holds another kind of value.
        GateError: k, or a rule, is out of reach, or more is lost than allowed.

    Not covered: consent; the policy's other actions (`deidentify`); people whose rows
    can be linked by what else stands in them.
    """
    request = ask(
        policy,
        subject=subject,
        quasi_identifiers=quasi_identifiers,
        k=k,
        suppress_max=suppress_max,
        recoding=recoding,
        effort=effort,
        labels=labels,
        sensitive=sensitive,
        utility=utility,
        most_pairs=most_pairs,
    )
    source = as_table(table)
    request.check(source.schema)
    target = request.plan.target if target is None else target
    if target is not None:
        _check_target(target, request, source.schema)
        request = replace(request, plan=replace(request.plan, target=target))
    stamped = _stamped(source, request)
    quasi = request.quasi
    chosen, histogram = _choose(request, stamped)
    recoded, counted = _recoded(chosen, stamped, request)
    values = {
        name: value_people(value_triples(recoded, quasi, name))
        for name in request.sensitive
    }
    summary = summarise(request, Chosen.of(chosen), histogram, counted, values)
    return recoded.drop_columns([SUBJECT]), replace(summary, recoding=chosen)


def _check_target(target: str, request: Request, schema: pa.Schema) -> None:
    """Refuse a training target that is no column of its own that comes out."""
    names = schema.names if request.kept is None else request.kept
    taken = {*request.quasi, *request.subject}
    there = [name for name in names if name not in taken]
    if target not in there:
        message = (
            f"target {target!r} must be a column that comes out and is no "
            f"quasi-identifier, nor the subject.{did_you_mean(target, there)}"
        )
        raise InputError(message)
    refuse_nested("target", target, find_type(schema, request.full(target)))


def _choose(request: Request, stamped: pa.Table) -> tuple[Recoding, pa.Table]:
    """Choose on the histogram, which comes too; on buckets of files where it is large."""
    quasi, plan = request.quasi, request.typed(stamped.schema)
    triples = {name: value_triples(stamped, quasi, name) for name in request.sensitive}
    needed = stamped.select([*quasi, SUBJECT])
    blocks = needed.to_batches(_BLOCK_ROWS)
    limited = Limited(quasi, plan.k, plan.most_pairs)
    state = fold_blocks(blocks, limited.start, limited.add, limited.unite)
    histogram = limited.finish(state)
    if histogram is None:
        histogram = histogram_of(needed, quasi, plan.k)
    if not thinned_bits(histogram):
        targets = None
        if plan.target is not None:
            targets = target_counts(stamped, quasi, plan.target)
        return request.choose(histogram, triples, targets), histogram
    refuse_empty(needed, quasi)
    if plan.target is not None:
        message = (
            f"target {plan.target!r} is not heeded: there are more tuples than most_pairs "
            f"({plan.most_pairs:,}) lets into memory"
        )
        warnings.warn(message, stacklevel=3)
    store = _Store()
    recoding = plan.choose_buckets(blocks, histogram, store.path)
    if isinstance(recoding, BucketedRecoding):
        recoding = replace(recoding, store=store)  # its files live as long
    ones = pa.array(np.ones(needed.num_rows, dtype=np.int64))
    return request.withheld(
        recoding, needed.append_column(ROWS, ones), triples
    ), histogram


def _recoded(
    recoding: Recoding, stamped: pa.Table, request: Request
) -> tuple[pa.Table, pa.Table]:
    """Recode blocks on all cores, and count the people of the classes as they come."""
    plan = request.plan
    recounting = Recounting(plan.class_columns, plan.k * RECOUNT_CAP)

    def recoded(block: pa.RecordBatch) -> pa.Table:
        return recode(recoding, pa.Table.from_batches([block]), plan.bounded)

    blocks = stamped.to_batches(_BLOCK_ROWS)
    if not blocks:
        empty = recode(recoding, stamped, plan.bounded)
        return empty, recounting.add(empty).counted()
    pieces = []
    for piece in map_blocks(recoded, blocks):
        recounting.add(piece)
        pieces.append(piece)
    return pa.concat_tables(pieces), recounting.counted()


class _Store:
    """A temporary folder that goes with this value."""

    def __init__(self) -> None:
        self.path = mkdtemp(prefix="optin-")
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _stamped(source: pa.Table, request: Request) -> pa.Table:
    """Give the columns that come out, with a number of the data subject for each record."""
    (batch,) = batches_of(source)
    columns = request.columns_of(batch)
    there = [name for name in request.who if find_type(batch.schema, name) is not None]
    if len(there) > 1:
        columns[SUBJECT] = number_people(identities_of(batch, there))
        return pa.table(columns)
    coded = find_column(batch, there[0]).dictionary_encode()  # each spelling once
    spelled = pa.concat_arrays([coded.dictionary, pa.nulls(1, coded.dictionary.type)])
    people = pa.RecordBatch.from_arrays([spelled], there)
    numbers = number_people(identities_of(people, there))
    columns[SUBJECT] = numbers.take(coded.indices.fill_null(len(coded.dictionary)))
    return pa.table(columns)
