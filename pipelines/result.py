"""What a run did: one value for the table, the audit and the manifest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RunResult"]


@dataclass
class RunResult:
    """The account of one run. It holds counts and names, never a value of a record.

    Attributes:
        run_id: names the run in the audit.
        policy: name of the data set.
        policy_digest: SHA-256 of the policy as meant.
        purpose: the one purpose of the set.
        as_of: the instant the run speaks about, ISO 8601 in UTC.
        keys: which keys the release was made with: ids and epochs, never bytes.
        read: records read, ill-formed ones among them.
        dropped: records dropped by the consent gate, by primary code.
        quarantined: records in quarantine, by primary code.
        kept: records that opted in.
        capped: kept records left out because their person has too many.
        suppressed: kept records left out because their class did not reach k.
        published: rows of the staged (and, if all is well, published) set.
        files: parts of the staged set: name, rows, SHA-256.
        columns: of the staged set, in its order: name and type of each.
        ledger: which ledger the records were held against; null without one.
        bias: who disappeared with those who did not consent (`bias_report`).
        findings: personal data found in scanned text: column → entity → spans.
        residual: what the second detector found in a sample of the staged set: values
            by column and entity, small counts as `<n`.
        anonymity: k asked and reached, classes, NCP, levels, and so on.
        checks: one result per expectation and privacy check.
        not_checked: what nobody looked at, in plain words.
        warnings: what deserves a look.
        refused: why nothing was published; null if the release is in place.
        release: path of the release; null if nothing was published.
        seconds: wall time of the run.
    """

    run_id: str
    policy: str
    policy_digest: str
    purpose: str
    as_of: str
    keys: dict[str, Any] = field(default_factory=dict)
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    capped: int = 0
    suppressed: int = 0
    published: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    columns: list[dict[str, str]] = field(default_factory=list)
    ledger: dict[str, Any] | None = None
    bias: dict[str, Any] = field(default_factory=dict)
    findings: dict[str, dict[str, int]] = field(default_factory=dict)
    residual: dict[str, Any] = field(default_factory=dict)
    anonymity: dict[str, Any] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refused: str | None = None
    release: str | None = None
    seconds: float = 0.0

    @property
    def conserved(self) -> bool:
        """Whether every record read is kept, dropped or quarantined exactly once."""
        return self.read == self.kept + self.dropped.total() + self.quarantined.total()

    def to_json(self) -> dict[str, Any]:
        """Give the account as plain JSON values, for the audit."""
        return {
            **self._facts(),
            "run_id": self.run_id,
            "bias": self.bias,
            "warnings": self.warnings,
            "published": self.published if self.release else 0,
            "refused": self.refused,
            "release": self.release,
            "seconds": round(self.seconds, 3),
        }

    def manifest(self) -> dict[str, Any]:
        """Give the account for the release itself.

        Run id, wall time and warnings, which name places, are left out: the same input,
        policy, ledger and instant give the same bytes.
        """
        return {
            **self._facts(),
            "files": self.files,
            "rows": self.published,
            "signed": False,
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "policy": self.policy,
            "policy_digest": self.policy_digest,
            "purpose": self.purpose,
            "as_of": self.as_of,
            "keys": self.keys,
            "records": {
                "read": self.read,
                "kept": self.kept,
                "dropped": dict(sorted(self.dropped.items())),
                "quarantined": dict(sorted(self.quarantined.items())),
                "capped": self.capped,
                "suppressed": self.suppressed,
            },
            "columns": self.columns,
            "ledger": self.ledger,
            "findings": self.findings,
            "residual": self.residual,
            "anonymity": self.anonymity,
            "checks": self.checks,
            "not_checked": self.not_checked,
        }
