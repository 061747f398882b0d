"""k-anonymity of people in anybody's Beam pipeline, over Arrow blocks or rows."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsList, PCollection, TaggedOutput
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.typehints import typehints
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from ....policies.anonymity_utility import Utility
from ....policies.diversity import Sensitive
from ....policies.errors import GateError, InputError
from ....policies.model import Policy
from ...blocks import coder  # noqa: F401  # registers how blocks travel
from ...blocks.names import SUBJECT
from ...blocks.tables import find_type, identities_of, without_index
from ..counting.codes import as_dictionary
from ..counting.risk import Alone, alone
from ..counting.tokens import number_people
from ..local import DEFAULT_EFFORT
from ..plan import AnonymityPlan
from ..recoding.bounds import Bounded, recode
from ..recoding.full_domain import Recoding
from ..stage import CollectHistogram, CollectTriples, CountClasses, CountValues
from .request import QuasiIdentifiers, Request, ask
from .rows import POSITION, RowForm
from .summary import Chosen, Summary, summarise

__all__ = ["KAnonymize"]

_HELD_ROWS = 8_192  # rows that travel together
_Stamped = tuple[pa.RecordBatch, Any]
_STAMPED = typehints.Tuple[pa.RecordBatch, typehints.Any]
_NAMED = typehints.Tuple[str, pa.Table]
_SUMMARY = typehints.Dict[str, typehints.Any]


class KAnonymize(beam.PTransform[PCollection[Any], Any]):
    """Generalises records until every class covers at least k distinct people.

    Shape: `PCollection[RecordBatch] -> PCollection[RecordBatch]`, or
    `PCollection[Row] -> PCollection[Row]` of rows with a schema (`beam.Row`,
    `NamedTuple`); with `summary=True` a mapping of these (`blocks` or `rows`) and of
    `summary`, one dictionary of `Summary`. The quasi-identifiers become text, the
    subject's column and suppressed records are gone; of the rest `kanonymize` says what
    stays. A name with dots is a field in a field of a row.

    No record comes out before people were counted again on all of them: where a class
    is below k, or k is out of reach, the pipeline fails with `GateError`.

    People are counted by 64-bit hashes of the subject's text. Two who share one count as
    one person, which can only raise what is suppressed. Records without a subject count
    as one person together.

    Not covered: more tuples than `most_pairs` lets into memory, which are refused; windows other than the global one; timestamps of rows, which are not kept;
    people whose rows can be linked by what else stands in them.

    Args:
        policy: the path of a policy, a loaded one, or a plan; in place of all that
            follows. `kanonymize` tells what each of these is.
        subject: column that says who a record is about.
        quasi_identifiers: column → its hierarchy.
        k: fewest distinct people of a class.
        suppress_max: largest share of records that may be suppressed.
        recoding: `"global"` or `"local"`.
        effort: of `"local"`.
        labels: of `"local"`.
        sensitive: column → what every class must meet.
        utility: most that may be lost.
        summary: whether the numbers come out too.

    Raises:
        OptinError: an argument is wrong; PolicyError: the policy is.
        InputError: the rows lack a field, or have no schema.
    """

    def __init__(
        self,
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
        summary: bool = False,
    ) -> None:
        super().__init__()
        self._summary = summary
        self._request = ask(
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
        )
        target = self._request.plan.target
        if target is not None:
            message = (
                f"target {target!r} is not heeded: KAnonymize chooses by loss alone; "
                "kanonymize, or a run, heeds it"
            )
            warnings.warn(message, stacklevel=2)

    def expand(self, pcoll: PCollection[Any]) -> Any:
        """Count, choose, apply, count again, and only then give."""
        if not isinstance(pcoll.windowing.windowfn, GlobalWindows):
            message = (
                "KAnonymize: people are counted over the whole set; put the data into "
                "the global window first"
            )
            raise InputError(message)
        kind, request = pcoll.element_type, self._request
        if isinstance(kind, type) and issubclass(kind, pa.RecordBatch):
            stamped = pcoll | "Stamp" >> beam.Map(_stamp, request).with_output_types(
                _STAMPED
            )
            given, report = self._anonymised(stamped)
            out = given | "Give" >> beam.Map(
                _block, AsIter(report), request.quasi
            ).with_output_types(pa.RecordBatch)
            return self._outputs("blocks", out, report)
        form = RowForm(kind, request)
        stamped = pcoll | "Stamp" >> beam.ParDo(
            _StampRows(request, form)
        ).with_output_types(_STAMPED)
        given, report = self._anonymised(stamped)
        out = given | "Give" >> beam.FlatMap(
            _rows, AsIter(report), form
        ).with_output_types(form.type)
        return self._outputs("rows", out, report)

    def _anonymised(
        self, stamped: PCollection[_Stamped]
    ) -> tuple[PCollection[_Stamped], PCollection[Summary]]:
        """Recode stamped records and count what came of it."""
        request, quasi, k = self._request, self._request.quasi, self._request.plan.k
        blocks = stamped | "Blocks" >> beam.Keys().with_output_types(pa.RecordBatch)
        triples = self._named(blocks, "Triples", CollectTriples)
        most = request.plan.most_pairs
        histogram = blocks | "Histogram" >> CollectHistogram(quasi, k, most)
        chosen = histogram | "Choose" >> beam.ParDo(
            _Choose(request), AsList(triples)
        ).with_outputs("facts", "before", main="recoding")
        recoded = stamped | "Apply" >> beam.ParDo(
            _Apply(request.plan.bounded), AsIter(chosen.facts), AsIter(chosen.recoding)
        ).with_output_types(_STAMPED)
        kept = recoded | "Recoded" >> beam.Keys().with_output_types(pa.RecordBatch)
        values = self._named(kept, "Values", CountValues)
        report = (
            kept
            | "Recount" >> CountClasses(request.plan.class_columns, k)
            | "Judge"
            >> beam.Map(
                _judge,
                request,
                AsIter(chosen.facts),
                AsIter(chosen.before),
                AsList(values),
            )
        )
        return recoded, report

    def _named(
        self, blocks: PCollection[pa.RecordBatch], label: str, count: Any
    ) -> PCollection[tuple[str, pa.Table]]:
        """Count by each sensitive attribute; there may be none."""
        quasi = self._request.quasi
        tables = [
            blocks
            | f"{label} {name}" >> count(quasi, name)
            | f"{label} of {name}" >> beam.Map(_under, name).with_output_types(_NAMED)
            for name in self._request.sensitive
        ]
        return tuple(tables) | f"{label} together" >> beam.Flatten(
            pipeline=blocks.pipeline
        ).with_output_types(_NAMED)

    def _outputs(self, name: str, out: Any, report: PCollection[Summary]) -> Any:
        if not self._summary:
            return out
        plain = report | "Summary" >> beam.Map(_plain).with_output_types(_SUMMARY)
        return {name: out, "summary": plain}


def _stamp(block: pa.RecordBatch, request: Request) -> _Stamped:
    """Put a token of the data subject in place of the column that names it."""
    block = without_index(block)
    request.check(block.schema)
    for name in request.quasi:
        kind = find_type(block.schema, request.full(name))
        if request.reads is None and kind is not None and pa.types.is_null(kind):
            message = (
                f"column {name!r} has no type in a block without a value of it; give all "
                "blocks the same schema"
            )
            raise InputError(message)
    return _with_tokens(block, request), None


def _with_tokens(
    block: pa.RecordBatch, request: Request, *, counted: bool = False
) -> pa.RecordBatch:
    columns = request.columns_of(block, counted=counted)
    for name in request.quasi:  # a tenth of the bytes, between stages
        columns[name] = as_dictionary(columns[name])
    columns[SUBJECT] = number_people(identities_of(block, request.who))
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


class _StampRows(beam.DoFn):
    """Gathers the rows of a bundle, some thousands at once, and stamps them."""

    def __init__(self, request: Request, form: RowForm) -> None:
        self._request = request
        self._form = form
        self._held: list[Any] = []

    def start_bundle(self) -> None:
        self._held = []

    def process(self, row: Any) -> Iterator[_Stamped]:
        self._held.append(row)
        if len(self._held) >= _HELD_ROWS:
            yield self._flush()

    def finish_bundle(self) -> Iterator[Any]:
        if self._held:
            window = GlobalWindow()
            yield WindowedValue(self._flush(), window.max_timestamp(), (window,))

    def _flush(self) -> _Stamped:
        held, self._held = self._held, []
        batch = self._form.batch_of(held)
        stamped = _with_tokens(batch, self._request, counted=True)
        position = batch.column(POSITION)
        if POSITION not in stamped.schema.names:  # a policy's columns alone
            stamped = stamped.append_column(POSITION, position)
        return stamped, held


class _Choose(beam.DoFn):
    """Chooses the recoding; its tag tells it from those of other runs."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def process(
        self, histogram: pa.Table, triples: list[tuple[str, pa.Table]]
    ) -> Iterator[Any]:
        recoding = self._request.choose(histogram, dict(triples))
        yield recoding
        yield TaggedOutput("before", alone(histogram))
        yield TaggedOutput("facts", Chosen.of(recoding, secrets.token_hex(8)))


