"""Asks one question of a TC string: do these purposes, for this vendor, have consent?

The whole string is checked, but only the bits the question names are read; vendor lists
are never expanded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import ConsentStringError
from .tcf import Option, TcfSegments, read_option, read_segments

__all__ = [
    "TcfCodes",
    "TcfEvaluation",
    "TcfQuery",
    "TcfVerdict",
    "evaluate_tcf",
    "tcf_code",
    "tcf_codes_apart",
]

_EPOCH = date(1970, 1, 1)
_DECISECONDS_A_DAY = 864_000
_VERDICT_BITS = 3  # low bits of a packed evaluation; the day stands above

_REMEMBERED_SEGMENTS = 256  # of at most 131,072 characters, in practice some hundred

# TCF 2.3: the segment of disclosed vendors is part of every string from this policy
# version, and of every string written from this day.
_DISCLOSED_POLICY = 5
_DISCLOSED_DAY = (date(2026, 2, 28) - _EPOCH).days


class TcfVerdict(IntEnum):
    """Answer to a `TcfQuery`. Nothing but `GRANT` grants.

    When several apply, the answer is the first of: malformed, purpose denied, vendor
    denied, old policy, vendor not disclosed. The numbers are stable.
    """

    GRANT = 0
    PURPOSE_DENIED = 1
    VENDOR_DENIED = 2
    OLD_POLICY = 3
    VENDOR_NOT_DISCLOSED = 4
    MALFORMED = 5


@dataclass(frozen=True)
class TcfQuery:
    """What a policy asks of a TC string.

    Attributes:
        purposes: TCF purposes that must all have consent, 1 to 24, at least one.
        vendor: Global Vendor List id that must have consent too; null asks for none.
        legal_basis: `consent`. Legitimate interest is not an opt-in.
        require_disclosed_vendor: whether the vendor must have been shown to the user.
            `auto`: yes from policy version 5 and from 2026-02-28 on; before, only where
            the string lists any vendor as shown.
        min_policy_version: oldest TCF policy that counts. Platforms had to ask again
            for version 4 (November 2023).
    """

    purposes: tuple[int, ...]
    vendor: int | None = None
    legal_basis: str = "consent"
    require_disclosed_vendor: bool | Literal["auto"] = "auto"
    min_policy_version: int = 4
    purpose_mask: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Refuse a question that every string, or none, would answer.

        Raises:
            ValueError: a value is outside its range.
        """
        if not self.purposes or not all(1 <= n <= 24 for n in self.purposes):
            message = (
                f"TcfQuery: purposes is {self.purposes!r}, must be one or more of 1 to "
                "24; name every purpose that the data set serves"
            )
            raise ValueError(message)
        if self.vendor is not None and not 1 <= self.vendor <= 0xFFFF:
            message = (
                f"TcfQuery: vendor is {self.vendor}, must be 1 to 65535; it is your id "
                "in the Global Vendor List"
            )
            raise ValueError(message)
        if self.legal_basis != "consent":
            message = (
                f"TcfQuery: legal_basis is {self.legal_basis!r}, must be 'consent'; no "
                "other basis is an opt-in"
            )
            raise ValueError(message)
        if self.require_disclosed_vendor not in (True, False, "auto"):
            message = (
                "TcfQuery: require_disclosed_vendor is "
                f"{self.require_disclosed_vendor!r}, must be True, False or 'auto'"
            )
            raise ValueError(message)
        mask = sum(1 << (24 - n) for n in set(self.purposes))
        object.__setattr__(self, "purpose_mask", mask)


class TcfEvaluation(NamedTuple):
    """Answer to one question about one string.

    Attributes:
        verdict: the answer.
        last_updated: UTC day on which the choice last changed; null if malformed.
    """

    verdict: TcfVerdict
    last_updated: date | None


