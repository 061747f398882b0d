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


def at(record: dict[str, Any], path: str) -> str | None:
    """Give the text at a dotted path, or None where nothing stands."""
    here: Any = record
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return None if here is None else str(here).strip()


def is_zero(text: str) -> bool:
    """Tell whether an identifier is made of zeros alone: it names nobody."""
    return "0" in text and set(text) <= set("0-: ")


def codes_of(record: dict[str, Any]) -> list[str]:
    """List every code of one bid request, strongest first; empty means keep."""
    found = []
    names = [at(record, path) for path in SUBJECT]
    if all(name is None or name == "" or is_zero(name) for name in names):
        found.append("NO_SUBJECT")
    for code, paths in FLAGS:
        if any(at(record, path) == "1" for path in paths):
            found.append(code)
    if is_zero(at(record, "device.ifa") or ""):
        found.append("VETO_IFA_ZERO")
    if any(at(record, path) == "1" for path in GPC):
        found.append("VETO_GPC")
    system = at(record, "device.os")
    if system is not None and system not in APPLE:
        found.append("PURPOSE_NOT_GRANTED")  # no requirement applies to it
        return found
    # No system is said, or an Apple one: ATT must grant.
    status = at(record, "device.ext.atts")
    verdict = "ATT_MISSING" if status is None else ATT.get(status, "ATT_UNKNOWN_VALUE")
    if verdict is not None:
        found.append(verdict)
    return found


def expected_counts(path: Path) -> Counter[str]:
    """Count the records of a file by primary code, `KEEP` among them."""
    with path.open(encoding="utf-8") as lines:
        records = [json.loads(line)["bid_request"] for line in lines]
    return Counter((codes_of(record) or ["KEEP"])[0] for record in records)
