"""Checks a draft against the policy's model: keys, words, types and ranges.

pydantic finds the faults; this module gives them a place in the file, a code and words
that say how to mend them.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .columns import ACTIONS
from .consent import Consent
from .draft import Draft, did_you_mean, listing, shown
from .model import Input, Policy
from .pii import OPERATORS
from .yaml_source import POISON, Path_

__all__ = ["FILLED_BY_LOADER", "check_structure", "to_json"]

FILLED_BY_LOADER: dict[type[BaseModel], frozenset[str]] = {
    Consent: frozenset({"also", "resolved"})
}
"""Fields of the model that a file cannot set."""

_HOMES = {"consent": Consent, "input": Input}
_RANGES = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def to_json(value: object) -> str:
    """Write plain values as JSON; what has a finding becomes an object nobody knows."""
    return json.dumps(value, default=lambda _: {"\x00": 0})


def check_structure(draft: Draft, model: type[BaseModel] = Policy) -> BaseModel | None:
    """Validate a draft; note a finding for every fault of its structure.

    Returns:
        The validated model, or None if there was a fault.
    """
    validated: BaseModel | None = None
    errors: list[ErrorDetails] = []
    try:
        validated = model.model_validate_json(to_json(draft.source.data), strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    _Mapper(draft, model).note(errors)
    return validated if not draft.source.broken else None


class _Mapper:
    """Turns pydantic's errors into findings."""

    def __init__(self, draft: Draft, model: type[BaseModel]) -> None:
        self._draft = draft
        self._model = model

    def note(self, errors: list[ErrorDetails]) -> None:
        already = set(self._draft.source.broken)
        located = [(self._path(error), error) for error in errors]
        paths = {path for path, _ in located}
        done: set[Path_] = set()
        for path, error in located:
            if any(path[:length] in already for length in range(len(path) + 1)):
                continue
            if error["type"] == "missing":
                self._missing(path, str(error["loc"][-1]))
                continue
            # A union says once per member why it does not fit: keep the deepest word.
            deeper = any(len(p) > len(path) and p[: len(path)] == path for p in paths)
            is_scalar = not isinstance(self._draft.raw(path), (dict, list))
            if path in done or (deeper and not is_scalar):
                continue
            done.add(path)
            self._one(path, error)
        self._filled_by_loader()
        if self._draft.get("version") in (True, 1.0) and not _is_int(
            self._draft.get("version")
        ):
            self._wrong_version(("version",))  # to Python, true is 1

    def _path(self, error: ErrorDetails) -> Path_:
        """Give the longest part of pydantic's location that the file has."""
        path: Path_ = ()
        for part in error["loc"]:
            if self._draft.raw((*path, part)) is not POISON or (
                (*path, part) in self._draft.source.broken
            ):
                path = (*path, part)
        return path

    def _one(self, path: Path_, error: ErrorDetails) -> None:
        kind = error["type"]
        if kind == "extra_forbidden":
            self._unknown_key(path)
        elif kind == "literal_error" and isinstance(self._draft.raw(path), str):
            self._unknown_word(path)
        elif kind in _RANGES:
            bound, phrase = _RANGES[kind]
            limit = error.get("ctx", {}).get(bound)
            message = f"{_name(path)} must be {phrase} {_plain(limit)}"
            self._draft.refuse("E106", message, path)
        elif kind == "string_pattern_mismatch" and _is_key(path):
            self._draft.refuse("E160", _KEY_ADVICE, path)
        elif kind == "string_pattern_mismatch" and path[-1] == "epoch":
            message = (
                "epoch must be 1 to 32 letters, digits, '.', '_' and '-', such as "
                "2026-11"
            )
            self._draft.refuse("E166", message, path)
        elif kind == "string_pattern_mismatch":
            message = (
                f"{_name(path)} must be 1 to 63 lower-case letters, digits and '_', "
                "and start with a letter"
            )
            self._draft.refuse("E111", message, path)
        elif kind == "too_short":
            self._too_short(path)
        else:
            self._wrong_type(path)

    def _missing(self, parent: Path_, name: str) -> None:
        where = f" in {_group(parent)}" if parent else ""
        message = f"required key '{name}' is missing{where}"
        self._draft.touched.add((*parent, name))
        self._draft.source.add("E103", message, self._draft.home(parent))

    def _unknown_key(self, path: Path_) -> None:
        key = str(path[-1])
        parent = path[:-1]
        if _is_key(parent):  # what stands there may be the secret
            message = "unknown key in key; it takes 'ref' and 'epoch'"
            self._draft.refuse("E101", message, path, key=True)
            return
        if self._draft.raw(path) is None and "key" in self._draft.keys(*parent):
            # Half of an unquoted secret with a comma in it: never show it.
            message = (
                f"unknown key in {_group(parent)}; put texts that hold ',' in quotes"
            )
            self._draft.refuse("E101", message, path, key=True)
            return
        known = _fields(_annotation(self._model, parent))
        advice = _belongs(key, parent) or did_you_mean(key, known)
        message = f"unknown key {shown(key)} in {_group(parent)}.{advice}"
        self._draft.refuse("E101", message, path, key=True)

    def _unknown_word(self, path: Path_) -> None:
        word = str(self._draft.raw(path))
        if path[-1] == "as_of":
            message = (
                "as_of must be run_start or an instant with its zone, such as "
                '"2026-01-31T00:00:00Z"'
            )
            self._draft.refuse("E113", message, path)
            return
        # `hierarchy: NAME` is short for `hierarchy: {builtin: NAME}`.
        short = path[:1] == ("columns",) and path[-1] == "hierarchy"
        field = (*path, "builtin") if short else path
        known = [
            str(value)
            for option in _options(_annotation(self._model, field))
            if typing.get_origin(option) is Literal
            for value in typing.get_args(option)
        ]
        near = did_you_mean(word, known)
        if path[:1] == ("columns",) and path[-1] == "action":
            known = list(ACTIONS)
            message = f"unknown action {shown(word)}. Known: {', '.join(known)}.{near}"
            self._draft.refuse("E141", message.removesuffix("."), path)
            return
        if path[:2] == ("pii", "operators") and path[-1] not in ("scope", "kind"):
            near = did_you_mean(word, OPERATORS)
            message = (
                f"unknown operator {shown(word)}. Known: {', '.join(OPERATORS)}.{near}"
            )
            self._draft.refuse("E104", message.removesuffix("."), path)
            return
        if path[:2] == ("pii", "recognizers") and path[-1] == "type":
            message = (
                "'type' is custom; a recogniser of Presidio's own is named by what it "
                "finds, in pii.entities"
            )
            self._draft.refuse("E177", message, path)
            return
        message = f"{_name(path)} must be {listing(known)}"
        if path == ("consent", "on_unknown"):
            message += "; unknown consent cannot be allowed"
            self._draft.refuse("E121", message, path)
        elif path == ("version",):
            self._wrong_version(path)
        else:
            self._draft.refuse("E104", f"{message}, not {shown(word)}.{near}", path)

    def _wrong_version(self, path: Path_) -> None:
        message = "this version of optin reads policy language 1; write 'version: 1'"
        self._draft.refuse("E115", message, path)

    def _too_short(self, path: Path_) -> None:
        message = f"{_name(path)} is empty; it needs at least one entry"
        self._draft.refuse("E107", message, path)

    def _wrong_type(self, path: Path_) -> None:
        value = self._draft.raw(path)
        if path == ("purpose",) and isinstance(value, list):
            message = "a policy has exactly one purpose; write one policy per purpose"
            self._draft.refuse("E110", message, path)
            return
        if path == ("version",):
            self._wrong_version(path)
            return
        if path == ("input", "event_time", "fixed"):
            message = (
                'fixed must be an instant with its zone, such as "2026-01-31T00:00:00Z"'
            )
            self._draft.refuse("E113", message, path)
            return
        if _is_key(path):
            self._draft.refuse("E160", _KEY_ADVICE, path)
            return
        wanted = _wanted(_annotation(self._model, path))
        found = _kind(value)
        hint = ""
        if wanted == "text" and isinstance(value, (bool, int, float)):
            hint = "; put it in quotes"
        message = f"{_name(path)} must be {wanted}, not {found}{hint}"
        self._draft.refuse("E105", message, path)

    def _filled_by_loader(self) -> None:
        for key in FILLED_BY_LOADER[Consent]:
            path = ("consent", key)
            if self._draft.raw(path) is not POISON and not self._draft.is_broken(path):
                message = f"unknown key '{key}' in consent."
                self._draft.refuse("E101", message, path, key=True)


