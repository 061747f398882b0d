"""Reads a policy file: plain values, and where in the file each of them stands.

YAML lets a file mean something else than it shows: `No` is false, `010` is eight,
`12:30:00` is 45000, a key given twice wins silently, an alias may unfold without end.
Each of these is a finding here, located, instead of a surprise later. The file is read
as a stream of events, so no document can exhaust the stack.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import Finding
from .yaml_scalars import Trap, control_trap, read_plain

__all__ = ["POISON", "Mark", "Path_", "Source", "read_source"]

Path_ = tuple[str | int, ...]
"""Where a value stands: `("columns", 0, "name")`."""

MAX_BYTES = 512 * 1024
MAX_DEPTH = 32
MAX_VALUES = 50_000

_BREAKS = "\n\r\x85\u2028\u2029"


class _Poison:
    """Stands for a value that already has a finding."""

    def __repr__(self) -> str:
        return "POISON"


POISON = _Poison()


@dataclass(frozen=True, order=True)
class Mark:
    """A 1-based place in the file."""

    line: int
    column: int


@dataclass
class Source:
    """A policy file as read.

    Attributes:
        file: path as the user gave it.
        data: mappings, lists and scalars; a value with a finding is `POISON`.
        values: where each value starts.
        keys: where each key starts.
        broken: paths of the values that already have a finding.
        dates: paths of unquoted dates (kept as text in `data`).
        findings: what was found so far, in file order.
        usable: whether the document could be read to its end.
    """

    file: str
    data: dict[str, object] = field(default_factory=dict)
    values: dict[Path_, Mark] = field(default_factory=dict)
    keys: dict[Path_, Mark] = field(default_factory=dict)
    broken: set[Path_] = field(default_factory=set)
    dates: set[Path_] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    usable: bool = False

    def add(self, code: str, message: str, mark: Mark) -> None:
        """Note a finding at a place of the file."""
        self.findings.append(Finding(self.file, mark.line, mark.column, code, message))


class _Refused(Exception):  # noqa: N818 - it never leaves this module
    """Ends the reading: nothing after this place can be understood."""

    def __init__(self, message: str, code: str, mark: Mark) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.mark = mark


def read_source(path: str | Path) -> Source:
    """Read a YAML policy with the place of every key and value.

    Shape: file → `Source`. All faults are findings of the result; nothing is raised.

    Not covered: what the keys and values mean.
    """
    source = Source(str(path))
    try:
        text = _decode(path)
        _Builder(source, text).build()
    except _Refused as refused:
        source.add(refused.code, refused.message, refused.mark)
    else:
        source.usable = True
    return source


def _decode(path: str | Path) -> str:
    start = Mark(1, 1)
    try:
        with Path(path).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        message = "there is no such file; check the path"
        raise _Refused(message, "E001", start) from None
    except IsADirectoryError:
        message = "this is a folder; give the path of the policy file in it"
        raise _Refused(message, "E001", start) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        message = f"cannot read the file: {reason}"
        raise _Refused(message, "E001", start) from None
    if len(raw) > MAX_BYTES:
        message = f"a policy has at most {MAX_BYTES // 1024} KiB; is this a data file?"
        raise _Refused(message, "E007", start)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        message = "the file is not UTF-8 text; save it as UTF-8"
        raise _Refused(message, "E002", _place(before, len(before))) from None


def _place(text: str, index: int) -> Mark:
    """Give the place of a character, counting lines as YAML does."""
    starts = [0]
    for at, char in enumerate(text[:index]):
        if char in _BREAKS and not (char == "\r" and text[at + 1 : at + 2] == "\n"):
            starts.append(at + 1)
    line = bisect_right(starts, index)
    return Mark(line, index - starts[line - 1] + 1)


@dataclass
class _Frame:
    """A mapping or list that is being read."""

    path: Path_
    target: dict[str, object] | list[object]
    silent: bool
    key: str | None = None
    drop_next: bool = False


class _Builder:
    """Builds a `Source` from parser events, with a stack of its own."""

    def __init__(self, source: Source, text: str) -> None:
        self._source = source
        self._text = text
        self._stack: list[_Frame] = []
        self._count = 0
        self._documents = 0

    def build(self) -> None:
        """Read all events of the one document."""
        try:
            for event in yaml.parse(self._text, Loader=yaml.SafeLoader):
                self._take(event)
        except yaml.reader.ReaderError as error:
            message = "a control character cannot stand in a policy; remove it"
            position = int(error.position or 0)
            raise _Refused(message, "E003", _place(self._text, position)) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            message = _syntax_message(error)
            raise _Refused(message, "E003", _mark(mark)) from None
        if not self._documents:
            raise _empty(Mark(1, 1))

    def _take(self, event: yaml.Event) -> None:
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                message = "a file holds one policy; move the next document to its own"
                raise _Refused(message, "E005", mark)
        elif isinstance(event, yaml.AliasEvent):
            message = "an alias (*name) is not allowed; write the value out"
            raise _Refused(message, "E006", mark)
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, mark)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._stack.pop()

    def _node(self, event: yaml.NodeEvent, mark: Mark) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            message = f"a policy has at most {MAX_VALUES} values; is this a data file?"
            raise _Refused(message, "E007", mark)
        if event.anchor is not None:
            message = "an anchor (&name) is not allowed; write the value out where used"
            raise _Refused(message, "E006", mark)
        if getattr(event, "tag", None) is not None:
            message = "a tag (!name) is not allowed; write the plain value"
            raise _Refused(message, "E006", mark)
        scalar = isinstance(event, yaml.ScalarEvent)
        if not self._stack:
            self._root(event, mark)
            return
        frame = self._stack[-1]
        if isinstance(frame.target, dict) and frame.key is None:
            self._key(frame, event, mark)
            return
        if isinstance(frame.target, dict):
            path: Path_ = (*frame.path, frame.key or "")
            silent = frame.silent or frame.drop_next
        else:
            path = (*frame.path, len(frame.target))
            silent = frame.silent
        if not silent:
            self._source.values[path] = mark
        value = self._scalar(event, path, mark, silent) if scalar else None
        if not scalar:
            value = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        if isinstance(frame.target, list):
            frame.target.append(value)
        elif not frame.drop_next:
            frame.target[frame.key or ""] = value
        frame.key = None
        frame.drop_next = False
        if isinstance(value, (dict, list)):
            self._push(path, value, silent, mark)

    def _root(self, event: yaml.NodeEvent, mark: Mark) -> None:
        if not isinstance(event, yaml.MappingStartEvent):
            if isinstance(event, yaml.ScalarEvent) and event.value == "":
                raise _empty(mark)
            message = (
                "a policy is a mapping: lines of 'key: value', such as 'version: 1'"
            )
            raise _Refused(message, "E004", mark)
        self._source.values[()] = mark
        self._push((), self._source.data, False, mark)

    def _push(
        self,
        path: Path_,
        target: dict[str, object] | list[object],
        silent: bool,
        mark: Mark,
    ) -> None:
        if len(self._stack) >= MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} deep; no part of a policy is"
            raise _Refused(message, "E007", mark)
        self._stack.append(_Frame(path, target, silent))

    def _key(self, frame: _Frame, event: yaml.NodeEvent, mark: Mark) -> None:
        assert isinstance(frame.target, dict)  # noqa: S101 - the caller looked
        if not isinstance(event, yaml.ScalarEvent):
            message = "a key must be text; a list or mapping cannot be a key"
            raise _Refused(message, "E108", mark)
        frame.key = event.value
        path = (*frame.path, event.value)
        trap = None
        if event.implicit[0]:
            if event.value == "<<":
                message = "a merge key (<<) is not allowed; write the values out"
                raise _Refused(message, "E006", mark)
            value = read_plain(event.value)
            if isinstance(value, Trap):
                trap = value
            elif not isinstance(value, str):
                trap = Trap("E108", "a key must be text; write it in quotes")
        trap = trap or control_trap(event.value)
        if trap:
            self._source.add(trap.code, trap.message, mark)
            frame.drop_next = True
        elif event.value in frame.target:
            first = self._source.keys.get(path, mark)
            if not frame.silent:
                message = (
                    f"key '{event.value}' is given twice (first on line {first.line})"
                )
                self._source.add("E102", message, mark)
            frame.drop_next = True
        elif not frame.silent:
            self._source.keys[path] = mark

    def _scalar(
        self, event: yaml.NodeEvent, path: Path_, mark: Mark, silent: bool
    ) -> object:
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101 - the caller looked
        value: object = event.value
        if event.implicit[0]:
            value = read_plain(event.value)
        if not isinstance(value, Trap) and isinstance(value, str):
            value = control_trap(value) or value
        if not isinstance(value, Trap):
            return value
        if value.date is not None:
            if not silent:
                self._source.dates.add(path)
            return value.date
        # Whatever stands where a secret's reference belongs may be the secret.
        message = value.hidden if path[-1] == "key" else value.message
        self._source.add(value.code, message, mark)
        if not silent:
            self._source.broken.add(path)
        return POISON


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)


def _empty(mark: Mark) -> _Refused:
    message = "the file is empty; a policy starts with 'version: 1'"
    return _Refused(message, "E004", mark)


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    """Say what the parser stumbled over, without any text of the file."""
    problem = error.problem or ""
    if "'\\t'" in problem:
        return "a tab cannot indent or separate here; use spaces"
    if "mapping values are not allowed" in problem:
        return "a second ': ' in one line; put a text that holds ': ' in quotes"
    if "expected ':'" in problem:
        return "a key without ':' after it"
    if "unexpected end of stream" in problem and "quoted" in (error.context or ""):
        return "a quote is opened and not closed"
    if "block end" in problem:
        return "this line is indented otherwise than the lines it belongs to"
    if "expected ',' or" in problem:
        return "a ',' or the closing bracket is missing before this place"
    if "undefined alias" in problem or "tag" in problem:
        return "anchors, aliases and tags are not allowed; write the value out"
    if "cannot start any token" in problem:
        return "a value cannot start with this character; put the text in quotes"
    if "unknown escape character" in problem:
        return "unknown escape in a \"…\" text; use '…' quotes, which know no escapes"
    return "not valid YAML at this place; check quotes, brackets and indentation"
