"""Which values are none of their type: hand-made examples, and published numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import pytest

from optin.policies.national_ids import NATIONAL_IDS, is_national_id
from optin.policies.semantic_types import SEMANTIC_TYPES
from optin.transforms.deidentify.validity import has_check, unfit_rows

OPAQUE = {
    "cookie_id",
    "device_id",
    "event_id",
    "session_id",
    "user_id",
    "username",
}


def _unfit(
    name: str, values: Sequence[str | None], country: str | None = None
) -> list[int]:
    found = unfit_rows(pa.array(values, pa.string()), SEMANTIC_TYPES[name], country)
    return [n for n, one in enumerate(found.to_pylist()) if one]


def test_every_direct_identifier_but_opaque_ones_has_a_check() -> None:
    without = {
        name
        for name, kind in SEMANTIC_TYPES.items()
        if kind.direct_identifier and not has_check(kind)
    }
    assert without == OPAQUE


def test_country_when_written_in_many_ways() -> None:
    good = ["AT", "aut", "040", "Austria", " österreich ", "Autriche", "Turkey", "XK"]
    good += ["Deutschland", "日本", "YU", "South Korea", "Republic of Austria"]
    assert _unfit("country", [*good, None, "", "  "]) == []
    assert _unfit("country", ["Anna", "QQ", "999", "at home", "ATX"]) == [0, 1, 2, 3, 4]


def test_names_and_places_when_they_hold_no_letter() -> None:
    for name in ("person_name", "street_address", "city"):
        assert _unfit(name, ["Anna 3", "İ", "12345", "--"]) == [2, 3]


def test_birth_date_when_nobody_could_be_born_then() -> None:
    days = [dt.date(1849, 12, 31), dt.date(1850, 1, 1), None, dt.date(2151, 1, 1)]
    found = unfit_rows(pa.array(days, pa.date32()), SEMANTIC_TYPES["birth_date"])
    assert found.to_pylist() == [True, False, False, True]


def test_national_id_when_the_country_is_not_said() -> None:
    good = ["1237 010180", "ABCD123456", "536-90-4399", "QQ 12 34 56 C"]
    assert _unfit("national_id", good) == []
    assert _unfit("national_id", ["Anna", "123", "a@1234.com", "1" * 21]) == [
        0,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize(
    ("country", "number"),
    [
        # Examples that issuers or encyclopedias print; none is a living person's.
        ("AT", "1237 010180"),
        ("BR", "529.982.247-25"),
        ("EE", "37605030299"),
        ("ES", "54362315K"),
        ("FI", "131052-308T"),
        ("IT", "RCCMNL83S18D969H"),
        ("PL", "44051401359"),
        ("SE", "8803200016"),
        ("SI", "0101006500006"),
        ("US", "536-90-4399"),
    ],
)
def test_national_id_when_its_country_is_said(country: str, number: str) -> None:
    assert _unfit("national_id", [number, number.lower()], country) == []
    # One digit off: every check but the American one has check digits.
    place = max(n for n, char in enumerate(number) if char.isdigit())
    other = str((int(number[place]) + 1) % 10)
    wrong = number[:place] + other + number[place + 1 :]
    assert _unfit("national_id", [wrong, "Anna"], country)[-1] == 1
    if country != "US":
        assert not is_national_id(wrong, country)


def test_national_ids_when_each_check_is_loaded() -> None:
    for country in NATIONAL_IDS:
        assert not is_national_id("Anna", country), country
