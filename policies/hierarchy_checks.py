"""Cross-checks of `hierarchy:` (levels that fit and nest) and of `anonymity:`."""

from __future__ import annotations

import typing
from fractions import Fraction
from pathlib import Path

from .draft import Draft, did_you_mean, shown
from .errors import PolicyError
from .hierarchies import load_table_hierarchy, power_of
from .hierarchy_builtin import BUILTIN_LEVELS
from .places import resolve
from .semantic_types import SemanticType
from .yaml_source import Path_

if typing.TYPE_CHECKING:
    from .draft import ColumnDraft

__all__ = ["check_anonymity", "check_hierarchy", "check_levels", "check_table"]

_KINDS: dict[str, tuple[tuple[str, ...], str]] = {
    "widths": (("int64", "float64"), "numbers"),
    "logarithmic": (("int64", "float64"), "numbers"),
    "quantiles": (
        ("int64", "float64", "timestamp", "date"),
        "numbers, times and dates",
    ),
    "ip": (("string",), "text"),
    "prefix": (("string",), "text"),
    "dates": (("timestamp", "date"), "times and dates"),
    "table": (("string",), "text"),
    "builtin": (("string",), "text"),
}
_MOST_GROUPS = 1000
_UNITS = ("day", "week", "month", "quarter", "year")


def check_hierarchy(
    draft: Draft, column: Path_, semantic: SemanticType | None, action: str | None
) -> None:
    """Check the hierarchy of one column; note findings."""
    path = (*column, "hierarchy")
    name = draft.text(*path)
    if name is not None:
        _builtin(draft, path, semantic, action, name)
        return
    given = [kind for kind in _KINDS if draft.has(*path, kind)]
    if not isinstance(draft.get(*path), dict):
        return
    if len(given) != 1 and not draft.is_touched(path):
        message = (
            "a hierarchy has exactly one of 'widths', 'logarithmic', 'quantiles', "
            "'ip', 'prefix', 'dates', 'table' and 'builtin'"
        )
        draft.report("E157", message, path)
        return
    if draft.has(*path, "outside") and given not in (
        ["table"],
        ["builtin"],
        ["ip"],
    ):
        message = (
            "'outside' is for a 'table', 'builtin' or 'ip'; every value lies inside other "
            "hierarchies"
        )
        draft.report("E196", message, (*path, "outside"), key=True)
    if draft.has(*path, "anchor") and (given != ["widths"] or action == "bucket"):
        message = "'anchor' is for 'widths' of a column that is not cut into buckets"
        draft.report("E196", message, (*path, "anchor"), key=True)
    for kind in given:
        if kind == "builtin":
            name = draft.text(*path, kind)
            _builtin(draft, (*path, kind), semantic, action, name)
            continue
        storages, words = _KINDS[kind]
        if semantic is not None and semantic.storage not in storages:
            message = f"'{kind}' levels are for {words}; type {semantic.name} is not"
            draft.report("E155", message, (*path, kind), key=True)
        elif draft.get(*path, kind) == []:
            draft.report("E107", f"{kind} is empty; name a level", (*path, kind))
        elif kind == "widths":
            _widths(draft, (*path, kind), _base(draft, column, action))
        elif kind == "logarithmic":
            _logarithmic(draft, (*path, kind), action)
        elif kind == "quantiles":
            _quantiles(draft, (*path, kind), action)
        elif kind in ("prefix", "ip"):
            _prefix(draft, (*path, kind))
        elif kind == "dates":
            _dates(draft, (*path, kind))
        else:
            check_table(draft, (*path, kind))


def _builtin(
    draft: Draft,
    path: Path_,
    semantic: SemanticType | None,
    action: str | None,
    name: str | None,
) -> None:
    """Check that a column holds what the built-in hierarchy is of; note findings."""
    if name not in BUILTIN_LEVELS or semantic is None:
        return
    fits = ("int64", "float64") if name == "age" else ("string",)
    if semantic.storage not in fits:
        what = "numbers" if name == "age" else "text"
        message = f"the hierarchy '{name}' is for {what}; type {semantic.name} is not"
        draft.report("E155", message, path)
    elif action == "bucket":
        message = (
            "the hierarchy 'age' starts from single years, and the column is cut into "
            "buckets; write 'action: keep', or give 'widths'"
        )
        draft.report("E155", message, path)


