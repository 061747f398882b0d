"""Cross-checks of a consent profile: that each signal has one way to be read.

What is checked here would otherwise show as a signal that never grants, or as one that
grants on what is no opt-in.
"""

from __future__ import annotations

from .consent import LEDGER
from .draft import Draft, listing, shown
from .signals import CATEGORY, SIGNAL_NAME, canonical_text
from .yaml_source import Path_

__all__ = ["check_profile"]

_ATT_GRANTS = ("3", "authorized")
_NEVER_GRANT = {"detect": ("zero_uuid",), "decoder": ("us_privacy",)}
_READERS = ("values", "detect", "decoder")
_BELONGS = {
    "section_paths": ("decoder", ("gpp",)),
    "denied_paths": ("kind", ("id_lists",)),
    "scope_paths": ("kind", ("scoped",)),
}
"""Key of a signal → the key that must have one of these values for it to count."""
_NEEDED: dict[str, tuple[str, ...]] = {
    "value": (),
    "category_map": (),
    "id_lists": (),
    "scoped": ("values", "scope_paths"),
}
_FILLED = ("paths", "time_paths")
_UNFILLED = ("applies_when_any", "denied_paths", "scope_paths", "section_paths")


def check_profile(draft: Draft) -> None:
    """Check the signals of a profile's draft; note a finding for every fault."""
    for name in draft.keys("signals"):
        path: Path_ = ("signals", name)
        _name(draft, name, path)
        if isinstance(draft.get(*path), dict) and not draft.is_broken(path):
            _Signal(draft, name, path).check()


def _name(draft: Draft, name: str, path: Path_) -> None:
    if not SIGNAL_NAME.fullmatch(name):
        message = (
            "a signal is named by lower-case letters, digits and '_', not "
            f"{shown(name)}; reason codes are made of the name"
        )
        draft.report("E119", message, path, key=True)
    elif name == LEDGER:
        message = "'ledger' is the ledger's own name; call the signal otherwise"
        draft.report("E119", message, path, key=True)


