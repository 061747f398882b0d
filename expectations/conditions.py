"""Read a `row_condition`: in each of Great Expectations' forms, into one small tree.

The tree is a list whose head says what it is: `["and", …]`, `["or", …]`, `["not", x]`,
`["null", column]`, `["in", column, values]`, or a comparison such as
`[">", column, value]`, where a value may be `{"column": name}`. It travels as JSON.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from typing import Any

__all__ = ["COMPARISONS", "condition_columns", "parse_condition"]

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=",
}  # fmt: skip
_NULL_CALLS = {"isna": True, "isnull": True, "notna": False, "notnull": False}
_BACKTICK = re.compile(r"`([^`]+)`")
_PARSERS = (
    "great_expectations",
    "great_expectations__experimental__",
    "pandas",
    "spark",
)
_GX_TEXT = re.compile(
    r"""^\s*col\("(?P<column>[^"]+)"\)\s*(?:(?P<null>\.notnull\(\))|"""
    r"""(?P<op><=|>=|==|!=|<|>)\s*(?:(?P<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|"""
    r"""(?:date\(\s*)?(?P<quote>["'])(?P<text>[^"']+)(?P=quote)\s*\)?))\s*$"""
)
_DEPTH_MAX = 20

Tree = list[Any]


class _FormError(ValueError):
    pass


def parse_condition(given: object, parser: object = None) -> str:
    """Give the tree of a row condition as JSON.

    Args:
        given: text of `DataFrame.query` or of Great Expectations (`col("x") > 1`), or
            the dict that Great Expectations writes for a condition object.
        parser: `condition_parser`: pandas, spark (read as pandas does) or
            great_expectations; needed for text alone.

    Raises:
        ValueError: it cannot be read, and why.
    """
    if parser is not None and parser not in _PARSERS:
        known = ", ".join(_PARSERS)
        message = f"unknown condition_parser; write one of {known}"
        raise ValueError(message)
    if isinstance(given, dict):
        tree = _of_object(given, 0)
    elif not isinstance(given, str) or not given.strip():
        message = "must be text, or a condition as Great Expectations writes it"
        raise ValueError(message)
    elif str(parser).startswith("great_expectations"):
        tree = _of_gx_text(given)
    elif parser is None:
        message = "text needs 'condition_parser': pandas, or great_expectations"
        raise ValueError(message)
    else:
        tree = _of_query(given)
    return json.dumps(tree, ensure_ascii=False)


def condition_columns(condition: str) -> tuple[str, ...]:
    """Name the columns that a condition reads."""
    if not condition:
        return ()
    return tuple(dict.fromkeys(_columns(json.loads(condition))))


def _columns(tree: Tree) -> Iterator[str]:
    head = tree[0]
    if head in ("and", "or", "not"):
        for item in tree[1:]:
            yield from _columns(item)
        return
    yield tree[1]
    if head in COMPARISONS and isinstance(tree[2], dict):
        yield tree[2]["column"]


def _of_object(given: dict[str, Any], depth: int) -> Tree:
    if depth > _DEPTH_MAX:
        message = "is nested too deep"
        raise _FormError(message)
    kind = given.get("type")
    if kind in ("and", "or"):
        parts = given.get("conditions")
        if (
            isinstance(parts, list)
            and parts
            and all(isinstance(x, dict) for x in parts)
        ):
            return [kind, *(_of_object(part, depth + 1) for part in parts)]
        message = f"a condition of type {kind!r} lists 'conditions'"
        raise _FormError(message)
    if kind == "pass_through" and isinstance(given.get("pass_through_filter"), str):
        return _of_query(given["pass_through_filter"])
    column = given.get("column")
    name = column.get("name") if isinstance(column, dict) else None
    if not isinstance(name, str) or kind not in ("comparison", "nullity"):
        message = (
            "a condition has a type (comparison, nullity, and, or, pass_through) and "
            'names its column as {"name": …}'
        )
        raise _FormError(message)
    if kind == "nullity":
        return ["null", name] if given.get("is_null") else ["not", ["null", name]]
    operator, parameter = given.get("operator"), given.get("parameter")
    if operator in ("IN", "NOT_IN"):
        inside = ["in", name, _listed(parameter)]
        return inside if operator == "IN" else ["not", inside]
    if operator in COMPARISONS:
        return [operator, name, _scalar(parameter)]
    message = f"a comparison has an operator: {', '.join(COMPARISONS)}, IN, NOT_IN"
    raise _FormError(message)


