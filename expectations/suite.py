"""Load a Great Expectations suite; whatever cannot be checked exactly is refused.

The file is GX's own suite JSON (version 1 form), or the same dict in YAML. An
expectation that is not supported, a misspelt argument, a regular expression that RE2
cannot run: each is an error with its place. Nothing is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..policies.errors import Finding, InputError, PolicyError
from .arguments import argument_problem, escape_problem
from .catalogue import CATALOGUE, Entry
from .conditions import condition_columns, parse_condition
from .gx.definitions import PRIVACY
from .gx.engine import argument_fault, columns_of, privacy_request
from .located import Node, parse_located
from .metrics import DISTINCT_MAX, MetricRequest

__all__ = ["Check", "Suite", "load_suite"]

_SUITE_KEYS = ("expectations", "id", "meta", "name", "notes")
_CHECK_KEYS = (
    "description", "id", "kwargs", "meta", "notes", "rendered_content", "severity",
    "type",
)  # fmt: skip
_NO_EFFECT = ("batch_id", "catch_exceptions", "result_format")  # on the verdict
_CONDITION = ("condition_parser", "row_condition")
_OLD_FORM = {"expectation_suite_name": "name", "expectation_type": "type"}


@dataclass(frozen=True)
class Check:
    """One expectation of a suite.

    Attributes:
        type: expectation type.
        kwargs: its arguments; absent ones take GX's defaults.
        meta: notes of the author.
        line: where it starts in the file.
        column: where it starts in its line.
        places: where each argument's value stands.
        condition: its `row_condition` as `conditions.py` writes it; "" for every row.
    """

    type: str
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)
    line: int = 1
    column: int = 1
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    condition: str = ""

    @property
    def request(self) -> MetricRequest | None:
        """The metric it needs, or None when rows and columns of the table suffice."""
        entry = CATALOGUE.get(self.type)  # a privacy check is not in the catalogue
        if entry is None:
            return None
        if not entry.kind:
            if not self.condition:
                return None
            return MetricRequest("rows", "", condition=self.condition)
        if self.type in PRIVACY:
            return privacy_request(self.type, self.kwargs)
        given = {key: self.kwargs[key] for key in entry.counts if key in self.kwargs}
        text = json.dumps(given, sort_keys=True, ensure_ascii=False)
        first, *others = self.columns
        return MetricRequest(entry.kind, first, text, tuple(others), self.condition)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its arguments name."""
        entry = CATALOGUE.get(self.type)
        named = [self.kwargs.get(key) for key in ("column", "column_A", "column_B")]
        if entry is not None and entry.kind:  # of the table's, only names are held
            named += self.kwargs.get("column_list", [])
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True)
class Suite:
    """A loaded suite.

    Attributes:
        name: as the file says.
        checks: in file order.
        file: path as given, for messages.
    """

    name: str
    checks: tuple[Check, ...]
    file: str = "suite"

    @property
    def requests(self) -> tuple[MetricRequest, ...]:
        """What `partial_metrics` must compute, each once, in a fixed order."""
        wanted = {check.request for check in self.checks} - {None}
        return tuple(sorted(request for request in wanted if request is not None))

    def check_columns(self, columns: Sequence[str]) -> tuple[Finding, ...]:
        """Find expectations on columns that the release does not have.

        `expect_column_to_exist` is a finding too: it could only fail.
        """
        findings = []
        for check in self.checks:
            for key, named in _named_columns(check):
                if named in columns:
                    continue
                place = check.places.get(key, (check.line, check.column))
                hint = _did_you_mean(named, columns)
                message = f"column {named!r} is not in the release.{hint}"
                findings.append(Finding(self.file, *place, "E320", message))
        return tuple(findings)