_KEY_ADVICE = (
    "key must be a reference, never the secret itself: env://NAME (an environment "
    "variable), file://path, awskms://…, gcpkms://… or vault://… (docs/keys.md); or "
    "a mapping of 'ref' and 'epoch'"
)


def _is_key(path: Path_) -> bool:
    """Tell whether a secret's reference is wanted at `path`."""
    if path[:1] == ("consent",):  # a ledger's key names columns
        return False
    return path[-1:] == ("key",) or path[-2:] == ("key", "ref")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _name(path: Path_) -> str:
    """Name a value as a reader would: `grant[0]`, `input.format`'s `format`."""
    words = [part for part in path if isinstance(part, str)]
    if not words:
        return "the policy"
    if isinstance(path[-1], int):
        return f"an entry of {words[-1]}"
    return words[-1]


def _group(path: Path_) -> str:
    words = [part for part in path if isinstance(part, str)]
    return words[-1] if words else "the policy"


_OF_PRESIDIO = {
    "aggregation_strategy": "A model of your own is described in pii.ner",
    "class_name": "Presidio's own recognisers come by their entity, in pii.entities",
    "entity_mapping": "A model of your own is described in pii.ner",
    "label_mapping": "A model of your own is described in pii.ner",
    "model_name": "A model of your own is described in pii.ner",
    "score_thresholds": "Lowest scores stand in pii.thresholds",
}
"""Keys of Presidio's recognisers that a recogniser of patterns does not take."""


