"""Invented personal values of many countries and vendors, seeded: type → value.

Checksums are right where the public form has one (cards, IBAN, IMEI, most national
ids). A third of the names are made of syllables and stand on no list.
"""

from __future__ import annotations

import base64
import random
import string
import urllib.parse
import uuid
from collections.abc import Callable

from faker import Faker

_LOCALES = (
    "en_US en_GB en_IN en_AU de_DE fr_FR es_ES es_MX it_IT pt_BR nl_NL pl_PL sv_SE "
    "tr_TR id_ID vi_VN cs_CZ ro_RO"
)
_PLACES = "en_US en_US en_GB en_GB en_IN en_AU de_DE fr_FR es_ES it_IT pt_BR nl_NL"
_WORDS = [
    "river",
    "blue",
    "tiger",
    "maple",
    "ghost",
    "pixel",
    "storm",
    "coffee",
    "lunar",
    "rocket",
    "velvet",
    "noodle",
    "cactus",
    "falcon",
    "ember",
    "wolf",
    "salty",
    "mango",
    "banjo",
    "frosty",
]
_PHONES = [
    "({n}##) {n}##-####",
    "{n}##-{n}##-####",
    "{n}##.{n}##.####",
    "+1 {n}## {n}## ####",
    "+1-{n}##-{n}##-####",
    "1 ({n}##) {n}##-####",
    "{n}##{n}######",
    "({n}##) {n}##-#### x{n}##",
    "07### ######",
    "+44 7### ######",
    "020 7### ####",
    "+44 (0)20 7### ####",
    "0161 {n}## ####",
    "+49 30 {n}#######",
    "+49 (0)89 {n}######",
    "0171 {n}######",
    "0171/{n}######",
    "030-{n}######",
    "06 {n}# ## ## ##",
    "+33 6 {n}# ## ## ##",
    "01.4#.##.##.##",
    "6{n}# ### ###",
    "+34 6{n}# ## ## ##",
    "91 {n}## ## ##",
    "+39 3{n}# ### ####",
    "3{n}# #######",
    "02 {n}######",
    "+91 9#### #####",
    "9#########",
    "+91-98########",
    "(11) 9####-####",
    "+55 11 9####-####",
    "+31 6 ########",
    "06-########",
    "+48 {n}## ### ###",
    "070-### ## ##",
    "+61 4## ### ###",
    "04## ### ###",
]
_KEYS = [
    "AKIA{U16}",
    "ASIA{U16}",
    "ghp_{A36}",
    "gho_{A36}",
    "github_pat_{A22}_{A59}",
    "sk-{A48}",
    "sk-proj-{A40}",
    "sk-ant-api03-{A40}",
    "sk_live_{A24}",
    "rk_test_{A24}",
    "pk_live_{A24}",
    "xoxb-{D12}-{D12}-{A24}",
    "AIza{A35}",
    "SG.{A22}.{A43}",
    "glpat-{A20}",
    "npm_{A36}",
    "pypi-{A60}",
    "hf_{A34}",
    "dop_v1_{H64}",
    "shpat_{H32}",
    "key-{H32}",
    "SK{H32}",
    "{D10}:AA{A33}",
    "ya29.{A40}",
    "{H32}",
    "{H40}",
    "{H64}",
    "{A32}",
    "{A40}",
    "{A24}",
    "B64",
    "JWT",
    "UUID",
]
_PASSPORTS = "{D9}|{X}{D8}|C{D2}X{D2}T{D2}|{D2}{X}{X}{D5}|{X}{X}{D7}|{X}{X}{X}{D6}"
_LICENCES = (
    "{X}{D7}|{X}{D12}|{D8}|{X}{D3}-{D4}-{D4}|{X}{D4}{D5}{D5}|DVLA|{D3}-{D3}-{D3}"
)
_MRNS = "{D6}|{D7}|{D8}|MRN-{D6}|MR{D7}|H{D7}|{D3}-{D2}-{D4}|{D2}-{D4}-{D2}|A{D8}"
_SYLLABLES = "ba ke lo mi ra su to vel dra nor shi qua zen tor lia mek hov ilu yas pen"