def check_levels(draft: Draft, column: ColumnDraft) -> None:
    """Check `weight` and `max_level` of one column; note findings."""
    for setting in ("weight", "max_level"):
        if draft.has(*column.path, setting) and not column.quasi:
            message = (
                f"'{setting}' is for quasi-identifiers; mark the column 'quasi: true' or "
                "remove it"
            )
            draft.report("E192", message, (*column.path, setting), key=True)
    path = (*column.path, "max_level")
    level = draft.number(*path)
    if level is None or not column.quasi:
        return
    last = _last_level(draft, column)
    if last is not None and level > last:
        message = (
            f"max_level {level} is beyond the column's last level, {last} ('*'); level 0 "
            "is the value itself"
        )
        draft.report("E193", message, path)


def _last_level(draft: Draft, column: ColumnDraft) -> int | None:
    """Count the column's levels above the value; None where that needs more."""
    path = (*column.path, "hierarchy")
    if not draft.has(*path):
        # A bucket without levels has three wider ones.
        return 4 if column.action == "bucket" else 1
    builtin = draft.text(*path) or draft.text(*path, "builtin")
    if builtin in BUILTIN_LEVELS:
        return len(BUILTIN_LEVELS[builtin]) + 1
    for kind in ("widths", "logarithmic", "quantiles", "ip", "prefix", "dates"):
        if draft.count(*path, kind):
            return draft.count(*path, kind) + 1
    return None


def _base(draft: Draft, column: Path_, action: str | None) -> Fraction | None:
    width = draft.number(*column, "width") if action == "bucket" else None
    return Fraction(str(width)) if width is not None and width > 0 else None


def _widths(draft: Draft, path: Path_, base: Fraction | None) -> None:
    before, what = base, "the bucket's width"
    for index in range(draft.count(*path)):
        number = draft.number(*path, index)
        if number is None:
            return
        if number <= 0:
            draft.report("E156", "a width must be more than 0", (*path, index))
            return
        width = Fraction(str(number))
        if before is not None and (width <= before or width % before != 0):
            message = (
                f"width {number:g} must be a multiple of {what} ({float(before):g}) and "
                "larger, or intervals would not nest"
            )
            draft.report("E156", message, (*path, index))
            return
        before, what = width, "the width before it"


def _logarithmic(draft: Draft, path: Path_, action: str | None) -> None:
    if action == "bucket":
        message = "buckets of equal width do not nest in powers; write 'action: keep'"
        draft.report("E156", message, path)
        return
    before: int | None = None
    for index in range(draft.count(*path)):
        base = draft.number(*path, index)
        if base is None:
            return
        if base < 2:
            draft.report("E156", "a base must be 2 or more", (*path, index))
            return
        if before is not None and power_of(int(base), before) < 2:
            message = (
                f"base {base} must be a power of the base before it ({before}), or "
                "intervals would not nest"
            )
            draft.report("E156", message, (*path, index))
            return
        before = int(base)


def _quantiles(draft: Draft, path: Path_, action: str | None) -> None:
    if action == "bucket":
        message = "quantiles start from values, not from buckets; write 'action: keep'"
        draft.report("E156", message, path)
        return
    before: int | None = None
    for index in range(draft.count(*path)):
        groups = draft.number(*path, index)
        if groups is None:
            return
        if not 2 <= groups <= _MOST_GROUPS:
            message = f"a level has 2 to {_MOST_GROUPS} groups; '*' is implied"
            draft.report("E156", message, (*path, index))
            return
        if before is not None and (groups >= before or before % int(groups)):
            message = (
                f"{groups} groups must be fewer than the {before} before them and "
                "divide them, or groups would not nest"
            )
            draft.report("E156", message, (*path, index))
            return
        before = int(groups)


