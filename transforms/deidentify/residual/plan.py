"""Which columns the second detector reads, and what in them counts as our own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ....policies.columns import Column
from ....policies.model import Pii, Policy
from ....policies.pii import SURROGATE_KINDS

__all__ = ["ResidualColumn", "ResidualPlan"]

_OURS: Final[Mapping[str, str]] = {
    "encrypt": "tokens of encrypt",
    "fake": "surrogates of fake",
    "geohash": "geohash cells",
    "hmac": "pseudonyms of hmac",
    "redact": "a constant",
}
"""Actions whose output is made by us, and looks like what is searched for."""

_FAKES: Final = {
    "credit_card": "CREDIT_CARD",
    "email": "EMAIL_ADDRESS",
    "first_name": "PERSON",
    "iban": "IBAN_CODE",
    "ip_address": "IP_ADDRESS",
    "last_name": "PERSON",
    "mac_address": "MAC_ADDRESS",
    "name": "PERSON",
    "national_id": "NATIONAL_ID",
    "phone": "PHONE_NUMBER",
    "user_agent": "IP_ADDRESS",  # "Chrome 120.0.0.0"
    "uuid": "UUID",
}
"""Kind of surrogate → what it would be taken for."""

_NAMED_VALUES = 1_000


@dataclass(frozen=True)
class ResidualColumn:
    """One column that is read.

    Attributes:
        name: its name in the output.
        exempt: entities that do not count, because operators write surrogates of them.
        named: the language model looks for names as well.
    """

    name: str
    exempt: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True)
class ResidualPlan:
    """What is looked at: a frozen, picklable value.

    Attributes:
        columns: those that are read, in policy order.
        sample: most distinct values of a column.
        placeholders: RE of what the cleaning puts for an entity, and of what the policy
            allows.
        language: of the text, for the model.
        left_out: column → why it is not read.
        named_values: most distinct values of a column that the model reads.
    """

    columns: tuple[ResidualColumn, ...]
    sample: int
    placeholders: str
    language: str = "en"
    left_out: Mapping[str, str] = field(default_factory=dict, hash=False)
    named_values: int = _NAMED_VALUES

    @classmethod
    def of(cls, policy: Policy, *, has_model: bool = False) -> ResidualPlan:
        """Work out the plan of a policy.

        Args:
            policy: a loaded policy.
            has_model: the language model is installed; it is asked for names in scanned
                columns if the policy's own engine had none and the policy lets it.
        """
        pii, rules = policy.pii, policy.residual
        model = has_model and rules.model == "auto"
        columns, left_out = [], {}
        for column in policy.published_columns:
            reason = _left_out(column, rules.skip)
            if reason == "":
                continue
            if reason is not None:
                left_out[column.name] = reason
            elif column.action == "scan" and pii is not None:
                named = model and pii.engine == "rules"
                columns.append(ResidualColumn(column.name, _exempt(pii), named))
            else:
                columns.append(ResidualColumn(column.name))
        return cls(
            tuple(columns),
            rules.sample,
            _placeholders(pii),
            pii.language if pii is not None else "en",
            left_out,
        )

    @property
    def marks(self) -> re.Pattern[str]:
        """The compiled pattern of placeholders."""
        return re.compile(self.placeholders)

    @property
    def asks_model(self) -> bool:
        """Whether the language model is needed."""
        return any(column.named for column in self.columns)


def _left_out(column: Column, skip: tuple[str, ...]) -> str | None:
    """Say why a column is not read; "" if it cannot hold text, None if it is read."""
    if column.name in skip:
        return "the policy's residual.skip"
    if column.action in _OURS:
        return _OURS[column.action]
    # Labels of generalised numbers are text, and harmless; numbers are not read.
    if column.published_storage != "string" and column.action not in _TEXTUAL:
        return ""
    return None


_TEXTUAL = ("generalize", "mask", "replace", "scan", "truncate")


def _exempt(pii: Pii) -> tuple[str, ...]:
    """Give the entities that the policy's operators write as surrogates."""
    exempt: set[str] = set()
    for entity in pii.entities:
        operator = pii.operator(entity)
        kind = operator.kind or SURROGATE_KINDS.get(entity)
        if operator.type == "fake" and kind in _FAKES:
            exempt.add(_FAKES[kind])
        elif operator.type == "hmac":
            exempt.add("SECRET")  # its tokens are long and random
    return tuple(sorted(exempt))


def _placeholders(pii: Pii | None) -> str:
    """Give the pattern of `<ENTITY>`, `<ENTITY_12>`, `<ENTITY_7F3A>` of this policy."""
    names = ["UNREADABLE_TEXT", *(pii.entities if pii is not None else ())]
    marks = [
        rf"<(?:{'|'.join(map(re.escape, sorted(names)))})(?:_[0-9A-Za-z]{{1,32}})?>"
    ]
    if pii is not None:
        words = sorted(pii.allow_list, key=len, reverse=True)
        marks += [rf"(?<!\w){re.escape(word)}(?!\w)" for word in words]
    return "|".join(marks)
