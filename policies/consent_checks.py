"""Cross-checks of `consent:` and the resolution of its signals.

Every signal that `require:` and `veto:` name is resolved to one `SignalSpec`. An inline
definition goes before `signals:`, and both go before the profile: what a policy says
itself is what its author saw in the data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .draft import Draft, did_you_mean, listing, shown
from .profile import Profile, load_profile, profile_names
from .signals import SignalSpec, Verdict, canonical_text
from .yaml_source import Path_

__all__ = ["check_consent"]

_SIGNAL = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAX_AGE = re.compile(r"[1-9][0-9]{0,3}(min|h|d|w|mo|y)")
_TCF_ONLY = ("purposes", "vendor", "legal_basis")
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
_REQUIRE: Path_ = ("consent", "require")
_VETO: Path_ = ("consent", "veto")


def check_consent(draft: Draft, evaluated: frozenset[str]) -> dict[str, SignalSpec]:
    """Check the consent rules; note findings.

    Args:
        draft: the policy.
        evaluated: decoders and features that this version carries out.

    Returns:
        The signals that `require` and `veto` name, by name, as far as they are sound.
    """
    return _ConsentChecks(draft, evaluated).run()


class _ConsentChecks:
    def __init__(self, draft: Draft, evaluated: frozenset[str]) -> None:
        self._draft = draft
        self._evaluated = evaluated
        self._known: dict[str, SignalSpec] = {}
        self._defined: dict[str, Path_] = {}
        self._faulty: set[str] = set()
        self._profile: Profile | None = None
        # With a profile that cannot be told, any name may be one of its signals.
        self._profile_in_doubt = False

    def run(self) -> dict[str, SignalSpec]:
        self._load_profile()
        if self._profile is not None:
            for shipped, signal in self._profile.signals.items():
                self._known[shipped] = signal.named(shipped)
        for own in self._draft.keys("consent", "signals"):
            self._define(own, ("consent", "signals", own), inline=False)
        entries = range(self._draft.count(*_REQUIRE))
        for index in entries:
            path = (*_REQUIRE, index)
            name = self._draft.text(*path, "signal")
            if name is not None and self._draft.has(*path, "field"):
                self._define(name, path, inline=True)
        resolved = {}
        for index in entries:
            spec = self._requirement((*_REQUIRE, index))
            if spec is not None:
                resolved[spec.name] = spec
        for path, veto in self._vetoes():
            spec = self._veto(path, veto)
            if spec is not None:
                resolved[spec.name] = spec
        return resolved

    def _load_profile(self) -> None:
        path = ("consent", "profile")
        name = self._draft.text(*path)
        if name is None:
            self._profile_in_doubt = self._draft.has(*path)
            return
        names = profile_names()
        if name not in names:
            advice = did_you_mean(name, names) or f" Known: {', '.join(names)}"
            message = f"no consent profile {shown(name)}.{advice}"
            self._draft.refuse("E120", message, path)
            self._profile_in_doubt = True
            return
        self._profile = load_profile(name)

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
        columns = [text for _, text in draft.texts(*path, "field")]
        values, sound = self._values(name, path)
        if not columns or not sound:
            self._faulty.add(name)
            return
        lower = draft.text(*path, "case") == "lower"
        if lower:
            values = {text.lower(): verdict for text, verdict in values.items()}
        spec = SignalSpec(
            name=name,
            paths=tuple(dict.fromkeys(columns)),
            values=values,
            lower=lower,
            veto_only="grant" not in values.values(),
        )
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

    def _values(self, name: str, path: Path_) -> tuple[dict[str, Verdict], bool]:
        """Read `grant` and `deny`; give canonical text → verdict, and if all is sound."""
        draft = self._draft
        lower = draft.text(*path, "case") == "lower"
        values: dict[str, Verdict] = {}
        sound = not any(draft.is_touched((*path, word)) for word in ("grant", "deny"))
        for verdict in ("grant", "deny"):
            for index in range(draft.count(*path, verdict)):
                here = (*path, verdict, index)
                if draft.is_broken(here):
                    continue
                text = canonical_text(draft.get(*here))  # type: ignore[arg-type] # a Scalar, or broken
                if text is None or text == "":
                    message = f"an empty value cannot {verdict}; absence is no decision"
                    draft.report("E105", message, here)
                    sound = False
                    continue
                text = text.lower() if lower else text
                if verdict == "grant" and not self._may_grant(name, text, here):
                    sound = False
                elif values.setdefault(text, verdict) != verdict:
                    message = (
                        f"{shown(text)} both grants and denies; a value has one meaning"
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
        spec = self._find(name, (*path, "signal")) if name is not None else None
        in_doubt = spec is None and name == "tcf"
        self._parameters(path, name, spec)
        if in_doubt or (spec is not None and spec.decoder == "tcf_v2"):
            self._tcf(path)
        self._max_age(path)
        if spec is None:
            return None
        if spec.veto_only:
            why = "it can deny and never grants"
            if not self._from_profile(spec):
                why = "it lists no value that grants"
            message = f"signal '{spec.name}' cannot be required: {why}; put it in veto:"
            draft.report("E124", message, (*path, "signal"))
        self._unenforced(path, (*path, "signal"), spec.decoder)
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
        if spec is None or spec.decoder == "tcf_v2":
            return
        for word in _TCF_ONLY:
            if draft.has(*path, word):
                message = f"'{word}' is for TCF strings; signal '{name}' is none"
                draft.report("E128", message, (*path, word), key=True)

    def _tcf(self, path: Path_) -> None:
        draft = self._draft
        if not draft.has(*path, "vendor"):
            message = (
                "a tcf rule needs vendor: (your Global Vendor List id); purpose "
                "consent alone does not cover you"
            )
            draft.report("E132", message, path)
        vendor = draft.number(*path, "vendor")
        if vendor is not None and vendor < 1:
            message = "vendor must be a Global Vendor List id, 1 or more"
            draft.report("E132", message, (*path, "vendor"))
        if not draft.has(*path, "purposes"):
            message = "a tcf rule needs purposes: (numbers of TCF purposes, 1 to 11)"
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

    def _max_age(self, path: Path_) -> None:
        here = (*path, "max_age")
        text = self._draft.text(*here)
        if text is None:
            return
        if not _MAX_AGE.fullmatch(text):
            number = re.fullmatch(r"([0-9]+)\s*[mM]", text)
            if number:
                count = number.group(1)[:4]
                message = (
                    f"{shown(text)}: m is ambiguous; write {count}mo (months) or "
                    f"{count}min"
                )
            else:
                message = (
                    f"{shown(text)} is not a duration; write a whole number and min, "
                    "h, d, w, mo or y, such as 13mo"
                )
            self._draft.report("E133", message, here)
        else:
            self._unenforced(path, here, "max_age", key=True)

    def _vetoes(self) -> list[tuple[Path_, str]]:
        found = []
        seen = set()
        for path, name in self._draft.texts(*_VETO):
            if name in seen:
                message = f"veto lists {shown(name)} twice"
                self._draft.report("E118", message, path)
                continue
            seen.add(name)
            found.append((path, name))
        return found

    def _veto(self, path: Path_, name: str) -> SignalSpec | None:
        spec = self._find(name, path)
        if spec is None:
            return None
        denies = "deny" in spec.values.values() or spec.detect or spec.decoder
        if not denies:
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
        self._unenforced(path, path, spec.decoder)
        return spec

    def _unenforced(
        self, entry: Path_, path: Path_, feature: str | None, *, key: bool = False
    ) -> None:
        """Refuse what this version would not carry out, unless the entry has a fault."""
        if (
            feature is None
            or feature in self._evaluated
            or self._draft.is_touched(entry)
        ):
            return
        what = f"'{feature}'" if key else f"signals of the format '{feature}'"
        be = "is" if key else "are"
        message = f"{what} {be} not enforced by this version; remove it: a rule that is not carried out must not look as if it were"
        self._draft.report("E190", message, path, key=key)


def _members(value: object) -> list[object] | Mapping[str, object]:
    return value if isinstance(value, list) else []
