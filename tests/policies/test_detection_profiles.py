"""Detection profiles in a policy: what they stand for, and what a policy adds."""

from __future__ import annotations

import pyarrow as pa
import pytest

from optin.policies.detection import DETECTION_PROFILES
from optin.transforms.deidentify import TextScanner


@pytest.mark.parametrize("name", ["balanced", "strict"])
def test_profile_fills_entities_and_thresholds(check, good, name):
    policy, findings = check(
        good.replace("  entities: [EMAIL_ADDRESS]", f"  profile: {name}")
    )
    assert findings == ()
    profile = DETECTION_PROFILES[name]
    assert set(profile.entities) < set(policy.pii.entities)
    assert "ORDER_ID" in policy.pii.entities  # of the policy's own recogniser
    assert policy.pii.threshold == profile.threshold


def test_what_a_policy_states_itself_goes_first(check, good):
    more = "  profile: strict\n  threshold: 0.9\n  thresholds: {PHONE_NUMBER: 0.1}"
    policy, findings = check(good.replace("  entities: [EMAIL_ADDRESS]", more))
    assert findings == ()
    assert policy.pii.threshold == 0.9
    assert policy.pii.thresholds["PHONE_NUMBER"] == 0.1


def test_scanner_obeys_profile_allow_list_and_own_recognisers(check, good):
    more = "  profile: strict\n  allow_list: [help@shop.example]"
    policy, _ = check(good.replace("  entities: [EMAIL_ADDRESS]", more))
    texts = [
        "mail jane.doe@corp.example or help@shop.example",
        "order ORD-12345678 by @jane_doe99",
        "nothing to see",
    ]
    scanner = TextScanner(policy.pii)
    out = scanner.redact(pa.array(texts))[0].to_pylist()
    assert "jane.doe" not in out[0]
    assert "help@shop.example" in out[0]
    assert "ORD-12345678" not in out[1]
    assert "jane_doe99" not in out[1]
    assert out[2] == texts[2]
