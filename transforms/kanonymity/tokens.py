"""Numbers for data subjects that are counted and never leave a worker."""

from __future__ import annotations

import hashlib

import pyarrow as pa

__all__ = ["number_people"]

_PERSON = b"optin people"


def number_people(people: pa.StringArray) -> pa.UInt64Array:
    """Give each identity a 64-bit hash, null 0: nobody is one person.

    The numbers are the same in every process, and their order says nothing of the text.
    """
    encoded = people.dictionary_encode()
    hashes = [_hash(text) for text in encoded.dictionary.to_pylist()]
    numbers = pa.array([*hashes, 0], pa.uint64())
    return numbers.take(encoded.indices.fill_null(len(hashes)))


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=_PERSON).digest()
    return max(int.from_bytes(digest, "big"), 1)
