"""One chunk of demo events as columns, with every reason each of them deserves.

The reasons are written down from how an event was made, never by asking the consent
gate: they are what the gate is measured against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .people import (
    APPLE,
    ATT_AUTHORIZED,
    ATT_VALUES,
    OPT_IN_VALUES,
    Bools,
    Ints,
    Population,
)

__all__ = [
    "APPS",
    "CODES",
    "MALFORMED_SHARES",
    "QUARANTINED",
    "UNREADABLE",
    "Chunk",
    "draw_chunk",
    "reason_matrix",
]

# Bundle, name, IAB content category, made for children.
APPS: Final = (
    ("com.example.news", "Morning Paper", "IAB12", False),
    ("com.example.chess", "Chess Club", "IAB9-5", False),
    ("com.example.recipes", "Quick Kitchen", "IAB8", False),
    ("com.example.weather", "Weather Window", "IAB15-10", False),
    ("com.example.runner", "Run & Rest", "IAB17", False),
    ("com.example.market", "Flea Market", "IAB22", False),
    ("com.example.trains", "Next Train", "IAB20", False),
    ("com.example.crayons", "Crayon Fun", "IAB9-30", True),
)
_APP_WEIGHTS: Final = (0.22, 0.2, 0.14, 0.13, 0.11, 0.1, 0.08, 0.02)

MALFORMED_SHARES: Final = {
    "truncated": 0.0025,
    "not_utf8": 0.0015,
    "wrong_type": 0.0025,
    "not_object": 0.001,
    "blank": 0.001,
    "no_event_time": 0.0015,
    "no_subject": 0.001,
}
"""Kind of ill-formed line → share of all lines; about 1 % together."""

_FUTURE_SHARE: Final = 0.002
_YEARS_AHEAD_MS: Final = 30 * 31_556_952_000  # a clock in the 2050s
_MIN_AGE_YEARS: Final = 16

UNREADABLE: Final = {
    "truncated": "BAD_RECORD",
    "not_object": "BAD_RECORD",
    "not_utf8": "BAD_ENCODING",
    "wrong_type": "BAD_TYPE",
}
"""Kinds of line that no record comes of → the reader's code."""

CODES: Final = (
    *("BAD_RECORD", "BAD_ENCODING", "BAD_TYPE", "NO_EVENT_TIME", "NO_SUBJECT"),
    *("FUTURE_EVENT", "MINOR", "AGE_UNKNOWN"),
    *("VETO_LMT", "VETO_DNT", "VETO_IFA_ZERO"),
    *("ATT_DENIED", "APP_TRAINING_OPT_IN_DENIED"),
    *("ATT_RESTRICTED", "ATT_NOT_DETERMINED"),
    *("ATT_MISSING", "APP_TRAINING_OPT_IN_MISSING"),
    *("ATT_UNKNOWN_VALUE", "APP_TRAINING_OPT_IN_UNKNOWN_VALUE"),
)
"""Every reason that the demo policy can give to a demo event, strongest first."""

QUARANTINED: Final = CODES[: CODES.index("MINOR")]
"""Codes that lead to quarantine and not to the drop log."""


@dataclass(frozen=True)
class Chunk:
    """Events in the order of their lines; one entry an event in every column.

    Attributes:
        person: index of the person.
        device: index of the device.
        time_ms: milliseconds since 1970 UTC.
        user: whether `user.id` is sent.
        ifa: 0 the advertising id is left out, 1 all zeros, 2 the device's own.
        att: index into `ATT_VALUES`; -1 where the system has no ATT.
        opt_in: index into `OPT_IN_VALUES`.
        app: index into `APPS`.
        price: of the impression.
        clicked: the label.
        jitter: how far north and east of the city's centre, degrees: (2, n).
        query: 0 no search query, 1 a common one, 2 with planted personal data.
        message: as `query`, for the support message.
        pick: which of the texts.
        salt: 64 random bits, for ids.
        malformed: kind of `MALFORMED_SHARES`, or "".
        future: the clock of the device is decades ahead.
    """

    person: Ints
    device: Ints
    time_ms: Ints
    user: Bools
    ifa: Ints
    att: Ints
    opt_in: Ints
    app: Ints
    price: npt.NDArray[np.float64]
    clicked: Bools
    jitter: npt.NDArray[np.float64]
    query: Ints
    message: Ints
    pick: Ints
    salt: npt.NDArray[np.uint64]
    malformed: npt.NDArray[np.str_]
    future: Bools


