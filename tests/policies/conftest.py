"""A small good policy on disk, and a way to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optin.policies import Finding, Policy, check_policy

GOOD = """\
# A comment first: line numbers count it.
version: 1
name: clicks
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events/*.jsonl
  event_time: {field: ts, unit: ms}
  event_id: id
  subject: [user.id, device.ifa]
consent:
  profile: openrtb_2_6
  signals:
    shop: {field: [ext.shop, ext.shop2], grant: ["Yes", 1], deny: ["No"], case: lower}
  require:
    - signal: att
      when: {device.os: [iOS, iPadOS]}
    - signal: training
      field: ext.training
      grant: [true]
      deny: [false]
    - {signal: shop}
  veto: [coppa, lmt, ifa_zero]
  minors: {field: user.yob, kind: birth_year, min_age: 16}
columns:
  - {name: id, type: event_id, action: hmac, key: file://secrets/id.key}
  - {name: ts, type: timestamp, action: date_shift, max_days: 14, unit: ms}
  - {name: device.ifa, type: advertising_id, action: drop}
  - {name: device.ip, type: ip_address, action: truncate, bits: 24}
  - {name: device.lat, type: latitude, action: round, digits: 1}
  - {name: user.yob, type: birth_year, action: bucket, width: 5, quasi: true, hierarchy: {widths: [10, 20]}}
  - {name: zip, type: postal_code, action: generalize, keep_chars: 3, quasi: true, hierarchy: {prefix: [2, 1]}}
  - {name: country, type: country, action: keep, quasi: true, hierarchy: {table: country.csv}}
  - {name: day, type: date, action: keep, quasi: true, hierarchy: {dates: [month, year]}}
  - {name: query, type: free_text, action: scan}
  - {name: gone, type: string, action: redact, replacement: x}
  - {name: clicked, type: boolean, action: keep}
pii:
  entities: [EMAIL_ADDRESS]
  recognizers:
    - name: order
      supported_entity: ORDER_ID
      patterns: [{name: order, regex: 'ORD-\\d{8}', score: 0.9}]
anonymity: {k: 5, suppress_max: 0.05}
expectations: {suite: suite.json}
output: {path: release/}
quarantine: {path: quarantine/}
audit: {path: audit/, drops: per_record}
"""

Checked = tuple[Policy | None, tuple[Finding, ...]]
Check = Callable[[str], Checked]


@pytest.fixture(scope="session")
def good() -> str:
    """Text of a policy without findings."""
    return GOOD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The policy's folder, with the files that it names."""
    (tmp_path / "suite.json").write_text("{}")
    (tmp_path / "country.csv").write_text("AT;Europe;*\nDE;Europe;*\nJP;Asia;*\n")
    return tmp_path


@pytest.fixture
def check(folder: Path) -> Check:
    """Check a policy's text as a file in `folder`."""

    def run(text: str | bytes) -> Checked:
        path = folder / "policy.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return check_policy(path)

    return run
