"""The demo's people and their devices: drawn once, then events refer to them by index.

All of them are invented. A person has one to three devices; what a device was told
about consent is the device's own, so one person can agree on a tablet and refuse on a
phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "APPLE",
    "ATT_AUTHORIZED",
    "ATT_VALUES",
    "COUNTRIES",
    "GENDERS",
    "MODELS",
    "MODEL_OS",
    "OPT_IN_VALUES",
    "OPT_IN_YES",
    "OS_NAMES",
    "REFUSER",
    "TALKER",
    "Population",
    "draw_population",
]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TALKER: Final = 0
"""Index of the person who gives 2 % of all events."""

REFUSER: Final = 1
"""Index of the person who agrees on one device and refuses on another."""

# Last entries are rare on purpose: one or two people, so that k-anonymity has to act.
COUNTRIES: Final = (
    ("US", "CA", "San Francisco", "94110", 37.75, -122.42),
    ("DE", "BE", "Berlin", "10115", 52.53, 13.38),
    ("GB", "ENG", "London", "SW1A", 51.50, -0.13),
    ("FR", "IDF", "Paris", "75011", 48.86, 2.38),
    ("BR", "SP", "Sao Paulo", "01310", -23.56, -46.65),
    ("JP", "13", "Tokyo", "150-0001", 35.67, 139.70),
    ("IN", "MH", "Mumbai", "400001", 18.94, 72.83),
    ("CA", "ON", "Toronto", "M5V", 43.64, -79.39),
    ("PL", "MZ", "Warsaw", "00-001", 52.23, 21.01),
    ("SE", "AB", "Stockholm", "111 22", 59.33, 18.06),
    ("NZ", "AUK", "Auckland", "1010", -36.85, 174.76),
    ("IS", "1", "Reykjavik", "101", 64.15, -21.94),
    ("LI", "11", "Vaduz", "9490", 47.14, 9.52),
    ("TO", "04", "Nuku'alofa", "", -21.14, -175.20),
)
_COUNTRY_WEIGHTS: Final = (
    *(0.34, 0.13, 0.11, 0.09, 0.08, 0.07, 0.06, 0.05, 0.03, 0.02),
    *(0.01, 0.006, 0.002, 0.002),
)
OS_NAMES: Final = ("iOS", "iPadOS", "Android")
APPLE: Final = 2
"""Indexes of `OS_NAMES` below this one have AppTrackingTransparency."""

MODELS: Final = (
    *("iPhone14,5", "iPhone15,2", "iPhone16,1", "iPhone8,4"),
    *("iPad13,18", "iPad8,9"),
    *("SM-S911B", "SM-A546B", "Pixel 8", "Pixel 6a", "2201117TG", "FP5", "RM-1072"),
)
MODEL_OS: Final = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2])
_MODEL_WEIGHTS: Final = (
    (0.40, 0.35, 0.22, 0.03),
    (0.7, 0.3),
    (0.30, 0.28, 0.16, 0.12, 0.11, 0.025, 0.005),
)
GENDERS: Final = ("F", "M", "O", None)

ATT_VALUES: Final[tuple[Any, ...]] = (0, 1, 2, 3, "3", None, 9)
"""Values of `device.ext.atts`: Apple's four, text, none at all, and one unheard of."""

ATT_AUTHORIZED: Final = 3
_ATT_WEIGHTS: Final = (0.15, 0.03, 0.30, 0.43, 0.03, 0.04, 0.02)

OPT_IN_VALUES: Final[tuple[Any, ...]] = (True, False, None, "later", 1)
"""Values of `ext.consent.ml_training`; the last two are in no list of the policy."""

OPT_IN_YES, OPT_IN_NO = 0, 1
_OPT_IN_WEIGHTS: Final = (0.74, 0.14, 0.08, 0.03, 0.01)


@dataclass(frozen=True)
class Population:
    """People and devices as columns; a device row names its person.

    Attributes:
        yob: birth year per person, 0 where it is not known.
        gender: index into `GENDERS` per person.
        country: index into `COUNTRIES` per person.
        named: whether a person is logged in, so that events carry `user.id`.
        cumulative: running total of the people's activity, for weighted draws.
        first_device: index of a person's first device; one entry more than people.
        os: index into `OS_NAMES` per device.
        model: index into `MODELS` per device.
        att: index into `ATT_VALUES` per device, before and after `changed_ms`: (2, n).
        opt_in: index into `OPT_IN_VALUES` likewise.
        changed_ms: when a device's answers changed; most never do.
        lmt: 1 limit ad tracking, 0 not, -1 the feed leaves it out.
        dnt: as `lmt`, for do-not-track.
        zeroed: the device sends the all-zero advertising id.
        hidden: the device sends no advertising id unless ATT authorises it.
        ids: 128 random bits per device as two words: (n, 2).
        network: first octet of the device's IP address, and two words more: (n, 3).
    """

    yob: Ints
    gender: Ints
    country: Ints
    named: Bools
    cumulative: npt.NDArray[np.float64]
    first_device: Ints
    os: Ints
    model: Ints
    att: Ints
    opt_in: Ints
    changed_ms: Ints
    lmt: Ints
    dnt: Ints
    zeroed: Bools
    hidden: Bools
    ids: npt.NDArray[np.uint64]
    network: Ints


