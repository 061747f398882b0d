"""Feeds as they come: profiles on records in the shape that each feed writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.pipelines.training_set import RunOptions, run_policy

POLICY = """\
version: 1
name: feed
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: FORMAT
  path: in/
  event_time: EVENT_TIME
  subject: [SUBJECT]
consent:
  profile: PROFILE
  require: [REQUIRE]
columns:
  - {name: SUBJECT, type: user_id, action: drop}
  - {name: kind, type: category, action: keep, quasi: true}
anonymity: {k: 2, suppress_max: 0.9}
output: {path: out/}
audit: {path: audit/}
"""
ASKED = {"category": "{signal: category, categories: [ads, ml]}"}


def segment(preferences: object) -> dict[str, Any]:
    consent = {"categoryPreferences": preferences}
    context = {} if preferences is None else {"consent": consent}
    return {"timestamp": "2026-05-01T00:00:00Z", "context": context}


def rudder(allowed: object, denied: object) -> dict[str, Any]:
    management = {"allowedConsentIds": allowed, "deniedConsentIds": denied}
    context = {} if allowed is None else {"consentManagement": management}
    return {"originalTimestamp": "2026-05-01T00:00:00Z", "context": context}


def mparticle(ads: object, ml: object, at: int = 1_777_000_000_000) -> dict[str, Any]:
    gdpr = {
        name: {"consented": value, "timestamp_unixtime_ms": at}
        for name, value in (("ads", ads), ("ml", ml))
        if value is not None
    }
    return {
        "data": {"timestamp_unixtime_ms": 1_777_593_600_000},
        "consent_state": {"gdpr": gdpr},
    }


FEEDS: dict[str, tuple[str, str, str, dict[str, Mapping[str, Any]]]] = {
    "segment": (
        "{field: timestamp}",
        "userId",
        ASKED["category"],
        {
            "KEEP": segment({"ads": True, "ml": True, "other": False}),
            "KEEP ": segment({"ml": True, "ads": True}),
            "CATEGORY_DENIED": segment({"ads": True, "ml": False}),
            "CATEGORY_MISSING": segment({"ads": True}),
            "CATEGORY_MISSING ": segment(None),
            "CATEGORY_UNKNOWN_VALUE": segment({"ads": True, "ml": "maybe"}),
        },
    ),
    "rudderstack": (
        "{field: originalTimestamp}",
        "userId",
        ASKED["category"],
        {
            "KEEP": rudder(["ads", "ml"], ["x"]),
            "KEEP ": rudder(["ml", "more", "ads"], []),
            "CATEGORY_MISSING": rudder(["ads", "ML"], []),  # ids mind their case
            "CATEGORY_DENIED": rudder(["ads"], ["ml"]),
            "CATEGORY_DENIED ": rudder(["ads", "ml"], ["ml"]),  # in both
            "CATEGORY_MISSING ": rudder(None, None),
        },
    ),
    "mparticle": (
        "{field: data.timestamp_unixtime_ms, unit: ms}",
        "mpid",
        "{signal: purpose, categories: [ads, ml], max_age: 13mo}",
        {
            "KEEP": mparticle(True, True),
            "KEEP ": mparticle(True, True, 1_777_593_600_000),
            "PURPOSE_DENIED": mparticle(True, False),
            "PURPOSE_MISSING": mparticle(True, None),
            "EXPIRED": mparticle(True, True, 1_700_000_000_000),
            "CONSENT_AFTER_EVENT": mparticle(True, True, 1_777_593_600_001),
        },
    ),
}


@pytest.mark.parametrize("profile", FEEDS)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_feed_gives_the_code_that_each_record_deserves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, kind: str
) -> None:
    monkeypatch.setenv("OPTIN_TEST_KEY", "0123456789abcdef" * 4)
    time, subject, require, cases = FEEDS[profile]
    policy = POLICY.replace("PROFILE", profile).replace("EVENT_TIME", time)
    policy = policy.replace("SUBJECT", subject).replace("REQUIRE", require)
    (tmp_path / "policy.yaml").write_text(policy.replace("FORMAT", kind))
    records = [
        {subject: f"u{number}", "kind": "a", **record}
        for number, record in enumerate(cases.values())
    ]
    (tmp_path / "in").mkdir()
    if kind == "jsonl":
        text = "".join(json.dumps(record) + "\n" for record in records)
        (tmp_path / "in" / "a.jsonl").write_text(text)
    else:
        if profile == "segment":  # a struct column holds one type
            records = [r for r in records if "maybe" not in str(r)]
        pq.write_table(pa.Table.from_pylist(records), tmp_path / "in" / "a.parquet")
    result = run_policy(
        tmp_path / "policy.yaml", RunOptions(as_of="2026-06-01T00:00:00Z")
    )
    expected: dict[str, int] = {}
    for code in cases:
        expected[code.strip()] = expected.get(code.strip(), 0) + 1
    if kind == "parquet" and profile == "segment":
        del expected["CATEGORY_UNKNOWN_VALUE"]
    assert {"KEEP": result.kept, **result.dropped} == expected
    assert result.quarantined.total() == 0
