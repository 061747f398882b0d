"""Cross-checks of `columns:`: types, actions, their settings, and what may be kept."""

from __future__ import annotations

from dataclasses import replace

from .action_checks import check_action, check_country
from .action_types import ACTION_RULES, fits
from .columns import KEYED_ACTIONS, PSEUDONYM_ACTIONS
from .draft import ColumnDraft, Draft, did_you_mean, listing, shown
from .hierarchy_checks import check_hierarchy, check_levels
from .semantic_types import SEMANTIC_TYPES, SemanticType
from .yaml_source import POISON, Path_

__all__ = ["check_columns"]

_SETTINGS: dict[str, tuple[str, ...]] = {
    setting: tuple(n for n, rule in ACTION_RULES.items() if setting in rule.settings)
    for setting in sorted({one for r in ACTION_RULES.values() for one in r.settings})
}
_TIMES = ("timestamp", "date")
_STORAGE_WORDS = {
    "string": "text",
    "int64": "numbers",
    "float64": "numbers",
    "timestamp": "times",
    "date": "dates",
    "bool": "booleans",
}


def check_columns(draft: Draft) -> tuple[ColumnDraft, ...]:
    """Check every column and the quasi-identifiers; note findings."""
    listed = ("anonymity", "quasi_identifiers")
    named: set[str] = set()
    if isinstance(draft.get(*listed), list):
        named = {name for _, name in draft.texts(*listed)}
    columns = tuple(
        _column(draft, ("columns", index), named)
        for index in range(draft.count("columns"))
    )
    _duplicates(draft, columns)
    for column in columns:
        _check(draft, column)
    return columns


def _column(draft: Draft, path: Path_, named: set[str]) -> ColumnDraft:
    name = draft.text(*path, "name")
    kind = draft.text(*path, "type")
    if kind is not None and kind not in SEMANTIC_TYPES:
        advice = did_you_mean(kind, SEMANTIC_TYPES)
        if not advice:
            advice = f" Known: {', '.join(sorted(SEMANTIC_TYPES))}"
        draft.refuse("E144", f"unknown type {shown(kind)}.{advice}", (*path, "type"))
    if name is not None and (not name.strip() or name.startswith("optin:")):
        message = "a column's name cannot be empty, nor start with 'optin:' (ours)"
        draft.refuse("E111", message, (*path, "name"))
        name = None
    quasi = draft.flag(*path, "quasi") or name in named
    semantic = SEMANTIC_TYPES.get(kind or "")
    action = draft.text(*path, "action")
    if semantic is not None and _left_out(draft, path):
        action, _ = semantic.default(hierarchy=draft.has(*path, "hierarchy"))
    return ColumnDraft(path, name, semantic, action, quasi)


def _left_out(draft: Draft, path: Path_) -> bool:
    """Tell whether the entry has no action of its own, not even a broken one."""
    where = (*path, "action")
    return draft.raw(where) is POISON and where not in draft.source.broken


