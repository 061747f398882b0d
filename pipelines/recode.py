"""The chosen recoding on its way to workers: one private file, read once a process.

A local recoding names every distinct tuple. Inside a pipeline's graph it would be pickled
and compressed again for every stage that holds it.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ..transforms.kanonymity import Recoding
from ..transforms.kanonymity.recoding.bounds import Bounded, recode
from ..transforms.kanonymity.subjects import StoredPeople

__all__ = ["Recode", "load_recoding", "store_recoding"]


def store_recoding(recoding: Recoding, path: str) -> str:
    """Write a recoding, for `load_recoding`."""
    with FileSystems.create(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as sink:
        pickle.dump(recoding, sink, protocol=pickle.HIGHEST_PROTOCOL)
    return path


@lru_cache(maxsize=1)
def load_recoding(path: str) -> Recoding:
    """Read a recoding; the last one stays, so that all parts of a worker share it."""
    with FileSystems.open(
        path, compression_type=CompressionTypes.UNCOMPRESSED
    ) as source:
        # Written a moment ago by our own driver into owner-only staging.
        recoding: Recoding = pickle.loads(source.read())  # noqa: S301  # ours
    return recoding


@dataclass(frozen=True)
class Recode:
    """Gives each row the tuple of its person, if they are settled, and recodes it.

    Attributes:
        people: the one tuple of every person; null unless the policy harmonises.
        path: the recoding's file.
        bounded: columns whose labels' bounds are published.
    """

    people: StoredPeople | None
    path: str
    bounded: tuple[Bounded, ...]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Shape: n records → at most n records, as `Recoding.apply` says."""
        if self.people is not None:
            table = self.people.apply(table)
        return recode(load_recoding(self.path), table, self.bounded)
