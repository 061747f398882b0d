"""The ledger's files → decisions about the policy's purpose, people named by hashes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ....policies.errors import InputError
from ...blocks.identity import are_containers
from ...blocks.listing import InputFile, list_files, list_splits
from ...blocks.names import RECORD
from ...blocks.read import read_ahead, read_split
from ...blocks.spec import BadRecords, SplitStats
from ..event_time import event_times
from ..view import BlockView, Mask
from .keys import normalised, prefixed, siphash
from .plan import LedgerPlan
from .problems import Problems
from .purposes import covers, is_purpose, touches

__all__ = ["DECISION_DTYPE", "ERASE", "GRANT", "NEVER", "OTHER", "WITHDRAW", "Reader"]

GRANT, OTHER, WITHDRAW, ERASE = range(4)
"""Kinds of decision: a grant of the policy's purpose, of another; and the others."""

NEVER: Final = 2**63 - 1
"""Microseconds of an instant that does not come."""

DECISION_DTYPE = np.dtype(
    [("h1", "<u8"), ("h2", "<u8"), ("time", "<i8"), ("until", "<i8"), ("kind", "u1")]
)
"""One decision of one key value; `until` is the last instant at which a grant holds."""

_WORDS = ("grant", "withdraw", "erase")
_COVERS, _TOUCHES, _UNREADABLE, _BLANK = 1, 2, 4, 8
_BAD_RECORDS = {
    "BAD_RECORD": "the record is not well formed",
    "BAD_ENCODING": "the record is not UTF-8",
    "BAD_TYPE": "the record has a value that cannot be read as text",
}
_LISTING = re.compile(r"\binput\.(path|format)\b")


