"""Cross-checks of `rules:`, `jurisdiction:` and of what every record is asked."""

from __future__ import annotations

from .consent import GPP_SECTION
from .countries import COUNTRY_SETS, country_of
from .draft import Draft, did_you_mean, shown
from .entries import entry_paths
from .yaml_source import Path_

__all__ = ["check_rules"]

_RULES: Path_ = ("consent", "rules")


def check_rules(draft: Draft) -> None:
    """Check that every record is asked for a grant, and that every rule can apply."""
    if not isinstance(draft.get("consent"), dict):
        return
    _asked(draft)
    seen: dict[str, int] = {}
    closed_by = None
    for index in range(draft.count(*_RULES)):
        path = (*_RULES, index)
        if draft.is_broken(path):
            continue
        name = draft.text(*path, "name") or ""
        if name in seen:
            draft.report("E118", f"rules lists {shown(name)} twice", (*path, "name"))
        seen[name] = index
        if closed_by is not None:
            message = (
                f"never reached: rule {shown(closed_by)} above matches every record"
            )
            draft.report("E181", message, path)
        if not draft.has(*path, "when"):
            closed_by = name
        _countries(draft, path)
    for path in entry_paths(draft, "require", "veto"):
        _countries(draft, path)


def _asked(draft: Draft) -> None:
    """Refuse a policy under which some record would be asked for nothing."""
    rules = draft.count(*_RULES)
    if draft.count("consent", "require"):
        return
    if draft.is_touched(("consent", "require")):
        return
    if not rules:
        if draft.has("consent", "require"):
            message = "require: lists no signal; name at least one that must be a grant"
            draft.refuse("E122", message, ("consent", "require"))
        elif not draft.is_touched(_RULES):
            message = "required key 'require' is missing in consent"
            draft.touched.add(("consent", "require"))
            draft.source.add("E103", message, draft.home(("consent",)))
        return
    for index in range(rules):
        path = (*_RULES, index)
        if not draft.count(*path, "require") and not draft.is_touched(path):
            name = draft.text(*path, "name") or ""
            message = (
                f"rule {shown(name)} asks for no grant, and the lack of an opt-out is "
                "no opt-in; give it require:"
            )
            draft.report("E180", message, path)


def _countries(draft: Draft, path: Path_) -> None:
    """Check the values of a condition on the jurisdiction's column."""
    field = draft.text("consent", "jurisdiction", "field")
    for column in draft.keys(*path, "when"):
        here = (*path, "when", column)
        if column == GPP_SECTION:
            _sections(draft, here)
            continue
        for place, name in draft.texts(*here):
            if column == field:
                if name not in COUNTRY_SETS and country_of(name) is None:
                    advice = did_you_mean(name, COUNTRY_SETS)
                    known = ", ".join(COUNTRY_SETS)
                    message = (
                        f"no country {shown(name)}.{advice} Write an ISO 3166 code, an "
                        f"English name, or one of the sets {known}"
                    )
                    draft.report("E182", message, place)
            elif name in COUNTRY_SETS:
                message = (
                    f"{shown(name)} is a set of countries; name the column they stand "
                    "in: jurisdiction: {field: " + str(column) + "}"
                )
                draft.report("E182", message, place)


def _sections(draft: Draft, path: Path_) -> None:
    for index in range(max(draft.count(*path), 1)):
        here = (*path, index) if draft.count(*path) else path
        number = draft.number(*here)
        if draft.is_broken(here):
            continue
        if number is None or number != int(number) or not 1 <= number <= 63:
            message = "gpp_section compares with section ids, whole numbers from 1"
            draft.report("E183", message, here)