def draw_chunk(
    rng: np.random.Generator,
    population: Population,
    count: int,
    first_ms: int,
    last_ms: int,
) -> Chunk:
    """Draw `count` events between two instants, sorted by time.

    Args:
        rng: source of all randomness of this chunk.
        population: who acts.
        count: events, at least 1.
        first_ms: start of the chunk's time window.
        last_ms: its end, not included.
    """
    total = population.cumulative[-1]
    person = np.searchsorted(population.cumulative, rng.random(count) * total, "right")
    first, last = population.first_device[person], population.first_device[person + 1]
    # Squared: the first device is used most.
    device = first + (rng.random(count) ** 2 * (last - first)).astype(np.int64)
    time_ms = np.sort(rng.integers(first_ms, last_ms, count))
    changed = (time_ms >= population.changed_ms[device]).astype(np.int64)
    att = np.where(population.os[device] < APPLE, population.att[changed, device], -1)
    allowed = np.isin(att, _AUTHORIZED)
    ifa = np.where(population.hidden[device] & ~allowed, 0, 2)
    ifa[population.zeroed[device]] = 1
    malformed, future = _planted_lines(rng, count)
    nobody = malformed == "no_subject"
    ifa[nobody] = np.minimum(ifa[nobody], 1)
    query = np.where(rng.random(count) < 0.3, 1, 0)
    query[(rng.random(count) < 0.02) & (query == 1)] = 2
    message = np.where(rng.random(count) < 0.04, 1, 0)
    message[(rng.random(count) < 0.35) & (message == 1)] = 2
    return Chunk(
        person=person,
        device=device,
        time_ms=time_ms + future * _YEARS_AHEAD_MS,
        user=population.named[person] & ~nobody,
        ifa=ifa,
        att=att,
        opt_in=population.opt_in[changed, device],
        app=rng.choice(len(APPS), count, p=_APP_WEIGHTS),
        price=np.round(rng.gamma(1.8, 0.9, count) + 0.01, 2),
        clicked=rng.random(count) < 0.04,
        jitter=rng.normal(0, 0.05, (2, count)),
        query=query,
        message=message,
        # Zipf: the same few texts come again and again, as they do in life.
        pick=np.minimum(rng.zipf(1.3, count), 10_000) - 1,
        salt=rng.integers(0, 2**64, count, dtype=np.uint64),
        malformed=malformed,
        future=future,
    )


_AUTHORIZED = np.array(
    [i for i, value in enumerate(ATT_VALUES) if str(value) == str(ATT_AUTHORIZED)]
)


def _planted_lines(
    rng: np.random.Generator, count: int
) -> tuple[npt.NDArray[np.str_], Bools]:
    """Choose which lines are ill-formed or from the future; each kind at least once."""
    shares = {**MALFORMED_SHARES, "future": _FUTURE_SHARE}
    order = rng.permutation(count)
    kinds = np.full(count, "", dtype="U16")
    start = 0
    for kind, share in shares.items():
        size = max(1, round(share * count))
        kinds[order[start : start + size]] = kind
        start += size
    future = kinds == "future"
    kinds[future] = ""
    return kinds, future


def reason_matrix(chunk: Chunk, population: Population) -> Bools:
    """Tell which reasons apply to each event: (events, len(CODES)).

    A line that no record comes of has its reader's code alone; a blank line has none.
    """
    matrix = np.zeros((len(chunk.person), len(CODES)), dtype=np.bool_)
    device = chunk.device
    years = chunk.time_ms.astype("datetime64[ms]").astype("datetime64[Y]")
    yob = population.yob[chunk.person]
    # A birth year counts as the youngest age that it allows.
    age = years.astype(np.int64) + 1970 - yob - 1
    untimed = chunk.malformed == "no_event_time"
    children = np.array([kids for *_, kids in APPS])[chunk.app]
    att = _values_at(ATT_VALUES, chunk.att)
    opt_in = _values_at(OPT_IN_VALUES, chunk.opt_in)
    apple = chunk.att >= 0
    known_att = ("0", "1", "2", "3", "None")
    applying = {
        "NO_EVENT_TIME": untimed,
        "NO_SUBJECT": ~chunk.user & (chunk.ifa < 2),
        "FUTURE_EVENT": chunk.future & ~untimed,
        "MINOR": children | ((yob > 0) & ~untimed & (age < _MIN_AGE_YEARS)),
        "AGE_UNKNOWN": (yob == 0) | untimed,
        "VETO_LMT": population.lmt[device] == 1,
        "VETO_DNT": population.dnt[device] == 1,
        "VETO_IFA_ZERO": chunk.ifa == 1,
        "ATT_DENIED": apple & (att == "2"),
        "ATT_RESTRICTED": apple & (att == "1"),
        "ATT_NOT_DETERMINED": apple & (att == "0"),
        "ATT_MISSING": apple & (att == "None"),
        "ATT_UNKNOWN_VALUE": apple & ~np.isin(att, known_att),
        "APP_TRAINING_OPT_IN_DENIED": opt_in == "False",
        "APP_TRAINING_OPT_IN_MISSING": opt_in == "None",
        "APP_TRAINING_OPT_IN_UNKNOWN_VALUE": ~np.isin(
            opt_in, ("True", "False", "None")
        ),
    }
    for code, rows in applying.items():
        matrix[:, CODES.index(code)] = rows
    for kind, code in UNREADABLE.items():
        matrix[chunk.malformed == kind] = False
        matrix[chunk.malformed == kind, CODES.index(code)] = True
    matrix[chunk.malformed == "blank"] = False
    return matrix


def _values_at(values: tuple[object, ...], at: Ints) -> npt.NDArray[np.str_]:
    return np.array([str(value) for value in values])[at]
