"""What a column means: semantic type → storage type, and whether it names a person.

A policy gives every column a `type:`. The type decides how values are read (`storage`),
what may be done with them (a direct identifier can never be kept as it is, and free
text can never pass unread), what is done if the policy does not say, and which values
are none of this type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["SEMANTIC_TYPES", "SemanticType", "Setting", "Storage"]

Storage = Literal["string", "int64", "float64", "bool", "timestamp", "date"]
Setting = int | str


@dataclass(frozen=True)
class SemanticType:
    """One entry of the policy's type vocabulary.

    Attributes:
        name: word used in `type:`.
        storage: how a value is held in a block; a value that does not read as this is
            an ill-formed record. `timestamp` is microseconds in UTC.
        direct_identifier: names one person or device by itself; `keep` is refused.
        zero_is_null: an all-zero value means "no identity" and counts as null.
        text: free text that must be scanned, redacted or dropped.
        action: what is done if the policy does not say; none: the policy must.
        settings: settings of that action, where the policy does not give them.
        pattern: regular expression (RE2) that the trimmed text in lower case meets.
        bounds: smallest and largest value; of a date, its year.
        checksum: further test of a text: `luhn` and `iban` digits, an IP address, a
            country's code or name. A personal number has the tests of its country where
            the column names one (`national_ids`).
        fake: kind of surrogate that `fake` draws if the policy does not say.
    """

    name: str
    storage: Storage
    direct_identifier: bool = False
    zero_is_null: bool = False
    text: bool = False
    action: str | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict, hash=False)
    pattern: str | None = None
    bounds: tuple[float, float] | None = None
    checksum: Literal["country", "iban", "ip", "luhn"] | None = None
    fake: str | None = None

    def default(self, *, hierarchy: bool) -> tuple[str | None, Mapping[str, Setting]]:
        """Give the action, with its settings, of a column whose policy names none.

        A hierarchy says by itself how a column is coarsened: then nothing is done
        before it, unless the type is one that must not pass.
        """
        if hierarchy and not (self.direct_identifier or self.text):
            return "generalize", {}
        return self.action, self.settings


_UUID = r"^\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$"
_MAC = r"^([0-9a-f]{2}[:.-]?){5}[0-9a-f]{2}$|^([0-9a-f]{4}\.){2}[0-9a-f]{4}$"
_PHONE = r"^(tel:)?[+(\d][\d\s().\/-]{3,}(\s*(x|ext\.?)\s*\d{1,6})?$"
_LETTER = r"\pL"
# 4 to 20 digits, and perhaps letters and separators between them.
_NATIONAL_ID = r"^[\pL\s.\/-]*(\pN[\pL\s.\/-]*){4,20}$"
_POSTCODE = r"^[\pL\pN][\pL\pN -]{1,10}$"


def _id(name: str, *, zero: bool, **more: str) -> SemanticType:
    return SemanticType(
        name,
        "string",
        direct_identifier=True,
        zero_is_null=zero,
        action="hmac",
        pattern=more.get("pattern"),
        fake=more.get("fake", "uuid"),
    )


def _personal(name: str, **more: str) -> SemanticType:
    return SemanticType(
        name,
        "string",
        direct_identifier=True,
        action="drop",
        pattern=more.get("pattern"),
        checksum="luhn"
        if name == "credit_card"
        else "iban"
        if name == "iban"
        else None,
        fake=more["fake"],
    )


def _table(*types: SemanticType) -> dict[str, SemanticType]:
    return {entry.name: entry for entry in types}


SEMANTIC_TYPES: dict[str, SemanticType] = _table(
    # Direct identifiers.
    _id("advertising_id", zero=True, pattern=_UUID),
    _id("vendor_id", zero=True, pattern=_UUID),
    _id("device_id", zero=True),
    _id("user_id", zero=True),
    _id("cookie_id", zero=True),
    _id("session_id", zero=False),
    _id("event_id", zero=False),
    _id("email", zero=False, pattern=r"^[^@\s]+@[^@\s]+$", fake="email"),
    _id("phone", zero=False, pattern=_PHONE, fake="phone"),
    SemanticType(
        "ip_address",
        "string",
        direct_identifier=True,
        action="truncate",
        settings={"bits": 24, "bits_v6": 48},
        checksum="ip",
        fake="ip_address",
    ),
    _id("mac_address", zero=True, pattern=_MAC, fake="mac_address"),
    _personal("person_name", pattern=_LETTER, fake="name"),
    _id("username", zero=False, fake="username"),
    _personal("street_address", pattern=_LETTER, fake="street_address"),
    _personal("national_id", pattern=_NATIONAL_ID, fake="national_id"),
    _personal("credit_card", fake="credit_card"),
    _personal("iban", fake="iban"),
    SemanticType(
        "birth_date",
        "date",
        direct_identifier=True,
        action="time_truncate",
        settings={"period": "year"},
        bounds=(1850, 2150),
    ),
    # Text that people wrote.
    SemanticType("free_text", "string", text=True, action="scan"),
    # Attributes, often quasi-identifiers.
    SemanticType(
        "birth_year",
        "int64",
        action="bucket",
        settings={"width": 5},
        bounds=(1850, 2150),
    ),
    SemanticType(
        "age_years", "int64", action="bucket", settings={"width": 5}, bounds=(0, 130)
    ),
    SemanticType("gender", "string", action="keep"),
    SemanticType(
        "country", "string", action="keep", checksum="country", fake="country"
    ),
    SemanticType("region", "string", action="keep"),
    SemanticType("city", "string", action="keep", pattern=_LETTER, fake="city"),
    SemanticType(
        "postal_code",
        "string",
        action="generalize",
        settings={"keep_chars": 3},
        pattern=_POSTCODE,
        fake="postal_code",
    ),
    SemanticType(
        "latitude", "float64", action="round", settings={"digits": 1}, bounds=(-90, 90)
    ),
    SemanticType(
        "longitude",
        "float64",
        action="round",
        settings={"digits": 1},
        bounds=(-180, 180),
    ),
    # So much of it is rare that it works as a fingerprint.
    SemanticType("user_agent", "string", action="drop", fake="user_agent"),
    # Plain data. A text may hold anything, so its policy must say what is done.
    SemanticType("string", "string"),
    SemanticType("category", "string", action="keep"),
    SemanticType("integer", "int64", action="keep"),
    SemanticType("number", "float64", action="keep"),
    SemanticType("boolean", "bool", action="keep"),
    SemanticType(
        "timestamp", "timestamp", action="time_truncate", settings={"period": "hour"}
    ),
    SemanticType("date", "date", action="keep"),
)
