"""Settings that a caller gives from Python, held to what a policy file is held to.

Somebody who generalises a table writes `{"age": {"widths": [5, 10]}}` in place of a
file. The words are those of a policy, and so are the checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .anonymity_bounds import check_bounds
from .anonymity_utility import check_utility
from .column_checks import check_columns
from .columns import Column, Hierarchy
from .diversity import check_sensitive
from .draft import Draft
from .errors import OptinError
from .hierarchy_checks import check_anonymity
from .model import Anonymity
from .places import resolve
from .signals import Frozen
from .structure import check_structure
from .yaml_source import Mark, Source

__all__ = ["Arguments", "check_arguments"]

_LEVELS = frozenset(Hierarchy.model_fields)


class Arguments(Frozen):
    """What is left of a policy without consent, input and output.

    Attributes:
        columns: quasi-identifiers, then sensitive attributes.
        anonymity: `k` and what goes with it.
    """

    columns: tuple[Column, ...]
    anonymity: Anonymity


def check_arguments(
    quasi_identifiers: Mapping[str, Any], anonymity: Mapping[str, Any]
) -> Arguments:
    """Check settings as those of a policy.

    Args:
        quasi_identifiers: column → its hierarchy in a policy's words (`{"widths":
            [5, 10]}`, the name of a built-in one, or None), or its settings
            (`{"hierarchy": …, "weight": 2, "max_level": 1}`).
        anonymity: the policy's `anonymity:`, without `quasi_identifiers`.

    Returns:
        The settings; relative paths of tables start at the working folder.

    Raises:
        OptinError: something is wrong; one line a fault, with the argument it is in.
    """
    names = list(quasi_identifiers)
    if not names:
        message = (
            "quasi_identifiers is empty; name the columns that tell people apart, such "
            "as {'age': {'widths': [5, 10]}, 'zip': None}"
        )
        raise OptinError(message)
    columns = [_entry(name, quasi_identifiers[name]) for name in names]
    rules = anonymity.get("sensitive") or {}
    secrets = [name for name in rules if name not in quasi_identifiers]
    columns += [
        {"name": name, "type": _secret_type(rules[name]), "action": "keep"}
        for name in secrets
    ]
    places = [f"quasi_identifiers[{name!r}]" for name in names]
    places += [f"sensitive[{name!r}]" for name in [*secrets, *rules]]
    data = _plain({"columns": columns, "anonymity": dict(anonymity)})
    source = Source("arguments", data=data, usable=True)
    for index in range(len(columns)):
        source.values["columns", index] = Mark(index + 1, 1)
    for index, name in enumerate(rules, len(columns)):
        where = ("anonymity", "sensitive", name)
        source.values[where] = source.keys[where] = Mark(index + 1, 1)
    source.values["anonymity",] = Mark(len(places) + 1, 1)
    draft = Draft(source, Path.cwd())
    found = check_structure(draft, Arguments)
    drafted = check_columns(draft)
    check_anonymity(draft, drafted)
    check_sensitive(draft, drafted)
    check_utility(draft)
    check_bounds(draft, drafted)
    errors = [one for one in source.findings if one.code.startswith("E")]
    if errors or not isinstance(found, Arguments):
        faults = {
            f"{places[one.line - 1]}: {one.message} ({one.code})"
            if one.line <= len(places)
            else f"{one.message} ({one.code})"
            for one in errors
        }
        raise OptinError("\n".join(sorted(faults)))
    return _resolved(found)


def _entry(name: str, given: Any) -> dict[str, Any]:
    """Write a quasi-identifier as a policy's column; its type follows its levels."""
    settings: dict[str, Any] = {}
    if isinstance(given, Hierarchy):
        given = given.model_dump(exclude_defaults=True)
    if isinstance(given, Mapping) and not (_LEVELS & set(given)):
        settings = dict(given)
        given = settings.pop("hierarchy", None)
        if isinstance(given, Hierarchy):
            given = given.model_dump(exclude_defaults=True)
    if given is not None:
        settings["hierarchy"] = given
    kind = _type_of(given)
    return {"name": name, "type": kind, "action": "keep", "quasi": True} | settings


def _type_of(hierarchy: Any) -> str:
    levels = hierarchy if isinstance(hierarchy, Mapping) else {"builtin": hierarchy}
    if {"widths", "logarithmic", "quantiles"} & set(levels) or levels.get(
        "builtin"
    ) == "age":
        return "number"
    return "timestamp" if "dates" in levels else "category"


def _secret_type(rule: Any) -> str:
    # Whether values have an order of their own, the data will tell.
    ordered = isinstance(rule, Mapping) and rule.get("distance") == "ordered"
    return "number" if ordered and not rule.get("order") else "category"


def _plain(value: Any) -> Any:
    """Give what a file could hold; other objects stay, for the checks to refuse."""

    def other(one: Any) -> Any:
        item = getattr(one, "item", None)  # numbers of NumPy are numbers
        return item() if callable(item) else {"\0": type(one).__name__}

    return json.loads(json.dumps(value, default=other))


def _resolved(found: Arguments) -> Arguments:
    """Make paths of tables absolute."""
    folder = Path.cwd()
    columns = []
    for column in found.columns:
        levels = column.hierarchy
        if levels is not None and levels.table is not None:
            place = resolve(levels.table, folder)
            levels = levels.model_copy(update={"table": place})
        columns.append(column.model_copy(update={"hierarchy": levels}))
    rules = {
        name: rule.model_copy(update={"table": resolve(rule.table, folder)})
        if rule.table is not None
        else rule
        for name, rule in found.anonymity.sensitive.items()
    }
    anonymity = found.anonymity.model_copy(update={"sensitive": rules})
    return Arguments(columns=tuple(columns), anonymity=anonymity)