class _Apply(beam.DoFn):
    """Recodes blocks; a recoding, which may be large, is loaded once in a process."""

    def __init__(self, bounded: Sequence[Bounded]) -> None:
        self._bounded = bounded
        self._shared = Shared()

    def process(
        self, stamped: _Stamped, facts: Iterable[Chosen], recodings: Iterable[Recoding]
    ) -> Iterator[_Stamped]:
        block, rows = stamped
        (chosen,) = facts  # there is one, since there is a block
        held = self._shared.acquire(lambda: _Held(next(iter(recodings))), chosen.tag)
        recoding = held.held
        table = pa.Table.from_batches([block])
        recoded = recode(recoding, table, self._bounded, encoded=rows is None)
        for part in recoded.combine_chunks().to_batches():
            yield part if rows is not None else _encoded(part, recoding), rows


def _encoded(block: pa.RecordBatch, recoding: Recoding) -> pa.RecordBatch:
    """Let labels travel as dictionaries."""
    for name in recoding.quasi_identifiers:
        place = block.schema.get_field_index(name)
        block = block.set_column(place, name, as_dictionary(block.column(name)))
    return block


class _Held:
    """What `Shared` can refer to weakly."""

    def __init__(self, held: Recoding) -> None:
        self.held = held


def _under(table: pa.Table, name: str) -> tuple[str, pa.Table]:
    return name, table


