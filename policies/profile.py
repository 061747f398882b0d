"""Consent profiles: per feed, where each consent signal sits and what its values mean.

A profile is data, `profiles/<name>.yaml` or a file of the user's own in the same shape,
with the documents it was read from. A signal that a feed does not document is not in
its profile.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from .draft import Draft
from .errors import Finding, PolicyError
from .profile_checks import check_profile
from .signals import Decoder, Frozen, SignalKind, SignalSpec, TimeUnit, Verdict
from .structure import check_structure
from .yaml_source import Source, read_source

__all__ = [
    "Profile",
    "ProfileSignal",
    "ProfileTime",
    "is_profile_file",
    "load_profile",
    "profile_names",
]

_FOLDER = Path(__file__).parent / "profiles"
_SUFFIXES = (".yaml", ".yml")


class ProfileSignal(Frozen):
    """One signal of a feed: a `SignalSpec` without its name, which is its key."""

    kind: SignalKind = "value"
    paths: tuple[str, ...] = Field(min_length=1)
    values: dict[str, Verdict] = Field(default_factory=dict)
    lower: bool = False
    detect: Literal["zero_uuid"] | None = None
    decoder: Decoder | None = None
    section_paths: tuple[str, ...] = ()
    denied_paths: tuple[str, ...] = ()
    scope_paths: tuple[str, ...] = ()
    time_paths: tuple[str, ...] = ()
    time_unit: TimeUnit = "iso8601"
    applies_when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    applies_when_any: tuple[str, ...] = ()
    veto_only: bool = False
    verdict_reason: Literal["MINOR"] | None = None

    def named(self, name: str) -> SignalSpec:
        """Give the resolved signal under its name."""
        return SignalSpec(name=name, **self.model_dump())


class ProfileTime(Frozen):
    """Where a feed carries the time of an event: what to put into `input.event_time`.

    Attributes:
        field: column that holds the time.
        unit: how it is written.
        tz: IANA zone, where the feed writes times without one.
    """

    field: str
    unit: TimeUnit = "iso8601"
    tz: str | None = None


class Profile(Frozen):
    """What is known about one feed.

    Attributes:
        name: word for `consent.profile`, and the name of the file if it is shipped.
        status: `doc`: paths and values are from cited documents; `partial`: the paths
            are, and not every value is documented.
        sources: what was read.
        notes: traps of the feed.
        event_time: where the time sits; null if the feed carries none.
        subject: columns that may name the data subject, best first.
        profile_columns: columns of the feed that describe the person rather than the
            event: what a policy should not keep without a thought.
        also: column → columns of other versions of the feed that hold the same: where
            a condition names the first, it looks at all of them.
        signals: name → signal.
    """

    name: str = Field(min_length=1)
    status: Literal["doc", "partial"]
    sources: tuple[str, ...] = Field(min_length=1)
    notes: str = ""
    event_time: ProfileTime | None = None
    subject: tuple[str, ...] = ()
    profile_columns: tuple[str, ...] = ()
    also: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    signals: dict[str, ProfileSignal] = Field(min_length=1)


def profile_names() -> tuple[str, ...]:
    """Give the names of all shipped profiles, sorted.

    >>> "openrtb_2_6" in profile_names()
    True
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def is_profile_file(name: str) -> bool:
    """Tell whether `consent.profile` names a file of the user's and no shipped profile.

    >>> [is_profile_file(n) for n in ("segment", "feeds/mine", "mine.yml")]
    [False, True, True]
    """
    return "/" in name or name.endswith(_SUFFIXES)


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """Load a profile, as strictly as a policy.

    Args:
        name: a shipped name, or a file (`is_profile_file`).
        folder: where a relative file starts: the policy's folder; by default the
            working directory.

    Raises:
        KeyError: no shipped profile has this name.
        FileNotFoundError: there is no such file.
        PolicyError: the profile has errors; `findings` holds all of them, located in
            the profile's own file.
    """
    if is_profile_file(name):
        path = (folder or Path()) / name
        if not _exists(path):
            raise FileNotFoundError(name)
    elif name in profile_names():
        path = _FOLDER / f"{name}.yaml"
    else:
        raise KeyError(name)
    source = read_source(path)
    profile = _checked(source, path.parent) if source.usable else None
    if profile is None or source.findings:
        raise PolicyError(tuple(sorted(_reworded(found) for found in source.findings)))
    return profile


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True  # reading it will say why it cannot be read
    return True


def _checked(source: Source, folder: Path) -> Profile | None:
    draft = Draft(source, folder)
    profile = check_structure(draft, Profile)
    check_profile(draft)
    return profile if isinstance(profile, Profile) else None


def _reworded(finding: Finding) -> Finding:
    """Speak of a profile where the reader of files speaks of policies."""
    message = finding.message
    for word in ("a policy", "the policy", "one policy"):
        message = message.replace(word, word.replace("policy", "profile"))
    message = message.replace("'version: 1'", "'name:'")
    return replace(finding, message=message)
