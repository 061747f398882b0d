"""Keys: references, derivation and keyed hashes against published vectors."""

from __future__ import annotations

import base64
import hmac
import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.errors import KeyReferenceError
from optin.transforms.deidentify.keys import (
    Secret,
    derive_key,
    hmac_digests,
    hmac_tokens,
    key_id,
    resolve_key,
    subject_tokens,
)

MASTER = bytes(range(32))

CASE_7 = (
    b"This is a test using a larger than block-size key and a larger than "
    b"block-size data. The key needs to be hashed before being used by the "
    b"HMAC algorithm."
)
# RFC 4231, section 4: (key, data, HMAC-SHA-256). Case 5 truncates; its first 16 bytes.
RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (
        b"\xaa" * 131,  # longer than SHA-256's block: hashed first
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        CASE_7,
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


@pytest.mark.parametrize(("key", "data", "expected"), RFC_4231)
def test_hmac_digests_when_given_the_rfc_4231_vectors(
    key: bytes, data: bytes, expected: str
) -> None:
    (digest,) = hmac_digests([data], key)
    assert digest.hex().startswith(expected)


@given(st.binary(min_size=1, max_size=100), st.lists(st.text(max_size=80)))
def test_tokens_when_compared_to_the_standard_library(
    key: bytes, texts: list[str]
) -> None:
    digests = [hmac.digest(key, text.encode(), "sha256") for text in texts]
    array = pa.array(texts, pa.string())
    assert hmac_tokens(array, key).to_pylist() == [d[:16].hex() for d in digests]
    assert subject_tokens(array, key).to_pylist() == [
        int.from_bytes(d[:8], "big") for d in digests
    ]


def test_tokens_when_null_or_empty() -> None:
    none = pa.array([None, "a", None])
    assert hmac_tokens(none, MASTER).is_null().to_pylist() == [True, False, True]
    assert subject_tokens(none, MASTER).is_null().to_pylist() == [True, False, True]
    empty = pa.array([], pa.string())
    assert hmac_tokens(empty, MASTER).type == pa.string()
    assert subject_tokens(empty, MASTER).type == pa.uint64()


def test_tokens_when_the_array_is_a_slice() -> None:
    whole = pa.array(["a", "b", None, "a", "c"])
    assert hmac_tokens(whole[2:], MASTER) == hmac_tokens(whole, MASTER)[2:]


def test_derive_key_when_compared_to_hkdf() -> None:
    names = (b"optin key v1", b"train", b"ads", b"user.id")
    info = b"".join(len(name).to_bytes(4, "big") + name for name in names)
    expected = HKDF(SHA256(), length=32, salt=None, info=info).derive(MASTER)
    assert derive_key(MASTER, "train", "ads", "user.id") == expected
    assert derive_key(Secret(MASTER), "train", "ads", "user.id") == expected


def test_derive_key_when_names_touch() -> None:
    keys = {
        derive_key(MASTER, "a", "bc", ""),
        derive_key(MASTER, "ab", "c", ""),
        derive_key(MASTER, "", "ab", "c"),
        derive_key(MASTER, "abc", "", ""),
    }
    assert len(keys) == 4


def test_key_id_when_keys_differ() -> None:
    assert key_id(MASTER) == key_id(Secret(MASTER)) != key_id(MASTER[::-1])
    assert len(bytes.fromhex(key_id(MASTER))) == 8


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MASTER.hex(), MASTER),
        (MASTER.hex().upper(), MASTER),
        (base64.b64encode(MASTER).decode(), MASTER),
        (base64.urlsafe_b64encode(b"\xfb\xff" * 9).decode(), b"\xfb\xff" * 9),
        ("correct horse battery", b"correct horse battery"),
        # Valid base64, but of 12 bytes alone: the text itself is the key.
        ("abcdefghijklmnop", b"abcdefghijklmnop"),
    ],
)
def test_resolve_key_when_in_the_environment(
    value: str, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_TEST_KEY", value)
    assert resolve_key("env://OPTIN_TEST_KEY") == expected


def test_resolve_key_when_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\x00sixteen bytes++\n")
    assert resolve_key(f"file://{path}") == b"\x00sixteen bytes++"


def test_resolve_key_when_unusable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_TEST_KEY", "hunter22")
    monkeypatch.delenv("OPTIN_NO_KEY", raising=False)
    refs = ["env://OPTIN_TEST_KEY", "env://OPTIN_NO_KEY", f"file://{tmp_path}/none"]
    for ref in [*refs, "hunter22://", "vault://x"]:
        with pytest.raises(KeyReferenceError) as caught:
            resolve_key(ref)
        assert ref in str(caught.value)
        assert "hunter22" not in str(caught.value).replace(ref, "")


def test_secret_when_printed_or_pickled() -> None:
    secret = Secret(b"do not print me!")
    assert "print" not in f"{secret} {secret!r}"
    assert pickle.loads(pickle.dumps(secret)) == secret  # noqa: S301  # our own bytes
    assert secret.reveal() == b"do not print me!"