def draw_population(
    rng: np.random.Generator, people: int, first_ms: int, last_ms: int
) -> Population:
    """Draw `people` people with their devices.

    Args:
        rng: source of all randomness.
        people: how many, at least 2.
        first_ms: start of the demo's time window.
        last_ms: its end; changes of mind lie between.
    """
    yob = np.clip(np.rint(rng.normal(1988, 13, people)), 1935, 2009).astype(np.int64)
    young = rng.random(people) < 0.04
    # 2010 and later is under 16 for some part of 2026; 2009 is not.
    yob[young] = rng.integers(2010, 2018, int(young.sum()))
    yob[rng.random(people) < 0.02] = 0
    gender = rng.choice(4, people, p=(0.46, 0.44, 0.03, 0.07))
    country = rng.choice(len(COUNTRIES), people, p=_COUNTRY_WEIGHTS)
    named = rng.random(people) < 0.88
    count = np.where(named, rng.choice((1, 2, 3), people, p=(0.75, 0.2, 0.05)), 1)
    # Heavy tail: a few people give many events, most give few.
    weight = rng.pareto(1.6, people) + 0.15
    yob[[TALKER, REFUSER]] = 1984, 1991
    country[[TALKER, REFUSER]] = 0
    named[[TALKER, REFUSER]] = True
    count[[TALKER, REFUSER]] = 1, 2
    weight = np.minimum(weight, weight.sum() * max(0.005, 3 / people))
    weight[REFUSER] = max(weight[REFUSER], weight.sum() * 0.02)
    weight[TALKER] = (weight.sum() - weight[TALKER]) * 0.02 / 0.98
    first_device = np.concatenate([[0], np.cumsum(count)])
    devices = _draw_devices(rng, np.repeat(named, count), first_ms, last_ms)
    _settle(devices, int(first_device[TALKER]), agrees=True)
    _settle(devices, int(first_device[REFUSER]), agrees=True)
    _settle(devices, int(first_device[REFUSER]) + 1, agrees=False)
    return Population(
        yob=yob,
        gender=gender,
        country=country,
        named=named,
        cumulative=np.cumsum(weight),
        first_device=first_device,
        **devices,
    )


def _draw_devices(
    rng: np.random.Generator, named: Bools, first_ms: int, last_ms: int
) -> dict[str, Any]:
    count = len(named)
    os = rng.choice(3, count, p=(0.5, 0.06, 0.44))
    model = np.zeros(count, np.int64)
    for system, weights in enumerate(_MODEL_WEIGHTS):
        rows = os == system
        choices = np.flatnonzero(np.equal(MODEL_OS, system))
        model[rows] = rng.choice(choices, int(rows.sum()), p=weights)
    apple = os < APPLE
    att = np.tile(rng.choice(len(ATT_VALUES), count, p=_ATT_WEIGHTS), (2, 1))
    opt_in = np.tile(rng.choice(len(OPT_IN_VALUES), count, p=_OPT_IN_WEIGHTS), (2, 1))
    changes = rng.random(count)
    att[1, (changes < 0.5) & (att[0] == 0)] = ATT_AUTHORIZED  # answered the prompt
    att[1, (changes < 0.1) & (att[0] == ATT_AUTHORIZED)] = 2  # switched it off
    opt_in[1, (changes < 0.03) & (opt_in[0] == OPT_IN_YES)] = OPT_IN_NO
    refused = np.where(apple, att[0] == 2, rng.random(count) < 0.12)
    style = rng.random(count)
    return {
        "os": os,
        "model": model,
        "att": att,
        "opt_in": opt_in,
        "changed_ms": rng.integers(first_ms, last_ms, count),
        # Feeds differ: most leave lmt out or say 0 whatever ATT says.
        "lmt": np.where(
            refused & (style < np.where(apple, 0.15, 1.0)),
            1,
            np.where(rng.random(count) < 0.5, 0, -1),
        ),
        "dnt": rng.choice((-1, 0, 1), count, p=(0.75, 0.235, 0.015)),
        # Without a user.id and without an advertising id there is no subject: rare.
        "zeroed": refused
        & (style < np.where(apple, 0.3, 0.5))
        & (named | (style < 0.02)),
        "hidden": apple & (named | (rng.random(count) < 0.01)),
        "ids": rng.integers(0, 2**64, (count, 2), dtype=np.uint64),
        "network": np.stack(
            [
                rng.choice((12, 47, 63, 81, 91, 103, 151, 188), count),
                rng.integers(0, 256, count),
                rng.integers(0, 256, count),
            ],
            axis=1,
        ),
    }


def _settle(devices: dict[str, Any], device: int, *, agrees: bool) -> None:
    """Fix what one device says, for the people whose story the demo tells."""
    devices["os"][device], devices["model"][device] = 0, 0
    devices["att"][:, device] = ATT_AUTHORIZED if agrees else 2
    devices["opt_in"][:, device] = OPT_IN_YES if agrees else OPT_IN_NO
    devices["lmt"][device] = devices["dnt"][device] = 0
    devices["zeroed"][device], devices["hidden"][device] = False, True