def _named_columns(check: Check) -> list[tuple[str, str]]:
    """Pair each column that a check reads with the argument that names it."""
    if check.type in PRIVACY:
        return columns_of(check.type, check.kwargs)
    pairs = [(key, check.kwargs.get(key)) for key in ("column", "column_A", "column_B")]
    named = [(key, name) for key, name in pairs if isinstance(name, str)]
    if check.columns:
        known = {name for _, name in named}
        named += [("column_list", name) for name in check.columns if name not in known]
    named += [("row_condition", name) for name in condition_columns(check.condition)]
    return named


def load_suite(path: str | Path) -> Suite:
    """Load a suite: `.json` is read as JSON, `.yaml` and `.yml` as YAML.

    Raises:
        InputError: the file is missing or cannot be read as UTF-8.
        PolicyError: anything in it is not supported; carries every finding.
    """
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"suite {file} cannot be read: {reason}"
        raise InputError(message) from None
    except UnicodeDecodeError:
        message = f"suite {file} is not UTF-8; save it as UTF-8"
        raise InputError(message) from None
    as_json = Path(path).suffix.lower() == ".json"
    root, found = parse_located(text.removeprefix("\ufeff"), file, as_json=as_json)
    loader = _Loader(file, found)
    suite = loader.suite(root)
    if loader.findings or suite is None:
        raise PolicyError(tuple(sorted(loader.findings)))
    return suite


