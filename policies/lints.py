"""Warnings about policies that can be carried out and may not be what was meant."""

from __future__ import annotations

from .columns import PSEUDONYM_ACTIONS
from .draft import ColumnDraft, Draft, shown
from .entries import entry_paths
from .profile import Profile
from .signal_definitions import BY_PURPOSE
from .signals import SignalSpec

__all__ = ["check_profiling"]

_IMPROVE_SERVICES = 10
_ONE_EVENT = ("event_id", "session_id")


def check_profiling(
    draft: Draft,
    columns: tuple[ColumnDraft, ...],
    resolved: dict[str, SignalSpec],
    profile: Profile | None,
) -> None:
    """Warn where TCF purpose 10 alone is to cover a set that profiles people.

    Purpose 10, "develop and improve services", does not cover building or improving
    user profiles (IAB Europe, TCF Policies, Appendix A): a set in which a pseudonym
    links the events of a person is one.
    """
    names = profile.profile_columns if profile is not None else ()
    profiling = [
        column.name
        for column in columns
        if column.name and column.action not in (None, "drop", "redact")
        if column.name in names or _links(column)
    ]
    if not profiling:
        return
    for path in entry_paths(draft, "require"):
        spec = resolved.get(draft.text(*path, "signal") or "")
        if spec is None or spec.decoder not in BY_PURPOSE:
            continue
        count = draft.count(*path, "purposes")
        asked = {draft.number(*path, "purposes", index) for index in range(count)}
        if asked == {_IMPROVE_SERVICES}:
            message = (
                f"TCF purpose 10 does not cover user profiles, and {shown(profiling[0])}"
                " is part of one; ask for the purpose that does, or drop the column"
            )
            draft.source.add("W180", message, draft.mark((*path, "purposes")))


def _links(column: ColumnDraft) -> bool:
    """Tell whether a column's pseudonym tells which events are one person's."""
    semantic = column.semantic
    return (
        semantic is not None
        and semantic.direct_identifier
        and semantic.name not in _ONE_EVENT
        and column.action in PSEUDONYM_ACTIONS
    )
