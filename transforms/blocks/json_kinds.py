"""What the two ways of parsing JSON lines share: values, guesses and results."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

if TYPE_CHECKING:
    from .spec import ReadSpec

__all__ = ["BLANK", "Kinds", "Piece", "RepeatedKeys", "load_json"]

BLANK = b" \t\r"
"""Bytes around a record that mean nothing; a line of these alone is blank."""

_KINDS: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "ints": pa.list_(pa.int64()),
    "strings": pa.list_(pa.string()),
}


@dataclass
class Piece:
    """What a run of lines came to.

    Attributes:
        columns: block column name → array, good records only.
        good: positions of the good records among the piece's records.
        bad: `(position among records, line in piece, code, raw line)`.
        records: records met.
    """

    columns: dict[str, pa.Array]
    good: np.ndarray[Any, np.dtype[np.int64]]
    bad: list[tuple[int, int, str, bytes]] = field(default_factory=list)
    records: int = 0


class RepeatedKeys(dict[str, Any]):
    """A JSON object some keys of which were given twice."""

    repeated: frozenset[str] = frozenset()


class Kinds:
    """How each column is written in the JSON met so far: a guess that saves time.

    It steers the fast way only and never changes a result.
    """

    def __init__(self, spec: ReadSpec) -> None:
        self.paths = {name: tuple(spec.full(name).split(".")) for name in spec.sources}
        self.root = tuple(spec.root.split(".")) if spec.root else ()
        self._raw_only = set(spec.raw) - set(spec.storage)
        whole = {"int64": "int", "float64": "float", "bool": "bool"}
        self.guess = dict.fromkeys(spec.sources, "string")
        for column in spec.columns:
            kind = whole.get(column.storage, "string")
            if column.storage in ("timestamp", "date") and column.unit != "iso8601":
                kind = "int"
            self.guess[column.name] = kind
        taken = set(self.paths.values())
        prefixes = {path[:end] for path in taken for end in range(1, len(path))}
        # Where one path is the start of another, no Arrow schema holds both.
        self.possible = not (taken & prefixes)
        self._options: pj.ParseOptions | None = None

    def options(self) -> pj.ParseOptions:
        """Give Arrow's options for the present guess."""
        if self._options is None:
            tree: dict[str, Any] = {}
            for name, path in self.paths.items():
                node = tree
                for part in path[:-1]:
                    node = node.setdefault(part, {})
                node[path[-1]] = _KINDS[self.guess[name]]
            self._options = pj.ParseOptions(
                explicit_schema=pa.schema(list(_struct(tree))),
                unexpected_field_behavior="ignore",
            )
        return self._options

    def learn(self, lines: list[bytes]) -> bool:
        """Look at some lines; tell whether the guess changed."""
        seen: dict[str, set[str]] = {name: set() for name in self.paths}
        for line in lines:
            try:
                record = load_json(line)
            except (ValueError, RecursionError):
                continue
            for name, path in self.paths.items():
                value = record
                for part in path:
                    value = value.get(part) if isinstance(value, dict) else None
                if value is not None:
                    seen[name].add(_kind(value))
        before = dict(self.guess)
        for name, kinds in seen.items():
            self.guess[name] = self._choose(name, kinds)
        if before == self.guess:
            return False
        self._options = None
        return True

    def _choose(self, name: str, kinds: set[str]) -> str:
        present = self.guess[name]
        if kinds == {"int"} and present == "float":
            return "float"
        if kinds == {"int", "float"}:
            return "float"
        if name in self._raw_only and kinds and kinds <= {"ints", "strings", "empty"}:
            kinds = kinds - {"empty"} or {
                present if present in ("ints", "strings") else "strings"
            }
        if len(kinds) == 1:
            kind = next(iter(kinds))
            listed = kind in ("ints", "strings") and name not in self._raw_only
            if kind in _KINDS and not listed:
                return kind
        return present


def _struct(tree: dict[str, Any]) -> list[pa.Field]:
    return [
        pa.field(name, pa.struct(_struct(child)) if isinstance(child, dict) else child)
        for name, child in tree.items()
    ]


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list):
        if not value:
            return "empty"
        inner = {_kind(item) for item in value if item is not None}
        if inner <= {"int"}:
            return "ints"
        return "strings" if inner == {"string"} else "other"
    for kind, name in ((int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kind):
            return name
    return "other"


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(items)
    if len(plain) == len(items):
        return plain
    keys = [key for key, _ in items]
    marked = RepeatedKeys(plain)
    marked.repeated = frozenset(key for key in keys if keys.count(key) > 1)
    return marked


def _long_int(text: str) -> int | float:
    # Python refuses integers of more than 4,300 digits; such a number is no value of
    # any column, and an unread column must not spoil the record.
    return int(text) if len(text) < 4_000 else float("inf")


def load_json(line: bytes) -> Any:
    """Parse one line; an object with repeated keys comes as `RepeatedKeys`.

    Raises:
        ValueError: not UTF-8 (`UnicodeDecodeError`) or not JSON.
        RecursionError: nested too deeply for Python.
    """
    text = line.decode("utf-8")
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(text, object_pairs_hook=_pairs, parse_int=_long_int)
