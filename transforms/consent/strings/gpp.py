"""Strict decoder of IAB GPP strings: a header that lists sections, then the sections.

The header is read first and alone; a section is decoded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from .bits import MAX_CHARACTERS, Bits
from .errors import ConsentStringError, Malformed
from .fibonacci import read_fibonacci_spans
from .tcf import TcfString, decode_tcf
from .tcf_canada import TcfCanada, decode_tcf_canada
from .us_sections import US_SECTIONS, UsSection, decode_us_section
from .usp import UsPrivacy, decode_usp

__all__ = [
    "GppQuery",
    "GppSection",
    "GppString",
    "GppVerdict",
    "decode_gpp",
    "decode_gpp_section",
    "evaluate_gpp",
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


def evaluate_gpp(text: str, query: GppQuery) -> GppVerdict:
    """Tell what the US sections of a GPP string veto; every one it carries counts.

    A section that this decoder does not know may hold an opt-out: `UNREAD` if nothing
    stronger was found.

    Not covered: TCF sections, which carry consent and not opt-outs; get the TC string
    by `split_gpp` and ask it by `evaluate_tcf`.
    """
    try:
        string = decode_gpp(text)
    except ConsentStringError:
        return GppVerdict.MALFORMED
    found = [_judge(section, query) for section in string.sections.values()]
    for verdict in (GppVerdict.MINOR, GppVerdict.OPTED_OUT):
        if verdict in found:
            return verdict
    return GppVerdict.UNREAD if string.unread else GppVerdict.CLEAR


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
