"""What becomes of each column, worked out once per run and safe by construction.

A plan cannot be made that lets a direct identifier through as it is, or free text
unread: `DeidentifyPlan.from_policy` refuses, whatever checked the policy before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ...policies.columns import KEYED_ACTIONS, Column
from ...policies.errors import OptinError
from ...policies.model import Pii, Policy
from ...policies.semantic_types import Storage
from ..blocks.spec import STORAGE_TYPES
from .actions import bucket_type, redacted_type
from .keys import Secret, column_key

__all__ = ["STORAGE_TYPES", "ColumnPlan", "DeidentifyPlan", "fake_kind"]

_NUMERIC: tuple[Storage, ...] = ("int64", "float64")
_TIMES: tuple[Storage, ...] = ("date", "timestamp")
_TEXT: tuple[Storage, ...] = ("string",)
_STORAGES: dict[str, tuple[Storage, ...]] = {
    "bucket": _NUMERIC,
    "date_shift": _TIMES,
    "fake": _TEXT,
    "geohash": ("float64",),
    "mask": _TEXT,
    "replace": ("string", "int64", "bool"),
    "round": _NUMERIC,
    "scan": _TEXT,
    "time_truncate": _TIMES,
    "truncate": _TEXT,
}
_SETTINGS = {
    "bucket": ("width",),
    "date_shift": ("max_days",),
    "geohash": ("length", "pair"),
    "replace": ("map",),
    "round": ("digits",),
    "time_truncate": ("period",),
    "truncate": ("bits",),
}
_FOR_TEXT = ("encrypt", "hmac", "redact", "scan")
_FOR_IDENTIFIERS = (
    "date_shift",
    "encrypt",
    "fake",
    "generalize",
    "hmac",
    "mask",
    "redact",
    "replace",
    "time_truncate",
    "truncate",
)


@dataclass(frozen=True)
class ColumnPlan:
    """One published column.

    Attributes:
        column: its entry in the policy.
        input_type: Arrow type in the incoming block.
        output_type: Arrow type in the outgoing block.
        key: derived key of the keyed actions; does not show in a repr.
    """

    column: Column
    input_type: pa.DataType
    output_type: pa.DataType
    key: Secret | None = None


@dataclass(frozen=True)
class DeidentifyPlan:
    """All published columns in policy order: a frozen, picklable value.

    Attributes:
        columns: what becomes of each.
        pii: how `scan` columns are searched; null if there are none.
    """

    columns: tuple[ColumnPlan, ...]
    pii: Pii | None

    @classmethod
    def from_policy(
        cls, policy: Policy, keys: Mapping[str, Secret | bytes]
    ) -> DeidentifyPlan:
        """Work out the plan of a policy.

        Args:
            policy: a loaded policy.
            keys: master key of each reference in the policy (`resolve_keys`).

        Raises:
            KeyReferenceError: a column's key is not among `keys`.
            OptinError: an action would let a direct identifier or free text pass, does
                not fit the column's type, or lacks its setting.
        """
        columns = tuple(
            _plan_column(column, policy, keys) for column in policy.published_columns
        )
        scans = any(plan.column.action == "scan" for plan in columns)
        if scans and policy.pii is None:
            message = "columns: action 'scan' needs a pii: block"
            raise OptinError(message)
        return cls(columns, policy.pii if scans else None)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the published columns, before k-anonymisation."""
        return pa.schema(
            [(plan.column.name, plan.output_type) for plan in self.columns]
        )


def _plan_column(
    column: Column, policy: Policy, keys: Mapping[str, Secret | bytes]
) -> ColumnPlan:
    _refuse_unsafe(column)
    key = None
    if column.action in KEYED_ACTIONS:
        key = column_key(policy, column, keys)
    kind = STORAGE_TYPES[column.semantic.storage]
    return ColumnPlan(column, kind, _output_type(column, kind), key)


def _refuse_unsafe(column: Column) -> None:
    action, semantic = column.action, column.semantic
    if semantic.direct_identifier:
        passes = (
            action not in _FOR_IDENTIFIERS
            or (action == "truncate" and semantic.name != "ip_address")
            or (action == "generalize" and column.keep_chars is None)
            or (action == "replace" and _replaces_by_itself(column))
            or (action == "time_truncate" and column.period == "day")
        )
        if passes:
            message = (
                f"column {column.name}: action '{action}' can let a direct identifier "
                f"({column.type}) through; use drop, hmac or redact"
            )
            raise OptinError(message)
    if semantic.text and action not in _FOR_TEXT:
        message = (
            f"column {column.name}: action '{action}' lets free text pass unread; "
            "use scan, redact or drop"
        )
        raise OptinError(message)
    storages = _STORAGES.get(action)
    if storages is not None and semantic.storage not in storages:
        message = (
            f"column {column.name}: action '{action}' does not fit type {column.type}; "
            f"it needs {' or '.join(storages)} values"
        )
        raise OptinError(message)
    for setting in _SETTINGS.get(action, ()):
        if getattr(column, setting) is None:
            message = f"column {column.name}: action '{action}' needs '{setting}:'"
            raise OptinError(message)
    if action == "fake" and fake_kind(column) is None:
        message = f"column {column.name}: action 'fake' needs 'kind:'"
        raise OptinError(message)


def _replaces_by_itself(column: Column) -> bool:
    table = column.map or {}
    return column.default == "keep" or any(
        target is not None and source.strip().casefold() == target.strip().casefold()
        for source, target in table.items()
    )


def fake_kind(column: Column) -> str | None:
    """Give the kind of surrogate of a column: its own, or that of its type."""
    return column.kind or column.semantic.fake


def _output_type(column: Column, kind: pa.DataType) -> pa.DataType:
    if column.action == "generalize" and column.keep_chars is not None:
        return pa.string()
    if column.action == "bucket" and column.width is not None:
        return bucket_type(kind, column.width)
    if column.action == "redact":
        return redacted_type(kind, column.replacement)
    return STORAGE_TYPES[column.published_storage]
