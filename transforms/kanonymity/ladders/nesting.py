"""Levels of a column that was not read from a policy: do they nest?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, get_args

from ....policies.columns import Column, Period
from ....policies.errors import InputError
from ....policies.hierarchies import power_of
from .labels import decimal_of

__all__ = ["require_nesting"]

_UNITS = get_args(Period)


def require_nesting(column: Column) -> None:
    """Refuse levels that do not nest, as the loader of policies does (`E156`).

    Weeks below months are let through, as there (`W156`): nothing that is promised of
    a release rests on it.

    Raises:
        InputError: a level is not coarser than the one before it, or cuts through it.
    """
    hierarchy = column.hierarchy
    if hierarchy is None:
        return
    widths = [*(hierarchy.widths or ())]
    if column.action == "bucket" and column.width and widths:
        widths.insert(0, column.width)
    whole = _numbers(widths, least=0)
    _require(column, "widths", widths, lambda a, b: b > a and not b % a, whole)
    bases = hierarchy.logarithmic or ()
    whole = _numbers(bases, least=1)
    _require(column, "logarithmic", bases, lambda a, b: power_of(b, a) > 1, whole)
    groups = hierarchy.quantiles or ()
    whole = _numbers(groups, least=1)
    _require(column, "quantiles", groups, lambda a, b: b < a and not a % b, whole)
    for name, lengths in (("prefix", hierarchy.prefix), ("ip", hierarchy.ip)):
        whole = _numbers(lengths or (), least=0)
        _require(column, name, lengths or (), lambda a, b: b < a, whole)
    units = [_UNITS.index(unit) for unit in hierarchy.dates or ()]
    _require(column, "dates", units, lambda a, b: b > a, True)


def _numbers(levels: Iterable[float], *, least: float) -> bool:
    return all(level > least for level in levels)


def _require(
    column: Column,
    kind: str,
    levels: Iterable[Any],
    nests: Callable[[Any, Any], bool],
    sound: bool,
) -> None:
    exact = [decimal_of(one) if isinstance(one, float) else one for one in levels]
    if sound and all(nests(*pair) for pair in itertools.pairwise(exact)):
        return
    message = (
        f"column {column.name!r}: levels of '{kind}' do not nest; each must be coarser than "
        "the one before it and made of whole ones of it (docs/hierarchies.md)"
    )
    raise InputError(message)
