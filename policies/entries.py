"""Where the entries of `require:` and `veto:` stand, those of rules included."""

from __future__ import annotations

from .draft import Draft
from .yaml_source import Path_

__all__ = ["entry_homes", "entry_paths"]


def entry_homes(draft: Draft) -> list[Path_]:
    """Give the places that hold entries: the consent block, then each rule."""
    count = draft.count("consent", "rules")
    return [("consent",), *(("consent", "rules", index) for index in range(count))]


def entry_paths(draft: Draft, *words: str) -> list[Path_]:
    """Give the place of every entry of the lists `words`, home by home."""
    return [
        (*home, word, index)
        for home in entry_homes(draft)
        for word in words
        for index in range(draft.count(*home, word))
    ]
