"""Keys from key services, each against a local fake: no network, no real account."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from optin.policies.errors import KeyReferenceError
from optin.transforms.deidentify.keys import resolve_key, services

MASTER = bytes(range(32))
GCP_KEY = "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k"


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """AWS KMS as moto plays it: a client of it."""
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    with moto.mock_aws():
        yield boto3.client("kms", region_name="eu-central-1")


@pytest.mark.parametrize("written", ["raw", "base64"])
def test_resolve_key_when_aws_wrapped_a_data_key(
    kms: Any, tmp_path: Path, written: str
) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    made = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    blob = made["CiphertextBlob"]
    path = tmp_path / "master key.bin"  # the blank is written %20
    path.write_bytes(blob if written == "raw" else base64.encodebytes(blob))
    # The ARN tells the region.
    ref = f"awskms://{arn}?ciphertext={str(path).replace(' ', '%20')}"
    assert resolve_key(ref) == made["Plaintext"]


def test_resolve_key_when_aws_knows_the_key_by_an_alias(
    kms: Any, tmp_path: Path
) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/optin", TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=MASTER)["CiphertextBlob"]
    (tmp_path / "wrapped").write_bytes(blob)
    place = f"ciphertext={tmp_path}/wrapped"
    ref = f"awskms://alias/optin?region=eu-central-1&{place}"
    assert resolve_key(ref) == MASTER
    with pytest.raises(KeyReferenceError, match="NoRegionError"):
        resolve_key(f"awskms://alias/optin?{place}")


def test_resolve_key_when_aws_refuses(kms: Any, tmp_path: Path) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    (tmp_path / "wrapped").write_bytes(b"\x00 not what a key service wrapped")
    with pytest.raises(KeyReferenceError, match="did not give it") as caught:
        resolve_key(f"awskms://{arn}?ciphertext={tmp_path}/wrapped")
    assert "not what" not in str(caught.value)


def test_resolve_key_when_aws_unwraps_a_short_key(kms: Any, tmp_path: Path) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=arn, Plaintext=b"hunter22")["CiphertextBlob"]
    (tmp_path / "wrapped").write_bytes(blob)
    with pytest.raises(KeyReferenceError, match="shorter than 16 bytes") as caught:
        resolve_key(f"awskms://{arn}?ciphertext={tmp_path}/wrapped")
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"x" * 65_537])
def test_resolve_key_when_the_wrapped_key_is_no_file_of_one(
    kms: Any, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "wrapped").write_bytes(content)
    with pytest.raises(KeyReferenceError, match=r"cannot be read|empty or too large"):
        resolve_key(f"awskms://alias/x?ciphertext={tmp_path}/wrapped")


class _Vault(BaseHTTPRequestHandler):
    """As much of Vault's HTTP interface as reading a secret takes."""

    secrets = {  # noqa: RUF012 - a handler's class is all that it is given
        "/v1/secret/data/team/optin": {"key": MASTER.hex(), "n": 7},
        "/v1/secret/data/team/optin?version=1": {"key": MASTER[::-1].hex()},
        "/v1/old/optin": {"master key": base64.b64encode(MASTER).decode()},
    }

    def do_GET(self) -> None:
        if self.headers.get("X-Vault-Token") != "t0ken":
            return self._answer(403, {"errors": ["permission denied"]})
        data: Any = self.secrets.get(self.path)
        if data is None:
            return self._answer(404, {"errors": []})
        if "/data/" in self.path:
            data = {"data": data, "metadata": {"version": 2}}
        return self._answer(200, {"data": data})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A Vault on this machine, and an environment that leads to it."""
    pytest.importorskip("hvac")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Vault)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("VAULT_TOKEN", "t0ken")
    monkeypatch.setenv("HOME", str(tmp_path))  # no token of the developer's
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("vault://secret/team/optin#key", MASTER),
        ("vault://secret/team/optin?version=1#key", MASTER[::-1]),
        ("vault://old/optin?kv=1#master%20key", MASTER),
    ],
)
def test_resolve_key_when_in_vault(vault: None, ref: str, expected: bytes) -> None:
    assert resolve_key(ref) == expected


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        ("vault://secret/team/none#key", "InvalidPath"),
        ("vault://secret/team/optin#none", "no text in this field"),
        ("vault://secret/team/optin#n", "no text in this field"),
    ],
)
def test_resolve_key_when_vault_has_none(vault: None, ref: str, why: str) -> None:
    with pytest.raises(KeyReferenceError, match=why):
        resolve_key(ref)


def test_resolve_key_when_vault_refuses_or_is_away(
    vault: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "another")
    with pytest.raises(KeyReferenceError, match="Forbidden") as caught:
        resolve_key("vault://secret/team/optin#key")
    assert "another" not in str(caught.value)
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(KeyReferenceError, match="ConnectionError"):
        resolve_key("vault://secret/team/optin#key")


def _bit_crc32c(data: bytes) -> int:
    """Give CRC-32C bit by bit (Castagnoli polynomial, reflected: 0x82F63B78)."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F6_3B78 if crc & 1 else 0)
    return crc ^ 0xFFFF_FFFF


