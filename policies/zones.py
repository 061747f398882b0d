"""Time zones of a policy: names, and instants that must carry one."""

from __future__ import annotations

import functools
import zoneinfo
from datetime import UTC, datetime

from .draft import Draft, did_you_mean, shown
from .yaml_source import Path_

__all__ = ["check_zone", "has_zone"]


def check_zone(draft: Draft, path: Path_, *, apart: bool = False) -> None:
    """Check `tz` of the time at `path`.

    Args:
        draft: the policy.
        path: the mapping with `unit` and `tz`.
        apart: the time is an instant of the policy's own, which carries its zone.
    """
    zone = draft.text(*path, "tz")
    if zone is None:
        return
    if zone not in _zones():
        message = f"unknown time zone {shown(zone)}.{did_you_mean(zone, _zones())}"
        draft.report("E114", f"{message} Use an IANA name", (*path, "tz"))
    elif apart or draft.text(*path, "unit") not in (None, "iso8601"):
        message = "'tz' is for texts without a zone ('field' with 'unit: iso8601')"
        draft.report("E116", message, (*path, "tz"), key=True)


def has_zone(text: str) -> bool:
    """Tell whether a text is an ISO 8601 instant with its zone."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.tzinfo is not None and bool(instant.astimezone(UTC))
    except (OverflowError, ValueError):
        return False


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) | {"UTC"}