def _scalar(value: object) -> object:
    if isinstance(value, str | int | float):
        return value
    message = "compares with text, a number, true or false"
    raise _FormError(message)


def _listed(values: object) -> list[object]:
    if not isinstance(values, list):
        message = "needs a list of values for 'in'"
        raise _FormError(message)
    return [_scalar(value) for value in values]


def _of_gx_text(text: str) -> Tree:
    found = _GX_TEXT.match(text)
    if found is None:
        message = (
            'is not of the form col("name") > 1, col("name") == "text" or '
            'col("name").notnull()'
        )
        raise _FormError(message)
    if found["null"]:
        return ["not", ["null", found["column"]]]
    value: object = found["text"]
    if found["number"]:
        digits = found["number"]
        value = int(digits) if re.fullmatch(r"[+-]?\d+", digits) else float(digits)
    return [found["op"], found["column"], value]


def _of_query(text: str) -> Tree:
    """Read the part of `DataFrame.query` that can be computed block by block."""
    names: list[str] = []

    def holder(found: re.Match[str]) -> str:
        names.append(found[1])
        return f" __column_{len(names) - 1} "

    try:
        tree = ast.parse(_words(_BACKTICK.sub(holder, text)).strip(), mode="eval").body
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError):
        message = "is not an expression of DataFrame.query"
        raise _FormError(message) from None
    return _Query(names).condition(tree)


def _words(text: str) -> str:
    """Write `&` and `|` as words, whose precedence they have in a query."""
    words = {"&": "and", "|": "or"}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return tokenize.untokenize(
        (tokenize.NAME, words[item.string])
        if item.type == tokenize.OP and item.string in words
        else (item.type, item.string)
        for item in tokens
    )


class _Query:
    def __init__(self, names: list[str]) -> None:
        self.names = names

    def condition(self, node: ast.expr) -> Tree:
        match node:
            case ast.BoolOp(op=joined, values=values):
                head = "and" if isinstance(joined, ast.And) else "or"
                return [head, *(self.condition(value) for value in values)]
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return ["not", self.condition(operand)]
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                ends = [left, *comparators]
                pairs = zip(ends, ops, ends[1:], strict=False)
                parts = [self.comparison(*pair) for pair in pairs]
                return parts[0] if len(parts) == 1 else ["and", *parts]
            case ast.Call(
                func=ast.Attribute(value=ast.Name() as column, attr=call),
                args=[],
                keywords=[],
            ) if call in _NULL_CALLS:
                null = ["null", self.name(column)]
                return null if _NULL_CALLS[call] else ["not", null]
            case ast.Name():
                return ["==", self.name(node), True]
        message = (
            "uses more of DataFrame.query than is read here: comparisons with values or "
            "columns, in, and, or, not, isnull(), notnull()"
        )
        raise _FormError(message)

    def comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Tree:
        if isinstance(operator, ast.In | ast.NotIn):
            inside = ["in", self.name(left), self.values(right)]
            return inside if isinstance(operator, ast.In) else ["not", inside]
        sign = _SIGNS.get(type(operator))
        if sign is None:
            message = "'is' is no comparison of a query; write =="
            raise _FormError(message)
        if isinstance(right, ast.List | ast.Tuple) and sign in ("==", "!="):
            inside = ["in", self.name(left), self.values(right)]
            return inside if sign == "==" else ["not", inside]
        if not isinstance(left, ast.Name):
            left, right, sign = right, left, _FLIPPED[sign]
        if isinstance(right, ast.Name):
            return [sign, self.name(left), {"column": self.name(right)}]
        return [sign, self.name(left), self.value(right)]

    def name(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name):
            message = "compares something that is no column"
            raise _FormError(message)
        held = re.fullmatch(r"__column_(\d+)", node.id)
        return self.names[int(held[1])] if held else node.id

    def values(self, node: ast.expr) -> list[object]:
        if not isinstance(node, ast.List | ast.Tuple):
            message = "needs a list of values for 'in'"
            raise _FormError(message)
        return [self.value(item) for item in node.elts]

    def value(self, node: ast.expr) -> object:
        try:
            return _scalar(ast.literal_eval(node))
        except ValueError:
            message = "compares with text, a number, True or False"
            raise _FormError(message) from None
