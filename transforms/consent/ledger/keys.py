"""Names of people in the ledger's own files: two keyed 64-bit hashes, never raw ids."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pandas.util import hash_array

from ...blocks.identity import bare_identifiers, normalised_identities
from ...deidentify.keys import Secret, derive_key

__all__ = [
    "HashKeys",
    "Hashes",
    "by_shard",
    "ledger_hash_keys",
    "normalised",
    "prefixed",
    "siphash",
]

Hashes: TypeAlias = npt.NDArray[np.uint64]
HashKeys: TypeAlias = tuple[str, str]

_HASH_KEY_CHARS = 16  # SipHash takes 128 bits; 16 letters of base64 carry 96


def ledger_hash_keys(master: bytes | Secret, data_set: str) -> HashKeys:
    """Derive the two hash keys of one run's ledger files from the master key."""

    def derived(field: str) -> str:
        key = derive_key(master, "optin:ledger", data_set, field)
        return base64.urlsafe_b64encode(key)[:_HASH_KEY_CHARS].decode()

    return derived("find"), derived("confirm")


def normalised(texts: pa.Array) -> pa.Array:
    """Give identities as the gate compares them: string → string.

    Identifiers that name nobody are null.
    """
    found = normalised_identities(texts)
    bare = bare_identifiers(texts)
    if not pc.any(bare).as_py():
        return found
    return pc.if_else(bare.fill_null(True), pa.scalar(None, pa.string()), found)


def prefixed(column: str, identities: pa.Array) -> npt.NDArray[Any]:
    """Give what is hashed, as bytes: column name, a zero byte, identity.

    Shape: string array without nulls → object array of bytes.
    """
    full = pc.binary_join_element_wise(pa.scalar(column + "\0"), identities, "")
    return full.cast(pa.binary()).to_numpy(zero_copy_only=False)


def siphash(values: npt.NDArray[Any], hash_key: str) -> Hashes:
    """Give SipHash-2-4 of each value under a key of 16 ASCII letters.

    Shape: object array of bytes → uint64 array.
    """
    return hash_array(values, hash_key=hash_key, categorize=False)


def by_shard(first: Hashes, shard_bits: int) -> Iterator[tuple[int, Any]]:
    """Give each shard that occurs and the rows that belong to it.

    The shard of a key is the top `shard_bits` bits of its first hash, so that shards
    are ranges of it.
    """
    if not len(first):
        return
    if shard_bits == 0:
        yield 0, slice(None)
        return
    shards = (first >> np.uint64(64 - shard_bits)).astype(np.uint16)
    order = np.argsort(shards, kind="stable")  # a radix sort, for 16 bits
    ordered = shards[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        yield int(ordered[start]), order[start:stop]
