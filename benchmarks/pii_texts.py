"""Texts with labelled personal data, made of templates: a second opinion on recall.

Values come from Faker in several locales. Half of the names are made of syllables and
are on no list, so that a list of names cannot know them all; half of the texts are in
lower case, as people type. Templates are sentences, forms, logs, code and messages.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from faker import Faker

_LOCALES = (
    "en_US en_GB en_IN de_DE fr_FR es_ES it_IT nl_NL pl_PL sv_SE pt_BR da_DK fi_FI"
)
LOCALES = _LOCALES.split()

TEMPLATES = (
    "{PERSON} called about the late parcel, number on file {PHONE}",
    "hey {PERSON}, can you text me on {PHONE} tonight?",
    "just met {PERSON} and her brother at the gig, so nice",
    "lol {PERSON} is right, ask {PERSON}",
    "cc {PERSON} <{EMAIL}>; meeting moved to 3pm",
    "Please ship the two boxes to {ADDRESS}. Thanks, {PERSON}",
    "New tenant at {ADDRESS} from the first of next month",
    "invoice address: {ADDRESS}",
    "{PERSON} lives at {ADDRESS} with two dogs",
    "curl -H 'X-Api-Key: {API_KEY}' https://api.host.test/v1/jobs",
    "DB_PASSWORD={PASSWORD} DB_USER={USERNAME}",
    "wifi password is {PASSWORD}, same as last year",
    '{{"login": "{USERNAME}", "token": "{API_KEY}", "addr": "{IP}"}}',
    "2024-01-02 12:00:03 WARN session of user {USERNAME} from {IP} expired",
    "@{USERNAME} did you see what @{USERNAME} posted? so funny",
    "follow me on insta: {USERNAME}",
    "GET /reset?mail={EMAIL}&uid=17 HTTP/1.1 302",
    "my new address is {EMAIL}, the old one bounces",
    "paid with {CREDIT_CARD}, want the money on {IBAN}",
    "Card no. {CREDIT_CARD} exp 04/27",
    "Transfer to {PERSON}, IBAN {IBAN}, by Friday",
    "SSN on the form: {SSN}",
    "social security {SSN}, born in spring",
    "the phone died, device {DEVICE_ID}, router {MAC}",
    "adb shows serial {DEVICE_ID}",
    "dropped pin: {GEO}",
    "chart no {MRN} for {PERSON} is on the desk",
    "Patient: {PERSON}  MRN {MRN}  seen on ward 4",
    "passport number {PASSPORT}, issued last year",
    "scan of driving licence {DRIVER_LICENSE} attached",
    "bank account number: {BANK_ACCOUNT}",
    "Dear {PERSON},\nyour order is on its way.\nBest regards,\n{PERSON}",
    "From: {PERSON}\nTo: {PERSON}\nSubject: minutes",
    "thanks {PERSON}!! see you monday",
    "{PERSON} and {PERSON} won the quiz last night",
    "who is {PERSON}? never heard of them",
)
PLAIN = (
    "The quarterly figures rose by 4.2% to 1,250,000 units in March.",
    "please restart the printer on the second floor before 10:30",
    "loved the concert, best night of the year, can't wait for the next one",
    "Version 2.14.1 fixes 37 bugs; upgrade with pip install -U tool==2.14.1",
    "temperature 21.5 C, humidity 40%, wind 12 km/h from the west",
    "for i in range(100): print(i ** 2)",
    "The Supreme Court will hear the case on Monday, officials in Berlin said.",
    "order #5521: 3 x blue mugs, 2 x plates, total 48.50 EUR",
    "is the password reset link valid for 24 hours?",
    "our user base grew, and every customer got a new account last spring",
)
_SLOT = re.compile(r"\{([A-Z_]+)\}")
_PARTS = "ba do ka li mo nu re sha ti vo ze qua ndi wer zok myl tra fen gra hul"
_SYLLABLES = _PARTS.split()


def make_texts(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Give texts as the labelled set has them: `text`, `spans` and `source`."""
    rng = random.Random(seed)  # noqa: S311  # no secret: test data
    fakes = [Faker(locale) for locale in LOCALES]
    for number, fake in enumerate(fakes):
        fake.seed_instance(seed + number)
    for number in range(count):
        if number % 5 == 4:
            yield {"text": rng.choice(PLAIN), "spans": [], "source": "plain"}
            continue
        template = TEMPLATES[number % len(TEMPLATES)]
        listed = rng.random() < 0.5
        fake = rng.choice(fakes)
        text, spans = _fill(template, fake, rng, listed=listed)
        source = "listed names" if listed else "unlisted names"
        if rng.random() < 0.5:
            lowered = _lower(text, spans)
            text, source = lowered, source + ", lower case"
        yield {"text": text, "spans": spans, "source": source}


