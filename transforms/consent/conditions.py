"""Where an entry or a rule applies: its `when:`, column by column.

A condition that cannot be read does not excuse: where a column is empty, or names no
country that anybody knows, the entry may apply, and is taken to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...policies.consent import GPP_SECTION, Consent, When
from ...policies.countries import country_of, spelled
from ...policies.signals import Scalar, SignalSpec, canonical_text
from ..blocks.identity import is_container
from .gpp_reader import read_sections
from .view import BlockView, Mask

__all__ = ["Conditions", "Where", "first_match"]

_KNOWN, _UNKNOWN = 1, 2
_FLAGS = {"0": "false", "false": "0", "1": "true", "true": "1"}


@dataclass(frozen=True)
class Where:
    """Rows in which a condition holds, and those in which nobody can say."""

    holds: Mask
    unknown: Mask

    @property
    def applies(self) -> Mask:
        """Rows in which the entry is taken to apply."""
        return self.holds | self.unknown


class Conditions:
    """Evaluates the conditions of one policy."""

    def __init__(self, consent: Consent) -> None:
        jurisdiction = consent.jurisdiction
        self._consent = consent
        self._country = jurisdiction.field if jurisdiction is not None else None
        self._gpp = next(
            (spec for spec in consent.resolved.values() if spec.decoder == "gpp"), None
        )

    def where(self, view: BlockView, when: When) -> Where | None:
        """Evaluate a `when:`; null where there is none, which holds everywhere."""
        if not when:
            return None
        holds = np.ones(view.rows, dtype=np.bool_)
        possible = np.ones(view.rows, dtype=np.bool_)
        for column, wanted in when.items():
            values = wanted if isinstance(wanted, tuple) else (wanted,)
            found, unknown = self._column(view, column, values)
            holds &= found
            possible &= found | unknown
        return Where(holds, possible & ~holds)

    def unknown_country(self, view: BlockView) -> Mask | None:
        """Tell where no country can be told; null if the policy does not ask."""
        if self._country is None:
            return None
        known = view.lookup(
            self._country,
            lambda text: _UNKNOWN if country_of(text) is None else _KNOWN,
            missing=_UNKNOWN,
        )
        return known == _UNKNOWN

    def _column(
        self, view: BlockView, column: str, values: tuple[Scalar, ...]
    ) -> tuple[Mask, Mask]:
        if column == GPP_SECTION and self._gpp is not None:
            return _sections(view, self._gpp, values)
        if column == self._country:
            return _country(view, column, values)
        texts = [canonical_text(value) for value in values]
        wanted = {text.casefold() for text in texts if text is not None}
        # One flag is 1 here and true there, and what is neither yes nor no is unclear.
        flags = wanted <= _FLAGS.keys()
        if flags:
            wanted |= {_FLAGS[text] for text in wanted}
        found = np.zeros(view.rows, dtype=np.bool_)
        clear = np.zeros(view.rows, dtype=np.bool_)
        for position in self._consent.positions(column):
            found |= view.matches(position, wanted, if_null=False)
            if flags:
                clear |= view.matches(position, _FLAGS, if_null=False)
            else:
                clear |= view.present(position) & ~_nested(view, position)
        return found, ~clear


def _nested(view: BlockView, column: str) -> Mask:
    """Tell where a column holds a list or an object, which equals no single value."""
    found = view.lookup(
        column, lambda text: int(text[0] in "[{" and is_container(text)), missing=0
    )
    return found.astype(np.bool_)


def _sections(
    view: BlockView, gpp: SignalSpec, values: tuple[Scalar, ...]
) -> tuple[Mask, Mask]:
    wanted = frozenset(
        int(value) for value in values if isinstance(value, (int, float))
    )
    return read_sections(view, gpp, wanted)


def _country(
    view: BlockView, column: str, values: tuple[Scalar, ...]
) -> tuple[Mask, Mask]:
    wanted = frozenset().union(*(spelled(str(value)) for value in values))

    def judge(text: str) -> int:
        code = country_of(text)
        return _UNKNOWN if code is None else int(code in wanted)

    found = view.lookup(column, judge, missing=_UNKNOWN)
    return found == 1, found == _UNKNOWN


def first_match(
    conditions: Conditions, view: BlockView, whens: tuple[When, ...]
) -> tuple[list[Mask], Mask]:
    """Tell which rows each of several rules applies to: the first that matches.

    A rule that may match applies too, and the search goes on: all rules that may be the
    one are held against the record.

    Returns:
        One mask a rule, and the rows in which it was not sure which rule is the one.
    """
    open_ = np.ones(view.rows, dtype=np.bool_)
    unsure = np.zeros(view.rows, dtype=np.bool_)
    masks = []
    for when in whens:
        where = conditions.where(view, when)
        if where is None:
            masks.append(open_)
            open_ = np.zeros(view.rows, dtype=np.bool_)
            continue
        masks.append(open_ & where.applies)
        unsure |= open_ & where.unknown
        open_ = open_ & ~where.holds
    return masks, unsure
