"""Search queries and support messages, some with personal data planted in them.

Every value is invented and none can reach anybody: e-mail domains and addresses of
networks are those reserved for documentation (RFC 2606, RFC 5737), phone numbers lie in
ranges kept for fiction, card numbers and IBANs have right check digits and no account.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["Plant", "message_text", "person_values", "query_text"]

Plant = tuple[str, str, str]
"""Column, kind of personal data (Presidio's word), and the value as it stands."""

_QUERIES: Final = tuple(
    f"{what} {how}".strip()
    for what in (
        *("running shoes", "noise cancelling headphones", "weather tomorrow"),
        *("vegan recipes", "cheap flights to lisbon", "sudoku", "used bikes"),
        *("language course", "meditation music", "football scores", "plant care"),
        *("garden chairs", "train times", "photo editor", "chess puzzles"),
    )
    for how in ("", "near me", "free", "best", "for beginners", "offline")
)
_QUERIES_PLANTED: Final = (
    "order status {EMAIL_ADDRESS}",
    "unsubscribe {EMAIL_ADDRESS}",
    "who called me {PHONE_NUMBER}",
    "reverse lookup {PHONE_NUMBER}",
    "{PERSON} photos",
    "trace {IP_ADDRESS}",
)
_MESSAGES: Final = (
    "The app closes when I open my saved items.",
    "Please stop showing the same advert again and again.",
    "How do I change the language back?",
    "Great update, thank you!",
    "My points from last week are gone.",
    "The sound is missing since version 5.2.1.",
    "I was charged twice for the same order.",
    "Can I use one subscription on two devices?",
    "Nothing happens after I press pay.",
    "The video ad cannot be closed.",
)
_MESSAGES_PLANTED: Final = (
    "Please answer to {EMAIL_ADDRESS}, the form does not work.",
    "Call me back at {PHONE_NUMBER} please.",
    "My card {CREDIT_CARD} was declined but charged.",
    "Refund to {IBAN_CODE} please.",
    "I log in from {IP_ADDRESS} and see an empty page.",
    "My name is {PERSON}, I cannot sign in.",
    "{PERSON} here, write to {EMAIL_ADDRESS} or phone {PHONE_NUMBER}.",
    "Wrong charge on card {CREDIT_CARD}, contact {EMAIL_ADDRESS}.",
)
_FIRST: Final = (
    *("Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farah", "Goran", "Hana"),
    *("Ivo", "Jana", "Kofi", "Lena", "Mateo", "Nora", "Omar", "Petra", "Zoë"),
)
_LAST: Final = (
    *("Almeida", "Bauer", "Costa", "Dvorak", "Eriksen", "Fischer", "Garcia"),
    *("Haddad", "Ito", "Jansen", "Kowalski", "Larsen", "Müller", "Novak", "Okafor"),
)
_DOMAINS: Final = ("example.com", "example.org", "example.net")
_NETWORKS: Final = ("192.0.2", "198.51.100", "203.0.113")
# US area codes whose 555-01xx numbers are kept for fiction.
_AREAS: Final = (202, 212, 303, 312, 404, 415, 503, 617, 702, 808)


def person_values(person: int) -> dict[str, str]:
    """Give the personal data of one person: kind → value, fixed by the index."""
    first = _FIRST[person % len(_FIRST)]
    last = _LAST[person // len(_FIRST) % len(_LAST)]
    plain = f"{first}.{last}".lower().replace("ë", "e").replace("ü", "u")
    return {
        "PERSON": f"{first} {last}",
        "EMAIL_ADDRESS": f"{plain}{person}@{_DOMAINS[person % 3]}",
        "PHONE_NUMBER": _phone(person),
        "CREDIT_CARD": _card(person),
        "IBAN_CODE": _iban(person),
        "IP_ADDRESS": f"{_NETWORKS[person % 3]}.{person // 3 % 254 + 1}",
    }


def query_text(person: int, pick: int, *, planted: bool) -> tuple[str, list[Plant]]:
    """Give a search query: a common one, or one with the person's own data.

    Args:
        person: whose data is planted.
        pick: which of the texts; any whole number ≥ 0.
        planted: whether personal data is in it.
    """
    if not planted:
        return _QUERIES[pick % len(_QUERIES)], []
    template = _QUERIES_PLANTED[pick % len(_QUERIES_PLANTED)]
    return _fill(template, "app.search_query", person)


def message_text(person: int, pick: int, *, planted: bool) -> tuple[str, list[Plant]]:
    """Give a support message; arguments as for `query_text`."""
    if not planted:
        return _MESSAGES[pick % len(_MESSAGES)], []
    template = _MESSAGES_PLANTED[pick % len(_MESSAGES_PLANTED)]
    return _fill(template, "app.support_message", person)


def _fill(template: str, column: str, person: int) -> tuple[str, list[Plant]]:
    values = person_values(person)
    plants = [
        (column, kind, value)
        for kind, value in values.items()
        if f"{{{kind}}}" in template
    ]
    return template.format(**values), plants


def _phone(person: int) -> str:
    area, line = _AREAS[person % len(_AREAS)], 100 + person // len(_AREAS) % 100
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"({area}) 555-0{line}",
        lambda: f"+1 {area} 555 0{line}",
        lambda: f"{area}-555-0{line}",
        lambda: f"+44 20 7946 0{line % 1000:03d}",  # London's range for fiction
    )
    return forms[person % len(forms)]()


def _card(person: int) -> str:
    digits = f"{(4539, 5425, 4916)[person % 3]}{person * 7_919 % 10**11:011d}"
    number = digits + _luhn_digit(digits)
    separator = ("", " ", "-")[person % 3]
    return separator.join(number[i : i + 4] for i in range(0, 16, 4))


def _luhn_digit(digits: str) -> str:
    """Give the check digit that makes `digits` pass Luhn's test (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def _iban(person: int) -> str:
    """Give a German IBAN whose check digits are right (ISO 13616: mod 97)."""
    account = f"50010517{person * 104_729 % 10**10:010d}"
    check = 98 - int(account + "131400") % 97  # D = 13, E = 14, then 00
    number = f"DE{check:02d}{account}"
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))