class _Signal:
    def __init__(self, draft: Draft, name: str, path: Path_) -> None:
        self._draft = draft
        self._signal = name
        self._path = path
        # None where the file's word is none of the known ones: then nothing follows.
        kind = draft.text(*path, "kind")
        self._kind = kind if draft.has(*path, "kind") else "value"

    def check(self) -> None:
        """Note a finding for every fault of one signal."""
        self._ways_to_read()
        self._belongings()
        self._categories()
        self._columns()
        self._values()
        self._verdicts()

    def _at(self, *parts: str | int) -> Path_:
        return (*self._path, *parts)

    def _has(self, key: str) -> bool:
        value = self._draft.raw(self._at(key))
        return self._draft.has(*self._at(key)) and value not in ({}, [])

    def _ways_to_read(self) -> None:
        given = [key for key in _READERS if self._has(key)]
        if self._kind is None:
            return
        if self._kind == "value" and not given:
            message = (
                f"signal '{self._signal}' cannot be read: give it values:, detect: or "
                "decoder:"
            )
            self._draft.report("E103", message, self._path, key=True)
        for needed in _NEEDED[self._kind]:
            if not self._has(needed):
                message = f"a signal of kind {self._kind} needs '{needed}:'"
                self._draft.report("E103", message, self._path, key=True)
        # `values` stands first in both, so a scoped signal keeps it.
        allowed = 1 if self._kind in ("value", "scoped") else 0
        for extra in given[allowed:]:
            what = f"reads {given[0]}:" if allowed else f"is of kind {self._kind}"
            message = f"'{extra}' has no effect: the signal {what}"
            self._draft.report("E128", message, self._at(extra), key=True)

    def _belongings(self) -> None:
        for key, (other, words) in _BELONGS.items():
            value = self._draft.text(*self._at(other))
            in_doubt = self._draft.has(*self._at(other)) and value is None
            if self._has(key) and value not in words and not in_doubt:
                message = f"'{key}' belongs to a signal with {other}: {words[0]}"
                self._draft.report("E128", message, self._at(key), key=True)
        if self._has("lower") and not self._has("values"):
            message = "'lower' is for values, and the signal has none"
            self._draft.report("E128", message, self._at("lower"), key=True)
        if self._has("time_unit") and not self._has("time_paths"):
            message = "'time_unit' needs 'time_paths:', the columns that hold the time"
            self._draft.report("E128", message, self._at("time_unit"), key=True)

    def _categories(self) -> None:
        """Keep `{category}` to where it is filled, and categories out of vetoes."""
        if self._kind is None:
            return
        filled = {key: self._with_category(key) for key in _FILLED}
        value = self._kind == "value"
        misplaced = [here for key in _UNFILLED for here in self._with_category(key)]
        if not value:
            misplaced += filled["paths"]
        if not value or not filled["paths"]:
            misplaced += filled["time_paths"]
        for here in misplaced:
            message = (
                f"{CATEGORY} stands for a category in paths of a signal of kind value, "
                "and in time_paths beside them"
            )
            self._draft.report("E128", message, here)
        by_category = not value or filled["paths"]
        if by_category and self._draft.flag(*self._at("veto_only")):
            message = "a veto names no categories; a signal by category cannot be one"
            self._draft.report("E126", message, self._at("veto_only"))

    def _with_category(self, key: str) -> list[Path_]:
        texts = self._draft.texts(*self._at(key))
        return [path for path, text in texts if CATEGORY in text]

    def _columns(self) -> None:
        for key in (*_FILLED, *_UNFILLED):
            seen: set[str] = set()
            for index in range(self._draft.count(*self._at(key))):
                here = self._at(key, index)
                column = self._draft.text(*here)
                if column is None:
                    continue
                if not column.strip():
                    self._draft.report("E111", "a column's name is empty", here)
                elif column in seen:
                    message = f"column {shown(column)} is listed twice"
                    self._draft.report("E118", message, here)
                seen.add(column)
        for column in self._draft.keys(*self._at("applies_when")):
            here = self._at("applies_when", column)
            if self._draft.get(*here) == []:
                message = f"applies_when: {shown(column)} lists no value"
                self._draft.report("E107", message, here)

    def _values(self) -> None:
        """Check that values are spelt as they are compared."""
        lower = self._draft.flag(*self._at("lower"))
        for value in self._draft.keys(*self._at("values")):
            here = self._at("values", value)
            if not value.strip():
                message = "an empty value decides nothing: absence is no decision"
                self._draft.report("E105", message, here, key=True)
                continue
            spelt = canonical_text(value)
            if lower and spelt is not None:
                spelt = spelt.lower()
            if spelt != value:
                message = (
                    f"{shown(value)} never matches; values are compared as "
                    f"{shown(spelt)}"
                )
                self._draft.report("E104", message, here, key=True)

    def _verdicts(self) -> None:
        draft = self._draft
        veto_only = draft.flag(*self._at("veto_only"))
        verdicts = {
            value: draft.text(*self._at("values", value))
            for value in draft.keys(*self._at("values"))
        }
        for value, verdict in verdicts.items():
            here = self._at("values", value)
            if verdict == "by_scope" and self._kind not in ("scoped", None):
                message = "by_scope is for signals of kind scoped"
                draft.report("E128", message, here)
            if verdict not in ("grant", "by_scope"):
                continue
            if veto_only:
                message = "a signal with veto_only never grants"
                draft.report("E124", message, here)
            elif self._signal == "att" and value.lower() not in _ATT_GRANTS:
                message = (
                    f"ATT status {shown(value)} cannot grant; only "
                    f"{listing(_ATT_GRANTS)} does"
                )
                draft.report("E138", message, here)
        if any(draft.is_broken(self._at("values", value)) for value in verdicts):
            return
        can_grant = {"grant", "by_scope"} & set(verdicts.values())
        if verdicts and not veto_only and not can_grant:
            message = (
                f"signal '{self._signal}' lists no value that grants; say "
                "'veto_only: true'"
            )
            draft.report("E124", message, self._path, key=True)
        for key, words in _NEVER_GRANT.items():
            word = draft.text(*self._at(key))
            if word in words and not veto_only:
                message = f"{key}: {word} never grants; say 'veto_only: true'"
                draft.report("E124", message, self._at(key))
        if verdicts and veto_only and "deny" not in verdicts.values():
            message = f"signal '{self._signal}' vetoes and lists no value that denies"
            draft.report("E126", message, self._path, key=True)
