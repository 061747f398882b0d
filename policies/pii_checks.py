"""Cross-checks of `pii:`: entities that exist, recognisers that can work."""

from __future__ import annotations

import re
import warnings

from .draft import Draft, did_you_mean, shown
from .entities import KNOWN_ENTITIES, MODEL_ENTITIES
from .yaml_source import Path_

__all__ = ["check_pii"]

_ENTITY = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_LANGUAGES = ("en",)


def check_pii(draft: Draft) -> None:
    """Check the `pii:` block; note findings."""
    own = _recognizers(draft)
    known = sorted(KNOWN_ENTITIES | own)
    engine = draft.text("pii", "engine")
    rules_only = engine == "rules" or not draft.has("pii", "engine")
    if not draft.has("pii", "profile") and not draft.is_touched(("pii", "entities")):
        if not draft.has("pii", "entities"):
            message = "required key 'entities' is missing in pii (or name a 'profile')"
            draft.touched.add(("pii", "entities"))
            draft.source.add("E103", message, draft.home(("pii",)))
        elif not draft.count("pii", "entities"):
            message = "entities is empty; it needs at least one entry"
            draft.report("E107", message, ("pii", "entities"))
    for entity in draft.keys("pii", "thresholds"):
        if entity not in known:
            message = f"unknown entity {shown(entity)}.{did_you_mean(entity, known)}"
            draft.report("E170", message, ("pii", "thresholds", entity), key=True)
    for path, word in draft.texts("pii", "allow_list"):
        if not word.strip():
            draft.report("E173", "an empty word in allow_list allows nothing", path)
    seen = set()
    for path, entity in draft.texts("pii", "entities"):
        if entity in seen:
            draft.report("E118", f"entities lists {shown(entity)} twice", path)
        elif entity not in known:
            message = (
                f"unknown entity {shown(entity)}; it is neither built in nor a "
                f"recogniser's supported_entity.{did_you_mean(entity, known)}"
            )
            draft.report("E170", message, path)
        elif entity in MODEL_ENTITIES - own and rules_only:
            message = (
                f"{entity} needs a language model; write 'engine: model', or take it "
                "out: rules would find none"
            )
            draft.report("E171", message, path)
        seen.add(entity)
    language = draft.text("pii", "language")
    if language is not None and language not in _LANGUAGES:
        message = "texts are searched as English only; write 'language: en'"
        draft.report("E176", message, ("pii", "language"))


def _recognizers(draft: Draft) -> set[str]:
    base: Path_ = ("pii", "recognizers")
    entities: set[str] = set()
    names: dict[str, int] = {}
    for index in range(draft.count(*base)):
        path = (*base, index)
        entity = draft.text(*path, "supported_entity")
        if entity is not None:
            entities.add(entity)
            if not _ENTITY.fullmatch(entity):
                message = (
                    "an entity is named by upper-case letters, digits and '_', such as "
                    "ORDER_ID"
                )
                draft.report("E174", message, (*path, "supported_entity"))
        name = draft.text(*path, "name")
        if name is not None:
            if name in names:
                message = f"recogniser {shown(name)} is given twice"
                draft.report("E118", message, (*path, "name"))
            names.setdefault(name, index)
        _content(draft, path)
    return entities


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
    for index in range(draft.count(*path, "patterns")):
        here = (*path, "patterns", index, "regex")
        regex = draft.text(*here)
        if regex is not None:
            _regex(draft, regex, here)


def _regex(draft: Draft, pattern: str, path: Path_) -> None:
    import regex  # Presidio's engine, which knows more than `re`

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = regex.compile(pattern).match("", timeout=1)
    except regex.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        message = f"the regular expression does not compile{at}: {error.msg}"
        draft.report("E172", message, path)
        return
    except (MemoryError, OverflowError, RecursionError, TimeoutError, ValueError):
        draft.report("E172", "the regular expression is too large to compile", path)
        return
    if found is not None:
        message = "the regular expression matches the empty text, so it finds nothing"
        draft.report("E172", message, path)
