"""Preflight: does the input look as the policy says, before any work is done?

Looks at names, sizes, footers, headers and the first records; never at all of the data.
Messages name files and columns, never values.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from ...policies.errors import InputError
from .listing import InputFile, list_files, list_splits
from .parquet import column_type
from .schemas import avro_schema, csv_schema, parquet_schema, sample_json
from .unlisted import leaves, refuse_unlisted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .spec import ReadColumn, ReadSpec, Split

__all__ = ["InputReport", "inspect_input"]


@dataclass(frozen=True)
class InputReport:
    """What the preflight found.

    Attributes:
        files: how many files hold data.
        size_bytes: of all of them on disk.
        splits: the pieces the input is read in; pass them on to `ReadBlocks`.
        warnings: what deserves a look and stops nothing.
        absent_groups: groups of `ReadSpec.required_raw` no column of which was seen
            (JSONL sample only: in the other formats that is an error).
    """

    files: int
    size_bytes: int
    splits: tuple[Split, ...]
    warnings: tuple[str, ...] = ()
    absent_groups: tuple[tuple[str, ...], ...] = field(default=())


def inspect_input(spec: ReadSpec) -> InputReport:
    """Look at the input before the run.

    Raises:
        InputError: one clear message: nothing is there or all is empty; formats are
            mixed; a file is not of its format; a column the policy needs is missing,
            or is of a type that can never be what the policy says, or of two types in
            two files.

    Not covered: single records; those are `BadRecords` when they are read.
    """
    files = list_files(spec)
    warnings: list[str] = []
    absent: tuple[tuple[str, ...], ...] = ()
    if spec.format == "jsonl":
        absent = _inspect_sample(spec, files, warnings)
    else:
        _inspect_schemas(spec, files, warnings)
    return InputReport(
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        splits=list_splits(spec, files),
        warnings=tuple(warnings),
        absent_groups=absent,
    )


# --- CSV, Parquet, Avro: every file says which columns it has ---------------------


def _inspect_schemas(
    spec: ReadSpec, files: Iterable[InputFile], warnings: list[str]
) -> None:
    read = {"csv": csv_schema, "parquet": parquet_schema, "avro": avro_schema}
    first: dict[str, tuple[str, pa.DataType]] = {}
    silent = set(spec.optional_raw)
    for file in files:
        schema = read[spec.format](file.path)
        folders = dict(file.partition)

        def kind_of(
            name: str,
            schema: pa.Schema = schema,
            folders: dict[str, str] = folders,
        ) -> pa.DataType | None:
            path = spec.full(name)
            found = column_type(schema, path)
            return pa.string() if found is None and path in folders else found

        missing: list[tuple[str, ...]] = [
            (name,) for name in spec.required if kind_of(name) is None
        ]
        missing += [
            group
            for group in spec.required_raw
            if not any(kind_of(name) for name in group)
        ]
        if missing:
            raise InputError(_missing(spec, file.path, missing, leaves(schema)))
        if spec.listed is not None:
            refuse_unlisted(file.path, leaves(schema), spec.listed)
        silent -= {g for g in silent if any(kind_of(name) for name in g)}
        for column in spec.columns:
            _check_kind(file.path, column, kind_of(column.name))
        if spec.event_time:
            _check_event_time(spec, file.path, kind_of(spec.event_time))
        for name in spec.sources:
            kind = kind_of(name)
            if kind is None or pa.types.is_null(kind):
                continue
            path, before = first.setdefault(name, (file.path, kind))
            if _family(before) != _family(kind):
                msg = (
                    f"column {name!r} is {before} in {path} and {kind} in "
                    f"{file.path}. Write the files with one type, or narrow input.path."
                )
                raise InputError(msg)
    warnings += [_never_denies(group) for group in sorted(silent)]


def _missing(
    spec: ReadSpec, path: str, groups: list[tuple[str, ...]], known: list[str]
) -> str:
    parts = []
    for group in dict.fromkeys(groups):
        names = " or ".join(repr(name) for name in group)
        parts.append(names + _near(spec, group, known))
    what = "column" if len(parts) == 1 else "columns"
    return (
        f"{path}: the policy needs {what} {'; '.join(parts)}, which the file does not "
        "have. Correct the name in the policy or export the column."
    )


def _near(spec: ReadSpec, group: tuple[str, ...], known: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    for name in group:
        below = [path for path in by_lower.values() if path.endswith("." + name)]
        if below and spec.root is None:
            root = below[0].removesuffix("." + name)
            return f" ({below[0]!r} does: is input.root: {root} meant?)"
        path = spec.full(name).lower()
        near = difflib.get_close_matches(path, by_lower, n=1, cutoff=0.7)
        if near:
            return f" (did you mean {by_lower[near[0]]!r}?)"
    return ""


def _family(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    if pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_timestamp(kind):
        return "instant" if kind.tz else "naive time"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_nested(kind):
        return "nested"
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return "other"
    return "text"


_READABLE = {
    "string": {"text", "number", "boolean", "instant", "naive time", "date", "other"},
    "int64": {"text", "number"},
    "float64": {"text", "number"},
    "bool": {"text", "boolean", "number"},
    "timestamp": {"text", "instant"},
    "date": {"text", "date", "instant", "naive time"},
}


def _check_kind(path: str, column: ReadColumn, kind: pa.DataType | None) -> None:
    if kind is None or pa.types.is_null(kind):
        return
    family = _family(kind)
    readable = _READABLE[column.storage]
    timed = column.storage in ("timestamp", "date")
    if timed and column.unit != "iso8601":
        readable = readable | {"number"}
    if family in readable:
        return
    hint = "Give the column another type: in the policy, or convert it before."
    if family == "naive time":
        hint = (
            "A time without zone is ambiguous: write the column with zone UTC, or "
            "give it action: drop."
        )
    elif family == "number" and timed:
        hint = "Say how the number counts: unit: s, ms or us."
    msg = (
        f"{path}: column {column.name!r} is {kind}; the policy reads it as "
        f"{column.storage}. {hint}"
    )
    raise InputError(msg)


def _check_event_time(spec: ReadSpec, path: str, kind: pa.DataType | None) -> None:
    if kind is None:
        return
    family, iso = _family(kind), spec.event_time_unit == "iso8601"
    timed = family in ("instant", "naive time", "date")
    if (family == "number" and iso) or (timed and not iso) or family == "nested":
        fit = "unit: s, ms or us" if family == "number" else "unit: iso8601"
        msg = (
            f"{path}: the event time {spec.event_time!r} is {kind}, the policy says "
            f"unit: {spec.event_time_unit}. Write {fit} in input.event_time."
        )
        raise InputError(msg)


def _never_denies(group: tuple[str, ...]) -> str:
    names = ", ".join(repr(name) for name in group)
    return f"the input has none of {names}: a veto that looks there can never deny"


# --- JSON lines: only records say which columns there are -------------------------


def _inspect_sample(
    spec: ReadSpec, files: tuple[InputFile, ...], warnings: list[str]
) -> tuple[tuple[str, ...], ...]:
    sample = sample_json(spec, files)
    where = f"the first {sample.records} records below {spec.path}"
    if sample.records == 0:
        warnings.append(f"{spec.path}: no record within the first megabytes")
        return ()
    if sample.objects == 0:
        msg = f"{sample.path}: {sample.problem} Write one JSON object a line, in UTF-8."
        raise InputError(msg)
    if sample.rooted == 0:
        msg = (
            f"input.root {spec.root!r} is in none of {where}"
            f"{_near_root(spec, sample.seen)}. Correct or remove input.root."
        )
        raise InputError(msg)
    if spec.listed is not None:
        refuse_unlisted(where, sample.seen, spec.listed)
    seen = {name for name in spec.sources if spec.full(name) in sample.seen}
    known = sorted(sample.seen)
    needed = [(spec.subject, "subject key")]
    if spec.event_time:
        needed.append(((spec.event_time,), "event time"))
    if spec.columns:
        needed.append((tuple(spec.storage), "listed column"))
    for group, what in needed:
        if not seen.intersection(group):
            names = ", ".join(repr(name) for name in group[:4])
            more = ", …" if len(group) > 4 else ""
            msg = (
                f"no {what} ({names}{more}) occurs in {where}"
                f"{_near(spec, group, known)}: the policy is for other columns. Correct "
                "the names; nested columns are written with dots."
            )
            raise InputError(msg)
    named = dict.fromkeys([*spec.storage, *spec.required, *spec.subject])
    for name in named:
        if name not in seen:
            near = _near(spec, (name,), known)
            warnings.append(f"column {name!r} occurs in none of {where}{near}")
    warnings += [
        f"{_never_denies(group)}{_near(spec, group, known)}"
        for group in spec.optional_raw
        if not seen.intersection(group)
    ]
    absent = tuple(g for g in spec.required_raw if not seen.intersection(g))
    for group in absent:
        names = " or ".join(repr(name) for name in group)
        warnings.append(f"no required {names} in {where}{_near(spec, group, known)}")
    return absent


def _near_root(spec: ReadSpec, seen: frozenset[str]) -> str:
    tops = sorted({path.split(".", 1)[0] for path in seen})
    near = difflib.get_close_matches(spec.root or "", tops, n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""
