"""What the benchmark asks of every tool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .labels import Reader

__all__ = ["PERSON", "ROW", "ROWS", "Adapter", "Request"]

PERSON: Final = "person"
"""Whose row it is: int64 in the input, carried to the release to be counted there."""

ROW: Final = "row"
"""Number of the row: int64 in the input alone."""

ROWS: Final = "rows"
"""Rows of the input that a row of the release stands for: int64."""


@dataclass(frozen=True)
class Request:
    """One run.

    Attributes:
        quasi: the quasi-identifiers; all but `numbers` are text.
        numbers: those that are numbers.
        k: the parameter of the tool.
        data: folder with the hierarchies of Adult.
    """

    quasi: tuple[str, ...]
    numbers: tuple[str, ...]
    k: int
    data: Path

    @property
    def texts(self) -> tuple[str, ...]:
        """Give the quasi-identifiers that are text."""
        return tuple(name for name in self.quasi if name not in self.numbers)


@dataclass(frozen=True)
class Adapter:
    """One tool in one setting.

    Attributes:
        name: as the table shows it.
        distribution: as it is installed, and the name of its requirements; "" for optin,
            which runs in the environment of the benchmark.
        module: what is imported of it before the clock starts.
        setting: algorithm and options.
        counts: what it counts up to k: `rows` or `people`.
        encoding: the form in which it demands its input.
        prepare: `(Arrow table, request) -> that form`; not timed.
        anonymise: `(that form, request) -> what it gives`; timed.
        publish: `(what it gives, request) -> Arrow table` with the labels of `quasi` as
            text, `person` and `rows`; not timed. Rows that are lacking are suppressed.
        reader: tells which values a label stands for.
    """

    name: str
    distribution: str
    module: str
    setting: str
    counts: str
    encoding: str
    prepare: Callable[[Any, Request], Any]
    anonymise: Callable[[Any, Request], Any]
    publish: Callable[[Any, Request], Any]
    reader: Reader
