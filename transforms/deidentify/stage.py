"""De-identification as a Beam transform, over blocks or over rows with a schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from ...policies.errors import InputError
from ...policies.model import Policy
from ..blocks import coder  # noqa: F401  # registers how blocks travel
from ..blocks.rows import RowShape, batch_of, lacking
from .api import Standalone, open_scanner
from .block import Findings, deidentify_block
from .keys import Secret, TokenCache
from .plan import DeidentifyPlan
from .text import TextScanner

__all__ = ["Deidentify"]

_FINDINGS = dict[str, dict[str, int]]
_HELD_ROWS = 8_192  # rows that are worked on at once
_ALONE_CHARS = 1_000_000  # about 13,000 short texts: 20 seconds of the model's


class Deidentify(beam.PTransform[PCollection[Any], DoOutputsTuple]):
    """Applies the policy's actions to every column, in our pipeline or in anybody's.

    Shape: `PCollection[RecordBatch] -> blocks` or, with a policy,
    `PCollection[Row] -> rows`; and the tag `findings`: one `{column: {finding: rows or
    spans}}` per block, or per batch of rows, in which anything was found.

    With a plan it takes the blocks of our own reader and gate, and optin's own columns
    stay in them. With a policy (or its path) it takes the data as they come: record
    batches, or rows with a schema (`beam.Row`, `NamedTuple`), whose windows and
    timestamps stay. Out come the published columns alone; `user.email` is the field
    `email` of the row's field `user`, and every field may be null. See `deidentify` for
    what then is guaranteed.

    Not covered: free text in columns whose action is not `scan`; names and places under
    `engine: rules`; whatever the recognisers miss. With a policy: no consent gate, no
    k-anonymity.

    Args:
        policy: the plan of a run, a loaded policy, or the path of one. Keys are resolved
            here, on the driver.
        keys: with a policy: master key of each reference; by default they are read from
            where it says.
        iso_times: rows hold times and dates as ISO 8601 text, not as `Timestamp` and
            `date`.
        text_workers: with a plan: processes that help to read text, once there is much
            of it; for a runner that works in one process.

    Raises:
        PolicyError: the policy's file has errors.
        KeyReferenceError: a key is missing.
        InputError: the rows lack a field that the policy needs, or have no schema.
    """

    def __init__(
        self,
        policy: DeidentifyPlan | Policy | str | Path,
        *,
        keys: Mapping[str, Secret | bytes] | None = None,
        iso_times: bool = False,
        text_workers: int = 0,
    ) -> None:
        super().__init__()
        self._text_workers = text_workers
        self._iso_times = iso_times
        if isinstance(policy, DeidentifyPlan):
            self._work: DeidentifyPlan | Standalone = policy
        else:
            self._work = Standalone.from_policy(policy, keys)

    def expand(self, pcoll: PCollection[Any]) -> DoOutputsTuple:
        """Apply the plan batch by batch."""
        kind = pcoll.element_type
        work = self._work
        if isinstance(work, DeidentifyPlan):
            over = _OverBlocks(work, self._text_workers)
            return _applied(pcoll, over, pa.RecordBatch, "blocks")
        if isinstance(kind, type) and issubclass(kind, pa.RecordBatch):
            return _applied(pcoll, _OverBatches(work), pa.RecordBatch, "blocks")
        missing = lacking(kind, work.required)
        if missing is None:
            message = (
                "Deidentify takes record batches, or rows with a schema; give this "
                "PCollection a type, such as .with_output_types(YourNamedTuple)"
            )
            raise InputError(message)
        if missing:
            message = f"the rows lack field(s) {', '.join(missing)} of the policy"
            raise InputError(message)
        if work.who and len(lacking(kind, work.who) or ()) == len(work.who):
            message = (
                "date_shift, or what stands for a person in text, depends on who a record "
                f"is about, and the rows have none of input.subject: {', '.join(work.who)}"
            )
            raise InputError(message)
        shape = RowShape(work.schema, iso_times=self._iso_times)
        return _applied(pcoll, _OverRows(work, shape), shape.type, "rows")


def _applied(
    pcoll: PCollection[Any], work: beam.DoFn, kind: Any, main: str
) -> DoOutputsTuple:
    outputs: DoOutputsTuple = pcoll | beam.ParDo(work).with_output_types(
        kind, findings=_FINDINGS
    ).with_outputs("findings", main=main)
    return outputs


class _Deidentify(beam.DoFn):
    """What the three have in common: one scanner and one memory per process."""

    def __init__(self, plan: DeidentifyPlan, text_workers: int = 0) -> None:
        self._plan = plan
        self._text_workers = text_workers
        self._shared = Shared()  # one scanner per process, not per thread
        self._scanner: TextScanner | None = None
        self._shared_cache = Shared()
        self._cache: TokenCache | None = None

    def setup(self) -> None:
        self._cache = self._shared_cache.acquire(TokenCache)
        if self._plan.pii is not None:
            self._scanner = self._shared.acquire(
                lambda: open_scanner(
                    self._plan,
                    workers=self._text_workers,
                    workers_after_chars=_ALONE_CHARS,
                )
            )


class _OverBlocks(_Deidentify):
    def process(self, block: pa.RecordBatch) -> Iterator[Any]:
        result, findings = deidentify_block(
            block, self._plan, self._scanner, self._cache
        )
        yield result
        if findings:
            yield TaggedOutput("findings", _plain(findings))


class _OverBatches(_Deidentify):
    def __init__(self, work: Standalone) -> None:
        super().__init__(work.plan)
        self._work = work

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        self._work.check(batch.schema)
        result, findings = self._work.apply(batch, self._scanner, self._cache)
        yield result
        if findings:
            yield TaggedOutput("findings", _plain(findings))


class _OverRows(_Deidentify):
    """Holds the rows of a bundle by window, and works on some thousands at once."""

    def __init__(self, work: Standalone, shape: RowShape) -> None:
        super().__init__(work.plan)
        self._work = work
        self._shape = shape
        self._held: dict[Any, list[tuple[Any, Any]]] = {}
        self._count = 0

    def start_bundle(self) -> None:
        self._held, self._count = {}, 0

    def process(
        self,
        row: Any,
        timestamp: Any = beam.DoFn.TimestampParam,
        window: Any = beam.DoFn.WindowParam,
    ) -> Iterator[Any]:
        self._held.setdefault(window, []).append((row, timestamp))
        self._count += 1
        if self._count >= _HELD_ROWS:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[Any]:
        yield from self._flush()

    def _flush(self) -> Iterator[Any]:
        held, self._held, self._count = self._held, {}, 0
        for window, entries in held.items():
            batch = batch_of([row for row, _ in entries], self._work.fields)
            self._work.check(batch.schema)
            result, findings = self._work.apply(batch, self._scanner, self._cache)
            rows = self._shape.rows(result)
            for row, (_, timestamp) in zip(rows, entries, strict=True):
                yield WindowedValue(row, timestamp, (window,))
            if findings:
                last = window.max_timestamp()
                counts = WindowedValue(_plain(findings), last, (window,))
                yield TaggedOutput("findings", counts)


def _plain(findings: Findings) -> dict[str, dict[str, int]]:
    counted: Mapping[str, Counter[str]] = findings
    return {name: dict(found) for name, found in counted.items()}
