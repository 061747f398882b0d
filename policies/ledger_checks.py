"""Cross-checks of `consent.ledger` and of the columns of the bias report."""

from __future__ import annotations

from .draft import Draft, did_you_mean, shown
from .durations import check_duration
from .yaml_source import Path_
from .zones import check_zone, has_zone

__all__ = ["check_ledger", "ledger_format"]

_LEDGER: Path_ = ("consent", "ledger")
_SUFFIXES = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "csv": "csv",
    "parquet": "parquet",
}


def ledger_format(path: str) -> str | None:
    """Tell the format of a ledger from the suffix of its path.

    >>> ledger_format("ledger/*.jsonl.gz"), ledger_format("ledger/")
    ('jsonl', None)
    """
    name = path.rsplit("/", 1)[-1].removesuffix(".gz")
    return _SUFFIXES.get(name.rsplit(".", 1)[-1].lower()) if "." in name else None


def check_ledger(draft: Draft) -> None:
    """Check the ledger's keys, times and place; note findings."""
    _bias(draft)
    if not isinstance(draft.get(*_LEDGER), dict):
        return
    path = draft.text(*_LEDGER, "path") or ""
    told = draft.has(*_LEDGER, "format") or ledger_format(path) is not None
    if draft.text(*_LEDGER, "path") is not None and not path.strip():
        draft.refuse("E165", "ledger.path is empty", (*_LEDGER, "path"))
    elif path and not told:
        message = (
            f"the format of {shown(path)} cannot be told from its name; write format: "
            "jsonl, csv or parquet"
        )
        draft.report("E185", message, (*_LEDGER, "path"))
    check_duration(draft, (*_LEDGER, "lateness"))
    check_zone(draft, (*_LEDGER, "time"))
    as_of = draft.text(*_LEDGER, "as_of")
    if as_of is not None and as_of != "run_start" and not has_zone(as_of):
        message = (
            "as_of must be run_start or an instant with its zone, such as "
            '"2026-01-31T00:00:00Z"'
        )
        draft.report("E113", message, (*_LEDGER, "as_of"))
    _keys(draft)


def _keys(draft: Draft) -> None:
    """Refuse a key that names nobody on a record."""
    subjects = [name for _, name in draft.texts("input", "subject")]
    path = (*_LEDGER, "key")
    if draft.get(*path) in ([], {}):
        draft.report("E107", "key is empty; it needs at least one entry", path)
    named = [((*path, name), name) for name in draft.keys(*path)]
    named = named or draft.texts(*path)
    seen = set()
    for place, name in named:
        if name in seen:
            draft.report("E118", f"key lists {shown(name)} twice", place)
        seen.add(name)
        if subjects and name not in subjects:
            message = (
                f"ledger key {shown(name)} is no subject of the input."
                f"{did_you_mean(name, subjects)} List it in input.subject"
            )
            draft.report("E184", message, place, key=bool(draft.keys(*path)))


def _bias(draft: Draft) -> None:
    seen = set()
    for path, name in draft.texts("consent", "bias", "by"):
        if name in seen:
            draft.report("E118", f"by lists {shown(name)} twice", path)
        seen.add(name)
