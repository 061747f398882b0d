"""Hierarchies by name: single values, sources and what is outside."""

from __future__ import annotations

import pycountry
import pytest

from optin.policies.hierarchy_builtin import (
    BUILTIN_LEVELS,
    BUILTINS,
    builtin_labels,
)


@pytest.mark.parametrize(
    ("name", "value", "labels"),
    [
        ("age", 0, ("0", "[0, 5)", "[0, 10)", "[0, 20)")),
        ("age", 37.9, ("37", "[35, 40)", "[30, 40)", "[20, 40)")),
        ("age", 79, ("79", "[75, 80)", "[70, 80)", "[60, 80)")),
        ("age", 89, ("89", "[85, 90)", "[80, 90)", "80+")),
        ("age", 90, ("90+", "90+", "90+", "80+")),
        ("age", 130, ("90+", "90+", "90+", "80+")),
        ("country", "deu", ("DE", "Western Europe", "Europe")),
        ("country", "Kenya", ("KE", "Eastern Africa", "Africa")),
        ("country", "TW", ("TW", "Eastern Asia", "Asia")),
        ("country", "US", ("US", "Northern America", "Americas")),
        ("us_zip", "10001", ("10001", "100**", "NY", "Middle Atlantic")),
        ("us_zip", "00501", ("00501", "005**", "NY", "Middle Atlantic")),
        ("us_zip", "60601-1234", ("60601", "606**", "IL", "East North Central")),
        ("us_zip", "00901", ("00901", "009**", "PR", "Island areas")),
        ("us_zip", "09012", ("09012", "090**", "AE", "Military")),
        ("device_model", "iPhone14,2", ("iPhone14,2", "Apple phone", "phone")),
        ("device_model", "iPad13,18", ("iPad13,18", "Apple tablet", "tablet")),
        ("device_model", "SM-S911B", ("SM-S911B", "Samsung phone", "phone")),
        ("device_model", "SM-X700", ("SM-X700", "Samsung tablet", "tablet")),
        ("device_model", "Pixel 8", ("Pixel 8", "Google phone", "phone")),
        ("device_model", "Pixel Tablet", ("Pixel Tablet", "Google tablet", "tablet")),
        ("device_model", "Redmi Note 8", ("Redmi Note 8", "Xiaomi phone", "phone")),
        ("device_model", "VOG-L29", ("VOG-L29", "Huawei or Honor phone", "phone")),
        # Outside. ------------------------------------------------------------
        ("age", -1, None),
        ("age", 131, None),
        ("age", float("nan"), None),
        ("age", "old", None),
        ("country", "Atlantis", None),
        ("country", "", None),
        ("us_zip", "9411", None),
        ("us_zip", "00000", None),  # no area 000
        ("us_zip", "94110 San Francisco", None),
        ("us_zip", "٩٤١١٠", None),  # digits of another script
        ("device_model", "FP5", None),
        ("device_model", "my iPhone14,2", None),
    ],
)
def test_labels(name: str, value: object, labels: tuple[str, ...] | None) -> None:
    assert builtin_labels(name, value) == labels


def test_every_country_has_a_region_and_a_continent() -> None:
    found = {
        one.alpha_2: builtin_labels("country", one.alpha_2)
        for one in pycountry.countries
    }
    assert all(labels and labels[0] == code for code, labels in found.items())
    # M49 has five continents; Antarctica stands alone.
    assert {labels[2] for labels in found.values() if labels} == {
        *["Africa", "Americas", "Antarctica", "Asia", "Europe", "Oceania"]
    }


def test_every_state_has_one_division() -> None:
    rows = [builtin_labels("us_zip", f"{area:03}01") for area in range(1000)]
    divisions: dict[str, set[str]] = {}
    for row in rows:
        if row is not None:
            divisions.setdefault(row[2], set()).add(row[3])
    assert all(len(found) == 1 for found in divisions.values())
    # 50 states and the capital, beside islands and the military.
    states = {s for s, d in divisions.items() if not d & {"Island areas", "Military"}}
    assert len(states) == 51
    assert {d for found in divisions.values() for d in found} >= {"Mountain", "Pacific"}


def test_every_name_has_words_for_its_levels() -> None:
    examples = {"age": 5, "country": "AT", "us_zip": "94110", "device_model": "Pixel 8"}
    assert set(BUILTINS) == set(BUILTIN_LEVELS) == set(examples)
    for name, value in examples.items():
        labels = builtin_labels(name, value)
        assert labels is not None
        assert len(labels) == len(BUILTIN_LEVELS[name]) + 1
