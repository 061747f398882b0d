"""Loads a policy: one value that a run can trust, or every error of the file at once."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

from .checks import Resolved, run_checks
from .columns import Column, Key
from .consent import Consent
from .detection import DETECTION_PROFILES
from .draft import Draft
from .errors import Finding, PolicyError
from .ledger_checks import ledger_format
from .model import Anonymity, Pii, Policy
from .places import resolve, resolve_key
from .structure import check_structure
from .yaml_source import read_source

__all__ = ["check_policy", "load_policy"]


def load_policy(path: str | Path) -> Policy:
    """Load a policy that has no error.

    Shape: YAML file → `Policy`. Paths in the policy that are relative start at its
    folder and come out absolute; consent signals come out resolved.

    Args:
        path: the policy file.

    Raises:
        PolicyError: the file has errors; `findings` holds all of them by line.

    Not covered: the input itself, the secrets behind `key:`, and what a suite says. A
    run looks at these before it reads a record.
    """
    policy, findings = check_policy(path)
    if policy is None:
        raise PolicyError(_errors(findings))
    return policy


def check_policy(path: str | Path) -> tuple[Policy | None, tuple[Finding, ...]]:
    """Check a policy; give it, if it has no error, and every finding by line.

    Args:
        path: the policy file.

    Returns:
        The policy (None if there is an error) and all findings, warnings included
        (codes `W…`), sorted by line and column. Nothing is raised for a faulty file.
    """
    source = read_source(path)
    draft = Draft(source, Path(path).parent)
    policy: Policy | None = None
    if source.usable:
        validated = check_structure(draft)
        resolved = run_checks(draft)
        if isinstance(validated, Policy) and not _errors(source.findings):
            policy = _finished(validated, resolved, draft.folder)
    return policy, tuple(sorted(set(source.findings)))


def _errors(findings: tuple[Finding, ...] | list[Finding]) -> tuple[Finding, ...]:
    return tuple(found for found in findings if found.code.startswith("E"))


def _finished(policy: Policy, resolved: Resolved, folder: Path) -> Policy:
    """Fill in what the file leaves to us: resolved signals, absolute paths."""
    update: dict[str, Any] = {
        "consent": _consent(policy.consent, resolved, folder),
        "columns": tuple(_column(column, folder) for column in policy.columns),
        "anonymity": _anonymity(policy.anonymity, folder),
    }
    for name in ("input", "output", "quarantine", "audit"):
        part = getattr(policy, name)
        if part is not None:
            place = {"path": resolve(part.path, folder)}
            update[name] = part.model_copy(update=place)
    fixed = policy.input.event_time.fixed
    if fixed is not None:
        instant = {"fixed": fixed.astimezone(UTC)}
        event_time = policy.input.event_time.model_copy(update=instant)
        update["input"] = update["input"].model_copy(update={"event_time": event_time})
    if policy.expectations is not None:
        place = {"suite": resolve(policy.expectations.suite, folder)}
        update["expectations"] = policy.expectations.model_copy(update=place)
    if policy.pii is not None:
        update["pii"] = _pii(policy.pii, folder)
    if policy.key is not None:
        update["key"] = _key(policy.key, folder)
    return policy.model_copy(update=update)


def _pii(pii: Pii, folder: Path) -> Pii:
    """Fill in what a detection profile stands for, and what is looked for in all."""
    kept = pii.kept
    # A recogniser of the policy's own is meant to be used, listed or not.
    own = [entry.entity for entry in pii.own_recognizers]
    own += pii.ner.entities if pii.ner is not None else ()
    update: dict[str, Any] = {}
    if pii.ner is not None:
        place = {"path": resolve(pii.ner.path, folder)}
        update["ner"] = pii.ner.model_copy(update=place)
    profile = DETECTION_PROFILES[pii.profile] if pii.profile is not None else None
    entities = dict.fromkeys(
        (*(profile.entities if profile else ()), *pii.entities, *own)
    )
    update["entities"] = tuple(entity for entity in entities if entity not in kept)
    if profile is not None:
        stated = "threshold" in pii.model_fields_set
        update["threshold"] = pii.threshold if stated else profile.threshold
        update["thresholds"] = {**profile.thresholds, **pii.thresholds}
    return pii.model_copy(update=update)


def _consent(consent: Consent, resolved: Resolved, folder: Path) -> Consent:
    update: dict[str, Any] = {"resolved": resolved.signals, "also": resolved.also}
    ledger = consent.ledger
    if ledger is not None:
        as_of = ledger.as_of
        place: dict[str, Any] = {
            "path": resolve(ledger.path, folder),
            "format": ledger.format or ledger_format(ledger.path),
            "as_of": as_of if isinstance(as_of, str) else as_of.astimezone(UTC),
        }
        update["ledger"] = ledger.model_copy(update=place)
    return consent.model_copy(update=update)


def _anonymity(anonymity: Anonymity, folder: Path) -> Anonymity:
    rules = {
        name: rule.model_copy(update={"table": resolve(rule.table, folder)})
        if rule.table is not None
        else rule
        for name, rule in anonymity.sensitive.items()
    }
    return anonymity.model_copy(update={"sensitive": rules})


def _column(column: Column, folder: Path) -> Column:
    update: dict[str, Any] = {}
    if column.key is not None:
        update["key"] = _key(column.key, folder)
    if column.hierarchy is not None and column.hierarchy.table is not None:
        table = resolve(column.hierarchy.table, folder)
        update["hierarchy"] = column.hierarchy.model_copy(update={"table": table})
    return column.model_copy(update=update) if update else column


def _key(key: Key, folder: Path) -> Key:
    return key.model_copy(update={"ref": resolve_key(key.ref, folder)})
