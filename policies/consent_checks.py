"""Cross-checks of the signals of `consent:` and of what asks for them.

Every signal that `require:`, `veto:` and conditions name is resolved to one `SignalSpec`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .consent import GPP_SECTION, LEDGER
from .draft import Draft, did_you_mean, shown
from .durations import check_duration
from .entries import entry_homes, entry_paths
from .signal_definitions import BY_PURPOSE, KnownSignals
from .signals import SignalSpec
from .yaml_source import Path_

__all__ = ["GPP_FIELDS", "check_consent"]

GPP_FIELDS = (
    "SaleOptOut",
    "SharingOptOut",
    "TargetedAdvertisingOptOut",
    "KnownChildSensitiveDataConsents",
)
"""Fields of GPP's US sections that `veto_gpp:` may name."""

_TCF_ONLY = (
    "purposes",
    "vendor",
    "legal_basis",
    "require_disclosed_vendor",
    "reject_policy_below",
)
_CATEGORY = re.compile(r"[^\x00-\x1f]{1,200}")


def check_consent(draft: Draft, known: KnownSignals) -> dict[str, SignalSpec]:
    """Check the consent signals and the entries that ask for them; note findings.

    Returns:
        The signals that `require`, `veto` and conditions name, by name, as far as they
        are sound.
    """
    return _ConsentChecks(draft, known).run()


