"""What is true about each demo line, kept beside the events and never among them."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from .events import CODES, QUARANTINED, Chunk
from .people import Bools
from .records import auction_id, person_name
from .texts import Plant

__all__ = ["KEEP", "TRUTH_SCHEMA", "truth_of"]

KEEP: Final = "KEEP"

TRUTH_SCHEMA: Final = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("auction_id", pa.string()),
        ("subject", pa.string()),
        ("code", pa.string()),
        ("outcome", pa.string()),
        ("codes", pa.list_(pa.string())),
        (
            "pii",
            pa.list_(
                pa.struct(
                    [
                        ("column", pa.string()),
                        ("entity", pa.string()),
                        ("value", pa.string()),
                    ]
                )
            ),
        ),
        ("minor", pa.bool_()),
        ("malformed", pa.string()),
    ]
)
"""One row per line. `line` is 1-based; `subject` is the true person; `code` is the
primary reason or `KEEP`, `codes` all that apply, strongest first, and `outcome` `keep`,
`drop` or `quarantine`. A blank line is no record: its id, subject, code and outcome are
null."""


def truth_of(
    chunk: Chunk,
    matrix: Bools,
    plants: list[list[Plant]],
    file: str,
    first_index: int,
) -> pa.RecordBatch:
    """Write the truth about one chunk, which is one file.

    Args:
        chunk: the events.
        matrix: which reasons apply, of `reason_matrix`.
        plants: personal data planted in each line.
        file: name of the file that holds them.
        first_index: number of the first event in the whole demo.
    """
    rows = len(chunk.person)
    record = chunk.malformed != "blank"
    names = np.array([*CODES, KEEP])
    kept = ~matrix.any(axis=1)
    primary = np.where(kept, len(CODES), matrix.argmax(axis=1))
    quarantined = np.isin(names[primary], QUARANTINED)
    outcome = np.where(kept, "keep", np.where(quarantined, "quarantine", "drop"))
    offsets = np.concatenate([[0], np.cumsum(matrix.sum(axis=1))]).astype(np.int32)
    all_codes = pa.array(names[np.nonzero(matrix)[1]], pa.string())
    ids = [
        auction_id(first_index + index, salt)
        for index, salt in enumerate(chunk.salt.tolist())
    ]
    people = [person_name(person) for person in chunk.person.tolist()]
    found = [
        [dict(zip(("column", "entity", "value"), plant, strict=True)) for plant in row]
        for row in plants
    ]
    minor = matrix[:, CODES.index("MINOR")]
    columns = [
        pa.array([file] * rows),
        pa.array(np.arange(1, rows + 1)),
        pa.array(ids, mask=~record),
        pa.array(people, mask=~record),
        pa.array(names[primary], pa.string(), mask=~record),
        pa.array(outcome, pa.string(), mask=~record),
        pa.ListArray.from_arrays(pa.array(offsets), all_codes),
        pa.array(found, TRUTH_SCHEMA.field("pii").type),
        pa.array(minor),
        pa.array(chunk.malformed, pa.string(), mask=chunk.malformed == ""),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TRUTH_SCHEMA)
