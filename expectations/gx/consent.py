"""Only people who consented: every row's data subject stands in a snapshot of consent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...transforms.kanonymity.counting.tokens import number_people
from .classes import check_share
from .measure import ArgumentError, Facts, Outcome, UnfitError
from .tables import names_of_people

__all__ = ["ConsentState", "OnlyConsented"]


@dataclass(frozen=True)
class ConsentState:
    """Rows, rows without a person, rows of people who are not listed, and those people."""

    rows: int = 0
    nobody: int = 0
    strange_rows: int = 0
    strangers: bytes = b""  # sorted distinct tokens

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Add up."""
        tokens = [np.frombuffer(state.strangers, "<u8") for state in states]
        return cls(
            sum(state.rows for state in states),
            sum(state.nobody for state in states),
            sum(state.strange_rows for state in states),
            np.unique(np.concatenate(tokens)).astype("<u8").tobytes(),
        )


@dataclass(frozen=True)
class OnlyConsented:
    """Every row is about somebody whom the snapshot lists.

    Attributes:
        subject_column: whom a row is about.
        snapshot: Parquet, CSV or JSON Lines file of the people who consented.
        snapshot_column: column of the file that names them, in the spelling (plain or
            pseudonym) of `subject_column`.
    """

    subject_column: str
    snapshot: str
    snapshot_column: str

    @classmethod
    def of(cls, kwargs: Mapping[str, Any]) -> Self:
        """Read arguments.

        Raises:
            ArgumentError: the file's format is none that is read.
        """
        snapshot = kwargs["snapshot"]
        if Path(snapshot).suffix.lower() not in _FORMATS:
            raise ArgumentError(
                key="snapshot", problem="must be a .parquet, .csv or .jsonl file"
            )
        column = kwargs["subject_column"]
        return cls(column, snapshot, kwargs.get("snapshot_column") or column)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        return (self.subject_column,)

    def state_of(self, block: pa.RecordBatch) -> ConsentState:
        """Look the block's people up."""
        listed = _listed(self.snapshot, self.snapshot_column)
        names = names_of_people(block, self.subject_column)
        known = pc.is_in(names, value_set=listed)
        strange = names.filter(pc.invert(known)).drop_null()
        tokens = np.unique(number_people(strange).to_numpy(zero_copy_only=False))
        return ConsentState(
            block.num_rows,
            names.null_count,
            len(strange),
            tokens.astype("<u8").tobytes(),
        )

    def facts(self, state: ConsentState) -> Facts:
        """Count rows of people who are not listed, and rows of nobody."""
        return {
            "rows": state.rows,
            "consented_subjects": len(_listed(self.snapshot, self.snapshot_column)),
            "rows_without_subject": state.nobody,
            "unconsented_rows": state.strange_rows,
            "unconsented_subjects": len(state.strangers) // 8,
            "violating_rows": state.nobody + state.strange_rows,
        }

    def decide(self, facts: Facts) -> Outcome:
        """Hold that every row is of somebody who is listed."""
        return check_share(
            facts,
            "violating_rows",
            0.0,
            "rows are of nobody, or of people who are not in the snapshot",
            observed=facts["violating_rows"],
        )


def _read_parquet(path: Path, column: str) -> pa.Array:
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=[column]).column(column).combine_chunks()


def _read_csv(path: Path, column: str) -> pa.Array:
    from pyarrow import csv

    convert = csv.ConvertOptions(
        include_columns=[column], column_types={column: pa.string()}
    )
    read = csv.read_csv(path, convert_options=convert)
    return read.column(column).combine_chunks()


def _read_json(path: Path, column: str) -> pa.Array:
    from pyarrow import json

    return json.read_json(path).column(column).combine_chunks()


_FORMATS = {
    ".csv": _read_csv,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".parquet": _read_parquet,
}


def _listed(path: str, column: str) -> pa.Array:
    """Give the people of a snapshot, as they are compared.

    Raises:
        UnfitError: it cannot be read, or lists nobody.
    """
    try:
        stat = Path(path).stat()
    except OSError as error:
        message = f"the consent snapshot cannot be read ({type(error).__name__})"
        raise UnfitError(message) from None
    return _loaded(path, column, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _loaded(path: str, column: str, changed: int, size: int) -> pa.Array:
    del changed, size  # of the key: a file that changed is read again
    try:
        read = _FORMATS[Path(path).suffix.lower()](Path(path), column)
        block = pa.record_batch([read], names=[column])
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        message = (
            f"the consent snapshot, or its column {column!r}, cannot be read "
            f"({type(error).__name__})"
        )
        raise UnfitError(message) from None
    people = names_of_people(block, column).drop_null().unique()
    if not len(people):
        message = "the consent snapshot lists nobody"
        raise UnfitError(message)
    return people
