"""Countries and the sets of them that rules of law speak of.

Codes and names are those of ISO 3166-1, through pycountry. The sets are the members of
the European Union (europa.eu, EU countries) with the parts of them that have a code of
their own and where its law applies (TFEU, articles 349 and 355), those of the European
Economic Area (EFTA, EEA Agreement) and the United Kingdom, whose law kept the GDPR.
"""

from __future__ import annotations

import functools
import gettext
from pathlib import Path

import pycountry

__all__ = ["COUNTRY_SETS", "country_of", "is_country", "spelled"]

_EU = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
_EEA = f"{_EU} IS LI NO"

COUNTRY_SETS: dict[str, frozenset[str]] = {
    "EU": frozenset(_EU.split()),
    "EEA": frozenset(_EEA.split()),
    "EEA_UK": frozenset(f"{_EEA} GB".split()),
    "EEA_UK_CH": frozenset(f"{_EEA} GB CH".split()),
}
"""Name of a set → ISO 3166-1 codes of two letters."""

_ALSO = {"uk": "GB", "great britain": "GB", "el": "GR", "usa": "US", "russia": "RU"}


@functools.lru_cache(maxsize=4096)
def country_of(text: str) -> str | None:
    """Give the code of two letters of a country, or None if there is none of the name.

    Takes codes of two and three letters and English names, in any case.

    >>> [country_of(text) for text in ("DEU", "Germany", "uk", "DE-BY", "somewhere")]
    ['DE', 'DE', 'GB', None, None]
    """
    stripped = text.strip()
    word = stripped.casefold()
    if len(word) != len(stripped):  # a sharp s is not South Sudan
        return None
    if word in _ALSO:
        return _ALSO[word]
    if not word or word.isdigit():
        return None
    try:
        code: str = pycountry.countries.lookup(word).alpha_2
    except LookupError:
        return None
    return code


def is_country(text: str) -> bool:
    """Tell whether a text is a country's code or name, whatever the language.

    Besides what `country_of` takes: numeric codes, codes and names of countries that are
    no more, `XK` for Kosovo, and the names in the languages that pycountry comes with.

    >>> [is_country(text) for text in ("040", "Österreich", "XK", "Anna")]
    [True, True, True, False]
    """
    word = text.strip().casefold()
    if country_of(word) is not None or word in _OTHERS:
        return True
    if word.isdigit():
        return pycountry.countries.get(numeric=word) is not None
    return word in _names()


_OTHERS = frozenset(
    {"brunei", "burma", "cape verde", "england", "holland", "ivory coast", "kosovo"}
    | {"macedonia", "northern ireland", "palestine", "republic of korea", "scotland"}
    | {"swaziland", "the netherlands", "turkey", "u.k.", "u.s.", "u.s.a.", "uae"}
    | {"ussr", "vatican", "wales", "xk"}
)


@functools.lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Read all names of countries in all languages: half a second, where it is needed."""
    names: set[str] = set()
    for old in pycountry.historic_countries:
        names.update((old.alpha_4, old.name))
        names.update(getattr(old, code, None) or "" for code in ("alpha_2", "alpha_3"))
    official = {
        getattr(country, field, "")
        for country in pycountry.countries
        for field in ("name", "official_name", "common_name")
    }
    for path in Path(pycountry.LOCALES_DIR).glob("*/LC_MESSAGES/iso3166-1.mo"):
        with path.open("rb") as stream:
            translated = gettext.GNUTranslations(stream)
        names.update(translated.gettext(name) for name in official if name)
    return frozenset(name.casefold() for name in names if name)


def spelled(name: str) -> frozenset[str]:
    """Give the codes that a word of a condition stands for: a set, or one country."""
    if name in COUNTRY_SETS:
        return COUNTRY_SETS[name]
    code = country_of(name)
    return frozenset() if code is None else frozenset((code,))
