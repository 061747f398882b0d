"""References to secrets: their forms, their files, and what a policy may say of a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.policies import policy_digest
from optin.policies.key_references import Reference, parse_reference
from optin.policies.places import resolve_key

OLD = "env://OPTIN_TEST_KEY"
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
GCP = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env://A_1", Reference("env", "A_1")),
        ("file://a b/c?d#e", Reference("file", "a b/c?d#e")),
        ("file:///abs", Reference("file", "/abs")),
        (
            f"awskms://{ARN}?ciphertext=k%2Bk/a%26b.bin",
            Reference("awskms", ARN, {"ciphertext": "k+k/a&b.bin"}),
        ),
        (
            "awskms://alias/optin?region=us-gov-east-1&ciphertext=w",
            Reference(
                "awskms",
                "alias/optin",
                {"region": "us-gov-east-1", "ciphertext": "w"},
            ),
        ),
        (f"gcpkms://{GCP}?ciphertext=w", Reference("gcpkms", GCP, {"ciphertext": "w"})),
        (
            "vault://secret/team/optin?version=3#key",
            Reference("vault", "secret/team/optin", {"version": "3"}, "key"),
        ),
    ],
)
def test_parse_reference_when_it_is_one(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected
    assert parse_reference(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cr3t",
        "s3cr3t://x",
        "env://",
        "env://s3cr3t!",
        "env://s3cr3t\n",
        "file://",
        "file://s3cr3t\0",
        f"awskms://{ARN}",  # no wrapped key
        "awskms://?ciphertext=s3cr3t",
        "awskms://s3cr3t?ciphertext=",
        "awskms://s3cr3t?ciphertext=a&ciphertext=b",
        "awskms://s3cr3t?ciphertext=a&s3cr3t=b",
        "awskms://s3cr3t?ciphertext=s3://bucket/a",
        "awskms://s3 cr3t?ciphertext=a",
        "awskms://s3cr3t?ciphertext=a&region=s3cr3t!",
        "gcpkms://s3cr3t?ciphertext=a",
        f"gcpkms://{GCP}/cryptoKeyVersions/1?ciphertext=a",
        f"gcpkms://{GCP}?ciphertext=a#s3cr3t\0",
        "vault://s3cr3t#key",  # a mount alone
        "vault://secret/s3cr3t",
        "vault://secret/s3cr3t#",
        "vault://secret//s3cr3t#key",
        "vault://secret/s3cr3t?kv=3#key",
        "vault://secret/s3cr3t?kv=1&version=2#key",
        "vault://secret/s3cr3t?version=0#key",
    ],
)
def test_parse_reference_when_it_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        parse_reference(text)
    assert "s3cr3t" not in str(caught.value)


@given(st.text(min_size=1).filter(lambda path: "\0" not in path and "://" not in path))
def test_reference_when_it_is_given_any_file(path: str) -> None:
    reference = Reference("gcpkms", GCP, {"ciphertext": "x"})
    try:
        path.encode()
    except UnicodeEncodeError:  # half a surrogate pair is no path of a policy
        return
    assert parse_reference(str(reference.with_file(path))).file == path


@given(st.text())
def test_parse_reference_when_given_anything(text: str) -> None:
    for scheme in ("", "env://", "file://", "awskms://", "gcpkms://", "vault://"):
        try:
            parsed = parse_reference(scheme + text)
        except ValueError:
            continue
        assert parsed.scheme in {"env", "file", "awskms", "gcpkms", "vault"}


def test_resolve_key_takes_files_from_the_folder_of_the_policy() -> None:
    folder = Path("/etc/optin")
    assert resolve_key("file://a.key", folder) == "file:///etc/optin/a.key"
    wrapped = resolve_key(f"awskms://{ARN}?ciphertext=../a&region=eu-west-1", folder)
    assert wrapped == f"awskms://{ARN}?ciphertext=/etc/a&region=eu-west-1"
    for ref in ("env://A", "vault://secret/a#key", "awskms://none"):
        assert resolve_key(ref, folder) == ref


@pytest.mark.parametrize(
    "written",
    [
        "env://OPTIN_TEST_KEY",
        "file://a.key",
        f"awskms://{ARN}?ciphertext=a.key",
        f"gcpkms://{GCP}?ciphertext=a.key",
        "vault://secret/team/optin#key",
        "{ref: vault://secret/team/optin#key, epoch: 2026-11}",
        "{ref: env://OPTIN_TEST_KEY}",
    ],
)
def test_check_takes_every_form_of_a_key(check, good, folder, written):
    policy, findings = check(good.replace(OLD, written))
    assert findings == ()
    assert policy.key.epoch == ("2026-11" if "epoch" in written else None)
    if "a.key" in written:
        assert f"{folder}/a.key" in policy.key.ref


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("{ref: hunter22}", ["E160"]),
        ("{ref: 12345678}", ["E160"]),
        ("{ref: env://A-B}", ["E160"]),
        ("{ref: 'awskms://alias/x'}", ["E160"]),
        ("{epoch: 2026-11}", ["E103"]),
        ("{ref: env://A, epoch: a b}", ["E166"]),
        ("{ref: env://A, epoch: ''}", ["E166"]),
        ("{ref: env://A, epoch: 7}", ["E105"]),
        ("{ref: env://A, hunter22: 7}", ["E101"]),
        ("[env://A]", ["E160"]),
    ],
)
def test_check_locates_what_is_wrong_with_a_key(check, good, written, codes):
    text = good.replace(OLD, written)
    line = 1 + text[: text.index(written)].count("\n")
    policy, findings = check(text)
    assert policy is None
    assert [found.code for found in findings] == codes
    assert findings[0].line == line
    assert not any("hunter22" in found.message for found in findings)


def test_check_takes_join_groups(check, good):
    text = good.replace("purpose:", "join_group: partners\npurpose:")
    text = text.replace("action: hmac,", "action: hmac, join_group: ids,")
    policy, findings = check(text)
    assert findings == ()
    assert (policy.join_group, policy.column("id").join_group) == ("partners", "ids")


def test_check_refuses_a_join_group_that_is_no_name_or_has_no_use(check, good):
    _, findings = check(good.replace("purpose:", "join_group: A B\npurpose:"))
    assert [found.code for found in findings] == ["E111"]
    text = good.replace("type: country,", "type: country, join_group: partners,")
    _, findings = check(text)
    assert [found.code for found in findings] == ["E148"]


def test_digest_counts_epoch_and_join_group_and_not_the_folder(check, good):
    def digest(text: str) -> str:
        policy, findings = check(text)
        assert findings == ()
        return policy_digest(policy)

    plain = digest(good)
    assert digest(good.replace(OLD, f"{{ref: {OLD}}}")) == plain
    first = digest(good.replace(OLD, f"{{ref: {OLD}, epoch: '1'}}"))
    second = digest(good.replace(OLD, f"{{ref: {OLD}, epoch: '2'}}"))
    joined = digest(good.replace("purpose:", "join_group: a\npurpose:"))
    assert len({plain, first, second, joined}) == 4
    kms = good.replace(OLD, "awskms://alias/x?ciphertext={}a.key")
    here, there = digest(kms.replace("{}", "")), digest(kms.replace("{}", "/etc/"))
    assert here == there