def evaluate_tcf(text: str, query: TcfQuery) -> TcfEvaluation:
    """Answer `query` from a TC string; a string that does not decode is `MALFORMED`.

    A publisher's restriction that forbids a purpose to the vendor, or that admits it
    only under legitimate interest, denies the purpose.

    Not covered: whether the grant is recent enough (compare `last_updated`); the Global
    Vendor List is not consulted.
    """
    verdict, day = _evaluate(text, query)
    return TcfEvaluation(verdict, None if day is None else _EPOCH + timedelta(days=day))


def tcf_code(text: str, query: TcfQuery) -> int:
    """Answer `query` as one number, for columns: verdict and day packed together.

    `tcf_codes_apart` takes them apart; a code that is negative is no evaluation.
    """
    verdict, day = _evaluate(text, query)
    return verdict | (day or 0) << _VERDICT_BITS


class TcfCodes:
    """Gives `tcf_code` of many strings, somewhat faster.

    Platforms write the same vendors as shown into the strings of all their users: such
    optional segments are remembered, a fixed number of them. A pickled copy starts
    empty.

    Attributes:
        query: what is asked.
    """

    def __init__(self, query: TcfQuery) -> None:
        self.query = query
        self._option = lru_cache(_REMEMBERED_SEGMENTS)(read_option)

    def __call__(self, text: str) -> int:
        """Answer the query as `tcf_code` does."""
        verdict, day = _evaluate(text, self.query, self._option)
        return verdict | (day or 0) << _VERDICT_BITS

    def __reduce__(self) -> tuple[type[TcfCodes], tuple[TcfQuery]]:
        """Pickle the query alone."""
        return type(self), (self.query,)


def tcf_codes_apart(
    codes: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.datetime64]]:
    """Split codes of `tcf_code` into verdicts and days (`datetime64[D]`).

    Negative codes, which stand for null, stay as they are. Their day, and that of a
    malformed string, is NaT.
    """
    verdicts = np.where(codes < 0, codes, codes & ((1 << _VERDICT_BITS) - 1))
    days = (codes >> _VERDICT_BITS).astype("datetime64[D]")
    days[(codes < 0) | (verdicts == TcfVerdict.MALFORMED)] = np.datetime64("NaT")
    return verdicts, days


def _evaluate(
    text: str, query: TcfQuery, option: Callable[[str], Option] = read_option
) -> tuple[TcfVerdict, int | None]:
    try:
        core = read_segments(text, option=option)
    except ConsentStringError:
        return TcfVerdict.MALFORMED, None
    head, mask = core.head, query.purpose_mask  # 213 bits, see `TcfSegments.field`
    day = (head >> 135 & 0xFFFFFFFFF) // _DECISECONDS_A_DAY  # bits 42 to 77
    if head >> 37 & mask != mask:  # bits 152 to 175
        return TcfVerdict.PURPOSE_DENIED, day
    vendor = query.vendor
    if vendor is not None:
        for rule in core.restrictions:
            # Kind 1 asks for consent, which is what this question is about.
            forbids = rule.kind != 1 and rule.purpose in query.purposes
            if forbids and vendor in rule.vendors:
                return TcfVerdict.PURPOSE_DENIED, day
        if vendor not in core.vendors_consent:
            return TcfVerdict.VENDOR_DENIED, day
    policy_version = head >> 75 & 63  # bits 132 to 137
    if policy_version < query.min_policy_version:
        return TcfVerdict.OLD_POLICY, day
    if vendor is not None and not _disclosed(core, query, policy_version, day):
        return TcfVerdict.VENDOR_NOT_DISCLOSED, day
    return TcfVerdict.GRANT, day


def _disclosed(
    segments: TcfSegments, query: TcfQuery, policy_version: int, day: int
) -> bool:
    """Tell whether the vendor was shown to the user, as far as `query` asks."""
    required = query.require_disclosed_vendor
    shown = segments.vendors_disclosed
    if required == "auto":
        required = policy_version >= _DISCLOSED_POLICY or day >= _DISCLOSED_DAY
        required = required or (shown is not None and shown.max_id > 0)
    return not required or (shown is not None and query.vendor in shown)
