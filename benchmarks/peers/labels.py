"""Which values of a column a published label stands for, and what that loses.

Tools spell their labels in three ways: numbers as `17-24` or as `[17, 24]`, categories
as a list `Private,State-gov` or as a level of a hierarchy. A reader takes a label back to
the set of values under it; the loss is a function of that set alone, so that all tools
are measured alike.

Loss: V. Iyengar, KDD 2002, section 3. Categories: (values under the label - 1) / (values
of the hierarchy - 1). Numbers: span of the data's values under the label / span of all.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = [
    "Domain",
    "Reader",
    "loss_of",
    "number_domain",
    "read_brackets_and_levels",
    "read_dashes_and_lists",
    "read_levels",
    "spell",
    "text_domain",
    "widen",
]

ANYTHING: Final = "*"

Values = frozenset[str] | frozenset[float]


@dataclass(frozen=True)
class Domain:
    """The values that a column can take.

    Attributes:
        name: of the column.
        numbers: values of the data, of a number; empty for categories.
        leaves: values of the hierarchy, of a category; empty for numbers.
        levels: label of the hierarchy, on any level, to the values under it; of a number
            those of the data.
    """

    name: str
    numbers: frozenset[float]
    leaves: frozenset[str]
    levels: Mapping[str, Values]


Reader = Callable[[str, Domain], Values]
"""Gives the values under a label; raises ValueError where it knows of none."""


def number_domain(
    name: str, values: Collection[float], path: Path | None = None
) -> Domain:
    """Give the domain of a number, with the labels of its hierarchy if it has one."""
    numbers = frozenset(map(float, values))
    levels: dict[str, Values] = {}
    for label, leaves in (_levels(path) if path else {}).items():
        levels[label] = frozenset(map(float, leaves)) & numbers
    return Domain(name, numbers, frozenset(), levels)


def text_domain(name: str, path: Path) -> Domain:
    """Read the domain of a category from its hierarchy, `leaf;level 1;…;*`."""
    levels = _levels(path)
    return Domain(name, frozenset(), frozenset(levels[ANYTHING]), levels)


def _levels(path: Path) -> dict[str, frozenset[str]]:
    under: dict[str, set[str]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.reader(file, delimiter=";"):
            for label in (*line, ANYTHING):
                under.setdefault(label, set()).add(line[0])
    return {label: frozenset(leaves) for label, leaves in under.items()}


def loss_of(values: Values, domain: Domain) -> float:
    """Give the loss of a label that stands for these values, from 0 to 1."""
    if domain.leaves:
        return (len(values) - 1) / max(len(domain.leaves) - 1, 1)
    span = max(domain.numbers) - min(domain.numbers)
    numbers = [float(value) for value in values]
    return (max(numbers) - min(numbers)) / span if span else 0.0


def widen(values: Values, domain: Domain) -> Values:
    """Give the values of the least label of the hierarchy that holds all of these."""
    if not domain.leaves:
        return values
    return min((one for one in domain.levels.values() if values <= one), key=len)


def spell(label: str) -> str:
    """Spell a list of values in one order: two orders of one set are one class."""
    if "," not in label or label.startswith("["):
        return label
    return ",".join(sorted(label.split(",")))


def read_dashes_and_lists(label: str, domain: Domain) -> Values:
    """Read `17-24` and `17`, and lists of values with commas."""
    if domain.leaves:
        members = frozenset(label.split(","))
        if not members <= domain.leaves:
            raise _unknown(domain)
        return members
    return _dashes(label, domain)


def read_levels(label: str, domain: Domain) -> Values:
    """Read labels of a hierarchy.

    A number's too are looked up, not read: tables may say `75-79` of 80.
    """
    return _level(label, domain)


def read_brackets_and_levels(label: str, domain: Domain) -> Values:
    """Read `[17, 24]`, `[17, 25)`, `17` and `*`, labels of a hierarchy, and `{a, b}`."""
    if domain.leaves and label.startswith("{"):
        # None of Adult's values has a comma or a brace, which would be escaped.
        members = frozenset(label[1:-1].split(", "))
        if not members <= domain.leaves:
            raise _unknown(domain)
        return members
    if domain.leaves:
        return _level(label, domain)
    if not label.startswith("["):
        return _dashes(label, domain)
    low, high = (float(end) for end in label[1:-1].split(","))
    return _between(low, high, domain, open_above=label.endswith(")"))


def _level(label: str, domain: Domain) -> Values:
    values = domain.levels.get(label)
    if not values:
        raise _unknown(domain)
    return values


def _dashes(label: str, domain: Domain) -> frozenset[float]:
    if label == ANYTHING:
        return domain.numbers
    # The first sign belongs to the number: `-3-5` is from -3 to 5.
    low, dash, high = label[1:].partition("-")
    low = label[:1] + low
    return _between(float(low), float(high if dash else low), domain)


def _between(
    low: float, high: float, domain: Domain, *, open_above: bool = False
) -> frozenset[float]:
    values = frozenset(value for value in domain.numbers if low <= value <= high)
    if open_above:
        values -= {high}
    if not values:
        raise _unknown(domain)
    return values


def _unknown(domain: Domain) -> ValueError:
    message = f"{domain.name}: a published label stands for no value of the input"
    return ValueError(message)
