"""Writes the draft of a policy for an input that somebody has."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ...policies import check_policy
from ...policies.errors import Finding, InputError, OutputError
from ...policies.places import is_local
from ...transforms.blocks import ReadSpec, list_splits, read_split
from ...transforms.blocks.spec import BadRecords
from .columns import Proposed, propose_column, within_reach
from .consent import ConsentProposal, propose_consent
from .sample import Sample, look_at

__all__ = ["Proposal", "propose_policy"]

Format = Literal["jsonl", "csv", "parquet", "avro"]

_ENDS: tuple[tuple[str, Format], ...] = (
    (".jsonl", "jsonl"),
    (".ndjson", "jsonl"),
    (".json", "jsonl"),
    (".csv", "csv"),
    (".parquet", "parquet"),
    (".avro", "avro"),
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
_TRIALS = 3
_LOOKED = 20_000
_ILL_FORMED = 0.01


@dataclass(frozen=True)
class Proposal:
    """What was written.

    Attributes:
        path: the policy's file.
        columns: entries of the policy.
        quasi: those that are quasi-identifiers.
        records: that were looked at.
        todo: what the reader must still say, in words.
        findings: warnings of the check.
    """

    path: Path
    columns: int
    quasi: int
    records: int
    todo: tuple[str, ...]
    findings: tuple[Finding, ...]


def propose_policy(
    source: str,
    target: Path,
    *,
    root: str | None = None,
    subject: tuple[str, ...] = (),
    consent: str | None = None,
) -> Proposal:
    """Look at the first records of an input and write a policy to start from.

    The draft is checked and held against the records before it is left. It shows names
    of columns, never a value of a record; widths and lengths in it tell the order of
    magnitude of what a column holds.

    Args:
        source: file, folder or glob.
        target: a new file.
        root: object that all columns are relative to.
        subject: columns that name people; found by name if there are none.
        consent: column that says who agreed; found by name if it is null.

    Raises:
        InputError: the input cannot be read, or no column names people.
        OutputError: the file exists, or cannot be written.

    Not covered: what only you know: which column is a label, who may say what is a
    grant, and k.
    """
    if target.exists():
        message = f"{target} exists and is left as it is; name a new file"
        raise OutputError(message)
    spec = ReadSpec(_format(source), source, root)
    sample = look_at(spec)
    asked = propose_consent(sample, consent)
    names = {look.name for look in sample.columns}
    absent = [name for name in subject if name not in names]
    if absent:
        message = f"{source}: {len(absent)} column(s) of --subject are not in the input"
        raise InputError(message)
    columns = within_reach(
        [
            propose_column(look, subject)
            for look in sample.columns
            if look.name not in asked.columns
        ]
    )
    people = subject or _subjects(columns, asked, names)
    if not people:
        message = (
            f"{source}: no column was found that names people; give one: --subject NAME"
        )
        raise InputError(message)
    if not any(column.levels for column in columns):
        message = (
            f"{source}: no column was found by which people may be told apart, so there "
            "is nothing to generalise; write the policy by hand"
        )
        raise InputError(message)
    return _written(_Draft(spec, sample, columns, people, asked), target)


@dataclass(frozen=True)
class _Draft:
    spec: ReadSpec
    sample: Sample
    columns: list[Proposed]
    people: tuple[str, ...]
    asked: ConsentProposal

    def text(self, folder: Path) -> str:
        """Write the policy."""
        time = _event_time(self.columns, self.asked)
        people = ", ".join(map(_word, self.people))
        event = next((one.name for one in self.columns if one.type == "event_id"), None)
        place = self.spec.path
        if is_local(place):
            slash = "/" if place.endswith("/") else ""
            place = os.path.relpath(place, folder).replace(os.sep, "/") + slash
        name = re.sub(r"[^a-z0-9]+", "_", _stem(self.spec.path).lower()).strip("_")
        lines = [
            "# A draft: read every line before you run it. Paths are relative to this file.",
            f"# {self.sample.records:,} records were looked at. What is not listed, is out.",
            "version: 1",
            f"name: {name[:60] if name[:1].isalpha() else 'data_set'}",
            "purpose: train_ai_system              # Fides data-use key; exactly one",
            "key: env://OPTIN_KEY                  # a reference, never the secret itself",
            "",
            "input:",
            f"  format: {self.spec.format}",
            f"  path: {json.dumps(place, ensure_ascii=False)}",
            *([f"  root: {_word(self.spec.root)}"] if self.spec.root else []),
            f"  event_time: {time}",
            *([f"  event_id: {_word(event)}"] if event else []),
            f"  subject: [{people}]   # the first that is present names the person",
            "",
            "consent:",
            *self.asked.lines,
            "  on_unknown: deny",
            "",
            "columns:",
            *(_entry(column) for column in self.columns),
            *(
                f"  # {_word(name)}: lists or nothing; left out"
                for name in self.sample.lists
            ),
        ]
        if self.sample.hidden:
            lines.append(
                f"  # {self.sample.hidden} more have names that may be values; left out"
            )
        if any(column.settings["action"] == "scan" for column in self.columns):
            lines += ["", "pii: {engine: rules, profile: strict}"]
        lines += [
            "",
            "anonymity:",
            "  k: 10                               # people of every published class",
            "  suppress_max: 0.05                  # above this share the run fails",
            "",
            "output: {path: release/}",
            "audit: {path: audit/}",
        ]
        return "\n".join(lines) + "\n"


def _written(draft: _Draft, target: Path) -> Proposal:
    """Write the draft; entries that the records do not read as are left out."""
    for _ in range(_TRIALS):
        try:
            with target.open("x", encoding="utf-8") as stream:
                stream.write(draft.text(target.parent))
        except OSError as error:
            message = f"{target}: cannot be written ({error.strerror})"
            raise OutputError(message) from None
        policy, findings = check_policy(target)
        if policy is None:
            target.unlink()
            codes = ", ".join(sorted({found.code for found in findings}))
            message = f"the draft is no policy ({codes}). This is a defect"
            raise InputError(message)
        unread = _unread(ReadSpec.from_policy(policy))
        if not unread:
            break
        target.unlink()
        columns = [one for one in draft.columns if one.name not in unread]
        draft = _Draft(draft.spec, draft.sample, columns, draft.people, draft.asked)
    todo = [] if draft.asked.sure else ["consent.require: what says that people agreed"]
    if not any(column.unit and column.unit != "date" for column in draft.columns):
        todo.append("input.event_time: no column of times was found")
    quasi = [column for column in draft.columns if column.levels]
    return Proposal(
        path=target,
        columns=len(draft.columns),
        quasi=len(quasi),
        records=draft.sample.records,
        todo=tuple(todo),
        findings=findings,
    )


def _unread(spec: ReadSpec) -> set[str]:
    """Name the columns that more than 1 % of the first file do not read as."""
    split = list_splits(spec)[0]
    alone = {"raw": (), "required_raw": (), "optional_raw": (), "listed": None}

    def fails(asked: ReadSpec) -> bool:
        records = bad = 0
        for item in read_split(asked, split):
            if isinstance(item, BadRecords):  # a torn line is no fault of a column
                bad += item.batch.column("code").to_pylist().count("BAD_TYPE")
            records += getattr(item, "num_rows", 0)
            if records > _LOOKED:
                break
        return bad > (records + bad) * _ILL_FORMED

    if not fails(spec):
        return set()
    return {
        column.name
        for column in spec.columns
        if fails(replace(spec, columns=(column,), **alone))  # type: ignore[arg-type]
    }


def _subjects(
    columns: list[Proposed], asked: ConsentProposal, names: set[str]
) -> tuple[str, ...]:
    """Name the columns that name people, the best first."""
    if asked.profile is not None:
        known = tuple(name for name in asked.profile.subject if name in names)
        if known:
            return known
    order = (
        *("user_id", "username", "email", "advertising_id", "vendor_id"),
        *("device_id", "cookie_id"),
    )
    found = [(order.index(c.type), c.name) for c in columns if c.type in order]
    return tuple(name for _, name in sorted(found)[:3])


def _event_time(columns: list[Proposed], asked: ConsentProposal) -> str:
    """Write where the time of an event stands."""
    times = [column for column in columns if column.type == "timestamp"]
    if asked.profile is not None and asked.profile.event_time is not None:
        wanted = asked.profile.event_time.field
        times.sort(key=lambda column: column.name != wanted)
    if not times:
        return '{fixed: "1970-01-01T00:00:00Z"}   # TODO: no column of times was found'
    unit = times[0].unit
    how = "tz: UTC" if unit == "iso8601" else f"unit: {unit}"
    return f"{{field: {_word(times[0].name)}, {how}}}"


def _entry(column: Proposed) -> str:
    given = {"name": _word(column.name), "type": column.type, **column.settings}
    entry = ", ".join(f"{key}: {value}" for key, value in given.items())
    return f"  - {{{entry}}}" + (f"   # {column.why}" if column.why else "")


def _word(name: str) -> str:
    """Write a name so that YAML reads it as text."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)


def _format(source: str) -> Format:
    """Tell the format from the name of the file, or of the first in the folder."""
    names = [source]
    if is_local(source) and Path(source).is_dir():
        names = sorted(str(path) for path in Path(source).rglob("*") if path.is_file())
    for name in names:
        bare = name.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz")
        for end, kind in _ENDS:
            if bare.endswith(end):
                return kind
    message = (
        f"{source}: the format cannot be told from the name; it ends in .jsonl, .csv, "
        ".parquet or .avro"
    )
    raise InputError(message)


def _stem(source: str) -> str:
    """Give the name of the file or folder without its ends."""
    name = source.rstrip("/").rsplit("/", 1)[-1]
    return name.split(".", 1)[0]
