"""What a policy asks of its signals: each question once, read once per block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...policies.consent import Requirement, Rule
from ...policies.signals import SignalSpec
from .categories import read_categories
from .gpp_reader import GppConsentReader, GppVetoReader
from .readings import SignalReading, read_signal
from .strings import GppQuery, TcfQuery
from .strings_reader import TcfReader, UspReader
from .view import BlockView

__all__ = ["Question", "Questions"]

_GPP_CHILD = "KnownChildSensitiveDataConsents"
_OLDEST_TCF_POLICY = 4  # platforms had to ask again for it, November 2023
_Read = Callable[[BlockView], SignalReading]


@dataclass(frozen=True)
class Question:
    """One question put to one signal.

    Attributes:
        label: the signal's name; a second question to it has `#2` behind it, which no
            name of a signal can have.
        spec: the signal.
        read: reads it on every row of a block.
    """

    label: str
    spec: SignalSpec
    read: _Read


class Questions:
    """The questions of one policy; equal ones are one."""

    def __init__(self) -> None:
        self._found: dict[object, Question] = {}

    @property
    def all(self) -> tuple[Question, ...]:
        """Every question, in the order in which it was first asked."""
        return tuple(self._found.values())

    def require(self, spec: SignalSpec, entry: Requirement, rule: Rule) -> Question:
        """Ask whether a signal grants what an entry of `require:` wants."""
        if spec.decoder == "tcf_v2":
            query = _tcf_query(entry, rule)
            return self._question(spec, query, lambda: TcfReader(query).read)
        if spec.decoder == "gpp":
            query = _tcf_query(entry, rule)
            return self._question(spec, query, lambda: GppConsentReader(query).read)
        if spec.by_category:
            return self._question(spec, entry.categories, lambda: _by(entry.categories))
        return self.veto(spec, ())

    def veto(self, spec: SignalSpec, gpp_fields: tuple[str, ...]) -> Question:
        """Ask whether a signal denies."""
        if spec.decoder == "gpp":
            query = _gpp_query(gpp_fields)
            return self._question(spec, query, lambda: GppVetoReader(query).read)
        if spec.decoder == "us_privacy":
            return self._question(spec, None, lambda: UspReader().read)
        return self._question(spec, None, lambda: read_signal)

    def _question(
        self,
        spec: SignalSpec,
        asked: object,
        reader: Callable[[], Callable[[BlockView, SignalSpec], SignalReading]],
    ) -> Question:
        key = (spec.name, asked)
        if key not in self._found:
            before = sum(one.spec.name == spec.name for one in self._found.values())
            label = spec.name if not before else f"{spec.name}#{before + 1}"
            read = reader()
            self._found[key] = Question(label, spec, lambda view: read(view, spec))
        return self._found[key]


def _by(
    categories: tuple[str, ...],
) -> Callable[[BlockView, SignalSpec], SignalReading]:
    return lambda view, spec: read_categories(view, spec, categories)


def _tcf_query(entry: Requirement, rule: Rule) -> TcfQuery:
    disclosed = entry.require_disclosed_vendor
    if disclosed is None:
        disclosed = rule.require_disclosed_vendor
    oldest = entry.reject_policy_below or rule.reject_policy_below
    return TcfQuery(
        purposes=entry.purposes,
        vendor=entry.vendor,
        legal_basis=entry.legal_basis,
        require_disclosed_vendor="auto" if disclosed is None else disclosed,
        min_policy_version=oldest or _OLDEST_TCF_POLICY,
    )


def _gpp_query(fields: tuple[str, ...]) -> GppQuery:
    """Ask for the opt-outs that a rule names, or for all; a child's mark always."""
    if not fields:
        return GppQuery()
    return GppQuery(opt_outs=tuple(name for name in fields if name != _GPP_CHILD))
