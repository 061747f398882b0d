"""A policy while it is being checked: some parts good, some not, all of them located.

Checks ask a draft for values and get nothing for what is absent, ill-typed or already
refused, so that one fault never hides another and never counts twice.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .semantic_types import SemanticType
from .yaml_source import POISON, Mark, Path_, Source

__all__ = ["ColumnDraft", "Draft", "did_you_mean", "listing", "shown"]


class Draft:
    """The values of a policy file by path, and the findings about them.

    Attributes:
        source: the file as read; findings go there.
        folder: the policy file's folder: relative paths in the policy start here.
        touched: paths of everything that has a finding.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self.touched: set[Path_] = set(source.broken)

    def raw(self, path: Path_) -> object:
        """Give the value at `path` whatever it is; `POISON` if there is none."""
        value: object = self.source.data
        for part in path:
            if isinstance(value, dict):
                value = value.get(part, POISON)
            elif isinstance(value, list) and isinstance(part, int):
                value = value[part] if 0 <= part < len(value) else POISON
            else:
                return POISON
        return value

    def get(self, *path: str | int) -> object:
        """Give the sound value at `path`; None if absent, null or refused."""
        if self.is_broken(path):
            return None
        value = self.raw(path)
        return None if value is POISON else value

    def has(self, *path: str | int) -> bool:
        """Tell whether the file gives a value at `path`, sound or not; null is none."""
        value = self.raw(path)
        return value is not None and (value is not POISON or path in self.source.broken)

    def text(self, *path: str | int) -> str | None:
        """Give the text at `path`, or None."""
        value = self.get(*path)
        return value if isinstance(value, str) else None

    def number(self, *path: str | int) -> float | int | None:
        """Give the number at `path`, or None."""
        value = self.get(*path)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return value

    def flag(self, *path: str | int) -> bool:
        """Tell whether `path` is true."""
        return self.get(*path) is True

    def keys(self, *path: str | int) -> tuple[str, ...]:
        """Give the keys of the mapping at `path`; none if it is no mapping."""
        value = self.get(*path)
        return tuple(value) if isinstance(value, dict) else ()

    def count(self, *path: str | int) -> int:
        """Give the length of the list at `path`; 0 if it is no list."""
        value = self.get(*path)
        return len(value) if isinstance(value, list) else 0

    def texts(self, *path: str | int) -> list[tuple[Path_, str]]:
        """Give the texts of a list with the path of each; a lone text is a list of one."""
        alone = self.text(*path)
        if alone is not None:
            return [(path, alone)]
        found = []
        for index in range(self.count(*path)):
            value = self.text(*path, index)
            if value is not None:
                found.append(((*path, index), value))
        return found

    def is_broken(self, path: Path_) -> bool:
        """Tell whether the value, or one that holds it, is refused already."""
        broken = self.source.broken
        return any(path[:length] in broken for length in range(len(path) + 1))

    def is_touched(self, path: Path_) -> bool:
        """Tell whether there is a finding at `path` or below it."""
        return any(other[: len(path)] == path for other in self.touched)

    def mark(self, path: Path_, *, key: bool = False) -> Mark:
        """Give the place of a value (or its key), else of the nearest that holds it."""
        source = self.source
        if key and path in source.keys:
            return source.keys[path]
        while path:
            if path in source.values:
                return source.values[path]
            path = path[:-1]
        return source.values.get((), Mark(1, 1))

    def home(self, path: Path_) -> Mark:
        """Give the place of a mapping as a reader names it: its key, or its start."""
        return self.mark(path, key=True)

    def report(
        self, code: str, message: str, path: Path_, *, key: bool = False
    ) -> None:
        """Note a finding about the value (or the key) at `path`."""
        self.touched.add(path)
        self.source.add(code, message, self.mark(path, key=key))

    def refuse(
        self, code: str, message: str, path: Path_, *, key: bool = False
    ) -> None:
        """Note a finding and take the value out of all later checks."""
        self.report(code, message, path, key=key)
        self.source.broken.add(path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give ` Did you mean 'x'?` for the nearest known word, or nothing.

    >>> did_you_mean("opnrtb", ["openrtb", "adjust_raw"])
    " Did you mean 'openrtb'?"
    """
    names = list(known)
    folded = {name.lower(): name for name in reversed(names)}
    lowered = word.lower()[:80]
    near = difflib.get_close_matches(lowered, list(folded), n=1, cutoff=0.6)
    return f" Did you mean '{folded[near[0]]}'?" if near else ""


def listing(words: Iterable[str]) -> str:
    """Join words for a message: `'a', 'b' or 'c'`."""
    quoted = [f"'{word}'" for word in words]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


def shown(word: object) -> str:
    """Quote a word of the policy for a message, on one line and not too long."""
    text = " ".join(str(word).split())
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


@dataclass(frozen=True)
class ColumnDraft:
    """What is sound of one entry of `columns:`.

    Attributes:
        path: where it stands.
        name: its name, if sound.
        semantic: its type, if it is one.
        action: its action, if it is one.
        quasi: whether the policy means it as a quasi-identifier, here or by name.
    """

    path: Path_
    name: str | None
    semantic: SemanticType | None
    action: str | None
    quasi: bool
