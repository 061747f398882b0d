"""Signals that answer by category: maps, lists of ids, and scopes of a decision."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable

import numpy as np

from ...policies.signals import CATEGORY, SignalSpec, canonical_text
from .readings import (
    Reading,
    Readings,
    SignalReading,
    combine,
    read_signal,
    value_reader,
    with_times,
)
from .view import BlockView, Mask

__all__ = ["read_categories"]

_SEPARATORS = re.compile(r"[,;|]")
_BOOLEANS = {
    "true": Reading.GRANT,
    "1": Reading.GRANT,
    "false": Reading.DENY,
    "0": Reading.DENY,
}


def read_categories(
    view: BlockView, spec: SignalSpec, categories: tuple[str, ...]
) -> SignalReading:
    """Evaluate a signal for the categories that a requirement names.

    Every category must be granted; of several readings the most restrictive counts, and
    a category that nobody was asked about is `ABSENT`, which counts before a grant.
    """
    if any(CATEGORY in path for path in spec.paths):
        return _by_column(view, spec, categories)
    if spec.kind == "category_map":
        return _by_text(view, spec, lambda text: _read_map(text, categories))
    if spec.kind == "id_lists":
        return _read_lists(view, spec, categories)
    return _read_scoped(view, spec, categories)


def _by_column(
    view: BlockView, spec: SignalSpec, categories: tuple[str, ...]
) -> SignalReading:
    """Read one column per category."""
    readings = None
    conflict = np.zeros(view.rows, dtype=np.bool_)
    decided = None
    for category in categories:
        found = read_signal(view, spec.filled(category))
        conflict |= found.conflict
        readings = (
            found.readings if readings is None else _weaker(readings, found.readings)
        )
        if found.decided is not None and decided is not None:
            decided = decided.with_others(found.decided)
        else:
            decided = found.decided
    if readings is None:  # the loader refuses a requirement without categories
        readings = np.full(view.rows, Reading.ABSENT, dtype=np.uint8)
    return SignalReading(readings, conflict, decided)


def _weaker(one: Readings, other: Readings) -> Readings:
    """Give the reading of two categories that grants less; an absent one is no grant."""
    absent = (one == Reading.ABSENT) | (other == Reading.ABSENT)
    worst = np.maximum(one, other)
    # What says more than "granted" stays; a grant beside silence is silence.
    return np.where(absent & (worst <= Reading.GRANT), Reading.ABSENT, worst).astype(
        np.uint8
    )


def _by_text(
    view: BlockView, spec: SignalSpec, read: Callable[[str], Reading]
) -> SignalReading:
    carriers = [view.lookup(path, read, missing=Reading.ABSENT) for path in spec.paths]
    return with_times(view, spec, _combined(view, spec, carriers))


def _combined(
    view: BlockView, spec: SignalSpec, carriers: list[Readings]
) -> SignalReading:
    """Put carriers together; one that is there and does not name a category differs."""
    found = combine(view, spec, carriers)
    conflict = found.conflict.copy()
    for one, other in itertools.combinations(range(len(carriers)), 2):
        both = view.present(spec.paths[one]) & view.present(spec.paths[other])
        conflict |= both & (carriers[one] != carriers[other])
    return SignalReading(found.readings, conflict, found.decided)


def _read_map(text: str, categories: tuple[str, ...]) -> Reading:
    """Read an object category → boolean."""
    entries = _parsed(text)
    if not isinstance(entries, dict):
        return Reading.UNLISTED
    found = []
    for category in categories:
        if category not in entries or entries[category] is None:
            found.append(Reading.ABSENT)
            continue
        value = entries[category]
        word = None if isinstance(value, (dict, list)) else canonical_text(value)
        found.append(_BOOLEANS.get((word or "").lower(), Reading.UNLISTED))
    return _worst(found)


def _worst(found: list[Reading]) -> Reading:
    worst = max(found, default=Reading.ABSENT)
    if worst <= Reading.GRANT and Reading.ABSENT in found:
        return Reading.ABSENT
    return worst


def _read_lists(
    view: BlockView, spec: SignalSpec, categories: tuple[str, ...]
) -> SignalReading:
    """Read lists of allowed and denied ids; an id in both is a conflict, and a no."""

    def every(text: str) -> int:
        ids = _ids(text)
        if ids is None:
            return Reading.UNLISTED
        return Reading.GRANT if ids.issuperset(categories) else Reading.ABSENT

    wanted = frozenset(categories)
    allowed = [view.lookup(path, every, missing=Reading.ABSENT) for path in spec.paths]
    found = _combined(view, spec, allowed)
    readings, conflict = found.readings, found.conflict
    for path in spec.denied_paths:

        def denies(text: str) -> int:
            ids = _ids(text)
            if ids is None:
                return Reading.UNLISTED
            # However it is written: a no is not lost for its separators.
            loosely = ids.union(*(one.split() for one in ids))
            return Reading.DENY if loosely & wanted else Reading.ABSENT

        denied = view.lookup(path, denies, missing=Reading.ABSENT)
        conflict = conflict | _in_both(view, spec, path, wanted)
        readings = np.maximum(readings, denied)
    return with_times(view, spec, SignalReading(readings, conflict))


def _in_both(
    view: BlockView, spec: SignalSpec, denied: str, wanted: frozenset[str]
) -> Mask:
    """Tell which rows list a wanted id as allowed and as denied."""
    both = np.zeros(view.rows, dtype=np.bool_)
    for one in sorted(wanted):

        def lists(text: str, one: str = one) -> int:
            return int(one in (_ids(text) or ()))

        refused = view.lookup(denied, lists, missing=0).astype(np.bool_)
        for path in spec.paths:
            both |= refused & view.lookup(path, lists, missing=0).astype(np.bool_)
    return both


def _read_scoped(
    view: BlockView, spec: SignalSpec, categories: tuple[str, ...]
) -> SignalReading:
    """Read a decision that is made for a list of scopes."""
    plain = value_reader(spec)
    by_scope = {
        value for value, verdict in spec.values.items() if verdict == "by_scope"
    }

    def scoped(text: str) -> int:
        return int((text.lower() if spec.lower else text) in by_scope)

    def covers(text: str) -> int:
        ids = _ids(text)
        return int(ids is not None and ids.issuperset(categories))

    covered = np.ones(view.rows, dtype=np.bool_)
    for path in spec.scope_paths:
        covered &= view.lookup(path, covers, missing=0).astype(np.bool_)
    carriers = []
    for path in spec.paths:
        readings = view.lookup(path, plain, missing=Reading.ABSENT)
        asks = view.lookup(path, scoped, missing=0).astype(np.bool_)
        granted = asks & covered & bool(spec.scope_paths)
        readings[granted] = Reading.GRANT
        readings[asks & ~granted] = Reading.DENY
        carriers.append(readings)
    return with_times(view, spec, _combined(view, spec, carriers))


def _ids(text: str) -> frozenset[str] | None:
    """Read a list of ids, as JSON or with separators; null if it is neither."""
    if text.startswith("["):
        entries = _parsed(text)
        if not isinstance(entries, list):
            return None
        texts = [canonical_text(one) for one in entries if _is_scalar(one)]
        if len(texts) < len(entries):
            return None
        return frozenset(one for one in texts if one)
    if text.startswith("{") or text.lower() in _BOOLEANS:
        return None
    if text.startswith('"'):
        alone = _parsed(text)
        return frozenset((alone,)) if isinstance(alone, str) else None
    return frozenset(filter(None, (one.strip() for one in _SEPARATORS.split(text))))


def _is_scalar(value: object) -> bool:
    return not isinstance(value, (dict, list))


def _parsed(text: str) -> object:
    """Read JSON, null if it is none; a key that is given twice spoils an object."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        msg = "a key is given twice"
        raise ValueError(msg)
    return entries
