"""Strict decoder of IAB GPP strings: a header that lists sections, then the sections.

The header is read first and alone; a section is decoded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import NamedTuple

from .bits import MAX_CHARACTERS, Bits
from .errors import ConsentStringError, Malformed
from .fibonacci import read_fibonacci_spans
from .tcf import TcfString, decode_tcf
from .tcf_canada import TcfCanada, decode_tcf_canada
from .tcf_query import TcfEvaluation, TcfQuery, TcfVerdict, evaluate_tcf
from .us_sections import US_SECTIONS, UsSection, decode_us_section
from .usp import UsPrivacy, decode_usp

__all__ = [
    "GppConsent",
    "GppQuery",
    "GppSection",
    "GppString",
    "GppVerdict",
    "decode_gpp",
    "decode_gpp_section",
    "evaluate_gpp",
    "evaluate_gpp_consent",
    "gpp_code",
    "split_gpp",
]

GppSection = TcfString | TcfCanada | UsPrivacy | UsSection

_TCF_EU, _TCF_CANADA, _USP = 2, 5, 6
_TYPE, _VERSION = 3, 1


@dataclass(frozen=True)
class GppString:
    """A GPP string, decoded.

    Attributes:
        section_ids: sections that it carries, rising.
        sections: id → decoded section, for those that this decoder knows.
    """

    section_ids: tuple[int, ...]
    sections: Mapping[int, GppSection]

    @property
    def unread(self) -> tuple[int, ...]:
        """Ids of sections that this decoder does not know."""
        return tuple(n for n in self.section_ids if n not in self.sections)


class GppVerdict(IntEnum):
    """What a GPP string vetoes. It never grants; the numbers are stable.

    When several apply, the answer is the first of: malformed, minor, opted out, unread.
    """

    CLEAR = 0
    OPTED_OUT = 1
    MINOR = 2
    UNREAD = 3
    MALFORMED = 4


class GppConsent(NamedTuple):
    """Answer of the TCF sections of a GPP string.

    Attributes:
        verdict: the answer, of the section that grants least; null if no TCF section
            applies, or one that applies is not in the string: nobody was asked.
        minor: a US section that applies tells a child.
        earliest: UTC day of the oldest choice among them.
        latest: UTC day of the newest one.
    """

    verdict: TcfVerdict | None
    minor: bool = False
    earliest: date | None = None
    latest: date | None = None


@dataclass(frozen=True)
class GppQuery:
    """What a policy asks of the US sections of a GPP string.

    Attributes:
        opt_outs: fields of which a value other than 0 (not applicable) and 2 (did not
            opt out) is a veto. `SaleOptOut` covers section 6 as well.
        gpc: the browser's Global Privacy Control, where a section tells it, is a veto.
        known_child: any value but 0 in `KnownChildSensitiveDataConsents` tells a minor.
    """

    opt_outs: tuple[str, ...] = (
        "SaleOptOut",
        "SharingOptOut",
        "TargetedAdvertisingOptOut",
    )
    gpc: bool = True
    known_child: bool = True


_CHILD_ALONE = GppQuery(opt_outs=(), gpc=False)


def split_gpp(text: str) -> dict[int, str]:
    """Read the header of a GPP string; give the text of each section by its id.

    Use it to get at one section, such as the TC string under 2, without the others.

    Raises:
        ConsentStringError: the header is not well formed, or lists another number of
            sections than follow it.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConsentStringError(Malformed.TOO_LONG)
    header, *texts = text.split("~")
    bits = Bits(header)
    if bits.uint(0, 6) != _TYPE or bits.uint(6, 6) != _VERSION:
        raise ConsentStringError(Malformed.HEADER)
    spans, end = read_fibonacci_spans(bits, 12)
    bits.finish(end)
    # Compared before the ids are listed: a short header can name very long ranges.
    if sum(last - first + 1 for first, last in spans) != len(texts):
        raise ConsentStringError(Malformed.SECTION_COUNT)
    ids = (n for first, last in spans for n in range(first, last + 1))
    return dict(zip(ids, texts, strict=True))


def decode_gpp_section(section_id: int, text: str) -> GppSection | None:
    """Decode one section; null if this decoder does not know `section_id`.

    Known are 2 (TCF EU), 5 (TCF Canada), 6 (US Privacy), 7 (US national) and 8 to 27
    (US states). CMP id 0, which a TC string of its own may not have, is let through.

    Raises:
        ConsentStringError: the section is known and not well formed.
    """
    if section_id == _TCF_EU:
        return decode_tcf(text, cmp_zero=True)
    if section_id == _TCF_CANADA:
        return decode_tcf_canada(text)
    if section_id == _USP:
        return decode_usp(text)
    if section_id in US_SECTIONS:
        return decode_us_section(section_id, text)
    return None


def decode_gpp(text: str) -> GppString:
    """Decode a GPP string with all its sections, or refuse it.

    Raises:
        ConsentStringError: the header or a known section is not well formed.

    Not covered: which sections apply to a record; that is told beside the string.
    """
    sections: dict[int, GppSection] = {}
    texts = split_gpp(text)
    for section_id, section_text in texts.items():
        section = decode_gpp_section(section_id, section_text)
        if section is not None:
            sections[section_id] = section
        elif not section_text:
            raise ConsentStringError(Malformed.EMPTY_SEGMENT)
    return GppString(tuple(texts), sections)


