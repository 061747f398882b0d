"""De-identification of one block: a pure function from block to block."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ...policies.columns import Column
from ...policies.errors import InputError, OptinError
from ..blocks.names import RAW_PREFIX, SUBJECT, is_system
from .actions import (
    bucket,
    keep_prefix,
    redact,
    round_digits,
    shift_dates,
    subject_shifts,
    truncate_ip,
)
from .coarse import geohash, mask, period_labels, replace, time_truncate
from .distinct import as_array, map_distinct
from .encryption import encrypt_tokens
from .identifiers import normalize_identifier, null_zero_ids
from .keys import ColumnCache, TokenCache, hmac_tokens
from .plan import ColumnPlan, DeidentifyPlan, fake_kind
from .surrogates import fake_values
from .validity import has_check, invalid_finding, unfit_rows

if TYPE_CHECKING:
    from .text import TextScanner

__all__ = ["UNREADABLE_IP", "Findings", "deidentify_block"]

Findings = dict[str, Counter[str]]
"""Column → entity → spans found, weighted by rows. Never a value."""

UNREADABLE_IP = "UNREADABLE_IP"
"""Finding: rows whose IP address could not be read; they are null in the output."""


_HIDES = ("encrypt", "fake", "hmac", "scan")
"""Actions that show nothing of a value, so that one of another type may pass them."""


def deidentify_block(
    block: pa.RecordBatch,
    plan: DeidentifyPlan,
    scanner: TextScanner | None = None,
    cache: TokenCache | None = None,
) -> tuple[pa.RecordBatch, Findings]:
    """Apply the policy's actions to one block.

    Out come the published columns in policy order, then optin's own columns without
    the raw text of consent columns. The schema's metadata stays.

    Guaranteed: no value of a direct identifier column stands unchanged in the output
    (`redact` aside, whose constant says nothing), or an error is raised. A value that is
    none of its type, such as an e-mail address without `@`, is counted
    (`INVALID_EMAIL`), and null unless the action shows nothing of it.

    Args:
        block: rows with consent; `optin:subject` is needed where dates are shifted,
            and where text names things by subject.
        plan: what becomes of each column.
        scanner: reads `scan` columns; may be null if there are none.
        cache: remembers pseudonyms and shifts from block to block; they are the same
            without it.

    Raises:
        InputError: a column of the plan is not in the block.
        OptinError: an identifier would have passed unchanged.
    """
    findings: Findings = {}
    names, arrays = [], []
    for column_plan in plan.columns:
        name = column_plan.column.name
        array = _input(block, name, column_plan)
        fit, found = _fit(array, column_plan)
        result, more = _apply(fit, column_plan, block, scanner, cache)
        found += more
        if column_plan.column.semantic.direct_identifier:
            _refuse_unchanged(array, result, column_plan)
        if found:
            findings[name] = found
        names.append(name)
        arrays.append(result)
    for name in block.schema.names:
        if is_system(name) and not name.startswith(RAW_PREFIX):
            names.append(name)
            arrays.append(block.column(name))
    schema = pa.schema(
        [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)],
        metadata=block.schema.metadata,
    )
    return pa.RecordBatch.from_arrays(arrays, schema=schema), findings


def _input(block: pa.RecordBatch, name: str, plan: ColumnPlan) -> pa.Array:
    if name not in block.schema.names:
        message = f"column {name}: the input does not have it"
        raise InputError(message)
    array = as_array(block.column(name))
    return array if array.type == plan.input_type else array.cast(plan.input_type)


def _fit(array: pa.Array, plan: ColumnPlan) -> tuple[pa.Array, Counter[str]]:
    """Make null what names nobody, and what is none of its type, if it would show."""
    semantic, action = plan.column.semantic, plan.column.action
    if action in ("redact", "truncate"):  # one looks at nothing, one does so itself
        return array, Counter()
    if semantic.zero_is_null and action != "hmac":  # which does so itself
        array = map_distinct(array, null_zero_ids)
    if not has_check(semantic):
        return array, Counter()
    unfit = unfit_rows(array, semantic, plan.column.country)
    rows = pc.sum(unfit, min_count=0).as_py()
    if not rows:
        return array, Counter()
    hidden = action in _HIDES or (action == "replace" and plan.column.default != "keep")
    if not hidden:
        array = pc.if_else(unfit, pa.scalar(None, array.type), array)
    return array, Counter({invalid_finding(semantic): rows})


def _apply(
    array: pa.Array,
    plan: ColumnPlan,
    block: pa.RecordBatch,
    scanner: TextScanner | None,
    cache: TokenCache | None,
) -> tuple[pa.Array, Counter[str]]:
    column, none = plan.column, Counter[str]()
    match column.action:
        case "keep":
            return array, none
        case "hmac" if plan.key is not None:
            return _pseudonyms(array, column, plan.key.reveal(), cache), none
        case "encrypt" if plan.key is not None and plan.label is not None:
            return encrypt_tokens(array, plan.key.reveal(), plan.label), none
        case "fake" if plan.key is not None and (kind := fake_kind(column)):
            values = _normal(array, column)
            return fake_values(values, plan.key.reveal(), kind, column.locale), none
        case "redact":
            return redact(array, column.replacement), none
        case "truncate" if column.bits is not None:
            cut, unread = truncate_ip(array, column.bits, column.bits_v6)
            return cut, Counter({UNREADABLE_IP: unread}) if unread else none
        case "round" if column.digits is not None:
            return round_digits(array, column.digits), none
        case "bucket" if column.width is not None:
            return bucket(array, column.width), none
        case "geohash" if column.length is not None and column.pair is not None:
            pair = _input(block, column.pair, plan)
            if column.semantic.name == "longitude":
                return geohash(pair, array, column.length), none
            return geohash(array, pair, column.length), none
        case "mask":
            masked = mask(
                array,
                first=column.keep_first or 0,
                last=column.keep_last or 0,
                char=column.mask_char,
                strict=column.semantic.direct_identifier,
            )
            return masked, none
        case "replace" if column.map is not None:
            keep = column.default == "keep"
            return replace(array, column.map, keep=keep), none
        case "time_truncate" if column.period is not None:
            if column.semantic.direct_identifier:
                return period_labels(array, column.period), none
            return time_truncate(array, column.period), none
        case "date_shift" if plan.key is not None and column.max_days is not None:
            if SUBJECT not in block.schema.names:
                message = f"column {column.name}: date_shift needs {SUBJECT}"
                raise InputError(message)
            days = _shifts(block, plan.key.reveal(), column.max_days, cache)
            return shift_dates(array, days, column.max_days), none
        case "generalize":
            if column.keep_chars is None:
                return array, none
            strict = column.semantic.direct_identifier
            return keep_prefix(array, column.keep_chars, strict=strict), none
        case "scan" if scanner is not None:
            subjects = None
            if SUBJECT in block.schema.names:
                subjects = as_array(block.column(SUBJECT))
            return scanner.redact(array, subjects=subjects)
    message = (
        f"column {column.name}: action '{column.action}' cannot be done as planned; "
        "build the plan with DeidentifyPlan.from_policy, and give a scanner for scan"
    )
    raise OptinError(message)


def _pseudonyms(
    array: pa.Array, column: Column, key: bytes, cache: TokenCache | None
) -> pa.Array:
    def tokens(values: pa.Array) -> pa.Array:
        return hmac_tokens(_normal(values, column), key)

    if cache is None or not pa.types.is_string(array.type):
        return tokens(array)
    semantic = column.semantic
    what = f"hmac {semantic.name} {semantic.direct_identifier} {semantic.zero_is_null}"
    return cache.column(column.name, what, key).map(array, tokens, pa.string())


def _shifts(
    block: pa.RecordBatch,
    key: bytes,
    max_days: int,
    cache: TokenCache | None,
) -> pa.Array:
    known: ColumnCache | None = None
    if cache is not None:
        known = cache.column(SUBJECT, f"date_shift {max_days}", key)
    return subject_shifts(as_array(block.column(SUBJECT)), key, max_days, known)


def _normal(array: pa.Array, column: Column) -> pa.Array:
    """Spell an identifier the one way in which it is the same person everywhere."""
    semantic = column.semantic
    if not semantic.direct_identifier:
        return array
    zero = semantic.zero_is_null
    return normalize_identifier(array, semantic.name, zero_is_null=zero)


def _refuse_unchanged(array: pa.Array, result: pa.Array, plan: ColumnPlan) -> None:
    if plan.column.action == "redact":
        return
    same = pc.equal(array.cast(pa.string()), result.cast(pa.string()))
    if pc.any(same).as_py():
        message = (
            f"column {plan.column.name}: action '{plan.column.action}' would let a "
            f"direct identifier ({plan.column.type}) through unchanged"
        )
        raise OptinError(message)
