"""Cross-checks of `pii:`: entities that exist, and what can find them."""

from __future__ import annotations

from .draft import Draft, did_you_mean, shown
from .entities import KNOWN_ENTITIES, LANGUAGES, MODEL_ENTITIES
from .operator_checks import check_ner, check_operators
from .recognizer_checks import check_recognizers

__all__ = ["check_pii"]


def check_pii(draft: Draft) -> None:
    """Check the `pii:` block; note findings."""
    language = _language(draft)
    own = check_recognizers(draft, language) | check_ner(draft)
    known = sorted(KNOWN_ENTITIES | own)
    _something(draft, own)
    for entity in draft.keys("pii", "thresholds"):
        if entity not in known:
            message = f"unknown entity {shown(entity)}.{did_you_mean(entity, known)}"
            draft.report("E170", message, ("pii", "thresholds", entity), key=True)
    for path, word in draft.texts("pii", "allow_list"):
        if not word.strip():
            draft.report("E173", "an empty word in allow_list allows nothing", path)
    _entities(draft, own, known)
    check_operators(draft, known)


def _language(draft: Draft) -> str:
    language = draft.text("pii", "language") or "en"
    if language not in LANGUAGES:
        message = (
            f"{shown(language)} is no language whose words can be told apart; write its "
            f"code, such as 'en'.{did_you_mean(language, LANGUAGES)}"
        )
        draft.report("E176", message, ("pii", "language"))
    return language


def _something(draft: Draft, own: set[str]) -> None:
    """Refuse a block that looks for nothing."""
    path, base = ("pii", "entities"), ("pii", "operators")
    if draft.has("pii", "profile") or draft.is_touched(path):
        return
    if not draft.has(*path):
        if not draft.has("pii", "ner"):
            message = "required key 'entities' is missing in pii (or name a 'profile')"
            draft.touched.add(path)
            draft.source.add("E103", message, draft.home(("pii",)))
    elif not draft.count(*path):
        draft.report("E107", "entities is empty; it needs at least one entry", path)
    elif not own and all(
        "keep" in (draft.text(*base, entity), draft.text(*base, entity, "type"))
        for _, entity in draft.texts(*path)
    ):
        message = "every entity is kept: there is nothing to look for"
        draft.report("E175", message, path)


def _entities(draft: Draft, own: set[str], known: list[str]) -> None:
    engine = draft.text("pii", "engine")
    rules_only = engine == "rules" or not draft.has("pii", "engine")
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
