"""Cross-checks of single actions of a column: settings that hold or void a guarantee."""

from __future__ import annotations

from .action_types import same_word
from .draft import ColumnDraft, Draft, did_you_mean, shown
from .national_ids import NATIONAL_IDS
from .semantic_types import SEMANTIC_TYPES, SemanticType
from .surrogates import check_stable
from .yaml_source import Path_

__all__ = ["check_action", "check_country"]

_PAIRS = {"latitude": "longitude", "longitude": "latitude"}
_BESIDE_GEOHASH = ("drop", "geohash", "redact")
_BELOW_A_DAY = ("minute", "hour")


def check_action(
    draft: Draft, column: ColumnDraft, action: str, semantic: SemanticType
) -> None:
    """Check what is particular to the action of one column; note findings.

    Args:
        draft: the policy.
        column: the column.
        action: its action, one that its type may pass.
        semantic: its type.
    """
    if action == "mask":
        _mask(draft, column)
    elif action == "time_truncate":
        _time_truncate(draft, column, semantic)
    elif action == "geohash":
        _geohash(draft, column, semantic)
    elif action == "replace":
        _replace(draft, column, semantic)
    elif action == "fake":
        _fake(draft, column, semantic)


def check_country(draft: Draft, path: Path_, semantic: SemanticType) -> None:
    """Check whose personal numbers a column is said to hold; note findings.

    Args:
        draft: the policy.
        path: where the column stands.
        semantic: its type.
    """
    where = (*path, "country")
    if not draft.has(*where):
        return
    if semantic.name != "national_id":
        message = f"'country' is for national_id; {semantic.name} does not use it"
        draft.report("E148", message, where, key=True)
        return
    country = draft.text(*where)
    if country is not None and country not in NATIONAL_IDS:
        message = (
            f"no check for the personal numbers of {shown(country)}; leave 'country' "
            f"out, or use one of {', '.join(NATIONAL_IDS)}"
        )
        draft.report("E117", message, where)


def _mask(draft: Draft, column: ColumnDraft) -> None:
    path = (*column.path, "mask_char")
    text = draft.text(*path)
    if text is not None and (len(text) != 1 or text.isalnum()):
        message = "mask_char must be one sign, such as '*', no letter or digit"
        draft.report("E186", message, path)


def _time_truncate(draft: Draft, column: ColumnDraft, semantic: SemanticType) -> None:
    path = (*column.path, "period")
    period = draft.text(*path)
    if semantic.storage == "date" and period in _BELOW_A_DAY:
        message = f"a date has no {period}; use day or a longer period"
        draft.report("E147", message, path)
    elif semantic.direct_identifier and period == "day":
        message = (
            f"the day of a {semantic.name} is all of it; use week or a longer period"
        )
        draft.report("E145", message, path)


def _geohash(draft: Draft, column: ColumnDraft, semantic: SemanticType) -> None:
    other = _PAIRS.get(semantic.name)
    if other is None:  # refused by its type
        return
    path = (*column.path, "pair")
    if not draft.has(*path):
        message = f"action 'geohash' needs 'pair:', the column with the {other}"
        draft.report("E142", message, (*column.path, "action"))
        return
    name = draft.text(*path)
    if name is None:
        return
    for index in range(draft.count("columns")):
        entry = ("columns", index)
        if draft.text(*entry, "name") != name:
            continue
        kind = draft.text(*entry, "type")
        if kind in SEMANTIC_TYPES and kind != other:
            message = f"column {shown(name)} is a {kind}; 'pair' names a {other}"
            draft.report("E187", message, path)
        elif draft.text(*entry, "action") not in (None, *_BESIDE_GEOHASH) or (
            not draft.has(*entry, "action")
        ):
            message = (
                f"a geohash hides nothing beside its {other}; give column {shown(name)} "
                "the action drop"
            )
            draft.report("E187", message, path)
        return
    message = f"column {shown(name)} is not in columns"
    draft.report("E187", message, path)


def _replace(draft: Draft, column: ColumnDraft, semantic: SemanticType) -> None:
    path = (*column.path, "map")
    if draft.has(*path) and draft.get(*path) == {}:
        draft.report("E107", "map is empty; it needs at least one entry", path)
    if not semantic.direct_identifier:
        return
    if draft.text(*column.path, "default") == "keep":
        message = (
            f"{semantic.name} names a person or device, and 'default: keep' lets values "
            "pass that the map lacks; remove it, and they become null"
        )
        draft.report("E145", message, (*column.path, "default"))
    for word in draft.keys(*path):
        text = draft.text(*path, word)
        if text is None:
            continue
        # The messages name no word: it may be somebody's.
        if same_word(text, word):
            message = f"this entry replaces a {semantic.name} by itself"
            draft.report("E145", message, (*path, word))
        elif any(same_word(text, other) for other in draft.keys(*path)):
            message = (
                f"this entry replaces a {semantic.name} by another one of the map; one "
                "who knows the map reads it backwards"
            )
            draft.report("E145", message, (*path, word))


def _fake(draft: Draft, column: ColumnDraft, semantic: SemanticType) -> None:
    if semantic.fake is None and not draft.has(*column.path, "kind"):
        message = (
            f"action 'fake' needs 'kind:'; a {semantic.name} can look like anything"
        )
        draft.report("E142", message, (*column.path, "action"))
    path = (*column.path, "locale")
    locale = draft.text(*path)
    if locale is None:
        return
    from faker.config import AVAILABLE_LOCALES  # only policies with fakes need it

    if locale not in AVAILABLE_LOCALES:
        advice = did_you_mean(locale, sorted(AVAILABLE_LOCALES))
        message = f"no locale {shown(locale)}; surrogates come in those of Faker."
        draft.report("E188", f"{message}{advice}", path)
    kind = draft.text(*column.path, "kind") or semantic.fake
    check_stable(draft, kind, locale, path)