def _judge(
    counted: pa.Table,
    request: Request,
    facts: Iterable[Chosen],
    uniques: Iterable[Alone],
    values: list[tuple[str, pa.Table]],
) -> Summary:
    (chosen,), (unique,) = facts, uniques
    held: dict[str, pa.Table | None] = dict.fromkeys(request.sensitive)
    for name, table in values:  # each class stands in one of them
        before = held[name]
        held[name] = table if before is None else pa.concat_tables([before, table])
    return summarise(request, chosen, unique, counted, held)


def _block(
    stamped: _Stamped, reports: Iterable[Summary], quasi: tuple[str, ...]
) -> pa.RecordBatch:
    """Let a block go, its labels as text, once the recount is known to be good."""
    _refuse_unjudged(reports)
    block = stamped[0].drop_columns([SUBJECT])
    for name in quasi:
        place = block.schema.get_field_index(name)
        text = block.column(name).cast(pa.string())
        block = block.set_column(place, name, text)
    return block


def _rows(
    stamped: _Stamped, reports: Iterable[Summary], form: RowForm
) -> Iterator[Any]:
    _refuse_unjudged(reports)
    yield from form.rows_of(*stamped)


def _refuse_unjudged(reports: Iterable[Summary]) -> None:
    if len(list(reports)) != 1:
        message = "KAnonymize: records came without a recount. This is a defect; nothing is given"
        raise GateError(message)


def _plain(summary: Summary) -> dict[str, Any]:
    plain = asdict(summary)
    del plain["recoding"]
    return plain
