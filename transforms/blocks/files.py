"""Opening files of any file system that Beam knows; Beam is imported when called."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

from ...policies.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_compressed", "open_bytes"]

_UNSUPPORTED = (".zst", ".deflate", ".snappy", ".lz4", ".br", ".zip")
_COMPRESSED = (".gz", ".bz2", ".xz")


def is_compressed(path: str) -> bool:
    """Tell from the extension whether the file is compressed as a whole."""
    return path.endswith(_COMPRESSED)


@contextmanager
def open_bytes(path: str, *, decompress: bool = True) -> Iterator[IO[bytes]]:
    """Open a file for reading, by its extension decompressed on the way.

    The standard library decompresses, not Beam: Beam takes a file that was cut off for
    a shorter one and says nothing.

    Raises:
        InputError: the compressed data is damaged or cut off (raised where it is met,
            by the `with` block), or is of a kind that cannot be read.
    """
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    if decompress and path.endswith(_UNSUPPORTED):
        msg = f"{path}: this compression is not supported. Use .gz, .bz2 or .xz."
        raise InputError(msg)
    plain = CompressionTypes.UNCOMPRESSED
    with FileSystems.open(path, compression_type=plain) as raw:
        try:
            yield _decompressed(raw, path) if decompress else raw
        except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            msg = (
                f"{path}: the compressed file is damaged or cut off "
                f"({type(error).__name__}). Write or copy it again."
            )
            raise InputError(msg) from error


def _decompressed(raw: IO[bytes], path: str) -> IO[bytes]:
    if path.endswith(".gz"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb"))
    if path.endswith(".bz2"):
        return cast("IO[bytes]", bz2.BZ2File(raw))
    if path.endswith(".xz"):
        return cast("IO[bytes]", lzma.LZMAFile(raw))
    return raw
