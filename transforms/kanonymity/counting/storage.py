"""Arrow tables on disk, which can be mapped; Beam is asked for other file systems alone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
import pyarrow.ipc

__all__ = ["read_table", "write_table"]


def write_table(table: pa.Table, path: str) -> str:
    """Write a table as one uncompressed Arrow batch, which can be memory-mapped."""
    with _create(path) as sink, pa.ipc.new_file(sink, table.schema) as writer:
        for batch in table.combine_chunks().to_batches():
            writer.write_batch(batch)
    return path


def read_table(path: str) -> pa.Table:
    """Read what `write_table` wrote; a local file is mapped, not copied."""
    if "://" not in path:
        return pa.ipc.open_file(pa.memory_map(path)).read_all()
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    with FileSystems.open(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as source:
        return pa.ipc.open_file(pa.py_buffer(source.read())).read_all()


def _create(path: str) -> AbstractContextManager[Any]:
    if "://" not in path:
        return pa.OSFile(path, "wb")
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    created: AbstractContextManager[Any] = FileSystems.create(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    )
    return created
