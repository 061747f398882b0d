"""The `anonymity.sensitive:` part of a policy: what a class may tell of a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from .draft import Draft, did_you_mean, shown
from .hierarchy_checks import check_table
from .signals import Frozen
from .yaml_source import Path_

if TYPE_CHECKING:
    from .draft import ColumnDraft

__all__ = ["Sensitive", "check_sensitive"]

_RULES = ("l", "t", "alpha")
_NUMBERS = ("int64", "float64", "timestamp", "date")


class Sensitive(Frozen):
    """What every published class must meet for one sensitive attribute, by person.

    At least one of `l`, `t` and `alpha` is set; all that are set must hold.

    Attributes:
        l: diversity of the values among a class's people, ≥ 2.
        diversity: how it is counted: `distinct` values; `entropy` of at least log(l);
            `recursive` (c, l), the commonest value less than c times the values from
            the l-th on.
        c: of `recursive`, > 0.
        t: largest earth mover's distance of a class from the whole set, > 0 and < 1.
        distance: between values: `equal`; `ordered` by rank; `hierarchical` in `table`.
        order: the values from lowest to highest, where `ordered` values are texts.
        table: CSV `leaf;level1;…;*` of `hierarchical`, relative to the policy file.
        alpha: largest share of a class's people with one value, > 0 and < 1.
    """

    l: int | None = Field(default=None, ge=2)  # noqa: E741  # the literature's name
    diversity: Literal["distinct", "entropy", "recursive"] = "distinct"
    c: float | None = Field(default=None, gt=0)
    t: float | None = Field(default=None, gt=0, lt=1)
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"
    order: tuple[str, ...] = ()
    table: str | None = None
    alpha: float | None = Field(default=None, gt=0, lt=1)


def check_sensitive(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    """Check `anonymity.sensitive:` and the columns it names; note findings."""
    base: Path_ = ("anonymity", "sensitive")
    by_name = {column.name: column for column in columns if column.name}
    for name in draft.keys(*base):
        path = (*base, name)
        column = by_name.get(name)
        if column is None:
            message = f"{shown(name)} is no column.{did_you_mean(name, by_name)}"
            draft.report("E190", message, path, key=True)
        elif column.action == "drop":
            message = "a dropped column gives nothing away; take the rule out"
            draft.report("E190", message, path, key=True)
        elif column.quasi:
            message = (
                "a quasi-identifier makes the classes, so it cannot vary within them; "
                "it is one or the other"
            )
            draft.report("E190", message, path, key=True)
        _settings(draft, path, column)
    for column in columns:
        marked = draft.flag(*column.path, "sensitive")
        if marked and column.name and column.name not in draft.keys(*base):
            message = (
                "'sensitive' without a rule is only reported; write what must hold under "
                "anonymity.sensitive, such as {l: 3}"
            )
            draft.report("W190", message, (*column.path, "sensitive"), key=True)


def _settings(draft: Draft, path: Path_, column: ColumnDraft | None) -> None:
    if not isinstance(draft.get(*path), dict):
        return
    asked = any(draft.has(*path, rule) for rule in _RULES)
    if not asked and not draft.is_touched(path):
        message = "nothing is asked for; give 'l', 't' or 'alpha'"
        draft.report("E191", message, path, key=True)
    recursive = draft.text(*path, "diversity") == "recursive"
    distance = draft.text(*path, "distance") or "equal"
    _together(draft, path, "diversity", "l", wanted=draft.has(*path, "l"))
    _together(draft, path, "c", "diversity: recursive", wanted=recursive)
    _together(draft, path, "distance", "t", wanted=draft.has(*path, "t"))
    _together(draft, path, "order", "distance: ordered", wanted=distance == "ordered")
    hierarchical = distance == "hierarchical"
    _together(draft, path, "table", "distance: hierarchical", wanted=hierarchical)
    if recursive and not draft.has(*path, "c"):
        draft.report("E191", "'recursive' needs 'c:', such as 3", path, key=True)
    if hierarchical and not draft.has(*path, "table"):
        draft.report("E191", "'hierarchical' needs 'table:'", path, key=True)
    if hierarchical:
        check_table(draft, (*path, "table"))
    _order(draft, path, column, ordered=distance == "ordered" and draft.has(*path, "t"))


def _together(
    draft: Draft, path: Path_, key: str, partner: str, *, wanted: bool
) -> None:
    if draft.has(*path, key) and not wanted:
        message = f"'{key}' means nothing without '{partner}'"
        draft.report("E191", message, (*path, key), key=True)


def _order(
    draft: Draft, path: Path_, column: ColumnDraft | None, *, ordered: bool
) -> None:
    words = draft.texts(*path, "order")
    seen: set[str] = set()
    for where, word in words:
        if word in seen:
            draft.report("E118", f"order lists {shown(word)} twice", where)
        seen.add(word)
    semantic = column.semantic if column is not None else None
    if not ordered or semantic is None:
        return
    if semantic.storage not in _NUMBERS and not draft.has(*path, "order"):
        message = "texts have no order of their own; list the values under 'order:'"
        draft.report("E191", message, path, key=True)
