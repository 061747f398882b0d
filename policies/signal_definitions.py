"""Which consent signals a policy knows: its profile's, and those that it defines.

An inline definition goes before `signals:`, and both go before the profile: what a
policy says itself is what its author saw in the data.
"""

from __future__ import annotations

from typing import get_args

from .consent import LEDGER
from .draft import Draft, did_you_mean, listing, shown
from .errors import PolicyError
from .profile import Profile, is_profile_file, load_profile, profile_names
from .signals import SIGNAL_NAME, Decoder, SignalSpec, TimeUnit, Verdict, canonical_text
from .yaml_source import Path_

__all__ = ["BY_PURPOSE", "KnownSignals"]

BY_PURPOSE = ("tcf_v2", "gpp")
"""Formats of consent strings that answer by TCF purpose and vendor."""

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


class KnownSignals:
    """The signals of one policy by name; findings about them go to the draft.

    Attributes:
        profile: the consent profile, null if there is none or it cannot be told.
        in_doubt: some signal cannot be told, so that any name may be one.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._known: dict[str, SignalSpec] = {}
        self._defined: dict[str, Path_] = {}
        self._faulty: set[str] = set()
        self._profile_in_doubt = False
        self.profile: Profile | None = None
        self._load_profile()
        for own in draft.keys("consent", "signals"):
            self.define(own, ("consent", "signals", own), inline=False)

    @property
    def in_doubt(self) -> bool:
        """Whether any name may be a signal: the profile or a definition has a fault."""
        return self._profile_in_doubt or bool(self._faulty)

    def of_format(self, decoder: Decoder) -> list[SignalSpec]:
        """Give the signals that carry strings of one format."""
        return [spec for spec in self._known.values() if spec.decoder == decoder]

    def is_defined_here(self, name: str) -> bool:
        """Tell whether the policy itself defines a signal."""
        return name in self._defined

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
            profile = load_profile(name, self._draft.folder)
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
        else:
            self.profile = profile
            for shipped, signal in profile.signals.items():
                self._known[shipped] = signal.named(shipped)

    def define(self, name: str, path: Path_, *, inline: bool) -> None:
        """Take the definition at `path`, of `signals:` or inline in `require:`."""
        draft = self._draft
        if not SIGNAL_NAME.fullmatch(name):
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
        for here, column in draft.texts(*path, "field"):
            if not column.strip():
                draft.report("E105", "the name of the column is empty", here)
        if not columns or not sound or draft.is_touched(path):
            return None
        unit = draft.text(*path, "time", "unit")
        lower = draft.text(*path, "case") == "lower"
        if lower:
            values = {text.lower(): verdict for text, verdict in values.items()}
        grants = "grant" in values.values() or decoder in BY_PURPOSE
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

    def find(self, name: str, path: Path_) -> SignalSpec | None:
        """Give the signal that something at `path` names; None with a finding."""
        if name in self._known:
            return self._known[name]
        if name in self._faulty or self._profile_in_doubt:
            return None
        advice = did_you_mean(name, self._known)
        if self.profile is not None:
            where = f"profile {self.profile.name} has no signal {shown(name)}"
        else:
            where = f"no signal {shown(name)}: the policy names no profile"
        if not advice and self._known:
            advice = f" Known: {', '.join(sorted(self._known))}"
        message = f"{where}, and the policy defines none of this name.{advice}"
        self._draft.report("E123", message, path)
        return None
