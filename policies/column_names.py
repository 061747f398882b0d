"""What columns are usually called: a guess at what they mean, from their names alone."""

from __future__ import annotations

import re

from .semantic_types import SEMANTIC_TYPES

__all__ = ["COLUMN_NAMES", "identifier_named", "words_of_name"]

_WHO = (
    "user|customer|member|account|subscriber|person|patient|client|anonymous|visitor|"
    "player|profile|buyer|subject|contact|employee|student"
)
COLUMN_NAMES: tuple[tuple[str, str], ...] = (
    (r"e?mail(_address)?", "email"),
    (
        r"ifa|idfa|gaid|aaid|adid|advertising_id|advertiser_id|gps_adid",
        "advertising_id",
    ),
    (r"ifv|idfv|vendor_id", "vendor_id"),
    (r"username|user_name|login|handle|screen_name|nickname", "username"),
    (
        rf"(first|last|full|given|family|middle)_?name|surname|({_WHO})_name",
        "person_name",
    ),
    (r"(phone|msisdn|mobile|telephone)(_number|_no)?", "phone"),
    (r"street|street_address|address(_line)?(_?[0-9])?", "street_address"),
    (r"ssn|national_id|passport(_number)?|tax_id|social_security", "national_id"),
    (r"(credit_)?card_number|credit_card", "credit_card"),
    (r"iban", "iban"),
    (r"(device_)?imei|device_id|android_id|udid|push_token|device_token", "device_id"),
    (r"cookie|cookie_id", "cookie_id"),
    (r"session_id|sessionid", "session_id"),
    (
        rf"({_WHO})_?(u?id|uuid|key|no|number)|uid|buyeruid|user_pseudo_id|({_WHO})|who",
        "user_id",
    ),
    (
        (
            r"(event|auction|message|record|transaction|request|impression|row|log)"
            r"_?(id|uuid)"
        ),
        "event_id",
    ),
)
"""Pattern of the last words of a column's path, joined by `_` → semantic type."""


def words_of_name(name: str) -> tuple[str, ...]:
    """Give the words of a column's whole path, in lower case."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return tuple(re.findall(r"[a-z0-9]+", apart.lower()))


def identifier_named(name: str) -> str | None:
    """Give the direct identifier that a column's name says it is, if it does."""
    joined = "_".join(words_of_name(name))
    for pattern, kind in COLUMN_NAMES:
        if re.search(rf"(^|_)({pattern})$", joined):
            return kind if SEMANTIC_TYPES[kind].direct_identifier else None
    return None