def test_crc32c_of_the_tests_when_given_the_check_value() -> None:
    assert _bit_crc32c(b"123456789") == 0xE306_9283


@pytest.fixture
def stubbed_gcp(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Google's libraries as far as we call them: they note the request and answer."""
    seen = SimpleNamespace(request=None, answer=MASTER, checksum=None, error=None)

    class RefusalError(Exception):
        pass

    class Client:
        def decrypt(self, *, request: dict[str, Any], timeout: float) -> Any:
            seen.request = request
            if seen.error is not None:
                raise seen.error
            checksum = _bit_crc32c(seen.answer)
            return SimpleNamespace(
                plaintext=seen.answer,
                plaintext_crc32c=checksum if seen.checksum is None else seen.checksum,
            )

    def module(name: str, **names: Any) -> None:
        made = ModuleType(name)
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, name, made)

    module("google")
    module("google.cloud")
    module("google.cloud.kms", KeyManagementServiceClient=Client)
    module("google.api_core")
    module("google.api_core.exceptions", GoogleAPIError=RefusalError)
    module("google.auth")
    module("google.auth.exceptions", GoogleAuthError=RefusalError)
    module("google_crc32c", value=_bit_crc32c)
    seen.refusal = RefusalError
    return seen


def test_resolve_key_when_gcp_unwraps(
    stubbed_gcp: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "wrapped").write_bytes(b"\x0awrapped")
    ref = f"gcpkms://{GCP_KEY}?ciphertext={tmp_path}/wrapped"
    assert resolve_key(ref) == MASTER
    assert stubbed_gcp.request == {
        "name": GCP_KEY,
        "ciphertext": b"\x0awrapped",
        "ciphertext_crc32c": _bit_crc32c(b"\x0awrapped"),
    }


def test_resolve_key_when_gcp_refuses_or_the_answer_is_changed(
    stubbed_gcp: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "wrapped").write_bytes(b"\x0awrapped")
    ref = f"gcpkms://{GCP_KEY}?ciphertext={tmp_path}/wrapped"
    stubbed_gcp.checksum = 1
    with pytest.raises(KeyReferenceError, match="checksum"):
        resolve_key(ref)
    stubbed_gcp.error = stubbed_gcp.refusal("user mia@example.com may not")
    with pytest.raises(KeyReferenceError, match="Refusal") as caught:
        resolve_key(ref)
    assert "mia" not in str(caught.value)


def test_resolve_key_when_gcp_is_a_grpc_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's own client and wire format, against a server of one method."""
    kms = pytest.importorskip("google.cloud.kms")
    pytest.importorskip("google_crc32c")
    grpc = pytest.importorskip("grpc")
    transports = pytest.importorskip(
        "google.cloud.kms_v1.services.key_management_service.transports"
    )

    def decrypt(request: Any, context: Any) -> Any:
        if request.name != GCP_KEY:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for mia@example.com")
        assert request.ciphertext_crc32c == _bit_crc32c(request.ciphertext)
        plain = request.ciphertext[::-1]  # the fake's way to wrap a key
        return kms.DecryptResponse(plaintext=plain, plaintext_crc32c=_bit_crc32c(plain))

    method = grpc.unary_unary_rpc_method_handler(
        decrypt, kms.DecryptRequest.deserialize, kms.DecryptResponse.serialize
    )
    server = grpc.server(ThreadPoolExecutor(1))
    service = "google.cloud.kms.v1.KeyManagementService"
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"Decrypt": method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    client = kms.KeyManagementServiceClient(
        transport=transports.KeyManagementServiceGrpcTransport(channel=channel)
    )
    monkeypatch.setattr(services, "gcp_client", lambda _: client)
    (tmp_path / "wrapped").write_bytes(MASTER[::-1])
    try:
        place = f"ciphertext={tmp_path}/wrapped"
        assert resolve_key(f"gcpkms://{GCP_KEY}?{place}") == MASTER
        with pytest.raises(KeyReferenceError, match="PermissionDenied") as caught:
            resolve_key(f"gcpkms://{GCP_KEY}2?{place}")
        assert "mia" not in str(caught.value)
    finally:
        channel.close()
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("ref", "module", "extra"),
    [
        ("awskms://alias/x?ciphertext=w", "boto3", "aws"),
        (f"gcpkms://{GCP_KEY}?ciphertext=w", "google.cloud.kms", "gcp"),
        ("vault://secret/optin#key", "hvac", "vault"),
    ],
)
def test_resolve_key_when_the_library_is_missing(
    ref: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(KeyReferenceError, match=rf"pip install 'optin\[{extra}\]'"):
        resolve_key(ref)