class Reader:
    """Reads a ledger once: `decisions()`, and then what the whole came to.

    Attributes:
        files: of the ledger, by path; none if every file is empty.
        size_bytes: about how large the ledger is once it is decompressed.
        words: decisions by word, whatever their time or purpose.
        rows: decisions read.
        newest: latest time of a decision in microseconds UTC, or null.
        later: decisions after the as-of instant, which do not count.
        nobody: rows all of whose keys are all-zero identifiers.
    """

    def __init__(self, plan: LedgerPlan, as_of_micros: int) -> None:
        """List the files.

        Raises:
            InputError: no file is there, or one is of another format.
        """
        self._plan = plan
        self._as_of = as_of_micros
        self._problems = Problems(by_line=plan.format == "jsonl")
        self._messages = _messages(plan)
        self._relations: dict[str, int] = {}
        self._filled: Counter[str] = Counter()
        self.words: Counter[str] = Counter()
        self.rows = self.later = self.nobody = 0
        self.newest: int | None = None
        self.empty_keys: list[str] = []
        self.files: tuple[InputFile, ...] = _listed(plan)
        self._splits = list_splits(plan.read_spec, self.files) if self.files else ()
        self.size_bytes = sum(
            split.size_bytes * (8 if split.path.endswith((".gz", ".bz2", ".xz")) else 1)
            for split in self._splits
        )

    def decisions(self) -> Iterator[npt.NDArray[Any]]:
        """Give the decisions that can matter, block by block.

        Shape: arrays of `DECISION_DTYPE`, one row per decision and key value. Decisions
        after the as-of instant and withdrawals of unrelated purposes are left out.

        Raises:
            InputError: at the end, if anything is wrong; every place up to 20, located.
        """
        for split in self._splits:
            for item in read_ahead(read_split(self._plan.read_spec, split)):
                if isinstance(item, BadRecords):
                    self._note_bad(item.batch)
                elif isinstance(item, SplitStats):
                    self._problems.end_split(split, item)
                else:
                    found = self._read(item)
                    if not self._problems.count:
                        yield from found
        self._note_empty_columns()
        self._problems.raise_any()

    def _read(self, block: pa.RecordBatch) -> list[npt.NDArray[Any]]:
        """Read one block: decisions of each key column."""
        plan, view = self._plan, BlockView(block)
        words = pc.utf8_lower(pc.utf8_trim_whitespace(view.array(plan.decision_field)))
        places = pc.index_in(words, value_set=pa.array(_WORDS))
        kinds = places.fill_null(-1).to_numpy(zero_copy_only=False)
        times, timed = event_times(view, plan.time_of(plan.time_field))
        expiry, expires, readable = self._expiry(view)
        relations = self._relate(view.array(plan.purpose_field))
        named, listed, people = self._people(view)
        blank = (relations & _BLANK) > 0
        faults: dict[str, Mask] = {
            "word": kinds < 0,
            "time": ~timed,
            "purpose": (relations & _UNREADABLE) > 0,
            "grants nothing": (kinds == 0) & blank,
            "end": ~readable,
            "ends early": expires & readable & timed & (expiry <= times),
            "nobody": ~named,
            "list": listed,
        }
        records = block.column(RECORD).to_numpy()
        for fault, rows in faults.items():
            self._problems.add(self._messages[fault], records[rows])
        self._account(view, words, kinds, times, timed)
        if self._problems.count:
            return []
        kind = np.array([GRANT, WITHDRAW, ERASE], dtype=np.uint8)[kinds]
        kind[(kinds == 0) & ((relations & _COVERS) == 0)] = OTHER
        counts = times <= self._as_of
        counts &= (kind != WITHDRAW) | ((relations & _TOUCHES) > 0)
        until = np.where(expires, expiry - 1, NEVER)
        return [
            self._named(column, identities, counts, times, until, kind)
            for column, identities in people
        ]

    def _named(
        self,
        column: str,
        identities: pa.Array,
        counts: Mask,
        times: npt.NDArray[np.int64],
        until: npt.NDArray[np.int64],
        kind: npt.NDArray[np.uint8],
    ) -> npt.NDArray[Any]:
        """Name the people of one key column by hashes; rows that name nobody go."""
        rows = counts & identities.is_valid().to_numpy(zero_copy_only=False)
        values = prefixed(column, identities.filter(pa.array(rows)))
        found = np.empty(len(values), dtype=DECISION_DTYPE)
        found["h1"] = siphash(values, self._plan.hash_keys[0])
        found["h2"] = siphash(values, self._plan.hash_keys[1])
        found["time"], found["until"] = times[rows], until[rows]
        found["kind"] = kind[rows]
        return found

    def _people(self, view: BlockView) -> tuple[Mask, Mask, list[tuple[str, pa.Array]]]:
        """Give who is named in each row.

        Returns:
            Rows with a key value at all, rows with a list or an object for one, and
            identities by record column.
        """
        named = np.zeros(view.rows, dtype=np.bool_)
        somebody = np.zeros(view.rows, dtype=np.bool_)
        listed = np.zeros(view.rows, dtype=np.bool_)
        people = []
        for record_column, ledger_column in self._plan.keys:
            filled = _filled(view.array(ledger_column))
            self._filled[ledger_column] += int(filled.sum())
            identities = normalised(view.array(ledger_column))
            named |= filled
            listed |= are_containers(view.array(ledger_column))
            somebody |= identities.is_valid().to_numpy(zero_copy_only=False)
            people.append((record_column, identities))
        self.nobody += int((named & ~somebody).sum())
        return named, listed, people

    def _expiry(self, view: BlockView) -> tuple[npt.NDArray[np.int64], Mask, Mask]:
        """Give the instants that grants end at, where there is one, which are fine."""
        name = self._plan.expires_field
        if name == self._plan.time_field:
            stated = np.ones(view.rows, dtype=np.bool_)
        else:
            stated = _filled(view.array(name))
        self._filled[name] += int(stated.sum())
        micros, known = event_times(view, self._plan.time_of(name))
        if self._plan.format == "parquet" and self._plan.time_unit != "iso8601":
            # A column of type timestamp comes as text; no number is read so.
            typed = self._plan.time_of(name).model_copy(update={"unit": "iso8601"})
            instants, also = event_times(view, typed)
            micros, known = np.where(known, micros, instants), known | also
        return micros, stated, known | ~stated

    def _relate(self, texts: pa.Array) -> npt.NDArray[np.uint8]:
        """Tell how the purpose of each row relates to the policy's: bits."""
        trimmed = pc.utf8_trim_whitespace(texts).fill_null("")
        encoded = pc.dictionary_encode(trimmed)
        table = np.array(
            [self._relation(text) for text in encoded.dictionary.to_pylist()],
            dtype=np.uint8,
        )
        return table[encoded.indices.to_numpy(zero_copy_only=False)]

    def _relation(self, text: str) -> int:
        if text not in self._relations:
            if len(self._relations) > 10_000:  # a column of free text
                self._relations.clear()
            purpose = self._plan.purpose
            self._relations[text] = (
                (_COVERS if covers(text, purpose) else 0)
                | (_TOUCHES if touches(text, purpose) else 0)
                | (0 if is_purpose(text) else _UNREADABLE)
                | (0 if text else _BLANK)
            )
        return self._relations[text]

    def _account(
        self,
        view: BlockView,
        words: pa.Array,
        kinds: npt.NDArray[np.int32],
        times: npt.NDArray[np.int64],
        timed: Mask,
    ) -> None:
        self.rows += view.rows
        self._filled[self._plan.decision_field] += len(words) - words.null_count
        self._filled[self._plan.time_field] += int(timed.sum())
        found = np.bincount(kinds[kinds >= 0], minlength=len(_WORDS))
        self.words.update(dict(zip(_WORDS, found.tolist(), strict=True)))
        self.later += int((timed & (times > self._as_of)).sum())
        if timed.any():
            newest = int(times[timed].max())
            self.newest = newest if self.newest is None else max(newest, self.newest)

    def _note_bad(self, batch: pa.RecordBatch) -> None:
        records = batch.column("record").to_numpy()
        codes = np.array(batch.column("code").to_pylist(), dtype=object)
        for code in sorted(set(codes)):
            message = _BAD_RECORDS.get(code, "the record cannot be read")
            self._problems.add(f"{message}.", records[codes == code])

    def _note_empty_columns(self) -> None:
        """Say so once if a column is missing everywhere: a name is misspelt."""
        if not self.rows:
            return
        plan = self._plan
        for name in dict.fromkeys([plan.decision_field, plan.time_field]):
            if not self._filled[name]:
                self._problems.add_general(
                    f"consent.ledger {plan.path}: no record has a readable {name}. "
                    "Check the name of the column and the unit of times."
                )
        columns = [ledger for _, ledger in plan.keys]
        self.empty_keys = [name for name in columns if not self._filled[name]]
        if len(self.empty_keys) == len(columns):
            self._problems.add_general(
                f"consent.ledger {plan.path}: no record has a value in "
                f"{', '.join(columns)}. Check consent.ledger.key."
            )
        if plan.expires_required and not self._filled[plan.expires_field]:
            self._problems.add_general(
                f"consent.ledger {plan.path}: no record has a value in "
                f"{plan.expires_field}, so no grant would end. Correct "
                "consent.ledger.expires, or take it out."
            )