def _belongs(key: str, parent: Path_) -> str:
    if parent[:2] == ("pii", "recognizers") and len(parent) == 3:
        advice = _OF_PRESIDIO.get(key)
        return f" {advice}." if advice else ""
    for home, model in _HOMES.items():
        if parent != (home,) and key in _fields(model):
            return f" It belongs in '{home}'."
    return ""


def _plain(limit: object) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _kind(value: object) -> str:
    kinds: Mapping[type, str] = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a whole number",
        float: "a number with decimals",
    }
    return kinds.get(type(value), "empty")


def _options(annotation: Any) -> tuple[Any, ...]:
    """Flatten unions and annotations to plain alternatives."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _options(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(
            option for arg in typing.get_args(annotation) for option in _options(arg)
        )
    return (annotation,)


def _annotation(root: Any, path: Path_) -> Any:
    """Give the annotation of the model's field at `path`, or None."""
    here: Any = root
    for part in path:
        here = _step(here, part)
    return here


def _step(annotation: Any, part: str | int) -> Any:
    for option in _options(annotation):
        args = typing.get_args(option)
        if isinstance(part, int):
            if typing.get_origin(option) is tuple and args:
                return args[0]
        elif isinstance(option, type) and issubclass(option, BaseModel):
            if part in option.model_fields:
                return option.model_fields[part].annotation
        elif typing.get_origin(option) is dict:
            return args[1]
    return None


def _fields(annotation: Any) -> tuple[str, ...]:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            hidden = FILLED_BY_LOADER.get(option, frozenset())
            return tuple(name for name in option.model_fields if name not in hidden)
    return ()


def _wanted(annotation: Any) -> str:
    """Say in words what a field takes."""
    words: list[str] = []
    for option in _options(annotation):
        origin = typing.get_origin(option)
        if origin is Literal:
            words.append(listing(str(value) for value in typing.get_args(option)))
        elif origin is tuple:
            words.append("a list")
        elif origin is dict or (
            isinstance(option, type) and issubclass(option, BaseModel)
        ):
            words.append("a mapping")
        else:
            plain = {str: "text", bool: "true or false", int: "a whole number"}
            plain[float] = "a number"
            if option in plain:
                words.append(plain[option])
    return " or ".join(words) or "another value"
