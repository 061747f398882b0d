"""Expected outcomes of `examples/openrtb/policy.yaml`, worked out by hand-written rules.

Plain Python over JSON, no code of the package: the decision table and the OpenRTB 2.6
field positions are read anew here, one record at a time, so that a fault in the gate
cannot hide in its own expectation.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

SUBJECT = ("device.ifa", "device.ext.ifv", "user.id", "user.buyeruid")
APPLE = {"iOS", "ios", "iPadOS", "tvOS"}
# AppTrackingTransparency: notDetermined 0, restricted 1, denied 2, authorized 3.
ATT = {
    "0": "ATT_NOT_DETERMINED",
    "1": "ATT_RESTRICTED",
    "2": "ATT_DENIED",
    "3": None,
}
# Where each veto sits, and the code its denial gives.
FLAGS = (
    ("MINOR", ("regs.coppa",)),
    ("VETO_LMT", ("device.lmt",)),
    ("VETO_DNT", ("device.dnt",)),
)
GPC = ("regs.gpc", "regs.ext.gpc")
STRINGS = (
    ("regs.gpp", "regs.ext.gpp"),
    ("regs.us_privacy", "regs.ext.us_privacy"),
    ("user.consent", "user.ext.consent"),
)
# The TC strings of the file, read bit by bit by hand: which of purposes 1 and 10 and
# vendor 744 lacks consent. All other texts there are placeholders and no TC strings.
TCF = {
    "CO-X2XiO_eyUo": "TCF_VENDOR_DENIED",  # purposes 1 to 10; 744 is not listed
    "COvFyGBOvFyGB": "TCF_PURPOSE_DENIED",  # purposes 1 to 3
    "CPdECS0PdECS0": "TCF_VENDOR_DENIED",  # all purposes; vendors up to 429
    "CPXxRfAPXxRfA": "TCF_PURPOSE_DENIED",  # no purpose at all
}
# GPP strings: the sections they carry. Section 6 is 1NYN, an opt-out of sale.
GPP = {"DBACNYA~": {2, 6}, "DBABMA~": {2}}


def at(record: dict[str, Any], path: str) -> str | None:
    """Give the text at a dotted path, or None where nothing stands."""
    here: Any = record
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return None if here is None else str(here).strip()


def is_zero(text: str) -> bool:
    """Tell whether an identifier is made of zeros alone: it names nobody."""
    return "0" in text and set(text) <= set("0-: ")


def first(record: dict[str, Any], *paths: str) -> str | None:
    """Give the first text of several places."""
    return next((at(record, path) for path in paths if at(record, path)), None)


def is_in_conflict(record: dict[str, Any]) -> bool:
    """Tell whether the two positions of a consent string differ."""
    return any(
        at(record, new) and at(record, old) and at(record, new) != at(record, old)
        for new, old in STRINGS
    )


def usp_code(text: str | None) -> str | None:
    """Judge a US Privacy string: version 1 and three of Y, N, -."""
    if text is None:
        return None
    if len(text) != 4 or text[0] != "1" or set(text[1:]) - set("YN-"):
        return "USP_MALFORMED"
    if text[2] == "-" and text != "1---":
        return "USP_MALFORMED"  # the law applies, and nobody says if they opted out
    return "VETO_USP" if text[2] == "Y" else None


def gpp_code(record: dict[str, Any]) -> str | None:
    """Judge a GPP string by the sections that apply to the record."""
    text = first(record, "regs.gpp", "regs.ext.gpp")
    if text is None:
        return None
    carried = next((ids for head, ids in GPP.items() if text.startswith(head)), None)
    if carried is None:
        return "GPP_MALFORMED"
    listed = record["regs"].get("gpp_sid") or record["regs"].get("ext", {}).get(
        "gpp_sid"
    )
    applies = set(listed or carried)
    if 6 in applies & carried:
        return "VETO_GPP"
    return "GPP_UNKNOWN_VALUE" if applies - carried else None


def tcf_code(record: dict[str, Any]) -> str | None:
    """Judge a TC string, where the GDPR applies or nobody says that it does not."""
    if first(record, "regs.gdpr", "regs.ext.gdpr") not in (None, "1"):
        return None
    text = first(record, "user.consent", "user.ext.consent")
    if text is None:
        return "TCF_MISSING"
    return next((TCF[head] for head in TCF if text.startswith(head)), "TCF_MALFORMED")


def att_code(record: dict[str, Any]) -> str | None:
    """Judge the ATT status, of Apple's systems or where no system is said."""
    system = at(record, "device.os")
    if system is not None and system not in APPLE:
        return None
    status = at(record, "device.ext.atts")
    return "ATT_MISSING" if status is None else ATT.get(status, "ATT_UNKNOWN_VALUE")


def is_asked(record: dict[str, Any]) -> bool:
    """Tell whether any requirement applies."""
    apple = at(record, "device.os") in (None, *APPLE)
    return apple or first(record, "regs.gdpr", "regs.ext.gdpr") in (None, "1")


def codes_of(record: dict[str, Any]) -> list[str]:
    """List the codes of one bid request by rows of the table; empty means keep."""
    if not isinstance(record.get("user", {}).get("ext", {}), dict):
        return ["BAD_TYPE"]
    found: list[str | None] = []
    names = [at(record, path) for path in SUBJECT]
    if all(name is None or name == "" or is_zero(name) for name in names):
        found.append("NO_SUBJECT")
    for code, paths in FLAGS:
        if any(at(record, path) == "1" for path in paths):
            found.append(code)
    if is_zero(at(record, "device.ifa") or ""):
        found.append("VETO_IFA_ZERO")
    usp = usp_code(first(record, "regs.us_privacy", "regs.ext.us_privacy"))
    strings = [usp, gpp_code(record)]
    found += [code for code in strings if code and code.startswith("VETO")]
    if any(at(record, path) == "1" for path in GPC):
        found.append("VETO_GPC")
    asked = [att_code(record), tcf_code(record)]
    for ending in ("_DENIED", "_RESTRICTED", "_NOT_DETERMINED", "_MALFORMED"):
        found += [c for c in (*strings, *asked) if c and c.endswith(ending)]
    if is_in_conflict(record):
        found.append("CONFLICT")
    for ending in ("_MISSING", "_UNKNOWN_VALUE"):
        found += [c for c in (*strings, *asked) if c and c.endswith(ending)]
    if not is_asked(record):
        found.append("PURPOSE_NOT_GRANTED")
    return [code for code in found if code]


def expected_counts(path: Path) -> Counter[str]:
    """Count the records of a file by primary code, `KEEP` among them."""
    with path.open(encoding="utf-8") as lines:
        records = [json.loads(line)["bid_request"] for line in lines]
    return Counter((codes_of(record) or ["KEEP"])[0] for record in records)


def expected_lines(path: Path) -> Counter[tuple[str, ...]]:
    """Count the records of a file by all their codes."""
    with path.open(encoding="utf-8") as lines:
        records = [json.loads(line)["bid_request"] for line in lines]
    return Counter(tuple(sorted(set(codes_of(record)))) for record in records)
