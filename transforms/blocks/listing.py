"""Which files there are, and into which splits they are cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ...policies.errors import InputError
from .files import is_compressed, open_bytes
from .spec import Split

if TYPE_CHECKING:
    from .spec import ReadSpec

__all__ = ["SPLIT_BYTES", "SPLIT_ROWS", "InputFile", "list_files", "list_splits"]

SPLIT_BYTES = 64 << 20
SPLIT_ROWS = 1_000_000
_EXTENSIONS = {
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "csv": (".csv",),
    "parquet": (".parquet", ".parq", ".pq"),
    "avro": (".avro",),
}
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, order=True)
class InputFile:
    """One file of the input.

    Attributes:
        path: as its file system names it.
        size_bytes: on disk.
    """

    path: str
    size_bytes: int

    @property
    def partition(self) -> tuple[tuple[str, str], ...]:
        """Hive-style `key=value` folders above the file, outermost first."""
        pairs = (
            part.split("=", 1) for part in self.path.split("/")[:-1] if "=" in part
        )
        found = ((unquote(key), unquote(value)) for key, value in pairs)
        return tuple(pair for pair in found if pair[1] != _NULL_PARTITION)


def list_files(spec: ReadSpec) -> tuple[InputFile, ...]:
    """Find the files of the input, by path; hidden and empty ones are left out.

    A name that starts with `.` or `_` is hidden, also as a folder below `spec.path`.

    Raises:
        InputError: nothing is there, all of it is empty, or a file's extension says
            that it is of another format.
    """
    found = [file for file in _match(spec.path) if not _hidden(file.path, spec.path)]
    if not found:
        msg = (
            f"input.path {spec.path}: no file is there. Give a file, a folder or a "
            "glob; names that start with '.' or '_' are skipped."
        )
        raise InputError(msg)
    for file in found:
        other = _format_of(file.path)
        if other is not None and other != spec.format:
            msg = (
                f"{file.path}: the extension says {other}, the policy says "
                f"input.format: {spec.format}. Put one format below input.path, or "
                f"narrow it with a glob such as *{_EXTENSIONS[spec.format][0]}."
            )
            raise InputError(msg)
    files = tuple(sorted(file for file in found if file.size_bytes > 0))
    if not files:
        msg = f"input.path {spec.path}: all {len(found)} files are empty."
        raise InputError(msg)
    return files


def list_splits(
    spec: ReadSpec,
    files: tuple[InputFile, ...] | None = None,
    *,
    split_bytes: int = SPLIT_BYTES,
    split_rows: int = SPLIT_ROWS,
) -> tuple[Split, ...]:
    """Cut the input into splits; the same files always give the same splits.

    JSON lines are cut every `split_bytes` (a compressed file is one split), Parquet
    after every `split_rows` rows at a row-group border, CSV and Avro at files.

    Raises:
        InputError: as `list_files`, and for a file that is not Parquet at all.
    """
    pieces: list[tuple[InputFile, int, int | None, int]] = []
    for file in list_files(spec) if files is None else files:
        if spec.format == "jsonl" and not is_compressed(file.path):
            for start in range(0, file.size_bytes, split_bytes):
                end = min(start + split_bytes, file.size_bytes)
                pieces.append((file, start, end, end - start))
        elif spec.format == "parquet":
            for start, end, size in _row_group_ranges(file, split_rows):
                pieces.append((file, start, end, size))  # reads as its siblings
        else:
            pieces.append((file, 0, None, file.size_bytes))
    return tuple(
        Split(f"{number:05d}", file.path, start, end, size, file.partition)
        for number, (file, start, end, size) in enumerate(pieces)
    )


def _row_group_ranges(file: InputFile, split_rows: int) -> list[tuple[int, int, int]]:
    import pyarrow as pa

    from .parquet import open_parquet

    with open_bytes(file.path, decompress=False) as source:
        try:
            metadata = open_parquet(source).metadata
        except (pa.ArrowException, OSError):
            msg = f"{file.path}: is not a Parquet file, or its end is cut off."
            raise InputError(msg) from None
    ranges, start, rows, size = [], 0, 0, 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        if rows and rows + group.num_rows > split_rows:
            ranges.append((start, index, size))
            start, rows, size = index, 0, 0
        rows, size = rows + group.num_rows, size + group.total_byte_size
    if rows:
        ranges.append((start, metadata.num_row_groups, size))
    return ranges


def _match(path: str) -> list[InputFile]:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    # A folder does not match what lies below it, so that is asked for as well.
    patterns = [path, path.rstrip("/") + "/**"]
    try:
        results = FileSystems.match(patterns)
    except (BeamIOError, ValueError) as error:
        msg = (
            f"input.path {path}: cannot be listed ({type(error).__name__}). Check the "
            "spelling, that the file system's extra is installed, and your access."
        )
        raise InputError(msg) from None
    files = {
        entry.path: InputFile(entry.path, entry.size_in_bytes)
        for result in results
        for entry in result.metadata_list
        if not _is_folder(entry.path)
    }
    return list(files.values())


def _is_folder(path: str) -> bool:
    from apache_beam.io.filesystems import FileSystems

    if path.endswith("/"):
        return True
    if FileSystems.get_scheme(path) is None:
        return Path(path).is_dir()
    return False


def _hidden(path: str, base: str) -> bool:
    """Tell whether a name below `base` is hidden; what `base` spells out never is."""
    if path == base:
        return False
    fixed = base
    for sign in "*?[":
        if sign in fixed:
            fixed = fixed[: fixed[: fixed.index(sign)].rfind("/") + 1]
    parts = path.removeprefix(fixed).split("/")
    return any(part[:1] in (".", "_") for part in parts if part != ".")


def _format_of(path: str) -> str | None:
    name = path.lower()
    for end in (".gz", ".bz2", ".zst", ".xz"):
        name = name.removesuffix(end)
    for kind, extensions in _EXTENSIONS.items():
        if name.endswith(extensions):
            return kind
    return None
