"""No personal data in the values of a column: the rules that clean, and a second look.

Both detectors read each distinct value of a block: the recognisers that clean texts
(`transforms.deidentify.text`) and the second detector, which shares nothing with them
(`transforms.deidentify.residual`); of the latter what is certain counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc

from ...policies.entities import KNOWN_ENTITIES, MODEL_ENTITIES
from ...policies.errors import OptinError
from ...policies.pii import Pii
from ...policies.residual import RESIDUAL_ENTITIES
from .measure import ArgumentError, Facts, Outcome, UnfitError
from .tables import as_texts, only_column

if TYPE_CHECKING:
    from ...transforms.deidentify.text import TextScanner

__all__ = ["MARKS", "NoPii", "TextState"]

MARKS: Final = re.compile(r"<[A-Z][A-Z_]*(?:_[0-9A-Za-z]{1,32})?>")
"""What cleaning puts where something stood; it is no personal data."""

_DEFAULT = (
    "CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS",
    "NATIONAL_ID", "PHONE_NUMBER", "SECRET",
)  # fmt: skip
_LONGEST = 20_000


@dataclass(frozen=True)
class TextState:
    """Rows with a value, with a finding, and with each entity."""

    rows: int = 0
    values: int = 0
    found: int = 0
    by_entity: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Add up."""
        total: Counter[str] = Counter()
        for state in states:
            total.update(state.by_entity)
        return cls(
            sum(state.rows for state in states),
            sum(state.values for state in states),
            sum(state.found for state in states),
            dict(sorted(total.items())),
        )


@dataclass(frozen=True)
class NoPii:
    """No value of a column holds one of the entities, but for a share of the rows.

    Attributes:
        column: text, or whole numbers, which are read as text.
        entities: what is looked for.
        engine: `rules`, or `model` for names and places.
        language: of the text.
        max_violating_fraction: largest share of the rows with a finding.
    """

    column: str
    entities: tuple[str, ...]
    engine: Literal["rules", "model"]
    language: str
    max_violating_fraction: float

    @classmethod
    def of(cls, kwargs: Mapping[str, Any]) -> Self:
        """Read arguments.

        Raises:
            ArgumentError: an entity is unknown, or needs the language model.
        """
        entities = tuple(kwargs.get("entities") or _DEFAULT)
        engine: Any = kwargs.get("engine") or "rules"
        if engine not in ("rules", "model"):
            raise ArgumentError(key="engine", problem="must be rules or model")
        for entity in entities:
            if entity not in KNOWN_ENTITIES and entity not in RESIDUAL_ENTITIES:
                message = f"unknown entity {entity!r}"
                raise ArgumentError(key="entities", problem=message)
            if entity in MODEL_ENTITIES and engine == "rules":
                message = f"{entity} is found by the language model; set engine: model"
                raise ArgumentError(key="entities", problem=message)
        share = float(kwargs.get("max_violating_fraction") or 0.0)
        language = kwargs.get("language") or "en"
        return cls(kwargs["column"], entities, engine, language, share)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        return (self.column,)

    def state_of(self, block: pa.RecordBatch) -> TextState:
        """Look at the distinct values of the block."""
        array = only_column(block, self.column)
        if pa.types.is_integer(array.type):
            array = as_texts(array, self.column)
        if not pa.types.is_string(array.type):
            message = f"column {self.column!r} is {array.type}; this reads text"
            raise UnfitError(message)
        counted = pc.value_counts(array.drop_null())
        texts = counted.field("values").to_pylist()
        rows = counted.field("counts").to_pylist()
        by_entity: Counter[str] = Counter()
        found = 0
        for entities, weight in zip(self._look(texts), rows, strict=True):
            found += weight if entities else 0
            for entity in entities:
                by_entity[entity] += weight
        return TextState(block.num_rows, sum(rows), found, dict(by_entity))

    def _look(self, texts: list[str]) -> list[set[str]]:
        """Give the entities of each text."""
        from ...transforms.deidentify.residual import find_traces

        wanted = set(self.entities)
        second = [
            {t.entity for t in find_traces(MARKS.sub("\n", text)) if t.certain} & wanted
            if len(text) <= _LONGEST
            else {"UNREADABLE_TEXT"}  # nothing passes because it is hard to read
            for text in texts
        ]
        known = tuple(e for e in self.entities if e in KNOWN_ENTITIES)
        if not known or not texts:
            return second
        try:
            scanner = _scanner(known, self.engine, self.language)
        except OptinError as error:
            message = f"the entities cannot be looked for ({type(error).__name__})"
            raise UnfitError(message) from None
        first = scanner.find_spans(texts)
        return [
            other | {span.entity for span in spans}
            for spans, other in zip(first, second, strict=True)
        ]

    def facts(self, state: TextState) -> Facts:
        """Give rows with a finding, and how many by entity."""
        return {
            "rows": state.rows,
            "values": state.values,
            "violating_rows": state.found,
            "rows_by_entity": dict(sorted(state.by_entity.items())),
        }

    def decide(self, facts: Facts) -> Outcome:
        """Hold the share of rows with a finding against the limit."""
        share = facts["violating_rows"] / facts["rows"]
        good = share <= self.max_violating_fraction
        named = ", ".join(facts["rows_by_entity"])
        detail = (
            ""
            if good
            else f"{facts['violating_rows']} of {facts['rows']} rows of column "
            f"{self.column!r} hold personal data: {named}"
        )
        counts = {**facts, "violating_fraction": share}
        return Outcome(good, facts["violating_rows"], counts, detail)


@lru_cache(maxsize=8)
def _scanner(
    entities: tuple[str, ...], engine: Literal["rules", "model"], language: str
) -> TextScanner:
    from ...transforms.deidentify.text import TextScanner

    return TextScanner(Pii(engine=engine, entities=entities, language=language))
