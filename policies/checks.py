"""All cross-checks of a policy, in one place: run on whatever is sound of a draft."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .anonymity_bounds import check_bounds
from .anonymity_subject import check_subject
from .anonymity_target import check_target
from .anonymity_utility import check_utility
from .column_checks import check_columns
from .consent_checks import check_consent
from .diversity import check_sensitive
from .draft import ColumnDraft, Draft, shown
from .hierarchy_checks import check_anonymity
from .key_references import parse_reference
from .ledger_checks import check_ledger
from .lints import check_profiling
from .pii_checks import check_pii
from .places import contains, fixed_part, is_local, resolve
from .residual import check_residual
from .rule_checks import check_rules
from .signal_definitions import KnownSignals
from .signals import SignalSpec
from .yaml_source import Path_
from .zones import check_zone, has_zone

__all__ = ["Resolved", "run_checks"]

_PURPOSE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_FIXED: Path_ = ("input", "event_time", "fixed")
_ALSO_AGES = ("integer", "string", "category")


@dataclass(frozen=True)
class Resolved:
    """What the checks found out for the loader.

    Attributes:
        signals: the consent signals that the policy names.
        also: columns that hold the same, of the profile.
    """

    signals: dict[str, SignalSpec]
    also: dict[str, tuple[str, ...]]


def run_checks(draft: Draft) -> Resolved:
    """Run every cross-check; findings go to the draft.

    Args:
        draft: the policy, its structure checked.

    Returns:
        What the policy leaves to its profile, as far as it is sound.
    """
    _dates(draft)
    _purpose(draft)
    _key_references(draft)
    _event_time(draft)
    _subject(draft)
    columns = check_columns(draft)
    known = KnownSignals(draft)
    resolved = check_consent(draft, known)
    check_rules(draft)
    check_ledger(draft)
    check_profiling(draft, columns, resolved, known.profile)
    _minors(draft, columns)
    if draft.has("pii"):
        check_pii(draft)
        _pii_is_used(draft, columns)
    published = (c.name for c in columns if c.name and c.action != "drop")
    check_residual(draft, tuple(published))
    check_anonymity(draft, columns)
    check_utility(draft)
    check_bounds(draft, columns)
    check_target(draft, columns)
    check_sensitive(draft, columns)
    check_subject(draft, columns)
    _places(draft)
    _suite(draft)
    _audit_key(draft)
    also = known.profile.also if known.profile is not None else {}
    return Resolved(resolved, also)


def _dates(draft: Draft) -> None:
    """Refuse unquoted dates where no instant is wanted."""
    for path in sorted(draft.source.dates - {_FIXED}, key=draft.mark):
        if path[-1] == "key":
            message = "an unquoted date; write a reference, never the secret itself"
        else:
            text = shown(draft.raw(path)).strip("'")
            message = f'unquoted {text} is a date in YAML; write "{text}" in quotes'
        if not draft.is_broken(path):
            draft.refuse("E136", message, path)


def _purpose(draft: Draft) -> None:
    purpose = draft.text("purpose")
    if purpose is None or _PURPOSE.fullmatch(purpose):
        return
    if "," in purpose or " " in purpose.strip():
        message = "a policy has exactly one purpose; write one policy per purpose"
    else:
        message = (
            "purpose must be one Fides data-use key: lower-case words with '_' and '.', "
            f"such as train_ai_system, not {shown(purpose)}"
        )
    draft.refuse("E110", message, ("purpose",))


def _key_references(draft: Draft) -> None:
    paths: list[Path_] = [("key",)]
    paths += [("columns", index, "key") for index in range(draft.count("columns"))]
    for path in paths:
        here = (*path, "ref") if isinstance(draft.get(*path), dict) else path
        text = draft.text(*here)
        if text is None:
            continue
        try:
            parse_reference(text)
        except ValueError as error:  # it never holds the text: it may be the secret
            draft.refuse("E160", str(error), here)


def _event_time(draft: Draft) -> None:
    path = ("input", "event_time")
    if not isinstance(draft.get(*path), dict):
        return
    has_field, has_fixed = draft.has(*path, "field"), draft.has(*path, "fixed")
    if has_field == has_fixed:
        message = (
            "event_time needs 'field' (a column) or 'fixed' (one instant), and not both"
        )
        draft.report("E112", message, path)
    text = draft.text(*_FIXED)
    if text is not None and not has_zone(text):
        message = (
            'fixed must be an instant with its zone, such as "2026-01-31T00:00:00Z"'
        )
        draft.report("E113", message, _FIXED)
    check_zone(draft, path, apart=has_fixed)
    if has_fixed and not has_field and draft.has(*path, "unit"):
        message = "'unit' is for 'field'; 'fixed' is written with its zone"
        draft.report("E116", message, (*path, "unit"), key=True)


def _subject(draft: Draft) -> None:
    seen = set()
    for path, name in draft.texts("input", "subject"):
        if name in seen:
            draft.report("E118", f"subject lists {shown(name)} twice", path)
        seen.add(name)


def _minors(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    name = draft.text("consent", "minors", "field")
    kind = draft.text("consent", "minors", "kind")
    if name is None or kind is None:
        return
    for column in columns:
        if column.name != name or column.semantic is None:
            continue
        if column.semantic.name not in (kind, *_ALSO_AGES):
            message = (
                f"minors reads {shown(name)} as {kind}, and columns has it as "
                f"{column.semantic.name}; one of them is wrong"
            )
            draft.report("E139", message, ("consent", "minors", "kind"))
        return


def _pii_is_used(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    known = all(column.action is not None for column in columns)
    if known and not any(column.action == "scan" for column in columns):
        message = "no column has the action 'scan', so pii: is not used"
        draft.report("W170", message, ("pii",), key=True)


def _places(draft: Draft) -> None:
    names = ("input", "output", "quarantine", "audit")
    places: dict[str, str] = {}
    for name in names:
        text = draft.text(name, "path")
        if text is None:
            continue
        if not text.strip():
            draft.refuse("E165", f"{name}.path is empty", (name, "path"))
            continue
        place = resolve(text, draft.folder)
        places[name] = fixed_part(place) if name == "input" else place
    source, target = places.get("input"), places.get("output")
    if source and target and (contains(source, target) or contains(target, source)):
        message = (
            "output.path and input.path overlap: the next run would read its own "
            "release; give the output a folder of its own"
        )
        draft.report("E162", message, ("output", "path"))
    for name in ("quarantine", "audit"):
        folder = places.get(name)
        if folder and target and contains(target, folder):
            message = f"{name}.path lies in output.path; it is no part of a release"
            draft.report("E163", message, (name, "path"))
        if folder and source and contains(source, folder):
            message = f"{name}.path lies in input.path; the next run would read it"
            draft.report("E163", message, (name, "path"))


def _suite(draft: Draft) -> None:
    path = ("expectations", "suite")
    text = draft.text(*path)
    if text is None or not is_local(text):
        return
    try:
        found = Path(resolve(text, draft.folder)).is_file()
    except (OSError, ValueError):
        found = False
    if not found:
        message = f"no file {shown(text)} (looked for from the policy's folder)"
        draft.report("E164", message, path)


def _audit_key(draft: Draft) -> None:
    if draft.has("audit") and not draft.has("key"):
        message = (
            "audit.record_key needs a top-level key:; write 'key: env://NAME', records "
            "and people are named by HMAC alone"
        )
        path: Path_ = ("audit", "record_key")
        draft.report("E161", message, path if draft.has(*path) else path[:1])
