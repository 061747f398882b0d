"""Where an input may carry consent: a shipped profile, or a column by its name."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from ...policies.profile import Profile, load_profile, profile_names
from .sample import Look, Sample

__all__ = ["ConsentProposal", "propose_consent"]

_GRANTS = {
    "true",
    "yes",
    "y",
    "1",
    "granted",
    "grant",
    "authorized",
    "opt_in",
    "agreed",
}
_DENIALS = {
    "false",
    "no",
    "n",
    "0",
    "denied",
    "deny",
    "opt_out",
    "withdrawn",
    "refused",
}
_NAME = (
    "consent|consented|consent_given|opt_?in|opted_in|agreed|ml_training|training_consent|"
    "consent_.*|.*_consent|gdpr_consent"
)


@dataclass(frozen=True)
class ConsentProposal:
    """The `consent:` block of a draft.

    Attributes:
        lines: as the policy writes them.
        profile: the feed, if it is a known one.
        columns: that hold the signals; they are not published.
        sure: whether the input answers. Else the reader must say what a grant is.
    """

    lines: tuple[str, ...]
    profile: Profile | None
    columns: frozenset[str]
    sure: bool


def propose_consent(sample: Sample, own: str | None) -> ConsentProposal:
    """Find what may be asked for.

    Args:
        sample: the first records.
        own: column that the user names; else a known feed, else a column's name decides.
    """
    names = {look.name for look in sample.columns}
    looks = [
        look
        for look in sample.columns
        if look.name == own or (own is None and look.called(_NAME))
    ]
    answered = [look for look in looks if _words(look, _GRANTS)][:1]
    feed = None if own is not None else _feed(names)
    if feed is not None or answered:
        entries = [*(feed[1] if feed else ()), *map(_entry, answered)]
        return ConsentProposal(
            lines=(
                *([f"  profile: {feed[0].name}"] if feed else []),
                "  require:                            # every entry that applies must be a grant",
                *(f"    - {entry}" for entry in entries),
                *([f"  veto: [{', '.join(feed[2])}]"] if feed and feed[2] else []),
            ),
            profile=feed[0] if feed else None,
            columns=frozenset(look.name for look in answered)
            | {
                path
                for s in (feed[0].signals.values() if feed else ())
                for path in s.paths
            },
            sure=True,
        )
    field = json.dumps(looks[0].name if looks else own or "consent.training")
    return ConsentProposal(
        lines=(
            "  require:",
            "    # TODO: no column was found that says so. Name yours and its values.",
            f"    - {{signal: training, field: {field}, grant: [true], deny: [false]}}",
        ),
        profile=None,
        columns=frozenset(look.name for look in looks[:1]),
        sure=False,
    )


def _entry(look: Look) -> str:
    grants, denials = _words(look, _GRANTS), _words(look, _DENIALS)
    deny = f", deny: [{', '.join(denials)}]" if denials else ""
    field = json.dumps(look.name)
    return f"{{signal: training, field: {field}, grant: [{', '.join(grants)}]{deny}}}"


def _words(look: Look, known: set[str]) -> list[str]:
    """Give the values that are known words of an answer; no other is shown."""
    found = sorted(value for value in look.distinct if value.lower() in known)
    return [word if word in ("true", "false") else json.dumps(word) for word in found]


def _feed(names: Collection[str]) -> tuple[Profile, list[str], list[str]] | None:
    """Choose the feed most of whose plain signals the input carries.

    Returns:
        Its profile, the signals to ask for, and those that veto.
    """
    best: tuple[int, str] | None = None
    for name in profile_names():
        asks, vetoes = _signals(load_profile(name), names)
        score = 3 * len(asks) + len(vetoes)
        if asks and (best is None or score > best[0]):
            best = (score, name)
    if best is None:
        return None
    profile = load_profile(best[1])
    asks, vetoes = _signals(profile, names)
    return profile, [f"signal: {signal}" for signal in asks], vetoes


def _signals(profile: Profile, names: Collection[str]) -> tuple[list[str], list[str]]:
    asks, vetoes = [], []
    for name, spec in profile.signals.items():
        if not set(spec.paths) & set(names) or spec.decoder is not None:
            continue
        if spec.veto_only:
            vetoes.append(name)
        elif spec.kind == "value" and "grant" in spec.values.values():
            asks.append(name)
    return asks, vetoes
