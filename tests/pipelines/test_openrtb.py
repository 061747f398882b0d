"""Real OpenRTB requests through the example policy: counts pinned after a hand check.

The hand check: 177 requests name nobody (no ifa, ifv, user.id or buyeruid, or an
all-zero one), and in one `user.ext` is a number. Of the 151 others, 5 carry dnt = 1 or an
opt-out of sale (2 + 3), 4 a US Privacy string that is none, 8 a TC string of 2021 that
does not list vendor 744, 4 a placeholder where a TC string belongs, 118 are asked for
ATT and carry none, and 12 are under the GDPR, or do not say, without a TC string. Every
ATT status in the file is 0, on requests that name nobody. So nothing opted in, and the
run must refuse to publish an empty set. `openrtb_oracle.py` counts the same by plain
Python over the JSON.
"""

from __future__ import annotations

import json
import runpy
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from optin.pipelines.training_set import RunOptions, run_policy

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "openrtb"
PINNED = {
    "NO_SUBJECT": 177,
    "ATT_MISSING": 118,
    "TCF_MISSING": 12,
    "TCF_VENDOR_DENIED": 8,
    "TCF_MALFORMED": 4,
    "USP_MALFORMED": 4,
    "VETO_USP": 3,
    "VETO_DNT": 2,
    "BAD_TYPE": 1,
}


def all_codes(audit: Path) -> Counter[tuple[str, ...]]:
    """Count the audit lines by all their codes."""
    lines = pq.read_table(audit / "drops").to_pylist()
    quarantine = (audit / "quarantine.jsonl").read_text().splitlines()
    lines += [json.loads(line) for line in quarantine]
    return Counter(tuple(sorted(line.get("codes") or [line["code"]])) for line in lines)


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
    assert all_codes(tmp_path / "audit" / result.run_id) == oracle["expected_lines"](
        requests
    )
    assert result.kept == 0
    assert result.refused is not None
    assert "empty set" in result.refused
    assert result.release is None
    assert not (tmp_path / "release").exists()
