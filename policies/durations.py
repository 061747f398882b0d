"""Durations as a policy writes them: `13mo`, `90d`, `72h`, `30min`."""

from __future__ import annotations

import re

from .draft import Draft, shown
from .yaml_source import Path_

__all__ = ["check_duration"]

_DURATION = re.compile(r"[1-9][0-9]{0,3}(min|h|d|w|mo)|[1-9][0-9]{0,2}y")
_AMBIGUOUS = re.compile(r"([0-9]+)\s*[mM]")


def check_duration(draft: Draft, path: Path_) -> None:
    """Note a finding if the text at `path` is no duration."""
    text = draft.text(*path)
    if text is None or _DURATION.fullmatch(text):
        return
    number = _AMBIGUOUS.fullmatch(text)
    if number:
        count = number.group(1)[:4]
        message = (
            f"{shown(text)}: m is ambiguous; write {count}mo (months) or {count}min"
        )
    else:
        message = (
            f"{shown(text)} is not a duration; write a whole number and min, h, d, w, "
            "mo or y, such as 13mo"
        )
    draft.report("E133", message, path)
