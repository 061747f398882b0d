"""What a policy might say of each column: by its name, and by what its values look like."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace

from ...policies.column_names import COLUMN_NAMES
from ...policies.countries import country_of
from .levels import is_geohash, known_to, levels_of_codes, levels_of_numbers
from .sample import Look

__all__ = ["MAX_NODES", "Proposed", "propose_column", "within_reach"]

MAX_NODES = 300_000
"""Most combinations of levels that a draft asks a run to search."""

_MOST_QUASI = 12
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_MAC = re.compile(r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.IGNORECASE)
_TIME_WORDS = {"ts", "time", "timestamp", "date", "datetime", "at", "created", "when"}
_EPOCHS = (("s", 1e9, 4e9), ("ms", 1e12, 4e12), ("us", 1e15, 4e15))


@dataclass(frozen=True)
class Proposed:
    """One entry of `columns:`.

    Attributes:
        name: of the column.
        type: its type.
        settings: what else the entry says, as the policy writes it.
        why: for the reader.
        levels: levels of a quasi-identifier, `*` and value included; 0 of any other.
        rank: of a quasi-identifier: how well it tells people apart, 0 best.
    """

    name: str
    type: str
    settings: dict[str, str] = field(default_factory=dict)
    why: str = ""
    levels: int = 0
    rank: int = 9

    @property
    def unit(self) -> str | None:
        """How times are written, if it is one."""
        times = ("timestamp", "date")
        return self.settings.get("unit", "iso8601") if self.type in times else None


def propose_column(look: Look, subject: tuple[str, ...]) -> Proposed:
    """Propose an entry for a column.

    Args:
        look: at its values.
        subject: columns that the user says name people.
    """
    if look.name in subject:
        return Proposed(look.name, "user_id", {"action": "drop"}, "names a person")
    for rule in (_identifier, _time, _person, _place, _device):
        found = rule(look)
        if found is not None:
            return found
    return _plain(look)


def within_reach(columns: list[Proposed]) -> list[Proposed]:
    """Drop the weakest quasi-identifiers where there are too many to search."""
    nodes = 1
    kept: set[str] = set()
    for column in sorted(columns, key=lambda one: one.rank):
        if not column.levels:
            continue
        if len(kept) < _MOST_QUASI and nodes * column.levels <= MAX_NODES:
            nodes *= column.levels
            kept.add(column.name)
    why = (
        "may tell people apart; dropped, since there are many such: keep what you need"
    )
    return [
        column
        if not column.levels or column.name in kept
        else replace(
            column,
            settings={"action": "drop"}
            | {
                key: column.settings[key] for key in ("unit",) if key in column.settings
            },
            why=why,
            levels=0,
        )
        for column in columns
    ]


def _quasi(
    look: Look,
    kind: str,
    rank: int,
    why: str,
    levels: tuple[str | None, int] = (None, 0),
    **settings: str,
) -> Proposed:
    given = {"action": "keep", **settings, "quasi": "true"}
    if levels[0] is not None:
        given["hierarchy"] = levels[0]
    return Proposed(look.name, kind, given, why, levels[1] + 2, rank)


def _identifier(look: Look) -> Proposed | None:
    drop = {"action": "drop"}
    if look.share(_EMAIL.fullmatch) > 0.5:
        return Proposed(look.name, "email", drop, "names a person")
    if look.share(_MAC.fullmatch) > 0.5:
        return Proposed(look.name, "mac_address", drop, "names a device")
    if look.kind == "text" and look.share(_is_address) > 0.5:
        return Proposed(
            look.name,
            "ip_address",
            {
                "action": "truncate",
                "bits": "24",
                "quasi": "true",
                "hierarchy": "{ip: [16, 8], outside: suppress}",
            },
            "networks; of IPv6 twice as many bits",
            4,
            5,
        )
    if look.kind in ("boolean", "date", "time"):
        return None
    flag = look.kind == "integer" and look.numbers.max() <= 1  # names nobody
    for pattern, kind in COLUMN_NAMES:
        if look.called(pattern) and not flag:
            if kind == "event_id":
                settings = {"action": "hmac"}
                return Proposed(look.name, kind, settings, "names a record")
            return Proposed(look.name, kind, drop, "names a person or device")
    if look.called("id|uuid|guid|key|token") or look.share(_UUID.fullmatch) > 0.5:
        if look.uniqueness < 0.5 and not look.share(_UUID.fullmatch) > 0.5:
            return _quasi(look, "category", 8, "an identifier that many records share")
        return Proposed(
            look.name, "string", drop, "a key: dropped until you know what it names"
        )
    return None


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _time(look: Look) -> Proposed | None:
    if look.called("birth_?date|date_of_birth|dob|birthday") and look.kind == "date":
        settings = {"action": "time_truncate", "period": "year", "quasi": "true"}
        settings["hierarchy"] = "{prefix: [3]}"
        return Proposed(look.name, "birth_date", settings, "year, decade", 3, 0)
    if look.kind == "date":
        levels = "{dates: [month, quarter, year]}"
        return _quasi(look, "date", 3, "calendar units", (levels, 3))
    unit = "iso8601" if look.kind == "time" else _epoch(look)
    if unit is None:
        return None
    settings = {"action": "time_truncate", "period": "day"}
    settings |= {"unit": unit} if unit != "iso8601" else {}
    levels = "{dates: [month, quarter, year]}"
    return _quasi(look, "timestamp", 4, "calendar units", (levels, 3), **settings)


def _epoch(look: Look) -> str | None:
    if look.kind != "integer" or not _TIME_WORDS & set(look.words):
        return None
    for unit, low, high in _EPOCHS:
        if ((low <= look.numbers) & (look.numbers <= high)).mean() > 0.9:
            return unit
    return None


def _person(look: Look) -> Proposed | None:
    whole = look.kind == "integer"
    if whole and look.called("yob|birth_?year|year_of_birth"):
        levels = "{widths: [5, 10, 20]}"
        return _quasi(look, "birth_year", 0, "intervals of years", (levels, 3))
    ages = whole and look.numbers.min() >= 0 and look.numbers.max() <= 130
    if ages and look.called("age|age_years"):
        return _quasi(look, "age_years", 0, "bands; 90 and over is one", ("age", 3))
    if look.called("gender|sex"):
        return _quasi(look, "gender", 0, "as it is, or *")
    return None


def _place(look: Look) -> Proposed | None:
    named = look.called("country(_?code|_?name)?|native_country|nationality")
    known = look.share(country_of)
    if named and known > 0.8:
        levels = ("{builtin: country, outside: suppress}", 2)
        return _quasi(look, "country", 1, "region, continent", levels)
    if look.called("zip|zip_?code|postal|postal_?code|postcode|plz"):
        if known_to(look, "us_zip") > 0.9:
            levels = ("{builtin: us_zip, outside: suppress}", 3)
            why = "three digits, state, division"
            return _quasi(look, "postal_code", 1, why, levels)
        return _quasi(
            look, "postal_code", 1, "leading characters", levels_of_codes(look)
        )
    if look.called("geohash|geo_hash") and is_geohash(look):
        levels_ = levels_of_codes(look)
        return _quasi(look, "category", 1, "larger and larger cells", levels_)
    if look.called("lat|latitude|lon|lng|long|longitude") and len(look.numbers):
        kind = "latitude" if look.called("lat|latitude") else "longitude"
        levels = ("{widths: [0.5, 1, 5, 10]}", 4)
        return _quasi(look, kind, 2, "degrees", levels)
    for pattern, kind in (("city|town", "city"), ("region|state|province", "region")):
        if look.called(pattern) and look.kind == "text":
            why = "as it is, or *; a table of larger areas would lose less"
            return _quasi(look, kind, 2, why)
    return None


def _device(look: Look) -> Proposed | None:
    if look.called("ua|user_agent"):
        why = "so much of it is rare that it names devices"
        return Proposed(look.name, "user_agent", {"action": "drop"}, why)
    model = look.kind == "text" and look.called("(device_)?(model|hwv|device)")
    if model and known_to(look, "device_model") > 0.5:
        levels = ("{builtin: device_model, outside: suppress}", 2)
        return _quasi(look, "category", 2, "vendor, kind of device", levels)
    return None


def _plain(look: Look) -> Proposed:
    if look.kind == "boolean":
        return Proposed(look.name, "boolean", {"action": "keep"}, "")
    if look.kind in ("integer", "number"):
        levels, count, why = levels_of_numbers(look)
        return _quasi(look, look.kind, 6, why, (levels, count))
    if look.share(lambda value: "://" in value) > 0.5:
        why = "addresses of pages hold names and searches"
        return Proposed(look.name, "string", {"action": "drop"}, why)
    spaces = look.share(lambda value: value.count(" ") >= 3)
    if spaces > 0.3 or look.share(lambda value: len(value) > 60) > 0.3:
        why = "text that people wrote: personal data in it is replaced"
        return Proposed(look.name, "free_text", {"action": "scan"}, why)
    if look.uniqueness > 0.5 and look.variety > _MOST_QUASI:
        why = "hardly any value comes twice: dropped until you know what it is"
        return Proposed(look.name, "string", {"action": "drop"}, why)
    why = "as it is, or *; a table (leaf;level1;…;*) would lose less"
    return _quasi(look, "category", 5, why)
