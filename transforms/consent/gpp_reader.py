"""Reads columns of GPP strings, of the sections that apply to each record."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from ...policies.signals import SignalSpec
from .readings import (
    NO_DAY,
    Decided,
    Reading,
    SignalReading,
    applies_to,
    combine,
)
from .strings import (
    BoundedCache,
    ConsentStringError,
    GppQuery,
    GppVerdict,
    TcfQuery,
    evaluate_gpp,
    evaluate_gpp_consent,
    split_gpp,
)
from .strings_reader import DAY_MICROS, TCF_TABLE, Codes, lookup_table, oldest
from .view import BlockView, Mask

__all__ = ["GppConsentReader", "GppVetoReader", "read_sections", "section_ids"]

_DAY_MASK = (1 << 20) - 1
_NOT_ASKED = 7  # in place of a TCF verdict
_EPOCH_DAY = 719_163  # date(1970, 1, 1).toordinal()
_SEPARATOR = "\n"  # between the sections that apply and the string; in neither

_TABLE = lookup_table(
    {
        GppVerdict.CLEAR: Reading.UNDECIDED,
        GppVerdict.OPTED_OUT: Reading.DENY,
        GppVerdict.MINOR: Reading.MINOR,
        GppVerdict.UNREAD: Reading.UNLISTED,
        GppVerdict.MALFORMED: Reading.MALFORMED,
    }
)


class GppVetoReader:
    """Reads opt-outs from a column of GPP strings, of the sections that apply."""

    def __init__(self, query: GppQuery) -> None:
        self._cache = BoundedCache(partial(_gpp_code, query))

    def read(self, view: BlockView, spec: SignalSpec) -> SignalReading:
        """Read the signal on every row."""
        sections = _Sections(view, spec)
        carriers = [_TABLE[sections.codes(path, self._cache)] for path in spec.paths]
        found = sections.told(combine(view, spec, carriers))
        # Sections apply, and there is no string to say what was decided in them.
        unsaid = sections.some_apply() & (found.readings == Reading.ABSENT)
        applies = applies_to(view, spec)
        if applies is not None:
            unsaid &= applies
        found.readings[unsaid] = Reading.UNLISTED
        return found


class GppConsentReader:
    """Answers a TCF question from the TCF sections of a column of GPP strings."""

    def __init__(self, query: TcfQuery) -> None:
        self._cache = BoundedCache(partial(_gpp_consent_code, query))

    def read(self, view: BlockView, spec: SignalSpec) -> SignalReading:
        """Read the signal on every row, with the days of the choices."""
        sections = _Sections(view, spec)
        carriers, earliest, latest = [], None, None
        for path in spec.paths:
            codes = sections.codes(path, self._cache)
            verdicts = np.where(codes < 0, _NOT_ASKED, codes & 7)
            found = TCF_TABLE[np.where(verdicts == _NOT_ASKED, -1, verdicts)]
            found[(codes >= 0) & (codes >> 43 > 0)] = Reading.MINOR
            carriers.append(found)
            old = _days(codes >> 3 & _DAY_MASK)
            new = _days(codes >> 23 & _DAY_MASK)
            for times in (old, new):
                times[codes < 0] = NO_DAY
            earliest = old if earliest is None else oldest(earliest, old)
            latest = new if latest is None else np.maximum(latest, new)
        told = sections.told(combine(view, spec, carriers))
        if earliest is None or latest is None:  # a signal has one path at least
            return told
        decided = Decided(earliest, latest, by_day=True)
        return SignalReading(told.readings, told.conflict, decided)


def _gpp_code(query: GppQuery, key: str) -> int:
    ids, text = key.split(_SEPARATOR, 1)
    return int(evaluate_gpp(text, query, section_ids(ids)))


def _gpp_consent_code(query: TcfQuery, key: str) -> int:
    """Pack verdict, both days (since 1970, plus one; 0 for none) and the child flag."""
    ids, text = key.split(_SEPARATOR, 1)
    answer = evaluate_gpp_consent(text, query, section_ids(ids))
    verdict = _NOT_ASKED if answer.verdict is None else int(answer.verdict)
    days = [
        0 if day is None else max(day.toordinal() - _EPOCH_DAY + 1, 0)
        for day in (answer.earliest, answer.latest)
    ]
    return verdict | days[0] << 3 | days[1] << 23 | int(answer.minor) << 43


def _days(packed: Codes) -> Codes:
    return np.where(packed == 0, NO_DAY, (packed - 1) * DAY_MICROS)


def read_sections(
    view: BlockView, spec: SignalSpec, wanted: frozenset[int]
) -> tuple[Mask, Mask]:
    """Tell where one of the `wanted` sections applies, and where nobody can say.

    Sections apply that the feed lists, else those that the string carries.
    """
    sections = _Sections(view, spec)
    listed = [section_ids(key) for key in sections.keys]
    by_list = np.array(
        [2 if ids is None else int(bool(ids & wanted)) for ids in listed], np.int64
    )[sections.rows]
    carried = np.full(view.rows, -1, dtype=np.int64)
    cache = BoundedCache(partial(_carries, wanted))
    for path in spec.paths:
        carried = np.maximum(carried, sections.codes(path, cache))
    carried = np.where(carried < 0, 2, carried)
    answer = np.where(by_list == 2, carried, by_list)
    return answer == 1, answer == 2


def _carries(wanted: frozenset[int], key: str) -> int:
    """Tell if a string carries a wanted section: 0 no, 1 yes, 2 it cannot be read."""
    text = key.split(_SEPARATOR, 1)[1]
    try:
        return int(bool(wanted & split_gpp(text).keys()))
    except ConsentStringError:
        return 2


def section_ids(text: str) -> frozenset[int] | None:
    """Read a list of GPP sections that apply; null if it does not say.

    Lists are JSON, or numbers with `,` or `_` between them. -1 alone says that no
    section applies. What cannot be read, an empty list and 0 (not determined) say
    nothing, and then every section of the string counts.

    >>> section_ids("[7,8]") == section_ids("7_8") == frozenset({7, 8})
    True
    >>> section_ids("-1"), section_ids("[]")
    (frozenset(), None)
    """
    try:
        if text.startswith("["):
            numbers = [int(str(entry)) for entry in json.loads(text)]
        else:
            numbers = [int(part) for part in text.replace("_", ",").split(",")]
    except (ValueError, TypeError, RecursionError):
        return None
    if not numbers or any(number < -1 or number == 0 for number in numbers):
        return None
    # -1 beside sections contradicts itself: the sections count.
    return frozenset(number for number in numbers if number > 0)


@dataclass
class _Sections:
    """Which sections apply to each row: texts of `section_paths`, joined.

    Attributes:
        view: the block.
        spec: the signal.
        keys: distinct texts.
        rows: row → position in `keys`.
        conflict: rows whose lists differ; every section in one of them counts.
    """

    view: BlockView
    spec: SignalSpec
    keys: list[str] = field(default_factory=lambda: [""])
    rows: Codes = field(init=False)
    conflict: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = np.zeros(self.view.rows, dtype=np.int64)
        self.conflict = np.zeros(self.view.rows, dtype=np.bool_)
        for path in self.spec.section_paths:
            positions, texts = self.view.codes(path)
            pairs = self.rows * (len(texts) + 1) + positions + 1
            distinct, self.rows = np.unique(pairs, return_inverse=True)
            before, differs, keys = self.keys, [], []
            for pair in distinct.tolist():
                one, other = divmod(pair, len(texts) + 1)
                ours = before[one]
                theirs = texts[other - 1] if other else ""
                keys.append(_joined(ours, theirs))
                said = bool(ours and theirs)
                differs.append(said and section_ids(ours) != section_ids(theirs))
            self.keys = keys
            self.conflict |= np.array(differs, dtype=np.bool_)[self.rows]

    def codes(self, path: str, cache: BoundedCache) -> Codes:
        """Evaluate the strings of one column, each with its row's sections."""
        positions, texts = self.view.codes(path)
        positions = positions.astype(np.int64)  # times the number of lists below
        if len(self.keys) == 1:
            prefix = self.keys[0] + _SEPARATOR
            table = np.array([*cache.each(prefix + t for t in texts), -1], np.int64)
            found: Codes = table[positions]
            return found
        pairs = np.where(positions < 0, -1, positions * len(self.keys) + self.rows)
        distinct, rows = np.unique(pairs, return_inverse=True)
        keys = [divmod(pair, len(self.keys)) for pair in distinct.tolist()]
        table = np.array(
            [
                -1 if one < 0 else cache(self.keys[other] + _SEPARATOR + texts[one])
                for one, other in keys
            ],
            np.int64,
        )
        joined: Codes = table[rows]
        return joined

    def some_apply(self) -> Mask:
        """Tell which rows list sections that apply."""
        some = np.array([bool(section_ids(key)) for key in self.keys], dtype=np.bool_)
        found: Mask = some[self.rows]
        return found

    def told(self, found: SignalReading) -> SignalReading:
        """Add the rows whose lists of sections differ to those in conflict."""
        conflict = found.conflict | (self.conflict & (found.readings != Reading.ABSENT))
        return SignalReading(found.readings, conflict, found.decided)


def _joined(one: str, other: str) -> str:
    """Join two lists of sections: what either names counts."""
    if not one or not other:
        return one or other
    first, second = section_ids(one), section_ids(other)
    if first is None or second is None:
        return "?"  # one of them does not say: every section counts
    union = sorted(first | second)
    return json.dumps(union or [-1])
