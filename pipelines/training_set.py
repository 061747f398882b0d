"""From raw events to a published training set: one run, start to end.

Read the steps of `_Run.run` from top to bottom; each is one stage of the picture in the
README. Whatever fails, nothing half-made is left where a reader could find it.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..expectations import (
    Suite,
    load_suite,
    prepare_suite,
)
from ..policies import Policy, load_policy, policy_digest
from ..policies.errors import (
    GateError,
    InputError,
    OptinError,
    PolicyError,
)
from ..policies.model import Anonymity
from ..policies.reasons import KEEP
from ..transforms.blocks import InputReport, ReadSpec, inspect_input
from ..transforms.consent import GatePlan, reasons_of
from ..transforms.consent.bias import bias_report
from ..transforms.deidentify import (
    DeidentifyPlan,
    Secret,
    key_facts,
    policy_key,
    resolve_key,
    resolve_keys,
)
from ..transforms.kanonymity import (
    AnonymityPlan,
    Recoding,
)
from ..transforms.kanonymity.recoding.utility import gate_facts, refuse_loss
from ..transforms.kanonymity.routing import BucketedRecoding
from .attacks import note_attacks
from .audit import check_writable, write_audit, write_result
from .buckets import choose_for, withhold_for
from .consent_ledger import ledger_facts, open_ledger, with_ledger
from .counting import CountingPlan
from .failures import plain_failures
from .measure import MeasureStaged
from .passes import (
    Cleared,
    ClearingPlan,
    limit_records,
    run_clearing_pass,
    run_staging_pass,
)
from .preflight import (
    RunOptions,
    instant_of,
    overridden,
    refuse_overlap,
    require_model,
)
from .residual import note_residual, residual_plan
from .result import RunResult
from .runner import local_workers, runner_flags
from .verify import verify_staged
from .workspace import Workspace

__all__ = ["RunOptions", "run_policy"]

Progress = Callable[[str], None]


def run_policy(
    path: Path, options: RunOptions, progress: Progress = lambda _: None
) -> RunResult:
    """Run a policy file.

    Returns:
        The account. `refused` says why nothing was published; then the audit holds the
        account and no release was touched.

    Raises:
        OptinError: the run could not be evaluated; nothing was written.
    """
    policy = overridden(load_policy(path), options)
    return _Run(policy, options, progress).run()


class _Run:
    """One run of one policy; holds what its steps share."""

    def __init__(self, policy: Policy, options: RunOptions, progress: Progress) -> None:
        self._policy = policy
        self._flags = runner_flags(options.runner_flags)
        self._text_workers = local_workers(self._flags, options.text_workers)
        self._progress = progress
        self._started = time.monotonic()
        self._as_of = instant_of(options.as_of)
        stamp = self._as_of.strftime("%Y%m%dT%H%M%SZ")
        self._result = RunResult(
            run_id=f"{stamp}-{secrets.token_hex(4)}",
            policy=policy.name,
            policy_digest=policy_digest(policy),
            purpose=policy.purpose,
            as_of=self._as_of.isoformat(),
        )

    def run(self) -> RunResult:
        """Go through all stages; publish, or say why not."""
        policy, result = self._policy, self._result
        require_model(policy)
        suite = self._suite()
        plan, report = self._plan()
        refuse_overlap(policy)
        check_writable(policy)
        try:
            with Workspace(policy.output.path, policy.name, result.run_id) as place:
                plan = self._with_ledger(plan, place)
                self._progress(f"reading {report.files} file(s)")
                with plain_failures("reading and clearing"):
                    cleared = run_clearing_pass(plan, place, self._flags)
                write_audit(policy, result, place, report.splits, cleared.read)
                self._account(cleared)
                if cleared.limits is not None:
                    self._progress("limiting the records of each person")
                with plain_failures("limiting the records of each person"):
                    cleared = limit_records(cleared, plan, place, self._flags)
                with plain_failures("choosing the generalisation"):
                    recoding, chosen = self._choose(cleared, place)
                self._progress("writing the staged set and measuring it")
                measure = MeasureStaged.of(policy, suite)
                residual = residual_plan(policy)
                with plain_failures("writing the staged set"):
                    staged = run_staging_pass(
                        cleared,
                        recoding,
                        measure,
                        residual,
                        plan.counting,
                        place,
                        self._flags,
                    )
                note_residual(policy, result, residual, staged.residual)
                verify_staged(policy, result, cleared, recoding, staged, suite)
                target = _heeded_target(policy.anonymity, cleared, chosen)
                note_attacks(policy, result, chosen, recoding, target)
                result.release = place.publish(result.manifest())
        except GateError as refusal:
            result.refused = str(refusal)
        result.seconds = time.monotonic() - self._started
        write_result(policy, result)
        return result

    def _suite(self) -> Suite | None:
        """Load the user's suite and hold it against the columns of the release."""
        if self._policy.expectations is None:
            return None
        suite = load_suite(Path(self._policy.expectations.suite))
        findings = suite.check_columns(self._policy.release_columns)
        if findings:
            raise PolicyError(findings)
        prepare_suite(suite)
        return suite

    def _plan(self) -> tuple[ClearingPlan, InputReport]:
        """Resolve keys, look at the input, and settle everything pass 1 needs."""
        policy = self._policy
        master = self._master()
        keys = resolve_keys(policy)
        self._result.keys = key_facts(policy, keys)
        gate = GatePlan.from_policy(
            policy,
            as_of_micros=int(self._as_of.timestamp() * 1_000_000),
            subject_key=policy_key(policy, master, "optin:subject"),
            record_key=policy_key(policy, master, "optin:record"),
        )
        spec = ReadSpec.from_policy(policy)
        report = inspect_input(spec)
        self._result.warnings += report.warnings
        plan = ClearingPlan(
            read=spec,
            splits=report.splits,
            gate=gate,
            deidentify=DeidentifyPlan.from_policy(policy, keys),
            counting=CountingPlan.from_policy(
                policy, policy_key(policy, master, "optin:contribution")
            ),
            text_workers=self._text_workers,
        )
        return plan, report

    def _with_ledger(self, plan: ClearingPlan, place: Workspace) -> ClearingPlan:
        """Read and check the ledger, and hand it to the gate."""
        policy, result = self._policy, self._result
        if policy.consent.ledger is None:
            return plan
        self._progress("reading the ledger")
        prepared = open_ledger(policy, self._master(), place, self._as_of)
        result.ledger = ledger_facts(prepared)
        if prepared is None:
            result.warnings.append(
                f"consent.ledger {policy.consent.ledger.path}: nothing is there; "
                "withdrawals and erasures were not looked up"
            )
        else:
            result.warnings += prepared.warnings
            if prepared.as_of_micros < plan.gate.as_of_micros:
                result.warnings.append(
                    "consent.ledger: as_of is before the run's instant; decisions in "
                    "between do not count"
                )
        with plain_failures("joining the ledger"):
            gate = with_ledger(
                plan.gate, prepared, plan.read, plan.splits, place, self._flags
            )
        return replace(plan, gate=gate)

    def _master(self) -> Secret:
        """Give the policy's master key."""
        key = self._policy.key
        if key is None:
            message = "the policy names no key:, which pseudonyms and audit need"
            raise OptinError(message)
        return Secret(resolve_key(key.ref))

    def _account(self, cleared: Cleared) -> None:
        """Add pass 1 up; a run that does not add up fails.

        Raises:
            GateError: conservation does not hold, or no record was kept.
        """
        result = self._result
        result.read = sum(entry["records"] for entry in cleared.read.values())
        quarantining = {
            reason.code
            for reason in reasons_of(self._policy.consent)
            if reason.quarantined
        }
        result.quarantined = Counter(cleared.ill_formed)
        for code, count in cleared.decided.items():
            if code == KEEP:
                result.kept = count
            elif code in quarantining:
                result.quarantined[code] += count
            else:
                result.dropped[code] += count
        result.findings = cleared.findings
        result.bias = bias_report(cleared.bias, self._policy.consent.bias.min_records)
        spilled = sum(spill.rows for spill in cleared.spills)
        if not result.conserved or spilled != result.kept:
            message = (
                f"the records do not add up: read {result.read}, kept {result.kept} "
                f"({spilled} staged), dropped {result.dropped.total()}, quarantined "
                f"{result.quarantined.total()}. This is a defect; nothing is published"
            )
            raise GateError(message)
        if result.read == 0:
            message = f"{self._policy.input.path}: the input holds no record"
            raise InputError(message)
        if result.kept == 0:
            message = (
                f"none of {result.read:,} records opted in for {result.purpose}; an "
                f"empty set is never published. Most common: {_commonest(result)}"
            )
            raise GateError(message)

    def _choose(self, cleared: Cleared, place: Workspace) -> tuple[Recoding, Recoding]:
        """Choose the generalisation on the counts; and what it was for k alone."""
        self._progress("choosing the generalisation")
        anonymity = self._policy.anonymity
        plan = AnonymityPlan.from_policy(self._policy)
        recoding = choose_for(cleared, plan, place, self._flags)
        if anonymity.target != _heeded_target(anonymity, cleared, recoding):
            self._result.warnings.append(
                f"anonymity.target {anonymity.target} was not heeded: there are more "
                f"tuples than most_pairs ({anonymity.most_pairs:,}) lets into memory"
            )
        self._gate(recoding, "the chosen recoding")
        if not anonymity.sensitive:
            return recoding, recoding
        kept = withhold_for(
            recoding,
            cleared,
            anonymity.sensitive,
            anonymity.suppress_max,
            plan,
            place,
            self._flags,
        )
        self._gate(kept, "the classes that meet anonymity.sensitive")
        return kept, recoding

    def _gate(self, recoding: Recoding, of: str) -> None:
        """Refuse, before anything is staged, what loses more than the policy allows.

        Raises:
            GateError: it does; the account says by how much.
        """
        gates = self._policy.anonymity.utility
        if not gates.asked:
            return
        lost = (recoding.ncp, recoding.suppressed_share)
        self._result.anonymity["utility"] = gate_facts(gates, *lost)
        local = self._policy.anonymity.recoding == "local"
        refuse_loss(gates, *lost, of, local=local)


def _commonest(result: RunResult) -> str:
    codes = (result.dropped + result.quarantined).most_common(3)
    return ", ".join(f"{code} {count:,}" for code, count in codes)


def _heeded_target(
    anonymity: Anonymity, cleared: Cleared, recoding: Recoding
) -> str | None:
    """Name the training target, if the choice heeded it: buckets do not."""
    if cleared.targets is None or isinstance(recoding, BucketedRecoding):
        return None
    return anonymity.target