def _filled(texts: pa.Array) -> Mask:
    """Tell which cells hold more than blanks."""
    if pa.types.is_timestamp(texts.type):
        return texts.is_valid().to_numpy(zero_copy_only=False)
    filled = pc.not_equal(pc.utf8_trim_whitespace(texts), "").fill_null(False)
    return filled.to_numpy(zero_copy_only=False)


def _listed(plan: LedgerPlan) -> tuple[InputFile, ...]:
    """List the ledger's files; none if all of them are empty."""
    try:
        return list_files(plan.read_spec)
    except InputError as error:
        text = str(error)
        if text.endswith("files are empty."):
            return ()
        raise InputError(_LISTING.sub(r"consent.ledger.\1", text)) from None


def _messages(plan: LedgerPlan) -> dict[str, str]:
    """Say what can be wrong with a record; names of columns, never a value."""
    if plan.time_unit != "iso8601":
        time = f"as a time in {plan.time_unit}"
    else:
        time = "as ISO 8601" + (" with an offset such as Z" if not plan.time_tz else "")
    end, purpose = plan.expires_field, plan.purpose_field
    keys = ", ".join(ledger for _, ledger in plan.keys)
    return {
        "word": f"the decision ({plan.decision_field}) must be grant, withdraw or erase.",
        "time": f"the time ({plan.time_field}) is missing or cannot be read {time}.",
        "purpose": f"the purpose ({purpose}) is no Fides key, `*` or blank.",
        "grants nothing": f"a grant must name a purpose ({purpose}), or * for every one.",
        "end": f"the end of the grant ({end}) cannot be read {time}.",
        "ends early": f"the end of the grant ({end}) must be after its time.",
        "nobody": f"no key names anybody ({keys}).",
        "list": f"a key is a list or an object ({keys}); write one row per person.",
    }
