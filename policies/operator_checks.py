"""Cross-checks of `pii.operators` and `pii.ner`."""

from __future__ import annotations

from pathlib import Path

from .draft import Draft, did_you_mean, listing, shown
from .entities import MAY_STAY
from .pii import DEFAULT, OPERATOR_SETTINGS, SURROGATE_KINDS
from .places import is_local, resolve
from .recognizer_checks import check_entity_name
from .surrogates import check_stable
from .yaml_source import Path_

__all__ = ["check_ner", "check_operators"]

_BASE: Path_ = ("pii", "operators")


def check_operators(draft: Draft, known: list[str]) -> None:
    """Check what stands in place of each entity; note findings.

    Args:
        draft: the policy.
        known: entities that can be found.
    """
    for entity in draft.keys(*_BASE):
        path = (*_BASE, entity)
        if entity not in (*known, DEFAULT):
            advice = did_you_mean(entity, [*known, DEFAULT])
            message = f"unknown entity {shown(entity)}.{advice}"
            draft.report("E170", message, path, key=True)
        name = draft.text(*path) or draft.text(*path, "type")
        if name is None:
            continue
        where = path if draft.text(*path) is not None else (*path, "type")
        if name == "keep" and entity not in MAY_STAY:
            what = "the rest" if entity == DEFAULT else entity
            message = (
                f"{what} may name a person and cannot be kept; 'keep' is for "
                f"{', '.join(sorted(MAY_STAY))}. Use redact, placeholder or fake"
            )
            draft.report("E175", message, where)
        for setting, users in OPERATOR_SETTINGS.items():
            if name not in users and draft.has(*path, setting):
                message = (
                    f"'{setting}' is for {listing(users)}; '{name}' does not use it"
                )
                draft.report("E148", message, (*path, setting), key=True)
        _key(draft, name, path, where)
        if name == "fake":
            _fake(draft, entity, path, where)
        char = draft.text(*path, "mask_char")
        if char is not None and (len(char) != 1 or char.isalnum() or char in "<>"):
            message = "mask_char must be one sign, such as '*', no letter or digit"
            draft.report("E186", message, (*path, "mask_char"))


def _key(draft: Draft, name: str, path: Path_, where: Path_) -> None:
    in_text = draft.text(*path, "scope") == "text"
    if name == "fake" and in_text:
        message = "surrogates hold within a 'subject' or the whole 'set'"
        draft.report("E148", message, (*path, "scope"))
    keyed = name in ("fake", "hmac") or (name == "placeholder" and not in_text)
    if keyed and not draft.has("key"):
        message = (
            f"operator '{name}' needs a secret; write 'key: env://NAME' for the policy"
        )
        if name == "placeholder":
            message += ", or 'scope: text' to number within each text"
        draft.report("E149", message, where)


def _fake(draft: Draft, entity: str, path: Path_, where: Path_) -> None:
    kinds = (*SURROGATE_KINDS, DEFAULT)  # by default: placeholders where there is none
    if entity not in kinds and not draft.has(*path, "kind"):
        message = f"operator 'fake' needs 'kind:'; {entity} can look like anything"
        draft.report("E142", message, where)
    locale = draft.text(*path, "locale")
    if locale is None:
        return
    from faker.config import AVAILABLE_LOCALES  # only policies with fakes need it

    if locale not in AVAILABLE_LOCALES:
        advice = did_you_mean(locale, sorted(AVAILABLE_LOCALES))
        message = f"no locale {shown(locale)}; surrogates come in those of Faker."
        draft.report("E188", f"{message}{advice}", (*path, "locale"))
    own = draft.text(*path, "kind") or SURROGATE_KINDS.get(entity)
    drawn = sorted(set(SURROGATE_KINDS.values())) if entity == DEFAULT else [own]
    if entity == DEFAULT and draft.has(*path, "kind"):
        drawn = [own]
    for kind in drawn:
        check_stable(draft, kind, locale, (*path, "locale"))


def check_ner(draft: Draft) -> set[str]:
    """Check the model of the policy's own; give the entities that it finds."""
    base: Path_ = ("pii", "ner")
    labels = (*base, "labels")
    if draft.get(*labels) == {}:
        message = "labels is empty; it needs at least one entry, such as person: PERSON"
        draft.report("E107", message, labels)
    entities = set()
    for label in draft.keys(*labels):
        entity = draft.text(*labels, label)
        if entity is not None:
            check_entity_name(draft, entity, (*labels, label))
            entities.add(entity)
    path = draft.text(*base, "path")
    if path is None:
        return entities
    if not is_local(path):
        message = "the model must be a folder of this machine; nothing is downloaded"
        draft.report("E178", message, (*base, "path"))
    elif not path.strip() or not Path(resolve(path, draft.folder)).is_dir():
        message = (
            f"no folder {shown(path)}; give the model's folder, from the policy's "
            "folder on. Nothing is downloaded"
        )
        draft.report("E178", message, (*base, "path"))
    return entities
