"""Arrow IPC as the wire format of blocks between Beam stages.

Beam's default for Arrow data is pickle, and pickling a slice writes the whole parent:
a 5 MB block cut into 64 slices took 320 MB. Arrow IPC writes the slice alone.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from apache_beam import coders
from apache_beam.coders.typecoders import registry

__all__ = ["ArrowBlockCoder", "ArrowTableCoder"]


class ArrowBlockCoder(coders.Coder):
    """Encodes a `pyarrow.RecordBatch` as one Arrow IPC stream.

    Schema metadata survives, a slice costs its own size, and equal batches with equal
    buffers give equal bytes.

    Not covered: equality of bytes for equal values in different physical layouts
    (dictionary against plain); do not use blocks as keys.
    """

    def encode(self, value: pa.RecordBatch) -> bytes:
        """Write the batch. RecordBatch → bytes."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_batch(value)
        return bytes(sink.getvalue())

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        """Read the batch back. bytes → RecordBatch, zero-copy on `encoded`."""
        with pa.ipc.open_stream(pa.py_buffer(encoded)) as reader:
            return reader.read_next_batch()

    def estimate_size(self, value: pa.RecordBatch | pa.Table) -> int:
        """Tell the size without writing: Beam asks for it while it only counts."""
        return int(value.nbytes)

    def is_deterministic(self) -> bool:
        """Say that the same block gives the same bytes."""
        return True

    def to_type_hint(self) -> Any:
        """Name the type that this coder is for."""
        return pa.RecordBatch

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class ArrowTableCoder(ArrowBlockCoder):
    """Encodes a `pyarrow.Table` as one Arrow IPC stream, chunk by chunk."""

    def encode(self, value: pa.Table) -> bytes:
        """Write the table. Table → bytes."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_table(value)
        return bytes(sink.getvalue())

    def decode(self, encoded: bytes) -> pa.Table:
        """Read the table back. bytes → Table."""
        with pa.ipc.open_stream(pa.py_buffer(encoded)) as reader:
            return reader.read_all()

    def to_type_hint(self) -> Any:
        """Name the type that this coder is for."""
        return pa.Table


# Importing this module is enough: every stage that names these types gets the coder.
registry.register_coder(pa.RecordBatch, ArrowBlockCoder)
registry.register_coder(pa.Table, ArrowTableCoder)
