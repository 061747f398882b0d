"""A policy that asks for everything the consent gate knows, and records held to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from optin.policies import load_policy
from optin.policies.model import Policy
from optin.transforms.blocks import BadRecords, ReadSpec, SplitStats, list_splits
from optin.transforms.blocks.names import RECORD
from optin.transforms.blocks.read import read_split
from optin.transforms.consent import Gate, GatePlan
from optin.transforms.consent.ledger import (
    LedgerPlan,
    ledger_hash_keys,
    prepare_ledger,
)
from optin.transforms.consent.ledger_source import BroadcastLedger
from optin.transforms.consent.plan import ledger_ages

AS_OF_MICROS = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
Change = dict[str, Any]
Decided = tuple[str, list[str]]

POLICY = """\
version: 1
name: table
purpose: train_ai_system.ads
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events.jsonl
  event_time: {field: ts, unit: iso8601}
  subject: [user.id, user.buyeruid, device.ifa, device.ext.ifv]
consent:
  profile: openrtb_2_6
  jurisdiction: {field: device.geo.country}
  signals:
    training:
      field: ext.training
      grant: [true]
      deny: [false]
      time: {field: ext.training_at}
    panel:
      field: ext.panel
      grant: [in]
      deny: [out]
      time: {field: ext.panel_at}
    two: {field: [ext.two, ext.two_old], grant: ["yes"], deny: ["no"]}
  require:
    - {signal: att, when: {device.os: [iOS, iPadOS]}}
    - {signal: training}
    - {signal: panel, max_age: 90d}
    - {signal: two}
    - {signal: survey, field: ext.survey, grant: [agree], deny: [refuse]}
    - {signal: ledger}
  veto:
    - coppa
    - lmt
    - ifa_zero
    - usp
    - gpc
    - {signal: dnt, when: {device.os: Android}}
  minors: {field: ext.age, kind: age_years, min_age: 16}
  rules:
    - name: eea
      when: {device.geo.country: EEA_UK}
      require:
        - {signal: tcf, purposes: [1, 10], vendor: 744, max_age: 13mo}
    - name: us
      when: {device.geo.country: US}
      veto_gpp: [SaleOptOut]
      veto: [{signal: dnt, when: {device.os: tvOS}}]
    - name: elsewhere
      require: [{signal: local, field: ext.local, grant: ["yes"], deny: ["no"]}]
  ledger:
    path: ledger.jsonl
    key: {user.id: user_id, user.buyeruid: buyeruid, device.ifa: ifa, device.ext.ifv: ifv}
    time: {field: at}
columns:
  - {name: user.id, type: user_id, action: drop}
  - {name: device.os, type: category, action: keep, quasi: true}
