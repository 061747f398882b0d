"""Consent profiles: per feed, where each consent signal sits and what its values mean.

A profile is data, `profiles/<name>.yaml`, with the documents it was read from. A signal
that a feed does not document is not in its profile.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from .draft import Draft
from .errors import PolicyError
from .signals import Frozen, SignalSpec, Verdict
from .structure import check_structure
from .yaml_source import read_source

__all__ = ["Profile", "ProfileSignal", "load_profile", "profile_names"]

_FOLDER = Path(__file__).parent / "profiles"


class ProfileSignal(Frozen):
    """One signal of a feed: a `SignalSpec` without its name, which is its key."""

    paths: tuple[str, ...] = Field(min_length=1)
    values: dict[str, Verdict] = Field(default_factory=dict)
    lower: bool = False
    detect: Literal["zero_uuid"] | None = None
    decoder: Literal["tcf_v2", "gpp", "us_privacy"] | None = None
    section_paths: tuple[str, ...] = ()
    applies_when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    applies_when_any: tuple[str, ...] = ()
    veto_only: bool = False
    verdict_reason: Literal["MINOR"] | None = None

    def named(self, name: str) -> SignalSpec:
        """Give the resolved signal under its name."""
        return SignalSpec(name=name, **self.model_dump())


class ProfileTime(Frozen):
    """Where a feed carries the time of an event: what to put into `input.event_time`."""

    field: str
    unit: Literal["s", "ms", "us", "iso8601"] = "iso8601"


class Profile(Frozen):
    """What is known about one feed.

    Attributes:
        name: word for `consent.profile`, and the name of the file.
        status: `doc`: paths and values are from cited documents; `partial`: the paths
            are, and not every value is documented.
        sources: what was read.
        notes: traps of the feed.
        event_time: where the time sits; null if the feed carries none.
        subject: columns that may name the data subject, best first.
        signals: name → signal.
    """

    name: str
    status: Literal["doc", "partial"]
    sources: tuple[str, ...] = Field(min_length=1)
    notes: str = ""
    event_time: ProfileTime | None = None
    subject: tuple[str, ...] = ()
    signals: dict[str, ProfileSignal] = Field(min_length=1)


def profile_names() -> tuple[str, ...]:
    """Give the names of all shipped profiles, sorted.

    >>> "openrtb_2_6" in profile_names()
    True
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def load_profile(name: str) -> Profile:
    """Load a shipped profile, as strictly as a policy.

    Raises:
        KeyError: no profile has this name.
        PolicyError: the profile's file is faulty.

    Not covered: profiles of the user's own; a policy's `signals:` serves those.
    """
    if name not in profile_names():
        raise KeyError(name)
    source = read_source(_FOLDER / f"{name}.yaml")
    draft = Draft(source, _FOLDER)
    profile = check_structure(draft, Profile) if source.usable else None
    if not isinstance(profile, Profile):
        raise PolicyError(tuple(sorted(source.findings)))
    return profile