class _ConsentChecks:
    def __init__(self, draft: Draft, known: KnownSignals) -> None:
        self._draft = draft
        self._known = known
        self._resolved: dict[str, SignalSpec] = {}

    def run(self) -> dict[str, SignalSpec]:
        entries = entry_paths(self._draft, "require")
        for path in entries:
            name = self._draft.text(*path, "signal")
            if name is not None and self._draft.has(*path, "field"):
                self._known.define(name, path, inline=True)
        for path in entries:
            self._resolve(self._requirement(path))
        for home in entry_homes(self._draft):
            for path, veto in self._vetoes(home):
                self._resolve(self._veto(path, veto))
            self._gpp_fields(home)
            self._conditions(home)
        return self._resolved

    def _resolve(self, spec: SignalSpec | None) -> None:
        if spec is not None:
            self._resolved[spec.name] = spec

    def _requirement(self, path: Path_) -> SignalSpec | None:
        draft = self._draft
        self._conditions(path)
        name = draft.text(*path, "signal")
        ledger = name == LEDGER
        spec = None
        if name is not None and not ledger:
            spec = self._known.find(name, (*path, "signal"))
        in_doubt = spec is None and name == "tcf"
        self._parameters(path, name, spec)
        if in_doubt or (spec is not None and spec.decoder in BY_PURPOSE):
            self._tcf(path, name)
        self._categories(path, spec)
        check_duration(draft, (*path, "max_age"))
        if ledger and not draft.has("consent", LEDGER):
            message = "the ledger is asked for a grant, and consent has no 'ledger:'"
            draft.report("E123", message, (*path, "signal"))
        if spec is None:
            return None
        undated = draft.has(*path, "max_age") and not spec.dated
        if undated and not draft.is_touched((*path, "max_age")):
            message = (
                f"signal '{spec.name}' does not tell when the user decided, so its age "
                "cannot be judged; give it 'time:', or ask the ledger"
            )
            draft.report("E137", message, (*path, "max_age"), key=True)
        if spec.veto_only:
            why = "it can deny and never grants"
            if self._known.is_defined_here(spec.name):
                why = "it lists no value that grants"
            message = f"signal '{spec.name}' cannot be required: {why}; put it in veto:"
            draft.report("E124", message, (*path, "signal"))
        return spec

    def _conditions(self, path: Path_) -> None:
        draft = self._draft
        for column in draft.keys(*path, "when"):
            here = (*path, "when", column)
            if draft.get(*here) == []:
                message = f"when: {shown(column)} lists no value, so it never holds"
                draft.report("E107", message, here)
            elif draft.raw(here) is None or None in _members(draft.get(*here)):
                message = f"when: {shown(column)} compares with nothing; name a value"
                draft.report("E105", message, here)
            elif column == GPP_SECTION:
                self._resolve(self._gpp(here))

    def _gpp(self, path: Path_) -> SignalSpec | None:
        """Give the signal that carries GPP strings, which something at `path` needs."""
        found = self._known.of_format("gpp")
        if len(found) == 1:
            return found[0]
        if not self._known.in_doubt:
            count = "no signal" if not found else "more than one signal"
            message = (
                f"{count} carries a GPP string; define one with 'decoder: gpp' under "
                "signals:"
            )
            self._draft.report("E123", message, path)
        return None

    def _gpp_fields(self, home: Path_) -> None:
        """Check `veto_gpp:` of the consent block or of a rule."""
        draft = self._draft
        seen = set()
        for path, name in draft.texts(*home, "veto_gpp"):
            if name not in GPP_FIELDS:
                advice = did_you_mean(name, GPP_FIELDS)
                advice = advice or f" Known: {', '.join(GPP_FIELDS)}"
                message = f"no field {shown(name)} in GPP's US sections.{advice}"
                draft.report("E183", message, path)
            elif name in seen:
                draft.report("E118", f"veto_gpp lists {shown(name)} twice", path)
            seen.add(name)
        if draft.has(*home, "veto_gpp"):
            self._resolve(self._gpp((*home, "veto_gpp")))

    def _categories(self, path: Path_, spec: SignalSpec | None) -> None:
        draft = self._draft
        here = (*path, "categories")
        if spec is None:
            return
        if not spec.by_category:
            if draft.has(*here):
                message = (
                    f"'categories' is for maps and lists of categories; signal "
                    f"'{spec.name}' is none"
                )
                draft.report("E128", message, here, key=True)
            return
        if not draft.count(*here) and not draft.is_touched(here):
            message = (
                f"signal '{spec.name}' answers by category; give categories: with those "
                "that must all be allowed"
            )
            draft.report("E127", message, path)
        seen = set()
        for index in range(draft.count(*here)):
            category = draft.text(*here, index)
            if category is None:
                continue
            if not _CATEGORY.fullmatch(category.strip()):
                draft.report("E105", "a category is empty", (*here, index))
            elif category in seen:
                message = f"category {shown(category)} is listed twice"
                draft.report("E118", message, (*here, index))
            seen.add(category)

    def _parameters(
        self, path: Path_, name: str | None, spec: SignalSpec | None
    ) -> None:
        """Refuse keys that the entry's signal does not use."""
        draft = self._draft
        if not draft.has(*path, "field"):
            for word in ("grant", "deny"):
                if draft.has(*path, word):
                    message = (
                        f"'{word}' defines a signal and needs 'field:', the column "
                        "that holds its values"
                    )
                    draft.report("E128", message, (*path, word), key=True)
        ledger = name == LEDGER
        if not ledger and (spec is None or spec.decoder in BY_PURPOSE):
            return
        for word in (*_TCF_ONLY, *(("categories",) if ledger else ())):
            if draft.has(*path, word):
                message = f"'{word}' is for TCF strings; signal '{name}' is none"
                draft.report("E128", message, (*path, word), key=True)

    def _tcf(self, path: Path_, name: str | None) -> None:
        draft = self._draft
        if not draft.has(*path, "vendor"):
            message = (
                f"a {name} rule needs vendor: (your Global Vendor List id); purpose "
                "consent alone does not cover you"
            )
            draft.report("E132", message, path)
        vendor = draft.number(*path, "vendor")
        if vendor is not None and not 1 <= vendor <= 0xFFFF:
            message = "vendor must be a Global Vendor List id, 1 to 65535"
            draft.report("E132", message, (*path, "vendor"))
        if not draft.count(*path, "purposes") and not draft.is_touched(
            (*path, "purposes")
        ):
            message = (
                f"a {name} rule needs purposes: (numbers of TCF purposes, 1 to 11)"
            )
            draft.report("E132", message, path)
        seen = set()
        for index in range(draft.count(*path, "purposes")):
            here = (*path, "purposes", index)
            purpose = draft.number(*here)
            if purpose is None:
                continue
            if not 1 <= purpose <= 11:
                message = f"TCF purpose {purpose} does not exist (1 to 11)"
                draft.report("E131", message, here)
            elif purpose in seen:
                message = f"purpose {purpose} is listed twice"
                draft.report("E118", message, here)
            seen.add(purpose)

    def _vetoes(self, home: Path_) -> Iterator[tuple[Path_, str]]:
        """Give the vetoes of the consent block or of a rule: place and name."""
        draft = self._draft
        seen = set()
        found = draft.texts(*home, "veto")
        for index in range(draft.count(*home, "veto")):
            path = (*home, "veto", index)
            name = draft.text(*path, "signal")
            if name is not None:
                self._conditions(path)
                found.append(((*path, "signal"), name))
        for path, name in sorted(found, key=lambda entry: draft.mark(entry[0])):
            conditional = path[-1] == "signal"
            if name in seen and not conditional:
                message = f"veto lists {shown(name)} twice"
                draft.report("E118", message, path)
                continue
            seen.add(name)
            yield path, name

    def _veto(self, path: Path_, name: str) -> SignalSpec | None:
        if name == LEDGER:
            message = (
                "withdrawals and erasures of the ledger always count; take 'ledger' out "
                "of veto:"
            )
            self._draft.report("E126", message, path)
            return None
        spec = self._known.find(name, path)
        if spec is None:
            return None
        denies = "deny" in spec.values.values() or spec.detect or spec.decoder
        if spec.by_category:
            message = (
                f"signal '{name}' answers by category; ask for it in require: with "
                "categories:"
            )
            self._draft.report("E126", message, path)
        elif not denies:
            message = (
                f"signal '{name}' lists no value that denies, so it vetoes nothing"
            )
            self._draft.report("E126", message, path)
        if spec.decoder == "tcf_v2":
            message = (
                f"signal '{name}' is a TCF string; ask for it in require: with "
                "purposes: and vendor:"
            )
            self._draft.report("E126", message, path)
        return spec


def _members(value: object) -> list[object] | Mapping[str, object]:
    return value if isinstance(value, list) else []
