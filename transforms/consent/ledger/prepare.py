"""The ledger, read once by the driver and laid out for its join."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ....policies.errors import InputError
from ....policies.places import fixed_part
from ...blocks.files import open_bytes
from ...blocks.listing import InputFile
from .keys import HashKeys, by_shard
from .plan import LedgerPlan
from .read import DECISION_DTYPE, Reader
from .shards import build_shard, write_shard

__all__ = ["BROADCAST_BYTES", "PreparedLedger", "prepare_ledger"]

BROADCAST_BYTES: Final = 256 << 20
"""Largest prepared ledger that `auto` hands to every worker."""

_SHARD_BYTES = 64 << 20  # of the ledger's own files, for one shard
_MOST_SHARD_BITS = 8
_HOUR = 3_600_000_000


@dataclass(frozen=True)
class PreparedLedger:
    """A ledger, ready to be joined; small, picklable and hashable.

    Attributes:
        purpose: the policy's purpose, that the states are about.
        columns: record columns that are looked up.
        hash_keys: secrets under which people are named in the files.
        as_of_micros: instant until which decisions count, in microseconds UTC.
        shards: files, by the top `shard_bits` bits of the first hash.
        shard_bits: 0 for one shard.
        size_bytes: of all shards in memory.
        key_values: key values that decisions name.
        digest: `sha256:` and the SHA-256 of the ledger's files: for each, in order of
            its name below the path's fixed part, the name in UTF-8, a zero byte, and
            the bytes.
        rows: decisions in the files.
        words: how many of each word.
        later: decisions after `as_of_micros`, which do not count.
        nobody: rows that name all-zero identifiers alone, which have no effect.
        newest_micros: latest time of a decision, or null where there is none.
        warnings: in words, for the summary.
        join: as the plan says.
    """

    purpose: str
    columns: tuple[str, ...]
    hash_keys: HashKeys = field(repr=False)
    as_of_micros: int
    shards: tuple[str, ...]
    shard_bits: int
    size_bytes: int
    key_values: int
    digest: str
    rows: int
    words: tuple[tuple[str, int], ...]
    later: int
    nobody: int
    newest_micros: int | None
    warnings: tuple[str, ...]
    join: Literal["auto", "broadcast", "sharded"] = "auto"

    @property
    def decisions(self) -> dict[str, int]:
        """Decisions in the files by word: `grant`, `withdraw`, `erase`."""
        return dict(self.words)

    @property
    def broadcasts(self) -> bool:
        """Tell whether every worker opens the ledger, or records are shuffled to it."""
        if self.join == "auto":
            return self.size_bytes <= BROADCAST_BYTES
        return self.join == "broadcast"


def prepare_ledger(
    plan: LedgerPlan, folder: str, as_of_micros: int, *, shard_bits: int | None = None
) -> PreparedLedger:
    """Read and check the ledger, and write its shards below `folder`.

    The ledger is streamed once; memory is bounded by one block and one shard. What is
    written holds keyed hashes of people and times of decisions, never an identifier.

    Args:
        plan: settings.
        folder: private to the run, local or of a file system that Beam knows.
        as_of_micros: decisions after this instant do not count.
        shard_bits: for tests; otherwise by the size of the ledger's files.

    Raises:
        InputError: files are missing or damaged; records are wrong, each with its place;
            or a required ledger is empty or stale.
    """
    reader = Reader(plan, as_of_micros)
    if shard_bits is None:
        shard_bits = min(
            max(reader.size_bytes // _SHARD_BYTES, 0).bit_length(), _MOST_SHARD_BITS
        )
    paths, size, keys = [], 0, 0
    for number, decisions in enumerate(_shuffled(reader.decisions(), shard_bits)):
        if number == 0:  # the whole ledger was read: refuse it before writing
            warnings = _judged(plan, reader, as_of_micros)
        shard = build_shard(decisions)
        paths.append(f"{folder.rstrip('/')}/ledger-{number:05d}.arrow")
        write_shard(shard, paths[-1])
        size, keys = size + shard.nbytes, keys + shard.num_rows
    return PreparedLedger(
        purpose=plan.purpose,
        columns=plan.record_columns,
        hash_keys=plan.hash_keys,
        as_of_micros=int(as_of_micros),  # a NumPy one would not go into JSON
        shards=tuple(paths),
        shard_bits=shard_bits,
        size_bytes=size,
        key_values=keys,
        digest=_digest(plan.path, reader.files),
        rows=reader.rows,
        words=tuple(sorted(reader.words.items())),
        later=reader.later,
        nobody=reader.nobody,
        newest_micros=reader.newest,
        warnings=warnings,
        join=plan.join,
    )


def _shuffled(
    blocks: Iterable[npt.NDArray[Any]], shard_bits: int
) -> Iterator[npt.NDArray[Any]]:
    """Bring decisions together by shard, through local files: one run per shard."""
    with (
        tempfile.TemporaryDirectory(prefix="optin-ledger-") as name,
        ExitStack() as run,
    ):
        paths = [Path(name) / f"{number:05d}" for number in range(1 << shard_bits)]
        runs: list[IO[bytes]] = [
            run.enter_context(path.open("wb", buffering=1 << 17)) for path in paths
        ]
        for block in blocks:
            for shard, rows in by_shard(block["h1"], shard_bits):
                runs[shard].write(block[rows].tobytes())
        for file in runs:
            file.close()
        for path in paths:
            yield np.fromfile(path, dtype=DECISION_DTYPE)


def _judged(plan: LedgerPlan, reader: Reader, as_of_micros: int) -> tuple[str, ...]:
    """Refuse a required ledger that is empty or stale; else put it in words."""
    name, warnings = f"consent.ledger {plan.path}", []
    fault = None
    if reader.newest is None:
        fault = f"{name}: holds no decision."
    elif plan.lateness is not None:
        oldest = int(plan.lateness.before(np.array([as_of_micros]))[0])
        if reader.newest < oldest:
            hours = (as_of_micros - reader.newest) // _HOUR
            fault = (
                f"{name}: is stale; its newest decision is {hours:,} hours before the "
                f"as-of instant, lateness allows {plan.lateness}. Export it again."
            )
    if fault is not None:
        if plan.required:
            raise InputError(fault)
        warnings.append(fault)
    if reader.empty_keys and reader.newest is not None:
        warnings.append(
            f"{name}: no decision has a value in {', '.join(reader.empty_keys)}; correct "
            "consent.ledger.key, or take the column out of it."
        )
    if reader.nobody:
        warnings.append(
            f"{name}: decisions that name all-zero identifiers alone have no effect: "
            f"{reader.nobody:,} here."
        )
    return tuple(warnings)


def _digest(path: str, files: tuple[InputFile, ...]) -> str:
    """Name the content of the ledger's files, wherever they lie."""
    base = PurePosixPath(fixed_part(path))
    named = {}
    for file in files:
        below = PurePosixPath(file.path)
        inside = below.is_relative_to(base) and below != base
        named[str(below.relative_to(base)) if inside else below.name] = file.path
    whole = hashlib.sha256()
    for name in sorted(named):
        whole.update(name.encode() + b"\0")
        with open_bytes(named[name], decompress=False) as source:
            while data := source.read(1 << 20):
                whole.update(data)
    return f"sha256:{whole.hexdigest()}"
