"""A policy without its run: what of it cannot be done alone is refused, at its line."""

from __future__ import annotations

from pathlib import Path

from .columns import Column
from .draft import Draft
from .errors import Finding, OptinError, PolicyError
from .loader import load_policy
from .model import Policy
from .yaml_source import Path_, read_source

__all__ = ["read_alone"]

_CODE = "E200"
_DONE = frozenset(
    {
        "effort",
        "k",
        "labels",
        "most_pairs",
        "quasi_identifiers",
        "recoding",
        "sensitive",
        "subject",
        "suppress_max",
        "utility",
    }
)
"""Settings of `anonymity:` that are heeded without a run."""


def read_alone(policy: Policy | str | Path) -> Policy:
    """Load a policy and make sure that its anonymity needs no run.

    Raises:
        PolicyError: the file has errors, or asks for what only a run does.
        OptinError: the same of a policy that was loaded before.
    """
    if isinstance(policy, Policy):
        faults = _faults(policy)
        if faults:
            raise OptinError("\n".join(message for _, message in faults))
        return policy
    loaded = load_policy(policy)
    faults = _faults(loaded)
    if faults:
        draft = Draft(read_source(policy), Path(policy).parent)
        marks = [(draft.mark(path, key=True), message) for path, message in faults]
        raise PolicyError(
            tuple(
                sorted(
                    Finding(str(policy), mark.line, mark.column, _CODE, message)
                    for mark, message in marks
                )
            )
        )
    return loaded


def _faults(policy: Policy) -> list[tuple[Path_, str]]:
    anonymity = policy.anonymity
    faults: list[tuple[Path_, str]] = [
        (
            ("anonymity", name),
            (
                f"KAnonymize alone does not do 'anonymity.{name}'; take it out, or run the "
                "policy"
            ),
        )
        for name in sorted(anonymity.model_fields_set - _DONE)
        if getattr(anonymity, name) is not None
    ]
    if anonymity.subject.publish == "pseudonym":
        message = (
            "KAnonymize alone does not harmonise the rows of a person, and no pseudonym "
            "comes out of it; take 'subject' out, or run the policy"
        )
        faults.append((("anonymity", "subject"), message))
    quasi = set(policy.quasi_identifiers)
    for index, column in enumerate(policy.columns):
        if column.name in quasi and not _by_levels(column):
            message = (
                f"KAnonymize alone does not apply '{column.action}' to '{column.name}'; "
                "give the column a hierarchy and 'action: keep', or run the policy"
            )
            faults.append((("columns", index, "action"), message))
        if column.name in anonymity.sensitive and column.action != "keep":
            message = (
                f"KAnonymize alone does not apply '{column.action}' to the sensitive "
                f"'{column.name}'; write 'action: keep', or run the policy"
            )
            faults.append((("columns", index, "action"), message))
    return faults


def _by_levels(column: Column) -> bool:
    """Tell whether levels alone coarsen a column."""
    if column.action == "generalize":
        return column.keep_chars is None
    return column.action in ("keep", "bucket")
