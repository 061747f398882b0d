"""Verdicts of the sharded join: one file per split, from record ordinal to bits."""

from __future__ import annotations

import posixpath
import uuid
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....policies.errors import InputError
from ....policies.places import is_local
from .shards import Bits

__all__ = ["JOINED", "VerdictFiles", "write_verdicts"]

JOINED: Final = 128
"""Bit that says a record took part in the join; without it the file knows nothing."""

_SCHEMA = pa.schema([("bits", pa.uint8())])


class VerdictFiles:
    """Gives the ledger's verdicts back, split by split; picklable.

    The file of the last split asked for stays open, so ask split by split. Not for use
    by several threads at once.
    """

    def __init__(self, folder: str) -> None:
        """Take the folder that `JoinLedger` wrote to."""
        self._folder = folder
        self._split: str | None = None
        self._bits: Bits = np.empty(0, dtype=np.uint8)

    def bits(self, split_id: str, records: npt.NDArray[np.int64]) -> Bits:
        """Give the bits of `verdicts` for each record of one split.

        Args:
            split_id: id of the split.
            records: ordinals (`optin:record`), in any order.

        Raises:
            InputError: the split or a record took no part in the join, because the
                input has changed between the two readings.
        """
        if split_id != self._split:
            self._bits, self._split = self._read(split_id), split_id
        inside = bool(((records >= 0) & (records < len(self._bits))).all())
        found = self._bits[records] if inside else np.zeros(1, dtype=np.uint8)
        if not (found & JOINED).all():
            msg = (
                f"the ledger was not joined with every record of split {split_id}: the "
                "input changed between its two readings. Run again."
            )
            raise InputError(msg)
        return found & np.uint8(JOINED - 1)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open file behind."""
        return VerdictFiles(self._folder).__dict__.copy()

    def _read(self, split_id: str) -> Bits:
        path = _path(self._folder, split_id)
        try:
            if is_local(path):
                source: Any = pa.memory_map(path)
            else:
                from apache_beam.io.filesystem import CompressionTypes
                from apache_beam.io.filesystems import FileSystems

                plain = CompressionTypes.UNCOMPRESSED
                with FileSystems.open(path, compression_type=plain) as stream:
                    source = pa.py_buffer(stream.read())
            return pa.ipc.open_file(source).get_batch(0).column(0).to_numpy()
        except (OSError, pa.ArrowException) as error:
            msg = (
                f"the ledger's verdicts for split {split_id} are missing or unreadable "
                f"({type(error).__name__}); no record of it can be let through. Run again."
            )
            raise InputError(msg) from None


def write_verdicts(folder: str, split_id: str, bits: Bits) -> None:
    """Write one split's verdicts, dense by record ordinal, under its final name at once.

    A bundle that Beam repeats gives the same bytes again.
    """
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    path = _path(folder, split_id)
    unfinished = f"{path}.{uuid.uuid4().hex}.tmp"
    batch = pa.RecordBatch.from_arrays([pa.array(bits)], schema=_SCHEMA)
    with (
        FileSystems.create(
            unfinished, compression_type=CompressionTypes.UNCOMPRESSED
        ) as sink,
        pa.ipc.new_file(sink, _SCHEMA) as writer,
    ):
        writer.write_batch(batch)
    FileSystems.rename([unfinished], [path])


def _path(folder: str, split_id: str) -> str:
    return posixpath.join(folder, f"verdicts-{split_id}.arrow")
