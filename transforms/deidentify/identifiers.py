"""Identifiers in one spelling: what counts as the same person, and what as nobody.

The same device written in capitals must get the same pseudonym, and an all-zero
advertising id names nobody: it is null before anything is hashed, counted or grouped.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from .distinct import as_array, map_values

__all__ = ["IPV4", "normalize_identifier", "null_zero_ids", "parse_ip"]

IPV4 = r"^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$"
"""A dotted IPv4 address without leading zeros, which are read as octal by some."""

_ZERO = r"^[0\s:.{}-]*0[0\s:.{}-]*$"
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NO_TEXT = pa.scalar(None, pa.string())

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def null_zero_ids(array: pa.Array) -> pa.Array:
    """Make all-zero identifiers null: string → string.

    All zero is any mix of zeros and the separators `- : . { }` with one zero or more.
    """
    return pc.if_else(pc.match_substring_regex(array, _ZERO), _NO_TEXT, array)


def normalize_identifier(
    array: pa.Array, semantic_type: str, *, zero_is_null: bool
) -> pa.Array:
    """Give identifiers in the spelling under which they are compared: any → string.

    Outer white space goes, blank text is null. Then, by type: letters become lower
    case; a MAC address, IBAN, card or national number loses its separators; a phone
    number becomes E.164 where it is written with its country code, else its digits; an
    IP address is compressed, and IPv4 inside IPv6 becomes IPv4. What cannot be read as
    its type stays as it is, in lower case.

    Args:
        array: values of one column in their storage type.
        semantic_type: the policy's `type:` of the column.
        zero_is_null: all-zero values are null.
    """

    def normalize(values: pa.Array) -> pa.Array:
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        special = _SPECIAL.get(semantic_type)
        if special is not None:
            texts = special(texts)
        texts = pc.if_else(pc.equal(texts, ""), _NO_TEXT, texts)
        return null_zero_ids(texts) if zero_is_null else texts

    return map_values(as_array(array).cast(pa.string()), normalize)


def parse_ip(text: str) -> IpAddress | None:
    """Read an IP address; null if it is none.

    An IPv6 zone (`%eth0`) is dropped. An address that carries an IPv4 client address
    (IPv4-mapped, 6to4, Teredo, NAT64) gives that one: otherwise the bits kept of the
    IPv6 address could hold the whole IPv4 address.
    """
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _email(texts: pa.Array) -> pa.Array:
    return pc.utf8_normalize(texts, form="NFC")


def _compact(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"[^\pL\pN]", "")


def _words(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(_email(texts), r"\s+", " ")


def _ip(texts: pa.Array) -> pa.Array:
    plain = pc.match_substring_regex(texts, IPV4)
    if pc.all(plain, min_count=0).as_py():
        return texts
    out = []
    for text in texts.to_pylist():
        address = parse_ip(text)
        out.append(text if address is None else address.compressed)
    return pa.array(out, pa.string())


def _phone(texts: pa.Array) -> pa.Array:
    # 00 is the international prefix nearly everywhere that does not write +.
    texts = pc.replace_substring_regex(texts, r"^00([1-9])", r"+\1")
    digits = pc.replace_substring_regex(texts, r"[^\p{Nd}]", "")
    plain = pc.if_else(pc.equal(digits, ""), texts, digits)
    abroad = pc.match_substring_regex(texts, r"^\+|^tel:")
    if not pc.any(abroad, min_count=0).as_py():
        return plain
    return pa.array(
        [
            _e164(text, fallback) if international else fallback
            for text, fallback, international in zip(
                texts.to_pylist(), plain.to_pylist(), abroad.to_pylist(), strict=True
            )
        ],
        pa.string(),
    )


def _e164(text: str, fallback: str) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return fallback
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


_SPECIAL: dict[str, Callable[[pa.Array], pa.Array]] = {
    "credit_card": _compact,
    "email": _email,
    "iban": _compact,
    "ip_address": _ip,
    "mac_address": _compact,
    "national_id": _compact,
    "person_name": _words,
    "phone": _phone,
    "street_address": _words,
}
