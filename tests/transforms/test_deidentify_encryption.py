"""Encrypted tokens: a published vector of the cipher, round trips, and refusals."""

from __future__ import annotations

import base64
from dataclasses import replace

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.errors import DecryptionError
from optin.transforms.deidentify.encryption import (
    TokenLabel,
    decrypt_tokens,
    encrypt_tokens,
)

KEY = bytes(range(32))
ID = "0123456789abcdef"
BOUND = TokenLabel(ID, "2026-11", ("train_ai_system", "clicks", "user.email"))
PREFIX = f"optin1.{ID}.2026-11."


def test_the_cipher_when_given_the_vector_of_rfc_5297() -> None:
    # RFC 5297, A.1: it is the cipher that the RFC describes, associated data and all.
    key = bytes.fromhex(
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    )
    associated = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    plain = bytes.fromhex("112233445566778899aabbccddee")
    sealed = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"
    assert AESSIV(key).encrypt(plain, [associated]).hex() == sealed


def test_encrypt_tokens_when_compared_to_the_cipher() -> None:
    cipher = AESSIV(HKDFExpand(SHA256(), 64, b"optin aes-siv v1").derive(KEY))
    sealed = cipher.encrypt(
        b"mia@example.com",
        [PREFIX.encode(), b"train_ai_system", b"clicks", b"user.email"],
    )
    (token,) = encrypt_tokens(pa.array(["mia@example.com"]), KEY, BOUND).to_pylist()
    assert token.startswith(PREFIX)
    token = token.removeprefix(PREFIX)
    assert base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)) == sealed


@given(st.lists(st.none() | st.text(max_size=40)))
def test_tokens_when_they_go_round(texts: list[str | None]) -> None:
    array = pa.array(texts, pa.string())
    tokens = encrypt_tokens(array, KEY, BOUND)
    assert decrypt_tokens(tokens, KEY, BOUND).equals(array)
    assert tokens.null_count == array.null_count
    plain = {text for text in texts if text is not None}
    made = {token for token in tokens.to_pylist() if token is not None}
    # Deterministic and injective; no value stands as it was.
    assert len(made) == len(plain)
    assert not made & plain


def test_tokens_when_chunked_dictionary_encoded_or_numbers() -> None:
    texts = pa.array(["a", "b", None, "a"])
    expected = encrypt_tokens(texts, KEY, BOUND)
    assert encrypt_tokens(texts.dictionary_encode(), KEY, BOUND).equals(expected)
    chunked = pa.chunked_array([texts[:1], texts[1:]])
    assert encrypt_tokens(chunked, KEY, BOUND).equals(expected)
    numbers = encrypt_tokens(pa.array([7, None]), KEY, BOUND)
    assert decrypt_tokens(numbers, KEY, BOUND).to_pylist() == ["7", None]
    assert encrypt_tokens(pa.array([], pa.string()), KEY, BOUND).type == pa.string()


@pytest.mark.parametrize(
    ("key", "label", "why"),
    [
        (KEY[::-1], BOUND, "2 distinct values were not made by this key"),
        (KEY, replace(BOUND, bound=BOUND.bound[:2]), "2 distinct values were not"),
        (KEY, replace(BOUND, bound=()), "2 distinct values were not"),
        (
            KEY,
            replace(BOUND, epoch="2026-12"),
            f"token was made with key id {ID}, epoch 2026-11, and this is key id",
        ),
        (KEY, replace(BOUND, epoch=None), "and this is key id .*, no epoch"),
        (KEY, replace(BOUND, key_id="f" * 16), f"token was made with key id {ID}, ep"),
    ],
)
def test_decrypt_tokens_when_key_or_label_differ(
    key: bytes, label: TokenLabel, why: str
) -> None:
    tokens = encrypt_tokens(pa.array(["a", "b", None, "a"]), KEY, BOUND)
    with pytest.raises(DecryptionError, match=why):
        decrypt_tokens(tokens, key, label)


def test_decrypt_tokens_when_a_label_is_forged() -> None:
    # The label is authenticated: a token of one epoch does not pass for another's.
    (token,) = encrypt_tokens(pa.array(["a"]), KEY, BOUND).to_pylist()
    forged = pa.array([token.replace("2026-11", "2026-12")])
    with pytest.raises(DecryptionError, match="were not made by this key"):
        decrypt_tokens(forged, KEY, replace(BOUND, epoch="2026-12"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: token[:-20] + ("B" if token[-20] == "A" else "A") + token[-19:],
        lambda token: "mia@example.com",
        lambda token: "é",
        lambda token: "AAAA",
    ],
)
def test_decrypt_tokens_when_a_token_is_changed(spoil) -> None:
    (token,) = encrypt_tokens(pa.array(["mia@example.com"]), KEY, BOUND).to_pylist()
    with pytest.raises(DecryptionError) as caught:
        decrypt_tokens(pa.array([spoil(token)]), KEY, BOUND)
    assert "mia" not in str(caught.value)


def test_tokens_when_the_key_has_another_length() -> None:
    for key in (b"", bytes(16), bytes(64)):
        with pytest.raises(ValueError, match="32 bytes"):
            encrypt_tokens(pa.array(["a"]), key, BOUND)
