"""The `bounds:` of a column: its label's lower and upper bound, published as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .action_types import ACTION_RULES
from .draft import Draft, shown

if TYPE_CHECKING:
    from .draft import ColumnDraft

__all__ = ["bound_names", "check_bounds"]

_AXES = ("int64", "float64", "timestamp", "date")


def bound_names(column: str) -> tuple[str, str]:
    """Name the columns that hold the bounds of a column's label.

    >>> bound_names("age")
    ('age_lower', 'age_upper')
    """
    return f"{column}_lower", f"{column}_upper"


def check_bounds(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    """Refuse bounds of what has none, and names that are taken; note findings."""
    names = {column.name for column in columns}
    for column in columns:
        path = (*column.path, "bounds")
        if not draft.flag(*path):
            continue
        if not column.quasi:
            message = (
                "'bounds' are those of a quasi-identifier's label; mark the column "
                "'quasi: true' or remove them"
            )
            draft.report("E198", message, path, key=True)
        elif _has_axis(column) is False:
            message = (
                "'bounds' are for numbers, times and dates that stay such; this column's "
                "labels have none"
            )
            draft.report("E198", message, path, key=True)
        if column.name is None:
            continue
        for name in bound_names(column.name):
            if name in names:
                message = (
                    f"the bounds of {shown(column.name)} take the name {shown(name)}, "
                    "which is a column already; rename that one in the input, or remove "
                    "'bounds'"
                )
                draft.report("E199", message, path, key=True)


def _has_axis(column: ColumnDraft) -> bool | None:
    """Tell whether published values are numbers or dates; None where that is open."""
    semantic, action = column.semantic, column.action
    if semantic is None or action not in ACTION_RULES:
        return None
    if action == "redact" or (action == "time_truncate" and semantic.direct_identifier):
        return False
    return (ACTION_RULES[action].gives or semantic.storage) in _AXES
