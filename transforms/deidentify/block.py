"""De-identification of one block: a pure function from block to block."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

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
from .distinct import as_array
from .identifiers import normalize_identifier
from .keys import hmac_tokens
from .plan import ColumnPlan, DeidentifyPlan

if TYPE_CHECKING:
    from .text import TextScanner

__all__ = ["UNREADABLE_IP", "Findings", "deidentify_block"]

Findings = dict[str, Counter[str]]
"""Column → entity → spans found, weighted by rows. Never a value."""

UNREADABLE_IP = "UNREADABLE_IP"
"""Finding: rows whose IP address could not be read; they are null in the output."""


def deidentify_block(
    block: pa.RecordBatch, plan: DeidentifyPlan, scanner: TextScanner | None = None
) -> tuple[pa.RecordBatch, Findings]:
    """Apply the policy's actions to one block.

    Out come the published columns in policy order, then optin's own columns without
    the raw text of consent columns. The schema's metadata stays.

    Guaranteed: no value of a direct identifier column stands unchanged in the output
    (`redact` aside, whose constant says nothing), or an error is raised.

    Args:
        block: rows with consent; `optin:subject` is needed where dates are shifted.
        plan: what becomes of each column.
        scanner: reads `scan` columns; may be null if there are none.

    Raises:
        InputError: a column of the plan is not in the block.
        OptinError: an identifier would have passed unchanged.
    """
    findings: Findings = {}
    names, arrays = [], []
    for column_plan in plan.columns:
        name = column_plan.column.name
        if name not in block.schema.names:
            message = f"column {name}: the input does not have it"
            raise InputError(message)
        array = as_array(block.column(name))
        if array.type != column_plan.input_type:
            array = array.cast(column_plan.input_type)
        result, found = _apply(array, column_plan, block, scanner)
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


def _apply(
    array: pa.Array,
    plan: ColumnPlan,
    block: pa.RecordBatch,
    scanner: TextScanner | None,
) -> tuple[pa.Array, Counter[str]]:
    column, none = plan.column, Counter[str]()
    match column.action:
        case "keep":
            return array, none
        case "hmac" if plan.key is not None:
            semantic = column.semantic
            if semantic.direct_identifier:
                array = normalize_identifier(
                    array, semantic.name, zero_is_null=semantic.zero_is_null
                )
            return hmac_tokens(array, plan.key.reveal()), none
        case "redact":
            return redact(array, column.replacement), none
        case "truncate" if column.bits is not None:
            cut, unread = truncate_ip(array, column.bits, column.bits_v6)
            return cut, Counter({UNREADABLE_IP: unread}) if unread else none
        case "round" if column.digits is not None:
            return round_digits(array, column.digits), none
        case "bucket" if column.width is not None:
            return bucket(array, column.width), none
        case "date_shift" if plan.key is not None and column.max_days is not None:
            if SUBJECT not in block.schema.names:
                message = f"column {column.name}: date_shift needs {SUBJECT}"
                raise InputError(message)
            days = subject_shifts(
                as_array(block.column(SUBJECT)), plan.key.reveal(), column.max_days
            )
            return shift_dates(array, days), none
        case "generalize":
            if column.keep_chars is None:
                return array, none
            strict = column.semantic.direct_identifier
            return keep_prefix(array, column.keep_chars, strict=strict), none
        case "scan" if scanner is not None:
            return scanner.redact(array)
    message = (
        f"column {column.name}: action '{column.action}' cannot be done as planned; "
        "build the plan with DeidentifyPlan.from_policy, and give a scanner for scan"
    )
    raise OptinError(message)


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
