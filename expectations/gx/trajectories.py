"""How unique people's trajectories are: who is told apart by a few known events.

De Montjoye et al., "Unique in the Crowd", Scientific Reports 3:1376, 2013: draw n events
of a person; the person is unique if nobody else has all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...transforms.blocks.names import SUBJECT
from ...transforms.kanonymity.counting.tokens import number_people
from ...transforms.kanonymity.sensitive.recount import numbered
from .classes import label_names
from .measure import ArgumentError, Facts, Outcome
from .tables import as_texts, label_columns, people_of

__all__ = ["Trajectories", "TrajectoryState", "draw_rank"]

_PEOPLE = 10_000

Tokens = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrajectoryState:
    """The distinct events of each person of a part, and its rows."""

    rows: int = 0
    pairs: pa.Table | None = None

    @classmethod
    def merged(cls, states: Sequence[Self]) -> Self:
        """Unite the events."""
        tables = [state.pairs for state in states if state.pairs is not None]
        rows = sum(state.rows for state in states)
        if len(tables) < 2:
            return cls(rows, tables[0] if tables else None)
        return cls(rows, _distinct(pa.concat_tables(tables)))


def _distinct(table: pa.Table) -> pa.Table:
    return table.group_by(table.column_names, use_threads=False).aggregate([])


@dataclass(frozen=True)
class Trajectories:
    """At most a share of people is unique by n random events of theirs.

    Attributes:
        subject_column: whom a row is about.
        event_columns: what makes an event, such as place and hour.
        known_events: events that an attacker knows; of people with fewer, all.
        max_unique_fraction: largest share of people who may be unique.
        seed: of the draw.
        sample_people: most people who are tested, drawn by the seed; 0: all.
    """

    subject_column: str
    event_columns: tuple[str, ...]
    known_events: int
    max_unique_fraction: float
    seed: int
    sample_people: int

    @classmethod
    def of(cls, kwargs: Mapping[str, Any]) -> Self:
        """Read arguments.

        Raises:
            ArgumentError: they do not go together.
        """
        events, subject = tuple(kwargs["event_columns"]), kwargs["subject_column"]
        if subject in events:
            raise ArgumentError(
                key="event_columns", problem="the data subject is no event"
            )
        if kwargs["known_events"] < 1:
            raise ArgumentError(key="known_events", problem="must be at least 1")
        sample, seed = kwargs.get("sample_people"), kwargs.get("seed") or 0
        if seed >= 2**63:
            raise ArgumentError(key="seed", problem="must be below 2^63")
        return cls(
            subject,
            events,
            kwargs["known_events"],
            float(kwargs["max_unique_fraction"]),
            seed,
            _PEOPLE if sample is None else sample,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are read."""
        return (*self.event_columns, self.subject_column)

    def state_of(self, block: pa.RecordBatch) -> TrajectoryState:
        """Collect the distinct events of the block's people."""
        labels = label_columns(block, self.event_columns)
        texts = [
            as_texts(label, name)
            for label, name in zip(labels, self.event_columns, strict=True)
        ]
        people = people_of(block, self.subject_column)
        if not block.num_rows:
            return TrajectoryState()
        names = [*label_names(len(texts)), SUBJECT]
        table = pa.table([*texts, people], names=names)
        return TrajectoryState(block.num_rows, _distinct(table))

    def facts(self, state: TrajectoryState) -> Facts:
        """Count the tested people who are unique."""
        if state.pairs is None:
            return {"rows": 0}
        events = state.pairs.drop_columns([SUBJECT])
        event_of, first = numbered(events)
        tokens = state.pairs.column(SUBJECT).to_numpy()
        people, person_of = np.unique(tokens, return_inverse=True)
        names = _event_tokens(events.take(pa.array(first)))
        rank = draw_rank(tokens, names[event_of], self.seed)
        drawn = _smallest(person_of, rank, event_of, self.known_events)
        tested = self._tested(people)
        crowd = _Crowd(event_of, person_of, len(first), len(people))
        unique = sum(crowd.is_unique(drawn[one]) for one in tested.tolist())
        return {
            "rows": state.rows,
            "people": len(people),
            "events": len(first),
            "tested_people": len(tested),
            "unique_people": unique,
        }

    def decide(self, facts: Facts) -> Outcome:
        """Hold the share of unique people among those tested against the limit."""
        share = facts["unique_people"] / facts["tested_people"]
        good = share <= self.max_unique_fraction
        detail = (
            ""
            if good
            else f"{facts['unique_people']} of {facts['tested_people']} people are the "
            f"only ones with {self.known_events} events of theirs"
        )
        return Outcome(good, share, {**facts, "unique_fraction": share}, detail)

    def _tested(self, people: Tokens) -> Ints:
        """Draw the people who are tested; the order of the rows does not matter."""
        if not 0 < self.sample_people < len(people):
            return np.arange(len(people))
        rank = draw_rank(people, np.zeros(len(people), np.uint64), self.seed + 1)
        return np.sort(np.argsort(rank, kind="stable")[: self.sample_people])


def _event_tokens(events: pa.Table) -> Tokens:
    """Give each event a hash of its labels, the same in every process."""
    token = np.zeros(events.num_rows, dtype=np.uint64)
    for column in events.columns:
        texts = column.combine_chunks()
        part = number_people(texts).to_numpy(zero_copy_only=False)
        token = _mixed(token ^ part)
    return token


def draw_rank(people: Tokens, events: Tokens, seed: int) -> Tokens:
    """Give a random number for each (person, event), drawn by the seed."""
    return _mixed(_mixed(people ^ _mixed(np.array([seed], np.uint64))) ^ events)


def _mixed(words: Tokens) -> Tokens:
    """Spread the bits of words (splitmix64: Steele, Lea, Flood, OOPSLA 2014, §5)."""
    mixed = words + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _smallest(person_of: Ints, rank: Tokens, event_of: Ints, most: int) -> list[Ints]:
    """Give the events of least rank of each person."""
    order = np.lexsort((rank, person_of))
    sizes = np.bincount(person_of)
    starts = np.cumsum(sizes) - sizes
    return [
        event_of[order[start : start + min(size, most)]]
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)
    ]


class _Crowd:
    """Who has which event."""

    def __init__(
        self, event_of: Ints, person_of: Ints, events: int, people: int
    ) -> None:
        self._people = people
        self._pairs = np.sort(event_of * people + person_of)
        self._ends = np.searchsorted(self._pairs, np.arange(events + 1) * people)

    def is_unique(self, events: Ints) -> bool:
        """Tell whether one person alone has all the events."""
        rarest = sorted(
            events.tolist(), key=lambda e: self._ends[e + 1] - self._ends[e]
        )
        first, *others = rarest
        those = self._pairs[self._ends[first] : self._ends[first + 1]]
        those = those - first * self._people
        for event in others:
            if len(those) < 2:
                break
            wanted = event * self._people + those
            place = np.searchsorted(self._pairs, wanted)
            place = np.minimum(place, len(self._pairs) - 1)
            those = those[self._pairs[place] == wanted]
        return len(those) < 2
