"""Comparisons of columns with values and with each other, as rows hold them.

Nothing is unknown here: where a value is missing, a comparison is false (and "is not"
is true), as it is in pandas.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import with_nulls
from .fit import UnfitError
from .values import typed_value

__all__ = ["compare", "condition_mask", "equal", "make_mask"]

_ORDERED = {
    "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip
_NUMBERS = frozenset({"bool", "float", "int"})
_INT64 = (-(2**63), 2**63 - 1)

Column = tuple[str, pa.Array]
"""Family and values of a column, NaN being null."""


def make_mask(rows: int, marked: bool) -> pa.Array:
    """Mark every row, or none."""
    return pa.array(np.full(rows, marked))


def _sure(mask: pa.Array) -> pa.Array:
    return pc.fill_null(mask, False)


def equal(one: Column, other: Column) -> pa.Array:
    """Mark rows whose two values are there and the same; types apart never are."""
    alike = _alike(one, other)
    if alike is None:
        return make_mask(len(one[1]), False)
    return _sure(pc.equal(*alike))


def compare(sign: str, one: Column, other: Column) -> pa.Array:
    """Mark rows where `one` stands in the order `sign` to `other`.

    Raises:
        UnfitError: the two have no common order.
    """
    if sign == "==":
        return equal(one, other)
    if sign == "!=":
        return pc.invert(equal(one, other))
    if "null" in (one[0], other[0]):
        return make_mask(len(one[1]), False)
    alike = _alike(one, other)
    if alike is None:
        message = f"{one[0]} and {other[0]} have no common order"
        raise UnfitError(message, foreign="other" in (one[0], other[0]))
    return _sure(_ORDERED[sign](*alike))


def _alike(one: Column, other: Column) -> tuple[pa.Array, pa.Array] | None:
    (family, left), (second, right) = one, other
    if "other" in (family, second):
        message = "a column of this type is not compared here"
        raise UnfitError(message, foreign=True)
    if family == second and family != "null":
        return left, right
    if family in _NUMBERS and second in _NUMBERS:
        wide = pa.float64() if "float" in (family, second) else pa.int64()
        return pc.cast(left, wide, safe=False), pc.cast(right, wide, safe=False)
    return None


def condition_mask(block: pa.RecordBatch, condition: str) -> pa.Array:
    """Mark the rows of a block that a row condition keeps.

    Raises:
        UnfitError: a column and what it is compared with do not go together.
    """
    return _Condition(block).mask(json.loads(condition))


class _Condition:
    def __init__(self, block: pa.RecordBatch) -> None:
        self.block = block
        self.columns: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        if name not in self.columns:
            found = with_nulls(self.block.column(self.block.schema.names.index(name)))
            self.columns[name] = found
        return self.columns[name]

    def mask(self, tree: list[Any]) -> pa.Array:
        head = tree[0]
        if head in ("and", "or"):
            join = pc.and_ if head == "and" else pc.or_
            marked = self.mask(tree[1])
            for part in tree[2:]:
                marked = join(marked, self.mask(part))
            return marked
        if head == "not":
            return pc.invert(self.mask(tree[1]))
        if head == "null":
            return pc.is_null(self.column(tree[1])[1])
        name, operand = tree[1], tree[2]
        if head == "in":
            marked = make_mask(self.block.num_rows, False)
            for value in operand:
                marked = pc.or_(marked, self.against(name, "==", value))
            return marked
        if isinstance(operand, dict):
            return compare(head, self.column(name), self.column(operand["column"]))
        return self.against(name, head, operand)

    def against(self, name: str, sign: str, value: Any) -> pa.Array:
        """Compare a column with one value."""
        family, values = self.column(name)
        rows = self.block.num_rows
        if family == "null":
            return make_mask(rows, sign == "!=")
        try:
            literal = _literal(value, family)
        except UnfitError as error:
            message = f"its row condition compares {name!r} with another type; {error}"
            raise UnfitError(message, foreign=error.foreign) from None
        if isinstance(literal, int) and not _INT64[0] <= literal <= _INT64[1]:
            literal = float(literal)
        if family == "int" and isinstance(literal, float):
            family, values = "float", pc.cast(values, pa.float64(), safe=False)
        constant = pa.scalar(literal, values.type)
        if sign in ("==", "!="):
            same = _sure(pc.equal(values, constant))
            return same if sign == "==" else pc.invert(same)
        return _sure(_ORDERED[sign](values, constant))


def _literal(value: Any, family: str) -> Any:
    if family == "local" and isinstance(value, str) and len(value) == 10:
        value = f"{value}T00:00:00"
    if family == "date":  # pandas cannot compare dates with text, nor can GX
        message = "dates are not compared with text in a row condition"
        raise UnfitError(message)
    if family == "float" and isinstance(value, bool):
        value = int(value)
    literal = typed_value(value, family)
    if isinstance(literal, datetime) and literal.tzinfo is None and family == "instant":
        message = "write times with their zone"
        raise UnfitError(message)
    return literal
