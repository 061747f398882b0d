"""What becomes of each column, worked out once per run and safe by construction.

A plan cannot be made that lets a direct identifier through as it is, or free text
unread: `DeidentifyPlan.from_policy` refuses, whatever checked the policy before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ...policies.action_types import ACTION_RULES, fits
from ...policies.columns import KEYED_ACTIONS, Column, lets_identifier_pass
from ...policies.errors import KeyReferenceError, OptinError
from ...policies.model import Pii, Policy
from ...policies.surrogates import UNSTABLE_SURROGATES
from ..blocks.spec import STORAGE_TYPES
from .actions import bucket_type, redacted_type
from .encryption import TokenLabel
from .keys import Secret, column_key, column_names, key_id, policy_key

__all__ = ["STORAGE_TYPES", "ColumnPlan", "DeidentifyPlan", "column_label", "fake_kind"]

_TEXT_FIELD = "optin:text"  # no column may be called so


@dataclass(frozen=True)
class ColumnPlan:
    """One published column.

    Attributes:
        column: its entry in the policy.
        input_type: Arrow type in the incoming block.
        output_type: Arrow type in the outgoing block.
        key: derived key of the keyed actions; does not show in a repr.
        label: of `encrypt`: what its tokens say, and are bound to.
    """

    column: Column
    input_type: pa.DataType
    output_type: pa.DataType
    key: Secret | None = None
    label: TokenLabel | None = None


@dataclass(frozen=True)
class DeidentifyPlan:
    """All published columns in policy order: a frozen, picklable value.

    Attributes:
        columns: what becomes of each.
        pii: how `scan` columns are searched; null if there are none.
        text_key: derived key of the operators that need one; does not show in a repr.
    """

    columns: tuple[ColumnPlan, ...]
    pii: Pii | None
    text_key: Secret | None = None

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
        if not scans or policy.pii is None:
            return cls(columns, None)
        return cls(columns, policy.pii, _text_key(policy, policy.pii, keys))

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the published columns, before k-anonymisation."""
        return pa.schema(
            [(plan.column.name, plan.output_type) for plan in self.columns]
        )


def _text_key(
    policy: Policy, pii: Pii, keys: Mapping[str, Secret | bytes]
) -> Secret | None:
    """Derive the key of all texts of the set: a person has one name in all columns."""
    if not pii.keyed:
        return None
    if policy.key is None or policy.key.ref not in keys:
        message = "pii.operators: this operator needs a key; set key: for the policy"
        raise KeyReferenceError(message)
    return Secret(policy_key(policy, keys[policy.key.ref], _TEXT_FIELD))


def _plan_column(
    column: Column, policy: Policy, keys: Mapping[str, Secret | bytes]
) -> ColumnPlan:
    _refuse_unsafe(column)
    key = label = None
    if column.action in KEYED_ACTIONS:
        key = column_key(policy, column, keys)
    if column.action == "encrypt":
        label = column_label(policy, column, keys)
    kind = STORAGE_TYPES[column.semantic.storage]
    return ColumnPlan(column, kind, _output_type(column, kind), key, label)


def column_label(
    policy: Policy, column: Column, keys: Mapping[str, Secret | bytes]
) -> TokenLabel:
    """Give the label of a column's encrypted tokens.

    Raises:
        KeyReferenceError: the column has no key, or it is not among `keys`.
    """
    reference = column.key or policy.key
    if reference is None or reference.ref not in keys:
        message = f"column {column.name}: no key: at the column or for the policy"
        raise KeyReferenceError(message)
    names = column_names(policy, column)
    return TokenLabel(key_id(keys[reference.ref]), reference.epoch, names)


def _refuse_unsafe(column: Column) -> None:
    action, semantic = column.action, column.semantic
    rule = ACTION_RULES[action]
    if lets_identifier_pass(column):
        message = (
            f"column {column.name}: action '{action}' can let a direct identifier "
            f"({column.type}) through; use drop, hmac or redact"
        )
        raise OptinError(message)
    if semantic.text and not rule.text:
        message = (
            f"column {column.name}: action '{action}' lets free text pass unread; "
            "use scan, redact or drop"
        )
        raise OptinError(message)
    if not fits(action, semantic):
        wanted = rule.types or tuple(f"{held} values" for held in rule.storages or ())
        message = (
            f"column {column.name}: action '{action}' does not fit type {column.type}; "
            f"it needs {' or '.join(wanted)}"
        )
        raise OptinError(message)
    if column.keep_chars is not None and semantic.storage != "string":
        message = (
            f"column {column.name}: 'keep_chars' is for text, not type {column.type}"
        )
        raise OptinError(message)
    needs = (*rule.needs, "pair") if action == "geohash" else rule.needs
    for setting in needs:
        if getattr(column, setting) is None:
            message = f"column {column.name}: action '{action}' needs '{setting}:'"
            raise OptinError(message)
    if action == "fake" and fake_kind(column) is None:
        message = f"column {column.name}: action 'fake' needs 'kind:'"
        raise OptinError(message)
    if action == "fake" and (fake_kind(column), column.locale) in UNSTABLE_SURROGATES:
        message = (
            f"column {column.name}: surrogates of this kind in {column.locale} are not "
            "the same on every day and machine; take another locale or kind"
        )
        raise OptinError(message)


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
