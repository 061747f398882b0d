"""What a column means: semantic type → storage type, and whether it names a person.

A policy gives every column a `type:`. The type decides how values are read (`storage`)
and what may be done with them: a direct identifier can never be kept as it is, and free
text can never pass unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["SEMANTIC_TYPES", "SemanticType", "Storage"]

Storage = Literal["string", "int64", "float64", "bool", "timestamp", "date"]


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
    """

    name: str
    storage: Storage
    direct_identifier: bool = False
    zero_is_null: bool = False
    text: bool = False


def _table(*types: SemanticType) -> dict[str, SemanticType]:
    return {entry.name: entry for entry in types}


SEMANTIC_TYPES: dict[str, SemanticType] = _table(
    # Direct identifiers.
    SemanticType("advertising_id", "string", True, zero_is_null=True),
    SemanticType("vendor_id", "string", True, zero_is_null=True),
    SemanticType("device_id", "string", True, zero_is_null=True),
    SemanticType("user_id", "string", True, zero_is_null=True),
    SemanticType("cookie_id", "string", True, zero_is_null=True),
    SemanticType("session_id", "string", True),
    SemanticType("event_id", "string", True),
    SemanticType("email", "string", True),
    SemanticType("phone", "string", True),
    SemanticType("ip_address", "string", True),
    SemanticType("mac_address", "string", True, zero_is_null=True),
    SemanticType("person_name", "string", True),
    SemanticType("username", "string", True),
    SemanticType("street_address", "string", True),
    SemanticType("national_id", "string", True),
    SemanticType("credit_card", "string", True),
    SemanticType("iban", "string", True),
    SemanticType("birth_date", "date", True),
    # Text that people wrote.
    SemanticType("free_text", "string", text=True),
    # Attributes, often quasi-identifiers.
    SemanticType("birth_year", "int64"),
    SemanticType("age_years", "int64"),
    SemanticType("gender", "string"),
    SemanticType("country", "string"),
    SemanticType("region", "string"),
    SemanticType("city", "string"),
    SemanticType("postal_code", "string"),
    SemanticType("latitude", "float64"),
    SemanticType("longitude", "float64"),
    SemanticType("user_agent", "string"),
    # Plain data.
    SemanticType("string", "string"),
    SemanticType("category", "string"),
    SemanticType("integer", "int64"),
    SemanticType("number", "float64"),
    SemanticType("boolean", "bool"),
    SemanticType("timestamp", "timestamp"),
    SemanticType("date", "date"),
)
