"""Surrogates: values that look real and are the same for the same value, under a key."""

from __future__ import annotations

import re
import threading
from typing import Any

import pyarrow as pa

from .distinct import as_array, map_distinct
from .keys import hmac_digests

__all__ = ["FAKE_METHODS", "draw_surrogate", "fake_values"]

FAKE_METHODS = {
    "address": "address",
    "city": "city",
    "company": "company",
    "country": "country",
    "country_code": "country_code",
    "credit_card": "credit_card_number",
    "email": "safe_email",
    "first_name": "first_name",
    "iban": "iban",
    "ip_address": "ipv4_private",
    "job": "job",
    "last_name": "last_name",
    "mac_address": "mac_address",
    "name": "name",
    "national_id": "ssn",
    "phone": "phone_number",
    "postal_code": "postcode",
    "street_address": "street_address",
    "user_agent": "chrome",
    "username": "user_name",
    "uuid": "uuid4",
}
"""Kind of surrogate (`policies.columns.FakeKind`) → method of Faker.

E-mail addresses lie in the domains of RFC 2606 and IP addresses in those of RFC 1918,
which are nobody's. All else may by chance be somebody's. Of browsers only Chrome's user
agents do not depend on the day they are drawn (`policies.surrogates`).
"""

_DRAWS = 64
_local = threading.local()  # a Faker is seeded and drawn from: not for two threads


def fake_values(array: pa.Array, key: bytes, kind: str, locale: str) -> pa.Array:
    """Put a surrogate for every value: string → string.

    The same value has the same surrogate in all rows, blocks and runs under one key and
    one version of Faker. Two values may share one: do not count people by surrogates.
    The work is done once per distinct value. Values are taken as they are: normalise
    identifiers first.

    Guaranteed: no surrogate is its own value, however that is spaced or capitalised;
    where 64 draws give nothing else, it is null.

    Args:
        array: the values.
        key: derived key of the column.
        kind: one of `FAKE_METHODS`.
        locale: country and language, one of Faker's.
    """
    source = _faker(locale)
    draw = getattr(source, FAKE_METHODS[kind])

    def surrogates(values: pa.Array) -> pa.Array:
        texts = values.to_pylist()
        digests = hmac_digests((text.encode() for text in texts), key)
        drawn = []
        for text, digest in zip(texts, digests, strict=True):
            source.seed_instance(int.from_bytes(digest[:16], "big"))
            drawn.append(_other_than(text, draw))
        return pa.array(drawn, pa.string())

    return map_distinct(as_array(array).cast(pa.string()), surrogates)


def draw_surrogate(value: str, digest: bytes, kind: str, locale: str) -> str | None:
    """Draw the surrogate of one value, which does not stand anywhere in it.

    Nor does a word of the value, where that can be had: "Jane" is much of "Jane Doe",
    and a street is one all the same.

    Args:
        value: what the surrogate is for.
        digest: keyed hash of it: the same one gives the same surrogate.
        kind: one of `FAKE_METHODS`.
        locale: country and language, one of Faker's.

    Returns:
        The surrogate; None if none of 64 draws will do.
    """
    source, plain = _faker(locale), _plain(value)
    draw = getattr(source, FAKE_METHODS[kind])
    source.seed_instance(int.from_bytes(digest[:16], "big"))
    words, second = _words(value), None
    for _ in range(_DRAWS):
        surrogate = " ".join(str(draw()).split())
        if plain in _plain(surrogate):
            continue
        if not words & _words(surrogate):
            return surrogate
        second = second or surrogate
    return second


def _other_than(text: str, draw: Any) -> str | None:
    plain = _plain(text)
    for _ in range(_DRAWS):
        surrogate = " ".join(str(draw()).split())
        if _plain(surrogate) != plain:
            return surrogate
    return None


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2}


def _faker(locale: str) -> Any:
    sources = _local.__dict__.setdefault("sources", {})
    if locale not in sources:
        from faker import Faker  # 0.3 s, for policies with fakes alone

        sources[locale] = Faker(locale)
    return sources[locale]
