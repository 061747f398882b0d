"""The design's standard for errors: twenty faults, each found in one go."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import optin.policies
from optin.policies import check_policy

POLICIES = Path(optin.policies.__file__).parent

BAD = """\
version: 1
name: mobile_ad_events
purpose: [train_ai_system, marketing]
consent:
  profile: opnrtb_2_6
  on_unknown: allow
  require:
    - signal: att
      whn: {device.os: [iOS]}
    - signal: ads
      field: privacy_info.ads_storage
      grant: [Yes]
      deny: [No]
    - signal: tcf
      purposes: [1, 12]
      max_age: 13m
columns:
  - {name: device.ifa, type: advertising_id, action: hsh}
  - {name: user.yob, type: birth_year, action: bucket}
  - {name: device.ifa, type: advertising_id, action: drop}
  - {name: note, type: free_text, action: scan}
anonymity: {k: 1, quasi_identifiers: [user.yob, zip]}
on_unknown: deny
name: twice
"""

EXPECTED = """\
bad.yaml:1:1: E103 required key 'audit' is missing
bad.yaml:1:1: E103 required key 'input' is missing
bad.yaml:1:1: E103 required key 'output' is missing
bad.yaml:3:10: E110 a policy has exactly one purpose; write one policy per purpose
bad.yaml:5:12: E120 no consent profile 'opnrtb_2_6'. Did you mean 'openrtb_2_6'?
bad.yaml:6:15: E121 on_unknown must be 'deny' or 'quarantine'; unknown consent cannot be allowed
bad.yaml:9:7: E101 unknown key 'whn' in require. Did you mean 'when'?
bad.yaml:12:15: E130 unquoted Yes is a boolean in YAML 1.1; write "Yes" in quotes
bad.yaml:13:14: E130 unquoted No is a boolean in YAML 1.1; write "No" in quotes
bad.yaml:14:7: E132 a tcf rule needs vendor: (your Global Vendor List id); purpose consent alone does not cover you
bad.yaml:15:21: E131 TCF purpose 12 does not exist (1 to 11)
bad.yaml:16:16: E133 '13m': m is ambiguous; write 13mo (months) or 13min
bad.yaml:18:54: E141 unknown action 'hsh'. Known: bucket, date_shift, drop, encrypt, fake, generalize, geohash, hmac, keep, mask, redact, replace, round, scan, time_truncate, truncate. Did you mean 'geohash'?
bad.yaml:19:48: E142 action 'bucket' needs 'width:'
bad.yaml:20:12: E140 column 'device.ifa' is listed twice (first on line 18)
bad.yaml:21:43: E143 action 'scan' needs a pii: block
bad.yaml:22:16: E150 k must be 2 or more; k: 1 protects no one
bad.yaml:22:49: E151 quasi-identifier 'zip' is not in columns
bad.yaml:23:1: E101 unknown key 'on_unknown' in the policy. It belongs in 'consent'.
bad.yaml:24:1: E102 key 'name' is given twice (first on line 2)
"""


def test_check_finds_all_twenty_faults_of_the_bad_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BAD)
    policy, findings = check_policy("bad.yaml")
    assert policy is None
    assert [str(found) for found in findings] == EXPECTED.splitlines()


def test_errors_md_documents_every_code_and_no_other() -> None:
    sources = [*POLICIES.glob("*.py")]
    used = {
        code
        for path in sources
        for code in re.findall(r'"([EW]\d{3})"', path.read_text())
    }
    table = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text()
    documented = re.findall(r"^\| `([EW]\d{3})` \|", table, flags=re.MULTILINE)
    assert sorted(documented) == sorted(used)
