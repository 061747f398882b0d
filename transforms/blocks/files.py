"""Opening files of any file system that Beam knows; Beam is imported when called."""

from __future__ import annotations

from typing import IO, cast

__all__ = ["is_compressed", "open_bytes"]

_COMPRESSED = (".gz", ".bz2", ".zst", ".deflate", ".xz")


def is_compressed(path: str) -> bool:
    """Tell from the extension whether the file is compressed as a whole."""
    return path.endswith(_COMPRESSED)


def open_bytes(path: str, *, decompress: bool = True) -> IO[bytes]:
    """Open a file for reading, by its extension decompressed on the way."""
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    kind = CompressionTypes.AUTO if decompress else CompressionTypes.UNCOMPRESSED
    return cast("IO[bytes]", FileSystems.open(path, compression_type=kind))
