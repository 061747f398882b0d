"""Personal numbers by country, through python-stdnum: which have a check, and which fit.

Without its country nearly any number is somebody's: the checks of all countries together
pass every second number of 11 digits. So a column says `country:`, or only the shape of
its values is looked at.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache

__all__ = ["NATIONAL_IDS", "is_national_id"]

NATIONAL_IDS: dict[str, tuple[str, ...]] = {
    "AL": ("al.nipt",),
    "AR": ("ar.dni", "ar.cuit"),
    "AT": ("at.vnr",),
    "BA": ("si.emso",),
    "BE": ("be.ssn",),
    "BG": ("bg.egn", "bg.pnf"),
    "BR": ("br.cpf",),
    "CA": ("ca.sin",),
    "CH": ("ch.ssn",),
    "CL": ("cl.rut",),
    "CN": ("cn.ric",),
    "CR": ("cr.cpf", "cr.cr"),
    "CU": ("cu.ni",),
    "CZ": ("cz.rc",),
    "DE": ("de.idnr",),
    "DK": ("dk.cpr",),
    "DO": ("do.cedula",),
    "EC": ("ec.ci",),
    "EE": ("ee.ik",),
    "ES": ("es.dni", "es.nie"),
    "FI": ("fi.hetu",),
    "FR": ("fr.nir", "fr.nif"),
    "GR": ("gr.amka",),
    "HR": ("hr.oib",),
    "ID": ("id.nik",),
    "IE": ("ie.pps",),
    "IL": ("il.idnr",),
    "IN": ("in_.aadhaar", "in_.pan"),
    "IS": ("is_.kennitala",),
    "IT": ("it.codicefiscale",),
    "JP": ("jp.in_",),
    "KR": ("kr.rrn",),
    "LT": ("lt.asmens",),
    "ME": ("si.emso",),
    "MK": ("si.emso",),
    "MU": ("mu.nid",),
    "MX": ("mx.curp",),
    "MY": ("my.nric",),
    "NL": ("nl.bsn",),
    "NO": ("no.fodselsnummer",),
    "PE": ("pe.cui",),
    "PK": ("pk.cnic",),
    "PL": ("pl.pesel",),
    "PT": ("pt.nif", "pt.cc"),
    "RO": ("ro.cnp",),
    "RS": ("si.emso",),
    "SE": ("se.personnummer",),
    "SI": ("si.emso",),
    "SK": ("sk.rc",),
    "TH": ("th.pin",),
    "TR": ("tr.tckimlik",),
    "UA": ("ua.rntrc",),
    "US": ("us.ssn", "us.itin"),
    "VE": ("ve.rif",),
    "ZA": ("za.idnr",),
}
"""Country (ISO 3166 code of two letters) → checks of python-stdnum, one of which must
pass. Serbia and its neighbours share the number of Yugoslavia."""


def is_national_id(text: str, country: str) -> bool:
    """Tell whether a text is a personal number of a country, check digits and all.

    Args:
        text: the number, with or without separators, in any case.
        country: a key of `NATIONAL_IDS`.
    """
    plain = text.strip().upper()
    return any(check(plain) for check in _checks(country))


@lru_cache(maxsize=64)
def _checks(country: str) -> tuple[Callable[[str], bool], ...]:
    names = NATIONAL_IDS[country]
    return tuple(importlib.import_module(f"stdnum.{name}").is_valid for name in names)