anonymity: {k: 2, suppress_max: 0.5}
output: {path: out/}
audit: {path: audit/}
"""
GOOD: Change = {
    "ts": "2026-05-15T12:00:00Z",
    "user.id": "u1",
    "user.buyeruid": "b1",
    "device.ifa": "9e13d2bf-e968-4065-b4db-852123b627a9",
    "device.ext.ifv": "v1",
    "device.os": "iOS",
    "device.ext.atts": 3,
    "device.geo.country": "JP",
    "device.lmt": 0,
    "device.dnt": None,
    "regs.coppa": 0,
    "regs.gdpr": None,
    "regs.ext.gdpr": None,
    "regs.us_privacy": None,
    "regs.ext.us_privacy": None,
    "regs.gpc": None,
    "regs.ext.gpc": None,
    "regs.gpp": None,
    "regs.ext.gpp": None,
    "regs.gpp_sid": None,
    "regs.ext.gpp_sid": None,
    "user.consent": None,
    "user.ext.consent": None,
    "ext.training": True,
    "ext.training_at": "2026-05-01T00:00:00Z",
    "ext.panel": "in",
    "ext.panel_at": "2026-04-01T00:00:00Z",
    "ext.two": "yes",
    "ext.two_old": None,
    "ext.survey": "agree",
    "ext.local": "yes",
    "ext.age": 30,
}
LEDGER: list[Change] = [
    {
        "user_id": "u1",
        "decision": "grant",
        "purpose": "train_ai_system.ads",
        "at": "2026-01-01T00:00:00Z",
    }
]


def nested(flat: Change) -> Change:
    record: Change = {}
    for path, value in flat.items():
        *parents, last = path.split(".")
        place = record
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is not None:
            place[last] = value
    return record


class ConsentTable:
    """Decides records as a run does: from files, through the reader and the gate.

    Attributes:
        policy: text of the policy.
        good: a record that passes, column → value; null is absent.
        ledger: decisions with which it passes.
    """

    policy = POLICY
    good = GOOD
    ledger = LEDGER

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def line(self, change: Change) -> str:
        """Write the good record under a change as one line of JSON."""
        return json.dumps(nested({**self.good, **change}))

    def decide(
        self,
        lines: Iterable[str],
        policy: str = POLICY,
        ledger: Iterable[Change] = LEDGER,
    ) -> list[Decided]:
        """Give outcome and codes of every line; codes stand strongest first."""
        files = {"events": [*lines], "ledger": [json.dumps(row) for row in ledger]}
        for name, rows in files.items():
            body = "".join(f"{row}\n" for row in rows)
            (self._folder / f"{name}.jsonl").write_text(body, encoding="utf-8")
        (self._folder / "policy.yaml").write_text(policy, encoding="utf-8")
        loaded = load_policy(self._folder / "policy.yaml")
        plan, spec = self._plan(loaded), ReadSpec.from_policy(loaded)
        gate = Gate(plan)
        found: dict[int, Decided] = {}
        for split in list_splits(spec):
            for item in read_split(spec, split):
                if isinstance(item, BadRecords):
                    ordinals = item.batch.column("record").to_pylist()
                    codes = item.batch.column("code").to_pylist()
                    pairs = zip(ordinals, codes, strict=True)
                    found.update({n: ("quarantine", [code]) for n, code in pairs})
                elif not isinstance(item, SplitStats):
                    found |= decided(gate, plan, item)
        assert len(found) == len(files["events"])
        return [found[n] for n in range(len(found))]

    def check(
        self,
        cases: Iterable[tuple[Change, list[str]]],
        base: Change | None = None,
        **more: Any,
    ) -> None:
        """Hold the good record under each change to its codes; none: it is kept."""
        changes, expected = zip(*cases, strict=True)
        lines = [self.line({**(base or {}), **change}) for change in changes]
        found = [codes for _, codes in self.decide(lines, **more)]
        assert list(enumerate(found)) == list(enumerate(expected))

    def _plan(self, policy: Policy) -> GatePlan:
        secrets = {"subject_key": b"s" * 32, "record_key": b"r" * 32}
        plan = GatePlan.from_policy(policy, as_of_micros=AS_OF_MICROS, **secrets)
        ledger = policy.consent.ledger
        if ledger is None:
            return plan
        prepared = prepare_ledger(
            LedgerPlan(
                format="jsonl",
                path=ledger.path,
                keys=tuple(ledger.keys.items()),
                purpose=policy.purpose,
                hash_keys=ledger_hash_keys(b"a master key of the tests", policy.name),
                time_field=ledger.time.field,
                required=False,
            ),
            str(self._folder),
            AS_OF_MICROS,
        )
        ages = ledger_ages(policy.consent)
        sources = {age: BroadcastLedger(prepared, age) for age in ages}
        return replace(plan, ledger={**sources})


def decided(gate: Gate, plan: GatePlan, block: Any) -> dict[int, Decided]:
    """Give outcome and codes of every record of a block, by its ordinal."""
    result = gate.evaluate(block)
    found: dict[int, Decided] = {}
    ordinals = block.column(RECORD).to_pylist()
    primary = result.primary.tolist()
    for ordinal, mask, first in zip(
        ordinals, result.masks.tolist(), primary, strict=True
    ):
        reasons = [reason for n, reason in enumerate(plan.reasons) if mask >> n & 1]
        assert not reasons or plan.reasons[first] == reasons[0]
        outcome = reasons[0].outcome if reasons else "keep"
        found[ordinal] = (outcome, [reason.code for reason in reasons])
    kept = [ordinal for ordinal in ordinals if not found[ordinal][1]]
    assert result.kept.column(RECORD).to_pylist() == kept
    assert sum(result.counts(plan).values()) == len(ordinals)
    return found


@pytest.fixture
def consent_table(tmp_path: Path) -> ConsentTable:
    """The gate under the policy that asks for everything."""
    return ConsentTable(tmp_path)
