"""What a loaded policy holds, what its digest counts, and what is switched on later."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from optin.policies import load_policy, policy_digest


def _load(check, text):
    policy, findings = check(text)
    assert [found for found in findings if found.code.startswith("E")] == []
    return policy


def test_load_resolves_the_signals_that_require_and_veto_name(check, good):
    resolved = _load(check, good).consent.resolved
    assert sorted(resolved) == ["att", "coppa", "ifa_zero", "lmt", "shop", "training"]
    assert resolved["att"].values == {
        "3": "grant",
        "2": "deny",
        "1": "deny",
        "0": "deny",
    }
    assert resolved["training"].values == {"true": "grant", "false": "deny"}
    assert resolved["training"].paths == ("ext.training",)
    assert resolved["coppa"].verdict_reason == "MINOR"
    assert resolved["ifa_zero"].detect == "zero_uuid"


def test_load_lowers_values_when_a_signal_ignores_case(check, good):
    shop = _load(check, good).consent.resolved["shop"]
    assert shop.lower
    assert shop.values == {"yes": "grant", "1": "grant", "no": "deny"}
    assert shop.paths == ("ext.shop", "ext.shop2")


def test_load_prefers_the_policys_own_signal_to_the_profiles(check, good):
    own = '    lmt: {field: ext.lmt, deny: ["on"]}\n    shop: {field'
    lmt = _load(check, good.replace("    shop: {field", own)).consent.resolved["lmt"]
    assert lmt.paths == ("ext.lmt",)
    assert lmt.values == {"on": "deny"}


def test_load_makes_local_paths_absolute_and_leaves_remote_ones(check, good, folder):
    policy = _load(check, good.replace("{path: audit/", "{path: gs://b/audit/"))
    assert policy.input.path == f"{folder}/events/*.jsonl"
    assert policy.output.path == f"{folder}/release/"
    assert policy.quarantine.path == f"{folder}/quarantine/"
    assert policy.audit.path == "gs://b/audit/"
    assert policy.expectations.suite == f"{folder}/suite.json"
    assert policy.column("country").hierarchy.table == f"{folder}/country.csv"
    assert policy.column("id").key.ref == f"file://{folder}/secrets/id.key"
    assert policy.key.ref == "env://OPTIN_TEST_KEY"


def test_load_resolves_paths_from_the_policys_folder_when_called_elsewhere(
    check, good, folder, tmp_path_factory, monkeypatch
):
    _load(check, good)
    monkeypatch.chdir(folder.parent)
    policy = load_policy(Path(folder.name) / "policy.yaml")
    assert policy.output.path == f"{folder}/release/"


def test_load_reads_a_fixed_instant_as_utc(check, good):
    text = good.replace("{field: ts, unit: ms}", "{fixed: 2026-01-31T01:00:00+01:00}")
    fixed = _load(check, text).input.event_time.fixed
    assert fixed == datetime(2026, 1, 31, tzinfo=UTC)
    assert fixed.tzinfo is UTC


def test_load_asks_for_the_entities_of_its_own_recognisers(check, good):
    assert _load(check, good).pii.entities == ("EMAIL_ADDRESS", "ORDER_ID")


def test_load_accepts_a_table_free_minimal_policy(check):
    policy = _load(
        check,
        "{version: 1, name: a, purpose: train_ai_system, key: env://K,\n"
        "input: {format: csv, path: in.csv, event_time: {field: t}, subject: [u]},\n"
        "consent: {require: [{signal: s, field: c, grant: [1]}]},\n"
        "columns: [{name: g, type: gender, action: keep, quasi: true}],\n"
        "anonymity: {k: 2}, output: {path: out}, audit: {path: log}}",
    )
    assert policy.quasi_identifiers == ("g",)
    assert policy.unlisted_columns == "drop"


# Digest -----------------------------------------------------------------------


def _digest(check, text):
    return policy_digest(_load(check, text))


def test_digest_is_the_same_when_only_the_writing_differs(check, good):
    written_otherwise = (
        good.replace("# A comment first: line numbers count it.\n", "\n\n# Other.\n")
        .replace("version: 1\nname: clicks\n", 'name: "clicks"\nversion: 1\n')
        .replace("{k: 5, suppress_max: 0.05}", "{suppress_max:   5.0e-2, k: 5}")
        .replace("width: 5,", "width: 5.0,")
        .replace("  profile:", "  on_unknown: deny\n  profile:")  # the default
    )
    assert written_otherwise != good
    assert _digest(check, written_otherwise) == _digest(check, good)


def test_digest_is_the_same_when_the_folder_is_moved(check, good, folder, tmp_path):
    here = _digest(check, good)
    there = tmp_path / "elsewhere"
    shutil.copytree(
        folder, there, ignore=shutil.ignore_patterns("elsewhere"), dirs_exist_ok=True
    )
    assert policy_digest(load_policy(there / "policy.yaml")) == here


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("k: 5", "k: 6"),
        ("[iOS, iPadOS]", "[iOS]"),
        ("grant: [true]", "grant: [1]"),
        ("width: 5,", "width: 10,"),
        ("OPTIN_TEST_KEY", "OTHER_KEY"),
        ("secrets/id.key", "secrets/other.key"),
        ("action: redact, replacement: x", "action: redact, replacement: z"),
        ("train_ai_system", "marketing"),
        ("openrtb_2_6", "openrtb_2_6\n  on_unknown: quarantine"),
    ],
)
def test_digest_differs_when_a_rule_differs(check, good, old, new):
    text = good.replace(old, new).replace("[10, 20]", "[20, 40]")
    assert _digest(check, text) != _digest(check, good.replace("[10, 20]", "[20, 40]"))


def test_digest_differs_when_a_table_or_suite_differs(check, good, folder):
    first = _digest(check, good)
    (folder / "suite.json").write_text('{"expectations": []}')
    second = _digest(check, good)
    (folder / "country.csv").write_text("AT;West;*\nDE;West;*\nJP;East;*\n")
    assert len({first, second, _digest(check, good)}) == 3


def test_digest_is_sixty_four_hex_digits(check, good):
    policy = _load(check, good)
    assert len(bytes.fromhex(policy_digest(policy))) == 32


# Switches ---------------------------------------------------------------------