def evaluate_gpp(
    text: str, query: GppQuery, applicable: frozenset[int] | None = None
) -> GppVerdict:
    """Tell what the US sections of a GPP string veto.

    Args:
        text: the whole string; a section that is not well formed spoils it, whether it
            applies or not.
        query: what is asked.
        applicable: ids of the sections that apply to the record; null if nobody says,
            then every one that the string carries counts.

    A section that applies and is not there, or that this decoder does not know, may
    hold an opt-out: `UNREAD` if nothing stronger was found.

    Not covered: TCF sections, which carry consent and not opt-outs; ask
    `evaluate_gpp_consent`.
    """
    try:
        string = decode_gpp(text)
    except ConsentStringError:
        return GppVerdict.MALFORMED
    ids = frozenset(string.section_ids)
    counted = ids if applicable is None else applicable
    found = [
        _judge(section, query)
        for section_id, section in string.sections.items()
        if section_id in counted
    ]
    for verdict in (GppVerdict.MINOR, GppVerdict.OPTED_OUT):
        if verdict in found:
            return verdict
    unread = counted - string.sections.keys()
    return GppVerdict.UNREAD if unread else GppVerdict.CLEAR


def evaluate_gpp_consent(
    text: str, query: TcfQuery, applicable: frozenset[int] | None = None
) -> GppConsent:
    """Answer a TCF question from the TCF sections of a GPP string.

    Every TCF section that applies (2 for Europe, 5 for Canada) must grant; in the
    Canadian one only express consent does. Arguments are those of `evaluate_gpp`.

    Not covered: opt-outs of US sections; ask `evaluate_gpp`.
    """
    malformed = GppConsent(TcfVerdict.MALFORMED)
    try:
        string = decode_gpp(text)
        texts = split_gpp(text)
    except ConsentStringError:
        return malformed
    counted = frozenset(texts) if applicable is None else applicable
    minor = any(
        _judge(section, _CHILD_ALONE) is GppVerdict.MINOR
        for section_id, section in string.sections.items()
        if section_id in counted
    )
    asked = counted & {_TCF_EU, _TCF_CANADA}
    if not asked or not asked <= texts.keys():
        return GppConsent(None, minor)
    answers = []
    if _TCF_EU in asked:
        answers.append(evaluate_tcf(texts[_TCF_EU], query))
    canada = string.sections.get(_TCF_CANADA)
    if _TCF_CANADA in asked and isinstance(canada, TcfCanada):
        answers.append(_judge_canada(canada, query))
    days = [answer.last_updated for answer in answers if answer.last_updated]
    if len(days) < len(answers):
        return malformed
    refusals = [answer.verdict for answer in answers if answer.verdict]
    verdict = refusals[0] if refusals else TcfVerdict.GRANT
    return GppConsent(verdict, minor, min(days), max(days))


def _judge_canada(section: TcfCanada, query: TcfQuery) -> TcfEvaluation:
    """Answer a TCF question from a Canadian section, by express consent alone."""
    day = section.last_updated.date()
    if not set(query.purposes) <= section.purposes_express:
        return TcfEvaluation(TcfVerdict.PURPOSE_DENIED, day)
    vendor = query.vendor
    if vendor is not None:
        for rule in section.restrictions:
            # Kind 1 asks for express consent, which is what this question is about.
            forbids = rule.kind != 1 and rule.purpose in query.purposes
            if forbids and vendor in rule.vendors:
                return TcfEvaluation(TcfVerdict.PURPOSE_DENIED, day)
        if vendor not in section.vendors_express:
            return TcfEvaluation(TcfVerdict.VENDOR_DENIED, day)
        shown = section.vendors_disclosed
        required = query.require_disclosed_vendor
        if required == "auto":
            required = shown is not None and shown.max_id > 0
        if required and (shown is None or vendor not in shown):
            return TcfEvaluation(TcfVerdict.VENDOR_NOT_DISCLOSED, day)
    return TcfEvaluation(TcfVerdict.GRANT, day)


def gpp_code(text: str, query: GppQuery) -> int:
    """Give the verdict as a plain number, for columns."""
    return int(evaluate_gpp(text, query))


def _judge(section: GppSection, query: GppQuery) -> GppVerdict:
    if isinstance(section, UsPrivacy):
        # Letters that disagree leave the answer open: as good as a no.
        out = section.opt_out_sale == "Y" or not section.coherent
        vetoed = out and "SaleOptOut" in query.opt_outs
        return GppVerdict.OPTED_OUT if vetoed else GppVerdict.CLEAR
    if not isinstance(section, UsSection):
        return GppVerdict.CLEAR
    child = section.fields.get("KnownChildSensitiveDataConsents", 0)
    if query.known_child and (any(child) if isinstance(child, tuple) else child):
        return GppVerdict.MINOR
    if query.gpc and section.gpc:
        return GppVerdict.OPTED_OUT
    for name in query.opt_outs:
        if section.fields.get(name, 0) not in (0, 2):
            return GppVerdict.OPTED_OUT
    return GppVerdict.CLEAR