class Values:
    """Draw values; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        """Seed one generator for all."""
        self.rng = random.Random(seed)  # noqa: S311  # invented values, no secrets
        self.people = [Faker(name) for name in _LOCALES.split()]
        self.places = [Faker(name) for name in _PLACES.split()]
        for i, one in enumerate((*self.people, *self.places)):
            one.seed_instance(seed + i)
        self.by_locale = {one.locales[0]: one for one in self.people}

    def form(self, form: str) -> str:
        """Fill `{A8}` (letters, digits), H hex, D digits, U capitals, X a capital."""
        kinds = {
            "A": string.ascii_letters + string.digits,
            "H": "0123456789abcdef",
            "D": string.digits,
            "U": string.ascii_uppercase + "234567",
            "X": string.ascii_uppercase,
        }
        out, rest = "", form
        while "{" in rest:
            head, _, rest = rest.partition("{")
            code, _, rest = rest.partition("}")
            out += head + "".join(
                self.rng.choices(kinds[code[0]], k=int(code[1:] or 1))
            )
        return out + rest

    def first(self) -> str:
        """A first name; a third of them are on no list."""
        if self.rng.random() < 0.33:
            return self._made(2).capitalize()
        return str(self.rng.choice(self.people).first_name())

    def last(self) -> str:
        """A family name; a third of them are on no list."""
        if self.rng.random() < 0.33:
            return self._made(self.rng.choice((2, 3))).capitalize()
        return str(self.rng.choice(self.people).last_name())

    def person(self) -> str:
        """A full name in one of several forms."""
        first, last = self.first(), self.last()
        if self.rng.random() < 0.66:
            faker = self.rng.choice(self.people)
            first, last = faker.first_name(), faker.last_name()
        roll = self.rng.random()
        if roll < 0.08:
            return f"{first[0]}. {last}"
        if roll < 0.16:
            return f"{first} {self.rng.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if roll < 0.22:
            return f"{first} {last}-{self.last()}"
        return f"{first} {last}"

    def email(self) -> str:
        """An address at a public, a company's or an inner domain."""
        first, last = (self._ascii(x) for x in (self.first(), self.last()))
        word = self.rng.choice(_WORDS)
        local = self.rng.choice(
            (
                f"{first}.{last}",
                f"{first[0]}{last}",
                f"{first}_{last}{self.rng.randint(1, 99)}",
                f"{word}{self.rng.randint(1, 999)}",
                f"{first}+{word}",
                f"{last}-{word}",
            )
        )
        host = self.rng.choice(
            [
                "gmail.com",
                "outlook.com",
                "web.de",
                "orange.fr",
                "libero.it",
                "uol.com.br",
                "mail.ru",
                "proton.me",
                "corp.local",
                "mail.internal",
                "intra.lan",
                "example.test",
                "office.co.uk",
                "cs.uni.edu",
                "kontor.example",
            ]
        )
        return f"{local}@{host}"

    def phone(self) -> str:
        """A number in one of some forty written forms."""
        form = self.rng.choice(_PHONES)
        while "{n}" in form:
            form = form.replace("{n}", str(self.rng.randint(2, 9)), 1)
        return "".join(str(self.rng.randint(0, 9)) if c == "#" else c for c in form)

    def username(self) -> str:
        """A handle: of a name, of words, with digits or without."""
        first, last = (self._ascii(x) for x in (self.first(), self.last()))
        one, two = self.rng.sample(_WORDS, 2)
        return self.rng.choice(
            (
                f"{first}.{last}",
                f"{first}_{last}",
                f"{first[0]}{last}",
                f"{first}{self.rng.randint(1, 2010)}",
                f"{one}{two}{self.rng.randint(1, 99)}",
                f"{one}_{two}",
                f"x{one}{two}x",
                f"{one.capitalize()}{two.capitalize()}",
                f"the_real_{first}",
                f"{last}{first[0]}",
            )
        )

    def password(self) -> str:
        """A weak, a middling or a random one."""
        one, two = self.rng.sample(_WORDS, 2)
        return self.rng.choice(
            (
                f"{one.capitalize()}{self.rng.randint(1, 2030)}!",
                f"{one}{self.rng.randint(1, 99)}",
                f"{one}-{two}-{self.rng.randint(10, 99)}",
                self.form("{A10}"),
                self.form("{A5}#{A4}$"),
                f"{one.capitalize()}@{two}{self.rng.randint(1, 9)}",
                self.form("{A16}"),
                f"P@{self.form('{A6}')}",
            )
        )

    def api_key(self) -> str:
        """A token in a vendor's form, or a plain random one."""
        form = self.rng.choice(_KEYS)
        if form == "UUID":
            return self.uuid()
        if form == "B64":
            return base64.b64encode(self.rng.randbytes(32)).decode()
        if form == "JWT":
            parts = [self.rng.randbytes(n) for n in (45, 32)]
            tail = ".".join(
                base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts
            )
            return f"eyJhbGciOiJIUzI1NiJ9.{tail}"
        return self.form(form)

    def uuid(self) -> str:
        """A random UUID."""
        return str(uuid.UUID(bytes=self.rng.randbytes(16), version=4))

    def imei(self) -> str:
        """Fifteen digits with a Luhn check digit."""
        digits = "35" + self.form("{D12}")
        total = 0
        for i, c in enumerate(reversed(digits)):
            d = int(c) * (2 if i % 2 == 0 else 1)
            total += d - 9 if d > 9 else d
        return digits + str(-total % 10)

    def device(self) -> str:
        """An advertising id, an Android id or an IMEI."""
        return self.rng.choice(
            (self.uuid().upper(), self.uuid(), self.form("{H16}"), self.imei())
        )

    def address(self) -> str:
        """One line."""
        parts = self.rng.choice(self.places).address().split("\n")
        return ", ".join(part for part in parts if part)

    def street(self) -> str:
        """Street and number, as the country writes them."""
        return str(self.rng.choice(self.places).street_address()).replace("\n", ", ")

    def _made(self, count: int) -> str:
        return "".join(self.rng.choices(_SYLLABLES.split(), k=count))

    def _ascii(self, text: str) -> str:
        kept = "".join(c for c in text.lower() if c in string.ascii_lowercase)
        return kept or self._made(2)

    def _latitude(self) -> str:
        return f"{self.rng.uniform(-60, 70):.{self.rng.choice((4, 5, 6))}f}"

    def _longitude(self) -> str:
        return f"{self.rng.uniform(-170, 170):.{self.rng.choice((4, 5, 6))}f}"

    def _dms(self) -> str:
        r = self.rng.randint
        lat = f"{r(1, 69)}°{r(10, 59)}'{r(10, 59)}\"{self.rng.choice('NS')}"
        return f"{lat} {r(1, 170)}°{r(10, 59)}'{r(10, 59)}\"{self.rng.choice('EW')}"

    def _iban(self) -> str:
        iban = self.rng.choice(self.places).iban()
        if self.rng.random() < 0.5:
            return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))
        return str(iban)

    def _card(self) -> str:
        number = self.places[0].credit_card_number()
        if len(number) == 16 and self.rng.random() < 0.6:
            return self.rng.choice(" -").join(number[i : i + 4] for i in (0, 4, 8, 12))
        return str(number)

    def _ssn(self) -> str:
        ssn = self.places[0].ssn()
        return str(self.rng.choice((ssn, ssn, ssn.replace("-", " "))))

    def _mac(self) -> str:
        mac = self.form("{H2}:{H2}:{H2}:{H2}:{H2}:{H2}")
        return self.rng.choice(
            (mac, mac.upper(), mac.replace(":", "-"), self.form("{H4}.{H4}.{H4}"))
        )

    def _licence(self) -> str:
        form = self.rng.choice(_LICENCES.split("|"))
        return self.form("{X5}{D6}{X2}{D1}{X2}" if form == "DVLA" else form)

    def _id_of(self, locale: str) -> str:
        return str(self.by_locale[locale].ssn())

    def makers(self) -> dict[str, tuple[str, Callable[[], str]]]:
        """Placeholder → (gold type, drawer)."""
        net, choice = self.places[0], self.rng.choice
        ids = ["en_GB", "de_DE", "es_ES", "it_IT", "pt_BR", "nl_NL", "pl_PL", "sv_SE"]

        def one(forms: str) -> Callable[[], str]:
            return lambda: self.form(choice(forms.split("|")))

        return {
            "PERSON": ("PERSON", self.person),
            "FIRST": ("PERSON", self.first),
            "LAST": ("PERSON", self.last),
            "EMAIL": ("EMAIL", self.email),
            "EMAIL_URL": ("EMAIL", lambda: urllib.parse.quote(self.email(), safe="")),
            "PHONE": ("PHONE", self.phone),
            "PHONE_PLAIN": ("PHONE", lambda: self.form("%2B49{D11}")),
            "CREDIT_CARD": ("CREDIT_CARD", self._card),
            "SSN": ("SSN", self._ssn),
            "IBAN": ("IBAN", self._iban),
            "IP": ("IP", lambda: choice((net.ipv4, net.ipv4, net.ipv4, net.ipv6))()),
            "IP6": ("IP", net.ipv6),
            "MAC": ("MAC", self._mac),
            "DEVICE_ID": ("DEVICE_ID", self.device),
            "IMEI": ("DEVICE_ID", self.imei),
            "ANDROID": ("DEVICE_ID", one("{H16}")),
            "UDID": ("DEVICE_ID", one("{H40}|{D8}-{H16}")),
            "SERIAL": ("DEVICE_ID", one("{X}{D2}{X2}{D3}{X4}|R{D2}M{D3}{X4}|{X4}{D8}")),
            "ADDRESS": ("ADDRESS", self.address),
            "ADDRESS_ML": ("ADDRESS", lambda: choice(self.places).address()),
            "STREET": ("ADDRESS", self.street),
            "POBOX": ("ADDRESS", one("{D3}|{D4}")),
            "USERNAME": ("USERNAME", self.username),
            "PASSWORD": ("PASSWORD", self.password),
            "PIN": ("PASSWORD", one("{D4}")),
            "API_KEY": ("API_KEY", self.api_key),
            "PASSPORT": ("PASSPORT", one(_PASSPORTS)),
            "DRIVER_LICENSE": ("DRIVER_LICENSE", self._licence),
            "BANK_ACCOUNT": ("BANK_ACCOUNT", one("{D8}|{D9}|{D10}|{D12}|{D4} {D4}")),
            "MRN": ("MRN", one(_MRNS)),
            "LAT": ("GEO", self._latitude),
            "LON": ("GEO", self._longitude),
            "GEO": ("GEO", lambda: f"{self._latitude()}, {self._longitude()}"),
            "DMS": ("GEO", self._dms),
            "NATIONAL_ID": ("NATIONAL_ID", lambda: self._id_of(choice(ids))),
            "NINO": ("NATIONAL_ID", lambda: self._id_of("en_GB")),
            "STEUER": ("NATIONAL_ID", one("{D2} {D3} {D3} {D3}|{D11}")),
            "CPF": ("NATIONAL_ID", lambda: self.by_locale["pt_BR"].cpf()),
            "DNI": ("NATIONAL_ID", lambda: self.by_locale["es_ES"].nif()),
            "CF": ("NATIONAL_ID", lambda: self._id_of("it_IT")),
            "AADHAAR": ("NATIONAL_ID", lambda: self.by_locale["en_IN"].aadhaar_id()),
            "PAN": ("NATIONAL_ID", one("{X3}P{X}{D4}{X}")),
            "NIR": ("NATIONAL_ID", lambda: self._id_of("fr_FR")),
            "BSN": ("NATIONAL_ID", lambda: self._id_of("nl_NL")),
            "PESEL": ("NATIONAL_ID", lambda: self._id_of("pl_PL")),
            "PNR": ("NATIONAL_ID", lambda: self._id_of("sv_SE")),
            "CITY": ("LOCATION", lambda: choice(self.places).city()),
            "ORG": ("ORG", net.company),
            "DATE": ("DATE_TIME", net.date),
        }