def _duplicates(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    first: dict[str, int] = {}
    for column in columns:
        if column.name is None:
            continue
        line = draft.mark((*column.path, "name")).line
        if column.name in first:
            message = (
                f"column {shown(column.name)} is listed twice "
                f"(first on line {first[column.name]})"
            )
            draft.report("E140", message, (*column.path, "name"))
        first.setdefault(column.name, line)


def _check(draft: Draft, column: ColumnDraft) -> None:
    path, action, semantic = column.path, column.action, column.semantic
    if action is not None:
        if semantic is not None:
            _allowed(draft, column, action, semantic)
        _needs(draft, column, action)
        _unused(draft, column, action)
        _key(draft, path, action)
        if column.quasi:
            _quasi(draft, column, action)
    check_levels(draft, column)
    timeless = semantic is not None and semantic.storage not in _TIMES
    if timeless and draft.has(*path, "unit"):
        message = "'unit' is for times and dates; this type is neither"
        draft.report("E148", message, (*path, "unit"), key=True)
    if semantic is not None:
        check_country(draft, path, semantic)
    if draft.has(*path, "hierarchy"):
        if semantic is not None and _gives_text(action, semantic):
            check_hierarchy(draft, path, replace(semantic, storage="string"), action)
        else:
            check_hierarchy(draft, path, semantic, action)
        if not column.quasi and action not in (None, "generalize"):
            message = (
                "'hierarchy' is for quasi-identifiers; mark the column 'quasi: true' or "
                "remove it"
            )
            draft.report("E159", message, (*path, "hierarchy"), key=True)


def _gives_text(action: str | None, semantic: SemanticType) -> bool:
    period = action == "time_truncate" and semantic.direct_identifier
    if action is None or action in PSEUDONYM_ACTIONS:
        return False
    return period or ACTION_RULES[action].gives == "string"


def _allowed(
    draft: Draft, column: ColumnDraft, action: str, semantic: SemanticType
) -> None:
    """Refuse what lets an identifier or text through, or does not fit the type."""
    where = (*column.path, "action")
    rule = ACTION_RULES[action]
    if semantic.direct_identifier and not rule.identifiers:
        what = "cannot be kept" if action == "keep" else f"cannot pass '{action}'"
        message = (
            f"{semantic.name} names a person or device and {what}; use hmac, redact or "
            "drop"
        )
        draft.report("E145", message, where)
        return
    if semantic.text and not rule.text:
        message = f"free text cannot pass '{action}' unread; use scan, redact or drop"
        if action == "keep":
            message = "free text cannot be kept unread; use scan, redact or drop"
        draft.report("E146", message, where)
        return
    if not fits(action, semantic):
        if rule.types is not None:
            message = (
                f"action '{action}' is for {' and '.join(rule.types)}, not "
                f"{semantic.name}"
            )
        else:
            held = rule.storages or ()
            words = list(dict.fromkeys(_STORAGE_WORDS[storage] for storage in held))
            message = (
                f"action '{action}' is for {' and '.join(words)}; type {semantic.name} "
                f"holds {_holds(semantic)}"
            )
        draft.report("E147", message, where)
    if action == "generalize":
        _generalize(draft, column, semantic)
    check_action(draft, column, action, semantic)


def _generalize(draft: Draft, column: ColumnDraft, semantic: SemanticType) -> None:
    path = column.path
    if draft.has(*path, "keep_chars"):
        if semantic.storage != "string":
            message = (
                f"'keep_chars' is for text; {semantic.name} holds {_holds(semantic)}"
            )
            draft.report("E147", message, (*path, "keep_chars"), key=True)
    elif draft.has(*path, "hierarchy") and not column.quasi:
        message = (
            "only a quasi-identifier is generalised by its hierarchy; mark the column "
            "'quasi: true', or give 'keep_chars:'"
        )
        draft.report("E142", message, (*path, "action"))
    elif draft.has(*path, "hierarchy") and semantic.direct_identifier:
        message = (
            f"{semantic.name} names a person or device; a hierarchy may leave it as it "
            "is, so give 'keep_chars:', or use hmac, redact or drop"
        )
        draft.report("E145", message, (*path, "action"))


def _holds(semantic: SemanticType) -> str:
    return _STORAGE_WORDS.get(semantic.storage, "true or false")


def _needs(draft: Draft, column: ColumnDraft, action: str) -> None:
    path = column.path
    given: set[str] = set()
    if column.semantic is not None and _left_out(draft, path):
        given.update(column.semantic.settings)
    for need in ACTION_RULES[action].needs:
        if need not in given and not draft.has(*path, need):
            message = f"action '{action}' needs '{need}:'"
            draft.report("E142", message, (*path, "action"))
    if action == "generalize" and not (
        "keep_chars" in given
        or draft.has(*path, "keep_chars")
        or draft.has(*path, "hierarchy")
    ):
        message = "action 'generalize' needs 'keep_chars:' or 'hierarchy:'"
        draft.report("E142", message, (*path, "action"))
    if action == "scan" and not draft.has("pii"):
        message = "action 'scan' needs a pii: block"
        draft.report("E143", message, (*path, "action"))


def _unused(draft: Draft, column: ColumnDraft, action: str) -> None:
    for setting, users in _SETTINGS.items():
        if action not in users and draft.has(*column.path, setting):
            message = f"'{setting}' is for {listing(users)}; '{action}' does not use it"
            draft.report("E148", message, (*column.path, setting), key=True)


def _key(draft: Draft, path: Path_, action: str) -> None:
    if action not in KEYED_ACTIONS:
        return
    if not (draft.has(*path, "key") or draft.has("key")):
        message = (
            f"action '{action}' needs a secret; write 'key: env://NAME' here, or once "
            "for the whole policy"
        )
        draft.report("E149", message, (*path, "action"))


def _quasi(draft: Draft, column: ColumnDraft, action: str) -> None:
    marked = draft.flag(*column.path, "quasi")
    where = (*column.path, "quasi" if marked else "action")
    if action == "drop":
        message = "a dropped column cannot be a quasi-identifier; keep or generalise it"
        draft.report("E153", message, where, key=marked)
    elif action in PSEUDONYM_ACTIONS:
        message = "a pseudonym cannot be a quasi-identifier: it does not generalise"
        draft.report("E154", message, where, key=marked)
    elif column.semantic is not None and column.semantic.text:
        message = "free text cannot be a quasi-identifier: it does not generalise"
        draft.report("E154", message, where, key=marked)