def _lower(text: str, spans: list[dict[str, Any]]) -> str:
    """Put words in lower case, as people type; keys and passwords stay as they are."""
    keep = {"API_KEY", "PASSWORD", "IBAN", "PASSPORT"}
    out = list(text.lower()) if len(text.lower()) == len(text) else list(text)
    for span in spans:
        if span["type"] in keep:
            out[span["start"] : span["end"]] = text[span["start"] : span["end"]]
    return "".join(out)


def _fill(
    template: str, fake: Any, rng: random.Random, *, listed: bool
) -> tuple[str, list[dict[str, Any]]]:
    out, spans, at = "", [], 0
    for slot in _SLOT.finditer(template):
        out += template[at : slot.start()]
        value = _value(slot.group(1), fake, rng, listed=listed)
        spans.append(
            {"start": len(out), "end": len(out) + len(value), "type": slot.group(1)}
        )
        out += value
        at = slot.end()
    out += template[at:]
    if template.count("{{"):  # both braces stand for one
        first = len(out) - len(out.lstrip("{")) - 1
        for span in spans:
            span["start"] -= first
            span["end"] -= first
        out = out.replace("{{", "{").replace("}}", "}")
    return out, spans


def _value(kind: str, fake: Any, rng: random.Random, *, listed: bool) -> str:
    digits = fake.numerify
    if kind == "PERSON":
        name = f"{fake.first_name()} {fake.last_name()}" if listed else _unlisted(rng)
        return name.split()[0] if rng.random() < 0.4 else name
    if kind == "API_KEY":
        letters = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        return "".join(rng.choice(letters) for _ in range(rng.choice((24, 32, 40))))
    made = {
        "ADDRESS": lambda: fake.address().replace("\n", ", "),
        "BANK_ACCOUNT": lambda: digits("%#########"),
        "CREDIT_CARD": lambda: digits(rng.choice(("4### #### #### ####", "5###" * 4))),
        "DEVICE_ID": lambda: fake.uuid4(),
        "DRIVER_LICENSE": lambda: fake.bothify("?###-####-####").upper(),
        "EMAIL": lambda: (
            f"{fake.user_name()}@{rng.choice(('a.test', 'mail.example', 'x.org'))}"
        ),
        "GEO": lambda: f"{fake.latitude()}, {fake.longitude()}",
        "IBAN": lambda: fake.iban(),
        "IP": lambda: fake.ipv4() if rng.random() < 0.7 else fake.ipv6(),
        "MAC": lambda: fake.mac_address(),
        "MRN": lambda: digits("%######"),
        "PASSPORT": lambda: fake.bothify("??#######").upper(),
        "PASSWORD": lambda: fake.password(length=11),
        "PHONE": lambda: fake.phone_number(),
        "SSN": lambda: digits("%##-##-####"),
        "USERNAME": lambda: fake.user_name(),
    }
    return str(made[kind]())


def _unlisted(rng: random.Random) -> str:
    words = ["".join(rng.choices(_SYLLABLES, k=rng.choice((2, 3)))) for _ in range(2)]
    return " ".join(words).title()
