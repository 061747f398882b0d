"""Cross-checks of `pii.recognizers`: recognisers in Presidio's YAML keys that can work."""

from __future__ import annotations

import re
import warnings

from .draft import Draft, shown
from .entities import LANGUAGES
from .yaml_source import Path_

__all__ = ["check_entity_name", "check_recognizers"]

_ENTITY = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_PRESIDIO_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL  # its default, 26


def check_recognizers(draft: Draft, language: str) -> set[str]:
    """Check every recogniser; give the entities of those that run on the texts.

    Args:
        draft: the policy.
        language: of the texts.
    """
    base: Path_ = ("pii", "recognizers")
    entities: set[str] = set()
    names: set[str] = set()
    for index in range(draft.count(*base)):
        path = (*base, index)
        entity = _entity(draft, path)
        runs = _language(draft, path, language)
        if entity is not None and runs and draft.get(*path, "enabled") is not False:
            entities.add(entity)
        name = draft.text(*path, "name")
        if name is not None and name in names:
            message = f"recogniser {shown(name)} is given twice"
            draft.report("E118", message, (*path, "name"))
        names.update(() if name is None else (name,))
        _content(draft, path)
    return entities


def check_entity_name(draft: Draft, entity: str, path: Path_) -> None:
    """Refuse an entity's name that could not stand in a placeholder."""
    if not _ENTITY.fullmatch(entity):
        message = (
            "an entity is named by upper-case letters, digits and '_', such as ORDER_ID"
        )
        draft.report("E174", message, path)


def _entity(draft: Draft, path: Path_) -> str | None:
    one, several = (*path, "supported_entity"), (*path, "supported_entities")
    if draft.has(*one) and draft.has(*several):
        message = "write 'supported_entity' or 'supported_entities', not both"
        draft.report("E177", message, several, key=True)
    elif draft.count(*several) > 1:
        message = "a recogniser of patterns finds one entity; write one for each"
        draft.report("E177", message, (*several, 1))
    elif not any(draft.has(*way) or draft.is_touched(way) for way in (one, several)):
        draft.touched.add(one)
        message = "required key 'supported_entity' is missing in recognizers"
        draft.source.add("E103", message, draft.home(path))
    where = one if draft.has(*one) else (*several, 0)
    entity = draft.text(*where)
    if entity is not None:
        check_entity_name(draft, entity, where)
    return entity


def _language(draft: Draft, path: Path_, language: str) -> bool:
    """Check the languages; tell whether the recogniser is for texts of `language`."""
    one, several = (*path, "supported_language"), (*path, "supported_languages")
    if draft.has(*one) and draft.has(*several):
        message = "write 'supported_language' or 'supported_languages', not both"
        draft.report("E177", message, several, key=True)
        return True
    if draft.count(*several) > 1 and draft.has(*path, "context"):
        message = (
            "words of 'context' belong to one language; write them beside each: "
            "supported_languages: [{language: en, context: […]}]"
        )
        draft.report("E177", message, (*path, "context"), key=True)
    found = draft.texts(*one)
    for index in range(draft.count(*several)):
        here = (*several, index)
        where = here if draft.text(*here) is not None else (*here, "language")
        found += draft.texts(*where)
    for where, word in found:
        if word not in LANGUAGES:
            message = f"{shown(word)} is no language; write its code, such as 'en'"
            draft.report("E176", message, where)
    words = {word for _, word in found}
    if not words or language in words or words - LANGUAGES:
        return True
    message = f"texts are '{language}' and this recogniser is not: it never runs"
    draft.report("W171", message, found[0][0])
    return False


def _content(draft: Draft, path: Path_) -> None:
    lists = ("patterns", "deny_list")
    if not any(draft.count(*path, word) for word in lists) and not any(
        draft.is_broken((*path, word)) for word in lists
    ):
        message = "a recogniser needs patterns: or deny_list:"
        draft.report("E173", message, path)
    for where, word in draft.texts(*path, "deny_list"):
        if not word.strip():
            draft.report("E173", "an empty word in deny_list finds nothing", where)
    flags = draft.number(*path, "global_regex_flags")
    flags = _PRESIDIO_FLAGS if flags is None else int(flags)
    for index in range(draft.count(*path, "patterns")):
        here = (*path, "patterns", index, "regex")
        regex = draft.text(*here)
        if regex is not None:
            _regex(draft, regex, flags, here)


def _regex(draft: Draft, pattern: str, flags: int, path: Path_) -> None:
    import regex  # Presidio's engine, which knows more than `re`

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = regex.compile(pattern, flags).match("", timeout=1)
    except regex.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        message = f"the regular expression does not compile{at}: {error.msg}"
        draft.report("E172", message, path)
        return
    except (MemoryError, OverflowError, RecursionError, TimeoutError, ValueError):
        message = "the regular expression is too large, or its flags do not fit it"
        draft.report("E172", message, path)
        return
    if found is not None:
        message = "the regular expression matches the empty text, so it finds nothing"
        draft.report("E172", message, path)
