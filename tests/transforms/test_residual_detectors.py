"""The second detector on single texts: what it must find, and what it must let be."""

from __future__ import annotations

import random
import string

import pytest
from faker import Faker
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.residual import RESIDUAL_ENTITIES
from optin.transforms.deidentify.residual import Trace, find_traces

CERTAIN = [
    ("CREDIT_CARD", "my card 4539 1488 0343 6467 was declined"),
    ("CREDIT_CARD", "4539148803436467"),
    ("CREDIT_CARD", "amex 3714-496353-98431."),
    ("EMAIL_ADDRESS", "write to jane.doe+x@mail.example.internal, please"),
    ("EMAIL_ADDRESS", "https://shop.example/?e=jane@example.org&x=1"),
    ("EMAIL_ADDRESS", "from:<jürgen@bücher.example>"),
    ("IBAN_CODE", "refund to DE89 3704 0044 0532 0130 00 please"),
    ("IBAN_CODE", "gb82west12345698765432"),
    ("IP_ADDRESS", "I log in from 192.0.2.7, nothing"),
    ("IP_ADDRESS", "203.0.113.9/24"),  # bits behind the network: one machine's address
    ("IP_ADDRESS", "http://198.51.100.4/x"),
    ("IP_ADDRESS", "seen at 2001:db8::8a2e:370:7334 today"),
    ("MAC_ADDRESS", "wlan 3c:22:fb:9a:10:0e"),
    ("NATIONAL_ID", "ssn 536-22-8726"),
    ("NATIONAL_ID", "cpf 111.444.777-35"),
    ("NATIONAL_ID", "RSSMRA85T10A562S"),
    ("PHONE_NUMBER", "call (202) 555-0123 after six"),
    ("PHONE_NUMBER", "+44 20 7946 0123"),
    ("PHONE_NUMBER", "tel +4930901820"),
    ("SECRET", "key AKIAIOSFODNN7EXAMPLE stays"),
    ("SECRET", "use ghp_" + "a1B2" * 9),
    ("SECRET", "-----BEGIN RSA PRIVATE KEY-----"),
]
POSSIBLE = [
    ("PERSON", "My name is Ada Lovelace, I cannot sign in"),
    ("PERSON", "thanks, Mrs. Anna Maria"),
    ("PHONE_NUMBER", "4155550123"),
    ("SECRET", "x Zq8vT2mLw9XbR4nKc7YdPfGh3JsA1 y"),
    ("UUID", "123e4567-e89b-12d3-a456-426614174000"),
]
CLEAN = [
    "",
    "*",
    "[1980, 2000)",
    "Great update, thank you!",
    "The sound is missing since version 5.2.1.0",
    "Mozilla/5.0 (X11) Chrome/120.0.0.0 Safari/537.36",
    "v10.2.1.4",
    "192.0.2.0/24",  # a network of 256 machines
    "10.0.0.0/8",
    "2001:db8::/48",
    "127.0.0.1",
    "12:30:45",
    "2024-10-11 12:30:00",
    "2024-10-11T12:30:00Z",
    "order 12345678 of 3 items at 19.99",
    "5 apples @ 2.50, @someone",
    "4539 1488 0343 6468",  # wrong check digit
    "0000 0000 0000 0000",
    "00000000-0000-0000-0000-000000000000",
    "com.example.puzzle",
    "https://example.com/a/long/path/without/anything-of-interest-in-it",
    "noise cancelling headphones for beginners",
]


@pytest.mark.parametrize(("entity", "text"), CERTAIN)
def test_certain_is_found_when_planted(entity: str, text: str) -> None:
    assert Trace(entity, certain=True) in find_traces(text)


@pytest.mark.parametrize(("entity", "text"), POSSIBLE)
def test_possible_is_found_and_is_not_certain(entity: str, text: str) -> None:
    assert find_traces(text) == {Trace(entity, certain=False)}


@pytest.mark.parametrize("text", CLEAN)
def test_nothing_is_found_in_clean_values(text: str) -> None:
    assert find_traces(text) == frozenset()


@given(st.integers(0, 10**6), st.sampled_from(["en_US", "de_DE", "fr_FR", "es_ES"]))
def test_drawn_values_are_found_wherever_they_stand(seed: int, locale: str) -> None:
    fake = Faker(locale)
    fake.seed_instance(seed)
    planted = {
        "CREDIT_CARD": fake.credit_card_number("visa16"),
        "EMAIL_ADDRESS": fake.ascii_safe_email(),
        "IBAN_CODE": fake.iban(),
        "IP_ADDRESS": fake.ipv4_private(),
        "MAC_ADDRESS": fake.mac_address(),
    }
    for entity, value in planted.items():
        assert Trace(entity, certain=True) in find_traces(f"so, {value} it is")


@given(st.text(max_size=200))
def test_any_text_gives_known_entities_and_no_error(text: str) -> None:
    assert {trace.entity for trace in find_traces(text)} <= set(RESIDUAL_ENTITIES)


def test_words_of_letters_hold_nothing_certain() -> None:
    """2,000 texts of drawn words: no digit, no `@`, so nothing can be certain."""
    source = random.Random(5)  # noqa: S311  # no secret
    for _ in range(2_000):
        words = (
            "".join(source.choices(string.ascii_lowercase, k=source.randint(1, 14)))
            for _ in range(12)
        )
        assert not any(trace.certain for trace in find_traces(" ".join(words)))


def test_networks_are_no_phone_numbers() -> None:
    # What `truncate` publishes: about half of all /24 read as a number of some plan.
    for number in range(400):  # spread over the addresses by a large prime
        parts = [str(byte) for byte in (number * 40_503_901 % 2**24).to_bytes(3, "big")]
        assert not list(find_traces(f"{'.'.join(parts)}.0/24")), parts
    assert list(find_traces("2001:db8:1200::/48")) == []
    assert [t.entity for t in find_traces("from 10.2.0.0/16 call (202) 555-0123")] == [
        "PHONE_NUMBER"
    ]
