"""A cheap first look at a text: which patterns can match it at all.

Each pattern is widened to one that RE2 can read and that matches wherever the pattern
does; all of them are searched for in one pass (RE2::Set). What the widened pattern
misses the pattern misses too, so the costly one need not run.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from re import _constants as c  # type: ignore[attr-defined]  # not in typeshed
from re import _parser as sre  # type: ignore[attr-defined]  # not in typeshed
from typing import Any

import re2

__all__ = ["Prefilter", "widen"]

_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL
# What `regex` reads otherwise than `re`, without an error of `re`: POSIX classes, and
# fuzzy counts such as {e<=1}. Set operations are a warning of `re`, the rest an error.
_FOREIGN = re.compile(r"\[:\^?\w+:\]|\{[^{}|]*[a-z<=][^{}|]*\}")
_PIECE = re.compile(r"\\p\{(?P<name>\w+)\}|\\.|.", re.DOTALL)
_MARKS = {r"\K": "", r"\z": r"\Z"}  # where a match begins; the end of the text
_OTHER = "\u0080-\U0010ffff"
_LETTERS = {
    "L": "A-Za-z" + _OTHER,
    "Latin": "A-Za-z" + _OTHER,
    "Ll": "a-z" + _OTHER,
    "Lu": "A-Z" + _OTHER,
    "Nd": "0-9" + _OTHER,
}
_ANY = "(?s:.)"
_NON_ASCII = r"\x{80}-\x{10ffff}"
# Letters outside ASCII that `regex` takes for one inside when case does not count.
_FOLDED = {"i": "\u0130\u0131", "k": "\u212a", "s": "\u017f"}
_LONGEST_COUNT = 8  # a longer counted repetition makes the automaton large
# Of one set: its automaton is built as texts need it, and thrown away when it is full.
# Less costs time (64 MiB: 30 microseconds a text). The second is for sets that do not
# fit into the first at all.
_MEMORY_BYTES = 64 << 20
_MOST_BYTES = 256 << 20
_CATEGORIES = {
    c.CATEGORY_DIGIT: "0-9" + _NON_ASCII,  # RE2's Unicode tables are older
    c.CATEGORY_WORD: r"\w" + _NON_ASCII,
    c.CATEGORY_SPACE: r"\t-\r\x1c-\x20" + _NON_ASCII,
}
_WORD = {n for n in range(128) if chr(n).isalnum() or n == ord("_")}
_BARRED = {  # of ASCII, what a category surely holds
    c.CATEGORY_DIGIT: set(range(ord("0"), ord("9") + 1)),
    c.CATEGORY_NOT_DIGIT: set(range(128)) - set(range(ord("0"), ord("9") + 1)),
    c.CATEGORY_WORD: _WORD,
    c.CATEGORY_NOT_WORD: set(range(128)) - _WORD,
    c.CATEGORY_SPACE: set(map(ord, "\t\n\v\f\r ")),
    c.CATEGORY_NOT_SPACE: set(range(128)) - set(range(9, 14)) - set(range(28, 33)),
}


def widen(pattern: str, flags: int) -> str | None:
    """Give an RE2 pattern that matches in every text in which `pattern` does.

    Anchors and word boundaries are dropped, and look-around that is not at one end; what depends on Unicode tables
    takes every letter outside ASCII, back references repeat the group's pattern.

    Args:
        pattern: as the package `regex` reads it.
        flags: of `regex`.

    Returns:
        Null if it cannot be said with certainty what the pattern means.
    """
    plain = _without_foreign(pattern)
    if flags & ~_FLAGS or plain is None or _FOREIGN.search(plain):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = sre.parse(plain, flags)
        if tree.state.flags & ~(_FLAGS | re.UNICODE):
            return None
        wide = _Widener(bool(tree.state.flags & re.IGNORECASE)).whole(tree)
        options = re2.Options()
        options.log_errors = False
        re2.compile(wide, options)
    except (re.error, re2.error, _UnclearError, Warning, RecursionError):
        return None
    return wide


def _without_foreign(pattern: str) -> str | None:
    r"""Write what `regex` alone knows so that `re` reads it, or something wider.

    These are classes of letters, `\K` and `\z`. Null where one of them is unclear.
    """
    unclear = False
    parts = []
    inside = -1  # where the open set of characters began
    for match in _PIECE.finditer(pattern):
        piece = match.group()
        if piece in _MARKS:
            unclear = unclear or inside >= 0
            piece = _MARKS[piece]
        elif match["name"]:
            letters = _LETTERS.get(match["name"])
            unclear = unclear or letters is None
            piece = f"{letters}" if inside >= 0 else f"[{letters}]"
        elif piece == "[" and inside < 0:
            inside = match.end() + pattern.startswith("^", match.end())
        elif piece == "]" and 0 <= inside < match.start():
            inside = -1
        parts.append(piece)
    return None if unclear else "".join(parts)


class _UnclearError(Exception):
    pass


class _Widener:
    """Writes a parsed pattern down again, wider."""

    def __init__(self, ignore_case: bool) -> None:
        self._ignore_case = ignore_case
        self._groups: dict[int, tuple[str, bool]] = {}

    def whole(self, items: Any) -> str:
        """Write all of a pattern: what it looks ahead at behind its end is beside it."""
        ends = [
            (kind, value)
            for kind, value in items
            if kind is not c.AT and kind is not c.ASSERT_NOT
        ]
        before = after = ""
        wide = self.sequence(items)
        if ends and ends[0][0] is c.ASSERT and ends[0][1][0] < 0:
            before = self.sequence(ends[0][1][1])
        if ends and ends[-1][0] is c.ASSERT and ends[-1][1][0] > 0:
            after = self.sequence(ends[-1][1][1])
        return before + wide + after

    def sequence(self, items: Any) -> str:
        return "".join(self._item(kind, value) for kind, value in items)

    def _item(self, kind: Any, value: Any) -> str:
        if kind is c.LITERAL:
            return f"[{self._char(value)}]"
        if kind is c.NOT_LITERAL:
            return self._outside([(c.LITERAL, value)])
        if kind is c.ANY:
            return _ANY
        if kind is c.IN:
            return self._set(value)
        if kind in (c.AT, c.ASSERT, c.ASSERT_NOT):
            return ""
        if kind is c.BRANCH:
            return f"(?:{'|'.join(self.sequence(branch) for branch in value[1])})"
        if kind is c.ATOMIC_GROUP:
            return f"(?:{self.sequence(value)})"
        if kind in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            return self._repeat(*value)
        if kind is c.SUBPATTERN:
            return self._group(*value)
        if kind is c.GROUPREF and value in self._groups:
            inside, ignored_case = self._groups[value]
            if ignored_case or not self._ignore_case:
                return inside
        raise _UnclearError

    def _group(self, number: int | None, added: int, removed: int, items: Any) -> str:
        if removed & ~re.IGNORECASE or added & ~_FLAGS:
            raise _UnclearError
        before = self._ignore_case
        self._ignore_case = not removed and (before or bool(added & re.IGNORECASE))
        inside = f"(?:{self.sequence(items)})"
        if number is not None:
            self._groups[number] = inside, self._ignore_case
        self._ignore_case = before
        return inside

    def _repeat(self, low: int, high: Any, items: Any) -> str:
        inside = f"(?:{self.sequence(items)})"
        if low > 1000:
            raise _UnclearError
        if low == 0 and high is c.MAXREPEAT:
            return inside + "*"
        if high is c.MAXREPEAT or high > _LONGEST_COUNT:
            if low <= 1:
                return inside + "*+"[low]
            return f"{inside}{{{low},}}"
        return f"{inside}{{{low},{high}}}"

    def _set(self, members: Any) -> str:
        if members[0][0] is c.NEGATE:
            return self._outside(members[1:])
        parts = []
        for kind, value in members:
            if kind is c.LITERAL:
                parts.append(self._char(value))
            elif kind is c.RANGE:
                parts.append(self._range(*value))
            elif kind is c.CATEGORY and value in _CATEGORIES:
                parts.append(_CATEGORIES[value])
            else:
                return _ANY
        return f"[{''.join(parts)}]"

    def _outside(self, members: Any) -> str:
        """Give the set of what is in none of some; all outside ASCII is in it.

        What only case makes equal to a member is in it as well.
        """
        barred: set[int] = set()
        for kind, value in members:
            if kind is c.LITERAL:
                barred.add(value)
            elif kind is c.RANGE:
                barred.update(range(value[0], min(value[1], 127) + 1))
            elif kind is c.CATEGORY and value in _BARRED:
                barred |= _BARRED[value]
        left = "".join(rf"\x{{{n:x}}}" for n in range(128) if n not in barred)
        return f"[{left}{_NON_ASCII}]"

    def _range(self, low: int, high: int) -> str:
        if high > 127:
            return self._char(high) + rf"\x{{{low:x}}}-\x{{{high:x}}}"
        chars = [chr(n) for n in range(low, high + 1)]
        if not self._ignore_case or not any(char.isalpha() for char in chars):
            return rf"\x{{{low:x}}}-\x{{{high:x}}}"
        return "".join(self._char(ord(char)) for char in chars)

    def _char(self, number: int) -> str:
        char = chr(number)
        if number > 127:
            return _NON_ASCII + ("IiKkSs" if self._ignore_case else "")
        if not self._ignore_case or not char.isalpha():
            return rf"\x{{{number:x}}}"
        lower = char.lower()
        return f"{lower}{lower.upper()}{_FOLDED.get(lower, '')}"


class Prefilter:
    """Many patterns looked for in one pass over a text.

    Guaranteed: a pattern that matches a text is among those given for it. If RE2 runs
    out of memory, all of them are.
    """

    def __init__(
        self, wide: Sequence[str | None], *, memory_bytes: int = _MEMORY_BYTES
    ) -> None:
        """Compile.

        Args:
            wide: RE2 patterns; null is given for every text.
            memory_bytes: that the automaton may take, if it works with that at all.
        """
        self._always = [i for i, pattern in enumerate(wide) if pattern is None]
        self._numbers = [i for i, pattern in enumerate(wide) if pattern is not None]
        for memory in (memory_bytes, _MOST_BYTES):
            self._set, self._sentinel = _compile(
                [wide[i] or "" for i in self._numbers], memory
            )
            if self._sentinel in self._set.Match(""):
                break
        self._all = list(range(len(wide)))

    def matching(self, text: str) -> list[int]:
        """Number the patterns that may match a text, in no particular order."""
        found = self._set.Match(text)
        if self._sentinel not in found:
            return self._all
        if len(found) == 1:
            return self._always
        numbers = self._numbers
        return self._always + [numbers[i] for i in found if i != self._sentinel]


def _compile(wide: Sequence[str], memory: int) -> tuple[Any, int]:
    """Give a set of patterns, and the number of one more that matches every text.

    If that one does not match, the set has failed, and says so only there.
    """
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    patterns = re2.Set.SearchSet(options)
    for pattern in wide:
        patterns.Add(pattern)
    sentinel = patterns.Add("")
    patterns.Compile()
    return patterns, sentinel
