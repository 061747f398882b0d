"""US sections of a GPP string: one table of layouts, one reader.

A layout lists the fields of the core segment in the order of the string, after the
version of six bits. A field has two bits, `Name*9` is nine of them, `Name*9+2` nine that
are followed by two zeros in what we give. Names are those of the section's
specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .bits import Bits
from .errors import ConsentStringError, Malformed

__all__ = ["US_SECTIONS", "UsSection", "decode_us_section"]

_MSPA = "MspaCoveredTransaction MspaOptOutOptionMode MspaServiceProviderMode"
_NOTICES = "SaleOptOutNotice TargetedAdvertisingOptOutNotice"
_CHOICES = "SaleOptOut TargetedAdvertisingOptOut"
_SENSITIVE = "SensitiveDataProcessing"
_CHILD = "KnownChildSensitiveDataConsents"
_MORE = "AdditionalDataProcessingConsent"
_NATIONAL = (
    "SharingNotice SaleOptOutNotice SharingOptOutNotice TargetedAdvertisingOptOutNotice "
    "SensitiveDataProcessingOptOutNotice SensitiveDataLimitUseNotice SaleOptOut "
    "SharingOptOut TargetedAdvertisingOptOut"
)
_MODES = f"MspaCoveredTransaction MspaMode ProcessingNotice {_NOTICES} {_CHOICES}"


def _processing(sensitive: int, child: str) -> str:
    """Write the layout that most states since 2024 share."""
    return (
        f"ProcessingNotice {_NOTICES} {_CHOICES} {_SENSITIVE}*{sensitive} {child} "
        f"{_MORE} {_MSPA}"
    )


class _Field(NamedTuple):
    """One field: its name, how many numbers in the string (0: a single), how many more."""

    name: str
    numbers: int
    more: int


class _Layout(NamedTuple):
    """One version of one section.

    Attributes:
        version: number in its first six bits.
        fields: of the core segment.
        bits: length of the core segment.
    """

    version: int
    fields: tuple[_Field, ...]
    bits: int


def _layout(text: str, version: int = 1) -> _Layout:
    fields = []
    for word in text.split():
        name, _, counts = word.partition("*")
        count, _, more = counts.partition("+")
        fields.append(_Field(name, int(count or 0), int(more or 0)))
    width = sum(2 * max(field.numbers, 1) for field in fields)
    return _Layout(version, tuple(fields), 6 + width)


class _Section(NamedTuple):
    """A section: its name, layouts, and what its optional segment holds.

    Attributes:
        name: client-side API prefix.
        layouts: those known; of one version, the shortest first.
        option: `gpc` (a type of two bits, then the flag), `sensitive` (eight fields
            without a type), or none.
    """

    name: str
    layouts: tuple[_Layout, ...]
    option: str = "gpc"


def _state(name: str, layout: str, option: str = "gpc") -> _Section:
    return _Section(name, (_layout(layout),), option)


# The national section grew in version 2. Both numbers were written in both layouts, so
# the length tells them apart: the short one fills 66 bits, the long one 72. What the
# long one has in addition, `_`, must be zero under the old number.
_END = f"PersonalDataConsents {_MSPA}"
_NATIONAL_LAYOUTS = (
    _layout(f"{_NATIONAL} {_SENSITIVE}*12 {_CHILD}*2 {_END}"),
    _layout(f"{_NATIONAL} {_SENSITIVE}*12 _*4 {_CHILD}*2 _*1 {_END}"),
    _layout(f"{_NATIONAL} {_SENSITIVE}*12+4 {_CHILD}*2+1 {_END}", 2),
    _layout(f"{_NATIONAL} {_SENSITIVE}*16 {_CHILD}*3 {_END}", 2),
)
_CALIFORNIA = (
    "SaleOptOutNotice SharingOptOutNotice SensitiveDataLimitUseNotice SaleOptOut "
    f"SharingOptOut {_SENSITIVE}*9 {_CHILD}*2 PersonalDataConsents {_MSPA}"
)
_SHARING = f"SharingNotice {_NOTICES} {_CHOICES}"
_UTAH = (
    f"SharingNotice {_NOTICES} SensitiveDataProcessingOptOutNotice {_CHOICES} "
    f"{_SENSITIVE}*8 {_CHILD} {_MSPA}"
)
_IOWA = (
    f"ProcessingNotice {_NOTICES} SensitiveDataOptOutNotice {_CHOICES} "
    f"{_SENSITIVE}*8 {_CHILD} {_MSPA}"
)

US_SECTIONS: Mapping[int, _Section] = {
    7: _Section("usnat", _NATIONAL_LAYOUTS),
    8: _state("usca", _CALIFORNIA),
    9: _state("usva", f"{_SHARING} {_SENSITIVE}*8 {_CHILD} {_MSPA}", "none"),
    10: _state("usco", f"{_SHARING} {_SENSITIVE}*7 {_CHILD} {_MSPA}"),
    11: _state("usut", _UTAH, "none"),
    12: _state("usct", f"{_SHARING} {_SENSITIVE}*8 {_CHILD}*3 {_MSPA}"),
    13: _state("usfl", _processing(8, f"{_CHILD}*3"), "none"),
    14: _state("usmt", f"{_SHARING} {_SENSITIVE}*8 {_CHILD}*3 {_MORE} {_MSPA}"),
    15: _state("usor", _processing(11, f"{_CHILD}*3")),
    16: _state("ustx", _processing(8, _CHILD)),
    17: _state("usde", _processing(9, f"{_CHILD}*5")),
    18: _state("usia", _IOWA),
    19: _state("usne", _processing(8, _CHILD)),
    20: _state("usnh", _processing(8, f"{_CHILD}*3")),
    21: _state("usnj", _processing(10, f"{_CHILD}*5")),
    22: _state("ustn", _processing(8, _CHILD)),
    23: _state("usmn", _processing(8, _CHILD)),
    24: _state("usmd", f"{_MODES} {_MORE}"),
    25: _state("usin", f"{_MODES} {_CHILD} {_MORE}", "sensitive"),
    26: _state("usky", f"{_MODES} {_CHILD} {_MORE}", "sensitive"),
    27: _state("usri", f"{_MODES} {_CHILD} {_MORE}", "sensitive"),
}


@dataclass(frozen=True)
class UsSection:
    """One US section, decoded.

    Attributes:
        section_id: 7 for the national section, 8 to 27 for states.
        name: client-side API prefix, such as `usca`.
        version: of the section.
        fields: specification name → value of two bits, or a tuple of them. For an
            opt-out 0 is "not applicable", 1 opted out, 2 did not; for a consent 1 is
            no consent and 2 consent; 3 is not defined.
        gpc: the browser's Global Privacy Control; null where it is not told.
    """

    section_id: int
    name: str
    version: int
    fields: Mapping[str, int | tuple[int, ...]]
    gpc: bool | None


def decode_us_section(section_id: int, text: str) -> UsSection:
    """Decode the US section `section_id`, a key of `US_SECTIONS`, or refuse it.

    Raises:
        ConsentStringError: the section is not well formed.
    """
    section = US_SECTIONS[section_id]
    core, *others = text.split(".", 2)
    bits = Bits(core)
    version = bits.uint(0, 6)
    layouts = [layout for layout in section.layouts if layout.version == version]
    if not layouts:
        raise ConsentStringError(Malformed.VERSION)
    fitting = [layout for layout in layouts if layout.bits <= bits.size]
    fields = _read_core(bits, (fitting or layouts[:1])[-1])
    gpc = None
    if len(others) > 1:
        raise ConsentStringError(Malformed.SEGMENT_DUPLICATE)
    if others:
        option = Bits(others[0])
        if section.option == "gpc":
            gpc = _read_gpc(option)
        elif section.option == "sensitive":
            fields[_SENSITIVE] = tuple(option.uint(2 * n, 2) for n in range(8))
            option.finish(16)
        else:
            raise ConsentStringError(Malformed.SEGMENT_TYPE)
    return UsSection(section_id, section.name, version, fields, gpc)


def _read_core(bits: Bits, layout: _Layout) -> dict[str, int | tuple[int, ...]]:
    bits.finish(layout.bits)
    found: dict[str, int | tuple[int, ...]] = {}
    position = 6
    for name, count, more in layout.fields:
        if not count:
            found[name] = bits.uint(position, 2)
            position += 2
            continue
        values = tuple(bits.uint(position + 2 * n, 2) for n in range(count))
        position += 2 * count
        if name != "_":
            found[name] = values + (0,) * more
        elif any(values):
            raise ConsentStringError(Malformed.TRAILING_BITS)
    return found


def _read_gpc(bits: Bits) -> bool:
    if bits.uint(0, 2) != 1:
        raise ConsentStringError(Malformed.SEGMENT_TYPE)
    bits.finish(3)
    return bits.flag(2)
