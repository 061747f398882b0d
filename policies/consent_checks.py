"""Cross-checks of the signals of `consent:` and of what asks for them.

Every signal that `require:` and `veto:` name is resolved to one `SignalSpec`. An inline
definition goes before `signals:`, and both go before the profile: what a policy says
itself is what its author saw in the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import get_args

from .consent import GPP_SECTION, LEDGER
from .draft import Draft, did_you_mean, listing, shown
from .durations import check_duration
from .errors import PolicyError
from .profile import Profile, is_profile_file, load_profile, profile_names
from .signals import Decoder, SignalSpec, TimeUnit, Verdict, canonical_text
from .yaml_source import Path_

__all__ = ["GPP_FIELDS", "check_consent"]

GPP_FIELDS = (
    "SaleOptOut",
    "SharingOptOut",
    "TargetedAdvertisingOptOut",
    "KnownChildSensitiveDataConsents",
)
"""Fields of GPP's US sections that `veto_gpp:` may name."""

_SIGNAL = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TCF_ONLY = (
    "purposes",
    "vendor",
    "legal_basis",
    "require_disclosed_vendor",
    "reject_policy_below",
)
_ASKED_BY_PURPOSE = ("tcf_v2", "gpp")
_CATEGORY = re.compile(r"[^\x00-\x1f]{1,200}")
_ATT_GRANTS = {"3", "authorized"}
_ATT_DENIALS = {
    "0": "not determined",
    "1": "restricted",
    "2": "denied",
    "denied": "denied",
    "not_determined": "not determined",
    "notdetermined": "not determined",
    "restricted": "restricted",
}
_CONSENT: Path_ = ("consent",)
_RULES: Path_ = ("consent", "rules")


def check_consent(draft: Draft) -> dict[str, SignalSpec]:
    """Check the consent signals and the entries that ask for them; note findings.

    Returns:
        The signals that `require`, `veto` and conditions name, by name, as far as they
        are sound.
    """
    return _ConsentChecks(draft).run()


