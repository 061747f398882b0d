"""The `anonymity.target:` part of a policy: what models will be trained to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .draft import did_you_mean, shown

if TYPE_CHECKING:
    from .draft import ColumnDraft, Draft
    from .yaml_source import Path_

__all__ = ["check_target"]

_SAYS_NOTHING = ("encrypt", "fake", "hmac", "redact", "scan")


def check_target(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    """Check that the target is a published column of its own; note findings."""
    path: Path_ = ("anonymity", "target")
    name = draft.text(*path)
    if name is None or not columns:
        return
    by_name = {column.name: column for column in columns if column.name}
    column = by_name.get(name)
    if column is None:
        if all(one.name for one in columns):
            message = f"{shown(name)} is no column.{did_you_mean(name, by_name)}"
            draft.report("E167", message, path)
    elif column.action == "drop":
        message = "a dropped column cannot be predicted; publish it, or name another"
        draft.report("E167", message, path)
    elif column.quasi:
        message = (
            "a quasi-identifier is generalised itself, so it cannot steer how; name a "
            "column that is none"
        )
        draft.report("E167", message, path)
    elif column.action in _SAYS_NOTHING:
        message = (
            f"action {column.action!r} leaves nothing that can be predicted; name a column "
            "that keeps its values"
        )
        draft.report("E167", message, path)