class _Loader:
    def __init__(self, file: str, findings: list[Finding]) -> None:
        self.file = file
        self.findings = findings

    def report(self, place: tuple[int, int], code: str, message: str) -> None:
        self.findings.append(Finding(self.file, *place, code, message))

    def suite(self, root: Node) -> Suite | None:
        here = (root.line, root.column)
        if root.entries is None:
            self.report(here, "E301", "a suite is a mapping with 'expectations'")
            return None
        self.known(root, _SUITE_KEYS, "the suite")
        named = root.entries.get("name")
        name = named.scalar if named is not None else None
        if not isinstance(name, str) or not name:
            self.report(here, "E303", "required text 'name' is missing")
        listed = root.entries.get("expectations")
        if listed is None or listed.items is None:
            self.report(here, "E303", "required list 'expectations' is missing")
            return None
        if not listed.items:
            place = (listed.line, listed.column)
            message = "'expectations' is empty; nothing would be checked"
            self.report(place, "E303", message)
        checks = [self.check(item) for item in listed.items]
        good = tuple(check for check in checks if check is not None)
        return Suite(str(name), good, self.file)

    def known(self, node: Node, allowed: Sequence[str], where: str) -> None:
        for key, place in node.keys.items():
            if key in allowed:
                continue
            if key in _OLD_FORM:
                hint = (
                    f"this is the form of Great Expectations before 1.0; write "
                    f"{_OLD_FORM[key]!r}"
                )
                self.report(place, "E301", f"unknown key {key!r} in {where}; {hint}")
                continue
            hint = _did_you_mean(key, allowed)
            self.report(place, "E301", f"unknown key {key!r} in {where}.{hint}")

    def check(self, node: Node) -> Check | None:
        here = (node.line, node.column)
        if node.entries is None:
            self.report(
                here, "E301", "an expectation is a mapping with type and kwargs"
            )
            return None
        self.known(node, _CHECK_KEYS, "an expectation")
        named = node.entries.get("type")
        if named is None or not isinstance(named.scalar, str):
            self.report(here, "E303", "required text 'type' is missing")
            return None
        entry = CATALOGUE.get(named.scalar)
        if entry is None:
            message = (
                f"expectation {named.scalar!r} is not supported."
                f"{_did_you_mean(named.scalar, tuple(CATALOGUE))} "
                f"Supported: {', '.join(sorted(CATALOGUE))}"
            )
            self.report((named.line, named.column), "E310", message)
            return None
        meta = node.entries.get("meta")
        notes = meta.plain() if meta is not None else None
        arguments = node.entries.get("kwargs", Node(*here, entries={}))
        if arguments.entries is None:
            place = (arguments.line, arguments.column)
            self.report(place, "E313", "'kwargs' is a mapping")
            return None
        kwargs = self.arguments(entry, arguments, here)
        condition = self.condition(arguments) if entry.conditional else ""
        return Check(
            entry.name,
            kwargs,
            notes if isinstance(notes, dict) else {},
            *here,
            {key: (item.line, item.column) for key, item in arguments.entries.items()},
            condition,
        )

    def condition(self, node: Node) -> str:
        entries = node.entries or {}
        given, parser = entries.get("row_condition"), entries.get("condition_parser")
        plain = given.plain() if given is not None else None
        if given is None or plain is None:
            return ""
        try:
            return parse_condition(
                plain, parser.plain() if parser is not None else None
            )
        except ValueError as error:
            place = (given.line, given.column)
            self.report(place, "E316", f"row_condition: {error}")
            return ""

    def arguments(
        self, entry: Entry, node: Node, here: tuple[int, int]
    ) -> dict[str, Any]:
        before = len(self.findings)
        kwargs: dict[str, Any] = {}
        for key, item in (node.entries or {}).items():
            place = (item.line, item.column)
            value = item.plain()
            shape = entry.arguments.get(key)
            if key in _NO_EFFECT or (shape is None and value is None):
                continue
            if entry.conditional and key in _CONDITION:
                kwargs[key] = value
                continue
            if shape is None:
                self.unknown(entry, key, node.keys[key])
                continue
            if value is None and key not in entry.required:
                continue
            problem = argument_problem(value, shape)
            if problem:
                code = "E315" if shape in ("regex", "regexes") else "E313"
                self.report(place, code, f"{key}: {problem}")
            kwargs[key] = value
        for key in entry.required:
            if key not in (node.entries or {}):
                self.report(here, "E312", f"{entry.name} needs {key!r}")
        if len(self.findings) == before and entry.name in PRIVACY:
            self.privacy(node, entry, kwargs, here)
        elif len(self.findings) == before:
            self.limits(entry, kwargs, here)
            self.patterns(node, kwargs)
        return kwargs

    def privacy(
        self,
        node: Node,
        entry: Entry,
        kwargs: dict[str, Any],
        here: tuple[int, int],
    ) -> None:
        fault = argument_fault(entry.name, kwargs)
        if fault is not None:
            key, problem = fault
            item = (node.entries or {}).get(key)
            place = here if item is None else (item.line, item.column)
            self.report(place, "E313", f"{key}: {problem}")

    def patterns(self, node: Node, kwargs: dict[str, Any]) -> None:
        for key in ("like_pattern", "like_pattern_list"):
            given = kwargs.get(key, [])
            problem = escape_problem(
                given if isinstance(given, list) else [given], kwargs.get("escape")
            )
            if problem:
                item = (node.entries or {})[key]
                self.report((item.line, item.column), "E313", f"{key}: {problem}")

    def unknown(self, entry: Entry, key: str, place: tuple[int, int]) -> None:
        if key in ("row_condition", "condition_parser"):
            message = f"{entry.name} takes no {key!r} here"
            self.report(place, "E316", message)
            return
        hint = _did_you_mean(key, tuple(entry.arguments))
        self.report(place, "E311", f"unknown argument {key!r} of {entry.name}.{hint}")

    def limits(
        self, entry: Entry, kwargs: dict[str, Any], here: tuple[int, int]
    ) -> None:
        if not entry.bounded:
            return
        low, high = kwargs.get("min_value"), kwargs.get("max_value")
        if low is None and high is None:
            message = f"{entry.name} needs 'min_value' or 'max_value'"
            self.report(here, "E312", message)
            return
        given = [limit for limit in (low, high) if limit is not None]
        if len({isinstance(limit, str) for limit in given}) > 1:
            self.report(here, "E314", "min_value and max_value are of different kinds")
        elif len(given) > 1 and not isinstance(low, str) and given[0] > given[1]:
            self.report(here, "E314", "min_value is greater than max_value")
        if entry.kind == "distinct" and max(given) > DISTINCT_MAX:
            message = f"limits above {DISTINCT_MAX:,} distinct values are not supported"
            self.report(here, "E314", message)


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