class _ConsentChecks:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._known: dict[str, SignalSpec] = {}
        self._defined: dict[str, Path_] = {}
        self._faulty: set[str] = set()
        self._profile: Profile | None = None
        # With a profile that cannot be told, any name may be one of its signals.
        self._profile_in_doubt = False
        self._resolved: dict[str, SignalSpec] = {}

    def run(self) -> dict[str, SignalSpec]:
        self._load_profile()
        if self._profile is not None:
            for shipped, signal in self._profile.signals.items():
                self._known[shipped] = signal.named(shipped)
        for own in self._draft.keys("consent", "signals"):
            self._define(own, ("consent", "signals", own), inline=False)
        homes = [_CONSENT]
        homes += [(*_RULES, index) for index in range(self._draft.count(*_RULES))]
        entries = [
            (*home, "require", index)
            for home in homes
            for index in range(self._draft.count(*home, "require"))
        ]
        for path in entries:
            name = self._draft.text(*path, "signal")
            if name is not None and self._draft.has(*path, "field"):
                self._define(name, path, inline=True)
        for path in entries:
            self._resolve(self._requirement(path))
        for home in homes:
            for path, veto in self._vetoes(home):
                self._resolve(self._veto(path, veto))
            self._gpp_fields(home)
            self._conditions(home)
        return self._resolved

    def _resolve(self, spec: SignalSpec | None) -> None:
        if spec is not None:
            self._resolved[spec.name] = spec

    def _load_profile(self) -> None:
        path = ("consent", "profile")
        name = self._draft.text(*path)
        if name is None:
            self._profile_in_doubt = self._draft.has(*path)
            return
        names = profile_names()
        if not is_profile_file(name) and name not in names:
            advice = did_you_mean(name, names) or f" Known: {', '.join(names)}"
            message = f"no consent profile {shown(name)}.{advice}"
            self._draft.refuse("E120", message, path)
            self._profile_in_doubt = True
            return
        try:
            self._profile = load_profile(name, self._draft.folder)
        except FileNotFoundError:
            message = (
                f"no profile file {shown(name)} (looked for from the policy's folder)"
            )
            self._draft.refuse("E120", message, path)
            self._profile_in_doubt = True
        except PolicyError as faults:
            message = f"the profile {shown(name)} has errors of its own"
            self._draft.refuse("E120", message, path)
            self._draft.source.findings.extend(faults.findings)
            self._profile_in_doubt = True

    # Definitions ---------------------------------------------------------------

    def _define(self, name: str, path: Path_, *, inline: bool) -> None:
        draft = self._draft
        if not _SIGNAL.fullmatch(name):
            message = (
                f"a signal is named by lower-case letters, digits and '_', "
                f"not {shown(name)}; reason codes are made of the name"
            )
            where = (*path, "signal") if inline else path
            draft.report("E119", message, where, key=not inline)
            self._faulty.add(name)
            return
        if name == LEDGER:
            message = "'ledger' is the ledger's own name; call the signal otherwise"
            where = (*path, "signal") if inline else path
            draft.report("E119", message, where, key=not inline)
            self._faulty.add(name)
            return
        spec = self._spec(name, path)
        if spec is None:
            self._faulty.add(name)
            return
        if name in self._defined and self._known.get(name) != spec:
            line = draft.mark(self._defined[name], key=True).line
            message = (
                f"signal '{name}' is defined twice (first on line {line}); define it "
                "once and name it where it is asked for"
            )
            draft.report("E129", message, (*path, "field"))
            return
        self._defined.setdefault(name, path)
        self._known[name] = spec

    def _spec(self, name: str, path: Path_) -> SignalSpec | None:
        """Read a definition; None if it has a fault."""
        draft = self._draft
        columns = self._columns(*path, "field")
        values, sound = self._values(name, path)
        decoder = draft.text(*path, "decoder")
        if decoder is not None:
            for word in ("grant", "deny", "neutral"):
                if draft.has(*path, word):
                    message = f"'{word}' lists values; a {decoder} string has none"
                    draft.report("E128", message, (*path, word), key=True)
                    sound = False
        if draft.has(*path, "sections") and decoder != "gpp":
            message = "'sections' belongs to the decoder gpp"
            draft.report("E128", message, (*path, "sections"), key=True)
            sound = False
        if not columns or not sound or draft.is_touched(path):
            return None
        unit = draft.text(*path, "time", "unit")
        lower = draft.text(*path, "case") == "lower"
        if lower:
            values = {text.lower(): verdict for text, verdict in values.items()}
        grants = "grant" in values.values() or decoder in _ASKED_BY_PURPOSE
        return SignalSpec(
            name=name,
            paths=columns,
            values=values,
            lower=lower,
            decoder=decoder if decoder in get_args(Decoder) else None,  # type: ignore[arg-type] # one of its words
            section_paths=self._columns(*path, "sections"),
            time_paths=self._columns(*path, "time", "field"),
            time_unit=unit if unit in get_args(TimeUnit) else "iso8601",  # type: ignore[arg-type] # one of its words
            veto_only=not grants,
        )

    def _columns(self, *path: str | int) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for _, text in self._draft.texts(*path)))

    def _values(self, name: str, path: Path_) -> tuple[dict[str, Verdict], bool]:
        """Read `grant` and `deny`; give canonical text → verdict, and if all is sound."""
        draft = self._draft
        lower = draft.text(*path, "case") == "lower"
        values: dict[str, Verdict] = {}
        words: tuple[tuple[str, Verdict], ...] = (
            ("grant", "grant"),
            ("deny", "deny"),
            ("neutral", "unknown"),
        )
        sound = not any(draft.is_touched((*path, word)) for word, _ in words)
        for word, verdict in words:
            for index in range(draft.count(*path, word)):
                here = (*path, word, index)
                if draft.is_broken(here):
                    continue
                text = canonical_text(draft.get(*here))  # type: ignore[arg-type] # a Scalar, or broken
                if text is None or text == "":
                    message = (
                        f"an empty value is none of {word}: absence is no decision"
                    )
                    draft.report("E105", message, here)
                    sound = False
                    continue
                text = text.lower() if lower else text
                if verdict == "grant" and not self._may_grant(name, text, here):
                    sound = False
                elif values.setdefault(text, verdict) != verdict:
                    listed = f"{verdict} and {values[text]}"
                    message = (
                        f"{shown(text)} is listed as {listed}; a value has one meaning"
                    )
                    draft.report("E125", message, here)
                    sound = False
        return values, sound

    def _may_grant(self, name: str, text: str, path: Path_) -> bool:
        if name != "att" or text.lower() not in _ATT_DENIALS:
            return True
        meaning = _ATT_DENIALS[text.lower()]
        message = (
            f"ATT status {shown(text)} is '{meaning}' and cannot grant; only "
            f"{listing(sorted(_ATT_GRANTS))} does"
        )
        self._draft.report("E138", message, path)
        return False

    # Uses ----------------------------------------------------------------------

    def _find(self, name: str, path: Path_) -> SignalSpec | None:
        if name in self._known:
            return self._known[name]
        if name in self._faulty or self._profile_in_doubt:
            return None
        advice = did_you_mean(name, self._known)
        if self._profile is not None:
            where = f"profile {self._profile.name} has no signal {shown(name)}"
        else:
            where = f"no signal {shown(name)}: the policy names no profile"
        if not advice and self._known:
            advice = f" Known: {', '.join(sorted(self._known))}"
        message = f"{where}, and the policy defines none of this name.{advice}"
        self._draft.report("E123", message, path)
        return None

    def _requirement(self, path: Path_) -> SignalSpec | None:
        draft = self._draft
        self._conditions(path)
        name = draft.text(*path, "signal")
        ledger = name == LEDGER
        spec = None
        if name is not None and not ledger:
            spec = self._find(name, (*path, "signal"))
        in_doubt = spec is None and name == "tcf"
        self._parameters(path, name, spec)
        if in_doubt or (spec is not None and spec.decoder in _ASKED_BY_PURPOSE):
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
            if not self._from_profile(spec):
                why = "it lists no value that grants"
            message = f"signal '{spec.name}' cannot be required: {why}; put it in veto:"
            draft.report("E124", message, (*path, "signal"))
        return spec

    def _from_profile(self, spec: SignalSpec) -> bool:
        return spec.name not in self._defined

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
        found = [spec for spec in self._known.values() if spec.decoder == "gpp"]
        if len(found) == 1:
            return found[0]
        if not self._profile_in_doubt and not self._faulty:
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
        if not ledger and (spec is None or spec.decoder in _ASKED_BY_PURPOSE):
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
        if vendor is not None and vendor < 1:
            message = "vendor must be a Global Vendor List id, 1 or more"
            draft.report("E132", message, (*path, "vendor"))
        if not draft.has(*path, "purposes"):
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
        spec = self._find(name, path)
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
