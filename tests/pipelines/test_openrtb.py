"""Real OpenRTB requests through the example policy: counts pinned after a hand check.

The hand check: 177 requests name nobody (no ifa, ifv, user.id or buyeruid, or an
all-zero one). Of the 152 others, 27 say a system for which the policy asks for no grant
and nobody denies, 2 of the rest carry dnt = 1, and 123 are asked for ATT and carry none.
Every ATT status in the file is 0, on requests that name nobody. So nothing opted in, and
the run must refuse to publish an empty set. `openrtb_oracle.py` counts the same by plain
Python over the JSON.
"""

from __future__ import annotations

import runpy
from collections import Counter
from pathlib import Path

import pytest

from optin.pipelines.training_set import RunOptions, run_policy

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "openrtb"
PINNED = {
    "NO_SUBJECT": 177,
    "ATT_MISSING": 123,
    "PURPOSE_NOT_GRANTED": 27,
    "VETO_DNT": 2,
}


def test_openrtb_requests_are_counted_by_code_and_none_is_published(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_KEY", "00" * 32)
    for path in EXAMPLE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    requests = shared_data / "events/openrtb/prebid_server_privacy_requests.jsonl"
    result = run_policy(tmp_path / "policy.yaml", RunOptions(input_path=str(requests)))
    counted = result.dropped + result.quarantined
    oracle = runpy.run_path(str(Path(__file__).with_name("openrtb_oracle.py")))
    assert counted == Counter(PINNED) == oracle["expected_counts"](requests)
    assert counted.total() == result.read == 329
    assert result.kept == 0
    assert result.refused is not None
    assert "empty set" in result.refused
    assert result.release is None
    assert not (tmp_path / "release").exists()
