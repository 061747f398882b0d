"""Read JSON or YAML so that every value knows its line and column.

Both formats give the same tree of `Node`, which is why a suite reads the same in either.
YAML 1.1 traps (an unquoted `Yes`, `010`, a key given twice) are findings, never guesses.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in typeshed
from typing import TypeAlias

import yaml

from ..policies.errors import Finding, PolicyError

__all__ = ["Node", "Scalar", "parse_located"]

Scalar: TypeAlias = "str | int | float | bool | None"

_DEPTH_MAX = 32  # a suite nests 4 deep; more is a mistake or an attack
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_YAML_INT = re.compile(r"[-+]?(?:0|[1-9]\d*)")
_YAML_FLOAT = re.compile(r"[-+]?(?:0|[1-9]\d*)\.\d*(?:[eE][-+]?\d+)?")
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Node:
    """One value of a file and where it stands.

    Attributes:
        line: 1-based line of its first character.
        column: 1-based column of its first character.
        scalar: the value, when it is neither a mapping nor a list.
        items: the values of a list, else None.
        entries: the values of a mapping by key, else None.
        keys: where each key of the mapping stands.
    """

    line: int
    column: int
    scalar: Scalar = None
    items: tuple[Node, ...] | None = None
    entries: dict[str, Node] | None = None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    def plain(self) -> object:
        """Give the value without places, as `json.loads` would."""
        if self.entries is not None:
            return {key: node.plain() for key, node in self.entries.items()}
        if self.items is not None:
            return [node.plain() for node in self.items]
        return self.scalar


def parse_located(text: str, file: str, *, as_json: bool) -> tuple[Node, list[Finding]]:
    """Parse `text` into a tree of nodes; findings that do not stop parsing come along.

    Raises:
        PolicyError: the text is not JSON (or not YAML) at all; the place is given.
    """
    reader = _Json(text, file) if as_json else _Yaml(text, file)
    return reader.read(), reader.findings


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.findings: list[Finding] = []

    def stop(self, line: int, column: int, message: str) -> PolicyError:
        return PolicyError((Finding(self.file, line, column, "E300", message),))

    def twice(self, key: str, place: tuple[int, int], first: tuple[int, int]) -> None:
        text = f"key {key!r} is given twice (first on line {first[0]})"
        self.findings.append(Finding(self.file, *place, "E302", text))


class _Json(_Reader):
    """A JSON reader with places; strings are left to the standard library."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text, file)
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def read(self) -> Node:
        node, end = self.value(self.skip(0), 0)
        end = self.skip(end)
        if end != len(self.text):
            raise self.bad(end, "there is text after the end of the JSON value")
        return node

    def place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.starts, at)
        return line, at - self.starts[line - 1] + 1

    def bad(self, at: int, message: str) -> PolicyError:
        return self.stop(*self.place(at), f"not valid JSON: {message}")

    def skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def value(self, at: int, depth: int) -> tuple[Node, int]:
        if depth > _DEPTH_MAX:
            raise self.bad(at, f"nested deeper than {_DEPTH_MAX} levels")
        line, column = self.place(at)
        start = self.text[at : at + 1]
        if start == "{":
            return self.mapping(at, line, column, depth)
        if start == "[":
            return self.sequence(at, line, column, depth)
        if start == '"':
            string, end = self.string(at)
            return Node(line, column, string), end
        for word, meaning in _WORDS.items():
            if self.text.startswith(word, at):
                return Node(line, column, meaning), at + len(word)
        match = _NUMBER.match(self.text, at)
        if match is None:
            raise self.bad(at, "a value is expected here")
        digits = match.group()
        whole = match.group(1) is None and match.group(2) is None
        return Node(line, column, int(digits) if whole else float(digits)), match.end()

    def string(self, at: int) -> tuple[str, int]:
        try:
            string, end = scanstring(self.text, at + 1, True)
        except json.JSONDecodeError as error:
            raise self.bad(error.pos, error.msg) from None
        return str(string), int(end)

    def sequence(self, at: int, line: int, column: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        at = self.skip(at + 1)
        while self.text[at : at + 1] != "]":
            if items:
                at = self.expect(",", at)
            node, at = self.value(at, depth + 1)
            items.append(node)
            at = self.skip(at)
        return Node(line, column, items=tuple(items)), at + 1

    def mapping(self, at: int, line: int, column: int, depth: int) -> tuple[Node, int]:
        entries: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        at = self.skip(at + 1)
        while self.text[at : at + 1] != "}":
            if keys:
                at = self.expect(",", at)
            if self.text[at : at + 1] != '"':
                raise self.bad(at, "a key in double quotes is expected here")
            place = self.place(at)
            key, at = self.string(at)
            node, at = self.value(self.expect(":", self.skip(at)), depth + 1)
            at = self.skip(at)
            if key in keys:
                self.twice(key, place, keys[key])
            else:
                keys[key], entries[key] = place, node
        return Node(line, column, entries=entries, keys=keys), at + 1

    def expect(self, mark: str, at: int) -> int:
        if self.text[at : at + 1] != mark:
            raise self.bad(at, f"{mark!r} is expected here")
        return self.skip(at + 1)


class _Yaml(_Reader):
    """PyYAML's own nodes, turned into ours, with the traps of YAML 1.1 found."""

    def read(self) -> Node:
        try:
            self.shallow()
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            at = error.problem_mark
            line, column = (at.line + 1, at.column + 1) if at else (1, 1)
            raise self.stop(line, column, f"not valid YAML: {error.problem}") from None
        except yaml.YAMLError:
            raise self.stop(1, 1, "not valid YAML: unreadable character") from None
        if root is None:
            raise self.stop(1, 1, "the file is empty")
        return self.node(root)

    def shallow(self) -> None:
        """Stop at an alias and at deep nesting, before a tree is built."""
        depth = 0
        for event in yaml.parse(self.text, Loader=yaml.SafeLoader):
            mark = event.start_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            if isinstance(event, yaml.AliasEvent):
                text = "aliases (*name) are not read here; write the value out"
                raise self.stop(line, column, text)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEPTH_MAX:
                raise self.stop(line, column, f"nested deeper than {_DEPTH_MAX} levels")

    def node(self, node: yaml.Node) -> Node:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if isinstance(node, yaml.SequenceNode):
            items = tuple(self.node(item) for item in node.value)
            return Node(line, column, items=items)
        if isinstance(node, yaml.MappingNode):
            entries: dict[str, Node] = {}
            keys: dict[str, tuple[int, int]] = {}
            for name, value in node.value:
                place = (name.start_mark.line + 1, name.start_mark.column + 1)
                key = str(name.value)
                if key in keys:
                    self.twice(key, place, keys[key])
                else:
                    keys[key], entries[key] = place, self.node(value)
            return Node(line, column, entries=entries, keys=keys)
        return Node(line, column, self.scalar(node, line, column))

    def scalar(self, node: yaml.Node, line: int, column: int) -> Scalar:
        text = str(node.value)
        kind = node.tag.rpartition(":")[2]
        if kind in ("str", "timestamp"):  # dates stay text, as they are in JSON
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind == "int" and _YAML_INT.fullmatch(text):
            return int(text)
        if kind == "float" and _YAML_FLOAT.fullmatch(text):
            return float(text)
        meaning = {"bool": "a boolean", "int": "a number", "float": "a number"}
        message = (
            f"unquoted {text} is {meaning.get(kind, 'a tagged value')} in YAML 1.1; "
            f'write "{text}" in quotes if it is text, else plainly'
        )
        self.findings.append(Finding(self.file, line, column, "E304", message))
        return text