def _prefix(draft: Draft, path: Path_) -> None:
    before: float | None = None
    for index in range(draft.count(*path)):
        length = draft.number(*path, index)
        if length is None:
            return
        if length < 1:
            message = "a prefix is 1 or longer; the level '*' is implied"
            draft.report("E156", message, (*path, index))
            return
        if path[-1] == "ip" and length > 31:
            message = "a network keeps 1 to 31 bits; the address itself is level 0"
            draft.report("E156", message, (*path, index))
            return
        if before is not None and length >= before:
            message = (
                f"prefix {length} must be shorter than the one before it ({before})"
            )
            draft.report("E156", message, (*path, index))
            return
        before = length


def _dates(draft: Draft, path: Path_) -> None:
    units = [draft.text(*path, index) for index in range(draft.count(*path))]
    for index, unit in enumerate(units[1:], 1):
        before = units[index - 1]
        if unit not in _UNITS or before not in _UNITS:
            continue
        if _UNITS.index(unit) <= _UNITS.index(before):
            message = f"'{unit}' must be coarser than '{before}' before it"
            draft.report("E156", message, (*path, index))
        elif before == "week":
            message = (
                f"weeks do not nest in a {unit}: a week may lie in two; leave one out"
            )
            draft.report("W156", message, (*path, index))


def check_table(draft: Draft, path: Path_) -> None:
    """Check the table that a policy names at `path`; note findings."""
    text = draft.text(*path)
    if text is None:
        return
    place = resolve(text, draft.folder)
    if "://" in place:
        draft.report("E158", "a hierarchy table must be a local file", path)
        return
    try:
        load_table_hierarchy(Path(place))
    except PolicyError as error:
        first = error.findings[0]
        more = len(error.findings) - 1
        rest = f" (and {more} more)" if more else ""
        where = f"{text}:{first.line}:{first.column}"
        message = f"table {shown(where)}: {first.message}{rest}"
        draft.report("E158", message, path)


def check_anonymity(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    """Check `anonymity:` against the columns; note findings."""
    k = draft.number("anonymity", "k")
    if k is not None and k < 2:
        message = f"k must be 2 or more; k: {k} protects no one"
        draft.report("E150", message, ("anonymity", "k"))
    if draft.get("anonymity", "recoding") != "local":
        for setting in ("effort", "labels"):
            if draft.has("anonymity", setting):
                message = f"'{setting}' is for 'recoding: local' and does nothing here"
                draft.report("W192", message, ("anonymity", setting), key=True)
    path = ("anonymity", "quasi_identifiers")
    value = draft.get(*path)
    if isinstance(value, list):
        _named(draft, path, columns)
        return
    if draft.has(*path) and value != "from_columns":
        return
    in_doubt = not columns or any(
        draft.is_broken((*column.path, "quasi")) for column in columns
    )
    if not in_doubt and not any(column.quasi for column in columns):
        message = "no quasi-identifiers: mark the columns that tell people apart 'quasi: true'"
        draft.report("E152", message, path if draft.has(*path) else path[:1])


def _named(draft: Draft, path: Path_, columns: tuple[ColumnDraft, ...]) -> None:
    known = [column.name for column in columns if column.name is not None]
    if not draft.count(*path):
        message = "no quasi-identifiers: name the columns that tell people apart"
        draft.report("E152", message, path)
        return
    seen = set()
    for where, name in draft.texts(*path):
        if name in seen:
            message = f"quasi-identifier {shown(name)} is listed twice"
            draft.report("E118", message, where)
        elif name not in known:
            message = f"quasi-identifier {shown(name)} is not in columns"
            draft.report("E151", f"{message}{did_you_mean(name, known)}", where)
        seen.add(name)
    for column in columns:
        if draft.flag(*column.path, "quasi") and column.name not in seen:
            message = (
                f"column {shown(column.name)} is marked 'quasi: true' and is not among "
                "anonymity.quasi_identifiers; say it in one place"
            )
            draft.report("E151", message, (*column.path, "quasi"), key=True)
